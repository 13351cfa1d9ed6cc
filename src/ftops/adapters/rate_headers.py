"""What a backend's headers say of how fast it may be asked: ``Retry-After`` and ``x-ratelimit-*``.

Owns reading them. They are foreign: what can't be read is as good as absent.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from ftops.ports import Allowance

# OpenAI's durations: 6ms, 1.2s, 6m0s, 1h2m3s.
_DURATION: Final = re.compile(
    r"(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?"
)
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST: Final = 40


def seconds_to_wait(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Gives for how long a backend asks to wait: ``retry-after-ms``, else ``Retry-After`` in seconds or as a date (RFC 9110).

    A date is counted from the answer's own ``Date`` where it has one, as clocks differ, else from ``now``. Never negative.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    told = headers.get("retry-after")
    seconds = _number(told)
    if seconds is not None or told is None:
        return seconds
    until = _moment(told)
    if until is None:
        return None
    at = _moment(headers.get("date")) or now or datetime.now(UTC)
    return max(0.0, (until - at).total_seconds())


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """Gives what ``x-ratelimit-{limit,remaining,reset}-requests`` say, None where one of them is absent or unreadable."""
    limit = _number(headers.get("x-ratelimit-limit-requests"))
    remaining = _number(headers.get("x-ratelimit-remaining-requests"))
    reset = _duration(headers.get("x-ratelimit-reset-requests"))
    if limit is None or remaining is None or reset is None:
        return None
    return Allowance(limit=int(limit), remaining=int(remaining), reset=reset)


def _number(text: str | None) -> float | None:
    if text is None or len(text) > _LONGEST:
        return None
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _duration(text: str | None) -> float | None:
    bare = _number(text)
    if bare is not None or text is None or len(text) > _LONGEST:
        return bare
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        return None
    return sum(float(value) * _UNITS[unit] for unit, value in found.groupdict().items() if value)


def _moment(text: str | None) -> datetime | None:
    if text is None or len(text) > _LONGEST:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
