"""One HTML page on a face network, on embeddings, or on photographs: ``python -m frlib.report``.

``python -m frlib.report NAME-or-file.onnx`` shows faces drawn from parameters to a network, one of ours or the reader's
own, and compares it with the default networks. ``python -m frlib.report embeddings.npy labels.csv`` reads embeddings
that were computed elsewhere, ``python -m frlib.report PHOTOS/`` photographs in a folder with one sub-folder per person.
"""
