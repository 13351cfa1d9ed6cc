"""What the format has and this version doesn't do: refused in words, never ignored.

Owns that list, and nothing else; a line goes when its feature comes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from ftops.adapters.yaml_documents import child
from ftops.domain.foreign_text import visible

_Steps = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The value at ``path`` must be one of ``supported``; ``*`` in a path stands for any key or index.

    A value that is absent is never refused. ``says`` is what to write instead.
    """

    path: tuple[str, ...]
    supported: tuple[Any, ...]
    says: str


_GRADERS: Final = ("string_check", "text_similarity")
_METRICS: Final = ("mean", "pass_rate", "accuracy")

PROJECT_LIMITS: Final = (Limit(path=("spec", "ledger", "outputs"), supported=("local",), says="only local"),)

UNSUPPORTED: Final = (
    Limit(path=("spec", "policy", "checkpoints"), supported=("last",), says="only last"),
    Limit(path=("spec", "evals", "*", "grader", "type"), supported=_GRADERS, says=f"only {' and '.join(_GRADERS)}"),
    Limit(
        path=("spec", "evals", "*", "grader", "evaluation_metric"),
        supported=("fuzzy_match",),
        says="only fuzzy_match",
    ),
    Limit(path=("spec", "evals", "*", "repeats"), supported=(1,), says="only 1"),
    Limit(path=("spec", "evals", "*", "cluster_by"), supported=(), says="leave it out"),
    Limit(path=("spec", "evals", "*", "select"), supported=(False,), says="only false"),
    Limit(path=("spec", "evals", "*", "gate", "metric"), supported=_METRICS, says=f"only {', '.join(_METRICS)}"),
    Limit(path=("spec", "evals", "*", "gate", "*", "metric"), supported=_METRICS, says=f"only {', '.join(_METRICS)}"),
)


def unsupported_values(value: Any, limits: Sequence[Limit] = UNSUPPORTED) -> Iterator[tuple[str, str]]:
    """Gives each unsupported value of a valid document as (JSON pointer, what to say)."""
    for limit in limits:
        for steps, found in _values_at(value, limit.path):
            if found not in limit.supported:
                pointer = reduce(child, steps, "")
                where = ".".join(step for step in steps if isinstance(step, str) and step != "spec")
                said = f": {visible(str(found).lower() if isinstance(found, bool) else str(found))}"
                yield pointer, f"{where}{said} is not supported by this version; {limit.says}"


def _values_at(value: Any, path: tuple[str, ...]) -> list[tuple[_Steps, Any]]:
    """Gives what stands at a path, with the keys and indices that lead there."""
    found: list[tuple[_Steps, Any]] = [((), value)]
    for head in path:
        if head == "*":
            found = [
                ((*steps, index), item) for steps, at in found if isinstance(at, list) for index, item in enumerate(at)
            ]
        else:
            found = [((*steps, head), at[head]) for steps, at in found if isinstance(at, dict) and head in at]
        if not found:
            break
    return found
