"""The inspections that every dataset passes. ``docs/data-checks.md`` says what each check means."""

from typing import Final

from ftops.datasets.inspections import Inspection

INSPECTIONS: Final[tuple[Inspection, ...]] = ()
