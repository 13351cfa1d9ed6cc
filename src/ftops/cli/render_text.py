"""Plans and outcomes as text, after Terraform's habits: ``+`` create, ``~`` change, ``-`` remove, a line for why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeVar, assert_never

from ftops.application.outcome import Outcome, Step
from ftops.cli.plan_words import WHY, duration_words, lifting, size_words, summary_words, target_text, verb
from ftops.cli.render_changes import change_lines, data_lines
from ftops.cli.render_judgement import VERDICT_COLORS, render_judgement
from ftops.cli.render_notices import notice_lines
from ftops.cli.style import paint, safe
from ftops.domain.events import JobObserved
from ftops.domain.judgement import Verdict
from ftops.domain.plan import (
    Action,
    Adopt,
    Cancel,
    Deferred,
    DeleteFile,
    DeleteModel,
    Evaluate,
    FieldChange,
    Move,
    Plan,
    Promote,
    Refusal,
    Train,
    Upload,
    Withheld,
)
from ftops.errors import FtopsError

_Thing = TypeVar("_Thing", Step, JobObserved, Withheld, Refusal, Deferred, Action)
_TICK: Final = "✓"
_WARNING: Final = "!"
_SIGNS: Final = {"+": "green", "~": "yellow", "-": "red", "<": "cyan", _WARNING: "red", _TICK: "green"}


def render_plan(plan: Plan) -> str:
    """Gives the whole plan; one line where there is nothing to do and nothing to say."""
    return "\n".join([*plan_lines(plan), summary(plan)])


def plan_lines(plan: Plan) -> list[str]:
    """Gives all of a plan but its last line."""
    lines = [paint(f"Caution: {safe(caveat)}", "yellow") for caveat in plan.caveats]
    lines += [""] if lines else []
    for (name, revision, backend), actions in groupby(_by_fine_tune(plan.actions), key=_heading):
        lines += [f"{paint(safe(name), bold=True)}  revision {revision} on {backend}"]
        for action in actions:
            lines += [*_action(action), *change_lines(plan, action)]
        lines.append("")
    lines += _section("Found in the data:", data_lines(plan))
    lines += _section("Deferred:", (_deferred_line(plan) if plan.deferred else ()))
    lines += _section("Withheld by a gate:", (line for entry in plan.withheld for line in _withheld(entry)))
    lines += _section(
        "Refused:",
        (f"  {paint('!', 'red')} {r.fine_tune}: {safe(r.message)}{_lifting(r)}" for r in plan.refusals),
    )
    lines += _section(
        "To be mended:", (f"  {paint('!', 'red')} {b.fine_tune}: {safe(b.message)}" for b in plan.blockers)
    )
    lines += _section("Notices:", (f"  {line}" for line in notice_lines(plan.notices)))
    return lines


def summary(plan: Plan) -> str:
    """Gives the last line: how many of what, and what it would cost."""
    first, colon, rest = summary_words(plan).partition("Plan:")
    return f"{paint('Plan:', bold=True)}{rest}" if colon else first


def render_outcome(outcome: Outcome) -> str:
    """Gives the result table: what became of each fine-tune that something happened to, that waits, or that was left."""
    plan = outcome.plan
    steps, ended, undone = _by_name(outcome.steps), _by_name(outcome.ended_jobs), _by_name(outcome.undone())
    withheld, refusals = _by_name(plan.withheld if plan else ()), _by_name(plan.refusals if plan else ())
    deferred, due = _by_name(plan.deferred if plan else ()), _by_name(outcome.due)
    lines: list[str] = []
    for name in outcome.touched():
        lines.append(paint(safe(name), bold=True))
        did = _done(steps[name], ended[name], is_withheld=name in withheld)
        lines += [f"  {paint(text[0], _SIGNS[text[0]])}{safe(text[1:])}" for text in did]
        lines += [line for step in steps[name] if step.error for line in _failed(step.action, step.error)]
        lines += [line for entry in withheld[name] for line in _withheld(entry, is_under_name=True)]
        lines += [f"  {paint('!', 'red')} refused: {safe(r.message)}{_lifting(r)}" for r in refusals[name]]
        lines += [f"  {paint('…', 'cyan')} {d.what} waits for {d.waits_for}" for d in deferred[name]]
        if left := dict.fromkeys(verb(action) for action in undone[name]):
            lines.append(f"  {paint('…', 'cyan')} not finished: {', '.join(left)}")
        lines += [
            f"  {paint('…', 'cyan')} revision {a.revision} can be trained now: an apply is due" for a in due[name]
        ]
    return "\n".join(lines)


def _failed(action: Action, error: FtopsError) -> Iterator[str]:
    yield f"  {paint('✗', 'red')} {safe(f'{verb(action)}: {error}')}"
    if error.remedy:
        yield f"    {safe(error.remedy)}"


def _done(steps: Sequence[Step], ended: Iterable[JobObserved], *, is_withheld: bool) -> list[str]:
    """Gives what was done, with its sign, in the order in which it belongs: jobs end between training and evaluation."""
    done = [step for step in steps if step.error is None]
    leading = [step for step in done if not isinstance(step.action, Evaluate | Promote)]
    following = [s for s in done if s not in leading and not (is_withheld and isinstance(s.action, Evaluate))]
    return [
        *(f"{_TICK} {verb(step.action)}: {step.said}" for step in leading),
        *(f"{_TICK if event.model else _WARNING} job {event.job} {event.status.value}" for event in ended),
        *(f"{_mark(step)} {verb(step.action)}: {step.said}" for step in following),
    ]


def _by_name(things: Iterable[_Thing]) -> Mapping[str, list[_Thing]]:
    """Sorts by fine-tune, for tables of a thousand."""
    found: defaultdict[str, list[_Thing]] = defaultdict(list)
    for thing in things:
        found[thing.fine_tune].append(thing)
    return found


def _mark(step: Step) -> str:
    """Gives a tick, but to an evaluation that was carried out and whose verdict is not pass a warning."""
    verdict = step.said.partition(":")[0]
    is_good = verdict not in set(Verdict) - {Verdict.PASS}
    return _TICK if is_good or not isinstance(step.action, Evaluate) else _WARNING


def _by_fine_tune(actions: Iterable[Action]) -> list[Action]:
    return sorted(actions, key=_heading)


def _heading(action: Action) -> tuple[str, str, str]:
    return action.fine_tune, action.revision, action.backend


def _action(action: Action) -> Iterator[str]:
    sign, what = _line(action)
    yield f"  {paint(sign, _SIGNS[sign])} {verb(action):<9} {what}"
    yield paint(f"      why: {WHY[action.reason]}", dim=True)
    for change in action.changes:
        yield f"      {_change(change)}"


def _line(action: Action) -> tuple[str, str]:
    match action:
        case Move(former=former):
            return "~", f"{former} → {action.fine_tune}"
        case Adopt(job=job):
            return "<", f"job {job}"
        case Cancel(job=job):
            return "-", f"job {job} of revision {action.revision}"
        case Upload():
            return "+", f"{safe(action.path)}  {action.rows:,} rows, {size_words(action.size)}"
        case Train():
            attempt = f", attempt {action.attempt}" if action.attempt > 1 else ""
            return "+", f"{safe(action.base_model)}{attempt}  {_cost(action)}"
        case Evaluate(checkpoints=among):
            chooses = "" if among is None else f"chooses among {f'{len(among)} ' if among else ''}checkpoints, "
            return (
                "+",
                f"{action.evaluation}  {chooses}at most {action.calls:,} calls, {_cost(action)}{_judged(action)}",
            )
        case Promote(target=None):
            return "-", f"{action.alias}: {target_text(action.was)} → retired"
        case Promote():
            condition = ", if its gates pass" if action.is_conditional else ""
            known = "" if not action.after or not action.is_conditional else condition
            return "~" if action.was else "+", f"{action.alias}: {target_text(action.was)} → {action.revision}{known}"
        case DeleteModel(model=model):
            return "-", f"model {safe(model)} of revision {action.revision}"
        case DeleteFile(file=file):
            return "-", f"file {safe(file)}  {size_words(action.size)}"
        case _:
            assert_never(action)


def _cost(action: Train | Evaluate) -> str:
    estimate = action.estimate
    usd = "cost unknown" if estimate.usd is None else f"${estimate.usd:,.2f}"
    tokens = f"{estimate.tokens:,} tokens" if estimate.tokens is not None else ""
    why = estimate.assumes if estimate.usd is None or not tokens else tokens
    return (f"{usd} ({safe(why)})" if why else usd) + duration_words(estimate.seconds)


def _judged(action: Evaluate) -> str:
    if not action.judged:
        return ""
    return f"; up to {action.judged:,} answers judged" + (", at a cost not counted" if action.estimate.usd else "")


def _change(change: FieldChange) -> str:
    path = safe(change.path)
    if change.old is None:
        return f"{paint('+', 'green')} {path}: {safe(change.new or '')}"
    if change.new is None:
        return f"{paint('-', 'red')} {path}: {safe(change.old)}"
    return f"{paint('~', 'yellow')} {path}: {safe(change.old)} → {safe(change.new)}"


def _section(title: str, lines: Iterable[str]) -> list[str]:
    found = list(lines)
    return [title, *found, ""] if found else []


def _lifting(refusal: Refusal) -> str:
    return f" ({how})" if (how := lifting(refusal)) else ""


def _deferred_line(plan: Plan) -> Iterator[str]:
    for entry in plan.deferred:
        yield f"  {paint('…', 'cyan')} {entry.fine_tune} ({entry.revision}): {entry.what} waits for {entry.waits_for}"


def _withheld(entry: Withheld, *, is_under_name: bool = False) -> Iterator[str]:
    verdict = entry.judgement.verdict
    word = paint(verdict.value, VERDICT_COLORS[verdict]) if verdict else "not measured"
    name = "" if is_under_name else f"{entry.fine_tune}: "
    yield f"  {paint('!', 'red')} {name}{entry.alias} does not move to {entry.revision}: {word}"
    yield from render_judgement(entry.judgement, indent="      ")
