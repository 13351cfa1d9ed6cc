"""``ftops promote`` and ``ftops rollback``: which revision, which line, what is told, and that nothing else is written."""

import json
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from ftops.bootstrap_pins import open_pins
from ftops.bootstrap_place import find_place
from ftops.cli.main import run
from ftops.domain.manifest import AliasName
from ftops.errors import FtopsError
from scratch_ledger import LAB, record, trained, write_ledger
from scratch_project import Scratch, git, make_project

A, B, C = "123456789012", "3f9a1c2b7d10", "3f9e00000000"
DAYS = {A: 1, B: 10, C: 20}
DECLARED_LINE = "    production: latest   # what applications call"


def manifest(scratch: Scratch, *, aliases: str = f"\n    staging: latest\n{DECLARED_LINE}", more: str = "") -> None:
    scratch.manifest(aliases=aliases, more=more)


def put_ledger(
    scratch: Scratch, *line: str, revisions: tuple[str, ...] = (A, B, C), passed: str = "", **facts: Any
) -> None:
    """Writes a ledger in which production has pointed to ``line``; ``passed`` has the revisions that passed once."""
    known = {one: trained(one, DAYS[one], **facts.get(f"r{one}", {})) for one in revisions}
    write_ledger(scratch, record(known, line=line, passed=passed.split(), former_names=["dispatcher"]))


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    scratch = make_project(tmp_path, LAB, name="acme")
    manifest(scratch)
    scratch.commit("Aliases")
    return scratch


