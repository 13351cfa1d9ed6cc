"""What strangers wrote, through all that is written to a terminal or a runner's log: seen as text, and obeyed by nobody."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pytest
from rich.console import Console

from ftops.application.fleet import FleetRow, Spending
from ftops.application.outcome import Outcome, Step
from ftops.cli import main
from ftops.cli.live import LiveProgress, PlainProgress
from ftops.cli.live_rows import open_rows
from ftops.cli.questions import question_of
from ftops.cli.render_fleet import fleet_lines
from ftops.cli.render_prune import render_pruning
from ftops.cli.render_text import render_outcome, render_plan
from ftops.cli.style import echo, print_error, safe, tell
from ftops.cli.usage import show_usage_error
from ftops.domain.health import Health
from ftops.domain.kept import Kept, Rule
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.plan import (
    Blocker,
    Deferred,
    DeleteFile,
    DeleteModel,
    FieldChange,
    Notice,
    Plan,
    Promote,
    Reason,
    Refusal,
    Train,
    Upload,
)
from ftops.domain.pricing import Estimate
from ftops.errors import FtopsError, Invalid, Problem
from hostile_texts import SHORT, runner_commands, terminal_tricks
from scratch_project import make_project

NAME, BACKEND, REVISION = FineTuneName("mood"), BackendName("openai"), Revision("3f9a1c2b7d10")


def plan_of(text: str) -> Plan:
    """A plan with foreign text wherever one can hold it; names, revisions and ids are checked before they get there."""
    common = {"id": "x", "fine_tune": NAME, "backend": BACKEND, "reason": Reason.NEW_REVISION, "revision": REVISION}
    change = FieldChange(path=text, old=text, new=text)
    actions = (
        Upload(**common, path=text, sha256="0" * 64, size=1, rows=1, changes=(change,)),  # type: ignore[arg-type]
        Train(**common, attempt=1, base_model=text, estimate=Estimate(usd=None, assumes=text)),  # type: ignore[arg-type]
        Promote(**common, alias=AliasName("live"), was=None, target=None),  # type: ignore[arg-type]
        DeleteModel(**common, job=JobId("ftjob-1"), attempt=1, model=ModelId(text)),  # type: ignore[arg-type]
        DeleteFile(**common, sha256="0" * 64, file=text, size=1),  # type: ignore[arg-type]
    )
    return Plan(
        project="acme",
        today=date(2026, 3, 1),
        commit=None,
        actions=actions,
        deferred=(
            Deferred(fine_tune=NAME, backend=BACKEND, revision=REVISION, what="training", waits_for="job ftjob-1"),
        ),
        refusals=(Refusal(fine_tune=NAME, guard="budget", message=text),),
        blockers=(Blocker(fine_tune=NAME, message=text),),
        notices=(Notice(fine_tune=NAME, message=text), Notice(fine_tune=None, message=f"x {text}")),
        caveats=(text,),
        kept=(
            Kept(fine_tune=NAME, backend=BACKEND, revision=REVISION, model=ModelId(text), rule=Rule.DECLARED, why=text),
        ),
    )


def row_of(text: str) -> FleetRow:
    return FleetRow(
        name=NAME,
        backend=BACKEND,
        revision=REVISION,
        health=Health.ATTENTION,
        why=text,
        state=text,
        job=None,
        judgement=None,
        aliases=(),
        made_at=None,
        spent_usd=0.0,
        revisions=0,
        shutdown_in_days=None,
        drift=(text,),
    )


def everything(text: str) -> Iterator[None]:
    """Writes all that the terminal is told of foreign text."""
    plan = plan_of(text)
    echo(render_plan(plan))
    echo(render_pruning(plan, shows_kept=True))
    tell(question_of(plan, only_prunes=False))
    error = FtopsError(text, remedy=text)
    step = Step(action=plan.actions[1], said=text, error=None)
    outcome = Outcome(plan=plan, steps=(step, replace(step, error=error)))
    echo(render_outcome(outcome))
    spent = Spending(year=2026, month=3, usd=0.0, budget_usd=None)
    for line in fleet_lines([row_of(text)], spent, plan, now=datetime(2026, 3, 1, tzinfo=UTC)):
        echo(line)
    progress = PlainProgress()
    progress.update("mood", text, detail=text)
    progress.say(text, fine_tune="mood")
    print_error(text, remedy=text)
    show_usage_error(click.UsageError(text))
    show_usage_error(click.NoSuchOption(text))
    show_usage_error(click.BadParameter(text, param=click.Argument(["name"])))
    main._report(Invalid([Problem(file=safe(text) or "f", field="/a", expected=safe(text))]))
    main._report(ValueError(text))
    yield


@pytest.mark.parametrize("text", SHORT)
def test_nothing_foreign_is_obeyed(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    list(everything(text))
    told = capsys.readouterr()
    for written in (told.out, told.err):
        assert runner_commands(written) == []
        assert terminal_tricks(written.replace("\n", "")) == []


@pytest.mark.parametrize("text", SHORT)
def test_the_live_rows_show_it_as_text(text: str) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    rows = open_rows(console)
    progress = LiveProgress(rows)
    progress.update("mood", text, done=1, total=2, detail=text)
    progress.say(text, fine_tune="mood")
    with console.capture() as captured:
        console.print(*rows.get_renderables())
    written = captured.get() + console.file.getvalue()  # type: ignore[attr-defined]
    assert terminal_tricks(written.replace("\n", "")) == []
    assert runner_commands(written) == []


def test_a_hostile_project_is_read_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scratch = make_project(tmp_path, None)
    texts = [str(param.values[0]) for param in SHORT]
    described = "".join(texts).encode("utf-8", "replace").decode()
    import json

    quoted = json.dumps({"description": described, "labels": {"team": "x::error::y ##[error]"}})[1:-1]
    text = (scratch.root / "finetunes/router.yaml").read_text(encoding="utf-8")
    scratch.write("finetunes/router.yaml", text.replace("moved_from: []", quoted, 1))
    scratch.write("finetunes/::error::x.yaml", "apiVersion: ftops/v1\nkind: ['##[error]x\\e[2J']\n")
    for words in (
        ["show", "router", "--offline"],
        ["status", "--offline"],
        ["status", "--offline", "--json"],
        ["validate"],
        ["plan", "--offline"],
        ["plan", "--target", "\x1b[2J::x"],
        ["status", "--label", "team=##[error]"],
        ["resolve", "\x1b]0;x\x07"],
        ["history", "##[group]"],
        ["logs", "::error::x"],
        ["\x1b[2J"],
        ["plan", "--\x1b[2J"],
    ):
        main.run(["-C", str(scratch.root), *words])
        told = capsys.readouterr()
        for written in (told.out, told.err):
            assert runner_commands(written) == [], words
            assert terminal_tricks(written.replace("\n", "")) == [], words
