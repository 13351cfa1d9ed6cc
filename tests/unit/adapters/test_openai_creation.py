"""The creation of a job is one POST, whatever happens to it, and every failure says whether a job may exist."""

import socket
from collections.abc import Callable, Iterator

import pytest

from fault_server import (
    Answer,
    drop_after_reading,
    drop_before_reading,
    refuse,
    reply,
    reply_raw,
    say_nothing,
    start_fault_server,
)
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing
from ftops.adapters.openai_backend import OpenAIBackend
from ftops.errors import (
    AnswerLost,
    BackendError,
    NotFound,
    Rejected,
    Throttled,
    TrainingNotAvailable,
    Unauthorized,
    Unreachable,
)

KEY = "sk-secret-123456"
BODY = {
    "model": "gpt-4.1-mini-2025-04-14",
    "training_file": "file-1",
    "validation_file": None,
    "suffix": "router",
    "seed": None,
    "method": {"type": "supervised", "supervised": {}},
    "integrations": [],
}
JOB = {"id": "ftjob-1", "status": "queued", "model": "gpt-4.1-mini-2025-04-14", "created_at": 1763700000}

Open = Callable[..., OpenAIBackend]


@pytest.fixture
def open_backend() -> Iterator[Open]:
    opened: list[OpenAIBackend] = []

    def open_at(base_url: str, **timing: float) -> OpenAIBackend:
        address = Address(base_url=base_url, key=KEY, is_loopback=True)
        opened.append(OpenAIBackend(address, timing=Timing(**timing)))  # type: ignore[arg-type]
        return opened[-1]

    yield open_at
    for backend in opened:
        backend.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(drop_before_reading, AnswerLost, id="dropped on the headers"),
        pytest.param(drop_after_reading, AnswerLost, id="dropped after the body"),
        pytest.param(refuse(500), AnswerLost, id="500"),
        pytest.param(refuse(503, retry_after="1"), AnswerLost, id="503"),
        pytest.param(refuse(408), AnswerLost, id="408"),
        pytest.param(reply_raw(b'{"id": "ftjob-1", ', missing=40), AnswerLost, id="cut connection"),
        pytest.param(reply_raw(b'{"id": "ftjob-1", '), AnswerLost, id="cut JSON"),
        pytest.param(reply_raw(b"<html>", content_type="text/html"), AnswerLost, id="HTML"),
        pytest.param(reply({"object": "fine_tuning.job"}), AnswerLost, id="no id"),
        pytest.param(reply({"id": "../x"}), AnswerLost, id="unfit id"),
        pytest.param(reply([]), AnswerLost, id="a list"),
        pytest.param(reply({}, status=303, location="/v1/elsewhere"), AnswerLost, id="303"),
        pytest.param(reply({}, status=307, location="/v1/elsewhere"), Rejected, id="307"),
        pytest.param(refuse(429), Throttled, id="429"),
        pytest.param(refuse(429, code="insufficient_quota"), Rejected, id="quota"),
        pytest.param(refuse(400, code="model_not_available"), Rejected, id="400"),
        pytest.param(refuse(409), Rejected, id="409"),
        pytest.param(refuse(422), Rejected, id="422"),
        pytest.param(refuse(404), NotFound, id="404"),
        pytest.param(refuse(401), Unauthorized, id="401"),
        pytest.param(refuse(403), Unauthorized, id="403"),
        pytest.param(refuse(403, code="training_not_available"), TrainingNotAvailable, id="training not available"),
    ],
)
def test_one_post_and_its_error(open_backend: Open, answer: Answer, expected: type[BackendError]) -> None:
    with start_fault_server(answer) as server:
        with pytest.raises(BackendError) as caught:
            open_backend(server.base_url).training.create(BODY, {"ftops_name": "router"})
        assert type(caught.value) is expected
        assert server.posts == len(server.seen) == 1


def test_silence_is_a_lost_answer(open_backend: Open) -> None:
    with start_fault_server(say_nothing) as server:
        with pytest.raises(AnswerLost):
            open_backend(server.base_url, create=0.2).training.create(BODY, {})
        assert server.posts == 1


def test_refused_connection_created_nothing(open_backend: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(Unreachable, match="can't reach"):
        open_backend(f"http://127.0.0.1:{port}/v1").training.create(BODY, {})


def test_unknown_host_created_nothing() -> None:
    backend = OpenAIBackend(Address(base_url="https://backend.invalid/v1", key=KEY, is_loopback=True))
    with pytest.raises(Unreachable):
        backend.training.create(BODY, {})
    backend.close()


def test_request_holds_what_was_given_and_nothing_empty(open_backend: Open) -> None:
    with start_fault_server(reply({**JOB, "surprise": 1})) as server:
        job = open_backend(server.base_url).training.create(BODY, {"ftops_name": "router"})
        assert job.id == "ftjob-1"
        assert server.seen[0].json == {
            "model": "gpt-4.1-mini-2025-04-14",
            "training_file": "file-1",
            "suffix": "router",
            "method": {"type": "supervised", "supervised": {}},
            "metadata": {"ftops_name": "router"},
        }


def test_each_creation_has_a_connection_of_its_own(open_backend: Open) -> None:
    with start_fault_server(reply(JOB, connection="keep-alive")) as server:
        backend = open_backend(server.base_url)
        backend.training.create(BODY, {})
        backend.training.create(BODY, {})
        assert len({request.port for request in server.seen}) == 2


def test_throttling_says_how_long(open_backend: Open) -> None:
    with start_fault_server(refuse(429, "slow down", retry_after="7")) as server:
        with pytest.raises(Unreachable, match="slow down") as caught:
            open_backend(server.base_url).training.create(BODY, {})
        assert caught.value.remedy == "try again in 7 s"


def test_errors_carry_status_code_parameter_and_request_id(open_backend: Open) -> None:
    answer = refuse(400, "bad\x1b[31m value", code="invalid_value", param="seed", x_request_id="req_1")
    with start_fault_server(answer) as server:
        with pytest.raises(Rejected) as caught:
            open_backend(server.base_url).training.create(BODY, {})
        assert caught.value.message == "bad\\x1b[31m value (400, seed, req_1)"
        assert (caught.value.status, caught.value.code) == (400, "invalid_value")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "plain"}, "plain (418)"),
        ({"detail": "not here"}, "not here (418)"),
        ({"message": "bare"}, "bare (418)"),
        ({"error": {"message": None}}, "no explanation (418)"),
        ([1], "no explanation (418)"),
        ("x" * 3000, "x" * 999 + "… (418)"),
    ],
)
def test_other_envelopes_are_understood(open_backend: Open, body: object, words: str) -> None:
    with start_fault_server(reply(body, status=418)) as server:
        with pytest.raises(Rejected) as caught:
            open_backend(server.base_url).training.create(BODY, {})
        assert caught.value.message == words


def test_no_message_holds_the_key(open_backend: Open) -> None:
    with start_fault_server(refuse(401, f"Incorrect API key provided: {KEY}.")) as server:
        backend = open_backend(server.base_url)
        with pytest.raises(Unauthorized) as caught:
            backend.training.create(BODY, {})
        assert caught.value.message == "Incorrect API key provided: ***. (401)"
        assert KEY not in repr(Address(base_url=server.base_url, key=KEY, is_loopback=True))
