"""Requests that schemathesis generates from the mended document, valid and invalid, sent to a real server.

Every answer passes schemathesis's checks and the judge of the scenarios: no server error, no status, type or body that the
document doesn't have, and no acceptance of what contradicts it. Generation is derandomised: each run sends the same, but for
ids. It is one test, for it counts.
"""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from conformance import Answer, Published
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from mend import mend, read_published
from objects import Objects, populate
from recorder import Recorder
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served import served_operations
from world import World

from server_process import start_server
from shared_data import missing, shared_path

PATH = shared_path("reference/openai-openapi.json.gz")
pytestmark = pytest.mark.skipif(not PATH.is_file(), reason=missing(PATH))

KEY = "sk-generated"
LEAST_REQUESTS = 2000
# Of each operation's requests, so many are to be carried out: what is refused at the door tests the door alone.
LEAST_DONE, LEAST_PART_DONE = 10, 0.1
# Of valid and of invalid requests, for each operation: those with a body can be wrong in more ways.
EXAMPLES, EXAMPLES_WITH_BODY = 45, 70
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What an operation ends comes after what it stands in the way of.
_LATE = ("complete", "pause", "resume", "cancel")


@pytest.mark.timeout(600)  # half a minute alone; minutes under coverage on a busy machine
def test_generated_requests_are_answered_as_documented(tmp_path: Path) -> None:
    document, _ = mend(read_published(PATH))
    served = served_operations(tmp_path / "routes")
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    schema = schemathesis.openapi.from_dict(document, config=config)
    published = Published(document)
    with (
        start_server(tmp_path, "--workers", "4", "--min-step-seconds", "0.05", env={"FTOPS_SERVE_KEY": KEY}) as server,
        closing(Recorder(published, server.base_url)) as recorder,
        requests.Session() as session,
    ):
        run = Run(published, server.base_url, session, populate(World(recorder, key=KEY)))
        for name in sorted(served, key=order):
            method, _, path = name.partition(" ")
            for mode in GenerationMode:
                run.operation(name, schema[path][method.upper()], mode)
    told = "\n".join(f"{name}: {dict(sorted(counts.items()))}" for name, counts in run.answers.items())
    assert sum(counts.total() for counts in run.answers.values()) >= LEAST_REQUESTS, told
    for name in served:
        counts = run.answers[name]
        assert counts[200] >= max(LEAST_DONE, LEAST_PART_DONE * counts.total()), f"{name}\n{told}"
    assert recorder.faults == []


def order(operation: str) -> tuple[bool, int, str]:
    """By what an operation leaves to the next: actions on objects before they end, deletions last."""
    action = operation.rpartition("/")[2]
    return operation.startswith("delete"), _LATE.index(action) + 1 if action in _LATE else 0, operation


@dataclass(eq=False)
class Run:
    """Sends requests and counts their answers' statuses by operation."""

    published: Published
    base_url: str
    session: requests.Session
    objects: Objects
    answers: dict[str, Counter[int]] = field(default_factory=dict)

    def operation(self, name: str, operation: Any, mode: GenerationMode) -> None:
        """Sends requests for one operation, valid or invalid ones; nothing, where an operation has no invalid ones."""
        counts = self.answers.setdefault(name, Counter())
        has_parameters = bool(operation.query or operation.body)
        if mode.is_negative and not has_parameters:
            return  # a path takes any text, so that no request for it alone contradicts the document

        @settings(
            max_examples=EXAMPLES_WITH_BODY if operation.body else EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # The choices are drawn whether they are used or not: what is drawn may not depend on what exists.
        @given(
            case=generable(operation.as_strategy(generation_mode=mode)), choices=st.tuples(*[st.integers(0, 99)] * 6)
        )
        def send(case: schemathesis.Case, choices: tuple[int, ...]) -> None:
            luck, choice, *rest = choices
            self.objects.place(case, luck, choice)
            if mode.is_positive:
                self.objects.shape(name, case, rest[0], tuple(rest[1:]))
            counts[self._send(name, case, mode)] += 1

        send()

    def _send(self, name: str, case: schemathesis.Case, mode: GenerationMode) -> int:
        response = case.call(base_url=self.base_url, session=self.session, headers={"Authorization": f"Bearer {KEY}"})
        checks = list(CHECKS)
        # All that stands in a query is text, so that no value of metadata[k] can be of a wrong type.
        is_text = any(key.startswith("metadata") for key in case.query or ())
        if mode.is_negative and not is_text and is_sent_whole(case, response.request.body):
            checks.append(negative_data_rejection)
        # It takes an event's envelope for the chunk in it; the judge looks into streams.
        is_stream = response.headers["content-type"][0].startswith("text/event-stream")
        case.validate_response(response, checks, excluded_checks=[response_schema_conformance] if is_stream else [])
        answer = Answer(
            method=case.method,
            path=str(response.request.path_url).partition("?")[0],
            status=response.status_code,
            headers={key: values[0] for key, values in response.headers.items()},
            body=response.content,
        )
        verdict = self.published.judge(answer)
        assert verdict.faults == (), verdict
        if answer.content_type == "application/json":
            self.objects.note(response.json())
        return response.status_code


def is_sent_whole(case: schemathesis.Case, sent: object) -> bool:
    """Whether every field of a form was sent: an empty list leaves no trace there, and its fault is gone with it."""
    if not isinstance(case.body, dict) or case.media_type != "multipart/form-data":
        return True
    return isinstance(sent, bytes) and all(f'name="{key}"'.encode() in sent for key in case.body)


@st.composite
def generable(draw: st.DrawFn, cases: st.SearchStrategy[schemathesis.Case]) -> schemathesis.Case:
    """The cases without those that schemathesis begins but can't bring to an end."""
    try:
        return draw(cases)
    except UnsupportedSchema:
        reject()
