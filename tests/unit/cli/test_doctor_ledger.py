"""What ``ftops doctor`` finds in the ledger and in the folder of this machine, each gone wrong for real."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from doctor_kit import KEY, VARIABLE, Patient, patient, plain, quiet_environment, standin, template, wrong_in
from ftops.adapters import doctor_ledger
from ftops.domain.diagnosis import State
from ftops.domain.events import BackendSeen, CommitApplied, TrainingBlocked
from ftops.domain.manifest import BackendName
from ledger_kit import AT, REF, declared, git, intended, job_recorded, started
from openai_standin import OpenAIStandin, openai_standin

__all__ = ["patient", "plain", "standin", "template"]

LAB = BackendName("lab")


def in_the_ledger(patient: Patient, tmp_path: Path, name: str, text: str) -> None:
    """Commits a file by hand onto the ledger's branch."""
    other = tmp_path / "by-hand"
    git(tmp_path, "clone", "-q", "--branch", "ftops-ledger", f"file://{tmp_path / 'remote.git'}", str(other))
    file = other / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "by hand")
    git(other, "push", "-q", "origin", "HEAD:ftops-ledger")


def test_a_ledger_that_is_well(patient: Patient) -> None:
    head = git(patient.root, "rev-parse", "HEAD")
    patient.ledger(started(), CommitApplied(at=AT, commit=head, owner="ada"))
    found = patient.look()
    assert (patient.code, found["ledger"]["state"], found["applied"]["state"]) == (0, "well", "well")
    assert found["ledger"]["says"] == "ftops-ledger at origin: 0 fine-tunes recorded"


def test_a_file_that_cannot_be_decoded(patient: Patient, tmp_path: Path) -> None:
    patient.ledger(started())
    in_the_ledger(patient, tmp_path, "projects/acme/fine-tunes/router.json", "{")
    found = patient.look()["ledger"]
    assert (found["state"], found["exit_code"]) == ("wrong", 1)
    assert "ftops ledger verify" in found["mends"][0]


def test_a_ledger_of_a_newer_version(patient: Patient, tmp_path: Path) -> None:
    patient.ledger(started())
    in_the_ledger(patient, tmp_path, "projects/acme/project.json", '{"format_version": "7", "name": "acme"}')
    found = patient.look()["ledger"]
    assert "newer" in found["says"] + found["mends"][0]


def test_a_rewritten_ledger(patient: Patient, tmp_path: Path) -> None:
    patient.ledger(started())
    patient.ledger(BackendSeen(at=AT, backend=LAB, base_url="http://127.0.0.1:1/v1"))
    git(tmp_path / "remote.git", "update-ref", REF, f"{REF}~1")
    found = patient.look()["ledger"]
    assert (found["exit_code"], found["mends"]) == (5, ["ftops ledger verify", "ftops ledger verify --accept"])
    git(tmp_path / "remote.git", "update-ref", "-d", REF)
    assert "was deleted" in patient.look()["ledger"]["says"]


def test_a_ledger_that_another_ftops_works_with(patient: Patient) -> None:
    patient.ledger(started())
    patient.monkeypatch.setattr(doctor_ledger, "_LOCK_SECONDS", 0.05)
    with FileLock(patient.root / ".git/ftops-ledger.lock"):
        found = patient.look()
    assert (found["ledger"]["state"], found["intents"]["state"]) == ("warning", "warning")
    assert "another ftops works with the ledger" in found["ledger"]["says"]
    assert wrong_in(found) == {}


def test_a_branch_that_holds_other_files(patient: Patient, tmp_path: Path) -> None:
    git(patient.root, "push", "-q", "origin", "main:ftops-ledger")
    found = patient.look()
    assert (found["ledger"]["state"], found["ledger"]["exit_code"]) == ("wrong", 5)
    assert found["intents"]["says"] == "the ledger can't be read"


def test_a_ledger_branch_that_is_checked_out(patient: Patient) -> None:
    git(patient.root, "checkout", "-q", "-b", "ftops-ledger")
    assert "checked out" in patient.look()["ledger"]["says"]


def test_a_ledger_of_projects_with_other_names(patient: Patient, standin: OpenAIStandin) -> None:
    patient.ledger(started())
    patient.project("  backend: embedded\n  backends: {}\n", name="acme-two")
    patient.lab(standin.base_url)
    text = (patient.root / "ftops.yaml").read_text().replace("name: acme", "name: acme-two")
    patient.write("ftops.yaml", text)
    found = patient.look()["ledger-name"]
    assert found["mends"] == ["if this is one of them, in ftops.yaml: metadata: {name: acme}"]


def test_no_manifest_where_the_ledger_knows_fine_tunes(patient: Patient) -> None:
    patient.ledger(started(), declared("router"))
    (patient.root / "finetunes/router.yaml").unlink()
    patient.commit()
    found = patient.look()["ledger-name"]
    assert (found["state"], found["exit_code"]) == ("wrong", 5)


def test_a_newer_commit_was_applied(patient: Patient) -> None:
    newer = patient.commit("newer")
    git(patient.root, "checkout", "-q", "-B", "main", "HEAD~1")
    patient.ledger(started(), CommitApplied(at=AT, commit=newer, owner="ada"))
    found = patient.look()["applied"]
    assert (patient.code, found["mends"]) == (6, ["git pull --ff-only"])


