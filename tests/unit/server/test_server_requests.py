"""Bad requests, one row each: OpenAI's envelope with the right status, parameter and code, and never a 500."""

from typing import Any

import pytest
from server_in_process import PREFERENCE, ROW, Server, jsonl

CHAT = "/v1/chat/completions"
JOBS = "/v1/fine_tuning/jobs"
HI = [{"role": "user", "content": "hi"}]


def error_of(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"].startswith("req_")
    return dict(body["error"])


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'{"model": NaN}', "application/json"),
        (b'{"model": "\\ud800"}', "application/json"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "application/json"),
        (b"[" * 200_000, "application/json"),
        (b'{"temperature": 1e999}', "application/json"),
        (b'{"model": "m"}', "text/plain"),
        (b'{"model": "m"}', "application/x-www-form-urlencoded"),
        (b'{"model": "m"}', None),
    ],
)
@pytest.mark.parametrize("path", [CHAT, JOBS])
def test_a_body_that_is_no_json_object_is_refused(
    shared_server: Server, path: str, content: bytes, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    error = error_of(shared_server.ask("POST", path, content=content, headers=headers), 400)
    assert error["type"] == "invalid_request_error"


CHAT_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "missing_required_parameter"),
    ({"model": ""}, "model", "missing_required_parameter"),
    ({"model": 4}, "model", "invalid_type"),
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": {}}, "messages", "invalid_type"),
    ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "king", "content": "hi"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": ["user"], "content": "hi"}]}, "messages[0].role", "invalid_type"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": 4}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content[0]", "invalid_type"),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        "messages[0].content[0].type",
        "unsupported_value",
    ),
    ({"messages": [{"role": "user", "content": "a", "colour": 1}]}, "messages[0].colour", "unknown_parameter"),
    ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
    ({"messages": [{"role": "assistant", "tool_calls": [1]}]}, "messages[0].tool_calls[0]", "invalid_type"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]}]},
        "messages[0].tool_calls[0].function",
        "missing_required_parameter",
    ),
    (
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}]}
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
        "missing_required_parameter",
    ),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"n": True}, "n", "invalid_type"),
    ({"n": 10**400}, "n", "integer_above_max_value"),
    ({"temperature": -0.1}, "temperature", "decimal_below_min_value"),
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"temperature": []}, "temperature", "invalid_type"),
    ({"temperature": {}}, "temperature", "invalid_type"),
    ({"top_p": 1.1}, "top_p", "decimal_above_max_value"),
    ({"seed": "x"}, "seed", "invalid_type"),
    ({"seed": 2**63}, "seed", "integer_above_max_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens", ""),
    ({"stop": 4}, "stop", "invalid_type"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
    ({"stop": [None]}, "stop[0]", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", ""),
    ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x", "unknown_parameter"),
    ({"top_logprobs": 2}, "top_logprobs", ""),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"tool_choice": "auto"}, "tool_choice", ""),
    ({"response_format": {"type": "json_object"}}, "messages", ""),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"store": True}, "store", "unsupported_parameter"),
    ({"functions": []}, "functions", "unsupported_parameter"),
    ({"reasoning_effort": "low"}, "reasoning_effort", "unsupported_parameter"),
    ({"logit_bias": {"1": 2}}, "logit_bias", "unsupported_parameter"),
    ({"frequency_penalty": 1}, "frequency_penalty", "unsupported_value"),
    ({"presence_penalty": 3}, "presence_penalty", "decimal_above_max_value"),
    ({"modalities": ["audio"]}, "modalities", "unsupported_value"),
    ({"service_tier": "flex"}, "service_tier", "unsupported_value"),
    ({"tools": [1]}, "tools[0]", "invalid_type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tools": [{"type": "hammer"}]}, "tools[0].type", "invalid_value"),
    ({"parallel_tool_calls": 1}, "parallel_tool_calls", "invalid_type"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"colour": "blue"}, "colour", "unknown_parameter"),
]


@pytest.mark.parametrize(("change", "param", "code"), CHAT_ERRORS)
def test_a_bad_chat_request_names_its_parameter(
    shared_server: Server, change: dict[str, Any], param: str, code: str
) -> None:
    error = error_of(shared_server.ask("POST", CHAT, json={"model": "gpt-4o", "messages": HI, **change}), 400)
    assert (error["param"], error["code"] or "") == (param, code)


