"""What is applied while runs are killed, and what the world has come to in the end, without ids and times."""

import json
import secrets
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forking_ftops import ENDLESS_EPOCHS, LONG_EPOCHS, Nursery, Run, jobs_address, jobs_of

from scratch_project import Scratch, git, make_project, rows

APPLY = ("apply", "--auto-approve", "--parallelism", "1")


@dataclass
class Stage:
    """A project of its own with its bare remote, on a server that it shares with others.

    ``server`` is where tests ask; the project may reach it by another way.
    """

    scratch: Scratch
    remote: Path
    nursery: Nursery
    server: str

    @property
    def jobs(self) -> str:
        return jobs_address(self.server, self.scratch.project_name)

    def run(self, *arguments: str, **conditions: Any) -> Run:
        return self.nursery.run(self.scratch.root, *arguments, jobs=self.jobs, **conditions)

    def commit(self, message: str = "Change manifests") -> None:
        self.scratch.commit(message)
        git(self.scratch.root, "push", "-q", "origin", "main")

    def apply(self) -> Run:
        done = self.run(*APPLY)
        assert done.code == 0, done.said
        return done


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
    begun = stage.run("apply", "--auto-approve", "--no-wait")
    assert begun.code == 8, begun.said
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


QUICKLY: dict[str, Any] = {"epochs": 3, "batch": 20}
SCENARIOS: dict[str, Callable[[Stage], None]] = {
    scenario.__name__.replace("_", "-"): scenario for scenario in (new_revision, followed, superseded, renamed)
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
    planned = stage.run("plan", "--detailed-exitcode")
    assert planned.code == 0, planned.said


def end_of(stage: Stage) -> dict[str, Any]:
    """What the ledger at the remote and the backend have come to."""
    folder = f"projects/{stage.scratch.project_name}"
    names = git(stage.remote, "ls-tree", "-r", "--name-only", "ftops-ledger", f"{folder}/").splitlines()
    files = {name: json.loads(git(stage.remote, "show", f"ftops-ledger:{name}")) for name in names}
    jobs = jobs_of(stage.jobs)
    models = {job["fine_tuned_model"] for job in jobs if job["status"] == "succeeded"}
    project = files.pop(f"{folder}/project.json")
    return {
        "jobs": sorted((job["metadata"]["ftops_revision"], job["status"]) for job in jobs),
        "files": {sha: "deleting_at" in file for sha, file in project["backends"]["lab"]["files"].items()},
        "fine_tunes": [_fine_tune(record, models) for record in files.values()],
        "pending": [path.name for path in stage.scratch.root.glob(".ftops/pending/[!.]*")],
    }


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
