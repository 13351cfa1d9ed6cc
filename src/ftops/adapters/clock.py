"""The machine's clock."""

import threading
import time
from datetime import UTC, datetime


class SystemClock:
    """Implements ``ports.Clock``. ``sleep`` returns early once ``stop`` is set."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now(self) -> datetime:
        """Gives the wall-clock time in UTC, without fractions: that is how the ledger writes it."""
        return datetime.now(UTC).replace(microsecond=0)

    def monotonic(self) -> float:
        """Gives seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits; returns early once the run is interrupted."""
        self._stop.wait(max(0.0, seconds))
