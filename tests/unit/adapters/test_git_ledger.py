"""Reading and writing: what a ledger branch looks like, here and at a remote."""

import json
import os
from pathlib import Path

import pytest

from ftops.domain.events import EventRefused, Renamed
from ftops.domain.manifest import FineTuneName
from ftops.domain.records import LedgerState
from ftops.errors import Refused, UsageProblem
from ledger_kit import (
    AT,
    BRANCH,
    NAME,
    REF,
    World,
    applied,
    declared,
    evaluated,
    git,
    intended,
    job_recorded,
    ledger,
    started,
)

remote_or_not = pytest.mark.parametrize("remote", ["origin", None])


def test_no_branch_is_an_empty_ledger(world: World) -> None:
    snapshot = ledger(world.repo).read()
    assert (snapshot.state, snapshot.tip, snapshot.is_missing) == (LedgerState(), None, False)


@remote_or_not
def test_what_was_recorded_is_read_elsewhere(world: World, remote: str | None) -> None:
    written = ledger(world.repo, remote=remote).record([started(), declared(), intended(), evaluated()])
    reader = world.clone("reader") if remote else world.repo
    read = ledger(reader, remote=remote).read()
    assert (read.state, read.tip) == (written.state, written.tip)
    assert read.state.fine_tunes[NAME].evaluations[0].items == evaluated().evaluation.items


def test_branch_is_an_orphan_with_canonical_files(world: World) -> None:
    ledger(world.repo).record([started(), declared()])
    assert git(world.remote, "rev-list", "--count", REF) == "1"
    files = git(world.remote, "ls-tree", "-r", "--name-only", REF).splitlines()
    assert files == [f"projects/acme/fine-tunes/{NAME}.json", "projects/acme/project.json"]
    raw = git(world.remote, "cat-file", "blob", f"{REF}:projects/acme/project.json")
    assert raw == json.dumps(json.loads(raw), indent=1, sort_keys=True)
    author = git(world.remote, "log", "-1", "--format=%an <%ae> %cn", REF)
    assert author == "ftops <ftops@localhost> ftops"


def test_work_tree_index_and_head_stay_as_they_are(world: World) -> None:
    index = (world.repo / ".git" / "index").read_bytes()
    ledger(world.repo).record([started(), declared()])
    assert (world.repo / ".git" / "index").read_bytes() == index
    assert git(world.repo, "status", "--porcelain") == ""
    assert git(world.repo, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git(world.repo, "for-each-ref", "refs/heads").count("\n") == 0, "the ledger is no local branch"
    assert not (world.repo / ".git" / "FETCH_HEAD").exists()


@remote_or_not
def test_only_changed_files_are_written(world: World, remote: str | None) -> None:
    at = ledger(world.repo, remote=remote)
    first = at.record([started(), declared(), declared("other")])
    second = at.record([intended()])
    changed = git(world.repo, "diff", "--name-only", str(first.tip), str(second.tip))
    assert changed == f"projects/acme/fine-tunes/{NAME}.json"


def test_projects_share_a_branch(world: World) -> None:
    one, two = ledger(world.repo), ledger(world.repo, project="other")
    one.record([started()])
    two.record([started("L2"), declared()])
    one.record([declared("mine")])
    assert set(one.read().state.fine_tunes) == {"mine"}
    assert set(two.read().state.fine_tunes) == {NAME}
    assert [type(e.event).__name__ for e in one.log()] == ["RevisionDeclared", "Started"]


def test_folders_of_others_stay_untouched(world: World) -> None:
    blob = git(world.repo, "hash-object", "-w", "--stdin", stdin="theirs")
    tree = git(world.repo, "mktree", stdin=f"100644 blob {blob}\tREADME\n")
    for folder in ("other", "projects"):
        tree = git(world.repo, "mktree", stdin=f"040000 tree {tree}\t{folder}\n")
    commit = git(world.repo, "commit-tree", tree, "-m", "theirs")
    git(world.repo, "push", "-q", "origin", f"{commit}:{REF}")
    ledger(world.repo).record([started()])
    assert git(world.remote, "cat-file", "blob", f"{REF}:projects/other/README") == "theirs"


def test_rename_moves_the_file(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared(), intended()])
    at.record([Renamed(at=AT, fine_tune=FineTuneName("router"), former=NAME)])
    files = git(world.remote, "ls-tree", "-r", "--name-only", REF)
    assert "router.json" in files
    assert f"{NAME}.json" not in files
    assert ledger(world.repo).read().state.fine_tunes["router"].former_names == (NAME,)


