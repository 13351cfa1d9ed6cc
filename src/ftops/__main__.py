"""``python -m ftops``."""

from ftops.cli.main import main

main()
