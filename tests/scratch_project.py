"""A project in a real git repository in a temporary folder, and the real command line as a process of its own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from forked_ftops import forked_command
from server_process import wait_for

COMMAND_SECONDS = 120.0
KEY_VARIABLE = "FTOPS_SCRATCH_KEY"
LABELS = {
    "refund": "I want my money back for order number",
    "card": "my bank card was swallowed by the machine near street",
    "login": "the password reset link fails on account",
}
GRADER = '{type: string_check, operation: eq, input: "{{sample.output_text}}", reference: "{{reference}}"}'


def git(folder: Path, *arguments: str) -> str:
    options = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def rows(first: int, count: int) -> str:
    lines = []
    for n in range(first, first + count):
        label, words = list(LABELS.items())[n % len(LABELS)]
        turns = [{"role": "user", "content": f"{words} {n}"}, {"role": "assistant", "content": label}]
        lines.append(json.dumps({"messages": turns}))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass
class Scratch:
    """One clone of a project. ``env`` is added to every command's environment."""

    root: Path
    base_url: str = ""
    project_name: str = ""
    env: dict[str, str] = field(default_factory=dict)
    _started: list["subprocess.Popen[str]"] = field(default_factory=list)

    # Files and history.

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def manifest(
        self,
        name: str = "router",
        *,
        epochs: int = 2,
        batch: int | None = None,
        least: float | None = 0.6,
        aliases: str = "{production: latest}",
        moved_from: str = "[]",
        validation: str | None = None,
        more: str = "",
        file: str = "",
    ) -> None:
        gate = f"[{{min: {least}}}]" if least is not None else "[]"
        how = f"n_epochs: {epochs}" + (f", batch_size: {batch}" if batch else "")
        trained_on = "train: data/train.jsonl" + (f", validation: {validation}" if validation else "")
        self.write(
            f"finetunes/{file or name}.yaml",
            f"""\
apiVersion: ftops/v1
kind: FineTune
metadata: {{name: {name}, moved_from: {moved_from}}}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  seed: 7
  method: {{type: supervised, hyperparameters: {{{how}}}}}
  dataset: {{{trained_on}}}
  evals:
    - name: intent
      dataset: data/test.jsonl
      grader: {GRADER}
      sampling: {{temperature: 0}}
      gate: {gate}
  aliases: {aliases}
{more}""",
        )

    def project(self, base_url: str | None, *, name: str, more: str = "") -> None:
        backends = f"{{lab: {{type: openai, base_url: '{base_url}', settle_seconds: 3}}}}"
        backend = f"  backend: lab\n  backends: {backends}\n" if base_url else "  backend: embedded\n"
        self.write(
            "ftops.yaml",
            f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec:\n{backend}{more}",
        )

    def commit(self, message: str = "Change manifests") -> str:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.root, "rev-parse", "HEAD")

    # Commands.

    def start(self, *arguments: str, **env: str) -> "subprocess.Popen[str]":
        """Starts a command as users do, for what signals and kills make of it."""
        return self._start([sys.executable, "-m", "ftops", *arguments], env)

    def _start(self, words: list[str], env: Mapping[str, str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            words,
            cwd=self.root,
            env=self._environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def finish(self, process: "subprocess.Popen[str]") -> Done:
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        return Done(code=process.returncode, out=out, err=err)

    def ftops(self, *arguments: str, **env: str) -> Done:
        return self.finish(self._start([*forked_command(), *arguments], env))

    def apply(self, *arguments: str, code: int = 0, **env: str) -> Done:
        done = self.ftops("apply", "--auto-approve", *arguments, **env)
        assert done.code == code, f"exit {done.code}\n{done.out}\n{done.err}"
        return done

    def plan(self, *arguments: str, code: int = 0) -> Done:
        done = self.ftops("plan", "--detailed-exitcode", *arguments)
        assert done.code == code, f"exit {done.code}\n{done.out}\n{done.err}"
        return done

    def resolve(self, what: str = "router") -> str:
        done = self.ftops("resolve", what)
        assert done.code == 0, done.text
        return done.out.strip()

    def revision(self, name: str = "router") -> str:
        data = json.loads(self.ftops("resolve", name, "--format", "json").out)
        return str(data["revision"])

    def tip(self, branch: str = "ftops-ledger") -> str:
        return git(self.root, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def jobs(self, name: str = "router") -> list[dict[str, Any]]:
        """This project's jobs at its server, newest first."""
        return jobs_at(self.base_url, self.project_name, name)

    def wait_for_job(self, status: str = "running") -> dict[str, Any]:
        """Waits until the only job has come so far."""
        return wait_for(lambda: next((job for job in self.jobs() if job["status"] == status), None)) or {}

    def clone(self, remote: Path, folder: Path, name: str = "second") -> "Scratch":
        """Another clone of the same project, as another machine would have it."""
        git(folder, "clone", "-q", str(remote), name)
        return Scratch(folder / name, self.base_url, self.project_name, self.env)

    def add_remote(self, folder: Path) -> Path:
        """Gives this clone a bare remote that has its branch."""
        remote = folder / "remote.git"
        git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
        git(self.root, "remote", "add", "origin", str(remote))
        git(self.root, "push", "-q", "-u", "origin", "main")
        return remote

    def close(self) -> None:
        """Leaves no process behind: neither a command nor an embedded server."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        with contextlib.suppress(OSError, ValueError, KeyError):
            announced = json.loads((self.root / ".ftops/embedded/server.json").read_text(encoding="utf-8"))
            end_process(int(announced["pid"]), float(announced["create_time"]))

    def _environment(self, added: Mapping[str, str]) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "FTOPS_", "GIT_", "CI", "GITHUB_"))}
        quiet = {"HOME": str(self.root.parent), "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
        return {**kept, **quiet, **self.env, **added}


def end_process(pid: int, create_time: float) -> None:
    """Lets an embedded server end by itself; kills it where it doesn't."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - create_time) > 1:
            return
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()


def make_project(folder: Path, base_url: str | None, *, name: str = "", more: str = "") -> Scratch:
    """A repository with data, one manifest and a first commit; on a server at ``base_url``, or the embedded one."""
    root = folder / "clone"
    root.mkdir(exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    # Projects share a server: each is known by its name.
    name = name or re.sub(r"[^a-z0-9]", "-", folder.name.lower())[:40].strip("-")
    scratch = Scratch(root, base_url or "", name)
    scratch.write(".gitignore", ".ftops/\n")
    scratch.write("finetunes/data/train.jsonl", rows(0, 60))
    scratch.write("finetunes/data/test.jsonl", rows(1000, 12))
    scratch.project(base_url, name=name, more=more)
    scratch.manifest()
    scratch.commit("Begin")
    return scratch


@contextlib.contextmanager
def opened(scratch: Scratch) -> Iterator[Scratch]:
    try:
        yield scratch
    finally:
        scratch.close()


def jobs_at(base_url: str, project: str | None = None, name: str = "router") -> list[dict[str, Any]]:
    """The jobs of a fine-tune at a server, newest first; of any project where none is named."""
    with urllib.request.urlopen(f"{base_url}/fine_tuning/jobs?limit=100", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]
    wanted = {"ftops_name": name} | ({"ftops_project": project} if project else {})
    return [job for job in found if wanted.items() <= (job["metadata"] or {}).items()]


def wait_for_text(file: Path, text: str) -> None:
    wait_for(lambda: text in file.read_text(encoding="utf-8", errors="replace"))
