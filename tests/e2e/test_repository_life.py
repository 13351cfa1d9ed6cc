"""A repository's life at GitHub: our workflow files, played on a stand-in, with a real remote and a real backend."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import ftops
from ftops.errors import FtopsError
from hosted_repository import Hosted, hosted_repository
from scratch_project import git, rows
from server_process import ServerProcess, wait_for

Make = Callable[[str, str], Hosted]
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda base_url, project: stack.enter_context(hosted_repository(tmp_path, base_url, project))


def ledger(hosted: Hosted) -> str:
    """The ledger's tip at the remote; empty where it has none."""
    return git(hosted.remote, "for-each-ref", "--format=%(objectname)", "refs/heads/ftops-ledger")


def target(hosted: Hosted) -> str:
    """What production points to, as an engineer's clone sees it."""
    try:
        return ftops.resolve("router", directory=hosted.work.root).model
    except FtopsError:
        return ""


# Each chapter goes on from the one before: its repository, its models and its server are what a life has.


@pytest.mark.timeout(600)
def test_a_repositorys_life(slow_server: ServerProcess, host: Make) -> None:
    hosted = host(slow_server.base_url, "life")
    model = merge_the_first_manifest(hosted)
    merge_what_misses_its_gate(hosted, model)
    revert_it(hosted, model)
    merge_two_that_are_dearer_together(hosted, model)
    start_by_hand_and_cancel_in_the_middle(hosted, model)
    take_it_up(hosted, model)


def merge_the_first_manifest(hosted: Hosted) -> str:
    """In a pull request its plan is a comment, and nothing is begun; merged, it is applied and promoted."""
    hosted.work.manifest()
    first = hosted.open_pull_request("Route messages")
    checked = hosted.check(first)
    assert {name: job.result for name, job in checked.jobs.items()} == {"check": "success", "plan": "success"}
    assert "1 to train, 1 to evaluate, 1 to promote" in hosted.comment(first)
    assert "1 to train" in checked.jobs["plan"].summary
    assert (ledger(hosted), hosted.work.jobs(), target(hosted)) == ("", [], "")

    hosted.merge(first)
    applied = hosted.apply()
    assert (applied.result, applied.jobs["apply"].environment) == ("success", "production")
    assert "Approved with #1." in applied.log
    model = target(hosted)
    assert model.startswith("ft:gpt-4.1-mini-2025-04-14:")
    assert model in hosted.comment(first)
    assert len(hosted.work.jobs()) == 1
    assert "extraheader" not in git(hosted.remote, "ls-tree", "-r", "--name-only", "refs/heads/ftops-ledger")
    return model


def merge_what_misses_its_gate(hosted: Hosted, model: str) -> None:
    """A success with a warning, as the merge was right and the model was not; and the comment says why."""
    hosted.work.manifest(epochs=3, least=1.1)
    second = hosted.open_pull_request("Ask too much")
    hosted.merge(second)
    refused = hosted.apply()
    # Nobody saw a plan of it before: who approves the deployment approves the present one.
    assert f"pull request #{second} has no plan" in refused.log
    assert "The present plan is handed on" in refused.log
    assert refused.result == "success"
    assert [(note.level, note.text) for note in refused.jobs["apply"].annotations if "exit" in note.text] == [
        ("warning", "exit 4: a gate did not pass, so an alias stays where it is")
    ]
    assert (target(hosted), len(hosted.work.jobs())) == (model, 2)
    said = hosted.comment(second)
    assert "1.1" in said
    assert model not in said or "does not move" in said


def revert_it(hosted: Hosted, model: str) -> None:
    """Goes back without training anything."""
    git(hosted.work.root, "revert", "--no-edit", "--no-commit", "-m", "1", "HEAD")
    git(hosted.work.root, "revert", "--quit")
    hosted.merge(hosted.open_pull_request("Revert"))
    assert hosted.apply().result == "success"
    assert (target(hosted), len(hosted.work.jobs())) == (model, 2)


def merge_two_that_are_dearer_together(hosted: Hosted, model: str) -> None:
    """Each is approved by itself, as a plan of two epochs; the first one's apply was replaced while it waited."""
    tip = ledger(hosted)
    hosted.work.manifest(epochs=4)
    longer = hosted.open_pull_request("Train longer")
    hosted.work.write("finetunes/data/train.jsonl", rows(0, 120))
    more = hosted.open_pull_request("Train on more")
    for number in (longer, more):
        hosted.assume_checked(number)
        hosted.merge(number)
    applied = hosted.apply()
    assert {name: job.result for name, job in applied.jobs.items()} == {"plan": "failure", "apply": "skipped"}
    assert f"Approved with #{longer}, #{more}." in applied.log
    assert "goes beyond the plan that was approved: router on openai would cost $" in applied.log
    errors = [note.text for note in applied.jobs["plan"].annotations if note.level == "error"]
    assert errors[0].startswith("exit 6: not begun")
    assert "instead of" in hosted.comment(more)
    assert "start the workflow by hand" in hosted.comment(more)
    assert (ledger(hosted), target(hosted), len(hosted.work.jobs())) == (tip, model, 2)


def start_by_hand_and_cancel_in_the_middle(hosted: Hosted, model: str) -> None:
    """Started by hand, its reviewers approve what it plans; cancelled, it leaves its job running."""

    def interrupt(job: Any, process: "subprocess.Popen[str]") -> None:
        wait_for(lambda: any(job["status"] == "running" for job in hosted.work.jobs()))
        job.cancel(process)
        # It has 7.5 s before the runner asks less kindly, and 10 s in all.
        process.wait(10)

    hosted.runner.during["Apply"] = interrupt
    cancelled = hosted.apply("workflow_dispatch")
    assert "The present plan is handed on" in cancelled.log
    assert (cancelled.jobs["apply"].result, cancelled.jobs["apply"].environment) == ("cancelled", "production")
    assert "exit 130: interrupted" in cancelled.log
    assert "jobs go on" in cancelled.log.lower()
    assert cancelled.jobs["apply"].steps["Comment"] == "skipped"
    assert (target(hosted), len(hosted.work.jobs())) == (model, 3)


def take_it_up(hosted: Hosted, model: str) -> None:
    """The next run goes on with the same job: it trains nothing, evaluates and promotes."""
    wait_for(lambda: all(job["status"] == "succeeded" for job in hosted.work.jobs()))
    resumed = hosted.go_on()
    assert (resumed.result, resumed.jobs["continue"].environment) == ("success", "ftops-continue")
    assert len(hosted.work.jobs()) == 3
    assert target(hosted) == hosted.work.jobs()[0]["fine_tuned_model"] != model
    assert "No changes" in resumed.jobs["continue"].summary


def test_a_fork_has_no_secrets_and_gets_a_summary(host: Make) -> None:
    # What has no key calls no backend: there is none at this address.
    hosted = host(NOWHERE, "forked")
    hosted.work.manifest()
    number = hosted.open_pull_request("Route messages", repository="mallory/models")
    run = hosted.check(number, assumed=())
    check, plan = run.jobs["check"], run.jobs["plan"]
    assert (check.result, plan.result) == ("success", "skipped")
    assert check.steps["Plan without keys"] == "success"
    assert "1 to train" in check.summary
    assert not hosted.standin.writes()
    assert not hosted.standin.comments_of("acme/models", number)
    assert not hosted.runner.artifacts.kept
    assert all(set(rights.values()) == {"read"} for rights in hosted.rights.values())
