"""What a person is asked before a plan is carried out: how many jobs where, for how much, and what is lost for good."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ftops.cli.render_prune import counted
from ftops.domain.plan import Adopt, Cancel, DeleteFile, DeleteModel, Evaluate, Move, Plan, Promote, Train


def question_of(plan: Plan, *, only_prunes: bool) -> str:
    """Gives the question, in the order in which it matters: money first, and last what can't be had back."""
    lost = counted(plan)
    if only_prunes:
        return f"Delete {lost} for good{_where_lost(plan)}?"
    cost = "at unknown cost" if plan.cost_usd is None else f"for about ${plan.cost_usd:,.2f}"
    parts = [*_parts(plan)]
    text = _listed(parts) or "Carry this out"
    return f"{text[0].upper()}{text[1:]}, {cost}" + (
        f", and delete {lost} for good{_where_lost(plan)}?" if lost else "?"
    )


def needs_typing(plan: Plan) -> bool:
    """Whether a plan deletes models: no backend gives one back, and training again makes another."""
    return plan.count(DeleteModel) > 0


def _parts(plan: Plan) -> Iterator[str]:
    jobs = Counter(action.backend for action in plan.actions if isinstance(action, Train))
    if jobs:
        yield "start " + _listed([f"{_count(number, 'job')} on {name}" for name, number in sorted(jobs.items())])
    if calls := sum(action.calls for action in plan.actions if isinstance(action, Evaluate)):
        yield f"make up to {_count(calls, 'call')}"
    moved = [action for action in plan.actions if isinstance(action, Promote)]
    if to := [action for action in moved if action.target is not None]:
        yield f"move {_count(len(to), 'alias', 'aliases')}"
    if retired := len(moved) - len(to):
        yield f"retire {_count(retired, 'alias', 'aliases')}"
    for kind, verb, what in ((Adopt, "adopt", "job"), (Cancel, "cancel", "job"), (Move, "rename", "fine-tune")):
        if number := plan.count(kind):
            yield f"{verb} {_count(number, what)}"


def _where_lost(plan: Plan) -> str:
    where = sorted({action.backend for action in plan.actions if isinstance(action, DeleteModel | DeleteFile)})
    return f" on {_listed(where)}" if where else ""


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _count(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"
