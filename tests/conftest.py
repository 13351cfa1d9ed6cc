"""Makes ``fakes`` and its like importable from every test: pytest puts this folder on the path."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the tests that take minutes, those with a timeout of their own: a worker that came to one last would
    keep the others waiting."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
