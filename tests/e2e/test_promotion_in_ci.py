"""From a merged manifest to a promoted alias with nobody at the keyboard: every job a fresh clone, as CI has it."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from ftops.cli.main import run
from scratch_project import LABELS, Scratch, git, rows
from server_process import ServerProcess, wait_for

PRODUCTION = "router@production"


class Ci:
    """A remote with a main branch, and jobs that each begin with nothing but a clone of it."""

    def __init__(self, desk: Scratch, folder: Path) -> None:
        self.desk, self.folder, self.numbers = desk, folder, count(1)
        self.remote = desk.add_remote(folder)

    def merge(self) -> None:
        """What was changed at the desk comes to main, and the workflow on a push begins it without waiting."""
        self.desk.commit()
        git(self.desk.root, "push", "-q", "origin", "main")
        done = self.job().ftops("apply", "--auto-approve", "--no-wait")
        assert done.code == 8, done.text

    def go_on(self, code: int) -> str:
        """The scheduled workflow, once nothing trains any more."""
        wait_for(lambda: all(job["status"] == "succeeded" for job in self.desk.jobs()))
        done = self.job().ftops("apply", "--continue")
        assert done.code == code, done.text
        return done.text

    def deploy(self) -> dict[str, str]:
        """The deploy step: what it appended to $GITHUB_OUTPUT."""
        done = self.job().ftops("resolve", PRODUCTION, "--format", "github")
        assert (done.code, done.err) == (0, ""), done.text
        return dict(line.split("=", 1) for line in done.out.splitlines())

    def job(self) -> Scratch:
        return self.desk.clone(self.remote, self.folder, f"job-{next(self.numbers)}")


@pytest.fixture
def ci(slow_server: ServerProcess, make: Callable[..., Scratch], tmp_path: Path) -> Ci:
    desk = make(slow_server.base_url)
    desk.manifest(epochs=1, aliases="{production: latest}")
    desk.commit()
    return Ci(desk, tmp_path)


def test_a_merged_manifest_reaches_the_deploy_step_and_a_worse_one_does_not(
    ci: Ci, capsys: pytest.CaptureFixture[str]
) -> None:
    ci.merge()
    ci.go_on(0)
    jobs = ci.desk.jobs()
    deployed = ci.deploy()
    assert deployed["model"] == jobs[0]["fine_tuned_model"]
    assert deployed["base-url"] == ci.desk.base_url

    # Answers that are wrong: what is trained on them does not pass.
    right = rows(0, 60)
    turned = dict(zip(LABELS, [*list(LABELS)[1:], next(iter(LABELS))], strict=True))
    wrong = [json.loads(line) for line in right.splitlines()]
    for row in wrong:
        row["messages"][1]["content"] = turned[row["messages"][1]["content"]]
    ci.desk.write("finetunes/data/train.jsonl", "".join(f"{json.dumps(row)}\n" for row in wrong))
    ci.merge()
    assert "production does not move to" in ci.go_on(4)
    assert ci.deploy() == deployed

    worse = next(job for job in ci.desk.jobs() if job["id"] != jobs[0]["id"])["metadata"]["ftops_revision"]
    desk = ["-C", str(ci.desk.root), "promote", "router", "--to", "production"]
    assert run([*desk, "--revision", worse]) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert "0 of 12 right" in told.err
    assert (
        f'to promote it all the same, the manifest has to say so: spec.policy: {{override: {{revision: "{worse}"'
        in (told.err)
    )
    # `latest` has stayed at the one that passed: nothing is to be edited, nobody asked for a pin.
    assert run([*desk, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert git(ci.desk.root, "status", "--porcelain") == ""
