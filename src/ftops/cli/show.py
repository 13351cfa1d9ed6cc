"""``ftops show NAME``: one fine-tune: lineage, gates, aliases, its items, curves and advice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ftops.cli import completing
from ftops.cli.main import Globals
from ftops.cli.options import backend_option, json_option, print_json
from ftops.cli.style import echo, paint, safe
from ftops.domain.record_types import ADOPTED
from ftops.errors import UsageProblem

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ftops.application.item_reports import ItemReport
    from ftops.application.model_figures import ModelFigures
    from ftops.application.training_reports import TrainingReport
    from ftops.cli.looking import View
    from ftops.domain.attempts import Attempt, JobRecord
    from ftops.domain.desired import Dataset, Declared
    from ftops.domain.judgement import Judgement
    from ftops.domain.records import DatasetRecord, FineTuneRecord, RevisionRecord


@click.command("show")
@click.argument("name", shell_complete=completing.fine_tunes)
@click.option("--offline", is_flag=True, help="Call no backend: no curves of what was not looked at before.")
@json_option
@backend_option
@click.pass_obj
def command(context: Globals, *, name: str, offline: bool, as_json: bool, backend: str | None) -> int:
    """Show one fine-tune: revisions and jobs, what the gates say, where its aliases have pointed, how its training went.

    Below that stand figures of its models, the items that were won and lost, curves of its losses, and advice where a gate did
    not pass. Reads manifest, ledger and backend; costs nothing.

    \b
    Examples:
      ftops show ticket-router
      ftops show ticket-router --offline
    """
    from ftops.cli.looking import looking
    from ftops.domain.plan_json import judgement_to_json

    with looking(context.directory, backend=backend, is_offline=offline, name=name) as view:
        declared = _the_one(view, name)
        where = declared.backend.name
        ledger = view.observation.state.ledgers[where]
        # Its history stands under a former name until an apply has moved it.
        names = (declared.name, *declared.fine_tune.moved_from)
        record = next((record for known in names if (record := ledger.named(known)) is not None), None)
        judgement = view.observation.state.judgements.get((declared.name, declared.revision, where))
        told = _told(view, declared, record, judgement)
        if as_json:
            print_json(
                {
                    "name": declared.name,
                    "backend": where,
                    "revision": declared.revision,
                    "record": msgspec.to_builtins(record) if record else None,
                    "judgement": judgement_to_json(judgement) if judgement else None,
                    **told.to_json(),
                }
            )
            return 0
        for line in _lines(view, declared, record):
            echo(line)
        if text := told.drawn():
            echo(text)
    return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _AfterTheVerdict:
    """What became of the declared revision's items, and how its training went."""

    figures: "Mapping[str, tuple[ModelFigures, ...]]" = field(default_factory=dict)
    items: "tuple[ItemReport, ...]" = ()
    training: "TrainingReport | None" = None

    def drawn(self) -> str:
        from rich.text import Text

        from ftops.cli.charts import drawn, heading
        from ftops.cli.render_items import item_parts
        from ftops.cli.render_models import model_parts
        from ftops.cli.render_training import training_parts

        parts: list[RenderableType] = []
        for name, figures in self.figures.items():
            parts += [Text(), heading(f"Models under {name}"), *model_parts(figures)]
        for one in self.items:
            parts += [Text(), *item_parts(one)]
        if self.training is not None:
            parts += [Text(), *training_parts(self.training)]
        return drawn(parts)

    def to_json(self) -> dict[str, Any]:
        from ftops.cli.render_items import items_to_json
        from ftops.cli.render_models import models_to_json
        from ftops.cli.render_training import training_to_json

        return {
            "figures": [models_to_json(name, figures) for name, figures in self.figures.items()],
            "items": [items_to_json(one) for one in self.items],
            "training": training_to_json(self.training),
        }


def _told(
    view: "View", declared: "Declared", record: "FineTuneRecord | None", judgement: "Judgement | None"
) -> _AfterTheVerdict:
    from ftops.application.baselines import Candidate
    from ftops.application.item_reports import item_reports
    from ftops.application.model_figures import model_figures
    from ftops.application.training_reports import training_report

    if record is None:
        return _AfterTheVerdict()
    items: tuple[ItemReport, ...] = ()
    figures: dict[str, tuple[ModelFigures, ...]] = {}
    if judgement is not None:
        evaluations = view.workspace.evaluations
        candidate = Candidate(model=judgement.model, backend=judgement.backend, revision=judgement.revision)
        items = item_reports(evaluations, record, declared, candidate)
        for one in declared.evals:
            if found := model_figures(evaluations, record, declared, candidate, one):
                figures[one.spec.name] = found
    report = training_report(view.workspace, declared, record, judgement, items)
    return _AfterTheVerdict(figures=figures, items=items, training=report)


