"""Backends that no fine-tune is trained on, and that baselines are called on: opened when the first call is due.

Owns that each is opened once, and the words where it can't be.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ftops.domain.manifest import Backend, BackendName
from ftops.ports import BackendSession

Reach = Callable[[BackendName], BackendSession | str]
"""Gives a session with a backend, or why there is none."""


def not_at_hand(_backend: BackendName) -> BackendSession | str:
    """Opens none."""
    return "not in this run"


def sessions_with(
    name: BackendName, sessions: Mapping[BackendName, BackendSession], reach: Reach
) -> tuple[Mapping[BackendName, BackendSession], str]:
    """Gives the sessions with that of one more backend; else these, and in words why there is none."""
    session = sessions.get(name) or reach(name)
    if isinstance(session, str):
        return sessions, f"backend {name} can't be called: {session}"
    return {**sessions, name: session}, ""


@dataclass(kw_only=True, slots=True)
class OtherBackends:
    """The backends of the project by name, and what opens one or says why it can't. Safe to use from several threads."""

    backends: Mapping[BackendName, Backend]
    open: Callable[[Backend], BackendSession | str]
    _opened: dict[BackendName, BackendSession | str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, name: BackendName) -> BackendSession | str:
        """Gives a session, or why there is none."""
        with self._lock:
            if name not in self._opened:
                backend = self.backends.get(name)
                self._opened[name] = self.open(backend) if backend is not None else "ftops.yaml has it no more"
            return self._opened[name]
