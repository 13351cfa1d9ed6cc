"""``ftops comment`` against a stand-in of GitHub: which comment it writes, and what it says where it may not."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftops.cli.ci_run import write_outputs
from ftops.cli.comment_body import COMMENT_LIMIT
from ftops.cli.main import run
from ftops.domain.plan_json import plan_to_json
from github_standin import ACTIONS_BOT, Answer, GitHubStandin, failure, github_standin
from hostile_plans import hostile_plan
from hostile_texts import TEXTS, runner_commands, terminal_tricks
from plan_cases import read_case

REPOSITORY = "acme/support"
MARKER = "<!-- ftops:acme -->"
CASES = Path(__file__).parents[2] / "plans"


@pytest.fixture(scope="module")
def served() -> Iterator[GitHubStandin]:
    with github_standin() as standin:
        yield standin


@pytest.fixture
def github(served: GitHubStandin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> GitHubStandin:
    """The stand-in, forgetful, with the environment of a job of its Actions."""
    served.__init__(address=served.address)  # type: ignore[misc]
    served.add_token("secret-of-the-job")
    served.add_issue(REPOSITORY, 7)
    for name in (
        "GITHUB_EVENT_PATH",
        "GITHUB_REF",
        "GITHUB_SHA",
        "GITHUB_RUN_ID",
        "GITHUB_ACTIONS",
        "GITHUB_SERVER_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_TOKEN", "secret-of-the-job")
    monkeypatch.setenv("GITHUB_API_URL", served.address)
    monkeypatch.setenv("GITHUB_REPOSITORY", REPOSITORY)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output.txt"))
    monkeypatch.setattr("ftops.adapters.github_api.time.sleep", waited.append)
    waited.clear()
    return served


waited: list[float] = []


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path, "move-and-train")


def save(folder: Path, case: str, **changed: Any) -> Path:
    file = folder / "plan.json"
    file.write_text(json.dumps({**read_case(CASES / case).plan(), **changed}), encoding="utf-8")
    return file


def comment(file: Path, *more: str, number: int = 7) -> int:
    return run(["comment", "--plan", str(file), "--pull-request", str(number), *more])


def test_a_comment_is_written_then_updated_in_place_then_left_alone(github, saved, tmp_path, capsys) -> None:
    assert comment(saved) == 0
    (written,) = github.comments_of(REPOSITORY, 7)
    assert written.login == ACTIONS_BOT
    assert written.body.startswith(f"{MARKER}\n### Plan: 1 to train")
    assert "Comment written in pull request #7" in capsys.readouterr().err
    save(tmp_path, "nothing-to-do")
    assert comment(saved) == 0
    (updated,) = github.comments_of(REPOSITORY, 7)
    assert (updated.id, updated.updates) == (written.id, 1)
    assert "### No changes." in updated.body
    before = len(github.writes())
    assert comment(saved) == 0
    assert len(github.writes()) == before
    assert "Comment unchanged" in capsys.readouterr().err


def test_the_comment_is_found_behind_pages_of_others_and_never_somebody_elses(github, saved) -> None:
    github.add_comment(REPOSITORY, 7, login="mallory", body=f"{MARKER}\nmine")
    github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body=f"quoting:\n{MARKER}\n")
    github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body="<!-- ftops:acme-other -->\nof another project")
    for number in range(230):
        github.add_comment(REPOSITORY, 7, login="ada", body=f"{number}")
    ours = github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body=f"{MARKER}\r\nold\r\n")
    others = {one.id: one.body for one in github.comments_of(REPOSITORY, 7) if one.id != ours.id}
    assert comment(saved) == 0
    assert ours.updates == 1
    assert {one.id: one.body for one in github.comments_of(REPOSITORY, 7) if one.id != ours.id} == others


def test_a_person_s_token_finds_that_person_s_comment(github, saved, monkeypatch) -> None:
    github.add_token("of-ada", "ada")
    monkeypatch.setenv("GITHUB_TOKEN", "of-ada")
    github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body=f"{MARKER}\nof the bot")
    assert comment(saved) == 0
    assert [one.login for one in github.comments_of(REPOSITORY, 7)] == [ACTIONS_BOT, "ada"]


def test_an_app_s_token_is_known_by_its_comment_or_its_author(github, saved, monkeypatch, capsys) -> None:
    github.add_token("of-app", "our-app[bot]")
    monkeypatch.setenv("GITHUB_TOKEN", "of-app")
    old = github.add_comment(REPOSITORY, 7, login="our-app[bot]", body=f"{MARKER}\nold")
    assert comment(saved) == 0
    assert [one.id for one in github.comments_of(REPOSITORY, 7)] == [old.id]
    assert "give --author our-app[bot]" in capsys.readouterr().err
    posts = [one.method for one in github.writes()].count("POST")
    assert comment(saved, "--author", "our-app[bot]") == 0
    assert [one.method for one in github.writes()].count("POST") == posts


def test_of_two_at_once_the_older_comment_survives(github, saved) -> None:
    others: list[int] = []

    def other_run(request) -> None:
        if request.method == "POST" and not others:
            others.append(github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body=f"{MARKER}\nof the other run").id)

    github.before = other_run
    assert comment(saved) == 0
    (left,) = github.comments_of(REPOSITORY, 7)
    assert left.id == others[0]
    assert "1 to train" in left.body


def test_a_comment_deleted_meanwhile_is_written_anew(github, saved) -> None:
    old = github.add_comment(REPOSITORY, 7, login=ACTIONS_BOT, body=f"{MARKER}\nold")

    def somebody(request) -> None:
        if request.method == "PATCH":
            github.comments.pop(old.id, None)

    github.before = somebody
    assert comment(saved) == 0
    (left,) = github.comments_of(REPOSITORY, 7)
    assert left.id != old.id


@pytest.mark.parametrize("is_late", [True, False])
def test_a_lost_answer_leaves_one_comment(github, saved, is_late: bool) -> None:
    github.refuse(None, method="POST", is_late=is_late)
    assert comment(saved) == 0
    assert len(github.comments_of(REPOSITORY, 7)) == 1


def test_what_fails_for_a_moment_is_tried_again(github, saved) -> None:
    github.refuse(failure(502), times=2)
    github.refuse(failure(429, Retry_After="7"))
    github.refuse(failure(403, "secondary rate limit", Retry_After="3"), method="POST")
    assert comment(saved) == 0
    assert len(github.comments_of(REPOSITORY, 7)) == 1
    assert waited == [1.0, 2.0, 7.0, 3.0]


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (failure(401, "Bad credentials"), 9, "GitHub does not accept the token in GITHUB_TOKEN: Bad credentials"),
        (failure(403, "Resource not accessible by integration"), 9, "pull-requests: write"),
        (failure(404, "Not Found"), 1, "there is no pull request #7 of acme/support, or GITHUB_TOKEN may not see it"),
        (failure(422, "Validation Failed"), 1, "GitHub refuses the text: Validation Failed"),
        (failure(500, "x\x1b[31m\n::error::y"), 1, "GitHub answered 500: x\\x1b[31m\\x0a::error::y"),
        (failure(429, "slow down", Retry_After="9999"), 1, "asks to wait longer than 60 s"),
        (failure(301, "Moved Permanently"), 1, "the repository has moved"),
        (None, 1, "GitHub can't be reached at http://127.0.0.1"),
    ],
)
def test_what_goes_on_failing_is_told_and_the_rest_is_written(
    github, saved, tmp_path, capsys, answer, code, says
) -> None:
    github.refuse(answer, path=r".*/comments.*", times=100)
    assert comment(saved) == code
    told = capsys.readouterr()
    assert says in told.err
    assert "secret-of-the-job" not in told.out + told.err
    assert len(waited) <= 3
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("### Plan: 1 to train")
    assert outputs(tmp_path)["changes"] == "true"


def test_a_token_that_may_only_read_is_told_which_permission_it_wants(github, saved, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", github.add_token("reads", may_write=False))
    assert comment(saved) == 9
    assert "pull-requests: write" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "code", "says"),
    [
        ("GITHUB_TOKEN", "", 9, "GITHUB_TOKEN is not set"),
        ("GITHUB_TOKEN", "two words", 9, "holds what no token holds"),
        ("GITHUB_API_URL", "http://example.com", 2, "use an https address"),
        ("GITHUB_API_URL", "https://ada@example.com", 2, "use an https address"),
        ("GITHUB_API_URL", "https://[::1", 2, "use an https address"),
        ("GITHUB_API_URL", "https://example.com:port", 2, "use an https address"),
        ("GITHUB_REPOSITORY", "", 2, "which repository is not known"),
        ("GITHUB_REPOSITORY", "../..", 2, "is no repository"),
        ("GITHUB_REPOSITORY", "a/b/../../user", 2, "is no repository"),
    ],
)
def test_an_unfit_environment_gets_no_token(github, saved, monkeypatch, capsys, name, value, code, says) -> None:
    monkeypatch.setenv(name, value)
    assert comment(saved) == code
    assert says in capsys.readouterr().err
    assert github.requests == []


def test_without_a_network_there_is_a_sentence(github, saved, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert comment(saved) == 1
    assert "GitHub can't be reached at http://127.0.0.1:9" in capsys.readouterr().err


def test_the_pull_request_is_that_of_the_event_or_the_ref_or_the_merged_commit(
    github, saved, monkeypatch, tmp_path
) -> None:
    event = tmp_path / "event.json"
    for number in (11, 12, 13, 14):
        github.add_issue(REPOSITORY, number)
    sha = "a" * 40
    github.add_pull_of_commit(REPOSITORY, sha, 15, merged_at=None)
    github.add_pull_of_commit(REPOSITORY, sha, 14)
    github.add_pull_of_commit(REPOSITORY, sha, 16, merge_commit_sha="b" * 40)
    monkeypatch.setenv("GITHUB_SHA", sha)
    plain = ["comment", "--plan", str(saved)]
    assert run(plain) == 0
    monkeypatch.setenv("GITHUB_REF", "refs/pull/13/merge")
    assert run(plain) == 0
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    event.write_text('{"issue": {"number": 12, "pull_request": {}}, "pull_request": {"number": 11}}', encoding="utf-8")
    assert run(plain) == 0
    assert {one.number for one in github.comments.values()} == {14, 13, 11}


@pytest.mark.parametrize("event", ["[]", "{", '{"pull_request": {"number": "7"}}', '{"issue": {"number": 7}}', ""])
def test_a_commit_of_no_pull_request_gets_a_summary_alone(github, saved, monkeypatch, tmp_path, capsys, event) -> None:
    (tmp_path / "event.json").write_text(event, encoding="utf-8")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("GITHUB_REF", "refs/heads/main")
    monkeypatch.setenv("GITHUB_SHA", "b" * 40)
    assert run(["comment", "--plan", str(saved)]) == 0
    assert "there is no comment to write" in capsys.readouterr().err
    assert github.comments == {}
    assert (tmp_path / "summary.md").exists()


def test_a_summary_alone_needs_no_token(github, saved, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:9")
    assert comment(saved, "--summary-only") == 0
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").endswith("</details>\n\n")
    assert capsys.readouterr().err == ""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert comment(saved, "--summary-only") == 0
    assert "there is no summary to write" in capsys.readouterr().err


def test_a_dry_run_prints_the_comment_and_does_nothing(github, saved, monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setattr("ftops.cli.style.folded", lambda text, stream: "a table's line is broken")
    assert comment(saved, "--dry-run") == 0
    assert capsys.readouterr().out.startswith(f"{MARKER}\n### Plan: 1 to train")
    assert not (tmp_path / "summary.md").exists()
    assert not (tmp_path / "output.txt").exists()


def test_an_output_is_read_back_as_it_was(tmp_path) -> None:
    for hostile in TEXTS.values():
        text = os.fsdecode(hostile.encode("utf-8", "replace"))  # as a file may be called
        (tmp_path / "output.txt").unlink(missing_ok=True)
        write_outputs({"GITHUB_OUTPUT": str(tmp_path / "output.txt")}, {"a": "true", "plan-file": text, "b": "1"})
        assert outputs(tmp_path) == {"a": "true", "plan-file": text, "b": "1"}


def test_the_outputs_can_hold_anything(github, saved, tmp_path) -> None:
    odd = tmp_path / "x\ncost=0.00\nplan-file<<EOF\n.json"
    odd.write_bytes(saved.read_bytes())
    assert comment(odd, "--summary-only") == 0
    assert outputs(tmp_path) == {"changes": "true", "cost": "3.00", "plan-file": str(odd)}


def test_an_unknown_cost_is_no_number(github, tmp_path) -> None:
    file = save(tmp_path, "unknown-cost-without-a-budget")
    assert comment(file, "--summary-only") == 0
    assert outputs(tmp_path)["cost"] == "unknown"


def test_a_comment_is_never_longer_than_github_takes(github, tmp_path) -> None:
    text = "🙂x`" * 700
    data = plan_to_json(hostile_plan(text))
    data["actions"] = [action for action in data["actions"] if action["kind"] != "promote"]
    data["notices"] = [{"fine_tune": f"f-{number}", "message": text} for number in range(300)]
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert comment(file) == 0
    (one,) = github.comments_of(REPOSITORY, 7)
    assert 30_000 < len(one.body.encode("utf-8")) <= COMMENT_LIMIT


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is no saved plan"),
        ("[]", "is no saved plan"),
        ('{"format_version": "1"}', "is no saved plan"),
        ("[" * 100_000, "is no saved plan"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(github, tmp_path, capsys, content, says) -> None:
    file = tmp_path / "plan.json"
    file.write_text(content, encoding="utf-8")
    assert comment(file) == 2
    assert says in capsys.readouterr().err
    assert github.requests == []


def test_a_model_s_id_is_checked(github, tmp_path, capsys) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan_to_json(hostile_plan("no id"))), encoding="utf-8")
    assert comment(file) == 2
    assert "is no saved plan" in capsys.readouterr().err


@pytest.mark.parametrize("project", ["a --> b", "A", "-", "x" * 50, "a\nb"])
def test_a_project_s_name_is_checked_before_it_is_a_marker(github, tmp_path, capsys, project) -> None:
    assert comment(save(tmp_path, "nothing-to-do", project=project)) == 2
    assert "a name is a DNS label" in capsys.readouterr().err


def test_there_has_to_be_something_to_tell(github, capsys) -> None:
    assert run(["comment"]) == 2
    assert "give --plan FILE, --result FILE, or both" in capsys.readouterr().err


@pytest.mark.parametrize("author", ["a b", "x\n", "[bot]", "", "mallory"])
def test_an_author_is_an_app(github, saved, capsys, author) -> None:
    assert comment(saved, "--author", author) == 2
    assert "--author takes an app's login" in capsys.readouterr().err
    assert github.requests == []


def test_a_person_s_token_writes_as_no_app(github, saved, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", github.add_token("of-ada", "ada"))
    assert comment(saved, "--author", "our-app[bot]") == 2
    assert "the token is ada's, not our-app[bot]'s" in capsys.readouterr().err
    assert github.writes() == []


def test_what_github_answers_is_no_command(github, saved, capsys) -> None:
    for text in ("\n".join(TEXTS.values())[:20_000], "::error::x", " ##[error]x", "\ud800\x1b]0;x\x07"):
        made = {"id": 1, "user": {"login": text}, "body": f"{MARKER}\n", "html_url": text}
        github.refuse(Answer(body=[]), method="GET", path=".*/comments")
        github.refuse(Answer(status=201, body=made), method="POST")
        github.refuse(Answer(body=[made]), method="GET", path=".*/comments")
        github.refuse(Answer(body=made), method="PATCH")
        assert comment(saved, "--no-annotations") == 0
        told = capsys.readouterr()
        assert (runner_commands(told.err), told.out) == ([], "")
        assert terminal_tricks(told.err) == []
        assert len(told.err.splitlines()) == 2


def test_another_repository_s_pull_request_has_to_be_named(github, saved, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    monkeypatch.setenv("GITHUB_SHA", "a" * 40)
    assert run(["comment", "--plan", str(saved), "--repository", "acme/other"]) == 2
    assert "give --pull-request N" in capsys.readouterr().err
    assert github.requests == []


def test_outside_of_a_run_a_pull_request_has_to_be_named(github, saved, capsys) -> None:
    assert run(["comment", "--plan", str(saved)]) == 2
    assert "which pull request is not known" in capsys.readouterr().err


def outputs(folder: Path) -> dict[str, str]:
    """The outputs as GitHub's runner reads them."""
    lines = (folder / "output.txt").read_bytes().decode("utf-8", "surrogateescape").split("\n")
    found: dict[str, str] = {}
    at = 0
    while at < len(lines) and lines[at]:
        name, separator, end = lines[at].partition("<<")
        assert separator
        stop = lines.index(end, at + 1)
        found[name] = "\n".join(lines[at + 1 : stop])
        at = stop + 1
    return found


def test_the_run_is_linked_where_its_address_is_one(github, saved, monkeypatch, capsys) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    assert comment(saved, "--dry-run") == 0
    assert "in [this run](https://github.com/acme/support/actions/runs/42);" in capsys.readouterr().out
    for odd in ("42)![x](https://example.com/y.png", "42\n", "42 <b>"):
        monkeypatch.setenv("GITHUB_RUN_ID", odd)
        assert comment(saved, "--dry-run") == 0
        assert "this run" not in capsys.readouterr().out