@pytest.mark.parametrize("model", ["ft:gpt-4o:org:x:abcdefgh", "ftjob-abc", "a model", "../etc", "m" * 101, "m\x00"])
def test_a_model_that_was_never_made_is_not_found(shared_server: Server, model: str) -> None:
    error = error_of(shared_server.ask("POST", CHAT, json={"model": model, "messages": HI}), 404)
    assert (error["code"], error["param"]) == ("model_not_found", None)
    assert "does not exist or you do not have access to it" in error["message"]


def test_an_unknown_parameter_is_refused_in_openais_words(shared_server: Server) -> None:
    error = error_of(shared_server.ask("POST", CHAT, json={"model": "m", "messages": HI, "colour": 1}), 400)
    assert error["message"] == "Unrecognized request argument supplied: colour"


def supervised(**hyperparameters: Any) -> dict[str, Any]:
    return {"method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}}


JOB_ERRORS: list[tuple[dict[str, Any], str, str]] = [
    ({"model": None}, "model", "missing_required_parameter"),
    ({"training_file": None}, "training_file", "missing_required_parameter"),
    ({"training_file": 1}, "training_file", "invalid_type"),
    ({"training_file": "file-none"}, "training_file", "file_not_found"),
    ({"validation_file": "file-none"}, "validation_file", "file_not_found"),
    ({"validation_file": ""}, "validation_file", "string_below_min_length"),
    ({"suffix": ""}, "suffix", "string_below_min_length"),
    ({"suffix": "s" * 65}, "suffix", "string_above_max_length"),
    ({"seed": -1}, "seed", "integer_below_min_value"),
    ({"seed": 2**31}, "seed", "integer_above_max_value"),
    ({"seed": 1.5}, "seed", "invalid_type"),
    ({"metadata": {str(i): "" for i in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k" * 65: ""}}, "metadata", "string_above_max_length"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
    ({"metadata": {"k": None}}, "metadata.k", "invalid_type"),
    ({"metadata": []}, "metadata", "invalid_type"),
    (supervised(n_epochs=0), "method.supervised.hyperparameters.n_epochs", "integer_below_min_value"),
    (supervised(n_epochs=51), "method.supervised.hyperparameters.n_epochs", "integer_above_max_value"),
    (supervised(n_epochs="many"), "method.supervised.hyperparameters.n_epochs", "invalid_type"),
    (supervised(batch_size=257), "method.supervised.hyperparameters.batch_size", "integer_above_max_value"),
    (
        supervised(learning_rate_multiplier=0),
        "method.supervised.hyperparameters.learning_rate_multiplier",
        "decimal_below_min_value",
    ),
    (
        supervised(learning_rate_multiplier=10**400),
        "method.supervised.hyperparameters.learning_rate_multiplier",
        "decimal_above_max_value",
    ),
    (supervised(beta=1), "method.supervised.hyperparameters.beta", "unknown_parameter"),
    ({"hyperparameters": {"n_epochs": 99}}, "hyperparameters.n_epochs", "integer_above_max_value"),
    ({"hyperparameters": {}, **supervised()}, "hyperparameters", ""),
    (
        {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 2.1}}}},
        "method.dpo.hyperparameters.beta",
        "decimal_above_max_value",
    ),
    ({"method": {}}, "method.type", "missing_required_parameter"),
    ({"method": {"type": "magic"}}, "method.type", "invalid_value"),
    ({"method": {"type": "dpo", "supervised": {}}}, "method.supervised", ""),
    ({"method": {"type": "dpo", "colour": 1}}, "method.colour", "unknown_parameter"),
    ({"method": {"type": "dpo", "dpo": {"colour": 1}}}, "method.dpo.colour", "unknown_parameter"),
    (
        {"method": {"type": "reinforcement", "reinforcement": {}}},
        "method.reinforcement.grader",
        "missing_required_parameter",
    ),
    ({"integrations": [1]}, "integrations[0]", "invalid_type"),
    ({"integrations": [{"type": "mail"}]}, "integrations[0].type", "invalid_value"),
    ({"integrations": [{"type": "wandb"}]}, "integrations[0].wandb", "missing_required_parameter"),
    (
        {"integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": [1]}}]},
        "integrations[0].wandb.tags[0]",
        "invalid_type",
    ),
    ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}] * 6}, "integrations", "array_above_max_length"),
    ({"colour": "blue"}, "colour", "unknown_parameter"),
]


