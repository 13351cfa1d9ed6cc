"""How rows become requests, answers become scores, and scores become verdicts. Pure: it calls no model and reads no file."""
