"""The mends: each finds its fault, and afterwards the document contradicts neither itself nor its own examples."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conformance import Published
from document import SERVED, Json
from jsonschema import Draft202012Validator
from mend import mend, read_published
from mends import MENDS, keep_what_is_served

from shared_data import missing, shared_path

PATH = shared_path("reference/openai-openapi.json.gz")
pytestmark = pytest.mark.skipif(not PATH.is_file(), reason=missing(PATH))


@pytest.fixture(scope="module")
def published() -> Json:
    return read_published(PATH)


def test_every_mend_finds_its_fault(published: Json) -> None:
    before = json.dumps(published)
    _, done = mend(published)
    assert len(done) == len(MENDS)
    assert [each.fault for each in done if each.places == 0] == []
    assert json.dumps(published) == before


def test_the_mended_document_is_valid_and_whole(published: Json) -> None:
    document, _ = mend(published)
    assert document["paths"].keys() == SERVED.keys()
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    text = json.dumps(document)
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) == schemas.keys()
    assert "nullable" not in text


def test_the_documents_own_examples_fit_when_mended(published: Json) -> None:
    mended, _ = mend(published)
    examples = list(examples_of(published))
    assert len(examples) > 25
    assert list(contradictions(mended, examples)) == []


def test_they_did_not_fit_before(published: Json) -> None:
    unmended = json.loads(json.dumps(published))
    keep_what_is_served(unmended)
    found = "\n".join(contradictions(unmended, list(examples_of(published))))
    assert "$.status: 'paused' is not one of" in found
    assert "$.hyperparameters: None is not of type 'object'" in found
    assert "$.data[1].data: None is not of type 'object'" in found
    assert "$.error.code: None is not of type 'string'" in found
    assert "learning_rate_multiplier: 1.0 is less than or equal to the minimum of True" in found


def examples_of(document: Json) -> Iterator[tuple[Json, str, Any]]:
    """The answers that the document shows: schema, name, value. Those that aren't JSON, cut or mistyped, are left out."""
    for path, methods in SERVED.items():
        for method in methods:
            operation = document["paths"][path][method]
            shown = operation.get("x-oaiMeta", {}).get("examples") or ()
            schema = operation["responses"]["200"]["content"].get("application/json", {}).get("schema")
            for example in shown if isinstance(shown, list) else [shown]:
                value = parsed(example.get("response"))
                if value is not None and value.get("object") != "chat.completion.chunk":
                    yield schema, f"{method} {path}", value


def parsed(text: object) -> Any:
    try:
        # A comma after the last member is the most frequent slip.
        return json.loads(re.sub(r",(\s*[}\]])", r"\1", str(text)))
    except ValueError:
        return None


def contradictions(document: Json, examples: list[tuple[Json, str, Any]]) -> Iterator[str]:
    """What examples say against the schemas. They leave out fields at will, which isn't held against them."""
    text = re.sub(r'"required": \[[^\[\]]*\], |, "required": \[[^\[\]]*\]', "", json.dumps(document))
    lenient = Published(json.loads(text))
    for schema, name, value in examples:
        fault = lenient.fault_of(value, schema)
        if fault is not None:
            yield f"{name}: {fault}"
