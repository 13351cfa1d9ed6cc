"""Reads the body of ``POST /v1/batches``.

Owns which parameters a batch may have. Whether the file exists is for the route to see; what stands in it is for the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ftops.server.arguments import Arguments, missing_parameter
from ftops.server.errors import unsupported_value
from ftops.server.jobs.request import read_metadata

ENDPOINT = "/v1/chat/completions"
# OpenAI's other endpoints of batches, from the SDK's types: known, but not carried out.
_UNSUPPORTED = (
    "/v1/completions", "/v1/embeddings", "/v1/images/edits", "/v1/images/generations", "/v1/moderations", "/v1/responses",
    "/v1/videos",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchRequest:
    """A request for a batch. ``output_seconds`` is how long the files of results will stay, None for ever."""

    input_file: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    output_seconds: int | None


def read_batch_request(arguments: Arguments) -> BatchRequest:
    """The request, checked."""
    input_file = arguments.take_required_text("input_file_id")
    arguments.take_required_text("endpoint")
    endpoint = arguments.take_choice("endpoint", (ENDPOINT, *_UNSUPPORTED)) or ENDPOINT
    if endpoint != ENDPOINT:
        raise unsupported_value("endpoint", f"is '{endpoint}': this server's batches have '{ENDPOINT}' alone.")
    arguments.take_required_text("completion_window")
    request = BatchRequest(
        input_file=input_file,
        endpoint=endpoint,
        completion_window=arguments.take_choice("completion_window", ("24h",)) or "24h",
        metadata=read_metadata(arguments),
        output_seconds=_output_seconds(arguments),
    )
    arguments.finish()
    return request


def _output_seconds(arguments: Arguments) -> int | None:
    section = arguments.take_section("output_expires_after")
    if section is None:
        return None
    section.take_required_text("anchor")
    section.take_choice("anchor", ("created_at",))
    seconds = section.take_whole("seconds", least=3_600, most=2_592_000)
    if seconds is None:
        raise missing_parameter(section.path("seconds"))
    section.finish()
    return seconds
