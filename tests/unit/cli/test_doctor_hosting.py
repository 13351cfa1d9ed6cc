"""What ``ftops doctor`` finds at GitHub and in the files that CI obeys, with a stand-in of GitHub's API."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import ftops
from doctor_kit import Patient, patient, plain, standin, template
from ftops.adapters.doctor_host import ask_host
from ftops.adapters.doctor_workflows import read_workflows
from ftops.domain.diagnosing_hosting import diagnose_hosting
from ftops.domain.diagnosis import Check, Finding, State, Unknown
from github_standin import Answer, GitHubStandin, github_standin
from ledger_kit import git
from openai_standin import openai_standin

__all__ = ["patient", "plain", "standin", "template"]

TOKEN = "ghs_0123456789abcdefghij"
WELL = [{"type": "deletion"}, {"type": "non_fast_forward"}]


@pytest.fixture
def github() -> Iterator[GitHubStandin]:
    with github_standin() as running:
        running.add_token(TOKEN)
        yield running


SERVER = "http://127.0.0.1:9"


@dataclass
class Hosted:
    """What is asked about acme/models at a GitHub whose API the stand-in has."""

    environ: dict[str, str]
    is_ci: bool = False

    def look(self) -> dict[str, Finding]:
        why = Unknown(why="not asked")
        host = ask_host(f"{SERVER}/acme/models.git", "ftops-ledger", environ=self.environ)
        every = diagnose_hosting(remote=why, host=host, workflows=why, branch="ftops-ledger", is_ci=self.is_ci)
        return {one.check.value: one for one in every}


@pytest.fixture
def hosted(github: GitHubStandin) -> Hosted:
    return Hosted({"GITHUB_SERVER_URL": SERVER, "GITHUB_API_URL": github.address, "GITHUB_TOKEN": TOKEN})


def tell(github: GitHubStandin, path: str, body: Any, *, status: int = 200) -> None:
    route = ("GET", rf"/repos/acme/models{path}", lambda *_: Answer(status=status, body=body))
    github.routes.insert(0, route)


def repository(github: GitHubStandin, *, push: bool = True) -> None:
    tell(github, "", {"default_branch": "main", "permissions": {"push": push, "pull": True}})


def rules(github: GitHubStandin, branch: str, kinds: list[dict[str, str]], *, is_protected: bool = False) -> None:
    tell(github, f"/rules/branches/{branch}", kinds)
    tell(github, f"/branches/{branch}", {"name": branch, "protected": is_protected})


def test_branches_that_are_protected(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github)
    rules(github, "ftops-ledger", WELL)
    rules(github, "main", [{"type": "pull_request"}])
    found = hosted.look()
    assert {found[name].state for name in ("ledger-protection", "main-protection")} == {"well"}
    assert found["ci-token"].state == "not_asked"
    assert {request.token for request in github.requests} == {TOKEN}


def test_branches_that_anybody_may_rewrite(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github)
    rules(github, "ftops-ledger", [])
    rules(github, "main", [])
    found = hosted.look()
    assert "'Block force pushes'" in found["ledger-protection"].mends[0]
    assert "/acme/models/settings/rules" in found["ledger-protection"].mends[0]
    assert "Require a pull request" in found["main-protection"].mends[0]


@pytest.mark.parametrize(("force", "state"), [(True, "warning"), (False, "well"), (None, "well")])
def test_a_branch_with_classic_protection(
    hosted: Hosted, github: GitHubStandin, force: bool | None, state: str
) -> None:
    repository(github)
    rules(github, "ftops-ledger", [], is_protected=True)
    rules(github, "main", [], is_protected=True)
    if force is not None:
        tell(github, "/branches/ftops-ledger/protection", {"allow_force_pushes": {"enabled": force}})
    assert hosted.look()["ledger-protection"].state == state


def test_a_rule_that_refuses_the_ledgers_own_pushes(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github)
    rules(github, "ftops-ledger", [*WELL, {"type": "pull_request"}])
    rules(github, "main", WELL)
    found = hosted.look()["ledger-protection"]
    assert (found.state, found.exit_code) == ("wrong", 9)
    assert "pull_request" in found.says


def test_a_rule_against_new_branches_minds_the_first_push_alone(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github)
    rules(github, "ftops-ledger", [*WELL, {"type": "creation"}])
    rules(github, "main", WELL)
    assert hosted.look()["ledger-protection"].state == "well"
    tell(github, "/branches/ftops-ledger", {}, status=404)
    assert "(creation)" in hosted.look()["ledger-protection"].says


def test_a_ci_run_whose_token_may_only_read(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github, push=False)
    hosted.is_ci = True
    assert hosted.look()["ci-token"].mends == ("in the job that applies: permissions: {contents: write}",)


def test_a_token_that_github_refuses_or_that_is_missing(hosted: Hosted) -> None:
    hosted.environ["GITHUB_TOKEN"] = "ghs_ofanotherrepository"
    found = hosted.look()["ledger-protection"]
    assert (found.state, "answers 401" in found.says) == ("warning", True)
    del hosted.environ["GITHUB_TOKEN"]
    found = hosted.look()["main-protection"]
    assert (found.state, "GITHUB_TOKEN alone" in found.says) == ("not_asked", True)


def test_a_token_goes_to_no_address_that_is_not_encrypted(hosted: Hosted, github: GitHubStandin) -> None:
    hosted.environ["GITHUB_API_URL"] = "http://api.example.com"
    assert "GITHUB_API_URL is" in hosted.look()["ledger-protection"].says
    assert github.requests == []


def test_rules_that_the_token_may_not_read(hosted: Hosted, github: GitHubStandin) -> None:
    repository(github)
    tell(github, "/branches/.*", {}, status=403)
    assert "may not read the rules" in hosted.look()["ledger-protection"].says


def test_a_github_that_does_not_answer(hosted: Hosted) -> None:
    hosted.environ["GITHUB_API_URL"] = "http://127.0.0.1:9"
    assert hosted.look()["ledger-protection"].state == "warning"


def test_the_command_asks_github_too(patient: Patient, github: GitHubStandin) -> None:
    repository(github, push=False)
    rules(github, "ftops-ledger", [])
    rules(github, "main", WELL)
    git(patient.root, "remote", "set-url", "origin", f"{SERVER}/acme/models.git")
    patient.setenv(GITHUB_SERVER_URL=SERVER, GITHUB_API_URL=github.address, GITHUB_TOKEN=TOKEN, CI="true")
    found = patient.look()
    assert [found[name]["state"] for name in ("ledger-protection", "main-protection", "ci-token")] == ["warning"] * 3
    assert TOKEN not in str(found)


def test_another_host_is_looked_at_by_people(patient: Patient) -> None:
    found = patient.look()
    assert {found[name]["state"] for name in ("ledger-protection", "main-protection")} == {"not_asked"}
    assert "not at GitHub" in found["main-protection"]["says"]


def test_a_git_host_whose_clock_differs(patient: Patient) -> None:
    with openai_standin(skew=3600.0) as host:  # any server that tells its time
        git(patient.root, "remote", "set-url", "origin", f"{host.base_url}/acme/models.git")
        found = patient.look()["clock"]
    assert (found["state"], found["mends"]) == ("warning", ["sudo timedatectl set-ntp true"])
    assert "that of 127.0.0.1 are 3,600 s apart" in found["says"] or "3,599 s" in found["says"]


WORKFLOW = (
    "on: [push]\njobs:\n  apply:\n{}    runs-on: ubuntu-latest\n    steps: [{{run: ftops apply --auto-approve}}]\n"
)


def found_in(top: Path, path: str, text: str) -> Finding:
    """What comes of one file of CI, read as the command reads it."""
    file = top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    why = Unknown(why="not asked")
    every = diagnose_hosting(remote=why, host=why, workflows=read_workflows(top), branch="x", is_ci=False)
    return next(one for one in every if one.check is Check.WORKFLOWS)


@pytest.mark.parametrize(
    ("permissions", "says"),
    [
        ("", "states no permissions"),
        ("    permissions: {contents: read}\n", "may not write"),
        ("    permissions: {contents: write}\n", "can do what it is for"),
        ("    permissions: write-all\n", "can do what it is for"),
    ],
)
def test_a_workflow_that_applies(tmp_path: Path, permissions: str, says: str) -> None:
    assert says in found_in(tmp_path, ".github/workflows/apply.yml", WORKFLOW.format(permissions)).says


@pytest.mark.parametrize(
    ("step", "state"),
    [
        ("run: ftops -C models --no-color apply", State.WARNING),
        ("uses: ./.github/actions/ftops, with: {args: apply --no-wait}", State.WARNING),
        ("uses: ./.github/actions/ftops, with: {args: plan}", State.WELL),
        ("uses: other/action, with: {args: apply}", State.WELL),
        ("run: echo ftops doesn't apply, name: x", State.WELL),
    ],
)
def test_which_steps_apply(tmp_path: Path, step: str, state: State) -> None:
    text = f"# ftops\njobs: {{one: {{steps: [{{{step}}}, x], permissions: {{}}}}, two: x}}\n"
    assert found_in(tmp_path, ".github/workflows/x.yml", text).state is state


def test_our_own_templates_are_well(tmp_path: Path) -> None:
    for file in sorted((Path(ftops.__file__).parent / "templates/github").glob("ftops-*.yml")):
        found = found_in(tmp_path, f".github/workflows/{file.name}", file.read_text(encoding="utf-8"))
    assert found.state is State.WELL
    assert any(flow.applies for flow in read_workflows(tmp_path))


@pytest.mark.parametrize("trigger", ["pull_request_target", "[push, pull_request_target]", "{pull_request_target: {}}"])
def test_a_workflow_that_runs_strangers_code_beside_keys(tmp_path: Path, trigger: str) -> None:
    text = f"on: {trigger}\njobs: {{plan: {{steps: [{{run: ftops plan}}]}}}}\n"
    found = found_in(tmp_path, ".github/workflows/plan.yml", text)
    assert found.mends == ("in .github/workflows/plan.yml: on: pull_request",)


@pytest.mark.parametrize(
    "text", ["ftops: [", "ftops", "a: &x {ftops: 1}\nb: {<<: *x}\n", "- ftops\n", "# ftops\non: ? x\n"]
)
def test_a_workflow_that_makes_no_sense_says_nothing(tmp_path: Path, text: str) -> None:
    found = found_in(tmp_path, ".github/workflows/odd.yml", text)
    assert (found.state, found.says) == (
        State.WARNING,
        "can't be told: .github/workflows/odd.yml is no workflow that can be read",
    )


def test_a_workflow_with_anchors_is_understood(tmp_path: Path) -> None:
    text = "jobs: {a: {permissions: &may {contents: read}, steps: &do [{run: ftops apply}]}, b: {steps: *do}}\n"
    found = found_in(tmp_path, ".github/workflows/a.yml", text)
    assert found.mends == ("in .github/workflows/a.yml: permissions: {contents: write}",)


@pytest.mark.parametrize(
    ("call", "permissions", "state"),
    [
        ("acme/models/.github/workflows/ftops-apply.yml@v1", "{contents: read}", State.WARNING),
        ("./.github/workflows/ftops-continue.yml", "{contents: write}", State.WELL),
        ("./.github/workflows/ftops-plan.yml", "{contents: read}", State.WELL),
    ],
)
def test_a_job_that_calls_our_workflow(tmp_path: Path, call: str, permissions: str, state: State) -> None:
    text = f"jobs: {{models: {{uses: '{call}', permissions: {permissions}}}}}\n"
    assert found_in(tmp_path, ".github/workflows/x.yml", text).state is state


@pytest.mark.parametrize("text", ["on: push\n", "# ftops apply\n" * 30_000])
def test_a_workflow_that_has_nothing_of_ftops_or_is_too_large(tmp_path: Path, text: str) -> None:
    assert found_in(tmp_path, ".github/workflows/odd.yml", text).state is State.NOT_ASKED


@pytest.mark.parametrize("file", [".github/workflows/plan.yml", "requirements.txt", ".gitlab-ci.yml"])
def test_ci_installs_a_version_of_ftops(tmp_path: Path, file: str) -> None:
    found_in(tmp_path, file, "# ftops\nftops[server]==9.8.7\n")
    assert [flow.pins for flow in read_workflows(tmp_path)] == [("9.8.7",)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (".github/actions/ftops/action.yml", "name: ftops\ninputs: {version: {default: '9.8.7'}, other: x}\n"),
        (
            ".github/workflows/plan.yml",
            "jobs: {a: {steps: [{uses: ./.github/actions/ftops, with: {version: 9.8.7}}, {uses: x, with: {version: 1.2}}]}}",
        ),
    ],
)
def test_our_action_installs_a_version_of_ftops(tmp_path: Path, file: str, text: str) -> None:
    found_in(tmp_path, file, text)
    assert [flow.pins for flow in read_workflows(tmp_path)] == [("9.8.7",)]


def test_ci_installs_another_ftops(patient: Patient) -> None:
    patient.write(
        ".github/workflows/apply.yml", "jobs: {a: {steps: [{run: pip install ftops==9.8.7 && ftops apply}]}}\n"
    )
    found = patient.look("--offline")
    assert (found["versions"]["state"], found["versions"]["mends"]) == ("warning", ["pip install ftops==9.8.7"])
    assert found["workflows"]["mends"] == ["in .github/workflows/apply.yml: permissions: {contents: write}"]
