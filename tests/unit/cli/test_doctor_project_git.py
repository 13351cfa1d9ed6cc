"""What ``ftops doctor`` finds in a project's files and in git, each gone wrong for real."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from doctor_kit import VARIABLE, Patient, patient, plain, put_git_first, quiet_environment, standin, template, wrong_in
from ftops.domain.diagnosis import State
from git_http import read_only_server
from ledger_kit import git
from openai_standin import OpenAIStandin

__all__ = ["patient", "plain", "standin", "template"]

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"


@pytest.fixture(scope="module")
def many_ills(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One look at a clone in which much is wrong at once: no check keeps another one from seeing."""
    folder = tmp_path_factory.mktemp("ills")
    with pytest.MonkeyPatch.context() as monkeypatch:
        quiet_environment(folder, monkeypatch)
        shutil.copytree(template, folder, dirs_exist_ok=True)
        ill = Patient(folder / "clone", None, monkeypatch)
        ill.lab("http://127.0.0.1:9/v1")
        ill.manifest()
        ill.write("finetunes/data/train.jsonl", POINTER)
        ill.write(".ftops/outputs/x", "an answer")
        git(ill.root, "add", "-f", ".ftops")
        git(ill.root, "commit", "-q", "-m", "Keep what nobody should keep")
        git(ill.root, "checkout", "-q", "--detach")
        ill.setenv(GIT_CONFIG_GLOBAL=str(folder / "none"))
        real = shutil.which("git")
        script = f'case "$*" in *version) echo "git version 2.25.1";; *) exec {real} "$@";; esac'
        put_git_first(folder / "bin", monkeypatch, script)
        return ill.findings(is_offline=True)


def test_data_that_is_a_pointer_of_git_lfs(many_ills: dict[str, Any]) -> None:
    found = many_ills["data-files"]
    assert found.mends == ("git lfs pull --include=finetunes/data/train.jsonl",)
    assert found.exit_code == 2


def test_an_old_git(many_ills: dict[str, Any]) -> None:
    assert many_ills["git"].says == "git 2.25.1 is too old"
    assert many_ills["git"].mends == ("install git 2.30 or newer",)


def test_git_does_not_know_who_commits(many_ills: dict[str, Any]) -> None:
    mends = many_ills["identity"].mends
    assert mends == ("git config --global user.name 'Your Name'", "git config --global user.email you@example.com")


def test_a_detached_head(many_ills: dict[str, Any]) -> None:
    assert many_ills["checkout"].mends == ("git switch main",)


def test_a_dirty_work_tree(many_ills: dict[str, Any]) -> None:
    found = many_ills["work-tree"]
    assert (found.state, found.exit_code, found.mends[0]) == (
        State.WRONG,
        5,
        "git add -A && git commit -m 'Change models'",
    )


def test_a_state_folder_in_a_commit(many_ills: dict[str, Any]) -> None:
    assert "'.ftops/outputs/x'" in many_ills["ignored"].says
    assert many_ills["ignored"].mends[0] == "git rm -r --cached .ftops"


def test_a_state_folder_that_git_does_not_ignore(patient: Patient) -> None:
    patient.write(".gitignore", "")
    assert patient.look("--offline")["ignored"]["mends"] == ["echo .ftops/ >> .gitignore"]


def test_a_project_file_that_is_no_yaml(patient: Patient) -> None:
    patient.write("ftops.yaml", "kind: [Project\n")
    every = patient.look("--offline")
    found = every["project-file"]
    assert {every[name]["says"] for name in ("ledger", "key", "remote", "push")} == {"ftops.yaml is not valid"}
    assert (found["state"], found["exit_code"], found["mends"]) == ("wrong", 2, ["ftops validate"])
    assert "ftops.yaml:" in found["says"]


def test_a_manifest_with_a_wrong_key(patient: Patient) -> None:
    patient.manifest("  sead: 7\n")
    found = patient.look("--offline")
    assert patient.code == 2
    assert "finetunes/router.yaml:7" in found["manifests"]["says"]
    assert found["project-file"]["state"] == "well"


def test_no_manifest_at_all(patient: Patient) -> None:
    (patient.root / "finetunes/router.yaml").unlink()
    found = patient.look("--offline")
    assert found["manifests"]["mends"] == ["ftops init"]
    assert found["data-files"]["state"] == "not_asked"


def test_data_that_is_missing(patient: Patient) -> None:
    (patient.root / "finetunes/data/train.jsonl").unlink()
    found = patient.look("--offline")
    assert "finetunes/router.yaml:6" in found["manifests"]["says"]
    assert patient.code == 2


def test_a_backend_that_nobody_declares(patient: Patient) -> None:
    patient.setenv(FTOPS_BACKEND="labb")
    found = patient.look("--offline")["backend-choice"]
    assert (found["exit_code"], found["mends"]) == (2, ["name one of embedded, lab, openai"])


def test_a_redirection_to_a_backend_that_costs_money(patient: Patient) -> None:
    found = patient.look("--offline", "--backend", "lab")["backend-choice"]
    assert (found["state"], found["mends"]) == ("warning", ["unset FTOPS_BACKEND"])
    assert patient.look("--offline", "--backend", "embedded")["backend-choice"]["state"] == "well"


