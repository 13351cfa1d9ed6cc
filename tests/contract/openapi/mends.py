"""The known faults of the published OpenAPI document, each mended by one function.

The first line of its docstring names the fault; a comment gives the evidence where the document itself doesn't. A function
changes the document in place and gives the number of places that it mended. Nothing is mended to suit this server: what is
its own (two answers that docs/server.md documents) is added at the end, apart.
"""

import copy
from collections.abc import Callable

from document import (
    SERVED,
    TOLD,
    Json,
    allow_null,
    error_answer,
    forget_unreached,
    merged,
    operations,
    reached,
    schemas,
    walk,
)
from refusals import EXPLAINED, REFUSALS


def keep_what_is_served(document: Json) -> int:
    """Everything but the routes of a fine-tuning server is left out."""
    before = len(document["paths"])
    document["paths"] = {
        path: {method: document["paths"][path][method] for method in methods} for path, methods in SERVED.items()
    }
    document["webhooks"] = {name: document["webhooks"][name] for name in TOLD}
    forget_unreached(document)
    return before - len(document["paths"])


def say_null_the_way_of_3_1(document: Json) -> int:
    """`nullable: true` is OpenAPI 3.0: 3.1 ignores it, and null is refused where it is allowed."""
    places = 0
    for schema in schemas(document):
        # The one place where it stands alone, as a member of allOf, means that the other member may be null.
        members = schema.get("allOf", ())
        if {"nullable": True} in members:
            rest = [each for each in members if each != {"nullable": True}]
            del schema["allOf"]
            schema["anyOf"] = [*rest, {"type": "null"}]
            places += 1
        if schema.pop("nullable", False) is True:
            allow_null(schema)
            places += 1
    return places


def say_exclusive_bounds_the_way_of_3_1(document: Json) -> int:
    """`exclusiveMinimum: true` is OpenAPI 3.0: read by 3.1 it is the number 1, and refuses 1.0 for a multiplier."""
    places = 0
    for schema in schemas(document):
        if schema.get("exclusiveMinimum") is True:
            schema["exclusiveMinimum"] = schema.pop("minimum")
            places += 1
    return places


def know_paused_jobs(document: Json) -> int:
    """A job's statuses lack `paused` and `pausing`, though the document's own example of a pause shows one."""
    document["components"]["schemas"]["FineTuningJob"]["properties"]["status"]["enum"] += ["paused", "pausing"]
    return 2


def allow_null_data_of_events(document: Json) -> int:
    """An event's `data` is null in the document's own examples, but not in its schema."""
    allow_null(document["components"]["schemas"]["FineTuningJobEvent"]["properties"]["data"])
    return 1


def allow_null_ends_of_lists(document: Json) -> int:
    """An empty list has null for `first_id` and `last_id`, which the lists of files and batches don't allow."""
    named = document["components"]["schemas"]
    ends = [named[name]["properties"][end] for name in _LISTS_WITH_ENDS for end in ("first_id", "last_id")]
    for end in ends:
        allow_null(end)
    return len(ends)


def allow_an_empty_error_of_jobs(document: Json) -> int:
    """A job that hasn't failed has `error` {} or with nulls, as the document's own examples do; its schema wants strings."""
    error = document["components"]["schemas"]["FineTuningJob"]["properties"]["error"]["anyOf"][0]
    del error["required"]
    for name in ("code", "message"):
        allow_null(error["properties"][name])
    return 3


def allow_null_hyperparameters_of_jobs(document: Json) -> int:
    """A job's `hyperparameters` are null for DPO, as in the document's own example; its schema wants an object."""
    allow_null(document["components"]["schemas"]["FineTuningJob"]["properties"]["hyperparameters"])
    return 1


def allow_null_fields_of_files(document: Json) -> int:
    """A file's `expires_at` and `status_details` are null where there is nothing to say."""
    # Answers printed in public repositories: "expires_at": null, "status": "processed", "status_details": null.
    properties = document["components"]["schemas"]["OpenAIFile"]["properties"]
    for name in ("expires_at", "status_details"):
        allow_null(properties[name])
    return 2


def know_files_for_evals(document: Json) -> int:
    """Files may be created for the purpose `evals`, which the schema of a file doesn't know."""
    document["components"]["schemas"]["OpenAIFile"]["properties"]["purpose"]["enum"].append("evals")
    return 1


def send_content_as_bytes(document: Json) -> int:
    """A file's content is described as a JSON string; what comes is the bytes themselves."""
    answer = document["paths"]["/files/{file_id}/content"]["get"]["responses"]["200"]
    answer["content"] = {"application/octet-stream": {"schema": {}}}
    return 1


def allow_null_fields_of_batches(document: Json) -> int:
    """A batch has null for what hasn't happened yet, as in the document's own examples; its schema doesn't allow it."""
    batch = document["components"]["schemas"]["Batch"]
    optional = [schema for name, schema in batch["properties"].items() if name not in batch["required"]]
    for schema in optional:
        allow_null(schema)
    return len(optional)


