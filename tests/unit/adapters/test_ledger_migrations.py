"""Older formats: brought up step by step when they are read, written anew only when they change."""

from collections.abc import Mapping
from typing import Any

import pytest

from ftops.adapters import ledger_migrations
from ftops.adapters.ledger_files import decode_project, format_in
from ftops.adapters.ledger_messages import decode_message
from ftops.adapters.ledger_migrations import Kind, Step, is_older, migrated
from ftops.domain.events import Started
from ftops.errors import LedgerCorrupt
from ledger_kit import AT, NAME, REF, World, applied, declared, git, ledger


def renamed(old: str, new: str) -> Any:
    def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = {key: value for key, value in document.items() if key != old}
        return {**kept, new: document[old]} if old in document else kept

    return change


# As if version 0 had called the ledger's id "ledger", and a fine-tune's protection "protected".
FROM_ZERO = Step(
    source=0,
    changes={
        Kind.PROJECT: renamed("ledger", "ledger_id"),
        Kind.FINE_TUNE: renamed("protected", "is_protected"),
        Kind.EVENT: renamed("ledger", "ledger_id"),
    },
)
OLD_PROJECT = '{"format_version":"0","ledger":"L0","name":"acme"}'
OLD_ROUTER = f'{{"format_version":"0","name":"{NAME}","protected":true}}'
OLD_MESSAGE = (
    'ftops: acme started\n\n{"at":"2026-11-21T12:00:00Z","event":"started","ledger":"L0","project":"acme"}\n\n'
    "Ftops-Format: 0\nFtops-Write: w0\n"
)


@pytest.fixture
def version_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_migrations, "STEPS", (FROM_ZERO,))


def put_old(world: World) -> None:
    def tree(entries: str) -> str:
        return git(world.repo, "mktree", stdin=entries)

    def blob(content: str) -> str:
        return git(world.repo, "hash-object", "-w", "--stdin", stdin=content)

    folder = tree(f"100644 blob {blob(OLD_ROUTER)}\t{NAME}.json\n")
    project = tree(f"040000 tree {folder}\tfine-tunes\n100644 blob {blob(OLD_PROJECT)}\tproject.json\n")
    top = tree(f"040000 tree {tree(f'040000 tree {project}	acme')}\tprojects\n")
    commit = git(world.repo, "commit-tree", top, stdin=OLD_MESSAGE)
    git(world.repo, "push", "-q", "origin", f"{commit}:{REF}")


def test_steps_are_taken_one_after_the_other() -> None:
    steps = (
        Step(source=1, changes={Kind.PROJECT: renamed("a", "b")}),
        Step(source=2, changes={Kind.PROJECT: renamed("b", "c"), Kind.EVENT: renamed("x", "y")}),
        Step(source=3, changes={Kind.FINE_TUNE: renamed("c", "lost")}),
    )
    project = {"format_version": "1", "a": 1}
    assert migrated(project, Kind.PROJECT, version=1, steps=steps, target=4) == {"format_version": "4", "c": 1}
    assert migrated(project, Kind.PROJECT, version=1, steps=steps, target=2) == {"format_version": "2", "b": 1}
    assert migrated({"x": 2}, Kind.EVENT, version=1, steps=steps, target=4) == {"y": 2}
    assert is_older(1, steps=steps, target=4)
    assert not is_older(0, steps=steps, target=4), "no step leads from there"
    assert not is_older(4, steps=steps, target=4)


@pytest.mark.usefixtures("version_0")
def test_older_records_are_read_and_written_anew_when_they_change(world: World) -> None:
    put_old(world)
    at = ledger(world.repo)
    state = at.read().state
    assert state.project is not None
    assert (state.project.ledger_id, state.project.format_version) == ("L0", "1")
    assert state.fine_tunes[NAME].is_protected
    at.record([applied("c1")])
    files = {
        path: git(world.remote, "cat-file", "blob", f"{REF}:projects/acme/{path}")
        for path in ("project.json", f"fine-tunes/{NAME}.json")
    }
    assert format_in(files["project.json"].encode()) == 1
    assert files[f"fine-tunes/{NAME}.json"] == OLD_ROUTER, "what did not change is left as it was"
    at.record([declared(is_protected=True)])
    assert ledger(world.clone("other")).read().state.fine_tunes[NAME].revisions


@pytest.mark.usefixtures("version_0")
def test_older_events_stay_readable(world: World) -> None:
    put_old(world)
    at = ledger(world.repo)
    at.read()
    assert [entry.event for entry in at.log()] == [Started(at=AT, project="acme", ledger_id="L0")]


def test_versions_that_nobody_knows_a_step_from_are_refused(world: World) -> None:
    with pytest.raises(LedgerCorrupt, match="can't be read"):
        decode_project(OLD_PROJECT.encode(), path="p")
    (event,) = decode_message(OLD_MESSAGE.encode()).events
    assert "cannot read" in event.text  # type: ignore[union-attr]


@pytest.mark.usefixtures("version_0")
def test_older_records_that_are_broken() -> None:
    for content in ('{"format_version":"0","name":"acme"}', '{"format_version":"0","ledger":[],"name":"acme"}'):
        with pytest.raises(LedgerCorrupt, match="is of format 0, and can't be brought up"):
            decode_project(content.encode(), path="p")
