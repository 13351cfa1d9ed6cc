"""Rate limits: what the headers tell, and who has to wait."""

import pytest
from server_in_process import Server

from ftops.server.access import Project
from ftops.server.config_file import ConfigInvalid, read_config
from ftops.server.errors import ApiError
from ftops.server.rate_limits import RateLimiter, request_tokens
from ftops.server.settings import RateLimits

TEAM = Project(organization="org-a", id="proj_a")
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_fills_continuously() -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimits(requests_per_minute=2, tokens_per_minute=100), clock)
    assert limiter.take(TEAM, "m", tokens=10) == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-remaining-tokens": "90",
        "x-ratelimit-reset-requests": "30s",
        "x-ratelimit-reset-tokens": "6s",
    }
    limiter.take(TEAM, "m", tokens=10)
    clock.now += 20
    with pytest.raises(ApiError) as caught:
        limiter.take(TEAM, "m", tokens=10)
    error = caught.value
    assert (error.status, error.kind, error.code) == (429, "requests", "rate_limit_exceeded")
    assert "Limit 2, Used 2, Requested 1. Please try again in 10s." in error.message
    assert error.headers is not None
    assert (error.headers["retry-after"], error.headers["retry-after-ms"]) == ("10", "10000")
    assert error.headers["x-ratelimit-remaining-requests"] == "0"
    limiter.take(TEAM, "other", tokens=10)
    limiter.take(Project(organization="org-a", id="proj_b"), "m", tokens=10)
    clock.now += 10
    limiter.take(TEAM, "m", tokens=10)


def test_tokens_run_out_too() -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimits(requests_per_minute=1000, tokens_per_minute=60), clock)
    limiter.take(TEAM, "m", tokens=59)
    with pytest.raises(ApiError) as caught:
        limiter.take(TEAM, "m", tokens=2)
    assert (caught.value.kind, caught.value.headers["retry-after"]) == ("tokens", "1")  # type: ignore[index]
    clock.now += 600
    # More than there will ever be: it goes through when nothing else does.
    assert limiter.take(TEAM, "m", tokens=1000)["x-ratelimit-reset-tokens"] == "1m0s"


def test_a_request_is_measured_before_it_is_answered() -> None:
    assert request_tokens(b"x" * 400, max_tokens=None, n=2) == 132
    assert request_tokens(b"", max_tokens=7, n=3) == 21


def test_answers_tell_what_is_left(shared_server: Server) -> None:
    first, second = (
        shared_server.ask("POST", "/v1/chat/completions", json={**CHAT, "stream": stream}) for stream in (False, True)
    )
    for answer in (first, second):
        assert answer.headers["x-ratelimit-limit-requests"] == "1000000"
        assert int(answer.headers["x-ratelimit-remaining-tokens"]) > 0


def test_who_asks_too_often_waits(tmp_path) -> None:
    with Server(tmp_path / "data", rate_limits=RateLimits(requests_per_minute=1)) as server:
        assert server.ask("POST", "/v1/chat/completions", json=CHAT).status_code == 200
        answer = server.ask("POST", "/v1/chat/completions", json=CHAT)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert server.ask("GET", "/v1/models").status_code == 200


def test_names_of_no_model_leave_nothing_behind(server: Server) -> None:
    with pytest.MonkeyPatch.context() as patch:
        taken: list[str] = []
        take = RateLimiter.take

        def taking(limiter: RateLimiter, project: Project, model: str, *, tokens: int) -> object:
            taken.append(model)
            return take(limiter, project, model, tokens=tokens)

        patch.setattr(RateLimiter, "take", taking)
        for name in ("x" * 1_000_000, "ft:gpt-4o:nobody::gone", "a b", "gpt-4o"):
            answer = server.ask("POST", "/v1/chat/completions", json={**CHAT, "model": name})
            assert answer.status_code == (200 if name == "gpt-4o" else 404)
            assert ("x-ratelimit-limit-requests" in answer.headers) == (name == "gpt-4o")
    assert taken == ["gpt-4o"]


def test_many_models_share_what_is_left_and_drive_none_out() -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimits(requests_per_minute=1), clock)
    limiter.take(TEAM, "mine", tokens=1)
    for number in range(999):
        limiter.take(TEAM, f"m{number}", tokens=1)
    limiter.take(TEAM, "one more", tokens=1)
    for name in ("another", "mine"):
        with pytest.raises(ApiError):
            limiter.take(TEAM, name, tokens=1)
    limiter.take(Project(organization="org-a", id="proj_b"), "another", tokens=1)
    clock.now += 60  # all are full again, and forgotten for the next one
    for name in ("another", "mine"):
        limiter.take(TEAM, name, tokens=1)


def test_errors_tell_what_is_left_too(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("ftops.server.routes.chat.answers.complete", fail)
    answer = server.ask("POST", "/v1/chat/completions", json=CHAT)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining-requests"]) == (500, "999999")
    assert "x-ratelimit-limit-requests" not in server.ask("GET", "/v1/models").headers


def test_limits_are_configured(tmp_path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("rate_limits: {requests_per_minute: 3}", encoding="utf-8")
    assert read_config(file, {}).rate_limits == RateLimits(requests_per_minute=3)
    file.write_text("rate_limits: {requests_per_minute: 0}", encoding="utf-8")
    with pytest.raises(ConfigInvalid):
        read_config(file, {})
