"""Datasets as streams of rows: formats, checks, digests, tokens and the split. Opens no file."""
