"""Which refusals each operation has, so that one in the wrong place is seen: a body too long for a GET, a conflict in a list.

The published document has none but 429 of chat. These are the ones that OpenAI's answers are known to have and that
docs/server.md tells of; the scenarios see to it that each of them really occurs.
"""

from collections.abc import Mapping

from document import SERVED

EXPLAINED: Mapping[int, str] = {
    400: "The request isn't valid.",
    401: "The key is missing or wrong.",
    403: "The key doesn't allow it.",
    404: "There is no such object.",
    409: "The object's state doesn't allow it.",
    413: "The body is too long.",
    429: "Too many requests.",
}
# Every operation demands a key, and takes no parameters that it doesn't know.
_ALWAYS = frozenset({400, 401})
# Beside those whose path names an object.
_NAME_OBJECTS_IN_BODIES = (
    "post /fine_tuning/jobs",
    "post /chat/completions",
    "post /fine_tuning/alpha/graders/run",
    "post /fine_tuning/alpha/graders/validate",
)
_HAVE_NO_BODY = ("/cancel", "/pause", "/resume")
_FURTHER: Mapping[str, frozenset[int]] = {
    "delete /models/{model}": frozenset({403}),  # a base model
    # One that has ended. Clients in public repositories catch ConflictError: "Cannot cancel a batch with status 'completed'."
    "post /batches/{batch_id}/cancel": frozenset({409}),
    "post /chat/completions": frozenset({429}),
}


def refusals_of(operation: str) -> frozenset[int]:
    """The statuses by which an operation may refuse; it is named as ``get /files``."""
    method, _, path = operation.partition(" ")
    found = _ALWAYS | _FURTHER.get(operation, frozenset())
    if "{" in path or operation in _NAME_OBJECTS_IN_BODIES:
        found |= {404}
    if method == "post" and not path.endswith(_HAVE_NO_BODY):
        found |= {413}
    return found


REFUSALS: Mapping[str, frozenset[int]] = {
    name: refusals_of(name) for name in (f"{method} {path}" for path, methods in SERVED.items() for method in methods)
}
