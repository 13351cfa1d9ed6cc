"""Ledgers that can't be reached, written, found or trusted: nothing paid is started, and the way out is said."""

import json
from pathlib import Path
from typing import Any

from git_http import read_only_server
from scratch_project import Scratch, git

NOTHING = {"jobs": 0, "chats": 0, "files": 0}


def test_read_only_token(scratch: Scratch, tmp_path: Path, asked: Any) -> None:
    scratch.add_remote(tmp_path)
    with read_only_server(tmp_path) as url:
        git(scratch.root, "remote", "set-url", "origin", f"{url}/remote.git")
        plan = scratch.plan(code=3)
        assert "1 to train" in plan.out
        done = scratch.ftops("apply", "--auto-approve")
    assert done.code == 9, done.text
    assert "grant contents: write on refs/heads/ftops-ledger" in done.err
    assert "403" in done.err
    assert asked.look() == NOTHING


def test_remote_that_went_down(scratch: Scratch, tmp_path: Path, asked: Any) -> None:
    remote = scratch.add_remote(tmp_path)
    scratch.apply()
    asked.look()
    scratch.manifest(epochs=1)
    scratch.commit()
    remote.rename(tmp_path / "away")
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "can't be reached" in done.err) == (1, True), done.text
    assert asked.look() == NOTHING
    assert scratch.resolve().startswith("ft:"), "from the copy here"


def test_branch_beside_which_ours_cannot_exist(scratch: Scratch, tmp_path: Path, asked: Any) -> None:
    remote = scratch.add_remote(tmp_path)
    git(remote, "branch", "ftops-ledger/old", "main")
    done = scratch.ftops("apply", "--auto-approve")
    assert done.code == 5, done.text
    assert "can't be made beside the branch 'ftops-ledger/old'" in done.err
    assert asked.look() == NOTHING


def test_deleted_ledger(scratch: Scratch, tmp_path: Path, asked: Any) -> None:
    remote = scratch.add_remote(tmp_path)
    scratch.apply()
    git(remote, "update-ref", "-d", "refs/heads/ftops-ledger")
    asked.look()
    # A clone that never saw it finds this project's jobs at the backend, and no ledger.
    stranger = scratch.clone(remote, tmp_path)
    done = stranger.ftops("apply", "--auto-approve")
    assert (done.code, "import" in done.text) == (5, True), done.text
    # This clone knows that it was there.
    done = scratch.ftops("apply", "--auto-approve")
    assert done.code == 5, done.text
    assert "was deleted at origin" in done.err
    assert "git push origin +" in done.err
    assert "ftops ledger verify --accept" in done.err
    seen = scratch.ftops("ledger", "verify")
    assert seen.code == 1
    assert "lost: fine-tune router" in seen.out
    accepted = scratch.ftops("ledger", "verify", "--accept")
    assert (accepted.code, "lost: fine-tune router" in accepted.out) == (0, True), accepted.text
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "import" in done.text) == (5, True), done.text
    assert asked.look() == NOTHING
    # The other way out.
    lost = git(scratch.root, "for-each-ref", "--format=%(objectname)", "refs/ftops/ledger-lost")
    git(scratch.root, "push", "-q", "origin", f"+{lost}:refs/heads/ftops-ledger")
    assert "No changes" in scratch.plan().out


def test_clone_of_a_ci_run(scratch: Scratch, tmp_path: Path, asked: Any) -> None:
    remote = scratch.add_remote(tmp_path)
    scratch.apply()
    scratch.manifest(least=0.5)
    newest = scratch.commit("Lower the gate")
    git(scratch.root, "push", "-q", "origin", "main")
    asked.look()
    ci = Scratch(tmp_path / "ci", scratch.base_url, scratch.project_name)
    git(tmp_path, "init", "-q", str(ci.root))
    git(ci.root, "remote", "add", "origin", f"file://{remote}")
    git(ci.root, "fetch", "-q", "--no-tags", "--depth=1", "origin", f"+{newest}:refs/remotes/origin/main")
    git(ci.root, "checkout", "-q", "--detach", "refs/remotes/origin/main")
    assert "No changes" in ci.plan().out
    assert git(ci.root, "rev-list", "--count", "HEAD") == "1", "a plan fetches no history"
    done = ci.apply()
    assert "fetching the history" in done.err
    assert git(ci.root, "rev-list", "--count", "HEAD") == "2"
    assert ci.resolve() == scratch.resolve()
    history = ci.ftops("history")
    assert f"commit {newest[:12]} applied" in history.out
    assert ci.ftops("ledger", "verify").code == 0
    assert asked.look() == NOTHING


def test_verifying_what_apply_wrote(scratch: Scratch) -> None:
    assert scratch.ftops("ledger", "verify").out == "ledger ftops-ledger in this clone: nothing was recorded yet\n"
    scratch.apply()
    done = scratch.ftops("ledger", "verify")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    assert "1 fine-tune, 1 job, " in done.out
    (found,) = json.loads(scratch.ftops("ledger", "verify", "--json").out)["ledgers"]
    assert (found["is_in_order"], found["findings"], found["tip"]) == (True, [], scratch.tip())
    tree = scratch.root.parent / "by-hand"
    git(scratch.root, "worktree", "add", "-q", "--detach", str(tree), "ftops-ledger")
    (file,) = (tree / "projects" / scratch.project_name / "fine-tunes").iterdir()
    file.write_text(file.read_text().replace('"n_epochs": 2', '"n_epochs": 9'))
    git(tree, "commit", "-q", "-am", "Tamper")
    commit = git(tree, "rev-parse", "HEAD")
    git(scratch.root, "update-ref", "refs/heads/ftops-ledger", commit)
    done = scratch.ftops("ledger", "verify")
    assert done.code == 1
    assert "[revision-ids]" in done.out
    assert f"commit {commit[:12]} was not written by ftops: Tamper [written-by-ftops]" in done.out
    assert "[events-tell-all]" in done.out
    # Undone in a commit on top: the history keeps both commits, which whoever looked at them can name.
    git(tree, "checkout", "-q", "HEAD~", "--", ".")
    git(tree, "commit", "-q", "-m", "Undo it")
    undone = git(tree, "rev-parse", "HEAD")
    git(scratch.root, "update-ref", "refs/heads/ftops-ledger", undone)
    assert scratch.ftops("ledger", "verify").code == 1
    done = scratch.ftops("ledger", "verify", "--since", undone[:12])
    assert (done.code, f"0 commits since {undone[:12]}; in order" in done.out) == (0, True), done.text
    assert scratch.ftops("ledger", "verify", "--since", "HEAD").code == 2
    assert scratch.ftops("ledger", "verify", "--accept", "--since", undone).code == 2


def test_ledger_whose_project_record_went(scratch: Scratch, asked: Any) -> None:
    scratch.apply()
    tree = scratch.root.parent / "by-hand"
    git(scratch.root, "worktree", "add", "-q", "--detach", str(tree), "ftops-ledger")
    git(tree, "rm", "-q", f"projects/{scratch.project_name}/project.json")
    git(tree, "commit", "-q", "-m", "Tidy up")
    tip = git(tree, "rev-parse", "HEAD")
    git(scratch.root, "update-ref", "refs/heads/ftops-ledger", tip)
    asked.look()
    for words in (("plan",), ("apply", "--auto-approve")):
        done = scratch.ftops(*words)
        assert (done.code, "project.json is missing" in done.err) == (1, True), done.text
        assert "ftops ledger verify" in done.err
    assert (scratch.tip(), asked.look()) == (tip, NOTHING)
