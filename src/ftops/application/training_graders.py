"""The graders of a fine-tune's evaluations, asked of what it is trained on.

Owns which of them are asked. What they make of an answer, ``datasets.checking.graded`` decides.
"""

from collections.abc import Iterable, Iterator

from ftops.datasets.checking.graded import GradedAnswers, why_not_asked
from ftops.datasets.inspections import Inspection
from ftops.domain.manifest import FineTune


def graders_of(fine_tune: FineTune) -> tuple[Inspection, ...]:
    """Gives what asks the graders of a fine-tune's evaluations of its training answers, as far as they can be asked."""
    return tuple(
        GradedAnswers(declared=spec.grader, name=spec.name)
        for spec in fine_tune.evals
        if why_not_asked(spec.grader) is None
    )


def unasked_graders(fine_tunes: Iterable[FineTune]) -> Iterator[str]:
    """Gives each grader that can't be asked of training answers, with the reason."""
    for one in fine_tunes:
        if not one.evals:
            yield f"{one.name}: it has no evaluations"
        for spec in one.evals:
            if (why := why_not_asked(spec.grader)) is not None:
                yield f"{one.name}, {spec.name}: {why}"
