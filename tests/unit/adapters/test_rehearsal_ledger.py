import shutil
from pathlib import Path

import pytest

from ftops.adapters.rehearsal_ledger import bind_rehearsal, rehearsal_branch
from ftops.errors import LedgerError
from ledger_kit import World, applied, git, ledger, started

BRANCH = rehearsal_branch("ftops-ledger")


def ledger_id(world: World, ftops_dir: Path) -> str | None:
    bind_rehearsal(world.repo, branch=BRANCH, ftops_dir=ftops_dir)
    project = ledger(world.repo, branch=BRANCH, remote=None, ftops_dir=ftops_dir).read().state.project
    return project.ledger_id if project else None


def record(world: World, ftops_dir: Path, ledger_id: str) -> None:
    bind_rehearsal(world.repo, branch=BRANCH, ftops_dir=ftops_dir)
    ledger(world.repo, branch=BRANCH, remote=None, ftops_dir=ftops_dir).record([started(ledger_id), applied("c1")])


def test_each_data_folder_has_its_own_ledger(world: World) -> None:
    one, two = world.repo / ".ftops", world.repo.parent / "two" / ".ftops"
    record(world, one, "L1")
    assert ledger_id(world, two) is None, "a new folder starts afresh"
    record(world, two, "L2")
    assert ledger_id(world, one) == "L1"
    assert ledger_id(world, one) == "L1"
    assert ledger_id(world, two) == "L2"


def test_deleted_data_folder_starts_afresh_and_loses_nothing(world: World) -> None:
    ftops_dir = world.repo / ".ftops"
    record(world, ftops_dir, "L1")
    kept = ftops_dir.parent / "kept-id"
    shutil.copy(ftops_dir / "embedded" / "ledger-id", kept)
    shutil.rmtree(ftops_dir / "embedded")
    assert ledger_id(world, ftops_dir) is None
    shutil.copy(kept, ftops_dir / "embedded" / "ledger-id")
    assert ledger_id(world, ftops_dir) == "L1"


def test_branch_that_no_folder_is_known_for_is_saved(world: World) -> None:
    ftops_dir = world.repo / ".ftops"
    ledger(world.repo, branch=BRANCH, remote=None, ftops_dir=ftops_dir).record([started("L0")])
    tip = git(world.repo, "rev-parse", f"refs/heads/{BRANCH}")
    assert ledger_id(world, ftops_dir) is None
    assert git(world.repo, "rev-parse", f"refs/ftops/embedded/{BRANCH}/unbound") == tip


def test_id_that_cannot_be_read_is_made_anew(world: World) -> None:
    ftops_dir = world.repo / ".ftops"
    first = bind_rehearsal(world.repo, branch=BRANCH, ftops_dir=ftops_dir)
    (ftops_dir / "embedded" / "ledger-id").write_text("../../../heads/main")
    second = bind_rehearsal(world.repo, branch=BRANCH, ftops_dir=ftops_dir)
    assert first != second
    assert len(second) == 16


def test_branch_that_cannot_be_moved(world: World) -> None:
    record(world, world.repo / ".ftops", "L1")
    (world.repo / ".git" / "refs" / "heads" / f"{BRANCH}.lock").touch()
    with pytest.raises(LedgerError, match="can't be moved"):
        bind_rehearsal(world.repo, branch=BRANCH, ftops_dir=world.repo.parent / "two")


def test_rehearsals_are_never_pushed(world: World) -> None:
    record(world, world.repo / ".ftops", "L1")
    assert git(world.remote, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
