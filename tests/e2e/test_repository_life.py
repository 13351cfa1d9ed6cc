"""A repository's life at GitHub: our workflow files, played on a stand-in, with a real remote and a real backend."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hosted_repository import FULL_KEY, Hosted, hosted_repository
from scratch_project import git, rows
from server_process import ServerProcess, wait_for

Make = Callable[[ServerProcess, str], Hosted]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda server, project: stack.enter_context(hosted_repository(tmp_path, server.base_url, project))


def ledger(hosted: Hosted) -> str:
    """The ledger's tip at the remote; empty where it has none."""
    return git(hosted.remote, "for-each-ref", "--format=%(objectname)", "refs/heads/ftops-ledger")


def target(hosted: Hosted) -> str:
    """What production points to, as an engineer's clone sees it."""
    done = hosted.work.ftops("resolve", "router")
    return done.out.strip() if done.code == 0 else ""


def test_from_a_branch_to_a_promoted_model_a_refused_one_and_back(server: ServerProcess, host: Make) -> None:
    hosted = host(server, "life")

    # A manifest comes in a pull request; the plan is its comment, and nothing is begun.
    hosted.work.manifest()
    first = hosted.open_pull_request("Route messages")
    checked = hosted.check(first, assumed=())
    assert {name: job.result for name, job in checked.jobs.items()} == {"check": "success", "plan": "success"}
    assert "1 to train, 1 to evaluate, 1 to promote" in hosted.comment(first)
    assert "1 to train" in checked.jobs["plan"].summary
    assert (ledger(hosted), hosted.work.jobs()) == ("", [])

    # Merged, it is applied in the environment that has reviewers, and promoted.
    hosted.merge(first)
    applied = hosted.apply()
    assert (applied.result, applied.jobs["apply"].environment) == ("success", "production")
    assert "Approved with #1." in applied.log
    model = target(hosted)
    assert model.startswith("ft:gpt-4.1-mini-2025-04-14:")
    assert model in hosted.comment(first)
    assert len(hosted.work.jobs()) == 1
    assert "extraheader" not in git(hosted.remote, "ls-tree", "-r", "--name-only", "refs/heads/ftops-ledger")

    # A second edit makes a model that misses its gate: a success with a warning, and the comment says why.
    hosted.work.manifest(epochs=3, least=1.1)
    second = hosted.open_pull_request("Ask too much")
    hosted.check(second)
    hosted.merge(second)
    refused = hosted.apply()
    assert refused.result == "success"
    assert [(note.level, note.text) for note in refused.jobs["apply"].annotations if "exit" in note.text] == [
        ("warning", "exit 4: a gate did not pass, so an alias stays where it is")
    ]
    assert target(hosted) == model
    said = hosted.comment(second)
    assert "1.1" in said
    assert model not in said or "does not move" in said

    # A revert goes back without training anything.
    jobs = len(hosted.work.jobs())
    git(hosted.work.root, "revert", "--no-edit", "--no-commit", "-m", "1", "HEAD")
    git(hosted.work.root, "revert", "--quit")
    third = hosted.open_pull_request("Revert")
    hosted.check(third)
    hosted.merge(third)
    assert hosted.apply().result == "success"
    assert (target(hosted), len(hosted.work.jobs())) == (model, jobs)


def test_an_error_stands_at_its_line(server: ServerProcess, host: Make) -> None:
    hosted = host(server, "invalid")
    hosted.work.manifest(least=None, more="  typo: 1\n")
    run = hosted.check(hosted.open_pull_request("Mistype"), assumed=())
    assert {name: job.result for name, job in run.jobs.items()} == {"check": "failure", "plan": "skipped"}
    shown = [(note.title.partition(":")[0], "unknown key" in note.text) for note in run.jobs["check"].annotations]
    assert ("finetunes/router.yaml", True) in shown
    assert not hosted.runner.artifacts.kept


def test_a_fork_has_no_secrets_and_gets_a_summary(server: ServerProcess, host: Make) -> None:
    hosted = host(server, "forked")
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
    assert not hosted.work.jobs()


