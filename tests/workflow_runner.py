"""A runner for our own GitHub workflows: their real files, real bash, real processes; GitHub is a stand-in on loopback.

It does as GitHub's runner does, as far as these workflows need it: expressions, conditions, jobs and their needs, environments
with their secrets, permissions as tokens, composite actions, outputs, summaries, workflow commands, and the signal by which a
run is cancelled. Keys and words that it doesn't know are an error. The three actions by GitHub that they use have stand-ins
(``workflow_actions.py``).
Sources: https://docs.github.com/actions/reference/workflow-syntax-for-github-actions, and of interruptions
https://docs.github.com/actions/reference/workflow-cancellation-reference.
"""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workflow_actions import ACTIONS, Artifacts
from workflow_expressions import Functions, as_text, condition, expand

STEP_SECONDS = 120.0
_JOB_KEYS = {"name", "needs", "if", "runs-on", "timeout-minutes", "environment", "permissions", "outputs", "steps"}
_STEP_KEYS = {"name", "id", "if", "uses", "with", "env", "run", "shell", "working-directory"}
_INPUT_KEYS = {"description", "default"}
_COMMAND = re.compile(r"::(?P<word>[a-z-]+)(?: (?P<fields>[^:]*))?::(?P<value>.*)")
_LEVELS = {"notice", "warning", "error"}


@dataclass(kw_only=True)
class Event:
    """What a run was started by. ``commit`` is what is checked out."""

    name: str
    commit: str
    ref: str = "refs/heads/main"
    payload: dict[str, Any] = field(default_factory=dict)
    is_foreign: bool = False


@dataclass(kw_only=True)
class Annotation:
    level: str
    title: str
    text: str


@dataclass(kw_only=True)
class Job:
    """How a job went: ``success``, ``failure``, ``cancelled`` or ``skipped``. ``steps`` are outcomes by name."""

    result: str = "success"
    environment: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, str] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)
    log: str = ""
    summary: str = ""


@dataclass(kw_only=True)
class Run:
    id: int
    event: Event
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def result(self) -> str:
        results = {job.result for job in self.jobs.values()}
        return next((one for one in ("failure", "cancelled") if one in results), "success")

    @property
    def log(self) -> str:
        return "\n".join(job.log for job in self.jobs.values())


