"""What conditions came to before, so that intervals which take seconds to resample are not resampled in each run.

Owns the key: it stands for everything that a verdict rests on, so that what is known is what judging would say again. Whoever
keeps verdicts from run to run drops them when the code that judges changes.
"""

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from ftops.domain.judgement import ConditionResult, Verdict
from ftops.domain.manifest import Condition


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """What a condition came to, as ``ConditionResult`` has it: all but the condition itself and whom it was compared with."""

    verdict: Verdict
    observed: float | None
    low: float | None
    high: float | None
    threshold: float
    n: int
    needed_n: int | None
    mcnemar_p: float | None
    sentence: str


class KnownVerdicts(Protocol):
    """What conditions came to, under the keys that ``judge_once`` makes."""

    def get(self, key: str, /) -> Judged | None:
        """Gives what is known; None where nothing is."""
        ...

    def __setitem__(self, key: str, judged: Judged, /) -> None:
        """Remembers what a condition came to."""
        ...


class NotJudged(Exception):
    """Nobody has judged this here yet, and it is not to be judged now."""


class Recalled:
    """What is known and nothing else: for who must not take the time to judge."""

    def __init__(self, known: KnownVerdicts) -> None:
        self._known = known

    def get(self, key: str, /) -> Judged | None:
        """Gives what is known. Raises NotJudged where nothing is."""
        judged = self._known.get(key)
        if judged is None:
            raise NotJudged(key)
        return judged

    def __setitem__(self, key: str, judged: Judged, /) -> None:
        """Remembers what a condition came to."""
        self._known[key] = judged


def judge_once(
    known: KnownVerdicts, condition: Condition, judge: Callable[[], ConditionResult], *, by: tuple[object, ...]
) -> ConditionResult:
    """Gives what ``judge`` gives of a condition, without asking it where that is known.

    ``by`` is all else that the result depends on: scores, readings, seed.
    """
    key = hashlib.sha256(msgspec.msgpack.encode((condition, by))).hexdigest()
    judged = known.get(key)
    if judged is not None:
        return ConditionResult(condition=condition, **msgspec.structs.asdict(judged))
    result = judge()
    known[key] = Judged(*(getattr(result, name) for name in Judged.__struct_fields__))
    return result
