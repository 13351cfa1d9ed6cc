"""What ftops knows and decides: manifests, ledger records, state, plans. Pure: no I/O, no clock, no randomness, no logging.

Takes values and returns values; the time and every id are arguments. Imports nothing of ftops but itself.
"""
