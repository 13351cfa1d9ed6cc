"""A record as it will be once events are recorded."""

from datetime import UTC, datetime

import pytest

from ftops.domain.events import EventRefused, Protected
from ftops.domain.manifest import FineTuneName
from ftops.domain.records import FineTuneRecord
from ftops.domain.replay import record_after

AT = datetime(2026, 11, 21, tzinfo=UTC)
RECORD = FineTuneRecord(format_version="1", name="router")


def test_events_follow_one_another() -> None:
    events = [Protected(at=AT, fine_tune=FineTuneName("router"), is_protected=flag) for flag in (False, True)]
    assert record_after(RECORD, events).is_protected
    assert record_after(RECORD, ()) is RECORD


def test_what_is_about_another_fine_tune_cannot_follow() -> None:
    with pytest.raises(EventRefused):
        record_after(RECORD, [Protected(at=AT, fine_tune=FineTuneName("other"), is_protected=True)])