@pytest.mark.parametrize(("change", "param", "code"), JOB_ERRORS)
def test_a_bad_job_request_names_its_parameter(
    shared_server: Server, change: dict[str, Any], param: str, code: str
) -> None:
    body = {"model": "gpt-4o", "training_file": shared_server.upload(jsonl([ROW])), **change}
    error = error_of(shared_server.ask("POST", JOBS, json=body), 400)
    assert (error["param"], error["code"] or "") == (param, code)


def test_a_bound_is_told_in_full(shared_server: Server) -> None:
    body = {"model": "gpt-4o", "training_file": "file-1", "seed": 2**31}
    message = error_of(shared_server.ask("POST", JOBS, json=body), 400)["message"]
    assert "Expected a value <= 2147483647, but got 2147483648 instead." in message


@pytest.mark.parametrize(
    ("model", "method", "is_tunable"),
    [
        ("gpt-4o", "supervised", True),
        ("gpt-4o-mini-2024-07-18", "dpo", True),
        ("gpt-4.1-nano-2025-04-14", "supervised", True),
        ("gpt-3.5-turbo-0125", "supervised", True),
        ("o4-mini-2025-04-16", "supervised", False),
        ("o1", "supervised", False),
        ("o1-preview", "dpo", False),
        ("o3-mini", "supervised", False),
        ("o100", "supervised", True),
        ("gpt-6-luna", "supervised", False),
        ("GPT-5", "supervised", False),
        ("O4-Mini", "supervised", False),
        ("gpt-5.1-mini", "supervised", False),
        ("gpt-4-turbo-2024-04-09", "supervised", False),
        ("gpt-4o-2024-05-13", "supervised", False),
        ("gpt-4o-mini-audio-preview", "supervised", False),
        ("chatgpt-4o-latest", "supervised", False),
        ("text-embedding-3-small", "supervised", False),
        ("whisper-1", "supervised", False),
        ("whisperer", "supervised", True),
        ("dall-e-3", "supervised", False),
        ("tts-1-hd", "supervised", False),
        ("my-own/model-7b", "supervised", True),
    ],
)
def test_models_that_nobody_could_train_are_refused(
    shared_server: Server, model: str, method: str, is_tunable: bool
) -> None:
    file = shared_server.upload(jsonl([ROW] * 10))
    body = {"model": model, "training_file": file, "method": {"type": method}}
    answer = shared_server.ask("POST", JOBS, json=body)
    if is_tunable:
        assert answer.status_code == 200
        return
    error = error_of(answer, 400)
    assert (error["code"], error["param"]) == ("model_not_available", "model")
    assert error["message"] == f"Model {model} is not available for fine-tuning or does not exist."


def test_a_file_for_something_else_trains_nothing(shared_server: Server) -> None:
    body = {"model": "gpt-4o", "training_file": shared_server.upload(jsonl([ROW]), purpose="batch")}
    error = error_of(shared_server.ask("POST", JOBS, json=body), 400)
    assert (error["param"], error["code"]) == ("training_file", "invalid_file_purpose")


