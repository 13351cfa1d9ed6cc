"""Makes ``fakes`` and its like importable from every test: pytest puts this folder on the path."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes tells of the machine, not of ftops.
settings.register_profile("ftops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ftops")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the tests that take minutes, those with a timeout of their own: a worker that came to one last would
    keep the others waiting."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)
