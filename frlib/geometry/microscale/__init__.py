"""Attribute fields on the cloud of one person, and their energies."""
