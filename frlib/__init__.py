"""Geometry of face embedding spaces.

Data flows one way: ``faces`` -> ``models`` -> ``geometry`` -> ``view``. A sub-package imports only from those
before it in that line.
"""

__version__ = "0.1.0"
