"""What ``ftops ledger verify`` sees in a branch: clean ones, edited, merged, rewritten and deleted ones, and broken files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftops.adapters import ledger_diffs, ledger_history, ledger_migrations
from ftops.adapters.ledger_inspection import LedgerInspection
from ftops.adapters.ledger_migrations import Kind, Step
from ftops.adapters.ledger_ownership import NotALedger
from ftops.domain.attempts import JobStatus
from ftops.domain.events import AliasMoved, JobObserved, Renamed
from ftops.domain.findings import Invariant
from ftops.domain.manifest import AliasName, FineTuneName
from ftops.domain.records import Target
from ftops.errors import LedgerCorrupt, LedgerRewritten, LedgerUnreachable, UsageProblem
from ftops.ports import Inspected
from ledger_kit import (
    AT,
    BRANCH,
    NAME,
    REF,
    QuickClock,
    World,
    applied,
    declared,
    evaluated,
    git,
    intended,
    job_recorded,
    ledger,
    preferred,
    started,
)

MODEL = "ft:gpt:acme::1"
remote_or_not = pytest.mark.parametrize("remote", ["origin", None])


def inspection(repo: Path, **changes: Any) -> LedgerInspection:
    settings: dict[str, Any] = {"project": "acme", "branch": BRANCH, "remote": "origin", "clock": QuickClock()}
    return LedgerInspection(repo, **{**settings, **changes})


def fill(repo: Path, remote: str | None = "origin") -> None:
    """Records a whole life, in as many commits as there are steps."""
    at = ledger(repo, remote=remote)
    at.record([started(), declared(), declared("other")])
    at.record([intended(estimate_usd=1.5)])
    at.record([job_recorded(intent="i1")])
    about = {name: getattr(job_recorded(), name) for name in ("fine_tune", "revision", "backend", "attempt", "job")}
    at.record([JobObserved(at=AT, status=JobStatus.SUCCEEDED, model=MODEL, error_message="a\nb \x1b[31m\x00", **about)])
    at.record([evaluated(3), evaluated(5, "ft:gpt:acme::2")])
    at.record([evaluated(4), applied("c1"), preferred(3), preferred(2)])
    target = Target(backend="openai", revision=declared().revision, model=MODEL)
    at.record([AliasMoved(at=AT, fine_tune=NAME, alias=AliasName("production"), target=target, was=None, reason="r")])
    at.record([Renamed(at=AT, fine_tune=FineTuneName("router"), former=NAME)])


Edit = Callable[[Callable[[Path], None]], str]


@pytest.fixture
def edit(world: World) -> Edit:
    """Changes the branch by hand in a commit on top."""
    fill(world.repo)

    def edit(change: Callable[[Path], None], *, message: str = "Mend it") -> str:
        tree = world.repo.parent / "by-hand"
        if not tree.exists():
            git(world.repo.parent, "clone", "-q", "-b", BRANCH, str(world.remote), str(tree))
        git(tree, "pull", "-q", "--ff-only")
        change(tree)
        git(tree, "add", "-A")
        git(tree, "commit", "-q", "--allow-empty", "-m", message)
        git(tree, "push", "-q", "origin", f"HEAD:{REF}")
        return git(tree, "rev-parse", "HEAD")

    return edit


def replaced(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        file = tree / "projects" / "acme" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    return change


def found(inspected: Inspected) -> list[tuple[Invariant, str | None]]:
    return [(finding.invariant, finding.commit) for finding in inspected.findings]


@remote_or_not
def test_nothing_is_wrong_with_what_ftops_wrote(world: World, remote: str | None) -> None:
    fill(world.repo, remote)
    repo = world.clone("other") if remote else world.repo
    seen = inspection(repo, remote=remote).inspect()
    assert seen.findings == ()
    assert (seen.commits, seen.branch, seen.lost, seen.older) == (8, BRANCH, (), ())
    assert seen.state == ledger(repo, remote=remote).read().state


@remote_or_not
def test_no_ledger_is_in_order(world: World, remote: str | None) -> None:
    seen = inspection(world.repo, remote=remote).inspect()
    assert (seen.tip, seen.commits, seen.findings) == (None, 0, ())


def test_looking_changes_nothing(world: World) -> None:
    fill(world.repo)
    other = world.clone("other")
    ledger(world.repo).record([applied("c9")])
    inspection(other).inspect()
    assert git(other, "for-each-ref", "refs/ftops/ledger-seen", "refs/ftops/ledger-accepted") == ""


def test_other_projects_commits_are_nobodys_business(world: World) -> None:
    ledger(world.repo, project="other").record([started("L2")])
    fill(world.repo)
    ledger(world.repo, project="other").record([applied("c1")])
    assert inspection(world.repo).inspect().findings == ()


def test_edit_by_hand_shows_with_its_commit(world: World, edit: Edit) -> None:
    commit = edit(replaced("fine-tunes/router.json", "1.5", "0.5"))
    ledger(world.repo).record([applied("c2")])
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.WRITTEN_BY_FTOPS, commit), (Invariant.EVENTS_TELL_ALL, commit)]
    assert seen.findings[1].fine_tune == "router"
    assert "the commit changes it, and no event of it does (revisions)" in seen.findings[1].says


def test_edit_within_a_commit_of_ftops_shows(world: World, edit: Edit) -> None:
    event = '{"at":"2026-11-21T12:00:00Z","event":"applied","commit":"c7","owner":"eve"}'
    commit = edit(replaced("fine-tunes/router.json", "1.5", "0.5"), message=f"x\n\n{event}\n\nFtops-Write: eve")
    seen = inspection(world.repo).inspect()
    assert {invariant for invariant, _ in found(seen)} == {Invariant.EVENTS_TELL_ALL}
    assert {at for _, at in found(seen)} == {commit}
    assert any("its events change it, and the commit does not" in finding.says for finding in seen.findings)


def test_scores_that_were_changed_later_show(world: World, edit: Edit) -> None:
    commit = edit(replaced("fine-tunes/router.json", "bbbbbbbbbbbb", "cccccccccccc"))
    seen = inspection(world.repo).inspect()
    assert (Invariant.EVENTS_TELL_ALL, commit) in found(seen)
    assert "(evaluations, preferences)" in seen.findings[-1].says


def test_event_that_cannot_follow_or_be_read(world: World, edit: Edit) -> None:
    lines = '{"event":"unheard of"}\n{"at":"2026-11-21T12:00:00Z","event":"uploaded","backend":"nowhere",'
    lines += f'"sha256":"{"a" * 64}","file":{{"id":"f","name":"n","size":1,"uploaded_at":"2026-11-21T12:00:00Z"}}}}'
    commit = edit(replaced("project.json", "L1", "L2"), message=f"x\n\n{lines}\n\nFtops-Write: zz")
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.EVENTS_TELL_ALL, commit)] * 3
    assert "unheard of" in seen.findings[0].says
    assert "can't follow (uploaded): the ledger has no backend nowhere" in seen.findings[1].says


def test_record_that_went_or_came(world: World, edit: Edit) -> None:
    gone = edit(lambda tree: (tree / "projects/acme/fine-tunes/other.json").unlink())
    assert (Invariant.EVENTS_TELL_ALL, gone) in found(inspection(world.repo).inspect())
    come = edit(
        lambda tree: (tree / "projects/acme/fine-tunes/new.json").write_text('{"format_version":"1","name":"new"}')
    )
    seen = inspection(world.repo).inspect()
    assert (Invariant.EVENTS_TELL_ALL, come) in found(seen)
    assert set(seen.state.fine_tunes) == {"router", "new"}
    gone = edit(lambda tree: (tree / "projects/acme/project.json").unlink())
    seen = inspection(world.repo).inspect()
    assert found(seen)[-1] == (Invariant.EVENTS_TELL_ALL, gone)
    assert seen.state.project is None


def test_random_id_used_twice(world: World, edit: Edit) -> None:
    message = git(world.remote, "log", "-1", "--format=%B", f"{REF}~2")
    commit = edit(replaced("project.json", "c1", "c2"), message=message)
    assert (Invariant.RANDOM_IDS, commit) in found(inspection(world.repo).inspect())


def test_merges_show(world: World, edit: Edit) -> None:
    def merge(tree: Path) -> None:
        git(tree, "checkout", "-q", "-b", "side", "HEAD~1")
        git(tree, "commit", "-q", "--allow-empty", "-m", "side")
        git(tree, "checkout", "-q", BRANCH)
        git(tree, "merge", "-q", "--no-ff", "-m", "merge", "side")

    edit(merge)
    ledger(world.repo).record([applied("c5")])
    seen = inspection(world.repo).inspect()
    assert [invariant for invariant, _ in found(seen)] == [Invariant.CHAIN]


def test_sources_among_ledgers_show(world: World, edit: Edit) -> None:
    added = edit(lambda tree: (tree / "README\x1b").write_text("hello"))
    watched = ("for-each-ref", "refs/ftops/ledger-seen", "refs/ftops/ledger-accepted", "refs/ftops/ledger-lost")
    before = git(world.repo, *watched)
    for look in (inspection(world.repo).inspect, inspection(world.repo).accept):
        with pytest.raises(NotALedger):
            look()
    assert git(world.repo, *watched) == before, "refused is not accepted"
    removed = edit(lambda tree: (tree / "README\x1b").unlink())
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.ONLY_LEDGERS, added), (Invariant.ONLY_LEDGERS, removed)]
    assert "\x1b" not in seen.findings[0].says


def test_message_too_long_to_be_read(world: World, edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftops.adapters.ledger_objects.MESSAGE_LIMIT", 3000)
    commit = edit(replaced("project.json", "c1", "c2"), message="x" * 4000)
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.WRITTEN_BY_FTOPS, commit), (Invariant.EVENTS_TELL_ALL, commit)]


def test_commit_that_changes_very_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world.repo)
    monkeypatch.setattr(ledger_diffs, "_LIMIT", 100)
    assert [invariant for invariant, _ in found(inspection(world.repo).inspect())] == [Invariant.ONLY_LEDGERS]


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("fine-tunes/other.json", "{", "can't be read"),
        ("fine-tunes/other.json", '{"format_version":"9","name":"other"}', "newer ftops"),
        ("fine-tunes/other.json", '{"format_version":"1","name":"else"}', "is the record of else"),
        ("fine-tunes/Deep/x.json", "{}", "no business there"),
        ("project.json", '{"format_version":"1","name":"acme","ledger_id":"$(rm -rf /)"}', "can't be read"),
    ],
)
def test_broken_files_are_told_of_and_the_others_read(
    world: World, edit: Edit, path: str, text: str, words: str
) -> None:
    def write(tree: Path) -> None:
        file = tree / "projects/acme" / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)

    edit(write)
    seen = inspection(world.repo).inspect()
    assert seen.findings[0].invariant is Invariant.READABLE
    assert words in seen.findings[0].says
    assert "router" in seen.state.fine_tunes


def test_listing_that_is_too_long_or_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world.repo)
    for limit, words in (("ENTRY_LIMIT", "more than 1 files"), ("FOLDER_LIMIT", "together")):
        with monkeypatch.context() as patch:
            patch.setattr(f"ftops.adapters.ledger_objects.{limit}", 1)
            (finding, *_) = inspection(world.repo).inspect().findings
            assert finding.invariant is Invariant.READABLE
            assert words in finding.says


def test_object_that_is_missing(world: World) -> None:
    fill(world.repo, None)
    blob = git(world.repo, "rev-parse", f"{REF}:projects/acme/fine-tunes/other.json")
    (world.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    seen = inspection(world.repo, remote=None).inspect()
    assert seen.findings[0].invariant is Invariant.READABLE
    assert set(seen.state.fine_tunes) == {"router"}


def test_commit_that_is_missing(world: World) -> None:
    fill(world.repo, None)
    parent = git(world.repo, "rev-parse", f"{REF}~3")
    (world.repo / ".git" / "objects" / parent[:2] / parent[2:]).unlink()
    with pytest.raises(LedgerCorrupt, match="git can't work"):
        inspection(world.repo, remote=None).inspect()


def test_remote_out_of_reach_is_no_empty_ledger(world: World) -> None:
    fill(world.repo)
    world.remote.rename(world.remote.with_suffix(".away"))
    for look in (inspection(world.repo).inspect, inspection(world.repo).accept):
        with pytest.raises(LedgerUnreachable):
            look()


def test_rewritten_branch_tells_what_was_lost_until_it_is_accepted(world: World) -> None:
    fill(world.repo)
    old = world.tip()
    git(world.remote, "update-ref", REF, f"{old}~6")
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.APPEND_ONLY, None)]
    assert old[:12] in seen.findings[0].says
    assert seen.lost == (
        "fine-tune router",
        f"job ftjob-1 of router: revision {declared().revision} on openai, attempt 1, which made {MODEL}",
        "1 move of alias production of router",
        "the scores of ft:gpt:acme::2 under exact, of router",
        f"the scores of {MODEL} under exact, of router",
        f"the preferences between {MODEL} and gpt under exact, of router",
    )
    with pytest.raises(LedgerRewritten):
        ledger(world.repo).read()
    accepted = inspection(world.repo).accept()
    assert (accepted.findings, accepted.lost) == ((), seen.lost)
    assert ledger(world.repo).read().tip == world.tip()
    assert git(world.repo, "rev-parse", f"refs/ftops/ledger-lost/origin/{BRANCH}/{old[:12]}") == old
    assert inspection(world.repo).inspect().lost == ()


def test_deleted_branch_tells_what_was_lost_until_it_is_accepted(world: World) -> None:
    fill(world.repo)
    git(world.remote, "update-ref", "-d", REF)
    seen = inspection(world.repo).inspect()
    assert found(seen) == [(Invariant.APPEND_ONLY, None)]
    assert "was deleted" in seen.findings[0].says
    assert "the ledger's id, L1: jobs that carry it are strangers to another ledger" in seen.lost
    accepted = inspection(world.repo).accept()
    assert (accepted.tip, accepted.findings, accepted.lost) == (None, (), seen.lost)
    ledger(world.repo).record([started("L2")])
    assert inspection(world.repo).inspect().findings == ()


def test_accepting_an_edit_by_hand_lets_it_stand(world: World, edit: Edit) -> None:
    edit(replaced("fine-tunes/router.json", "1.5", "0.5"))
    assert inspection(world.repo).inspect().findings
    accepted = inspection(world.repo).accept()
    assert (accepted.findings, accepted.since) == ((), world.tip())
    ledger(world.repo).record([applied("c2")])
    assert found(inspection(world.repo).inspect()) == []
    again = edit(replaced("fine-tunes/router.json", "0.5", "0.1"))
    assert (Invariant.EVENTS_TELL_ALL, again) in found(inspection(world.repo).inspect()), "only what came before stands"


@remote_or_not
def test_commits_up_to_one_that_is_named_are_not_judged(world: World, remote: str | None) -> None:
    fill(world.repo, remote)
    at = world.repo if remote is None else world.remote
    blob = git(at, "hash-object", "-w", "--stdin", stdin="changed by hand")
    listing = git(at, "ls-tree", f"{REF}:projects/acme")
    commit = git(at, "rev-parse", REF)
    for entries in (f"{listing}\n100644 blob {blob}\tnotes", listing):
        tree = git(at, "mktree", stdin=entries + "\n")
        for name in ("acme", "projects"):
            tree = git(at, "mktree", stdin=f"040000 tree {tree}\t{name}\n")
        commit = git(at, "commit-tree", tree, "-p", commit, "-m", "by hand")
    git(at, "update-ref", REF, commit)
    ledger(world.repo, remote=remote).record([applied("c2")])
    repo = world.clone("fresh") if remote else world.repo
    seen = inspection(repo, remote=remote).inspect()
    assert seen.findings
    since = inspection(repo, remote=remote).inspect(since=commit[:12])
    assert (since.findings, since.since, since.commits) == ((), commit, 1)
    assert inspection(repo, remote=remote).inspect().findings == seen.findings, "nothing is remembered"
    for other in ("HEAD", "0" * 40, "--all", ""):
        with pytest.raises(UsageProblem, match="is no commit of the ledger's branch"):
            inspection(repo, remote=remote).inspect(since=other)


def test_no_commit_can_be_named_of_a_ledger_that_is_not_there(world: World) -> None:
    with pytest.raises(UsageProblem, match="'HEAD' is no commit"):
        inspection(world.repo).inspect(since="HEAD")


def test_undecodable_ledger_can_be_accepted(world: World, edit: Edit) -> None:
    edit(lambda tree: (tree / "projects/acme/project.json").write_text("{"))
    assert [finding.invariant for finding in inspection(world.repo).accept().findings] == [Invariant.READABLE]
    with pytest.raises(LedgerCorrupt):
        ledger(world.repo).read()


def test_files_of_an_older_format_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world.repo)
    record = json.loads(git(world.remote, "cat-file", "blob", f"{REF}:projects/acme/project.json"))
    (world.repo / "project.json").write_text(json.dumps({**record, "format_version": "0"}))
    blob = git(world.repo, "hash-object", "-w", "project.json")
    others = git(world.remote, "ls-tree", f"{REF}:projects/acme", "fine-tunes")
    tree = git(world.repo, "mktree", stdin=f"{others}\n100644 blob {blob}\tproject.json\n")
    for name in ("acme", "projects"):
        tree = git(world.repo, "mktree", stdin=f"040000 tree {tree}\t{name}\n")
    commit = git(world.repo, "commit-tree", tree, "-p", world.tip(), "-m", "older")
    git(world.repo, "push", "-q", "origin", f"{commit}:{REF}")
    monkeypatch.setattr(ledger_migrations, "STEPS", (Step(source=0, changes={Kind.EVENT: dict}),))
    seen = inspection(world.repo).inspect()
    assert seen.older == ("projects/acme/project.json",)
    assert found(seen) == [(Invariant.WRITTEN_BY_FTOPS, commit)], "what it says is the same"


def test_many_commits_are_taken_a_few_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world.repo)
    monkeypatch.setattr(ledger_history, "_COMMITS_AT_ONCE", 3)
    seen = inspection(world.repo).inspect()
    assert (seen.commits, seen.findings) == (8, ())


def test_sha256_repositories(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256", "c")
    fill(tmp_path / "c", None)
    assert inspection(tmp_path / "c", remote=None).inspect().findings == ()
