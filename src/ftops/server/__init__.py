"""The OpenAI-compatible server, which really trains. Imports no other layer of ftops, and none imports it: they talk HTTP."""
