"""Every answer of every route, over the lives of real objects at a real server, held against the mended document.

It is one test, as its last part asks whether all routes were exercised, which no test can know that others may run apart from.
"""

import json
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from conformance import Answer, Published
from mend import mend, read_published
from recorder import Recorder
from refusals import REFUSALS
from scenarios import SCENARIOS
from served import served_operations
from world import BASE, QUESTION, ROWS, World

from server_process import ServerProcess, start_server
from shared_data import missing, shared_path

PATH = shared_path("reference/openai-openapi.json.gz")
pytestmark = pytest.mark.skipif(not PATH.is_file(), reason=missing(PATH))

KEY = "sk-contract"  # of a server that demands one
# Seen in answers of OpenAI that people have published, and in the document's own examples, but not in its schemas.
SEEN_IN_THE_WILD = {
    "FineTuningJob.user_provided_suffix",
    "FineTuningJob.shared_with_openai",
    "FineTuningJob.eval_id",
    "FineTuningJob.usage_metrics",
    "FineTuningJobCheckpoint.metrics.train_mean_reward",
    "FineTuningJobCheckpoint.metrics.full_valid_mean_reward",
}
FORMS = ("/files", "/uploads/{upload_id}/parts")
JOB_STATUSES = {"validating_files", "queued", "running", "pausing", "paused", "succeeded", "failed", "cancelled"}


@pytest.fixture(scope="module")
def published() -> Published:
    document, _ = mend(read_published(PATH))
    return Published(document)


def test_every_answer_of_every_route_conforms(published: Published, tmp_path: Path) -> None:
    options = ("--workers", "1", "--min-step-seconds", "0.02", "--shutdown-date", "gpt-4.1-mini-2025-04-14=2027-01-14")
    with start_server(tmp_path, *options) as server, closing(Recorder(published, server.base_url)) as recorder:
        world = World(recorder)
        for scenario in SCENARIOS:
            scenario(world)
            assert recorder.faults == [], scenario.__doc__
    assert recorder.unknown == SEEN_IN_THE_WILD
    assert recorder.states["fine_tuning.job"] == JOB_STATUSES
    operations = served_operations(tmp_path / "routes")
    assert set(operations) == REFUSALS.keys()
    for operation in operations:
        # The key and the limits have servers of their own.
        assert recorder.statuses[operation] == {200, *REFUSALS[operation]} - {401, 413, 429}, operation


def test_an_answer_without_a_key_conforms(published: Published, tmp_path: Path) -> None:
    with (
        start_server(tmp_path, env={"FTOPS_SERVE_KEY": KEY}) as server,
        closing(Recorder(published, server.base_url)) as recorder,
    ):
        world = World(recorder)
        for operation in served_operations(tmp_path / "routes"):
            method, _, path = operation.partition(" ")
            error = world.refused(401, method.upper(), path.replace("{", "").replace("}", ""))
            assert error["code"] == "invalid_api_key"
        assert next(iter(recorder.client(key=KEY).models.list())).id
    assert recorder.faults == []


def test_limits_conform(published: Published, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("rate_limits: {requests_per_minute: 2, tokens_per_minute: 1000}\n", encoding="utf-8")
    with (
        start_server(tmp_path, "--config", str(config)) as server,
        closing(Recorder(published, server.base_url)) as recorder,
    ):
        world = World(recorder)
        ask = {"model": BASE, "messages": QUESTION}
        world.sdk.chat.completions.create(**ask)
        list(world.sdk.chat.completions.create(**ask, stream=True))
        assert world.refused(429, "POST", "/chat/completions", json=ask)["code"] == "rate_limit_exceeded"
        announced = {"filename": "a", "bytes": 1, "mime_type": "text/plain", "purpose": "assistants"}
        upload = world.bare.post("/uploads", json=announced).json()["id"]
        many = {"content": b" " * (33 * 2**20), "headers": {"content-type": "application/json"}}
        for path in (name.partition(" ")[2] for name, statuses in REFUSALS.items() if 413 in statuses):
            at = path.format(upload_id=upload)
            if path in FORMS:
                answer = announce(server, at, size=2**30)
                assert (answer.status, published.judge(answer).faults) == (413, ())
            else:
                assert "content size" in world.refused(413, "POST", at, **many)["message"]
    assert recorder.faults == []


def announce(server: ServerProcess, path: str, *, size: int) -> Answer:
    """What is said to the head of a form of this size, of which nothing is sent."""
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=60)) as connection:
        connection.putrequest("POST", f"/v1{path}")
        connection.putheader("Content-Type", "multipart/form-data; boundary=x")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(method="POST", path=f"/v1{path}", status=response.status, headers=headers, body=response.read())


