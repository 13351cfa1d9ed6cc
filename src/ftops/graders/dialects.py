"""The two dialects in which graders are declared: OpenAI's own, and that of evaluations.

Owns what differs: which types and variables there are, whether graders need names, and where a ``pass_threshold`` may stand.
Reading the fields that all graders have is here too.
"""

from dataclasses import dataclass
from typing import Final

from ftops.graders.fields import Fields
from ftops.graders.own_kinds import OWN_TYPES
from ftops.graders.variables import NAMESPACES, check_template

LONGEST_TEMPLATE: Final = 100_000
LONGEST_NAME: Final = 1_000
OPENAI_TYPES: Final = ("string_check", "text_similarity", "score_model", "label_model", "python")
ANSWER: Final = "{{sample.output_text}}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """``types`` are those of graders that may stand inside a multi, ``namespaces`` what templates may begin with.

    ``has_own_names``: each grader states its name. ``is_hosted``: OpenAI's servers know these fields, so that no grader names
    an ``embedding_model``, and thresholds inside a multi are left to whoever uses it.
    """

    types: tuple[str, ...]
    namespaces: frozenset[str]
    has_own_names: bool
    is_hosted: bool

    def template(self, fields: Fields, name: str, *, default: str | None = None) -> str:
        """Gives the template in a field; without a default it must be there. Raises GraderProblem."""
        if default is not None and fields.take(name) is None:
            return default
        text = fields.take_required_text(name, most=LONGEST_TEMPLATE, may_be_empty=True)
        check_template(text, at=fields.path(name), namespaces=self.namespaces)
        return text

    def name(self, fields: Fields, *, default: str) -> str:
        """Gives a grader's name, the default where it has none and needs none. Raises GraderProblem."""
        if not self.has_own_names and fields.take("name") is None:
            return default
        return fields.take_required_text("name", most=LONGEST_NAME)


OPENAI: Final = Dialect(types=OPENAI_TYPES, namespaces=NAMESPACES, has_own_names=True, is_hosted=True)
"""What jobs take, and OpenAI's routes for graders."""

EVALUATION: Final = Dialect(
    types=OPENAI_TYPES + OWN_TYPES,
    namespaces=NAMESPACES | {"reference", "reference_tools", "rejected", "rejected_tools"},
    has_own_names=False,
    is_hosted=False,
)
"""What a manifest's evaluations take."""
