"""Calls of GitHub's API: what an answer that is none leads to, and what a token is never sent to."""

import pytest

from ftops.adapters.github_api import Access, GitHubApi, access_of, check_repository
from ftops.adapters.github_comments import GitHubDiscussion, merged_pull_request
from ftops.errors import FtopsError, HostAnswerLost, HostError, HostForbidden, UsageProblem
from github_standin import Answer, failure, github_standin

TOKEN = "t0ken"


@pytest.fixture
def github():
    with github_standin() as standin:
        standin.add_token(TOKEN)
        standin.add_issue("o/r", 1)
        yield standin


@pytest.fixture
def api(github, monkeypatch):
    monkeypatch.setattr("ftops.adapters.github_api.time.sleep", lambda seconds: None)
    with GitHubApi(Access(url=github.address, token=TOKEN)) as api:
        yield api


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        ({"a": 1}, "no list"),
        ([1], "no comment"),
        ([{}], "no comment"),
    ],
)
def test_an_answer_of_something_else_is_told(github, api, body, says) -> None:
    github.refuse(Answer(body=body))
    with pytest.raises(HostError, match=says):
        GitHubDiscussion(api, "o/r", 1).comments()


def test_a_comment_without_author_or_text_is_nobody_s(github, api) -> None:
    github.refuse(Answer(body=[{"id": 3, "user": None, "body": None, "html_url": 1}]))
    (one,) = GitHubDiscussion(api, "o/r", 1).comments()
    assert (one.id, one.author, one.body, one.url) == (3, "", "", "")


@pytest.mark.parametrize("body", [b"x", [1], {"message": 3, "errors": [1, {"message": "m"}]}])
def test_a_refusal_of_any_shape_is_a_sentence(github, api, body) -> None:
    github.refuse(Answer(status=422, body=body))
    with pytest.raises(HostError, match="GitHub refuses the text"):
        GitHubDiscussion(api, "o/r", 1).add("x")


def test_a_wrong_token_is_not_taken_for_an_installation_s(github, api) -> None:
    assert GitHubDiscussion(api, "o/r", 1).own_login() is None
    github.refuse(failure(401, "Bad credentials"))
    with pytest.raises(HostForbidden):
        GitHubDiscussion(api, "o/r", 1).own_login()
    github.refuse(Answer(body={"login": 1}))
    assert GitHubDiscussion(api, "o/r", 1).own_login() is None


def test_a_post_is_sent_once(github, api) -> None:
    for answer in (None, failure(502)):
        github.refuse(answer, method="POST")
        before = len(github.writes())
        with pytest.raises(HostAnswerLost):
            GitHubDiscussion(api, "o/r", 1).add("x")
        assert len(github.writes()) == before + 1


def test_a_commit_that_is_not_there_came_from_no_pull_request(github, api) -> None:
    github.refuse(failure(404))
    assert merged_pull_request(api, "o/r", "a" * 40) is None
    assert merged_pull_request(api, "o/r", "b" * 40) is None


def test_pages_are_asked_for_at_the_same_address(github, api) -> None:
    other = '<http://127.0.0.1:9/steal>; rel="next"'
    github.refuse(Answer(body=[], headers={"Link": other}))
    assert GitHubDiscussion(api, "o/r", 1).comments() == ()
    assert [request.query["page"] for request in github.requests] == ["1", "2"]


@pytest.mark.parametrize("name", ["", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a b/c", "a/b\n", "a/b?x"])
def test_a_repository_is_owner_and_name(name: str) -> None:
    with pytest.raises(UsageProblem):
        check_repository(name)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "foo://ada:pass@x"),
        ("ALL_PROXY", "http://ada:pass@x:port"),
        ("SSL_CERT_FILE", "/nothing/pass"),
    ],
)
def test_an_unfit_proxy_or_certificate_is_told(monkeypatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(HostError, match="the proxy or the certificates") as refused:
        GitHubApi(Access(url="https://api.example.com", token=TOKEN))
    assert variable in str(refused.value.remedy)
    assert "pass" not in f"{refused.value} {refused.value.remedy}"


def test_a_limit_that_is_told_in_words_alone_is_waited_for(github, api, monkeypatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("ftops.adapters.github_api.time.sleep", waited.append)
    github.refuse(failure(403, "You have exceeded a secondary rate limit"))
    assert GitHubDiscussion(api, "o/r", 1).comments() == ()
    assert waited == [60.0]


@pytest.mark.parametrize(
    "url",
    ["http://github.com", "ftp://x", "https://", "https://a@b", "https://x/?q", "https://x\n", "file:///etc", "x"],
)
def test_an_address_that_could_leak_the_token_is_refused(url: str) -> None:
    with pytest.raises(FtopsError) as refused:
        access_of({"GITHUB_API_URL": url, "GITHUB_TOKEN": TOKEN})
    assert TOKEN not in f"{refused.value} {refused.value.remedy}"


def test_the_token_is_in_no_representation() -> None:
    access = access_of({"GITHUB_TOKEN": TOKEN})
    assert access.url == "https://api.github.com"
    assert TOKEN not in repr(access)
