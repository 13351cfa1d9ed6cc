"""Uploads: content-addressed, found again by name, recorded, and made anew where they are gone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apply_world import MINE, NEWER, OPENAI, World
from fakes import EPOCH
from ftops.application.uploads import TRUSTED_FOR, declaration, file_id, upload
from ftops.application.workspace import Workspace
from ftops.domain.desired import Declared
from ftops.domain.events import BackendSeen, CommitApplied, RevisionDeclared, Started
from ftops.errors import AnswerLost, Stale


def begun() -> tuple[World, Declared, Workspace]:
    world = World()
    declared = world.declare(has_validation=True)
    world.ledger.record(
        [
            Started(at=EPOCH, project="acme", ledger_id="ours"),
            BackendSeen(at=EPOCH, backend=OPENAI.name, base_url=world.backend.base_url),
            CommitApplied(at=EPOCH, commit=MINE, owner="host/1/1"),
        ]
    )
    return world, declared, world.workspace(declared)


def test_a_file_is_named_by_project_and_digest_and_recorded() -> None:
    world, declared, workspace = begun()
    file, said = upload(workspace, declared, declared.train)
    assert file.name == f"ftops-acme-{declared.train.sha256[:32]}.jsonl"
    assert said == f"uploaded {file.id} (10 rows)"
    backend = world.state.backend(OPENAI.name)
    assert backend is not None
    assert backend.files == {declared.train.sha256: file}
    with world.datasets.content(declared.train) as content:
        assert world.backend.world.files[file.id].data == content.read()


def test_a_file_that_is_there_already_is_found_by_its_name() -> None:
    world, declared, workspace = begun()
    world.backend.drop_after("upload")
    with pytest.raises(AnswerLost):
        upload(workspace, declared, declared.train)
    file, said = upload(workspace, declared, declared.train)
    assert said.startswith(f"found {file.id}")
    assert world.count("upload") == 1


def test_nothing_is_uploaded_after_a_newer_commit() -> None:
    world, declared, workspace = begun()
    world.ledger.record([CommitApplied(at=EPOCH, commit=NEWER, owner="other/1/1")])
    with pytest.raises(Stale):
        upload(workspace, declared, declared.train)
    assert world.backend.calls == []


def test_a_recorded_file_is_trusted_for_a_while_and_then_asked_for() -> None:
    world, declared, workspace = begun()
    first = file_id(workspace, declared, declared.train)
    assert file_id(workspace, declared, declared.train) == first
    assert world.count("retrieve_file") == 0
    world.clock.advance((TRUSTED_FOR + timedelta(seconds=1)).total_seconds())
    assert file_id(workspace, declared, declared.train) == first
    assert (world.count("retrieve_file"), world.count("upload")) == (1, 1)


def test_a_file_that_is_gone_is_brought_again() -> None:
    world, declared, workspace = begun()
    first = file_id(workspace, declared, declared.train)
    world.backend.world.files.clear()
    world.clock.advance(2 * TRUSTED_FOR.total_seconds())
    again = file_id(workspace, declared, declared.train)
    assert again != first
    assert [type(event).__name__ for event in world.ledger.events[-3:]] == ["FileUploaded", "FileGone", "FileUploaded"]


def test_a_file_of_two_fine_tunes_is_uploaded_once() -> None:
    world = World()
    assert world.apply(world.declare("one"), world.declare("two", seed=2)).code == 0
    assert (world.count("upload"), len(world.backend.all_jobs)) == (1, 2)


def test_a_declaration_snapshots_what_the_revision_stands_for() -> None:
    _, declared, workspace = begun()
    (event,) = declaration(workspace, declared)
    assert isinstance(event, RevisionDeclared)
    assert (event.commit, event.train.sha256, event.train.rows) == (MINE, declared.train.sha256, 10)
    assert event.validation is not None
    assert event.spec == declared.fine_tune.spec
    (without,) = declaration(workspace, replace(declared, validation=None))
    assert isinstance(without, RevisionDeclared)
    assert without.validation is None