@pytest.fixture
def ftops(
    scratch: Scratch, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> "Callable[..., Any]":
    """Runs a command in the clone and gives exit code, standard output and standard error."""
    monkeypatch.delenv("FTOPS_BACKEND", raising=False)
    monkeypatch.chdir(scratch.root)

    def command(*words: str) -> tuple[int, str, str]:
        code = run(list(words))
        told = capsys.readouterr()
        return code, told.out, told.err

    return command


def text(scratch: Scratch) -> str:
    return (scratch.root / "finetunes/router.yaml").read_text(encoding="utf-8")


def test_the_newest_that_passed_is_pinned_and_the_edit_is_shown(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, passed=f"{A} {B}")
    before = text(scratch)
    code, out, err = ftops("promote", "router", "--to", "production")
    assert (code, err) == (0, "")
    assert text(scratch) == before.replace("production: latest ", f'production: "{B}" ')
    assert out.splitlines() == [
        f"production of router: latest → {B}",
        "  the newest revision that passed: it passed on 2026-11-21",
        f"  not {C}: it was not measured with the present evals: apply does that first, and its gates decide",
        "  it follows the declared revision no more; ftops promote router --to production --revision latest brings that back",
        "",
        "--- a/finetunes/router.yaml",
        "+++ b/finetunes/router.yaml",
        "@@ -14,4 +14,4 @@",
        "       gate: [{min: 0.6}]",
        "   aliases: ",
        "     staging: latest",
        f"-{DECLARED_LINE}",
        f"+{DECLARED_LINE}".replace("latest", f'"{B}"'),
        "",
        "Written. Commit it; the next apply moves the alias:",
        f"  git commit -m 'Promote router {B} to production' -- finetunes/router.yaml",
    ]


def test_the_difference_is_git_s_own_and_the_command_commits_it(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, passed=A)
    _, out, _ = ftops("promote", "router", "--to", "staging", "--json")
    told = json.loads(out)
    shown = git(scratch.root, "diff", "--no-color").splitlines()
    assert [line.partition("@@ spec")[0] for line in shown[2:3]] == told["diff"].splitlines()[:1]
    assert shown[5:] == told["diff"].splitlines()[3:]
    subprocess.run(["git", "config", "user.email", "a@b.c"], cwd=scratch.root, check=True)
    subprocess.run(["git", "config", "user.name", "Ada"], cwd=scratch.root, check=True)
    subprocess.run(told["commit"], cwd=scratch.root, check=True, capture_output=True)
    assert git(scratch.root, "status", "--porcelain") == ""
    assert told | {"diff": "", "commit": []} == {
        "fine_tune": "router",
        "alias": "staging",
        "backend": "lab",
        "was": "latest",
        "to": A,
        "why": "the newest revision that passed: it passed on 2026-11-21",
        "model": f"ft:x:{A}",
        "verdict": None,
        "outlook": "moves",
        "passed_over": [
            {
                "revision": one,
                "why": "it was not measured with the present evals: apply does that first, and its gates decide",
            }
            for one in (C, B)
        ],
        "changed": True,
        "written": True,
        "file": "finetunes/router.yaml",
        "line": 16,
        "diff": "",
        "add": None,
        "commit": [],
    }


def test_a_file_that_git_does_not_know_is_to_be_added_first(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    git(scratch.root, "rm", "-q", "--cached", "finetunes/router.yaml")
    told = json.loads(ftops("rollback", "router", "--alias", "production", "--json", "--dry-run")[1])
    assert told["add"] == ["git", "add", "--", "finetunes/router.yaml"]
    out = ftops("rollback", "router", "--alias", "production")[1]
    assert [line.split()[:2] for line in out.splitlines()[-2:]] == [["git", "add"], ["git", "commit"]]


def test_a_file_of_a_strange_name_is_one_word_of_the_command(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    git(scratch.root, "mv", "finetunes/router.yaml", "finetunes/$(id);'x y.yaml")
    code, out, err = ftops("rollback", "router", "--alias", "production")
    assert (code, err) == (0, "")
    line = out.splitlines()[-1].strip()
    for key, value in (("user.email", "a@b.c"), ("user.name", "Ada")):
        git(scratch.root, "config", key, value)
    subprocess.run(["git", "commit", "-q", "-m", "Move"], cwd=scratch.root, check=True)
    subprocess.run(["bash", "-c", line], cwd=scratch.root, check=True, capture_output=True)
    assert git(scratch.root, "status", "--porcelain") == ""


def test_a_dry_run_writes_nothing(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    before = text(scratch)
    code, out, _ = ftops("rollback", "router", "--alias", "production", "--dry-run")
    assert code == 0
    assert f'+    production: "{A}"' in out
    assert out.endswith("Nothing was written (--dry-run).\n")
    assert text(scratch) == before
    assert (
        json.loads(ftops("rollback", "router", "--alias", "production", "--dry-run", "--json")[1])["written"] is False
    )


def test_a_rollback_goes_to_the_one_before_and_a_second_time_changes_nothing(
    scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    put_ledger(scratch, A, B)
    assert ftops("rollback", "router", "--alias", "production")[0] == 0
    assert f'production: "{A}"   # what applications call' in text(scratch)
    after = text(scratch)
    code, out, _ = ftops("rollback", "router", "--alias", "production")
    assert (code, out) == (
        0,
        f"production of router is pinned to {A} already: no change. The next apply moves it there.\n",
    )
    assert text(scratch) == after


def test_a_rollback_counts_from_where_the_alias_points_not_from_a_line_that_was_not_applied(
    scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    put_ledger(scratch, A, B)
    manifest(scratch, aliases=f'\n    production: "{C}"')
    _, out, _ = ftops("rollback", "router", "--alias", "production")
    assert out.splitlines()[:3] == [
        f"production of router: {C} → {A}",
        "  the one before: production pointed to it before",
        f"  production points to {B} now; that line was not applied yet",
    ]


def test_a_rollback_goes_further_back_where_the_model_is_gone(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B, C, **{f"r{B}": {"gone_at": "2026-11-20T10:00:00Z"}})
    code, out, _ = ftops("rollback", "router", "--alias", "production")
    assert code == 0
    assert f"latest → {A}" in out
    assert f"  not {B}: model ft:x:{B} of revision {B} is gone at lab, last seen on" in out


def test_a_rollback_with_nothing_before_says_so(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B, **{f"r{A}": {"gone_at": "2026-11-20T10:00:00Z"}})
    code, out, err = ftops("rollback", "router", "--alias", "production")
    assert (code, out) == (1, "")
    assert "there is nothing before what production of router points to on lab" in err
    assert f"{A}: model ft:x:{A} of revision {A} is gone" in err


def test_a_revision_by_its_first_digits_is_written_whole(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    assert ftops("promote", "router", "--to", "production", "--revision", "1234")[0] == 0
    assert f'production: "{A}" ' in text(scratch)
    code, out, _ = ftops("promote", "router", "--to", "production", "--revision", "latest")
    assert (code, out.splitlines()[0]) == (0, f"production of router: {A} → latest")
    assert DECLARED_LINE in text(scratch)
    code, out, _ = ftops("promote", "router", "--to", "production", "--revision", "latest")
    assert (code, out) == (0, "production of router follows the declared revision already: no change.\n")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("3f9", "router has no revision '3f9'; at least 4 digits are needed"),
        ("3f9a1c2b7d1f", f"router has no revision '3f9a1c2b7d1f' (did you mean {B}?)"),
        ("ffff", "router has no revision 'ffff'"),
    ],
)
def test_an_unknown_revision_shows_those_that_can_be_pinned(
    word: str, says: str, scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    put_ledger(scratch, A, passed=B)
    code, out, err = ftops("promote", "router", "--to", "production", "--revision", word)
    assert (code, out) == (2, "")
    assert says in err
    rows = [line.split() for line in err.splitlines()]
    assert [row[0] for row in rows[:3]] == [C, B, A]
    assert f"  {A}  " in err
    assert "production points to it\n" in err


def test_a_prefix_of_two_is_refused(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, revisions=(B,))
    other = B[:11] + "f"
    write_ledger(scratch, record({B: trained(B, 10), other: trained(other, 11)}))
    code, _, err = ftops("promote", "router", "--to", "production", "--revision", B[:5])
    assert code == 2
    assert f"'{B[:5]}' begins several revisions: {B}, {other}" in err


def test_where_nothing_passed_it_is_exit_4_and_where_nothing_is_trained_1(
    scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    code, _, err = ftops("promote", "router", "--to", "production")
    assert code == 1
    assert "no revision of router has a model on lab yet" in err
    put_ledger(scratch, revisions=(A, B))
    code, _, err = ftops("promote", "router", "--to", "production")
    assert code == 4
    assert "no revision of router is known to have passed on lab" in err
    assert "it was not measured with the present evals" in err


def test_a_name_that_is_not_there(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, passed=A)
    code, _, err = ftops("promote", "ruoter", "--to", "production")
    assert (code, "did you mean router?" in err) == (2, True)
    code, _, err = ftops("rollback", "router", "--alias", "canary")
    assert (code, "there are production, staging" in err) == (2, True)
    code, _, err = ftops("promote", "router", "--to", "prodution")
    assert (code, "did you mean production? Or add it with --new" in err) == (2, True)
    assert ftops("promote", "router", "--to", "prodution", "--new", "--dry-run")[0] == 0
    for word, shown in (("No Alias", "No Alias"), ("", ""), ("x\x1b[2J", "x\\x1b[2J"), ("eu\n", "eu\\x0a")):
        code, _, err = ftops("promote", "router", "--to", word)
        assert (code, f"an alias can't be called '{shown}': expected a DNS label" in err) == (2, True)
    assert git(scratch.root, "status", "--porcelain") == ""


def test_an_alias_that_is_new_is_added(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, passed=A)
    code, out, _ = ftops("promote", "router", "--to", "eu")
    assert (code, out.splitlines()[0]) == (0, f"eu of router: nothing → {A}")
    assert text(scratch).splitlines()[-1] == f'    eu: "{A}"'


def test_a_former_name_answers(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    code, _, err = ftops("rollback", "dispatcher", "--alias", "production", "--dry-run")
    assert (code, err) == (0, "Warning: dispatcher is called router now\n")
    scratch.manifest(moved_from="[older]", aliases="{production: latest}")
    assert "older is called router now" in ftops("rollback", "older", "--alias", "production", "--dry-run")[2]


def test_a_suspended_fine_tune_is_edited_with_a_word(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    manifest(scratch, more="  policy: {suspend: true}\n")
    code, _, err = ftops("rollback", "router", "--alias", "production")
    assert (code, "router is suspended" in err) == (0, True)


def test_a_choice_by_another_backend_than_the_manifest_s_is_told(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    code, _, err = ftops("promote", "router", "--to", "production", "--backend", "embedded")
    assert (code, "no revision of router has a model on embedded yet" in err) == (1, True)
    assert "Warning: verdicts and models are those of backend embedded; the manifest wants lab" in err


def test_an_invalid_manifest_is_told_as_by_validate(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    manifest(scratch, more="  polciy: {}\n")
    code, _, err = ftops("rollback", "router", "--alias", "production")
    problem = "finetunes/router.yaml:18:3 /spec/polciy: unknown key (did you mean policy?)"
    assert (code, err.splitlines()[0], ftops("validate")[1].splitlines()[0]) == (2, problem, problem)


def test_an_alias_that_pointed_nowhere_yet_has_nothing_before(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch)
    code, _, err = ftops("rollback", "router", "--alias", "production")
    assert (code, "production of router has pointed to nothing on lab yet" in err) == (1, True)
    assert "without --cached" in ftops("rollback", "router", "--alias", "staging", "--cached")[2]


def test_one_that_has_still_to_be_measured_is_pinned_with_that_word(
    scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    put_ledger(scratch, A)
    _, out, _ = ftops("promote", "router", "--to", "production", "--revision", C)
    assert "Written. Commit it; the alias moves when that is done and its gates pass:" in out
    again = ftops("promote", "router", "--to", "production", "--revision", C)[1]
    assert again == f"production of router is pinned to {C} already: no change.\n"


def test_an_unreachable_remote_is_told_and_the_copy_read(
    scratch: Scratch, ftops: Callable[..., Any], tmp_path: Path
) -> None:
    put_ledger(scratch, A, B)
    scratch.add_remote(tmp_path)
    git(scratch.root, "push", "-q", "origin", "ftops-ledger")
    git(scratch.root, "branch", "-q", "-D", "ftops-ledger")
    assert "has pointed to nothing" in ftops("rollback", "router", "--alias", "production", "--dry-run", "--cached")[2]
    assert ftops("rollback", "router", "--alias", "production", "--dry-run")[0] == 0
    git(scratch.root, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    code, out, err = ftops("rollback", "router", "--alias", "production", "--dry-run")
    assert (code, f"latest → {A}" in out) == (0, True)
    assert err.startswith("Warning: the ledger could not be fetched")
    code, out, err = ftops("rollback", "router", "--alias", "production", "--dry-run", "--cached")
    assert (code, f"latest → {A}" in out, err) == (0, True, "")


def test_mode_links_and_line_ends_stay(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    file, kept = scratch.root / "finetunes/router.yaml", scratch.root / "kept/mine.yaml"
    kept.parent.mkdir()
    kept.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    kept.chmod(0o640)
    owner = (12345, 12346) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    os.chown(kept, *owner)
    file.unlink()
    file.symlink_to("../kept/mine.yaml")
    before = kept.read_bytes()
    code, out, _ = ftops("rollback", "router", "--alias", "production")
    assert code == 0
    assert file.is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert (kept.stat().st_uid, kept.stat().st_gid) == owner
    assert kept.read_bytes() == before.replace(b"production: latest ", f'production: "{A}" '.encode())
    assert "--- a/kept/mine.yaml" in out
    assert sorted(path.name for path in kept.parent.iterdir()) == ["mine.yaml"]


def test_from_a_folder_below_the_command_to_commit_is_right_there(
    scratch: Scratch, ftops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_ledger(scratch, A, B)
    monkeypatch.chdir(scratch.root / "finetunes/data")
    assert "-- ../router.yaml\n" in ftops("promote", "router", "--to", "eu", "--revision", A)[1]
    monkeypatch.chdir(tmp_path)
    _, out, _ = ftops("-C", "clone", "rollback", "router", "--alias", "production")
    assert f"git -C {scratch.root} commit" in out


def test_what_a_description_holds_is_no_command_of_a_ci_runner(scratch: Scratch, ftops: Callable[..., Any]) -> None:
    put_ledger(scratch, A, B)
    head, _, rest = text(scratch).partition("metadata: {name: router, moved_from: []}\nspec:\n")
    evil = "metadata:\n  name: router\n  description: |\n    ##[group]z\n    ::set-env name=x::y\n"
    spec = rest.partition("  aliases:")[0]
    scratch.write("finetunes/router.yaml", f"{head}{evil}spec:\n  aliases: {{production: latest}}\n{spec}")
    code, out, err = ftops("rollback", "router", "--alias", "production")
    assert (code, err) == (0, "")
    assert "     #\\x23[group]z" in out.splitlines()
    assert "     :\\x3aset-env name=x::y" in out.splitlines()


def test_a_file_that_changes_meanwhile_is_left_alone(
    scratch: Scratch, ftops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftops.adapters.manifest_edits import ManifestFiles

    put_ledger(scratch, A, B)
    path, write = scratch.root / "finetunes/router.yaml", ManifestFiles.write

    def slowly(self: ManifestFiles, edit: Any) -> None:
        path.write_text("other\n")
        write(self, edit)

    monkeypatch.setattr(ManifestFiles, "write", slowly)
    code, _, err = ftops("rollback", "router", "--alias", "production")
    assert (code, "changed meanwhile; nothing was written" in err) == (1, True)
    assert path.read_text() == "other\n"


def test_of_two_at_once_none_loses_what_the_other_wrote(
    scratch: Scratch, ftops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ftops.adapters import manifest_edits

    put_ledger(scratch, A, B)
    here, later, replace, told = Barrier(2), Event(), manifest_edits._replace, []

    def slowly(*words: Any) -> None:
        here.wait(20)
        later.wait(0.3)  # what the other would need to get past its look at the file
        replace(*words)

    def other() -> None:
        at_hand = open_pins(find_place(scratch.root), backend=None)
        edit = at_hand.edits.propose(at_hand.desired.fine_tunes[0].fine_tune, AliasName("eu"), A)
        here.wait(20)
        monkeypatch.setattr(manifest_edits, "_replace", replace)
        with pytest.raises(FtopsError, match="changed meanwhile; nothing was written"):
            at_hand.edits.write(edit)
        told.append(edit)

    monkeypatch.setattr(manifest_edits, "_replace", slowly)
    thread = Thread(target=other)
    thread.start()
    assert ftops("rollback", "router", "--alias", "production")[0] == 0
    thread.join(20)
    assert told
    assert f'production: "{A}"' in text(scratch)


def test_a_folder_that_can_t_be_written_is_told(
    scratch: Scratch, ftops: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_ledger(scratch, A, B)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "finetunes")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    before = text(scratch)
    code, _, err = ftops("rollback", "router", "--alias", "production")
    assert (code, "Permission denied: finetunes" in err) == (1, True)
    assert text(scratch) == before


def test_what_is_written_in_terms_of_other_lines_is_left_to_a_person(
    scratch: Scratch, ftops: Callable[..., Any]
) -> None:
    put_ledger(scratch, A, B)
    scratch.manifest(aliases="{production: &p latest, staging: *p}")
    before = text(scratch)
    code, _, err = ftops("rollback", "router", "--alias", "production")
    assert code == 1
    assert "production can't be written without touching other lines" in err
    assert f"write it yourself, below spec.aliases: production: '{A}'" in err
    assert text(scratch) == before