def test_a_commit_of_another_history_was_applied(patient: Patient) -> None:
    other = patient.commit("other")
    git(patient.root, "checkout", "-q", "-B", "main", "HEAD~1")
    patient.commit("ours")
    patient.ledger(started(), CommitApplied(at=AT, commit=other, owner="ada"))
    assert patient.look()["applied"]["exit_code"] == 5


def test_a_commit_was_applied_that_is_not_here(patient: Patient) -> None:
    patient.ledger(started(), CommitApplied(at=AT, commit="0" * 39 + "1", owner="ada"))
    assert patient.look()["applied"]["mends"] == ["git fetch"]


def test_a_shallow_clone_cannot_tell_what_was_applied(patient: Patient, tmp_path: Path) -> None:
    first = git(patient.root, "rev-parse", "HEAD")
    patient.commit("second")
    git(patient.root, "push", "-q", "origin", "main")
    patient.ledger(started(), CommitApplied(at=AT, commit=first, owner="ada"))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{tmp_path / 'remote.git'}", "shallow")
    found = patient.look(start=tmp_path / "shallow")["applied"]
    assert (found["state"], found["mends"]) == ("warning", ["git fetch --unshallow --filter=tree:0"])


def test_records_that_wait_and_records_that_were_refused(patient: Patient) -> None:
    patient.write(".ftops/pending/20261121T120000-1.json", "{}")
    assert patient.look("--offline")["pending"]["mends"] == ["ftops apply --continue"]
    patient.write(".ftops/pending/refused/x.json", "{}")
    assert patient.look("--offline")["pending"]["mends"][0] == "ls .ftops/pending/refused"


def test_a_key_of_another_organisation(patient: Patient, standin: OpenAIStandin) -> None:
    standin.add_job("acme")
    seen = BackendSeen(at=AT, backend=LAB, base_url=standin.base_url, organization="org-theirs")
    patient.ledger(started(), seen)
    found = patient.look()["organisation"]
    assert (found["exit_code"], patient.code) == (9, 9)
    assert "'org-theirs', the key of 'org-ours'" in found["says"]
    standin.organization, standin.jobs = "org-theirs", []
    standin.add_job("acme")
    assert patient.look()["organisation"]["state"] == "well"


def test_a_backend_that_has_moved(patient: Patient) -> None:
    patient.ledger(started(), BackendSeen(at=AT, backend=LAB, base_url="https://gpu.example.com/v1"))
    assert patient.look()["organisation"]["exit_code"] == 9


@pytest.fixture(scope="module")
def much_recorded(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One look at a ledger that tells of an old intent, a refusal, a job that the key doesn't see, and money spent."""
    folder, now = tmp_path_factory.mktemp("ledger"), datetime.now(UTC)
    with pytest.MonkeyPatch.context() as monkeypatch, openai_standin() as standin:
        quiet_environment(folder, monkeypatch)
        shutil.copytree(template, folder, dirs_exist_ok=True)
        full = Patient(folder / "clone", None, monkeypatch)
        git(full.root, "remote", "set-url", "origin", str(folder / "remote.git"))
        full.lab(standin.base_url, "  budget: {training_usd: 100}\n")
        full.setenv(**{VARIABLE: KEY})
        full.ledger(
            started(),
            BackendSeen(at=AT, backend=LAB, base_url=standin.base_url),
            TrainingBlocked(at=AT, backend=LAB, message="training_not_available: too late"),
            declared(),
            intended("i1", backend=LAB, at=now, estimate_usd=85.0),
            job_recorded(backend=LAB, intent="i1"),
            declared("slow"),
            intended("i2", fine_tune="slow", backend=LAB, at=now - timedelta(hours=3)),
            declared("new"),
            intended("i3", fine_tune="new", backend=LAB, at=now - timedelta(minutes=30)),
        )
        return full.findings()


def test_an_intent_that_nobody_finished(much_recorded: dict[str, Any]) -> None:
    found = much_recorded["intents"]
    assert found.mends == ("ftops apply --continue",)
    assert found.says == "a run that never told its end may have started a job of slow 3f9a1c2b7d10 on lab"


def test_an_organisation_that_may_not_train(much_recorded: dict[str, Any]) -> None:
    found = much_recorded["training"]
    assert (found.state, found.mends[0]) == (State.WARNING, "ftops retry NAME asks again, once")
    assert "lab said on 2026-11-21" in found.says


def test_a_budget_that_is_nearly_spent(much_recorded: dict[str, Any]) -> None:
    found = much_recorded["budget"]
    assert (found.state, found.says) == (State.WARNING, "$85.00 of $100.00 are spent this month")
    assert found.mends == ("in ftops.yaml: spec.budget: {training_usd: 200}",)


def test_a_key_that_sees_no_job_of_the_ledger(much_recorded: dict[str, Any]) -> None:
    found = much_recorded["organisation"]
    assert (found.state, found.mends) == (
        State.WARNING,
        (f"set {VARIABLE} to a key of the ledger's organisation and project",),
    )
    assert "sees no job of this project, the ledger records 1" in found.says
