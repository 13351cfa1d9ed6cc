"""Problems of one document, collected while it is checked.

Owns turning a JSON pointer into line and column.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ftops.adapters.yaml_documents import YamlDocument
from ftops.domain.foreign_text import visible
from ftops.errors import Problem


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is wrong with ``document`` of ``file``; ``add`` puts another problem in.

    ``said`` are the pointers, as messages show them, that the schema or YAML has something against: a rule about the very
    same value would only say it a second time, so it is not recorded.
    """

    file: str
    document: YamlDocument
    said: frozenset[str] = frozenset()
    problems: list[Problem] = field(default_factory=list)

    def add(self, pointer: str, expected: str, hint: str | None = None) -> None:
        """Records a problem of the value at ``pointer``, or of the nearest value around it."""
        if visible(pointer) in self.said:
            return
        place = self.document.at(pointer)
        self.problems.append(
            Problem(
                file=self.file,
                line=place.line,
                column=place.column,
                field=visible(pointer),
                expected=expected,
                hint=hint,
            )
        )

    def is_sound(self, pointer: str) -> bool:
        """Whether neither the schema nor YAML has anything against the value at ``pointer`` or anything in it."""
        shown = visible(pointer)
        return not any(one == shown or one.startswith(f"{shown}/") for one in self.said)

    def has_any(self, pointer: str) -> bool:
        """Whether a problem was recorded of the value at ``pointer`` or of anything in it."""
        shown = visible(pointer)
        return any(one.field == shown or one.field.startswith(f"{shown}/") for one in self.problems)


def findings_of(document: YamlDocument, file: str, wrong: Iterable[Problem]) -> Findings:
    """Gives findings about ``document`` where ``wrong`` is what the schema has against it."""
    broken = (visible(pointer) for pointer in document.broken)
    return Findings(file=file, document=document, said=frozenset((*(problem.field for problem in wrong), *broken)))