def test_a_parent_that_does_not_exist_is_not_found(shared_server: Server) -> None:
    body = {"model": "ft:gpt-4o:org::abcdefgh", "training_file": shared_server.upload(jsonl([ROW]))}
    assert error_of(shared_server.ask("POST", JOBS, json=body), 404)["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/files", "GET, HEAD, POST"),
        ("GET", "/v1/uploads", "POST"),
        ("POST", "/v1/models/gpt-4o", "DELETE, GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(shared_server: Server, method: str, path: str, allowed: str) -> None:
    response = shared_server.ask(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, None),
        ("GET", "/v1/uploads", 405, "method_not_supported"),
        ("GET", "/v1/files/", 404, None),
        ("POST", "/v1/models", 405, "method_not_supported"),
        ("PUT", "/v1/files", 405, "method_not_supported"),
        ("GET", "/v1/files/file-none", 404, None),
        ("GET", "/v1/files/file-none/content", 404, None),
        ("DELETE", "/v1/files/file-none", 404, None),
        ("GET", "/v1/fine_tuning/jobs/ftjob-none", 404, "fine_tune_not_found"),
        ("POST", "/v1/fine_tuning/jobs/ftjob-none/cancel", 404, "fine_tune_not_found"),
        ("POST", "/v1/fine_tuning/jobs/ftjob-none/pause", 404, "fine_tune_not_found"),
        ("GET", "/v1/fine_tuning/jobs/ftjob-none/events", 404, "fine_tune_not_found"),
        ("GET", "/v1/fine_tuning/jobs/ftjob-none/checkpoints", 404, "fine_tune_not_found"),
        ("GET", "/v1/models/ft:gpt-4o:org::abcdefgh", 404, "model_not_found"),
        ("DELETE", "/v1/models/ft:gpt-4o:org::abcdefgh", 404, "model_not_found"),
        ("DELETE", "/v1/models/gpt-4o", 403, "insufficient_permissions"),
        ("GET", "/v1/files?limit=0", 400, "integer_below_min_value"),
        ("GET", "/v1/files?limit=10001", 400, "integer_above_max_value"),
        ("GET", "/v1/files?limit=ten", 400, "invalid_type"),
        ("GET", "/v1/files?limit=99999999999999999999", 400, "invalid_type"),
        ("GET", "/v1/files?order=up", 400, "invalid_value"),
        ("GET", "/v1/files?after=file-none", 400, "invalid_value"),
        ("GET", "/v1/files?colour=blue", 400, "unknown_parameter"),
        ("GET", "/v1/fine_tuning/jobs?limit=101", 400, "integer_above_max_value"),
        ("GET", "/v1/fine_tuning/jobs?limit=-1", 400, "integer_below_min_value"),
        ("GET", "/v1/fine_tuning/jobs?after=ftjob-none", 400, "invalid_value"),
        ("GET", "/v1/fine_tuning/jobs?status=failed", 400, "unknown_parameter"),
        ("GET", "/v1/fine_tuning/jobs?%ff=%fe", 400, "unknown_parameter"),
        ("GET", "/v1/models?limit=1", 400, "unknown_parameter"),
        ("GET", "/v1/models/gpt-4o?colour=blue", 400, "unknown_parameter"),
        ("DELETE", "/v1/models/ft:a:b::c?force=1", 400, "unknown_parameter"),
        ("GET", "/v1/files/file-none?colour=blue", 400, "unknown_parameter"),
        ("GET", "/v1/files/file-none/content?colour=blue", 400, "unknown_parameter"),
        ("DELETE", "/v1/files/file-none?colour=blue", 400, "unknown_parameter"),
        ("POST", "/v1/files?colour=blue", 400, "unknown_parameter"),
        ("POST", "/v1/chat/completions?colour=blue", 400, "unknown_parameter"),
        ("POST", "/v1/fine_tuning/jobs?colour=blue", 400, "unknown_parameter"),
        ("GET", "/v1/fine_tuning/jobs/ftjob-none?colour=blue", 400, "unknown_parameter"),
        ("POST", "/v1/fine_tuning/jobs/ftjob-none/cancel?colour=blue", 400, "unknown_parameter"),
        ("GET", "/v1/files?limit=1&limit=2", 400, "duplicate_parameter"),
        ("GET", "/v1/files?purpose=batch&purpose=batch", 400, "duplicate_parameter"),
        ("GET", "/v1/fine_tuning/jobs?metadata[a]=1&metadata[a]=2", 400, "duplicate_parameter"),
    ],
)
def test_a_path_or_query_that_leads_nowhere(
    shared_server: Server, method: str, path: str, status: int, code: str | None
) -> None:
    assert error_of(shared_server.ask(method, path), status)["code"] == code


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (b"[1]\n", 'Line 1 is not a dictionary (HINT: line starts with: "[1]...").'),
        (b"{}\nnot json\n", 'Line 2 is not valid JSON (HINT: line starts with: "not json...").'),
        (b'{}\n{"a": NaN}\n', "Line 2 is not valid JSON (HINT"),
        (b"{}\n\xff\xfe\n", "Line 2 is not valid JSON (HINT"),
        (b'{}\n{"a": "\\ud800"}\n', "Line 2 is not valid JSON (HINT"),
        (b'{"a": 1e999}\n', "Line 1 has a number that is out of range (HINT"),
        (b'{"a": ' + b"1" * 5_000 + b"}\n", "Line 1 has a number that is out of range (HINT"),
        (b'{"a":' * 50_000 + b"\n", "Line 1 is nested too deeply (HINT"),
    ],
)
def test_a_training_file_must_be_jsonl(shared_server: Server, content: bytes, start: str) -> None:
    form: dict[str, Any] = {"files": {"file": ("rows.jsonl", content)}, "data": {"purpose": "fine-tune"}}
    message = error_of(shared_server.ask("POST", "/v1/files", **form), 400)["message"]
    expected = "Expected file to have JSONL format, where every line is a JSON dictionary. "
    assert message.startswith(expected + start)


