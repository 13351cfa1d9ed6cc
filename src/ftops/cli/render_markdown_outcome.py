"""What an apply came to, as Markdown: gate results, promoted aliases, what failed and what waits.

Owns the page of an outcome. What was planned is ``render_markdown``'s.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ftops.application.outcome import ExitCode
from ftops.cli.markdown_alerts import SIGNS, alert, refused, stays_back, verdict_words, waits
from ftops.cli.markdown_page import Item, Page, Section, row, table
from ftops.cli.markdown_text import cell, code, html_code, prose, prose_cell
from ftops.cli.outcome_file import SavedJob, SavedOutcome, SavedStep
from ftops.cli.plan_words import verb
from ftops.cli.render_judgement import in_words, measured_words
from ftops.domain.judgement import EvalJudgement, Verdict
from ftops.domain.plan import DeleteFile, DeleteModel, Evaluate, Promote

_MEANING: Final = {
    ExitCode.DONE: "All is done.",
    ExitCode.FAILED: "Something failed.",
    ExitCode.INVALID: "Manifests have to be mended.",
    ExitCode.CHANGES_PENDING: "There is something to do.",
    ExitCode.GATE_NOT_PASSED: "A gate did not pass.",
    ExitCode.REFUSED: "A guard refused.",
    ExitCode.STALE: "It no longer fits: plan anew.",
    ExitCode.JOB_FAILED: "A job failed.",
    ExitCode.STILL_RUNNING: "Jobs still run.",
    ExitCode.UNAUTHORIZED: "A key or a permission is wanting.",
    ExitCode.INTERRUPTED: "It was interrupted.",
}


def outcome_page(outcome: SavedOutcome) -> Page:
    """Gives what became of an apply as a page that can be cut. Every line begins with text of ours."""
    remaining = outcome.remaining
    told = [judgement for _, judgement in outcome.judgements]
    boxes = (*refused(remaining), stays_back(remaining, told_below=told)) if remaining else ()
    waiting = (waits(remaining, outcome.due),) if remaining else ()
    at = f" at {code(remaining.commit[:12])}" if remaining and remaining.commit else ""
    return Page(
        title=f"### {outcome_summary(outcome)}",
        below=(f"Project {code(outcome.project)}{at}, exit code {int(outcome.code)}",),
        sections=(_failures(outcome), *boxes, *waiting, _aliases(outcome), _gates(outcome), _details(outcome)),
    )


def outcome_summary(outcome: SavedOutcome) -> str:
    """Gives one line: how many of what, and what the exit code means."""
    done = [step.action for step in outcome.steps if step.error is None]
    counts = (
        (sum(job.model is not None for job in outcome.ended_jobs), "trained"),
        (sum(isinstance(action, Evaluate) for action in done), "evaluated"),
        (sum(isinstance(action, Promote) for action in done), "promoted"),
        (sum(isinstance(action, DeleteModel | DeleteFile) for action in done), "deleted"),
        (len(outcome.remaining.withheld) if outcome.remaining else 0, "withheld"),
        (sum(step.error is not None for step in outcome.steps), "failed"),
    )
    said = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "nothing done"
    return f"Apply: {said}. {_MEANING[outcome.code]}"


def _failures(outcome: SavedOutcome) -> Section:
    items = [
        Item(fine_tune=step.action.fine_tune, lines=tuple(_failure(step)))
        for step in outcome.steps
        if step.error is not None
    ]
    items += [
        Item(fine_tune=job.fine_tune, lines=(f"{code(job.fine_tune)}: job {code(job.job)} {prose(job.status)}",))
        for job in outcome.ended_jobs
        if job.model is None
    ]
    if outcome.stopped_by is not None:
        lines = (f"The run ended: {prose(outcome.stopped_by)}", *_mended_by(outcome.remedy))
        items.append(Item(fine_tune=None, lines=lines))
    return alert("CAUTION", "Failed", items)


def _failure(step: SavedStep) -> Iterator[str]:
    yield f"{code(step.action.fine_tune)}: {verb(step.action)}: {prose(step.error or '')}"
    yield from _mended_by(step.remedy)


def _mended_by(remedy: str | None) -> Iterator[str]:
    if remedy:
        yield f"→ {prose(remedy)}"


def _aliases(outcome: SavedOutcome) -> Section:
    """Which aliases moved, and the model ids that applications get from now on."""
    done = (step.action for step in outcome.steps if step.error is None)
    moved = [action for action in done if isinstance(action, Promote)]
    items = []
    for action in sorted(moved, key=lambda one: (one.fine_tune, one.alias)):
        name, target = cell(f"{action.fine_tune}@{action.alias}"), action.target
        was = cell(action.was.revision) if action.was else "–"
        now = (cell(target.model), cell(target.revision)) if target else ("retired", "–")
        items.append(Item(fine_tune=action.fine_tune, lines=(row(name, *now, was),)))
    head = table(("Alias", "Model", "Revision", "Before"))
    return Section(what="aliases", before=("**Promoted**", "", *head), items=tuple(items))


def _gates(outcome: SavedOutcome) -> Section:
    items = [
        Item(fine_tune=name, lines=tuple(_gate_rows(name, judged)))
        for name, judgement in outcome.judgements
        for judged in judgement.evals
    ]
    head = table(("Fine-tune", "Evaluation", "Verdict", "Why"))
    return Section(what="gate results", before=("**Gate results**", "", *head), items=tuple(items))


def _gate_rows(name: str, judged: EvalJudgement) -> Iterator[str]:
    evaluation = f"{cell(judged.name)}, {prose_cell(measured_words(judged))}"
    if judged.error is not None:
        yield row(cell(name), evaluation, verdict_words(Verdict.ERROR), prose_cell(judged.error))
    for result in judged.conditions:
        said = verdict_words(result.verdict, is_shadow=not result.is_enforced)
        yield row(cell(name), evaluation, said, prose_cell(in_words(result)))
    if judged.error is None and not judged.conditions:
        yield row(cell(name), evaluation, "no gate" if judged.is_measured else verdict_words(None), "")


def _details(outcome: SavedOutcome) -> Section:
    steps: defaultdict[str, list[SavedStep]] = defaultdict(list)
    jobs: defaultdict[str, list[SavedJob]] = defaultdict(list)
    for step in outcome.steps:
        steps[step.action.fine_tune].append(step)
    for job in outcome.ended_jobs:
        jobs[job.fine_tune].append(job)
    names = sorted({*steps, *jobs})
    blocks = (Item(fine_tune=name, lines=tuple(_block(name, steps[name], jobs[name]))) for name in names)
    return Section(what="details", items=tuple(blocks), gap=True)


def _block(name: str, steps: Sequence[SavedStep], jobs: Sequence[SavedJob]) -> Iterator[str]:
    did = ", ".join(dict.fromkeys(verb(step.action) for step in steps)) or "training ended"
    yield from ("<details>", f"<summary>{html_code(name)}: {did}</summary>", "")
    for step in steps:
        yield f"- {_sign(step)} {verb(step.action)}: {prose(step.said if step.error is None else step.error)}"
    for job in jobs:
        sign = SIGNS[Verdict.PASS] if job.model else SIGNS[Verdict.FAIL]
        made = f", made {code(job.model)}" if job.model else ""
        yield f"- {sign} job {code(job.job)} {prose(job.status)}{made}"
    yield from ("", "</details>")


def _sign(step: SavedStep) -> str:
    """An evaluation that was carried out has the sign of its verdict, which is its sentence's first word."""
    if step.error is not None:
        return SIGNS[Verdict.FAIL]
    verdict = step.said.partition(":")[0]
    return (
        SIGNS[Verdict(verdict)]
        if isinstance(step.action, Evaluate) and verdict in set(Verdict)
        else SIGNS[Verdict.PASS]
    )
