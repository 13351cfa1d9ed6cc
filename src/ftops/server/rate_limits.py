"""Requests and tokens a minute, by project and model: what is left, and who has to wait.

Owns the buckets, and the ``x-ratelimit-*`` headers that tell of them. A bucket fills continuously up to its limit, as OpenAI's
do. Used by the event loop alone, and therefore without locks.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ftops.server.access import Project
from ftops.server.errors import ApiError
from ftops.server.settings import RateLimits

_MOST_MODELS = 10_000
_MINUTE = 60.0


@dataclass(slots=True)
class _Bucket:
    """What is left of a limit. ``left`` was true at ``at``, and grows by ``limit`` a minute."""

    limit: int
    left: float
    at: float

    def fill(self, now: float) -> None:
        self.left = min(self.limit, self.left + (now - self.at) * self.limit / _MINUTE)
        self.at = now

    def seconds_until(self, wanted: float) -> float:
        return max(0.0, (wanted - self.left) * _MINUTE / self.limit)


class RateLimiter:
    """Counts the requests that models answer."""

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[_Bucket, _Bucket]] = OrderedDict()

    def take(self, project: Project, model: str, *, tokens: int) -> Mapping[str, str]:
        """Counts a request of about so many tokens; gives the headers of its answer, or raises ``ApiError`` 429."""
        requests, held = self._of(project, model)
        if requests.left < 1:
            raise _exceeded(project, model, requests, 1, kind="requests", headers=_headers(requests, held))
        # A request larger than the whole limit would wait for ever: it goes through when the bucket is full.
        wanted = min(tokens, held.limit)
        if held.left < wanted:
            raise _exceeded(project, model, held, wanted, kind="tokens", headers=_headers(requests, held))
        requests.left -= 1
        held.left -= wanted
        return _headers(requests, held)

    def _of(self, project: Project, model: str) -> tuple[_Bucket, _Bucket]:
        now, key = self._clock(), (project.id, model)
        pair = self._buckets.get(key)
        if pair is None:
            limits = self._limits.requests_per_minute, self._limits.tokens_per_minute
            first, second = (_Bucket(limit=limit, left=limit, at=now) for limit in limits)
            pair = self._buckets[key] = first, second
            while len(self._buckets) > _MOST_MODELS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        for bucket in pair:
            bucket.fill(now)
        return pair


def request_tokens(body: bytes, *, max_tokens: int | None, n: int) -> int:
    """About how many tokens a request may take: a quarter of its length, and what its answers may have."""
    return len(body) // 4 + n * (max_tokens or 16)


def _headers(requests: _Bucket, held: _Bucket) -> Mapping[str, str]:
    return {
        "x-ratelimit-limit-requests": str(requests.limit),
        "x-ratelimit-limit-tokens": str(held.limit),
        "x-ratelimit-remaining-requests": str(math.floor(requests.left)),
        "x-ratelimit-remaining-tokens": str(math.floor(held.left)),
        "x-ratelimit-reset-requests": _duration(requests.seconds_until(requests.limit)),
        "x-ratelimit-reset-tokens": _duration(held.seconds_until(held.limit)),
    }


def _exceeded(
    project: Project, model: str, bucket: _Bucket, wanted: float, *, kind: str, headers: Mapping[str, str]
) -> ApiError:
    seconds = round(bucket.seconds_until(wanted), 6)  # sums of fractions: 10.000000000000002 is 10
    unit = {"requests": "requests per min (RPM)", "tokens": "tokens per min (TPM)"}[kind]
    used = bucket.limit - math.floor(bucket.left)
    return ApiError(
        f"Rate limit reached for {model[:256]} in organization {project.organization} on {unit}: Limit {bucket.limit}, "
        f"Used {used}, Requested {wanted}. Please try again in {_duration(seconds)}.",
        status=429,
        kind=kind,
        code="rate_limit_exceeded",
        headers={**headers, "retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(seconds * 1000))},
    )


def _duration(seconds: float) -> str:
    """Like OpenAI's: ``0s``, ``6ms``, ``1.2s``, ``6m0s``."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms" if seconds > 0 else "0s"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
