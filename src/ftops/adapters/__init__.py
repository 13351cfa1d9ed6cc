"""How ftops talks to the world: git, YAML, the ``openai`` SDK, the embedded server's process, files. Decides nothing."""
