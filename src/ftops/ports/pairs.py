"""Pairs of answers as people see them, and the choices that come back: what files of pairs hold."""

from dataclasses import dataclass

from ftops.errors import Problem
from ftops.evaluation.choices import Choice


@dataclass(frozen=True, kw_only=True, slots=True)
class BlindPair:
    """One pair without a word on which model is which."""

    id: str
    prompt: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeChoice:
    """What one person chose, and where it stands: ``file`` is as messages show it, ``line`` counts from 1."""

    pair: BlindPair
    choice: Choice
    annotator: str
    file: str
    line: int

    def wrong(self, expected: str, *, field: str = "", hint: str | None = None) -> Problem:
        """Gives a problem at this line."""
        return Problem(file=self.file, line=self.line, field=field, expected=expected, hint=hint)
