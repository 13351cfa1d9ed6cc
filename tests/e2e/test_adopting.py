"""Adoption through the real command line: strangers' jobs, a lost ledger, and two ledgers of one name."""

import json
import time
from pathlib import Path
from typing import Any

import openai
import pytest

from conftest import Counted
from scratch_project import Scratch, git, rows
from server_process import ServerProcess, wait_for

# The server is other tests' too.
MINE = ("--filter", "suffix=router")
MINI = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def client(server: ServerProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0)


def train(client: openai.OpenAI, data: str, **fields: Any) -> Any:
    """A job that somebody made without ftops, once it has ended."""
    file = client.files.create(file=("data.jsonl", data.encode()), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model=MINI, training_file=file.id, **fields)
    ended = wait_for(lambda: _ended(client, job.id))
    wait_for(lambda: time.time() >= job.created_at + 1)  # which of two is newer shows in whole seconds
    return ended


def _ended(client: openai.OpenAI, job: str) -> Any:
    found = client.fine_tuning.jobs.retrieve(job)
    return found if found.status in {"succeeded", "failed"} else None


def drop_ledger(scratch: Scratch) -> None:
    """Nothing of the ledger is left: no branch, and no memory of one."""
    for ref in git(
        scratch.root, "for-each-ref", "--format=%(refname)", "refs/ftops", "refs/heads/ftops-ledger"
    ).split():
        git(scratch.root, "update-ref", "-d", ref)


def test_strangers_jobs_become_ours(scratch: Scratch, client: openai.OpenAI, asked: Counted, request: Any) -> None:
    word = request.node.name.replace("_", " ")
    first = train(client, rows(0, 20), suffix=f"{word} A", metadata={"team": "x"})
    newest = train(client, rows(5, 20).replace("\n", "\r\n"), suffix=f"{word} A", seed=3)
    gone = train(client, rows(9, 20), suffix=f"{word} B")
    client.files.delete(gone.training_file)
    few = client.files.create(file=("d.jsonl", rows(0, 3).encode()), purpose="fine-tune")
    failed = client.fine_tuning.jobs.create(model=MINI, training_file=few.id, suffix=f"{word} C")
    wait_for(lambda: _ended(client, failed.id))
    (scratch.root / "finetunes/router.yaml").unlink()
    scratch.commit("Nothing declared")
    asked.look()

    words = ("import", "--all", "--filter", f"suffix={word}*", "--alias", "production")
    dry = scratch.ftops(*words, "--dry-run", "--json")
    assert (dry.code, scratch.tip(), git(scratch.root, "status", "--short")) == (0, "", "")
    done = scratch.ftops(*words, "--json")
    assert done.code == 0, done.text
    report = json.loads(done.out)
    assert report == {**json.loads(dry.out), "dry_run": False}
    a, b = "test-strangers-jobs-become-ours-a", "test-strangers-jobs-become-ours-b"
    assert [(one["name"], one["jobs"]) for one in report["imported"]] == [(a, [first.id, newest.id]), (b, [gone.id])]
    assert report["imported"][1]["not_recovered"] == [f"no training data: file {gone.training_file} is gone"]
    assert [(one["job"], one["why"]) for one in report["left_out"]] == [(failed.id, "it made no model (failed)")]
    assert (scratch.root / f"finetunes/data/{a}.train.jsonl").read_text() == rows(5, 20)

    # Nothing is left to do, before the commit and after it; and the models can be called.
    assert "No changes" in scratch.plan().out
    scratch.commit("Import")
    assert scratch.resolve(f"{a}@production") == newest.fine_tuned_model
    assert scratch.resolve(b) == gone.fine_tuned_model
    assert "No changes" in scratch.apply().out
    assert asked.look() == {"jobs": 0, "chats": 0, "files": 0}
    assert scratch.ftops("ledger", "verify").code == 0

    # Once more there is nothing to import, and of a job that is named something is said.
    tip = scratch.tip()
    again = scratch.ftops(*words)
    assert (again.code, scratch.tip()) == (0, tip)
    assert "Nothing is left to import." in again.err
    named = scratch.ftops("import", failed.id, newest.id)
    assert named.code == 1
    assert f"{failed.id}: it made no model (failed)" in named.out
    assert f"{newest.id}: the ledger has it already, as {a}" in named.out


def test_a_lost_ledger_comes_back(scratch: Scratch, asked: Counted) -> None:
    scratch.apply()
    before, model = scratch.revision(), scratch.resolve()
    scratch.manifest(epochs=3)
    scratch.commit("Train longer")
    scratch.apply()
    newest = scratch.resolve()
    drop_ledger(scratch)
    asked.look()

    refused = scratch.ftops("plan")
    assert refused.code == 5
    assert "ftops import --all --backend lab" in refused.err

    done = scratch.ftops("import", "--all", *MINE, "--alias", "production")
    assert done.code == 0, done.text
    assert "Evaluations, the aliases' history and the protection" in done.err
    assert git(scratch.root, "status", "--short") == ""
    assert "No changes" in scratch.plan().out
    assert (scratch.resolve(), asked.look()) == (newest, {"jobs": 0, "chats": 0, "files": 0})

    # The earlier revision is there too: a pin goes back to it without a training.
    scratch.manifest(epochs=3, aliases=f'{{production: "{before}"}}', least=None)
    scratch.commit("Roll back")
    scratch.apply()
    assert (scratch.resolve(), asked.look()["jobs"]) == (model, 0)
    assert scratch.ftops("ledger", "verify").code == 0


def test_a_lost_ledger_without_manifests_writes_the_revisions_that_there_were(scratch: Scratch) -> None:
    scratch.apply()
    revision = scratch.revision()
    drop_ledger(scratch)
    (scratch.root / "finetunes/router.yaml").unlink()
    done = scratch.ftops("import", "--all", *MINE, "--json")
    (one,) = json.loads(done.out)["imported"]
    assert (one["name"], one["revision"], one["not_recovered"]) == ("router", revision, [])
    assert "No changes" in scratch.plan().out


def test_jobs_of_another_ledger_are_taken_over(scratch: Scratch, client: openai.OpenAI, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Scratch(tmp_path / "other", scratch.base_url, scratch.project_name)
    git(other.root, "init", "-q", "-b", "main")
    other.write("ftops.yaml", (scratch.root / "ftops.yaml").read_text())
    begun = train(client, rows(0, 20), suffix="another-ledger-begins")
    assert other.ftops("import", begun.id).code == 0
    other.commit("A ledger of its own")
    scratch.apply()

    refused = other.ftops("plan")
    assert refused.code == 5
    assert "belong to another ledger" in refused.err
    assert "ftops import --all" in refused.err
    assert other.ftops("import", "--all", *MINE).code == 0
    assert "No changes" in other.plan().out
    assert "No changes" in scratch.plan().out
