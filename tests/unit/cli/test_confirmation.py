"""What a person is asked, and what counts as an answer."""

import io
import os
import sys
import threading
from datetime import date
from typing import Any

import click
import pytest

from ftops.cli.confirmation import check_somebody_is_there, is_confirmed, is_typed
from ftops.cli.questions import needs_typing, question_of
from ftops.domain.manifest import AliasName, BackendName, FineTuneName, JobId, ModelId, Revision
from ftops.domain.plan import (
    Action,
    Cancel,
    DeleteFile,
    DeleteModel,
    Evaluate,
    Plan,
    Promote,
    Reason,
    Train,
)
from ftops.domain.pricing import Estimate
from ftops.domain.records import Target
from ftops.errors import UsageProblem

REVISION = Revision("3f9a1c2b7d10")


def answering(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(text))


@pytest.mark.parametrize(("text", "yes"), [("y\n", True), ("yes\n", True), ("\n", False), ("n\n", False)])
def test_only_yes_is_yes(text: str, yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(text, monkeypatch)
    assert is_confirmed("Do it?", instead="give --auto-approve") is yes


@pytest.mark.parametrize(("text", "yes"), [("delete\n", True), (" delete \n", True), ("y\n", False), ("\n", False)])
def test_what_is_lost_for_good_takes_a_word(
    text: str,
    yes: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answering(text, monkeypatch)
    assert is_typed("Delete 2 models for good?", "delete", instead="x") is yes
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Delete 2 models for good? Type delete to do it")


def test_what_was_typed_before_the_question_is_no_answer_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    keys, terminal = pty.openpty()
    asked = threading.Event()

    def ask(text: str, **_: object) -> str:
        """Asks as a terminal does: reads what is typed from now on."""
        asked.set()
        return sys.stdin.readline().strip()

    with os.fdopen(terminal) as there:
        monkeypatch.setattr("sys.stdin", there)
        monkeypatch.setattr("click.termui.visible_prompt_func", ask)
        os.write(keys, b"y\n")
        person = threading.Thread(target=lambda: (asked.wait(20), os.write(keys, b"n\n")))
        person.start()
        assert not is_confirmed("Do it?", instead="give --auto-approve")
        person.join()
    os.close(keys)


def test_an_end_without_an_answer_names_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (lambda: is_confirmed("Do it?", instead="give --yes"), lambda: is_typed("?", "x", instead="give --yes")):
        answering("", monkeypatch)
        with pytest.raises(UsageProblem, match="was not answered") as failed:
            ask()
        assert (failed.value.exit_code, failed.value.remedy) == (2, "give --yes")


def test_ctrl_c_is_no_answer_and_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    with pytest.raises(click.Abort):
        is_confirmed("Do it?", instead="x")


def test_where_nobody_is_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answering("", monkeypatch)
    check_somebody_is_there("confirm it", instead="x")
    for stdin in (io.StringIO("y\n"), None):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(UsageProblem, match="nobody is here to confirm it"):
            check_somebody_is_there("confirm it", instead="x")


def action(kind: type[Any], backend: str = "openai", **fields: Any) -> Any:
    common = {"id": "x", "fine_tune": FineTuneName("a"), "reason": Reason.REQUESTED, "revision": REVISION}
    return kind(**common, backend=BackendName(backend), **fields)


def plan(*actions: Action) -> Plan:
    return Plan(project="acme", today=date(2026, 3, 1), commit=None, actions=actions)


def train(backend: str = "openai", usd: float | None = 2.5) -> Train:
    found: Train = action(Train, backend, attempt=1, base_model="m", estimate=Estimate(usd=usd, assumes="x"))
    return found


def test_money_comes_first_with_what_is_bought() -> None:
    target = Target(backend="openai", revision=REVISION, model="ft:m")
    evaluate = action(Evaluate, evaluation="intent", digest="d", model=None, calls=1200)
    up = action(Promote, alias=AliasName("production"), was=None, target=target)
    down = action(Promote, alias=AliasName("old"), was=target, target=None)
    asked = question_of(plan(train(), train(), train("lab"), evaluate, up, down), only_prunes=False)
    assert asked == (
        "Start 1 job on lab and 2 jobs on openai, make up to 1,200 calls, move 1 alias and retire 1 alias, for about $7.50?"
    )
    assert question_of(plan(train(usd=None)), only_prunes=False) == "Start 1 job on openai, at unknown cost?"
    cancel = action(Cancel, job=JobId("ftjob-1"), attempt=1)
    assert question_of(plan(cancel), only_prunes=False) == "Cancel 1 job, for about $0.00?"


def test_what_is_deleted_is_counted_with_its_place() -> None:
    model = action(DeleteModel, job=JobId("ftjob-1"), attempt=1, model=ModelId("ft:m"))
    file = action(DeleteFile, "lab", sha256="0" * 64, file="file-1", size=1)
    assert (
        question_of(plan(model, model, file), only_prunes=True)
        == "Delete 2 models and 1 file for good on lab and openai?"
    )
    both = question_of(plan(train(), model), only_prunes=False)
    assert both == "Start 1 job on openai, for about $2.50, and delete 1 model for good on openai?"
    assert needs_typing(plan(model))
    assert not needs_typing(plan(train(), file))