@pytest.mark.parametrize(
    ("name", "content", "data", "param"),
    [
        ("rows.jsonl", b"", {"purpose": "fine-tune"}, "file"),
        ("rows.jsonl", b"\n \n", {"purpose": "fine-tune"}, "file"),
        ("rows.csv", b"{}\n", {"purpose": "fine-tune"}, "file"),
        ("rows.jsonl", b"{}\n", {}, "purpose"),
        ("rows.jsonl", b"{}\n", {"purpose": "fun"}, "purpose"),
        ("rows.jsonl", b"{}\n", {"purpose": "fine-tune-results"}, "purpose"),
        ("rows.jsonl", b"{}\n", {"purpose": "fine-tune", "colour": "blue"}, "colour"),
        (
            "rows.jsonl",
            b"{}\n",
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at"},
            "expires_after[seconds]",
        ),
        (
            "rows.jsonl",
            b"{}\n",
            {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "5"},
            "expires_after[seconds]",
        ),
        ("rows.jsonl", b"{}\n", {"purpose": "fine-tune", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
    ],
)
def test_an_upload_names_what_is_wrong_with_it(
    shared_server: Server, name: str, content: bytes, data: dict[str, str], param: str
) -> None:
    response = shared_server.ask("POST", "/v1/files", files={"file": (name, content)}, data=data)
    assert error_of(response, 400)["param"] == param


BOUNDARY = {"content-type": "multipart/form-data; boundary=b"}


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 400),
        ({"content-type": "multipart/form-data"}, b"--b--", 400),
        (BOUNDARY, b"", 400),
        (BOUNDARY, b"nothing like a part", 400),
        (BOUNDARY, b"--b\r\n\r\nno disposition\r\n--b--\r\n", 400),
        (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut of', 400),
        (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--b--\r\n', 400),
        (
            BOUNDARY,
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n' * 2 + b"--b--",
            400,
        ),
        (BOUNDARY, b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 70_000 + b"\r\n--b--", 400),
        (
            BOUNDARY,
            b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % i for i in range(20)),
            400,
        ),
        (BOUNDARY | {"content-length": str(2**30)}, b"", 413),
        (BOUNDARY | {"content-length": "9" * 30}, b"", 413),
    ],
)
def test_a_malformed_upload_is_refused(
    shared_server: Server, headers: dict[str, str], content: bytes, status: int
) -> None:
    error_of(shared_server.ask("POST", "/v1/files", headers=headers, content=content), status)


def test_a_field_is_given_once(shared_server: Server) -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n%s\r\n'
    content = field % b"batch" + field % b"fine-tune" + b"--b--\r\n"
    error = error_of(shared_server.ask("POST", "/v1/files", headers=BOUNDARY, content=content), 400)
    assert (error["code"], error["param"]) == ("duplicate_parameter", "purpose")


def test_bodies_have_limits(tmp_path: Any) -> None:
    limits = {"max_file_bytes": 1000, "max_json_bytes": 1000, "max_line_bytes": 100}
    with Server(tmp_path / "data", **limits) as server:
        form: dict[str, Any] = {"data": {"purpose": "user_data"}}
        assert server.ask("POST", "/v1/files", files={"file": ("a", b"x" * 1000)}, **form).status_code == 200
        error = error_of(server.ask("POST", "/v1/files", files={"file": ("a", b"x" * 1001)}, **form), 413)
        assert error["message"] == "Maximum content size limit (1000) exceeded"
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * 1000}]}
        error_of(server.ask("POST", CHAT, json=body), 413)
        long_line = {"file": ("a.jsonl", b'{"a": "' + b"x" * 100 + b'"}')}
        error = error_of(server.ask("POST", "/v1/files", files=long_line, data={"purpose": "fine-tune"}), 400)
        assert error["message"] == "Line 1 is longer than 100 bytes."
        assert not list((tmp_path / "data" / "spool").iterdir())


def test_the_two_formats_are_told_apart(server: Server) -> None:
    jobs = {
        "chat for dpo": server.create_job([ROW] * 10, method={"type": "dpo"}),
        "preference for supervised": server.create_job([PREFERENCE] * 10),
    }
    for job_id in jobs.values():
        error = server.wait(job_id, "failed")["error"]
        assert (error["code"], error["param"]) == ("invalid_training_file", "training_file")
        assert "which doesn't fit the fine-tuning method" in error["message"]
