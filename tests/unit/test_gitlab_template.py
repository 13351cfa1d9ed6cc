"""The pipeline that users of GitLab get: GitLab can read it, and it does as GitHub's workflows do."""

import base64
import os
import subprocess

import pytest
import yaml

from own_workflows import ROOT

GITLAB = ROOT / "src/ftops/templates/gitlab/ftops.gitlab-ci.yml"


def test_gitlab_has_the_same_three_parts() -> None:
    jobs = yaml.load(GITLAB.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert {name for name in jobs if name.startswith("ftops-")} == {"ftops-plan", "ftops-apply", "ftops-continue"}
    plan, apply, go_on = (jobs[name] for name in ("ftops-plan", "ftops-apply", "ftops-continue"))
    assert "merge_request_event" in plan["rules"][0]["if"]
    assert [path.rpartition("/")[2] for path in plan["artifacts"]["paths"]] == ["plan.json", "plan.md"]
    assert apply["rules"][0]["when"] == "manual"
    assert (apply["environment"]["name"], apply["resource_group"]) == ("production", "ftops")
    assert "--approved .ftops/plan.json" in apply["script"][0]
    assert [job["allow_failure"]["exit_codes"] for job in (apply, go_on)] == [["4", "8"], ["4", "8"]]
    assert "schedule" in go_on["rules"][0]["if"]
    assert go_on["script"] == ["exec /opt/ftops/bin/ftops apply --continue"]
    assert "OPENAI_API_KEY:" not in GITLAB.read_text(encoding="utf-8")


def test_all_lines_of_gitlabs_scripts_are_texts() -> None:
    """A line that holds `: ` reads as a mapping, which GitLab refuses together with the whole pipeline."""
    jobs = yaml.load(GITLAB.read_text(encoding="utf-8"), Loader=yaml.BaseLoader).values()
    lines = [line for job in jobs for key in ("before_script", "script") for line in job.get(key, [])]
    assert len(lines) > 8
    assert [line for line in lines if not isinstance(line, str)] == []


@pytest.mark.parametrize(("given", "user"), [("", "gitlab-ci-token:glcbt-job"), ("glpat-own", "oauth2:glpat-own")])
def test_gitlab_is_asked_with_the_name_that_belongs_to_the_token(given: str, user: str) -> None:
    """Source: https://docs.gitlab.com/ci/jobs/ci_job_token/: a job's token counts with one user's name alone."""
    lines = yaml.load(GITLAB.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)[".ftops"]["before_script"]
    script = "\n".join([*(line for line in lines if "export " in line), "env"])
    machine = {"PATH": os.environ["PATH"], "CI_SERVER_URL": "https://gitlab.example", "CI_JOB_TOKEN": "glcbt-job"}
    command = ["bash", "-e", "-o", "pipefail", "-c", script]
    environ = {**machine, "FTOPS_GIT_TOKEN": given}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=30)
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert said["GIT_CONFIG_KEY_0"] == "http.https://gitlab.example/.extraheader"
    assert said["GIT_CONFIG_VALUE_0"] == f"AUTHORIZATION: basic {base64.b64encode(user.encode()).decode()}"


def test_a_release_is_pinned() -> None:
    assert GITLAB.read_text(encoding="utf-8").count("FTOPS_VERSION") == 1