def give_multi_its_graders(document: Json) -> int:
    """`graders` of a multi grader is one grader in the schema; the guide has an object of them by name, examples a list."""
    properties = document["components"]["schemas"]["GraderMulti"]["properties"]
    one = {"oneOf": properties["graders"]["oneOf"]}
    properties["graders"] = {
        "anyOf": [{"type": "object", "additionalProperties": one}, {"type": "array", "items": one}]
    }
    return 1


def count_tokens_of_graders(document: Json) -> int:
    """A grader's `token_usage` is a number in the schema, and an object of counts in the document's own example."""
    metadata = document["components"]["schemas"]["RunGraderResponse"]["properties"]["metadata"]
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    metadata["properties"]["token_usage"]["anyOf"].append(counts)
    return 1


def allow_a_null_fingerprint(document: Json) -> int:
    """A completion's `system_fingerprint` is null in one of the document's own examples, but not in its schema."""
    allow_null(document["components"]["schemas"]["CreateChatCompletionResponse"]["properties"]["system_fingerprint"])
    return 1


def bound_the_range_of_scores(document: Json) -> int:
    """A score model's range has two numbers, said with `min_items` of a number, which means nothing."""
    numbers = document["components"]["schemas"]["GraderScoreModel"]["properties"]["range"]
    numbers["minItems"], numbers["maxItems"] = numbers["items"].pop("min_items"), numbers["items"].pop("max_items")
    return 2


def bound_seeds_by_64_bits(document: Json) -> int:
    """The bounds of a chat's `seed` went through doubles and lie beyond the 64-bit integers that they mean."""
    seed = document["components"]["schemas"]["CreateChatCompletionRequest"]["allOf"][1]["properties"]["seed"]
    seed["minimum"], seed["maximum"] = -(2**63), 2**63 - 1
    return 2


def flatten_forms(document: Json) -> int:
    """A form has no nested objects: clients send `expires_after[anchor]` and `expires_after[seconds]`."""
    named = document["components"]["schemas"]
    properties = named["CreateFileRequest"]["properties"]
    del properties["expires_after"]
    for name, schema in named["FileExpirationAfter"]["properties"].items():
        properties[f"expires_after[{name}]"] = copy.deepcopy(schema)
    return 1


def refuse_unknown_arguments(document: Json) -> int:
    """Requests are open to any argument in the schemas; OpenAI answers "Unrecognized request argument supplied"."""
    named = document["components"]["schemas"]
    named["CreateChatCompletionRequest"] = merged(document, named["CreateChatCompletionRequest"])
    forget_unreached(document)
    every = list(operations(document))
    requests = [operation["requestBody"] for operation in every if "requestBody" in operation]
    # What answers show too stays open: their unknown fields are reported, not refused.
    shown = reached(document, [operation["responses"] for operation in every])
    places = 0
    for schema in walk([*requests, *(named[name] for name in reached(document, requests) - shown)]):
        is_object = schema.get("type") == "object" and isinstance(schema.get("properties"), dict)
        if is_object and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
            places += 1
    return places


def document_refusals(document: Json) -> int:
    """No refusal is documented but 429, and that for chat only; OpenAI answers more, all in one envelope."""
    places = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status in sorted(REFUSALS[f"{method} {path}"]):
                if str(status) not in operation["responses"]:
                    operation["responses"][str(status)] = error_answer(EXPLAINED[status])
                    places += 1
    return places


def document_answers_of_our_own(document: Json) -> int:
    """This server alone: 500 `damaged_content` and 507 `disk_full`, as docs/server.md tells; a bare 500 stays a fault."""
    places = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path in _READ_CONTENT:
                answer = error_answer("Content that was stored is damaged.", code="damaged_content")
                operation["responses"]["500"] = answer
                places += 1
            if method != "get":
                operation["responses"]["507"] = error_answer("The disk is full.", code="disk_full")
                places += 1
    return places


# In this order: what isn't served needs no mending.
MENDS: tuple[Callable[[Json], int], ...] = (
    keep_what_is_served,
    say_null_the_way_of_3_1,
    say_exclusive_bounds_the_way_of_3_1,
    know_paused_jobs,
    allow_null_data_of_events,
    allow_null_ends_of_lists,
    allow_an_empty_error_of_jobs,
    allow_null_hyperparameters_of_jobs,
    allow_null_fields_of_files,
    know_files_for_evals,
    send_content_as_bytes,
    allow_null_fields_of_batches,
    give_multi_its_graders,
    count_tokens_of_graders,
    allow_a_null_fingerprint,
    bound_the_range_of_scores,
    bound_seeds_by_64_bits,
    flatten_forms,
    refuse_unknown_arguments,
    document_refusals,
    document_answers_of_our_own,
)
_LISTS_WITH_ENDS = ("ListFilesResponse", "ListBatchesResponse")
_READ_CONTENT = (
    "/files/{file_id}/content",
    "/uploads/{upload_id}/complete",
    "/chat/completions",
    "/fine_tuning/alpha/graders/run",
)
