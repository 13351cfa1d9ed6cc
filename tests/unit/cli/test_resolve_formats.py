"""``ftops resolve --format``: lines that other programs read, and that nothing in a ledger or an address can add to."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.main import run
from scratch_ledger import LAB, record, trained, write_ledger
from scratch_project import Scratch, git, make_project

REVISION = "123456789012"
MODEL = f"ft:x:{REVISION}"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    for variable in ("FTOPS_BACKEND", "OPENAI_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    scratch = make_project(tmp_path, LAB, name="acme")
    write_ledger(scratch, record({REVISION: trained(REVISION, 1)}, line=[REVISION]))
    return scratch


@pytest.fixture
def resolved(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> "Callable[[str], tuple[int, str, str]]":
    def resolve(form: str) -> tuple[int, str, str]:
        code = run(["-C", str(scratch.root), "resolve", "router@production", "--format", form])
        told = capsys.readouterr()
        return code, told.out, told.err

    return resolve


def test_the_lines_of_each_format(resolved: Callable[[str], Any]) -> None:
    assert resolved("text") == (0, f"{MODEL}\n", "")
    assert resolved("env") == (0, f"FTOPS_MODEL={MODEL}\nFTOPS_MODEL_BACKEND=lab\nFTOPS_MODEL_BASE_URL={LAB}\n", "")
    github = f"model={MODEL}\nbackend=lab\nbase-url={LAB}\nrevision={REVISION}\n"
    assert resolved("github") == (0, github, "")
    code, out, _ = resolved("json")
    assert code == 0
    assert json.loads(out) == {
        "model": MODEL,
        "backend": "lab",
        "base_url": LAB,
        "revision": REVISION,
        "alias": "production",
        "name": "router",
    }


def test_json_has_the_short_option_of_all_commands(scratch: Scratch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(scratch.root), "resolve", "router", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == MODEL


def test_where_the_ledger_was_not_read_that_is_the_reason_given(
    scratch: Scratch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scratch.add_remote(tmp_path)
    git(scratch.root, "branch", "-q", "-D", "ftops-ledger")
    git(scratch.root, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    for words, code, reason in (
        (["router"], 1, "the ledger could not be fetched ("),
        (["router", "--cached"], 1, "without --cached the ledger is fetched first"),
        (["dispatcher"], 2, "the ledger could not be fetched ("),
    ):
        assert run(["-C", str(scratch.root), "resolve", *words]) == code
        assert f"\n  {reason}" in capsys.readouterr().err


def test_a_shell_reads_the_lines_as_they_are_meant(resolved: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "ftops.env").write_text(resolved("env")[1])
    script = '. ./ftops.env; printf "%s|%s|%s" "$FTOPS_MODEL" "$FTOPS_MODEL_BACKEND" "$FTOPS_MODEL_BASE_URL"'
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{MODEL}|lab|{LAB}"


def test_no_variable_redirects_what_ftops_does_next(
    scratch: Scratch,
    resolved: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = resolved("env")[1].splitlines()
    scratch.manifest(more="  backend: embedded\n")
    for line in lines:
        monkeypatch.setenv(*line.split("=", 1))
    assert run(["-C", str(scratch.root), "plan", "--offline", "--json"]) == 0
    assert {action["backend"] for action in json.loads(capsys.readouterr().out)["actions"]} == {"embedded"}


@pytest.mark.parametrize(
    ("url", "is_one_line"),
    [
        ("https://x.example/v1\nmodel=ft:theirs", False),
        ("https://x.example/v1\r\nFTOPS_MODEL=ft:theirs", False),
        ("https://x.example/v1\u2028model=ft:theirs", False),
        ("https://x.example/v1;curl${IFS}evil", True),
        ("https://x.example/$(id)", True),
        ("https://x.example/v1?a=1&b=2", True),
        ("https://x.example/'", True),
    ],
)
def test_an_address_adds_no_line_and_no_command(
    url: str,
    is_one_line: bool,
    scratch: Scratch,
    resolved: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ftops.adapters.backend_address.configured_url", lambda *_: url)
    code, out, err = resolved("env")
    assert (code, out) == (1, "")
    assert "base_url 'https://x.example/" in err
    code, out, _ = resolved("github")
    wanted = f"model={MODEL}\nbackend=lab\nbase-url={url}\nrevision={REVISION}\n"
    assert (code, out) == ((0, wanted) if is_one_line else (1, ""))
    assert json.loads(resolved("json")[1])["base_url"] == url
    assert resolved("text")[1] == f"{MODEL}\n"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "ft:x\nbase-url=https://evil.example"},
        {"model": "ft:x y"},
        {"model": "$(id)"},
        {"backend": "lab\nmodel=ft:theirs"},
        {"revision": "123456789012\n"},
        {"revision": "12345678901\u2028"},
    ],
)
def test_a_ledger_that_somebody_else_wrote_adds_none_either(
    change: dict[str, str], scratch: Scratch, resolved: Callable[[str], Any]
) -> None:
    forged = record({REVISION: trained(REVISION, 1)}, line=[REVISION])
    forged["aliases"]["production"]["history"][0]["target"] |= change
    write_ledger(scratch, forged)
    for form in ("text", "env", "github", "json"):
        code, out, err = resolved(form)
        assert (code, out) == (1, "")
        assert "evil.example" not in err.partition("\n")[2]


def test_nor_does_an_alias_of_a_strange_name(scratch: Scratch, resolved: Callable[[str], Any]) -> None:
    forged = record({}, line=[REVISION])
    forged["aliases"]["::error::x"] = forged["aliases"].pop("production")
    write_ledger(scratch, forged)
    for form in ("env", "github"):
        assert resolved(form)[:2] == (1, "")