@dataclass(kw_only=True)
class Runner:
    """Runs workflows of one repository.

    ``tools`` is an installed ftops, ``machine`` is in the environment of every step; ``secrets`` are by environment, those of
    the repository itself under "". ``during`` is called with a step's process when ftops has started there.
    """

    folder: Path
    repository: str
    server_url: str
    api_url: str
    artifacts: Artifacts
    grant: Callable[[str, Mapping[str, str], bool], None]
    tools: Path
    machine: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    during: dict[str, Callable[["_JobRun", "subprocess.Popen[str]"], None]] = field(default_factory=dict)

    def run(self, workflow: Path, event: Event, *, assumed: Collection[str] = ()) -> Run:
        """Runs all jobs of a workflow, one after the other; those that are ``assumed`` count as a success unplayed."""
        stated = yaml.load(workflow.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        assert set(stated) <= {"name", "on", "permissions", "concurrency", "env", "jobs"}
        assert stated["permissions"] == {}, "nothing is allowed that a job doesn't ask for"
        assert event.name in stated["on"]
        run = Run(id=self.artifacts.begin(f".github/workflows/{workflow.name}", event), event=event)
        for name, job in stated["jobs"].items():
            if name in assumed:
                run.jobs[name] = Job()
                continue
            run.jobs[name] = _JobRun(runner=self, run=run, stated=job, environ=stated.get("env", {})).play()
        self.artifacts.end(run.id, run.result)
        return run


@dataclass(kw_only=True)
class _JobRun:
    runner: Runner
    run: Run
    stated: Mapping[str, Any]
    environ: Mapping[str, str]
    job: Job = field(default_factory=Job)
    masks: set[str] = field(default_factory=set)
    stopped: str = ""
    matchers: list[dict[str, Any]] = field(default_factory=list)
    contexts: dict[str, Any] = field(default_factory=dict)
    current: str = ""

    def play(self) -> Job:
        assert set(self.stated) <= _JOB_KEYS, set(self.stated) - _JOB_KEYS
        folder = self.runner.folder / f"run-{self.run.id}-{len(self.run.jobs)}"
        self.workspace, self.temp = folder / "work", folder / "temp"
        for made in (self.workspace, self.temp, folder / "home"):
            made.mkdir(parents=True)
        # Installed already, as the action sees it.
        (self.temp / "ftops-venv").symlink_to(self.runner.tools)
        self.token = f"ghs_{uuid.uuid4().hex}"
        self.contexts = {"github": self._github(), "env": dict(self.environ), "runner": {"temp": str(self.temp)}}
        needs = self.stated.get("needs", [])
        needed = {name: self.run.jobs[name] for name in ([needs] if isinstance(needs, str) else needs)}
        self.contexts["needs"] = {n: {"outputs": j.outputs, "result": j.result} for n, j in needed.items()}
        self.job.result = "success" if all(job.result == "success" for job in needed.values()) else "failure"
        if not condition(self.stated.get("if"), self.contexts, self._functions(self.contexts)):
            return Job(result="skipped")
        self._give_rights()
        for step in self.stated["steps"]:
            self._step(step, {}, self.contexts.setdefault("steps", {}), self.contexts)
        self.job.outputs = self._expanded(self.stated.get("outputs", {}), self.contexts)
        return self.job

    # What a job may do.

    def _give_rights(self) -> None:
        self.job.environment = expand(self.stated.get("environment", ""), self.contexts, self._functions(self.contexts))
        permissions = self.stated.get("permissions", {})
        assert set(permissions.values()) <= {"read", "write"}
        self.runner.grant(self.token, permissions, self.run.event.is_foreign)
        known = {} if self.run.event.is_foreign else self.runner.secrets
        self.contexts["secrets"] = {**known.get("", {}), **known.get(self.job.environment, {})}

    def _github(self) -> dict[str, Any]:
        event = self.run.event
        return {
            "event": event.payload,
            "event_name": event.name,
            "ref": event.ref,
            "sha": event.commit,
            "repository": self.runner.repository,
            "token": self.token,
            "workspace": str(self.workspace),
        }

    # Steps.

    def _step(
        self, step: Mapping[str, Any], outer: Mapping[str, str], steps: dict[str, Any], contexts: dict[str, Any]
    ) -> None:
        assert set(step) <= _STEP_KEYS, set(step) - _STEP_KEYS
        name, is_inner = step["name"], steps is not self.contexts["steps"]
        if not is_inner:
            self.current = name
        if not condition(step.get("if"), contexts, self._functions(contexts)):
            if not is_inner:
                self.job.steps[name] = "skipped"
            return
        environ = {**outer, **self._expanded(step.get("env", {}), contexts)}
        outputs: dict[str, str] = {}
        if "run" in step:
            is_good = self._script(step, environ, contexts, outputs)
        else:
            is_good = self._uses(step, environ, contexts, outputs)
        steps[step.get("id", name)] = {"outputs": outputs, "outcome": "success" if is_good else "failure"}
        if not is_inner:
            self.job.steps[name] = "success" if is_good else "failure"
        if not is_good and self.job.result == "success":
            self.job.result = "failure"

    def _uses(
        self, step: Mapping[str, Any], environ: Mapping[str, str], contexts: dict[str, Any], outputs: dict[str, str]
    ) -> bool:
        given = self._expanded(step.get("with", {}), contexts)
        if step["uses"] in ACTIONS:
            return ACTIONS[step["uses"]](self.runner.artifacts, self.run, self.workspace, given)
        # Of this repository, at the commit that runs.
        assert step["uses"].startswith(("$/", "./")), step["uses"]
        action = yaml.load((self.workspace / step["uses"][2:] / "action.yml").read_text("utf-8"), yaml.BaseLoader)
        assert action["runs"]["using"] == "composite"
        assert set(given) <= set(action["inputs"]), set(given) - set(action["inputs"])
        assert all(set(one) <= _INPUT_KEYS for one in action["inputs"].values())
        inputs = {key: given.get(key, one.get("default", "")) for key, one in action["inputs"].items()}
        inner: dict[str, Any] = {**contexts, "inputs": inputs, "steps": {}, "secrets": {}}
        for one in action["runs"]["steps"]:
            assert "uses" in one or one["shell"] == "bash"
            self._step(one, environ, inner["steps"], inner)
        stated = {key: one["value"] for key, one in action.get("outputs", {}).items()}
        outputs.update(self._expanded(stated, inner))
        return _are_good(inner["steps"])

    def _script(
        self,
        step: Mapping[str, Any],
        environ: Mapping[str, str],
        contexts: dict[str, Any],
        outputs: dict[str, str],
    ) -> bool:
        assert "${{" not in step["run"], "nothing is written into a script"
        script = self.temp / f"{uuid.uuid4()}.sh"
        script.write_text(step["run"], encoding="utf-8")
        files = {what: self.temp / f"{what}-{uuid.uuid4()}" for what in ("OUTPUT", "STEP_SUMMARY", "ENV", "PATH")}
        for file in files.values():
            file.touch()
        where = self.workspace / expand(step.get("working-directory", "."), contexts, self._functions(contexts))
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=where,
            env={**self._machine(), **{f"GITHUB_{what}": str(file) for what, file in files.items()}, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        if "exec " in step["run"] and (meanwhile := self.runner.during.pop(self.current, None)):
            meanwhile(self, process)
        try:
            said, _ = process.communicate(timeout=STEP_SECONDS)
        finally:
            process.kill()
        self._obey(said)
        outputs.update(_read_outputs(files["OUTPUT"].read_text(encoding="utf-8")))
        self.job.summary += files["STEP_SUMMARY"].read_text(encoding="utf-8")
        assert not files["ENV"].stat().st_size + files["PATH"].stat().st_size, "a step changes no other's environment"
        return process.returncode == 0

    def cancel(self, process: "subprocess.Popen[str]") -> None:
        """As the runner does: the step's process alone is interrupted, not its children."""
        self.job.result = "cancelled"
        os.kill(process.pid, signal.SIGINT)

    def _obey(self, said: str) -> None:
        """Takes workflow commands as the runner does: at a line's beginning, unless they were stopped."""
        for line in said.splitlines():
            found = _COMMAND.fullmatch(line.lstrip())
            for matcher in self.matchers:
                (pattern,) = matcher["pattern"]
                if problem := re.match(pattern["regexp"], line):
                    place, text = f"{problem[pattern['file']]}:{problem[pattern['line']]}", problem[pattern["message"]]
                    self.job.annotations.append(Annotation(level=matcher["severity"], title=place, text=text))
            if self.stopped:
                self.stopped = "" if line.strip() == f"::{self.stopped}::" else self.stopped
            elif found and found["word"] == "stop-commands":
                self.stopped = found["value"]
            elif found and found["word"] == "add-mask":
                self.masks.add(found["value"])
                continue
            elif found and found["word"] == "add-matcher":
                self.matchers = json.loads(Path(found["value"]).read_text(encoding="utf-8"))["problemMatcher"]
            elif found and found["word"] in _LEVELS:
                fields = dict(one.split("=", 1) for one in (found["fields"] or "").split(",") if "=" in one)
                note = Annotation(level=found["word"], title=fields.get("title", ""), text=found["value"])
                self.job.annotations.append(note)
            elif found:
                raise AssertionError(f"a workflow command that nobody meant: {line!r}")
            self.job.log += line + "\n"
        for mask in self.masks:
            assert mask not in self.job.log

    # Values.

    def _machine(self) -> dict[str, str]:
        event = self.temp / "event.json"
        event.write_text(json.dumps(self.run.event.payload), encoding="utf-8")
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.temp.parent / "home"),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.runner.api_url,
            "GITHUB_EVENT_NAME": self.run.event.name,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REF": self.run.event.ref,
            "GITHUB_REPOSITORY": self.runner.repository,
            "GITHUB_RUN_ID": str(self.run.id),
            "GITHUB_SERVER_URL": self.runner.server_url,
            "GITHUB_SHA": self.run.event.commit,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
            **self.runner.machine,
            **self.environ,
        }

    def _expanded(self, values: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        return {key: expand(value, contexts, self._functions(contexts)) for key, value in values.items()}

    def _functions(self, contexts: Mapping[str, Any]) -> Functions:
        is_inner, is_cancelled = "inputs" in contexts, self.job.result == "cancelled"
        return {
            # Within a composite action it is about the action's own steps.
            "success": lambda: (
                not is_cancelled and (_are_good(contexts["steps"]) if is_inner else self.job.result == "success")
            ),
            "failure": lambda: self.job.result == "failure",
            "cancelled": lambda: self.job.result == "cancelled",
            "always": lambda: True,
            "format": lambda text, *values: re.sub(r"\{(\d)\}", lambda n: as_text(values[int(n[1])]), text),
            "hashFiles": lambda path: "found" if (self.workspace / path).is_file() else "",
        }


def _are_good(steps: Mapping[str, Any]) -> bool:
    return all(step["outcome"] == "success" for step in steps.values())


def _read_outputs(text: str) -> dict[str, str]:
    """Reads ``name=value`` lines, and ``name<<END`` blocks."""
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, sign, value = re.fullmatch(r"([\w-]+)(<<|=)(.*)", line).groups()  # type: ignore[union-attr]
        if sign == "<<":
            held = list(iter(lambda end=value: next(lines, end), value))
            value = "\n".join(held)
        outputs[name] = value
    return outputs
