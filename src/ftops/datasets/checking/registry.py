"""The inspections that every dataset passes. ``docs/data-checks.md`` says what each check means."""

from typing import Final

from ftops.datasets.checking.answers import Deferrals, LowInformationAnswers
from ftops.datasets.checking.duplicates import DuplicateExamples
from ftops.datasets.checking.grounding import UngroundedArguments, UngroundedFacts
from ftops.datasets.checking.labels import LabelSpread
from ftops.datasets.checking.lengths import LengthPileUps, TruncatedExamples
from ftops.datasets.checking.near_duplicates import NearDuplicates
from ftops.datasets.checking.numbers import NumericAnswers
from ftops.datasets.checking.preference import IdenticalPairs, LengthBias, SwappedPairs
from ftops.datasets.checking.sensitive import SensitiveTexts
from ftops.datasets.checking.sizes import Sizes
from ftops.datasets.checking.tasks import Tasks
from ftops.datasets.inspections import Inspection

INSPECTIONS: Final[tuple[Inspection, ...]] = (
    Sizes(),
    DuplicateExamples(),
    NearDuplicates(),
    LabelSpread(),
    Tasks(),
    TruncatedExamples(),
    LengthPileUps(),
    Deferrals(),
    LowInformationAnswers(),
    NumericAnswers(),
    SensitiveTexts(),
    UngroundedArguments(),
    UngroundedFacts(),
    IdenticalPairs(),
    SwappedPairs(),
    LengthBias(),
)
