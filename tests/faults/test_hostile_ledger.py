"""Hostile input: a ledger branch that somebody else filled, a hostile ftops.yaml, and a hostile environment.

Everything here goes through the command line, in this process: whatever is on the branch, a command ends in sentences and an
exit code, and shows no control character.
"""

import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.main import run
from ftops.domain.events import EventRefused
from ledger_kit import (
    AT,
    NAME,
    REF,
    declared,
    git,
    intended,
    job_recorded,
    ledger,
    started,
)

PROJECT = {"format_version": "1", "ledger_id": "L1", "name": "acme"}
ROUTER = {"format_version": "1", "name": NAME}
TEN_GB = 10 * 2**30
# The hash of ten GiB of zeros, computed once with git hash-object: it takes minutes.
ZEROS = "1119181c4708377b56e8dedc83bba16a2ce4a254"
MANIFEST = f"""\
apiVersion: ftops/v1
kind: FineTune
metadata: {{name: {NAME}}}
spec:
  base_model: gpt-4.1-mini-2025-04-14
  seed: 7
  dataset: {{train: train.jsonl}}
  aliases: {{production: latest}}
"""
ROW = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
LOOKING: tuple[tuple[str, ...], ...] = (
    ("plan",),
    ("status",),
    ("show", NAME),
    ("resolve", NAME),
    ("history",),
    ("ledger", "verify"),
)


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on OpenAI's address without a key, whose ledger is a branch of this clone."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    path = tmp_path / "repo"
    (path / "finetunes").mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    configure(path)
    (path / "finetunes" / "router.yaml").write_text(MANIFEST)
    (path / "finetunes" / "train.jsonl").write_text(f"{json.dumps(ROW)}\n" * 20)
    (path / ".gitignore").write_text(".ftops/\n")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "Begin")
    return path


def configure(repo: Path, spec: str = "backend: openai") -> None:
    text = f"apiVersion: ftops/v1\nkind: Project\nmetadata: {{name: acme}}\nspec:\n  {spec}\n"
    (repo / "ftops.yaml").write_text(text)


Put = Callable[..., str]


@pytest.fixture
def put(repo: Path) -> Put:
    """Puts a tree onto the ledger's branch: path below the project's folder -> JSON, text, or (mode, hash)."""

    def put(files: dict[str, Any], *, message: str = "x") -> str:
        commit = git(
            repo, "commit-tree", tree(repo, {f"projects/acme/{path}": at for path, at in files.items()}), stdin=message
        )
        git(repo, "update-ref", REF, commit)
        return commit

    return put


def tree(repo: Path, entries: dict[str, Any]) -> str:
    lines, folders = [], {}
    for path, content in entries.items():
        first, _, rest = path.partition("/")
        if rest and not isinstance(content, tuple | bytes):
            folders.setdefault(first, {})[rest] = content
        elif isinstance(content, tuple):
            mode, kind, sha = content
            if rest:
                folders.setdefault(first, {})[rest] = content
            else:
                lines.append(f"{mode} {kind} {sha}\t{first}\0")
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            sha = git(repo, "hash-object", "-w", "--stdin", stdin=text)
            lines.append(f"100644 blob {sha}\t{first}\0")
    lines += [f"040000 tree {tree(repo, inside)}\t{name}\0" for name, inside in folders.items()]
    return git(repo, "mktree", "-z", "--missing", stdin="".join(lines))


