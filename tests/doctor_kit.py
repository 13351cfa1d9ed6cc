"""A patient for the doctor: a real clone with a real remote, whose command line runs in this process."""

import functools
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
import pytest

from ftops.adapters.git_ledger import GitLedger
from ftops.application.doctor import examine
from ftops.bootstrap_doctor import open_surroundings
from ftops.cli.main import run
from ftops.domain.diagnosis import Finding
from ledger_kit import QuickClock, git
from openai_standin import BASE_MODEL, OpenAIStandin, openai_standin

KEY = "sk-test-0123456789abcdef0123456789abcdef"
VARIABLE = "FTOPS_LAB_KEY"
_FOREIGN = ("OPENAI_", "FTOPS_", "GITHUB_", "GITLAB_", "GIT_", "CI", "EMAIL")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass
class Patient:
    """One project. ``look`` gives the findings by check, ``text`` what a person sees."""

    root: Path
    capsys: Any
    monkeypatch: pytest.MonkeyPatch
    code: int = 0

    def look(self, *words: str, start: Path | None = None) -> dict[str, Any]:
        self.capsys.readouterr()
        self.code = run(["-C", str(start or self.root), "doctor", "--json", *words])
        said = self.capsys.readouterr()
        data = json.loads(said.out)
        assert data["exit_code"] == self.code, said.out
        assert said.err == ""
        return {one["check"]: one for one in data["checks"]}

    def findings(self, *, is_offline: bool = False) -> dict[str, Finding]:
        """The same without the command line, for fixtures of a whole module."""
        here = open_surroundings(self.root, backend=None)
        return {one.check.value: one for one in examine(here, now=datetime.now(UTC), is_offline=is_offline)}

    def text(self, *words: str) -> str:
        self.capsys.readouterr()
        self.code = run(["-C", str(self.root), "doctor", *words])
        said = self.capsys.readouterr()
        return said.out + said.err

    def setenv(self, **variables: str) -> None:
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def project(self, spec: str, *, name: str = "acme") -> None:
        head = f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: {name}}}\nspec:\n"
        self.write("ftops.yaml", head + spec)

    def lab(self, base_url: str, more: str = "") -> None:
        """A backend at that address, with a key of its own."""
        entry = f"{{type: openai, base_url: '{base_url}', api_key_env: {VARIABLE}}}"
        self.project(f"  backend: lab\n  backends:\n    lab: {entry}\n{more}")

    def manifest(self, text: str = "", *, base_model: str = BASE_MODEL) -> None:
        spec = f"spec:\n  base_model: {base_model}\n  dataset: {{train: data/train.jsonl}}\n"
        self.write(
            "finetunes/router.yaml",
            f"apiVersion: ftops/v1\nkind: FineTune\nmetadata: {{name: router}}\n{spec}{text}",
        )

    def commit(self, message: str = "change") -> str:
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", message)
        return git(self.root, "rev-parse", "HEAD")

    def ledger(self, *events: Any) -> None:
        """Writes to the ledger as ftops does, in a state folder of its own."""
        clone = GitLedger(
            self.root,
            project="acme",
            branch="ftops-ledger",
            remote="origin",
            ftops_dir=self.root.parent / "other-state",
            clock=QuickClock(),
        )
        clone.record(events)


def wrong_in(found: dict[str, Any]) -> dict[str, str]:
    """What is wrong, in its own words."""
    return {name: one["says"] for name, one in found.items() if one["state"] == "wrong"}


@pytest.fixture
def standin() -> Iterator[OpenAIStandin]:
    """A backend that knows the patient's key."""
    with openai_standin(key=KEY) as running:
        yield running


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone and its remote, to be copied: making them takes ten processes."""
    folder = tmp_path_factory.mktemp("doctor")
    git(folder, "init", "-q", "--bare", "-b", "main", "remote.git")
    git(folder, "init", "-q", "-b", "main", "clone")
    (folder / "clone/.gitignore").write_text(".ftops/\n")
    git(folder / "clone", "add", "-A")
    git(folder / "clone", "commit", "-q", "-m", "Begin")
    git(folder / "clone", "remote", "add", "origin", "REMOTE")
    git(folder / "clone", "push", "-q", str(folder / "remote.git"), "main")
    return folder


@pytest.fixture
def plain(
    standin: OpenAIStandin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Patient:
    """A project in no repository: what is about git ends in exit 2, the rest is well and looked at sooner."""
    quiet_environment(tmp_path, monkeypatch)
    well = Patient(tmp_path / "clone", capsys, monkeypatch)
    well.write("finetunes/data/train.jsonl", '{"messages": []}\n')
    well.manifest()
    well.lab(standin.base_url)
    well.setenv(**{VARIABLE: KEY})
    return well


@pytest.fixture
def patient(plain: Patient, template: Path, tmp_path: Path) -> Patient:
    """One that is well: one fine-tune on a backend that answers, committed, with a remote."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    settings = plain.root / ".git/config"
    settings.write_text(settings.read_text().replace("REMOTE", str(tmp_path / "remote.git")))
    plain.commit("Declare")
    return plain


def quiet_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes away what this machine has set; git knows a user by its own settings file."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    settings = tmp_path / "gitconfig"
    settings.write_text('[user]\n\tname = Ada\n\temail = ada@example.com\n[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    # Reading all the authorities of the world takes longer than a look; nobody here has a certificate of theirs.
    authority = tmp_path / "authority.pem"
    authority.write_text(_authority())
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@functools.cache
def _authority() -> str:
    end = "-----END CERTIFICATE-----\n"
    return Path(certifi.where()).read_text(encoding="utf-8").partition(end)[0] + end


def put_git_first(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a program called git before the real one."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
