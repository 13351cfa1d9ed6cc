"""Faults on demand, for ``--faults FILE``: the server misbehaves as a real one does, by rules that stand in a file.

``rules`` says what there is, ``reading`` reads the file, ``book`` keeps the rules in force and counts, ``layer`` stands around
the routes and carries the faults out. Without a file nothing of this is mounted.
"""
