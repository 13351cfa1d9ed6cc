"""The checks of a dataset: a stable code, a name and a level for each.

Owns the table, and what a manifest may change of it. A code is never given to another check, nor used again once its check is
gone. ``docs/data-checks.md`` has the exact definition of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """How bad a finding is. An error keeps a dataset from being used; the others are for people."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


class Setting(StrEnum):
    """What ``dataset.checks`` may say of a check."""

    OFF = "off"
    ADVICE = "advice"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check. ``is_format`` tells the checks that a backend would refuse the file for: these can't be switched off."""

    code: str
    name: str
    level: Level
    is_format: bool = False


def _format(code: str, name: str) -> Check:
    return Check(code=code, name=name, level=Level.ERROR, is_format=True)


def _warning(code: str, name: str) -> Check:
    return Check(code=code, name=name, level=Level.WARNING)


def _advice(code: str, name: str) -> Check:
    return Check(code=code, name=name, level=Level.ADVICE)


_ALL: Final = (
    # The file and its lines.
    _format("D001", "unreadable-file"),
    _format("D002", "empty-file"),
    _format("D003", "lfs-pointer"),
    _format("D004", "compressed-file"),
    _format("D005", "not-utf-8"),
    _format("D006", "byte-order-mark"),
    _format("D007", "blank-line"),
    _format("D008", "invalid-json"),
    _format("D009", "truncated-line"),
    _format("D010", "line-too-long"),
    _format("D011", "not-an-object"),
    _format("D012", "lone-surrogate"),
    _format("D013", "nested-too-deep"),
    _format("D014", "file-too-large"),
    # The shape of a row.
    _format("D020", "wrong-format"),
    _format("D021", "legacy-format"),
    _format("D022", "unknown-message-key"),
    _advice("D023", "unknown-row-key"),
    _format("D024", "wrong-type"),
    _format("D025", "unknown-role"),
    _format("D026", "no-messages"),
    _format("D027", "wrong-last-message"),
    _format("D028", "nothing-to-train-on"),
    _format("D029", "wrong-weight"),
    _format("D030", "wrong-content"),
    _format("D031", "wrong-image"),
    _format("D032", "misplaced-key"),
    _format("D033", "wrong-preference-output"),
    _format("D034", "missing-item-field"),
    # Tools and their calls.
    _format("D040", "wrong-tool"),
    _format("D041", "duplicate-tool"),
    _format("D042", "wrong-tool-call"),
    _format("D043", "arguments-not-json"),
    _format("D044", "arguments-encoded-twice"),
    _format("D045", "arguments-not-an-object"),
    _format("D046", "undeclared-tool"),
    _warning("D047", "arguments-against-schema"),
    _format("D048", "result-without-call"),
    _warning("D049", "call-without-result"),
    _format("D050", "duplicate-call-id"),
    _warning("D051", "call-without-tools"),
    # How many.
    _format("D060", "too-few-rows"),
    _warning("D061", "few-rows"),
    _advice("D062", "rather-few-rows"),
    # The same again, and contradictions.
    _warning("D101", "duplicate-example"),
    _warning("D102", "near-duplicate-example"),
    _warning("D103", "contradicting-answers"),
    _warning("D104", "leaked-example"),
    _warning("D105", "nearly-leaked-example"),
    # What is taught.
    _warning("D110", "unbalanced-labels"),
    _advice("D111", "rare-label"),
    _warning("D112", "several-tasks"),
    _warning("D113", "prompt-mismatch"),
    _warning("D114", "tools-mismatch"),
    _warning("D115", "untrained-label"),
    # Lengths.
    _warning("D120", "truncated-example"),
    _advice("D121", "length-pile-up"),
    # Answers.
    _advice("D130", "deferral"),
    _advice("D131", "low-information-answer"),
    _advice("D132", "round-number-pile-up"),
    _advice("D133", "numeric-outlier"),
    _advice("D134", "ungrounded-argument"),
    _advice("D135", "ungrounded-fact"),
    # Personal data and secrets.
    _warning("D140", "personal-data"),
    _warning("D141", "secret"),
    # Preference pairs.
    _warning("D150", "identical-pair"),
    _warning("D151", "swapped-pair"),
    _warning("D152", "length-bias"),
    # Graders over training answers.
    _warning("D160", "graded-wrong"),
)

CHECKS: Final[Mapping[str, Check]] = {check.code: check for check in _ALL}


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckSettings:
    """What a manifest changes: a setting for some codes. Checks of the format keep their level whatever is said."""

    changed: Mapping[str, Setting] = field(default_factory=dict)

    def level_of(self, check: Check) -> Level | None:
        """Gives the level of a check's findings, None where it is switched off."""
        setting = self.changed.get(check.code)
        if setting is None or check.is_format:
            return check.level
        return None if setting is Setting.OFF else Level(setting.value)
