"""Makes ``fakes`` and its like importable from every test: pytest puts this folder on the path."""