def test_a_budget_with_a_price_that_nobody_knows(patient: Patient, standin: OpenAIStandin) -> None:
    patient.lab(standin.base_url, "  budget: {training_usd: 50}\n")
    found = patient.look("--offline")["prices"]
    assert (found["exit_code"], found["mends"][1]) == (5, "ftops apply --allow unknown-cost")
    patient.project("  backend: openai\n  budget: {training_usd: 50}\n")
    assert patient.look("--offline")["prices"]["state"] == "well"


def test_no_git(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    patient.setenv(PATH=str(tmp_path / "empty"))
    found = patient.look()
    assert found["git"]["mends"] == ["install git"]
    assert patient.code == 2


def test_a_repository_that_is_broken(patient: Patient) -> None:
    patient.write(".git/index", "x")
    found = patient.look("--offline")["repository"]
    assert (patient.code, found["mends"]) == (2, ["git status tells more"])
    assert "index file smaller than expected" in found["says"]


def test_a_repository_of_another_user(plain: Patient) -> None:
    git(plain.root, "init", "-q")
    plain.setenv(GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    found = plain.look("--offline")["repository"]
    assert found["mends"] == [f"if you trust it: git config --global --add safe.directory {plain.root}"]


def test_a_bare_repository(patient: Patient, tmp_path: Path) -> None:
    found = patient.look("--offline", start=tmp_path / "remote.git")["repository"]
    assert "bare git repository" in found["says"]
    assert found["exit_code"] == 2


def test_a_shallow_clone(patient: Patient, tmp_path: Path) -> None:
    patient.commit("second")
    git(patient.root, "push", "-q", "origin", "main")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'remote.git'}", "shallow")
    found = patient.look("--offline", start=tmp_path / "shallow")["history"]
    assert found["mends"] == ["git fetch --unshallow --filter=tree:0"]
    patient.setenv(GITHUB_ACTIONS="true")
    found = patient.look("--offline", start=tmp_path / "shallow")["history"]
    assert "fetch-depth: 0" in found["mends"][0]


def test_a_repository_without_a_commit(patient: Patient, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "fresh")
    found = patient.look(start=tmp_path / "fresh")
    assert "no commit yet" in found["checkout"]["says"]


def test_no_remote(patient: Patient) -> None:
    git(patient.root, "remote", "rename", "origin", "upstream")
    found = patient.look()
    assert found["remote"]["mends"] == ["in ftops.yaml: spec.ledger.remote: upstream"]
    assert found["push"]["state"] == "not_asked"
    assert found["ledger"]["state"] == "well"
    assert wrong_in(found) == {}
    git(patient.root, "remote", "remove", "upstream")
    assert patient.look()["remote"]["mends"] == ["git remote add origin URL"]


def test_a_named_remote_that_is_not_there(patient: Patient, standin: OpenAIStandin) -> None:
    patient.lab(standin.base_url, "  ledger: {remote: hub}\n")
    patient.commit()
    found = patient.look()
    assert (patient.code, found["remote"]["exit_code"]) == (2, 2)
    assert found["ledger"]["state"] == "not_asked"


def test_a_remote_that_is_gone(patient: Patient, tmp_path: Path) -> None:
    shutil.move(tmp_path / "remote.git", tmp_path / "elsewhere.git")
    found = patient.look()
    assert (patient.code, found["remote"]["state"]) == (1, "wrong")
    assert "git remote get-url origin" in found["remote"]["mends"][0]
    assert found["ledger"]["says"] == "its remote doesn't answer"
    assert found["push"]["state"] == "not_asked"


def test_a_remote_that_demands_a_login(patient: Patient, standin: OpenAIStandin) -> None:
    standin.key = "another"
    git(patient.root, "remote", "set-url", "origin", standin.base_url)
    standin.refused = {}
    found = patient.look()
    assert found["remote"]["state"] == "wrong"


def test_a_remote_that_refuses_pushes(patient: Patient, tmp_path: Path) -> None:
    with read_only_server(tmp_path) as address:
        git(patient.root, "remote", "set-url", "origin", f"{address}/remote.git")
        found = patient.look()
    assert found["remote"]["state"] == "well"
    assert (found["push"]["state"], found["push"]["exit_code"]) == ("wrong", 9)
    assert "403" in found["push"]["says"]
    assert "contents: write" in found["push"]["mends"][0]
    assert patient.code == 9


def test_a_ledger_that_is_there_lets_a_push_begin(patient: Patient) -> None:
    from ledger_kit import started

    patient.ledger(started())
    assert patient.look()["push"]["state"] == "well"


def test_a_push_needs_a_commit_to_be_tried_with(
    standin: OpenAIStandin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_environment(tmp_path, monkeypatch)
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(tmp_path, "clone", "-q", "remote.git", "clone")
    fresh = Patient(tmp_path / "clone", capsys, monkeypatch)
    fresh.lab(standin.base_url)
    fresh.setenv(**{VARIABLE: "x" * 20})
    assert fresh.look()["push"]["says"] == "there is no commit to try it with"
