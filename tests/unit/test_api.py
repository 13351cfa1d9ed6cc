"""The Python API: what programs get, what they may catch, and that it leaves the program's process alone."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import ftops
from ftops.cli.main import run

REVISION = "ecff26f94edd"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api") / "acme"
    assert run(["init", str(folder), "--ci", "none"]) == 0
    return folder


def test_a_project_as_values(project: Path) -> None:
    loaded = ftops.load_project(project / "finetunes")
    assert (loaded.name, loaded.root, loaded.commit, loaded.notices) == ("acme", project.resolve(), None, ())
    assert loaded.manifests.keys() == {"ftops.yaml", "finetunes/ticket-router.yaml"}
    router = loaded.fine_tune("ticket-router")
    assert loaded.fine_tunes == (router,)
    assert (router.revision, router.backend, router.method) == (REVISION, "embedded", "supervised")
    assert (router.train.path, router.train.rows) == ("finetunes/data/ticket-router.train.jsonl", 104)
    assert router.validation is not None
    assert (router.validation.rows, router.evals["queue"].rows) == (20, 56)
    assert (router.labels, router.aliases) == ({"team": "support"}, {"production": "latest"})
    with pytest.raises(KeyError):
        loaded.fine_tune("nobody")


def test_a_plan_says_what_the_command_says(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    planned = ftops.plan(project, offline=True)
    assert capfd.readouterr() == ("", "")
    assert [action.kind for action in planned.actions] == ["upload", "upload", "train", "evaluate", "promote"]
    train = planned.actions[2]
    assert (train.fine_tune, train.revision, train.reason, train.cost_usd) == (
        "ticket-router",
        REVISION,
        "new_revision",
        0,
    )
    assert (planned.has_changes, planned.is_complete, planned.cost_usd, planned.blockers) == (True, True, 0.0, ())
    assert run(["-C", str(project), "plan", "--offline", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == json.loads(json.dumps(planned.data))


def test_unknown_costs_and_blockers() -> None:
    data: dict[str, Any] = {
        "has_changes": True,
        "complete": False,
        "summary": {"cost_usd": None},
        "actions": [],
        "blockers": [{"fine_tune": "a", "message": "pin another"}],
    }
    plan = ftops.Plan(data=data)
    assert (plan.cost_usd, plan.is_complete, plan.blockers) == (None, False, ("pin another",))


def test_what_goes_wrong_is_an_error_to_catch(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ftops.FtopsError, match="was never applied") as caught:
        ftops.resolve("ticket-router@production", directory=project)
    assert not isinstance(caught.value, ftops.UsageProblem)
    with pytest.raises(ftops.UsageProblem, match="nobody"):
        ftops.resolve("nobody", directory=str(project), cached=True)
    with pytest.raises(ftops.UsageProblem, match="no backend is named"):
        ftops.resolve("ticket-router", directory=project, backend="elsewhere")
    with pytest.raises(ftops.UsageProblem, match="not in a git repository"):
        ftops.load_project(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "finetunes").mkdir()
    (tmp_path / "finetunes/a.yaml").write_text("kind: FineTune\n")
    with pytest.raises(ftops.Invalid) as invalid:
        ftops.load_project(tmp_path)
    assert {problem.file for problem in invalid.value.problems} == {"finetunes/a.yaml"}


def test_it_leaves_the_process_alone(project: Path) -> None:
    def state() -> tuple[object, ...]:
        handlers = tuple(signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        return (
            Path.cwd(),
            gc.get_threshold(),
            gc.get_freeze_count(),
            handlers,
            dict(os.environ),
        )

    before, threads = state(), set(threading.enumerate())
    ftops.load_project(project)
    ftops.plan(project)
    assert state() == before
    for thread in set(threading.enumerate()) - threads:
        thread.join(20)  # the clock of a call of git is stopped, and may take a moment to end
    assert set(threading.enumerate()) <= threads


def test_importing_it_costs_nothing() -> None:
    program = """
import sys
before = set(sys.modules)
import ftops
loaded = {name for name in set(sys.modules) - before if "." not in name}
assert loaded <= {"ftops", "typing", "collections", "operator", "keyword", "reprlib", "itertools", "contextlib", "functools",
                  "re", "enum", "types", "warnings", "copyreg", "_typing", "_collections", "_operator", "_functools",
                  "_collections_abc", "_sre"}, loaded
assert "resolve" in dir(ftops)
ftops.FtopsError, ftops.resolve
assert not {"openai", "git", "numpy", "yaml", "msgspec"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-I", "-c", program], check=True, timeout=60)


def test_everything_promised_is_there() -> None:
    assert all(getattr(ftops, name) is not None for name in ftops.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = ftops.nothing  # type: ignore[attr-defined]
