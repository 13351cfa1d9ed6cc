"""``ftops`` as it would run later: its clock is ahead by the seconds in ``LATER_SECONDS``. Started as a process of its own."""

import os
from datetime import datetime, timedelta

from ftops.adapters.clock import SystemClock
from ftops.cli.main import main

_now = SystemClock.now


def _later(clock: SystemClock) -> datetime:
    return _now(clock) + timedelta(seconds=float(os.environ["LATER_SECONDS"]))


if __name__ == "__main__":
    SystemClock.now = _later  # type: ignore[method-assign]
    main()