def _the_one(view: "View", name: str) -> "Declared":
    chosen = [d for d in view.workspace.desired.fine_tunes if view.workspace.policy.selects(d.name)]
    if len(chosen) != 1:
        raise UsageProblem(f"{name} matches {len(chosen)} fine-tunes", remedy="show takes one")
    return chosen[0]


def _lines(view: "View", declared: "Declared", record: "FineTuneRecord | None") -> Iterator[str]:
    tune = declared.fine_tune
    yield paint(declared.name, bold=True) + (f"  {safe(tune.description)}" if tune.description else "")
    yield f"  manifest  {safe(tune.path)}:{tune.line}"
    yield f"  declared  revision {declared.revision} on {declared.backend.name}"
    yield f"  method    {tune.method.type.value} on {safe(tune.base_model)}, {_trained_on(declared.train)}"
    yield ""
    if record is None:
        yield "Never applied on this backend."
        return
    yield paint("Revisions, newest first", bold=True)
    newest = sorted(record.revisions.items(), key=lambda item: (item[1].declared_at, item[0]), reverse=True)
    for revision, known in newest:
        yield from _revision(revision, known, is_declared=revision == declared.revision)
    yield ""
    yield paint("Gates, for the declared revision", bold=True)
    judgement = view.observation.state.judgements.get((declared.name, declared.revision, declared.backend.name))
    yield from _gates(judgement)
    yield ""
    yield paint("Aliases", bold=True)
    for alias, history in sorted(record.aliases.items()):
        for number, move in enumerate(reversed(history.history)):
            to = f"{move.target.revision}  {move.target.model}" if move.target else "retired"
            override = f", override: {safe(move.override)}" if move.override else ""
            label = alias if number == 0 else ""
            yield f"  {label:<12}  {move.at:%Y-%m-%d %H:%M}  {to}  [{safe(move.reason)}{override}]"
    if not record.aliases:
        yield "  none yet"


def _gates(judgement: "Judgement | None") -> Iterator[str]:
    from ftops.cli.charts import drawn
    from ftops.cli.render_evaluation import judgement_parts

    if judgement is None:
        yield "  no model to judge yet"
    elif judgement.evals:
        yield drawn(judgement_parts(judgement))


def _revision(revision: str, known: "RevisionRecord", *, is_declared: bool) -> Iterator[str]:
    mark = "*" if is_declared else " "
    commit = f"  commit {known.commit[:12]}" if known.commit else ""
    yield f"  {mark} {revision}  {known.declared_at:%Y-%m-%d %H:%M}  {_trained_on(known.train)}{commit}"
    for backend, attempts in sorted(known.attempts.items()):
        for attempt in attempts:
            yield f"      {backend}, attempt {attempt.number}: {_attempt(attempt)}"
            for choice in attempt.job.choices if attempt.job else ():
                yield f"        {choice.policy}: {safe(choice.model)}, as {safe(choice.why)}"


def _trained_on(dataset: "Dataset | DatasetRecord") -> str:
    return "data gone" if dataset.sha256.startswith(ADOPTED) else f"{dataset.rows:,} rows"


def _attempt(attempt: "Attempt") -> str:
    job = attempt.job
    if job is None:
        last = attempt.intents[-1] if attempt.intents else None
        if last is None:
            return "no job"
        how = f"{last.closed.value} {last.message or ''}".rstrip() if last.closed else "its POST is open"
        return f"no job ({safe(how)})"
    made = f", {job.model}{_lost(job)}" if job.model else ""
    tokens = f", {job.trained_tokens:,} tokens" if job.trained_tokens else ""
    cost = f", ${job.cost_usd:,.2f}" if job.cost_usd else ""
    why = f": {safe(job.error_message)}" if job.error_message else ""
    surplus = f"; {len(attempt.surplus)} surplus" if attempt.surplus else ""
    return f"{job.id} {job.status.value}{made}{tokens}{cost}{why}{surplus}"


def _lost(job: "JobRecord") -> str:
    """What became of a job's model, where it can't be counted on."""
    for at, what in ((job.deleted_at, "deleted"), (job.gone_at, "gone since"), (job.missed_at, "not found on")):
        if at is not None:
            which = f"{job.missed} " if job.missed else ""
            return f" ({which}{what} {at:%Y-%m-%d})"
    return " (its deletion was begun)" if job.deleting_at is not None else ""
