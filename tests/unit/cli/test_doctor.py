"""``ftops doctor`` on a project that is well, and its answer as a whole."""

import json
import sys
from pathlib import Path

import pytest

from doctor_kit import KEY, VARIABLE, Patient, patient, plain, quiet_environment, standin, template
from ftops import bootstrap_doctor
from ftops.cli.main import run
from ftops.domain.diagnosis import Check
from ftops.domain.doctor_catalogue import CATALOGUE, catalogue_table
from ledger_kit import git
from openai_standin import OpenAIStandin

__all__ = ["patient", "plain", "standin", "template"]

ROOT = Path(__file__).parents[3]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_project_that_is_well_has_a_line_for_each_group(patient: Patient) -> None:
    said = patient.text()
    assert patient.code == 0
    lines = said.splitlines()
    assert [line.split()[:2] for line in lines[:5]] == [
        ["✓", "Project"],
        ["✓", "Git"],
        ["✓", "Ledger"],
        ["✓", "Backend"],
        ["✓", "Machine"],
    ]
    assert lines[6] == "All is well."
    assert lines[7].endswith("-v tells why.")
    assert len(lines) == 8


def test_nothing_is_changed_and_nothing_is_created(patient: Patient, standin: OpenAIStandin) -> None:
    standin.asked.clear()
    before = files_of(patient.root), files_of(patient.root.parent / "remote.git")
    patient.look()
    assert (files_of(patient.root), files_of(patient.root.parent / "remote.git")) == before
    writes = [(method, path) for method, path in standin.asked if method != "GET"]
    assert len(writes) == 2
    assert all(path.endswith("/cancel") or method == "DELETE" for method, path in writes)


def test_every_check_is_made_once_and_is_in_the_catalogue(patient: Patient) -> None:
    patient.capsys.readouterr()
    run(["-C", str(patient.root), "doctor", "--json"])
    made = [one["check"] for one in json.loads(patient.capsys.readouterr().out)["checks"]]
    assert sorted(made) == sorted(set(made))
    # The one about the embedded backend is made where there is one.
    assert set(made) == {check.value for check in Check} - {"embedded-server"}
    assert set(CATALOGUE) == set(Check)
    assert len(made) >= 40


def test_the_page_shows_the_catalogue() -> None:
    assert catalogue_table() in (ROOT / "docs/doctor.md").read_text(encoding="utf-8")


def test_verbose_shows_every_check_in_80_columns(patient: Patient) -> None:
    patient.monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    said = patient.text("-v")
    assert all(f" {check.value}: " in said for check in Check if check is not Check.EMBEDDED_SERVER)
    assert max(len(line) for line in said.splitlines() if "→" not in line) <= 80


def test_json_is_the_same_at_every_look(patient: Patient) -> None:
    first, second = patient.look(), patient.look()
    assert [(one["check"], one["state"]) for one in first.values()] == [
        (one["check"], one["state"]) for one in second.values()
    ]
    one = first["key"]
    assert set(one) == {"check", "group", "backend", "state", "says", "mends", "exit_code"}
    assert one["backend"] == "lab"


def test_offline_nobody_is_called(patient: Patient, standin: OpenAIStandin) -> None:
    standin.asked.clear()
    git(patient.root, "remote", "set-url", "origin", "ssh://nobody@127.0.0.1:1/x.git")
    found = patient.look("--offline")
    assert (patient.code, standin.asked) == (0, [])
    offline = {name for name, one in found.items() if one["says"] == "asked for with --offline"}
    assert offline >= {"connection", "access", "reading", "writing", "remote", "push", "ledger-protection", "clock"}
    assert found["ledger"]["state"] == "well"


def test_outside_of_a_repository_without_project_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_environment(tmp_path, monkeypatch)
    patient = Patient(tmp_path, capsys, monkeypatch)
    found = patient.look()
    assert patient.code == 2
    assert found["repository"]["mends"] == ["git init"]
    assert found["manifests"]["state"] == "warning"
    assert found["embedded-server"]["state"] == "well"
    assert {found[name]["state"] for name in ("ledger", "remote", "push", "workflows")} == {"not_asked"}


