"""Requests and tokens a minute, by project and model: what is left, and who has to wait.

Owns the buckets, and the ``x-ratelimit-*`` headers that tell of them. A bucket fills continuously up to its limit, as OpenAI's
do. Used by the event loop alone, and therefore without locks.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ftops.server.access import Project
from ftops.server.errors import ApiError
from ftops.server.settings import RateLimits

# Of each project. Any plain name is a base model's: those that come when there are so many share one bucket.
_MOST_MODELS = 1000
_OTHERS = ""
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


_Pair = tuple[_Bucket, _Bucket]


class RateLimiter:
    """Counts the requests that models answer."""

    def __init__(self, limits: RateLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._buckets: dict[str, dict[str, _Pair]] = {}

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

    def _of(self, project: Project, model: str) -> _Pair:
        now, pairs = self._clock(), self._buckets.setdefault(project.id, {})
        pair = pairs.get(model)
        if pair is None and len(pairs) >= _MOST_MODELS:
            _forget_full(pairs, now)
            if len(pairs) >= _MOST_MODELS:
                model = _OTHERS
                pair = pairs.get(model)
        if pair is None:
            limits = self._limits.requests_per_minute, self._limits.tokens_per_minute
            first, second = (_Bucket(limit=limit, left=limit, at=now) for limit in limits)
            pair = pairs[model] = first, second
        for bucket in pair:
            bucket.fill(now)
        return pair


def _forget_full(pairs: dict[str, _Pair], now: float) -> None:
    """Drops what is full again, and so is as good as new."""
    for model, pair in tuple(pairs.items()):
        for bucket in pair:
            bucket.fill(now)
        if all(bucket.left >= bucket.limit for bucket in pair):
            del pairs[model]


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
