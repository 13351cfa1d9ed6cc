"""The workflows and the action that users get: who may do what, which code runs, and what the action's scripts really do."""

import base64
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ftops import __version__
from ftops.cli.main import cli
from own_workflows import ROOT, TEMPLATES, WORKFLOWS, own, place_of
from workflow_expressions import condition

_PINNED = re.compile(r"uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+")


def stated(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((TEMPLATES / name).read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    return found


def steps_of(name: str) -> list[dict[str, Any]]:
    return [step for job in stated(name)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("name", ["action.yml", *WORKFLOWS])
def test_this_repository_uses_what_users_get(name: str) -> None:
    differing = place_of(name).read_text(encoding="utf-8")
    assert differing == own(name), f"write it anew: PYTHONPATH=tests python tests/own_workflows.py ({name})"
    assert "FTOPS_VERSION" not in differing


@pytest.mark.parametrize("name", WORKFLOWS)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(name: str) -> None:
    workflow = stated(name)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow["on"]
    assert "workflow_run" not in workflow["on"]
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) <= 150
        assert set(job["permissions"]) <= {"contents", "pull-requests", "actions"}


def test_only_what_applies_may_write_and_it_waits_in_an_environment() -> None:
    writers = {
        (name, id_): sorted(key for key, value in job["permissions"].items() if value == "write")
        for name in WORKFLOWS
        for id_, job in stated(name)["jobs"].items()
    }
    assert writers == {
        ("ftops-plan.yml", "check"): [],
        ("ftops-plan.yml", "plan"): ["pull-requests"],
        ("ftops-apply.yml", "plan"): ["pull-requests"],
        ("ftops-apply.yml", "apply"): ["contents", "pull-requests"],
        ("ftops-continue.yml", "continue"): ["contents"],
    }
    assert "'production'" in stated("ftops-apply.yml")["jobs"]["apply"]["environment"]
    assert stated("ftops-continue.yml")["jobs"]["continue"]["environment"] == "ftops-continue"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_other_peoples_actions_are_pinned_and_leave_no_credentials(name: str) -> None:
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    foreign = [line.strip() for line in text.splitlines() if "uses: " in line and "$/" not in line]
    assert foreign
    assert all(_PINNED.fullmatch(line) for line in foreign)
    # The commits that CI itself uses, where it uses them.
    known = dict(re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40})", (ROOT / ".github/workflows/ci.yml").read_text("utf-8")))
    for found in map(_PINNED.fullmatch, foreign):
        assert found is not None
        assert known.get(found["action"], found["commit"]) == found["commit"]
    for step in steps_of(name):
        if "actions/checkout" in step["uses"]:
            assert step["with"]["persist-credentials"] == "false"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_keys_are_given_to_the_steps_that_need_them(name: str) -> None:
    for step in steps_of(name):
        environ, words = step.get("env", {}), step.get("with", {}).get("args", "")
        calls_backends = words.startswith(("plan", "apply ")) and "--offline" not in words
        assert ("OPENAI_API_KEY" in environ) is calls_backends, step["name"]
        asks_github = words.startswith(("comment", "approved")) and "--summary-only" not in words
        assert ("GITHUB_TOKEN" in environ) is asks_github, step["name"]
        reads_ledger = words.startswith(("plan", "apply", "approved"))
        assert ("git-token" in step.get("with", {})) is reads_ledger, step["name"]
        assert set(environ) <= {"OPENAI_API_KEY", "GITHUB_TOKEN"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_ftops_takes_their_words_in_a_fresh_clone(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they write is below `.ftops`, which is not there before the first of them."""
    monkeypatch.chdir(tmp_path)
    given = [words.split() for step in steps_of(name) if (words := step.get("with", {}).get("args"))]
    first = [words for words in given if words[0] in {"validate", "plan"}]
    assert first
    for command, *words in first:
        chosen = cli.get_command(click.Context(cli), command)
        assert chosen is not None
        chosen.make_context(command, words)


def test_no_value_is_written_into_a_script() -> None:
    for step in stated("action.yml")["runs"]["steps"]:
        assert "${{" not in step["run"]
    for name in WORKFLOWS:
        assert all("run" not in step for step in steps_of(name))


@pytest.mark.parametrize(
    ("event", "has_keys"),
    [
        ({"pull_request": {"user": {"login": "grace"}, "head": {"repo": {"full_name": "acme/models"}}}}, True),
        ({"pull_request": {"user": {"login": "mallory"}, "head": {"repo": {"full_name": "mallory/models"}}}}, False),
        # A fork that was deleted since; Dependabot, whose runs get no secrets; a merge queue; a call from a push.
        ({"pull_request": {"user": {"login": "mallory"}, "head": {"repo": None}}}, False),
        (
            {"pull_request": {"user": {"login": "dependabot[bot]"}, "head": {"repo": {"full_name": "acme/models"}}}},
            False,
        ),
        ({"merge_group": {"base_ref": "refs/heads/main"}}, False),
        ({"head_commit": {}}, False),
    ],
)
def test_a_plan_is_made_with_keys_or_without_but_always_once(event: dict[str, Any], has_keys: bool) -> None:
    jobs = stated("ftops-plan.yml")["jobs"]
    contexts = {"github": {"event": event, "repository": "acme/models"}}
    without = next(step for step in jobs["check"]["steps"] if step["name"] == "Plan without keys")
    conditions = [jobs["plan"]["if"], without["if"]]
    assert [condition(stated, contexts, {"success": lambda: True}) for stated in conditions] == [
        has_keys,
        not has_keys,
    ]


def test_required_checks_run_for_all_that_waits_for_them() -> None:
    started_by = stated("ftops-plan.yml")["on"]
    assert set(started_by) == {"pull_request", "merge_group", "workflow_call"}
    assert "paths" not in started_by["pull_request"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_what_waits_is_replaced_by_the_same_file_alone(name: str) -> None:
    """A second project in the repository has copies: were they one group, its runs would replace the first one's."""
    group = stated(name)["concurrency"]["group"]
    assert group == f"{name.removesuffix('.yml')}-${{{{ github.workflow_ref }}}}"


def test_runs_wait_for_each_other_and_only_plans_are_replaced() -> None:
    assert {name: stated(name)["concurrency"]["cancel-in-progress"] for name in WORKFLOWS} == {
        "ftops-plan.yml": "true",
        "ftops-apply.yml": "false",
        "ftops-continue.yml": "false",
    }


def test_a_linter_finds_nothing() -> None:
    files = [ROOT / "action.yml", *(place_of(name) for name in WORKFLOWS), *TEMPLATES.glob("*.yml")]
    options = ["--offline", "--quiet", "--persona", "auditor", "--config", str(ROOT / ".github/zizmor.yml")]
    command = [str(Path(sys.executable).parent / "zizmor"), *options, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


# The action's scripts, run with bash as GitHub's runner does.


def script(tmp_path: Path, name: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    (step,) = (one for one in stated("action.yml")["runs"]["steps"] if one["name"] == name)
    file = tmp_path / "step.sh"
    file.write_text(step["run"], encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    machine = {
        "PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_SERVER_URL": "https://github.com",
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(file)]
    given = {**machine, **environ}
    return subprocess.run(command, cwd=work, env=given, capture_output=True, text=True, check=False, timeout=120)


def make_wheel(folder: Path) -> Path:
    wheel, info = folder / "ftops-9.9-py3-none-any.whl", "ftops-9.9.dist-info"
    files = {
        "ftops/__init__.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: ftops\nVersion: 9.9\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": "".join(f"{path},,\n" for path in files)}.items():
            archive.writestr(path, text)
    return wheel


def test_it_installs_into_a_place_of_its_own_and_once(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    (tmp_path / "work").mkdir()
    # Nothing of the work tree is imported by Python or by pip.
    for name in ("venv", "pip", "ensurepip", "sys", "site"):
        (tmp_path / "work" / f"{name}.py").write_text("raise SystemExit(99)", encoding="utf-8")
    offline = {"PIP_NO_INDEX": "1", "CONSTRAINTS": ""}
    done = script(tmp_path, "Install ftops", VERSION="", SOURCE=str(make_wheel(tmp_path)), **offline)
    assert done.returncode == 0, done.stderr
    python = tmp_path / "temp/ftops-venv/bin/python"
    code = "import ftops, importlib.metadata as m; print(m.version('ftops'), ftops.__file__)"
    found = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
    assert found.startswith(f"9.9 {tmp_path / 'temp/ftops-venv'}")
    # Asked for again it is there, whatever is asked for.
    assert script(tmp_path, "Install ftops", VERSION="0", SOURCE="", **offline).returncode == 0


def test_what_it_is_given_is_no_script(tmp_path: Path) -> None:
    (tmp_path / "temp/ftops-venv/bin").mkdir(parents=True)
    python = tmp_path / "temp/ftops-venv/bin/python"
    tell = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ), os.getpid()]))"
    python.write_text(f"#!{sys.executable}\n{tell}\n", encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "work").mkdir()
    (tmp_path / "work/file.py").touch()
    words = ["plan", "-o", "*", "$(touch", "pwned)", "`id`", ";", "&&", '"x', "--target", "a'b"]
    text = " ".join(words[:4]) + "\n  " + "\t".join(words[4:]) + "\n"
    done = script(tmp_path, "Run ftops", ARGS=text, GIT_TOKEN="ghs_secret", FTOPS_SUCCESS_CODES="4 8")
    assert done.returncode == 0, done.stderr
    masked, told = done.stdout.splitlines()
    arguments, environ, _ = json.loads(told)
    assert arguments == ["-P", "-m", "ftops.cli.ci_step", *words]
    header = base64.b64encode(b"x-access-token:ghs_secret").decode()
    assert masked == f"::add-mask::{header}"
    assert {key: value for key, value in environ.items() if key.startswith("GIT_")} == {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.https://github.com/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {header}",
    }
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["file.py"]


def test_without_a_token_git_gets_none_and_the_process_is_ftops_own(tmp_path: Path) -> None:
    (tmp_path / "temp/ftops-venv/bin").mkdir(parents=True)
    python = tmp_path / "temp/ftops-venv/bin/python"
    python.write_text('#!/bin/sh\necho "$$ ${GIT_CONFIG_COUNT-none}"\nexit 8\n', encoding="utf-8")
    python.chmod(0o755)
    (step,) = (one for one in stated("action.yml")["runs"]["steps"] if one["name"] == "Run ftops")
    environ = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(tmp_path / "temp"), "ARGS": "plan", "GIT_TOKEN": ""}
    command = ["bash", "-e", "-o", "pipefail", "-c", step["run"]]
    with subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=30)
    assert (said.strip(), process.returncode) == (f"{process.pid} none", 8)


def test_a_release_is_pinned() -> None:
    assert (TEMPLATES / "action.yml").read_text(encoding="utf-8").count("FTOPS_VERSION") == 1
    assert f'default: "{__version__}"' in own("action.yml")
