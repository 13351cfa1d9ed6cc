"""Batches: many chat requests in a file, answered in turns. ``queue`` has the thread, ``run`` what it does to one batch."""
