"""The ledger as foreign input: what somebody else put on the branch."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from ftops.adapters import ledger_files, ledger_objects
from ftops.domain.records import ledger_schema
from ftops.errors import LedgerCorrupt
from ledger_kit import NAME, REF, World, declared, evaluated, git, intended, job_recorded, ledger, started

PROJECT = '{"format_version":"1","ledger_id":"L1","name":"acme"}'
ROUTER = f'{{"format_version":"1","name":"{NAME}"}}'
Put = Callable[..., None]


@pytest.fixture
def put(world: World) -> Put:
    """Puts files into the branch: path below the project's folder -> (mode, content)."""

    def tree(entries: dict[str, tuple[str, str]]) -> str:
        lines = []
        folders: dict[str, dict[str, tuple[str, str]]] = {}
        for path, (mode, content) in entries.items():
            first, _, rest = path.partition("/")
            if rest:
                folders.setdefault(first, {})[rest] = (mode, content)
            else:
                kind = "commit" if mode == "160000" else "blob"
                sha = content if kind == "commit" else git(world.repo, "hash-object", "-w", "--stdin", stdin=content)
                lines.append(f"{mode} {kind} {sha}\t{first}")
        lines += [f"040000 tree {tree(inside)}\t{name}" for name, inside in folders.items()]
        return git(world.repo, "mktree", "--missing", stdin="\n".join(lines) + "\n")

    def put(mode: str = "100644", **files: str) -> None:
        entries = {f"projects/acme/{path}": (mode, content) for path, content in files.items()}
        commit = git(world.repo, "commit-tree", tree(entries), "-m", "theirs")
        git(world.repo, "push", "-q", "origin", f"+{commit}:{REF}")

    return put


def test_a_ledger_made_by_hand(world: World, put: Put) -> None:
    put(**{"project.json": PROJECT, f"fine-tunes/{NAME}.json": ROUTER})
    assert set(ledger(world.repo).read().state.fine_tunes) == {NAME}


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("project.json", "{", "projects/acme/project.json"),
        ("project.json", "[]", "projects/acme/project.json"),
        ("project.json", "[" * 100_000, "projects/acme/project.json"),
        ("project.json", PROJECT.replace('"L1"', '"L 1"'), "ledger_id"),
        ("project.json", PROJECT.replace('"L1"', r'"L1\n"'), "ledger_id"),
        ("project.json", PROJECT.replace("}", ',"unknown":1}'), "can't be read: .*unknown"),
        ("project.json", '{"format_version":"1","unkn', "can't be read"),
        (f"fine-tunes/{NAME}.json", ROUTER, "holds fine-tunes, and projects/acme/project.json is missing"),
        ("project.json", PROJECT.replace('"1"', '"0"'), "projects/acme/project.json"),
        ("project.json", PROJECT.replace('"1"', '"2"'), "made by a newer ftops"),
        ("project.json", PROJECT.replace('"1"', "1"), "can't be read"),
        ("project.json", PROJECT.replace('"1"', '"²"'), "can't be read"),
        ("project.json", PROJECT.replace('"1"', '"' + "9" * 5000 + '"'), "can't be read"),
        ("fine-tunes/other.json", ROUTER, "is the record of ticket-router"),
        ("fine-tunes/other.json", ROUTER.replace(NAME, "../../up"), "name"),
        ("fine-tunes/other.json", '{"format_version":"12","surprise":1}', "made by a newer ftops"),
        ("fine-tunes/Up.json", ROUTER, "no business"),
        ("fine-tunes/deep/x.json", ROUTER, "no business"),
        ("fine-tunes/..x.json", ROUTER, "no business"),
        ("fine-tunes/a\x1b[31m.json", ROUTER, r"\\x1b"),
        ("README", "hello", "no business"),
    ],
)
def test_files_that_break_the_rules(world: World, put: Put, path: str, content: str, words: str) -> None:
    put(**{path: content})
    with pytest.raises(LedgerCorrupt, match=words) as caught:
        ledger(world.repo).read()
    assert "\x1b" not in caught.value.message
    way_out = "install that version" if "newer ftops" in words else "ftops ledger verify"
    assert way_out in (caught.value.remedy or "")


@pytest.mark.parametrize(("mode", "content"), [("120000", "/etc/passwd"), ("160000", "1" * 40)])
def test_links_and_submodules(world: World, put: Put, mode: str, content: str) -> None:
    put(mode, **{"project.json": content})
    with pytest.raises(LedgerCorrupt, match="not a plain file") as caught:
        ledger(world.repo).read()
    assert caught.value.remedy == ledger_files.VERIFY


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("FILE_LIMIT", 1 << 20, "larger than 1 MiB"),
        ("FOLDER_LIMIT", 1 << 20, "together"),
        ("ENTRY_LIMIT", 1, "more than 1 files"),
    ],
)
def test_sizes_are_checked_before_anything_is_unpacked(
    world: World, put: Put, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str
) -> None:
    put(**{"project.json": PROJECT, f"fine-tunes/{NAME}.json": ROUTER + " " * (2 << 20)})
    monkeypatch.setattr(ledger_objects, limit, value)
    monkeypatch.setattr(ledger_objects, "_batch", lambda output: pytest.fail("unpacked"))
    with pytest.raises(LedgerCorrupt, match=words) as caught:
        ledger(world.repo).read()
    assert caught.value.remedy == ledger_files.VERIFY


def test_objects_that_are_missing(world: World, put: Put) -> None:
    put(**{"project.json": PROJECT})
    at = ledger(world.repo)
    at.read()
    blob = git(world.repo, "rev-parse", "refs/ftops/ledger/origin:projects/acme/project.json")
    (world.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(LedgerCorrupt):
        ledger(world.repo).read()


def test_nothing_is_written_onto_a_corrupt_ledger(world: World, put: Put) -> None:
    put(**{"project.json": "{"})
    tip = world.tip()
    with pytest.raises(LedgerCorrupt):
        ledger(world.repo).record([started()])
    assert ledger(world.repo).record_eventually([started()]) is None
    assert world.tip() == tip


def test_ledger_whose_project_went_gets_no_other_id(world: World, put: Put) -> None:
    put(**{f"fine-tunes/{NAME}.json": ROUTER})
    tip = world.tip()
    at = ledger(world.repo)
    for call in (at.read, lambda: at.record([started("L2")]), at.read_cached):
        with pytest.raises(LedgerCorrupt, match="is missing"):
            call()
    assert world.tip() == tip


def test_schema_is_up_to_date_and_holds_for_what_is_written(world: World) -> None:
    path = Path(__file__).parents[3] / "schemas" / "ledger.v1.json"
    schema = json.loads(path.read_text())
    assert schema == json.loads(json.dumps(ledger_schema())), "write it anew from domain.records.ledger_schema()"
    at = ledger(world.repo)
    state = at.record([started(), declared(), intended(), job_recorded(), evaluated()]).state
    validator = jsonschema.Draft202012Validator(schema)
    assert state.project is not None
    for record in (state.project, *state.fine_tunes.values()):
        validator.validate(json.loads(ledger_files.encode_record(record)))
    assert not validator.is_valid({"format_version": "1", "name": "UPPER"})