def test_a_run_that_was_cancelled_is_taken_up_by_the_next_one(slow_server: ServerProcess, host: Make) -> None:
    hosted = host(slow_server, "cancelled")
    hosted.work.manifest(epochs=3)
    hosted.merge(hosted.open_pull_request("Route messages"))

    def interrupt(job: Any, process: "subprocess.Popen[str]") -> None:
        wait_for(lambda: any(job["status"] == "running" for job in hosted.work.jobs()))
        job.cancel(process)
        # It has 7.5 s before the runner asks less kindly, and 10 s in all.
        process.wait(10)

    hosted.runner.during["Apply"] = interrupt
    cancelled = hosted.apply()
    # Nobody saw a plan of it before: who approves the deployment approves the present one.
    assert "pull request #1 has no plan" in cancelled.log
    assert "The present plan is handed on" in cancelled.log
    assert cancelled.jobs["apply"].result == "cancelled"
    assert "exit 130: interrupted" in cancelled.log
    assert "jobs go on" in cancelled.log.lower()
    assert cancelled.jobs["apply"].steps["Comment"] == "skipped"
    assert target(hosted) == ""

    wait_for(lambda: all(job["status"] == "succeeded" for job in hosted.work.jobs()))
    resumed = hosted.go_on()
    assert (resumed.result, resumed.jobs["continue"].environment) == ("success", "ftops-continue")
    assert len(hosted.work.jobs()) == 1
    assert target(hosted) == hosted.work.jobs()[0]["fine_tuned_model"]
    assert "No changes" in resumed.jobs["continue"].summary


def test_two_changes_that_are_dearer_together_are_approved_together(server: ServerProcess, host: Make) -> None:
    hosted = host(server, "dearer")
    hosted.work.manifest()
    hosted.work.commit("Declare")
    git(hosted.work.root, "push", "-q", "origin", "main")
    hosted.work.env |= {"OPENAI_API_KEY": FULL_KEY, "OPENAI_BASE_URL": server.base_url}
    hosted.work.apply()
    tip, model = ledger(hosted), target(hosted)

    # Each is approved by itself; the first one's apply was replaced by the second one's while it waited.
    hosted.work.manifest(epochs=3)
    longer = hosted.open_pull_request("Train longer")
    hosted.work.write("finetunes/data/train.jsonl", rows(0, 120))
    more = hosted.open_pull_request("Train on more")
    for number in (longer, more):
        assert hosted.check(number).result == "success"
    for number in (longer, more):
        hosted.merge(number)
    applied = hosted.apply()
    assert {name: job.result for name, job in applied.jobs.items()} == {"plan": "failure", "apply": "skipped"}
    assert "goes beyond the plan that was approved: router on openai would cost $" in applied.log
    errors = [note.text for note in applied.jobs["plan"].annotations if note.level == "error"]
    assert errors[0].startswith("exit 6: not begun")
    assert "instead of" in hosted.comment(more)
    assert "start the workflow by hand" in hosted.comment(more)
    assert (ledger(hosted), target(hosted), len(hosted.work.jobs())) == (tip, model, 1)

    # Apply itself holds to it, whatever the job before it said.
    plans = hosted.runner.folder / "approved"
    plans.mkdir()
    for n, artifact in enumerate(one for one in hosted.runner.artifacts.kept if one.name == "ftops-plan"):
        (plans / f"{n}.json").write_bytes(artifact.plan())
    words = ("apply", "--auto-approve", "--approved", str(plans), "--out", str(plans.parent / "result.json"))
    done = hosted.work.ftops(*words)
    assert (done.code, ledger(hosted), len(hosted.work.jobs())) == (6, tip, 1)
    assert "goes beyond the plan that was approved" in done.err
    assert "goes beyond" in json.loads((plans.parent / "result.json").read_text(encoding="utf-8"))["stopped_by"]

    # Started by hand, its reviewers approve what it plans.
    by_hand = hosted.apply("workflow_dispatch")
    assert "The present plan is handed on" in by_hand.log
    assert (by_hand.result, by_hand.jobs["apply"].environment) == ("success", "production")
    assert len(hosted.work.jobs()) == 2
    assert target(hosted) not in {"", model}
