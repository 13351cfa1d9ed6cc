"""The process in which python graders run: a keeper behind walls, and a child of it for each item.

A program of its own: it imports nothing of ftops and nothing but the standard library, so that nothing of ftops (keys,
prompts, the project) is ever in its memory. ``adapters.grader_cell`` starts it and talks to it by ``wire``.
"""