@remote_or_not
def test_events_that_change_nothing_write_nothing(world: World, remote: str | None) -> None:
    at = ledger(world.repo, remote=remote)
    written = at.record([started(), declared()])
    assert at.record([started("L2"), declared()]) == written
    assert at.record([]).tip == written.tip


@remote_or_not
def test_refused_batch_leaves_no_trace(world: World, remote: str | None) -> None:
    at = ledger(world.repo, remote=remote)
    written = at.record([started(), declared(), intended()])
    with pytest.raises(EventRefused) as caught:
        at.record([job_recorded(revision="0" * 12), applied("c1")])
    assert not caught.value.claim_lost
    with pytest.raises(EventRefused) as caught:
        at.record([applied("c1"), intended("i2")])
    assert caught.value.claim_lost
    assert at.read() == written


def test_guard_sees_the_newest_state_and_may_give_up(world: World) -> None:
    at = ledger(world.repo)
    at.record([started(), declared()])
    ledger(world.clone("other")).record([applied("theirs")])

    def guard(state: LedgerState) -> None:
        assert state.project is not None
        if state.project.applied is not None:
            raise Refused(f"{state.project.applied.commit} was applied")

    with pytest.raises(Refused, match="theirs"):
        at.record([intended()], guard)
    assert not at.read().state.fine_tunes[NAME].revisions[declared().revision].attempts


@pytest.mark.parametrize(
    "event",
    [job_recorded("has spaces"), job_recorded("ftjob\n"), declared("../up"), declared("Big"), evaluated(1, "a b")],
    ids=["spaces", "newline", "climbing", "capitals", "model"],
)
def test_what_nobody_could_read_back_is_refused(world: World, event: object) -> None:
    at = ledger(world.repo)
    written = at.record([started(), declared()])
    with pytest.raises(EventRefused, match="fit"):
        at.record([event])  # type: ignore[list-item]
    assert at.read() == written


def test_message_has_a_line_per_event_and_no_items(world: World) -> None:
    ledger(world.repo, new_id=lambda: "abc123").record([started(), declared(), evaluated(500), intended()])
    message = git(world.remote, "log", "-1", "--format=%B", REF)
    lines = message.splitlines()
    assert lines[0] == "ftops: acme started (+3)"
    assert [json.loads(line)["event"] for line in lines[2:6]] == ["started", "declared", "evaluated", "intended"]
    assert lines[-1] == "Ftops-Write: abc123"
    assert len(message) < 2000


def test_log_gives_events_newest_first(world: World) -> None:
    at = ledger(world.repo)
    assert list(at.log()) == []
    at.record([started(), declared()])
    newest = at.record([intended()])
    entries = list(at.log())
    assert [type(entry.event).__name__ for entry in entries] == ["Intended", "RevisionDeclared", "Started"]
    assert entries[0].commit == newest.tip
    assert entries[0].event == intended()
    assert [type(entry.event).__name__ for entry in at.log(2)] == ["Intended", "RevisionDeclared"]


def test_log_of_foreign_commits(world: World) -> None:
    at = ledger(world.repo)
    at.record([started()])
    good = '{"event":"applied","at":"2026-11-21T12:00:00Z","commit":"c","owner":"a\\u001b[31m\\nb"}'
    blob = git(world.repo, "hash-object", "-w", "--stdin", stdin="{}")
    tree = git(world.repo, "mktree", stdin=f"100644 blob {blob}\tproject.json\n")
    for name in ("acme", "projects"):
        tree = git(world.repo, "mktree", stdin=f"040000 tree {tree}\t{name}\n")
    message = f'x\n\n{{"event":"unheard of"}}\n{{broken\nnot an event\n{good}\n'
    foreign = git(world.repo, "commit-tree", tree, "-p", world.tip(), stdin=message)
    git(world.repo, "push", "-q", "origin", f"{foreign}:{REF}")
    git(world.repo, "fetch", "-q", "origin", f"{REF}:refs/ftops/ledger-seen/origin/{BRANCH}", "--force")
    entries = list(at.log())
    assert [entry.event.owner for entry in entries if entry.event and entry.commit == foreign] == ["a\\x1b[31m\\x0ab"]  # type: ignore[union-attr]
    notes = [entry.note for entry in entries if entry.event is None]
    assert len(entries) == 4
    assert all(note.startswith("an event that this ftops cannot read: '{") for note in notes)
    assert "unheard of" in notes[1]


