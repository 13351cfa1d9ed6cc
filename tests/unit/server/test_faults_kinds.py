"""What each kind of fault does to a request, but for those that need a connection to close."""

import asyncio
import datetime as dt
import logging
import time
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from server_in_process import ROW, Server, jsonl

from ftops.server.faults import bodies, book
from ftops.server.gate import ACCESS_LOG

BASE = "gpt-4o-mini-2024-07-18"
JOBS = "/v1/fine_tuning/jobs"
CHAT = "/v1/chat/completions"
ASKED = {"model": BASE, "messages": [{"role": "user", "content": "hi"}]}


def faulty(tmp_path: Path, *rules: str, **settings: Any) -> Server:
    file = tmp_path / "faults.yaml"
    file.write_text("faults:\n" + "".join(f"  - {{{rule}}}\n" for rule in rules), encoding="utf-8")
    return Server(tmp_path / "data", faults=file, **settings)


def rule(method: str, path: str, words: str) -> str:
    return f'match: {{method: {method}, path: "{path}"}}, {words}'


def report(server: Server) -> list[Any]:
    found: list[Any] = server.get("/faults")["faults"]
    return found


def error_of(response: httpx2.Response) -> Any:
    return response.json()["error"]


def file_ids(server: Server, query: str = "") -> list[str]:
    return [each["id"] for each in server.get(f"/v1/files{query}")["data"]]


def reveal(server: Server) -> None:
    """Lets the time of everything that lags be over."""
    visibility = server.service.app._app._routes  # type: ignore[attr-defined]
    visibility._hidden = {
        name: type(each)(collection=each.collection, until=0.0) for name, each in visibility._hidden.items()
    }


def test_without_a_file_nothing_is_mounted(server: Server) -> None:
    response = server.ask("GET", "/faults")
    assert (response.status_code, error_of(response)["message"]) == (404, "Invalid URL (GET /faults)")
    assert server.service.faults is None


def test_a_status_is_sent_without_carrying_the_request_out(tmp_path: Path) -> None:
    words = "fault: status, status: 503, message: busy, type: overloaded, code: c, name: n, skip: 1, count: 2"
    with faulty(tmp_path, rule("POST", "/v1/files", words)) as server:
        server.upload(jsonl([ROW]))
        answers = [server.ask("POST", "/v1/files", content=b"x") for _ in range(3)]
        assert [each.status_code for each in answers] == [503, 503, 400]
        assert error_of(answers[0]) == {"message": "busy", "type": "overloaded", "param": None, "code": "c"}
        assert len(file_ids(server)) == 1
        (told,) = report(server)
        assert (told["name"], told["matched"], told["fired"]) == ("n", 4, 2)
        assert told["request_ids"] == [each.headers["x-request-id"] for each in answers[:2]]
        assert abs(told["last_fired_at"] - time.time()) < 60


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (500, "server_error", "The server had an error while processing your request. Sorry about that!"),
        (409, "invalid_request_error", "Conflict"),
        (499, "invalid_request_error", "The request could not be served."),
    ],
)
def test_a_status_says_what_fits_it(tmp_path: Path, status: int, kind: str, message: str) -> None:
    with faulty(tmp_path, f'match: {{path: "/**"}}, fault: status, status: {status}') as server:
        response = server.ask("DELETE", "/v1/anything")
        assert response.status_code == status
        assert error_of(response) == {"message": message, "type": kind, "param": None, "code": None}


