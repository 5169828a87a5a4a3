"""Faults, planted on purpose: each must be survived, or refused with an error that names what to do.

``python -m tests.faults`` plants the quick ones, prints a line for each and a total, and ends with status 1 unless all
held. ``--all`` plants the slow ones too. The modules beside this one hold the faults, a kind in each.
"""
