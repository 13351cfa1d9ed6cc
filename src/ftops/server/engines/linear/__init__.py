"""Engine ``linear``: a softmax policy over hashed n-grams, trained with SFT, DPO and reinforcement.

Owns what happens between validated rows and answers: reading rows, features, learning, weights, answering. It knows nothing of
HTTP, jobs, files or any other part of ftops. Everything is deterministic: own hashes, seeded shuffles, and sums that don't
depend on the number of threads.
"""

from ftops.server.engines.linear.engine import LinearEngine

__all__ = ["LinearEngine"]
