"""What is applied while runs are killed, and what the world has come to in the end, without ids and times."""

import json
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from forking_ftops import ENDLESS_EPOCHS, LONG_EPOCHS, Nursery, Run, jobs_address, jobs_of

from scratch_project import Scratch, git, make_project, rows
from server_process import wait_for

APPLY = ("apply", "--auto-approve", "--parallelism", "1")


@dataclass
class Stage:
    """A project of its own with its bare remote, on a server that it shares with others.

    ``server`` is where tests ask; the project may reach it by another way. ``command`` is what is killed.
    """

    scratch: Scratch
    remote: Path
    nursery: Nursery
    server: str
    command: tuple[str, ...] = APPLY

    @property
    def jobs(self) -> str:
        return jobs_address(self.server, self.scratch.project_name)

    def run(self, *arguments: str, **conditions: Any) -> Run:
        return self.nursery.run(self.scratch.root, *arguments, jobs=self.jobs, **conditions)

    def commit(self, message: str = "Change manifests") -> None:
        self.scratch.commit(message)
        git(self.scratch.root, "push", "-q", "origin", "main")

    def do(self, *arguments: str, code: int = 0) -> Run:
        done = self.run(*arguments)
        assert done.code == code, done.said
        return done

    def apply(self) -> Run:
        return self.do(*APPLY)


def new_revision(stage: Stage) -> None:
    """Two files to upload, a job, an evaluation with a gate, an alias."""
    stage.scratch.write("finetunes/data/valid.jsonl", rows(2000, 6))
    stage.scratch.manifest(**QUICKLY, validation="data/valid.jsonl")
    stage.commit()


def followed(stage: Stage) -> None:
    """A job that is seen at work before it ends."""
    stage.scratch.manifest(epochs=LONG_EPOCHS, batch=5)
    stage.commit()


def superseded(stage: Stage) -> None:
    """A job runs that the manifest no longer wants."""
    stage.scratch.manifest(epochs=ENDLESS_EPOCHS, batch=1)
    stage.commit()
    stage.do("apply", "--auto-approve", "--no-wait", code=8)
    stage.scratch.manifest(**QUICKLY)
    stage.commit()


def renamed(stage: Stage) -> None:
    """A fine-tune that is trained gets a new name, and another one begins beside it."""
    stage.scratch.manifest(**QUICKLY)
    stage.commit()
    stage.apply()
    stage.scratch.manifest("support", **QUICKLY, moved_from="[router]", file="router")
    stage.scratch.manifest("second", epochs=1, batch=20, least=None)
    stage.commit()


def cancelled(stage: Stage) -> None:
    """A person asked for a running job to be cancelled."""
    stage.scratch.manifest(epochs=ENDLESS_EPOCHS, batch=1)
    stage.commit()
    stage.do("apply", "--auto-approve", "--no-wait", code=8)
    stage.do("cancel", "router")


def retried(stage: Stage) -> None:
    """A person asked for another attempt after a job was cancelled behind our back."""
    stage.scratch.manifest(epochs=LONG_EPOCHS, batch=5)
    stage.commit()
    stage.do("apply", "--auto-approve", "--no-wait", code=8)
    (job,) = jobs_of(stage.jobs)
    httpx2.post(f"{stage.server}/fine_tuning/jobs/{job['id']}/cancel", timeout=60).raise_for_status()
    stage.apply()
    stage.do("retry", "router")


def imported(stage: Stage) -> None:
    """A job that somebody made without ftops, with its data at the backend."""
    stage.scratch.root.joinpath("finetunes/router.yaml").unlink()
    stage.commit()
    with httpx2.Client(base_url=f"{stage.server}/", timeout=60) as client:
        content = {"file": ("support.jsonl", rows(0, 30).encode())}
        file = client.post("files", files=content, data={"purpose": "fine-tune"}).json()["id"]
        method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "batch_size": 10}}}
        body = {
            "model": "gpt-4.1-mini-2025-04-14",
            "training_file": file,
            "method": method,
            "suffix": "support",
            "seed": 7,
        }
        job = client.post("fine_tuning/jobs", json=body).json()["id"]
        wait_for(lambda: client.get(f"fine_tuning/jobs/{job}").json()["status"] == "succeeded")
    stage.command = ("import", job, "--alias", "production")