@pytest.fixture
def say(repo: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs a command and gives its exit code and all it said, which never holds a raw control character."""

    def say(*arguments: str) -> tuple[int, str]:
        code = run(["-C", str(repo), *arguments])
        said = capsys.readouterr()
        text = said.out + said.err
        raw = {character for character in text if ord(character) < 32 or 127 <= ord(character) < 160} - {"\n"}
        assert not raw, (arguments, raw)
        assert "Traceback" not in text, text
        assert "fault in ftops" not in text, text
        return code, text

    return say


def ends_in_sentences(say: Callable[..., tuple[int, str]], words: str) -> None:
    """Every command that reads records says what is wrong; history, which reads the log, still answers."""
    for command in LOOKING:
        code, text = say(*command)
        if command == ("history",):
            assert code == 0, text
        else:
            assert code == 1, (command, text)
        assert words in text, (command, text)
    code, text = say("plan", "--offline")
    assert (code, words in text) == (1, True), text


HOSTILE_IDS = (
    "$(touch hacked)",
    "`touch hacked`",
    "; rm -rf /",
    "--upload-pack=touch hacked",
    "a\nb",
    "../../etc/passwd",
    "",
)


@pytest.mark.parametrize("name", HOSTILE_IDS)
def test_ids_that_are_commands_or_options(repo: Path, put: Put, say: Callable[..., tuple[int, str]], name: str) -> None:
    put({"project.json": {**PROJECT, "ledger_id": name}, f"fine-tunes/{NAME}.json": ROUTER})
    ends_in_sentences(say, "projects/acme/project.json")
    assert not list(repo.rglob("hacked"))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"project.json": PROJECT, "fine-tunes/..": ("040000", "tree", "?")}, "no business"),
        ({"project.json": PROJECT, "fine-tunes/-x.json": ROUTER}, "no business"),
        ({"project.json": PROJECT, "fine-tunes/a\x1b]0;owned\x07.json": ROUTER}, r"\x1b]0;owned\x07"),
        ({"project.json": ("120000", "blob", "?")}, "not a plain file"),
        ({"project.json": ("160000", "commit", "1" * 40)}, "not a plain file"),
        ({"project.json": PROJECT, "fine-tunes/router.json": {**ROUTER, "name": "../../up"}}, "router.json"),
        (
            {"project.json": '{"format_version": "1", "name": "acme", "ledger_id": "L1", "x": ' + "[" * 100_000},
            "project.json",
        ),
        ({"project.json": {**PROJECT, "backends": {"openai": {"base_url": "http://\x1b[2J"}}}}, "base_url"),
        (
            {"project.json": {**PROJECT, "applied": {"commit": "--all", "at": "2026-11-21T12:00:00Z", "owner": "x"}}},
            "commit",
        ),
    ],
    ids=["climbing", "option", "controls", "link", "submodule", "climbing-name", "deep", "address", "commit-option"],
)
def test_trees_and_records_that_climb_or_lie(
    repo: Path, put: Put, say: Callable[..., tuple[int, str]], files: dict[str, Any], words: str
) -> None:
    target = git(repo, "hash-object", "-w", "--stdin", stdin="/etc/passwd")
    empty = git(repo, "mktree", stdin=f"100644 blob {target}\tpasswd\n")
    filled = {
        path: (at[0], at[1], {"tree": empty, "blob": target}.get(at[1], at[2])) if isinstance(at, tuple) else at
        for path, at in files.items()
    }
    put(filled)
    ends_in_sentences(say, words)


def write_zeros(repo: Path) -> None:
    """Writes a loose object of ten GiB of zeros: deflate repeats itself after each full flush, so nothing is computed."""
    packer = zlib.compressobj()
    header = packer.compress(b"blob %d\0" % TEN_GB) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    path = repo / ".git" / "objects" / ZEROS[:2] / ZEROS[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(header + block * (TEN_GB >> 20))


def test_blob_of_ten_gigabytes_is_refused_before_it_is_unpacked(
    repo: Path, put: Put, say: Callable[..., tuple[int, str]]
) -> None:
    write_zeros(repo)
    assert git(repo, "cat-file", "-s", ZEROS) == str(TEN_GB)
    put({"project.json": PROJECT, f"fine-tunes/{NAME}.json": ("100644", "blob", ZEROS)})
    ends_in_sentences(say, f"fine-tunes/{NAME}.json in the ledger is larger than 64 MiB")


def test_snapshot_that_is_nested_deeply(repo: Path, put: Put, say: Callable[..., tuple[int, str]]) -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": [deep]}
    ledger(repo, remote=None).record([started(), declared()])
    record = json.loads(git(repo, "cat-file", "blob", f"{REF}:projects/acme/fine-tunes/{NAME}.json"))
    record["revisions"][declared().revision]["spec"] = {"base_model": "m", "method": deep}
    put({"project.json": PROJECT, f"fine-tunes/{NAME}.json": record})
    ends_in_sentences(say, "nested more than 64 levels deep")
    ledger(repo, remote=None, branch="other").record([started()])
    with pytest.raises(EventRefused, match="nested"):
        ledger(repo, remote=None, branch="other").record([declared(spec={"method": deep})])


def test_messages_of_commits(repo: Path, say: Callable[..., tuple[int, str]]) -> None:
    at = ledger(repo, remote=None)
    tip = at.record([started(), declared()]).tip
    line = '{"at":"2026-11-21T12:00:00Z","commit":"c","event":"applied","owner":"\\u001b]0;x\\u0007"}\n'
    for message in ("\x1b[2J\x07\n\nx", "m" * (100 << 20), f"many\n\n{line * 20_000}", f"x\n\n{line}"):
        # Each commit changes the folder, so that the log has it.
        blob = git(repo, "hash-object", "-w", "--stdin", stdin=json.dumps({**PROJECT, "ledger_id": f"L{len(message)}"}))
        project = tree(repo, {"project.json": ("100644", "blob", blob)})
        top = tree(repo, {"projects/acme": ("040000", "tree", project)})
        tip = git(repo, "commit-tree", top, "-p", str(tip), stdin=message)
    git(repo, "update-ref", REF, str(tip))
    code, text = say("history", "-n", "20004")
    assert code == 0
    assert text.count("applied by") == 20_001
    assert "too long to be read" in text
    assert r"a commit without events: \x1b[2J\x07" in text
    code, text = say("ledger", "verify")
    assert (code, "too long to be read" in text) == (1, True)


def test_folder_of_very_many_files(repo: Path, put: Put, say: Callable[..., tuple[int, str]]) -> None:
    blob = git(repo, "hash-object", "-w", "--stdin", stdin=json.dumps(ROUTER))
    put({"project.json": PROJECT, **{f"fine-tunes/n{n}.json": ("100644", "blob", blob) for n in range(20_001)}})
    for command in (("plan",), ("ledger", "verify")):
        code, text = say(*command)
        assert (code, "more than 20000 files" in text) == (1, True), text


def test_alias_of_somebody_elses_model_shows(repo: Path, say: Callable[..., tuple[int, str]]) -> None:
    at = ledger(repo, remote=None)
    at.record([started(), declared(), intended(), job_recorded(intent="i1")])
    record = json.loads(git(repo, "cat-file", "blob", f"{REF}:projects/acme/fine-tunes/{NAME}.json"))
    target = {"backend": "openai", "revision": declared().revision, "model": "ft:gpt:mallory::x"}
    record["aliases"] = {"production": {"history": [{"at": AT.isoformat(), "target": target, "reason": "pinned"}]}}
    top = tree(repo, {"projects/acme/project.json": PROJECT, f"projects/acme/fine-tunes/{NAME}.json": record})
    git(repo, "update-ref", REF, git(repo, "commit-tree", top, "-p", git(repo, "rev-parse", REF), stdin="x"))
    code, text = say("ledger", "verify")
    assert code == 1
    assert "points to ft:gpt:mallory::x, which no recorded job" in text
    assert "was not written by ftops" in text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("ledger: {remote: '--upload-pack=touch hacked'}", "/spec/ledger/remote"),
        ("ledger: {remote: 'https://evil.example/x.git'}", "/spec/ledger/remote"),
        ("ledger: {remote: 'git@evil.example:x'}", "/spec/ledger/remote"),
        ("ledger: {remote: 'ext::sh -c touch% hacked'}", "/spec/ledger/remote"),
        ("ledger: {remote: .}", "/spec/ledger/remote"),
        ("ledger: {branch: '--x'}", "/spec/ledger/branch"),
        ("ledger: {branch: '../main'}", "/spec/ledger/branch"),
        ("ledger: {branch: 'a..b'}", "/spec/ledger/branch"),
        ('ledger: {branch: "a\\nupdate refs/heads/main"}', "/spec/ledger/branch"),
        ("ledger: {branch: 'a.lock'}", "/spec/ledger/branch"),
        ("ledger: {branch: HEAD}", "/spec/ledger/branch"),
        ("ledger: {branch: refs/heads/main}", "/spec/ledger/branch"),
        ("ledger: {branch: main-embedded}", "/spec/ledger/branch"),
        ("backends: {x: {type: openai, base_url: 'https://e.example/v1', api_key_env: OPENAI_API_KEY}}", "api_key_env"),
        (
            "backends: {x: {type: openai, base_url: 'https://e.example/v1', api_key_env: AWS_SECRET_ACCESS_KEY}}",
            "api_key_env",
        ),
        ("backends: {x: {type: openai, base_url: 'https://e.example/v1', api_key_env: GITHUB_TOKEN}}", "api_key_env"),
        ("backends: {openai: {type: openai, base_url: 'https://evil.example/v1'}}", "/spec/backends/openai/base_url"),
        ("backends: {openai: {type: embedded}}", "/spec/backends/openai/type"),
        ("backends: {embedded: {type: openai, base_url: 'https://evil.example/v1'}}", "/spec/backends/embedded/type"),
        ("backends: {x: {type: openai, base_url: 'http://evil.example/v1'}}", "https"),
        ("backends: {x: {type: openai, base_url: 'https://api.openai.com@evil.example/v1'}}", "base_url"),
        ("backends: {'op\\u0435nai': {type: openai}}", "/spec/backends"),
        ("backends: {OpenAI: {type: openai}}", "/spec/backends"),
        ("manifests: ['../..']", "/spec/manifests"),
        ("manifests: ['/etc']", "/spec/manifests"),
    ],
)
def test_project_files_that_would_lead_elsewhere(
    repo: Path, say: Callable[..., tuple[int, str]], spec: str, words: str
) -> None:
    configure(repo, spec)
    for command in (("validate",), ("plan",), ("apply", "--auto-approve"), ("plan", "--offline")):
        code, text = say(*command)
        assert code == 2, (command, text)
        assert words in text, text
    assert not list(repo.rglob("hacked"))
    assert git(repo, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


@pytest.mark.parametrize("branch", ["main", "origin/main"])
def test_branches_that_look_like_others_stay_their_own(
    repo: Path, say: Callable[..., tuple[int, str]], branch: str
) -> None:
    configure(repo, f"ledger: {{branch: {branch}}}\n  backend: openai")
    before = git(repo, "rev-parse", "main")
    code, text = say("plan")
    assert code == (5 if branch == "main" else 0), text
    assert git(repo, "for-each-ref", "--format=%(objectname) %(refname)") == f"{before} refs/heads/main"


@pytest.mark.parametrize("key", ["FTOPS_THEIRS_KEY"])
def test_key_is_not_sent_to_a_stranger(
    repo: Path, say: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(key, "sk-sentinel")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-sentinel")
    configure(
        repo,
        f"backend: x\n  backends: {{x: {{type: openai, base_url: 'https://evil.example/v1', api_key_env: {key}}}}}",
    )
    for command in (("plan",), ("apply", "--auto-approve")):
        code, text = say(*command)
        assert code == 2, text
        assert "FTOPS_TRUSTED_BACKENDS" in text
        assert "sk-sentinel" not in text


HOSTILE_ENVIRONMENT = {
    "GIT_DIR": "/nowhere",
    "GIT_WORK_TREE": "/",
    "GIT_INDEX_FILE": "/nowhere/index",
    "GIT_OBJECT_DIRECTORY": "/nowhere/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere/objects",
    "GIT_COMMON_DIR": "/nowhere",
    "GIT_NAMESPACE": "elsewhere",
    "GIT_SHALLOW_FILE": "/nowhere/shallow",
    "GIT_GRAFT_FILE": "/nowhere/grafts",
    "GIT_REPLACE_REF_BASE": "refs/elsewhere/",
    "GIT_PREFIX": "elsewhere/",
    "GIT_QUARANTINE_PATH": "/nowhere",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_GLOB_PATHSPECS": "1",
    "GIT_EXTERNAL_DIFF": "touch hacked",
    "GIT_PAGER": "touch hacked",
    "GIT_EDITOR": "touch hacked",
    "GIT_SEQUENCE_EDITOR": "touch hacked",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "touch hacked",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_DIFF_OPTS": "--stat",
    "GIT_AUTHOR_DATE": "never",
    "GIT_COMMITTER_NAME": "",
    "LC_ALL": "de_DE.UTF-8",
}


def test_environment_that_would_lead_git_elsewhere(
    repo: Path, say: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ledger(repo, remote=None)
    at.record([started(), declared()])
    calm = {command: say(*command) for command in LOOKING}
    for name, value in HOSTILE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert {command: say(*command) for command in LOOKING} == calm
    assert calm["ledger", "verify"][0] == 0
    tip = ledger(repo, remote=None).record([intended()]).tip
    monkeypatch.undo()
    assert git(repo, "rev-parse", REF) == tip
    assert not list(repo.rglob("hacked"))


@pytest.fixture
def replaced(repo: Path) -> Iterator[None]:
    """Replace refs, which git obeys by default, would show another commit in the place of the tip."""
    at = ledger(repo, remote=None)
    first, second = at.record([started()]).tip, at.record([declared()]).tip
    git(repo, "replace", str(second), str(first))
    yield
    os.environ.pop("GIT_NO_REPLACE_OBJECTS", None)


@pytest.mark.usefixtures("replaced")
def test_replace_refs_change_nothing(repo: Path) -> None:
    assert set(ledger(repo, remote=None).read().state.fine_tunes) == {NAME}
