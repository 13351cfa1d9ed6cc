"""What reviewers approved, and whether a plan made later goes beyond it.

A reviewer saw plans: of each fine-tune on its backend, kinds of action and a cost. A plan made later may do less, and what
follows from what was approved; it may not do another kind of thing, nor cost over a tenth more. Compared is fine-tune by
fine-tune, so that what one no longer needs pays for no other one. Which revision is trained is not compared: the manifests
were reviewed as files.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, assert_never

from ftops.domain.manifest import BackendName, FineTuneName
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Move,
    Plan,
    Promote,
    Reason,
    Train,
    Upload,
    kind_of,
)

# How much dearer than approved a fine-tune may have become: its data grew by a row, say.
TOLERANCE: Final = 1.10
_PAID: Final = frozenset({"train", "evaluate"})
_DELETIONS: Final = frozenset({"delete_model", "delete_file"})

_Subject = tuple[FineTuneName, BackendName]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was seen of one fine-tune on one backend.

    ``words`` are kinds of action; a promotion's names its alias, a deletion's is its id, as what is gone is gone.
    ``usd`` is what its trainings and evaluations were to cost, None where that was unknown. ``is_deferred``: something waited.
    """

    words: frozenset[str] = frozenset()
    usd: float | None = 0.0
    is_deferred: bool = False

    def joined(self, other: "Seen") -> "Seen":
        """What either of two approvals allows; the dearer cost, as one of them was approved at that."""
        usd = None if self.usd is None or other.usd is None else max(self.usd, other.usd)
        return Seen(words=self.words | other.words, usd=usd, is_deferred=self.is_deferred or other.is_deferred)

    @property
    def _is_underway(self) -> bool:
        """Whether a job was known when the plan was approved: running, or found and about to be recorded."""
        return self.is_deferred or "adopt" in self.words

    def covers(self, action: Action) -> bool:
        """Whether an action was approved, or follows from what was."""
        if _word(action) in self.words:
            return True
        match action:
            case Adopt():
                # Recording a job that is there already starts nothing, and a run that was killed leaves one behind.
                return True
            case Train(reason=reason, takes_over=intent):
                return self._is_underway and (reason is Reason.TRANSIENT_FAILURE or intent is not None)
            case Upload() | Evaluate():
                return "train" in self.words or self._is_underway
            case Promote():
                # A job that ran had no promotion in the plan yet.
                return self._is_underway
            case Move() | Cancel() | DeleteModel() | DeleteFile():
                return False
            case _:
                assert_never(action)


_NOTHING: Final = Seen()


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """All that reviewers saw, in one plan or in several that were approved one after the other, and of which projects."""

    seen: Mapping[_Subject, Seen] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plans: Iterable[Mapping[str, Any]]) -> Self:
        """Reads it from saved plans: JSON that fits ``schemas/plan.v1.json``."""
        seen: dict[_Subject, Seen] = {}
        projects = set()
        for plan in plans:
            projects.add(str(plan["project"]))
            for subject, one in _read(plan).items():
                seen[subject] = seen.get(subject, _NOTHING).joined(one)
        return cls(seen=seen, projects=frozenset(projects))

    def covers(self, action: Action) -> bool:
        """Whether an action was approved, or follows from what was."""
        return self._seen(action).covers(action)

    def excess(self, plan: Plan) -> tuple[str, ...]:
        """Says in words what of a plan goes beyond what was approved: kinds of action first, then costs; nothing is fine."""
        return (*self.unseen(plan), *self._dearer(plan))

    def unseen(self, plan: Plan) -> tuple[str, ...]:
        """Says in words which kinds of action in a plan nobody approved."""
        return tuple(dict.fromkeys(f"to {_in_words(a)}" for a in plan.actions if not self.covers(a)))

    def _dearer(self, plan: Plan) -> Iterable[str]:
        now: dict[_Subject, list[float | None]] = {}
        for action in plan.actions:
            # What follows without having been in the plan had no price that anybody could approve.
            if isinstance(action, Train | Evaluate) and _word(action) in self._seen(action).words:
                now.setdefault((action.fine_tune, action.backend), []).append(action.estimate.usd)
        for (name, backend), costs in sorted(now.items()):
            before, usd = self.seen[name, backend].usd, _sum(costs)
            if before is not None and (usd is None or usd > before * TOLERANCE):
                yield f"{name} on {backend} would cost {_dollars(usd)} instead of {_dollars(before)}"

    def _seen(self, action: Action) -> Seen:
        return self.seen.get((action.fine_tune, action.backend), _NOTHING)


def _read(plan: Mapping[str, Any]) -> dict[_Subject, Seen]:
    words: dict[_Subject, set[str]] = {}
    costs: dict[_Subject, list[float | None]] = {}
    for action in plan["actions"]:
        subject = _subject(action)
        words.setdefault(subject, set()).add(_approved_word(action))
        if action["kind"] in _PAID:
            costs.setdefault(subject, []).append(action["estimate"]["usd"])
    deferred = {_subject(entry) for entry in plan["deferred"]}
    return {
        subject: Seen(
            words=frozenset(words.get(subject, ())),
            usd=_sum(costs.get(subject, ())),
            is_deferred=subject in deferred,
        )
        for subject in {*words, *deferred}
    }


def _subject(entry: Mapping[str, Any]) -> _Subject:
    return FineTuneName(entry["fine_tune"]), BackendName(entry["backend"])


def _approved_word(action: Mapping[str, Any]) -> str:
    kind = str(action["kind"])
    if kind in _DELETIONS:
        return str(action["id"])
    if kind == "promote":
        return _alias_word(action["alias"], is_retired=action["target"] is None)
    return kind


def _word(action: Action) -> str:
    match action:
        case DeleteModel() | DeleteFile():
            return action.id
        case Promote(alias=alias, target=target):
            return _alias_word(alias, is_retired=target is None)
        case _:
            return kind_of(action)


def _alias_word(alias: str, *, is_retired: bool) -> str:
    return f"retire alias {alias}" if is_retired else f"promote to {alias}"


def _in_words(action: Action) -> str:
    what = kind_of(action).replace("_", " a ") if isinstance(action, DeleteModel | DeleteFile) else _word(action)
    return f"{what}: {action.fine_tune} on {action.backend}"


def _sum(costs: Iterable[float | None]) -> float | None:
    known = tuple(costs)
    return None if None in known else sum(cost for cost in known if cost is not None)


def _dollars(usd: float | None) -> str:
    """With as many digits as tell small costs apart."""
    if usd is None:
        return "an unknown amount"
    return f"${usd:,.2f}" if usd == 0 or usd >= 1 else f"${usd:,.4f}"
