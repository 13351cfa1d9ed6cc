"""Problems of one document, collected while it is checked.

Owns turning a JSON pointer into line and column.
"""

from dataclasses import dataclass, field

from ftops.adapters.yaml_nodes import YamlDocument
from ftops.domain.foreign_text import visible
from ftops.errors import Problem


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is wrong with ``document`` of ``file``; ``add`` puts another problem in."""

    file: str
    document: YamlDocument
    problems: list[Problem] = field(default_factory=list)

    def add(self, pointer: str, expected: str, hint: str | None = None) -> None:
        """Records a problem of the value at ``pointer``, or of the nearest value around it."""
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
