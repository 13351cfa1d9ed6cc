"""Grades many answers, several at a time where graders have to ask somebody.

Owns that order only: graders themselves are ``ftops.graders``'s.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ftops.errors import Interrupted
from ftops.evaluation.graders import grade
from ftops.ports import BackendSession, OutputStore

if TYPE_CHECKING:
    from ftops.graders.grading import Grade
    from ftops.graders.kinds import Grader
    from ftops.graders.programs import RunProgram
    from ftops.graders.similarity import Embed


def grade_all(
    work: "Iterable[tuple[str, Grader, Mapping[str, Any]]]",
    *,
    session: BackendSession | None,
    outputs: OutputStore,
    programs: "RunProgram | None" = None,
    embed: "Embed | None" = None,
    stop: threading.Event | None = None,
    progress: Callable[[int], None] | None = None,
) -> "dict[str, Grade]":
    """Grades each (key, grader, context) and gives the grades by key.

    ``session`` is where judges are asked, None where nobody can be; what they answer is kept in ``outputs``, so that nobody is
    asked twice. ``progress`` hears how many are graded. Raises Interrupted when ``stop`` is set.
    """
    del session, outputs
    grades: dict[str, Grade] = {}
    for key, grader, context in work:
        if stop is not None and stop.is_set():
            raise Interrupted("interrupted; what was graded so far is kept")
        grades[key] = grade(grader, context, embed=embed, run_program=programs)
        if progress is not None:
            progress(len(grades))
    return grades
