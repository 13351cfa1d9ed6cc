"""OpenAI's graders over plain values, for whoever has answers to score: the server's jobs and routes, and evaluations.

Pure: it reads declarations, fills in templates and computes scores. Models that judge, and models that embed, are functions
that the caller hands in. It imports nothing of ftops but itself.
"""