def test_damage_conforms(published: Published, tmp_path: Path) -> None:
    with start_server(tmp_path) as server, closing(Recorder(published, server.base_url)) as recorder:
        world = World(recorder)
        file, model = world.upload(ROWS), world.trained.fine_tuned_model
        for blob in (server.data_dir / "blobs").rglob("*"):
            if blob.is_file():
                blob.write_bytes(b"damaged")
        server.terminate()
        with closing(Recorder(published, server.restart().base_url)) as after:
            world = World(after)
            assert world.refused(500, "GET", f"/files/{file}/content")["code"] == "damaged_content"
            ask = {"model": model, "messages": QUESTION}
            assert world.refused(500, "POST", "/chat/completions", json=ask)["code"] == "damaged_content"
    assert recorder.faults + after.faults == []


def test_the_judge_sees_faults(published: Published) -> None:
    """What it would have said: a judge that lets everything pass proves nothing."""
    headers = {
        "content-type": "application/json",
        "x-request-id": f"req_{'0' * 32}",
        "openai-organization": "org-1",
        "openai-version": "2020-10-01",
        "openai-processing-ms": "1",
    }
    good = b'{"id": "m", "object": "model", "created": 0, "owned_by": "us"}'

    def judge(body: bytes = good, status: int = 200, method: str = "GET", **changed: str) -> tuple[str, ...]:
        answer = Answer(method=method, path="/v1/models/m", status=status, headers=headers | changed, body=body)
        verdict = published.judge(answer)
        return (*verdict.faults, *verdict.unknown)

    assert judge() == ()
    assert judge(good.replace(b"0", b'"0"')) == ("GET /v1/models/m → 200: $.created: '0' is not of type 'integer'",)
    assert judge(good.replace(b"id", b"di", 1)) == ("GET /v1/models/m → 200: $: 'id' is a required property",)
    assert judge(good.replace(b"{", b'{"colour": 1, ')) == ("Model.colour",)
    assert judge(b"{") == ("GET /v1/models/m → 200: the body isn't JSON",)
    assert judge(status=202) == ("GET /v1/models/m → 202: status 202 is not documented",)
    assert judge(status=404) == ("GET /v1/models/m → 404: $: 'error' is a required property",)
    html = {"content-type": "text/html"}
    assert judge(**html) == ("GET /v1/models/m → 200: content type 'text/html' is not documented",)
    assert judge(**{"x-request-id": ""}) == ("GET /v1/models/m → 200: header x-request-id: ''",)
    assert "instead of 405" in judge(method="PUT")[0]
    told = {"id": "c", "choices": [], "created": 0, "model": "m", "object": "chat.completion.chunk"}
    chunk = f"data: {json.dumps(told | {'service_tier': None, 'system_fingerprint': 'fp'})}\n\n".encode()
    limits = {f"x-ratelimit-{each}-{unit}": "1" for each in ("limit", "remaining") for unit in ("requests", "tokens")}
    resets = {"x-ratelimit-reset-requests": "6m0s", "x-ratelimit-reset-tokens": "6ms"}
    sse = {**headers, **limits, **resets, "content-type": "text/event-stream"}

    def judge_stream(body: bytes) -> tuple[str, ...]:
        answer = Answer(method="POST", path="/v1/chat/completions", status=200, headers=sse, body=body)
        return published.judge(answer).faults

    assert judge_stream(chunk + b"data: [DONE]\n\n") == ()
    limited = Answer(method="POST", path="/v1/chat/completions", status=200, headers=headers, body=chunk)
    assert "x-ratelimit-limit-requests" in published.judge(limited).faults[0]
    assert "has no end" in judge_stream(chunk)[0]
    assert "service_tier is missing" in judge_stream(chunk.replace(b"service_tier", b"tier") + b"data: [DONE]\n\n")[0]
    assert "lines of data" in judge_stream(chunk + b"[DONE]\n\n")[0]
    assert "'choices' is a required" in judge_stream(b"data: {}\n\ndata: [DONE]\n\n")[0]
    assert judge(good.replace(b"owned_by", b"owner"))[0].endswith("'owned_by' is a required property")
    too_long = b'{"error": {"message": "Too long", "type": "invalid_request_error", "param": null, "code": null}}'
    assert judge(too_long, status=413) == ("GET /v1/models/m → 413: status 413 is not documented",)
    assert judge(too_long, status=404) == ()
    assert judge(too_long.replace(b'"param": null, ', b""), status=404) != ()
    bare_500 = b'{"error": {"message": "Sorry", "type": "server_error", "param": null, "code": null}}'
    assert "status 500 is not documented" in judge(bare_500, status=500)[0]
