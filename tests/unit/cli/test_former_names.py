"""``show`` and ``status`` answer to former names, as ``resolve`` and ``history`` do."""

import json
from pathlib import Path

import pytest

from ftops.cli.main import run
from scratch_project import Scratch, make_project


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    scratch = make_project(tmp_path, None)
    (scratch.root / "finetunes/router.yaml").unlink()
    scratch.manifest("dispatcher", moved_from="[router]")
    scratch.commit("Rename")
    return scratch


@pytest.mark.parametrize("words", [["show", "router", "--json"], ["status", "router", "--json"]])
def test_a_former_name_that_is_declared_answers(
    words: list[str], scratch: Scratch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(scratch.root), *words, "--offline"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["fine_tunes"][0] if "fine_tunes" in found else found)["name"] == "dispatcher"
    assert "Warning: router is called dispatcher now" in told.err


def test_a_name_that_nobody_has_had_is_refused(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(scratch.root), "show", "ruoter", "--offline"]) == 2
    assert "no fine-tune matches 'ruoter'" in capsys.readouterr().err


def test_show_takes_a_glob_of_one(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    scratch.manifest("other")
    assert run(["-C", str(scratch.root), "show", "disp*", "--offline"]) == 0
    assert run(["-C", str(scratch.root), "show", "*", "--offline"]) == 2
    assert "* matches 2 fine-tunes" in capsys.readouterr().err


def test_a_former_name_that_only_the_ledger_knows_answers(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ftops.bootstrap import Catalog, CatalogState
    from ftops.domain.records import FineTuneRecord, LedgerState

    scratch.manifest("dispatcher")
    record = FineTuneRecord(format_version="1", name="dispatcher", former_names=("router",))
    state = CatalogState(state=LedgerState(fine_tunes={"dispatcher": record}))
    monkeypatch.setattr(Catalog, "read", lambda *_, **__: state)
    assert run(["-C", str(scratch.root), "show", "router", "--offline"]) == 0
    assert "router is called dispatcher now" in capsys.readouterr().err
