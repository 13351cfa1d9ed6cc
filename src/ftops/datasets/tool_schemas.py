"""The JSON schemas of tools' parameters: what is wrong with one, and what is wrong with arguments beside it.

Schemas that unfold to too many parts, and arguments that nest too deep for one that refers to itself, are not compared (see
``schema_unfolding``). Nothing is ever fetched.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ftops.datasets.excerpts import masked_value, masked_words
from ftops.datasets.findings import Found
from ftops.domain.foreign_text import visible
from ftops.graders.schema_unfolding import DEEPEST, MOST_PARTS, MOST_STEPS, Unfolding, depth_of, most_steps

if TYPE_CHECKING:
    import jsonschema_rs

_MOST_EXPLAINED: Final = 10_000  # what is wrong takes much longer to gather than that something is
_SAID: Final = 100
_ELSEWHERE: Final = re.compile(" is not present in a registry.*")
_NOT_COMPARED: Final = "arguments are not compared with these"


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSchema:
    """What the arguments of one tool must be. ``parts`` is how many schemas it unfolds to where a reference that leads back
    to what it stands in ends; there are ``loops`` of these."""

    validator: "jsonschema_rs.Validator"
    parts: int
    loops: int

    def faults(self, arguments: Mapping[str, Any]) -> Iterator[str]:
        """Gives what is wrong with arguments, in words that quote none of their values."""
        steps = most_steps(self.parts, self.loops, arguments)
        if steps > MOST_STEPS:
            yield "they nest too deep to be compared with parameters that refer to themselves"
        elif self.validator.is_valid(arguments):
            return
        elif steps > _MOST_EXPLAINED:
            yield "too many ways to read them to tell why"
        else:
            for error in self.validator.iter_errors(arguments):
                path = "".join(f"/{step}" for step in error.instance_path)
                yield _cut(f"{path}: {error.message}" if path else error.message)


def tool_schema(parameters: Any) -> tuple[ToolSchema | None, Found | None]:
    """Gives the schema that a tool has as parameters, None where nothing is compared with it, and what is to be said of it."""
    if parameters is None:
        return None, None
    if not isinstance(parameters, dict):
        return None, Found(code="D040", says=f"expected a JSON schema, got {masked_value(parameters)}")
    unfolded = Unfolding(parameters)
    if unfolded.parts > MOST_PARTS and depth_of(parameters) <= DEEPEST:
        says = f"expected parameters of at most {MOST_PARTS:,} parts, got more once references are followed"
        return None, Found(code="D047", says=says, hint=_NOT_COMPARED)
    import jsonschema_rs

    try:
        # No message quotes what a row says.
        validator = jsonschema_rs.validator_for(parameters, mask="the value", retriever=_refuse)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        says = str(getattr(error, "message", error)).partition("\n")[0]
        says = _ELSEWHERE.sub(" is of another place, and not fetched", says)
        at = masked_words("".join(f"/{step}" for step in getattr(error, "instance_path", ())))
        return None, Found(code="D040", field=at, says=f"expected a JSON schema: {_cut(says)}")
    if not unfolded.is_known:
        says = "expected references within parameters as pointers, as #/$defs/name, got others"
        return None, Found(code="D047", says=says, hint=_NOT_COMPARED)
    return ToolSchema(validator=validator, parts=unfolded.parts, loops=unfolded.loops), None


def _refuse(uri: str) -> Any:
    raise ValueError(f"schemas of other places are not fetched: {uri}")


def _cut(text: str) -> str:
    words = masked_words(text)
    return visible(words if len(words) <= _SAID else words[: _SAID - 1] + "…")
