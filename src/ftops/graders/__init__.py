"""Graders over plain values, for whoever has answers to score: OpenAI's for the server's jobs and routes, and with those that
ftops adds for evaluations.

Pure: it reads declarations, fills in templates and computes scores. Models that judge, and models that embed, are functions
that the caller hands in. It imports nothing of ftops but itself.
"""