def test_a_status_can_hide_a_request_that_took_effect(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", JOBS, "fault: status, status: 500, after: true")) as server:
        body = {"model": BASE, "training_file": server.upload(jsonl([ROW] * 10))}
        assert server.ask("POST", JOBS, json=body).status_code == 500
        (job,) = server.get(JOBS)["data"]
        assert server.wait(job["id"])["status"] == "succeeded"


def test_a_throttle_tells_when_to_come_again(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", CHAT, "fault: throttle, retry_after: 2.5, count: 1")) as server:
        response = server.ask("POST", CHAT, json=ASKED)
        assert response.status_code == 429
        assert (response.headers["retry-after"], response.headers["retry-after-ms"]) == ("3", "2500")
        assert error_of(response) == {
            "message": "Rate limit reached for requests. Please try again in 2.5s.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        }
        assert server.ask("POST", CHAT, json=ASKED).status_code == 200


def test_a_throttle_with_a_rate_strikes_what_comes_faster(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("GET", "/v1/models", "fault: throttle, per_second: 0.001")) as server:
        answers = [server.ask("GET", "/v1/models") for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 429, 429]
        assert 900 < int(answers[1].headers["retry-after"]) <= 1000
        assert report(server)[0]["fired"] == 2


def test_a_throttle_without_numbers_asks_for_a_second(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("GET", "/v1/models", "fault: throttle")) as server:
        assert server.ask("GET", "/v1/models").headers["retry-after"] == "1"


@pytest.mark.parametrize("after", ["false", "true"])
def test_a_delay_is_waited_for(tmp_path: Path, after: str) -> None:
    with faulty(tmp_path, rule("POST", "/v1/files", f"fault: delay, seconds: 0.3, after: {after}")) as server:
        began = time.monotonic()
        server.upload(jsonl([ROW]))
        assert time.monotonic() - began >= 0.29
        assert len(file_ids(server)) == 1


@pytest.mark.parametrize("after", ["false", "true"])
def test_a_client_that_lost_patience_has_created_all_the_same(tmp_path: Path, after: str) -> None:
    with faulty(tmp_path, rule("POST", JOBS, f"fault: delay, seconds: 0.2, after: {after}")) as server:
        body = msgspec.json.encode({"model": BASE, "training_file": server.upload(jsonl([ROW] * 10))})
        ask_and_leave(server, {"type": "http.request", "body": body, "more_body": False})
        assert len(server.get(JOBS)["data"]) == 1


@pytest.mark.parametrize("words", ["fault: duplicate", "fault: delay, seconds: 0.01"])
def test_half_a_request_is_not_carried_out(tmp_path: Path, words: str) -> None:
    with faulty(tmp_path, rule("POST", JOBS, words)) as server:
        ask_and_leave(server, {"type": "http.request", "body": b'{"model": ', "more_body": True})
        assert server.get(JOBS)["data"] == []
        assert report(server)[0]["fired"] == 1


def ask_and_leave(server: Server, *messages: Any) -> None:
    """Begins to create a job, and hangs up after what is given of the request."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": JOBS,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"host", b"localhost")],
    }
    incoming = list(messages)

    async def receive() -> Any:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    asyncio.run(server.service.app(scope, receive, bodies.discard))


def test_a_duplicate_makes_two_and_answers_with_the_first(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", "/v1/**", "fault: duplicate")) as server:
        content = jsonl([ROW] * 10)
        first_file = server.upload(content)
        assert file_ids(server)[1:] == [first_file]
        for each in file_ids(server):
            assert server.ask("GET", f"/v1/files/{each}/content").content == content
        job = server.create_job(training_file=first_file)
        assert [each["id"] for each in server.get(JOBS)["data"]][1:] == [job]


def test_a_large_duplicate_waits_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MEGABYTE", 1000)
    monkeypatch.setattr(bodies, "_CHUNK", 3000)
    with faulty(tmp_path, rule("POST", "/v1/files", "fault: duplicate")) as server:
        content = jsonl([ROW] * 500)
        server.upload(content)
        assert [server.ask("GET", f"/v1/files/{each}/content").content for each in file_ids(server)] == [content] * 2


def test_a_duplicate_keeps_no_more_than_an_upload_may_have(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", "/v1/files", "fault: duplicate"), max_file_bytes=1000) as server:
        response = server.ask("POST", "/v1/files", content=b"x" * (1024 * 1024 + 1001))
        assert response.status_code == 413


def test_training_can_be_denied_for_a_time(tmp_path: Path) -> None:
    today = dt.datetime.now(dt.UTC).date()
    yesterday, tomorrow = today - dt.timedelta(days=1), today + dt.timedelta(days=1)
    now = f"fault: deny-training, from: {yesterday}, until: {tomorrow}, count: 1"
    with faulty(tmp_path, now, f"fault: deny-training, from: {tomorrow}") as server:
        body = {"model": BASE, "training_file": server.upload(jsonl([ROW] * 10))}
        response = server.ask("POST", JOBS, json=body)
        assert (response.status_code, error_of(response)["code"]) == (403, "training_not_available")
        assert error_of(response)["message"].startswith("OpenAI is winding down the fine-tuning platform and your")
        assert server.get(JOBS)["data"] == []
        assert server.ask("POST", JOBS, json=body).status_code == 200
        assert [each["fired"] for each in report(server)] == [1, 0]


def test_a_retired_model_is_gone_with_all_that_stands_on_it(tmp_path: Path) -> None:
    other = "gpt-4.1-2025-04-14"
    with faulty(tmp_path, f"fault: retire, model: {BASE}, at: 2999-01-01") as server:
        tuned = server.wait(server.create_job())["fine_tuned_model"]
        kept = server.wait(server.create_job(model=other))["fine_tuned_model"]
        everything = {each["id"] for each in server.get("/v1/models")["data"]}
        assert {BASE, other, tuned, kept} <= everything
        end_of(server, f"{{fault: retire, model: {BASE}, at: 2020-01-01, name: the end}}")
        gone = {each for each in everything if each == BASE or each.startswith(f"ft:{BASE}:")}
        assert {each["id"] for each in server.get("/v1/models")["data"]} == everything - gone
        for name in (BASE, tuned):
            for response in (
                server.ask("GET", f"/v1/models/{name}"),
                server.ask("POST", CHAT, json={**ASKED, "model": name}),
            ):
                assert response.status_code == 404
                assert error_of(response)["code"] == "model_not_found"
                assert error_of(response)["message"] == f"The model `{name}` has been deprecated."
            refused = server.ask("POST", JOBS, json={"model": name, "training_file": server.upload(jsonl([ROW] * 10))})
            assert (refused.status_code, error_of(refused)["code"]) == (400, "model_not_available")
        for name in (other, kept):
            assert server.ask("GET", f"/v1/models/{name}").status_code == 200
            assert server.ask("POST", CHAT, json={**ASKED, "model": name}).status_code == 200
        (told,) = report(server)
        assert (told["name"], told["match"], told["fired"], len(told["request_ids"])) == ("the end", None, 6, 6)


def test_a_batch_finds_a_retired_model_gone(tmp_path: Path) -> None:
    with faulty(tmp_path, f"fault: retire, model: {BASE}, at: 2020-01-01") as server:
        line = {"custom_id": "1", "method": "POST", "url": CHAT, "body": ASKED}
        body = {
            "input_file_id": server.upload(jsonl([line]), purpose="batch"),
            "endpoint": CHAT,
            "completion_window": "24h",
        }
        batch = server.ask("POST", "/v1/batches", json=body).json()
        deadline = time.monotonic() + 30
        while batch["status"] != "completed":
            assert time.monotonic() < deadline, batch
            time.sleep(0.01)
            batch = server.get(f"/v1/batches/{batch['id']}")
        (result,) = server.ask("GET", f"/v1/files/{batch['error_file_id']}/content").content.splitlines()
        response = msgspec.json.decode(result)["response"]
        assert (response["status_code"], response["body"]["error"]["code"]) == (404, "model_not_found")
        (told,) = report(server)
        assert (told["fired"], told["request_ids"]) == (1, [])


def end_of(server: Server, *rules: str) -> None:
    """Writes other rules and lets the server see them."""
    file = server.settings.faults
    assert file is not None
    file.write_text("faults:\n" + "".join(f"  - {each}\n" for each in rules), encoding="utf-8")
    assert server.service.faults is not None
    server.service.faults._looked_at -= book._LOOK_SECONDS


@pytest.fixture
def lagging(tmp_path: Path) -> Server:
    return faulty(tmp_path, rule("POST", "/v1/**", "fault: lag, seconds: 3600, skip: 4"))


def test_what_lags_is_as_if_it_were_not_there(lagging: Server) -> None:
    with lagging as server:
        old = [server.upload(jsonl([ROW] * 10)) for _ in range(3)]
        seen_job = server.create_job(training_file=old[0])
        file, job = server.upload(jsonl([ROW] * 10)), server.create_job(training_file=old[0])
        for method, path, unknown in (
            ("GET", f"/v1/files/{file}", "/v1/files/file-none"),
            ("GET", f"/v1/files/{file}/content", "/v1/files/file-none/content"),
            ("DELETE", f"/v1/files/{file}", "/v1/files/file-none"),
            ("GET", f"{JOBS}/{job}", f"{JOBS}/ftjob-none"),
            ("GET", f"{JOBS}/{job}/events", f"{JOBS}/ftjob-none/events"),
            ("POST", f"{JOBS}/{job}/cancel", f"{JOBS}/ftjob-none/cancel"),
            ("GET", f"/v1/files?after={file}", "/v1/files?after=file-none"),
        ):
            response, expected = server.ask(method, path), server.ask(method, unknown)
            assert response.status_code == expected.status_code >= 400
            none = "ftjob-none" if "ftjob-none" in unknown else "file-none"
            lost = job if "ftjob-none" in unknown else file
            assert error_of(response)["message"] == error_of(expected)["message"].replace(none, lost)
        ours = "?purpose=fine-tune"  # the job that can be seen makes a file too
        assert file_ids(server, ours) == old[::-1]
        assert [each["id"] for each in server.get(JOBS)["data"]] == [seen_job]
        reveal(server)
        assert server.get(f"/v1/files/{file}")["id"] == file
        assert server.job(job)["id"] == job
        assert file_ids(server, ours) == [file, *old[::-1]]


def test_the_file_of_an_upload_lags_as_one_that_was_sent_at_once(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", "/v1/uploads/*/complete", "fault: lag, seconds: 3600")) as server:
        content = jsonl([ROW] * 10)
        announced = {"filename": "a.jsonl", "bytes": len(content), "mime_type": "text/plain", "purpose": "fine-tune"}
        upload, other = (server.ask("POST", "/v1/uploads", json=announced).json()["id"] for _ in range(2))
        part = server.ask("POST", f"/v1/uploads/{upload}/parts", files={"data": content}).json()["id"]
        done = server.ask("POST", f"/v1/uploads/{upload}/complete", json={"part_ids": [part]})
        assert done.status_code == 200
        file = done.json()["file"]["id"]
        assert server.ask("GET", f"/v1/files/{file}").status_code == 404
        assert server.ask("GET", f"/v1/files/{file}/content").status_code == 404
        assert file_ids(server) == []
        again = server.ask("POST", f"/v1/uploads/{upload}/complete", json={"part_ids": [part]})
        assert error_of(again)["code"] == "invalid_upload_status"
        assert server.ask("POST", f"/v1/uploads/{other}/cancel").json()["status"] == "cancelled"
        reveal(server)
        assert file_ids(server) == [file]
        (told,) = report(server)
        assert (told["matched"], told["fired"]) == (2, 1)


def test_what_creates_nothing_passes_a_lag(lagging: Server) -> None:
    with lagging as server:
        for _ in range(6):
            response = server.ask("POST", CHAT, json={**ASKED, "stream": True})
            assert response.text.endswith("data: [DONE]\n\n")
        refused = server.ask("POST", JOBS, json={"model": BASE})
        assert (refused.status_code, error_of(refused)["code"]) == (400, "missing_required_parameter")
        assert (report(server)[0]["matched"], report(server)[0]["fired"]) == (7, 0)


def test_a_lag_counts_what_it_hides(tmp_path: Path) -> None:
    words = "fault: lag, seconds: 3600, count: 1, name: slow"
    with faulty(tmp_path, rule("POST", JOBS, words), logs_access=True) as server:
        assert server.ask("POST", JOBS, json={"model": BASE}).status_code == 400
        assert server.get(JOBS)["data"] == []
        training_file = server.upload(jsonl([ROW] * 10))
        hidden, seen = (server.create_job(training_file=training_file) for _ in range(2))
        assert server.ask("GET", f"{JOBS}/{hidden}").status_code == 404
        assert [each["id"] for each in server.get(JOBS)["data"]] == [seen]
        (told,) = report(server)
        assert (told["matched"], told["fired"], len(told["request_ids"])) == (3, 1, 1)


def test_of_two_lags_the_longer_holds_and_both_count(tmp_path: Path) -> None:
    rules = [rule("POST", "/v1/files", f"fault: lag, seconds: {seconds}") for seconds in (3600, "0.000001")]
    with faulty(tmp_path, *rules) as server:
        file = server.upload(jsonl([ROW]))
        assert server.ask("GET", f"/v1/files/{file}").status_code == 404
        assert [each["fired"] for each in report(server)] == [1, 1]


def test_acting_on_an_object_does_not_hide_it(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", "/v1/**", "fault: lag, seconds: 3600, skip: 2")) as server:
        job = server.create_job(training_file=server.upload(jsonl([ROW] * 10)))
        assert server.ask("POST", f"{JOBS}/{job}/cancel").status_code in (200, 400)
        assert server.job(job)["id"] == job
        assert report(server)[0]["fired"] == 0


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_lists_fill_their_pages_without_what_lags(tmp_path: Path, order: str) -> None:
    # Nine files, of which those at 2, 3, 7 and 8 lag: at the end, in a row, and across the edges of pages.
    rules = [rule("POST", "/v1/files", f"fault: lag, seconds: 3600, skip: {skip}, count: 2") for skip in (2, 7)]
    with faulty(tmp_path, *rules) as server:
        made = [server.upload(jsonl([ROW])) for _ in range(9)]
        lagging = [each for each in made if server.ask("GET", f"/v1/files/{each}").status_code == 404]
        assert lagging == [made[2], made[3], made[7], made[8]]
        visible = [each for each in made if each not in lagging]
        ordered = visible if order == "asc" else visible[::-1]
        for limit in range(1, 11):
            pages, after = [], ""
            while True:
                page = server.get(f"/v1/files?order={order}&limit={limit}{after}")
                pages.append([each["id"] for each in page["data"]])
                assert (page["first_id"], page["last_id"]) == (pages[-1][0], pages[-1][-1])
                if not page["has_more"]:
                    break
                after = f"&after={page['last_id']}"
            assert pages == [ordered[at : at + limit] for at in range(0, len(ordered), limit)]


def test_a_list_of_nothing_but_what_lags_is_empty(tmp_path: Path) -> None:
    with faulty(tmp_path, rule("POST", "/v1/files", "fault: lag, seconds: 3600")) as server:
        for _ in range(3):
            server.upload(jsonl([ROW]))
        page = server.get("/v1/files?limit=1")
        assert page == {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
        assert server.ask("GET", "/v1/files?limit=0").status_code == 400


def test_both_of_a_duplicate_lag(tmp_path: Path) -> None:
    lag, twice = (rule("POST", "/v1/files", words) for words in ("fault: lag, seconds: 3600", "fault: duplicate"))
    with faulty(tmp_path, lag, twice) as server:
        server.upload(jsonl([ROW]))
        assert file_ids(server) == []
        reveal(server)
        assert len(file_ids(server)) == 2
        assert [each["fired"] for each in report(server)] == [1, 1]


def test_a_rule_is_a_proxy_before_the_next(tmp_path: Path) -> None:
    twice = rule("POST", "/v1/files", "fault: duplicate")
    refusal = rule("POST", "/v1/files", "fault: status, status: 500, count: 1")
    with faulty(tmp_path, twice, refusal) as server:
        assert server.ask("POST", "/v1/files", content=b"x").status_code == 500
        assert [(each["matched"], each["fired"]) for each in report(server)] == [(1, 1), (2, 1)]


def test_the_report_needs_the_key_and_the_log_names_the_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from ftops.server.settings import DEFAULT_PROJECT, ProjectKey

    key = ProjectKey(project=DEFAULT_PROJECT, organization=None, key="sk-secret")
    words = ("name: slow, fault: delay, seconds: 0.01", "fault: status, status: 418")
    rules = [rule("GET", "/v1/models", each) for each in words]
    with (
        faulty(tmp_path, *rules, keys=(key,), logs_access=True) as server,
        caplog.at_level(logging.INFO, ACCESS_LOG.name),
    ):
        headers = {"authorization": "Bearer sk-secret"}
        assert server.ask("GET", "/faults").status_code == 401
        assert server.ask("GET", "/v1/models").status_code == 401
        assert server.ask("GET", "/v1/models", headers=headers).status_code == 418
        told = server.ask("GET", "/faults", headers=headers).json()["faults"]
        assert [each["fired"] for each in told] == [1, 1]
        lines = [msgspec.json.decode(each.getMessage()) for each in caplog.records if each.name == ACCESS_LOG.name]
    assert [line.get("fault") for line in lines] == [None, None, "slow, status 1", None]


def test_counts_are_exact_under_concurrency(tmp_path: Path) -> None:
    words = "fault: status, status: 500, skip: 10, count: 25"
    with faulty(tmp_path, rule("GET", "/v1/files", words)) as server:

        async def ask_all() -> list[int]:
            transport = httpx2.ASGITransport(app=server.service.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
                answers = await asyncio.gather(*(client.get("/v1/files") for _ in range(80)))
                return [each.status_code for each in answers]

        statuses = asyncio.run(ask_all())
        assert (statuses.count(500), statuses.count(200)) == (25, 55)
        (told,) = report(server)
        assert (told["matched"], told["fired"], len(set(told["request_ids"]))) == (80, 25, 25)
