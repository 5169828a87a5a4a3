"""One HTML page on a face network, or on embeddings: ``python -m frlib.report``.

``python -m frlib.report NAME-or-file.onnx`` shows faces drawn from parameters to a network, one of ours or the reader's
own, and compares it with the default networks. ``python -m frlib.report embeddings.npy labels.csv`` reads embeddings
that were computed elsewhere.
"""
