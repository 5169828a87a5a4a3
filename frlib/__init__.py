"""Geometry of face embedding spaces.

Data flows one way: drawings of ``faces`` go through ``models`` and become ``clouds``, ``geometry`` turns clouds into
tables, ``view`` draws them. A sub-package imports only from the floors below it.
"""

__version__ = "0.1.0"