def pruned(stage: Stage) -> None:
    """A model with its checkpoints and a file that nothing keeps any more."""
    for first in (0, 500):
        stage.scratch.write("finetunes/data/train.jsonl", rows(first, 60))
        stage.scratch.manifest(**QUICKLY, least=None, aliases="{}", more="  retention: {keep: 0, files: delete}\n")
        stage.commit()
        stage.apply()
    stage.command = ("prune", "--auto-approve")


QUICKLY: dict[str, Any] = {"epochs": 3, "batch": 20}
SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__.replace("_", "-"): scenario
    for scenario in (new_revision, followed, superseded, renamed, cancelled, retried, imported, pruned)
}


def make_stage(folder: Path, base_url: str, nursery: Nursery, scenario: str, *, server: str = "") -> Stage:
    folder.mkdir(parents=True, exist_ok=True)
    scratch = make_project(folder, base_url, name=f"{scenario}-{secrets.token_hex(4)}")
    scratch.write("finetunes/data/test.jsonl", rows(1000, 6))
    stage = Stage(scratch, scratch.add_remote(folder), nursery, server or base_url)
    SCENARIOS[scenario](stage)
    return stage


def remove_stage(stage: Stage) -> None:
    # Git outlives the run that started it, and may be at work here yet.
    shutil.rmtree(stage.scratch.root.parent, ignore_errors=True)


def check_recovery(stage: Stage, wanted: object) -> None:
    """One clean apply ends in the state of an undisturbed run, and leaves nothing to do."""
    stage.apply()
    assert end_of(stage) == wanted
    stage.do("plan", "--detailed-exitcode")
    stage.do("ledger", "verify")


def end_of(stage: Stage) -> dict[str, Any]:
    """What the ledger at the remote and the backend have come to."""
    folder = f"projects/{stage.scratch.project_name}"
    names = git(stage.remote, "ls-tree", "-r", "--name-only", "ftops-ledger", f"{folder}/").splitlines()
    texts = {name: git(stage.remote, "show", f"ftops-ledger:{name}") for name in names}
    files = {name: json.loads(text) for name, text in texts.items() if name.endswith(".json")}
    jobs = jobs_of(stage.jobs)
    models = {job["fine_tuned_model"] for job in jobs if job["status"] == "succeeded"}
    project = files.pop(f"{folder}/project.json")
    return {
        "jobs": sorted(_job(stage, job) for job in jobs),
        "files": {sha: "deleting_at" in file for sha, file in project["backends"]["lab"].get("files", {}).items()},
        "inputs": {name.removeprefix(folder): text for name, text in texts.items() if not name.endswith(".json")},
        "fine_tunes": [_fine_tune(record, models) for record in files.values()],
        "manifests": sorted(path.name for path in stage.scratch.root.glob("finetunes/**/*") if path.is_file()),
        "pending": [path.name for path in stage.scratch.root.glob(".ftops/pending/[!.]*")],
    }


def _job(stage: Stage, job: dict[str, Any]) -> tuple[Any, ...]:
    """Its revision and end, and whether its model and its file are there."""
    places = (f"models/{job['fine_tuned_model']}", f"files/{job['training_file']}")
    there = (httpx2.get(f"{stage.server}/{place}", timeout=60).status_code == 200 for place in places)
    return (job["metadata"]["ftops_revision"], job["status"], *there)


def _fine_tune(record: dict[str, Any], models: Iterable[str]) -> dict[str, Any]:
    return {
        "name": record["name"],
        "former_names": record.get("former_names", []),
        "revisions": {
            revision: [_attempt(attempt) for attempts in known["attempts"].values() for attempt in attempts]
            for revision, known in record["revisions"].items()
        },
        "scores": [
            (each["name"], each.get("revision"), sorted(item[:2] for item in each["items"]), each.get("error"))
            for each in record.get("evaluations", [])
        ],
        "passed": sorted(each["revision"] for each in record.get("passed", [])),
        "aliases": {
            alias: [
                (move["reason"], move["target"] and (move["target"]["revision"], move["target"]["model"] in models))
                for move in known["history"]
            ]
            for alias, known in record.get("aliases", {}).items()
        },
        "requests": [each["kind"] for each in record.get("requests", [])],
    }


def _attempt(attempt: dict[str, Any]) -> tuple[Any, ...]:
    """Its number and its job's end; how many claims that took is what kills change."""
    job = attempt["job"]
    told = (job["status"], job.get("cancel"), "model" in job, "deleted_at" in job)
    is_open = any(intent.get("closed") is None for intent in attempt.get("intents", []))
    return attempt["number"], *told, len(attempt.get("surplus", [])), is_open
