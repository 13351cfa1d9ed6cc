"""The OpenAPI document as data: what of it is looked at, and how to walk through it and change it in place."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Json = dict[str, Any]

# What a fine-tuning server serves. Stored chat completions and checkpoint permissions are other products.
SERVED: Mapping[str, tuple[str, ...]] = {
    "/files": ("get", "post"),
    "/files/{file_id}": ("get", "delete"),
    "/files/{file_id}/content": ("get",),
    "/uploads": ("post",),
    "/uploads/{upload_id}/parts": ("post",),
    "/uploads/{upload_id}/complete": ("post",),
    "/uploads/{upload_id}/cancel": ("post",),
    "/fine_tuning/jobs": ("get", "post"),
    "/fine_tuning/jobs/{fine_tuning_job_id}": ("get",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/cancel": ("post",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/pause": ("post",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/resume": ("post",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/events": ("get",),
    "/fine_tuning/jobs/{fine_tuning_job_id}/checkpoints": ("get",),
    "/fine_tuning/alpha/graders/run": ("post",),
    "/fine_tuning/alpha/graders/validate": ("post",),
    "/models": ("get",),
    "/models/{model}": ("get", "delete"),
    "/chat/completions": ("post",),
    "/batches": ("get", "post"),
    "/batches/{batch_id}": ("get",),
    "/batches/{batch_id}/cancel": ("post",),
}
# What it tells webhooks of, as the document names it.
TOLD = (
    "fine_tuning_job_succeeded",
    "fine_tuning_job_failed",
    "fine_tuning_job_cancelled",
    "batch_completed",
    "batch_failed",
    "batch_expired",
    "batch_cancelled",
)
_SCHEMAS = "#/components/schemas/"


def operations(document: Json) -> Iterator[Json]:
    """Every operation of every path."""
    for path in document["paths"].values():
        yield from path.values()


def schemas(document: Json) -> Iterator[Json]:
    """Every schema, wherever it stands, among other objects."""
    return walk([document["paths"], document["components"]])


def walk(roots: Iterable[Any]) -> Iterator[Json]:
    """Every object in these parts; one that isn't a schema has none of the keys that mends look for."""
    waiting: list[Any] = list(roots)
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
        waiting.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def forget_unreached(document: Json) -> None:
    """Drops the schemas that nothing refers to."""
    roots = [*document["paths"].values(), *document["webhooks"].values(), {"$ref": f"{_SCHEMAS}ErrorResponse"}]
    named = document["components"]["schemas"]
    document["components"]["schemas"] = {name: named[name] for name in sorted(reached(document, roots))}


def reached(document: Json, roots: Iterable[Any]) -> frozenset[str]:
    """The names of the schemas that these parts of the document refer to, directly or by others."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str):
                kind, name = target.split("/")[-2:]
                if kind != "schemas" or name not in found:
                    waiting.append(document["components"][kind][name])
                if kind == "schemas":
                    found.add(name)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return frozenset(found)


def merged(document: Json, schema: Json) -> Json:
    """One object for objects that are tied together by allOf, directly or by references."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    members = [merged(document, each) for each in schema.get("allOf", ())]
    properties = {name: each for member in (*members, schema) for name, each in member.get("properties", {}).items()}
    required = [name for member in (*members, schema) for name in member.get("required", ())]
    return {"type": "object", "properties": properties, "required": required}


def allow_null(schema: Json) -> None:
    """Changes the schema in place, so that null fits it too."""
    if isinstance(schema.get("type"), str) and "$ref" not in schema and "oneOf" not in schema:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
        return
    inner = {key: schema.pop(key) for key in list(schema) if key not in ("description", "default")}
    schema["anyOf"] = [inner, {"type": "null"}]


def error_answer(explanation: str, *, code: str | None = None) -> Json:
    """The envelope; with one code only, if it is given."""
    schema: Json = {"$ref": f"{_SCHEMAS}ErrorResponse"}
    if code is not None:
        schema = {"allOf": [schema, {"properties": {"error": {"properties": {"code": {"const": code}}}}}]}
    return {"description": explanation, "content": {"application/json": {"schema": schema}}}
