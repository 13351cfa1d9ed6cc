"""What headers say of waits and rates, in all forms that backends use."""

from datetime import UTC, datetime

import pytest

from ftops.adapters.rate_headers import allowance_of, seconds_to_wait
from ftops.ports import Allowance

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "1", "retry-after-ms": "50"}, 0.05),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:20 GMT"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "9" * 50}, None),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT" + " " * 50}, None),
    ],
)
def test_waits(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_to_wait(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [("6ms", 0.006), ("1.2s", 1.2), ("6m0s", 360.0), ("1h2m3s", 3723.0), ("2m", 120.0), ("0s", 0.0), ("15", 15.0)],
)
def test_allowances(reset: str, seconds: float) -> None:
    told = {"limit": "60", "remaining": "59", "reset": reset}
    headers = {f"x-ratelimit-{name}-requests": value for name, value in told.items()}
    assert allowance_of(headers) == Allowance(limit=60, remaining=59, reset=pytest.approx(seconds))


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "many"), ("remaining", ""), ("reset", "later"), ("reset", ""), ("reset", "1" * 50)]
)
def test_what_cannot_be_read_is_as_good_as_absent(name: str, value: str) -> None:
    told = {"limit": "60", "remaining": "59", "reset": "1s"} | {name: value}
    assert allowance_of({f"x-ratelimit-{key}-requests": each for key, each in told.items()}) is None
    assert allowance_of({}) is None
