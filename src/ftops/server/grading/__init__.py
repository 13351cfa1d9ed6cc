"""Grading with this server's own models: for those who try a grader out, and for jobs by reinforcement."""