@pytest.mark.parametrize("options", [("--depth", "1"), ("--depth", "1", "--no-single-branch"), ("--filter=blob:none",)])
def test_shallow_and_partial_clones(world: World, options: tuple[str, ...]) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    first = ledger(world.repo)
    first.record([started(), declared()])
    first.record([intended()])
    repo = world.clone("cut", *options)
    was_shallow = (repo / ".git" / "shallow").exists()
    cut = ledger(repo)
    assert cut.read().state == first.read().state
    cut.record([job_recorded()])
    first.record([applied("c1")])
    assert cut.read().state == first.read().state
    assert (repo / ".git" / "shallow").exists() == was_shallow


def test_partial_clone_that_has_the_branch_without_its_files(world: World) -> None:
    git(world.remote, "config", "uploadpack.allowFilter", "true")
    first = ledger(world.repo)
    first.record([started(), *(declared(f"ft-{n}") for n in range(5))])
    ledger(world.repo, project="other").record([started("L2"), declared()])
    repo = world.clone("cut", "--filter=blob:none")
    first.record([applied("c1")])
    cut = ledger(repo)
    assert cut.read() == first.read()
    git(repo, "config", "remote.origin.url", "file:///nowhere")
    assert ledger(repo).read_cached().state == first.read().state, "nothing is left to be fetched"


@remote_or_not
def test_hooks_of_the_clone_do_not_run(world: World, remote: str | None) -> None:
    for name in ("pre-push", "reference-transaction", "pre-auto-gc", "post-checkout"):
        hook = world.repo / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    at = ledger(world.repo, remote=remote)
    assert at.record([started()]).tip == at.read().tip


def test_called_from_a_hook_of_another_repository(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(world.repo.parent / "seed" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nowhere/objects")
    monkeypatch.setenv("GIT_QUARANTINE_PATH", "/nowhere")
    at = ledger(world.repo)
    assert at.record([started()]).tip == at.read().tip


def test_no_identity_or_signing_of_the_user_is_needed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    git(world.repo, "config", "commit.gpgSign", "true")
    git(world.repo, "config", "push.gpgSign", "true")
    git(world.repo, "config", "push.followTags", "true")
    git(world.repo, "config", "user.useConfigOnly", "true")
    monkeypatch.setenv("HOME", os.devnull)
    assert ledger(world.repo).record([started()]).tip == world.tip()


@pytest.mark.parametrize(
    "changes",
    [
        {"branch": "a b"},
        {"branch": "-x..y"},
        {"remote": "--upload-pack=touch x"},
        {"remote": "https://example.com/x.git"},
        {"remote": "."},
        {"remote": "missing"},
        {"project": "../up"},
        {"project": "A"},
    ],
    ids=str,
)
def test_settings_that_git_must_not_see(world: World, changes: dict[str, str]) -> None:
    (world.repo / "missing").mkdir()
    with pytest.raises(UsageProblem):
        ledger(world.repo, **changes)


def test_sha256_repositories(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", "r.git")
    git(tmp_path, "init", "-q", "--object-format=sha256", "c")
    git(tmp_path / "c", "remote", "add", "origin", str(tmp_path / "r.git"))
    at = ledger(tmp_path / "c")
    tip = at.record([started()]).tip
    assert tip is not None
    assert len(tip) == 64
    assert at.read().tip == tip
    assert ledger(tmp_path / "c", remote=None).record([started()]).tip is not None


def test_ftops_folder_is_never_committed(world: World) -> None:
    ledger(world.repo).record([started()])
    assert (world.repo / ".ftops" / ".gitignore").read_text() == "*\n"
    assert (world.repo / ".ftops").stat().st_mode & 0o077 == 0
