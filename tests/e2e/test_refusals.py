"""What the command line refuses before it does anything, and with which exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from scratch_project import Scratch, git
from server_process import ServerProcess

NOWHERE = "http://127.0.0.1:9/v1"


def test_an_invalid_manifest_is_exit_2_with_all_problems(make: Callable[..., Scratch]) -> None:
    scratch = make(NOWHERE)
    scratch.manifest(more="  sed: 3\n")
    scratch.manifest("second", epochs=0, file="second")
    scratch.write("finetunes/third.yaml", "kind: FineTune\n")
    for command in (["plan"], ["apply", "--auto-approve"], ["validate"]):
        done = scratch.ftops(*command)
        assert done.code == 2
        assert "finetunes/router.yaml:" in done.text
        assert "finetunes/third.yaml:" in done.text
        assert "Traceback" not in done.err
    left = scratch.root / ".ftops"
    names = {path.name for path in left.iterdir()} if left.exists() else set()
    assert names <= {".gitignore", "cache"}


def test_without_a_repository_the_remedy_is_git_init(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    scratch.manifest()
    done = scratch.ftops("plan")
    assert (done.code, "git init" in done.err) == (2, True)


def test_apply_without_a_terminal_wants_approval(make: Callable[..., Scratch]) -> None:
    scratch = make(NOWHERE)
    done = scratch.ftops("apply")
    assert (done.code, "--auto-approve" in done.err) == (2, True)
    assert scratch.tip() == ""


def test_without_a_key_nothing_is_written(make: Callable[..., Scratch]) -> None:
    scratch = make(None)
    scratch.write(
        "ftops.yaml", "apiVersion: ftops/v1\nkind: Project\nmetadata: {name: acme}\nspec: {backend: openai}\n"
    )
    scratch.commit()
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "OPENAI_API_KEY" in done.err) == (9, True)
    assert git(scratch.root, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    plan = scratch.ftops("plan")
    assert plan.code == 0
    assert "backend openai was not asked" in plan.out


def test_a_pin_that_nothing_stands_behind_is_exit_2(scratch: Scratch) -> None:
    scratch.manifest(aliases='{production: "0123456789ab"}')
    scratch.commit()
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "pinned" in done.text) == (2, True), done.text
    assert scratch.jobs() == []


def test_apply_is_redirected_to_an_embedded_backend_only(make: Callable[..., Scratch]) -> None:
    scratch = make(NOWHERE)
    done = scratch.ftops("apply", "--auto-approve", "--backend", "lab")
    assert (done.code, "embedded backend only" in done.err) == (2, True)


def test_a_dirty_work_tree_is_refused_where_the_ledger_is_shared(scratch: Scratch, tmp_path: Path) -> None:
    scratch.add_remote(tmp_path)
    scratch.manifest(epochs=1)
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "--allow dirty" in done.err) == (5, True)
    assert scratch.jobs() == []
    scratch.apply("--allow", "dirty")


def test_an_older_commit_than_the_applied_one_is_stale(scratch: Scratch) -> None:
    old = git(scratch.root, "rev-parse", "HEAD")
    scratch.manifest(epochs=1)
    scratch.commit("Newer")
    scratch.apply()
    git(scratch.root, "checkout", "-q", old)
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "descends from" in done.err) == (6, True)
    assert len(scratch.jobs()) == 1


def test_history_that_diverged_is_refused(scratch: Scratch) -> None:
    scratch.manifest(epochs=1)
    scratch.commit("Ours")
    scratch.apply()
    git(scratch.root, "checkout", "-q", "-b", "side", "HEAD~1")
    scratch.manifest(epochs=3)
    scratch.commit("Theirs")
    done = scratch.ftops("apply", "--auto-approve")
    assert (done.code, "--allow diverged" in done.err) == (5, True)
    assert len(scratch.jobs()) == 1


def test_a_plan_says_that_the_remote_could_not_be_reached(scratch: Scratch, tmp_path: Path) -> None:
    remote = scratch.add_remote(tmp_path)
    scratch.apply()
    remote.rename(tmp_path / "gone.git")
    plan = scratch.ftops("plan")
    assert plan.code == 0
    assert plan.out.startswith("Caution: the ledger could not be fetched")
    assert "the copy used is of 20" in plan.out.splitlines()[0]
    assert "No changes" in plan.out
    done = scratch.ftops("apply", "--auto-approve")
    assert done.code == 1
    assert len(scratch.jobs()) == 1


def test_the_key_appears_nowhere(make: Callable[..., Scratch], tmp_path: Path) -> None:
    from server_process import start_server

    key = "sk-sentinel-0123456789-abcdef"
    with start_server(tmp_path, "--api-key-env", "THE_KEY", env={"THE_KEY": key}) as guarded:
        scratch = make(guarded.base_url)
        text = (
            (scratch.root / "ftops.yaml")
            .read_text()
            .replace("settle_seconds", "api_key_env: FTOPS_LAB_KEY, settle_seconds")
        )
        scratch.write("ftops.yaml", text)
        scratch.commit("Name the key")
        wrong = scratch.ftops("-v", "apply", "--auto-approve", FTOPS_LAB_KEY=f"{key}-wrong")
        missing = scratch.ftops("apply", "--auto-approve")
        done = scratch.ftops("-v", "apply", "--auto-approve", "--json", FTOPS_LAB_KEY=key)
        plan = scratch.ftops("plan", "-o", "plan.json", "--json", FTOPS_LAB_KEY=key)
    assert (wrong.code, missing.code, done.code, plan.code) == (9, 9, 0, 0), (wrong.text, done.text)
    assert json.loads(done.out)["exit_code"] == 0
    said = "".join(each.text for each in (wrong, missing, done, plan))
    ledger = git(scratch.root, "log", "-p", "--all")
    kept = "".join(
        file.read_bytes().decode(errors="replace")
        for file in (scratch.root).rglob("*")
        if file.is_file() and ".git" not in file.parts
    )
    assert key not in said + ledger + kept
    assert "router" in ledger


def test_the_interpreter_runs_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "ftops", "--version"], capture_output=True, text=True, check=True)
    assert "ftops" in done.stdout


def test_another_projects_jobs_are_nobodys_business(
    server: ServerProcess, scratch: Scratch, tmp_path: Path, make: Callable[..., Scratch]
) -> None:
    scratch.apply()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    from scratch_project import make_project

    other = make_project(elsewhere, server.base_url, name="someone-elses")
    assert "No changes" not in other.plan(code=3).out
    # The same project's name with another ledger is refused, with the ways out.
    other.project(server.base_url, name=scratch.project_name)
    other.commit()
    done = other.ftops("apply", "--auto-approve")
    assert done.code == 5
    assert "metadata.name" in done.err or "ledger branch" in done.err
