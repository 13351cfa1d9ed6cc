"""Answers as classes: when two texts name the same one.

Owns the normal form by which they are compared, and what an answer is marked with.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from ftops.graders.marks import NO_CLASS, Scored
from ftops.graders.problems import Failure, FailureKind, GradingFailed

_LONGEST: Final = 200
_BETWEEN: Final = re.compile(r"[\s_\u2010-]+")  # NFKC has made the non-breaking hyphen U+2010
_AROUND: Final = " \"'`\u201c\u201d\u2018\u2019«»*.,:;!?()[]"


def normal_form(text: str) -> str:
    """Gives the form in which texts name the same class: compatibility characters made plain (NFKC), case folded, white space,
    ``_`` and hyphens made one blank, and quotes, brackets, ``*`` and the signs ``. , : ; ! ?`` around it dropped."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _BETWEEN.sub(" ", plain).strip(_AROUND)


def compare_classes(text: str, reference: str, labels: tuple[str, ...]) -> Scored:
    """Scores 1 where both name the same class; marks are classes as ``labels`` spells them, else in their normal form.

    Without labels the only class known is the reference's. Raises GradingFailed for a reference that is no class.
    """
    known = _by_form(labels)
    form = class_of(reference)
    if form is None:
        raise _no_class(f"the reference is no class: expected 1 to {_LONGEST} characters")
    if known and form not in known:
        raise _no_class("the reference is none of the labels")
    known = known or {form: form}
    said = normal_form(text) if len(text) <= 100 * _LONGEST else ""
    return Scored(score=1.0 if said == form else 0.0, mark=known.get(said, NO_CLASS), expected=known[form])


def class_of(reference: str) -> str | None:
    """Gives the class that a reference names, in its normal form; None where it is no class."""
    form = normal_form(reference)
    return form if 0 < len(form) <= _LONGEST else None


@lru_cache(maxsize=8)
def _by_form(labels: tuple[str, ...]) -> Mapping[str, str]:
    return {normal_form(label): label for label in labels}


def _no_class(message: str) -> GradingFailed:
    return GradingFailed(Failure(kind=FailureKind.VARIABLE, message=message))
