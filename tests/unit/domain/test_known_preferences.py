"""Preferences in the ledger: what counts, and what was said of answers that are no longer the recorded ones."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from ftops.domain.preferences import Pair, PairItem, PreferenceRecord, is_between, known_preferences, with_preferences
from ftops.domain.scores import EvaluationRecord

AT = datetime(2026, 11, 21, tzinfo=UTC)
SHA, OTHER = "a" * 64, "b" * 64
ROW, SECOND = "0" * 16, "1" * 16
OURS, THEIRS, CHANGED = "c" * 16, "d" * 16, "e" * 16


def scored(model: str, **changes: Any) -> EvaluationRecord:
    values: dict[str, Any] = {"name": "tone", "digest": SHA, "sent": SHA, "grader": SHA, "backend": "lab", "at": AT}
    return EvaluationRecord(**{**values, "model": model, **changes})


def said(*items: PairItem, **changes: Any) -> PreferenceRecord:
    ours = {"candidate": "ft:1", "backend": "lab", "sent": SHA}
    theirs = {"baseline": "base", "baseline_backend": "lab", "baseline_sent": SHA}
    return PreferenceRecord(**{"name": "tone", "digest": SHA, **ours, **theirs, "at": AT, "items": items, **changes})


def item(win: float | None = 1.0, **changes: Any) -> PairItem:
    values: dict[str, Any] = {"row": ROW, "repeat": 0, "candidate": OURS, "baseline": THEIRS, "win": win}
    return PairItem(**{**values, **changes})


PAIR = Pair(row=ROW, repeat=0, candidate=OURS, baseline=THEIRS)
CANDIDATE, BASELINE = scored("ft:1"), scored("base")


def test_what_was_said_of_the_recorded_answers_counts() -> None:
    known = known_preferences((said(item(0.0)),), CANDIDATE, BASELINE, (PAIR,), grader=None)
    assert known.items == {PAIR: item(0.0)}
    assert (known.stale, len(known.records)) == (0, 1)


def test_the_newest_word_counts_under_whichever_evaluation() -> None:
    records = (said(item(0.0)), said(item(1.0), digest=OTHER))
    assert known_preferences(records, CANDIDATE, BASELINE, (PAIR,), grader=None).items[PAIR].win == 1.0


def test_what_was_said_of_other_answers_does_not_count_and_is_told() -> None:
    elsewhere = item(row=SECOND)
    known = known_preferences((said(item(candidate=CHANGED), elsewhere),), CANDIDATE, BASELINE, (PAIR,), grader=None)
    assert (known.items, known.stale) == ({}, 1), "a row that is not wanted at all is not counted as stale"
    both = known_preferences((said(item(candidate=CHANGED), item()),), CANDIDATE, BASELINE, (PAIR,), grader=None)
    assert (set(both.items), both.stale) == ({PAIR}, 0)


def test_a_judge_and_people_are_told_apart() -> None:
    records = (said(item(1.0)), said(item(0.0), grader=OTHER))
    assert known_preferences(records, CANDIDATE, BASELINE, (PAIR,), grader=OTHER).items[PAIR].win == 0.0
    assert known_preferences(records, CANDIDATE, BASELINE, (PAIR,), grader=SHA).records == ()


def test_only_the_same_two_models_asked_in_the_same_way() -> None:
    assert is_between(said(), CANDIDATE, BASELINE)
    for changes in ({"model": "ft:2"}, {"backend": "gpu"}, {"sent": OTHER}):
        assert not is_between(said(), msgspec.structs.replace(CANDIDATE, **changes), BASELINE)
        assert not is_between(said(), CANDIDATE, msgspec.structs.replace(BASELINE, **changes))


def test_a_later_record_takes_the_place_of_one_about_the_same() -> None:
    first, judged, later = said(), said(grader=SHA), said(item())
    assert with_preferences((first, judged), later) == (judged, later)


def test_answers_may_be_the_very_same() -> None:
    assert not PAIR.is_same
    assert Pair(row=ROW, repeat=0, candidate=OURS, baseline=OURS).is_same