def test_ftops_yaml_and_a_key_outside_of_a_repository(
    standin: OpenAIStandin, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_environment(tmp_path, monkeypatch)
    patient = Patient(tmp_path, capsys, monkeypatch)
    patient.lab(standin.base_url)
    patient.setenv(**{VARIABLE: KEY})
    found = patient.look()
    assert (patient.code, found["access"]["state"], found["project-file"]["state"]) == (2, "well", "well")


def test_a_folder_below_is_told_where_the_mends_are_right(plain: Patient) -> None:
    plain.monkeypatch.chdir(plain.root / "finetunes")
    said = run_text(plain)
    assert "Paths in the mends are those of the project's folder:\n    → cd ..\n" in said
    plain.monkeypatch.chdir(plain.root)
    assert "project's folder" not in run_text(plain)


def run_text(patient: Patient) -> str:
    patient.capsys.readouterr()
    run(["doctor", "--offline"])
    return str(patient.capsys.readouterr().out)


def test_what_hangs_on_one_look_that_failed_is_told_once(plain: Patient) -> None:
    def broken(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    plain.monkeypatch.setattr(bootstrap_doctor, "look_at_machine", broken)
    said = plain.text("--offline")
    assert "  ! python, packages, versions and 3 more: can't be told: Permission denied\n" in said
    assert plain.text("-v", "--offline").count("Permission denied") == 6


def test_what_is_wrong_decides_the_exit_code_in_the_order_of_apply(patient: Patient) -> None:
    patient.write("more.txt", "not committed")
    patient.look()
    assert patient.code == 5
    patient.monkeypatch.delenv(VARIABLE)
    patient.look()
    assert patient.code == 9
    patient.manifest("  dataste: {}\n")
    patient.look()
    assert patient.code == 2


def test_the_text_tells_sign_check_sentence_and_mend(patient: Patient) -> None:
    patient.monkeypatch.delenv(VARIABLE)
    patient.write("more.txt", "not committed")
    said = patient.text()
    assert "  ✗ work-tree: some changes are not committed: apply refuses" in said
    assert "\n    → git add -A && git commit -m 'Change models'\n" in said
    assert f"  ✗ key: no key: {VARIABLE} is not set\n    → export {VARIABLE}=…\n" in said
    assert "2 wrong: apply would end in exit 9.\n" in said


def test_a_key_appears_in_no_output(patient: Patient) -> None:
    secret = "sk-verysecret-987654321abcdefghij"
    patient.setenv(**dict.fromkeys([VARIABLE, "OPENAI_API_KEY", "GITHUB_TOKEN"], secret))
    assert "verysecret" not in patient.text("-v")
    patient.project("  backend: openai\n")
    address = f"https://{secret}@example.com/v1"
    patient.setenv(HTTPS_PROXY=f"http://me:{secret}@127.0.0.1:9", OPENAI_BASE_URL=address)
    assert "verysecret" not in patient.text("-v")
    patient.monkeypatch.delenv("OPENAI_BASE_URL")
    assert "proxy variables are set: HTTPS_PROXY" in (said := patient.text("-v"))
    assert "verysecret" not in said


def test_a_key_in_files_and_addresses_appears_in_no_output(patient: Patient) -> None:
    secret = "sk-verysecret-987654321abcdefghij"
    git(patient.root, "remote", "set-url", "origin", f"https://ada:{secret}@127.0.0.1:9/acme/models.git")
    patient.write("finetunes/bad.yaml", f"api_key: {secret}\n? {secret}\n")
    patient.project(f"  backend: {secret}\n  api_key: {secret}\n")
    assert "verysecret" not in patient.text("-v", "--backend", secret)
    assert "verysecret" not in json.dumps(patient.look())


def test_a_broken_key_is_not_shown_in_any_form(patient: Patient) -> None:
    patient.setenv(**{VARIABLE: "very secret\nkey 123456"})
    said = patient.text("-v", "--offline") + json.dumps(patient.look())
    assert "very secret" not in said
    assert "key 123456" not in said


def test_no_line_is_a_command_to_a_runner(patient: Patient, standin: OpenAIStandin) -> None:
    standin.words = "a " * 20 + "::error::pwned ##[error]pwned \x1b[31m" + "b " * 30
    standin.refused = {"GET /v1/models": 403}
    said = patient.text("-v")
    assert "::error::pwned" in said
    assert all(not line.lstrip().startswith("::") for line in said.splitlines())
    assert "##[" not in said
    assert "\x1b" not in said
