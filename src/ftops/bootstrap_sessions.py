"""Opens backends: the part of ``bootstrap`` that builds sessions."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from ftops.adapters.early_look import EarlyBackend, EarlyLook
from ftops.domain.desired import DesiredState
from ftops.domain.manifest import Backend, BackendName
from ftops.errors import MissingKey, UsageProblem
from ftops.ports import BackendSession

_OFFLINE: Final = "asked for with --offline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sessions:
    """Backends that can be called now, and why the others can't.

    ``open_left`` opens one that no manifest names any more, ``start`` an embedded one whose server does not run.
    """

    open: dict[BackendName, BackendSession]
    offline: Mapping[BackendName, str]
    open_left: Callable[[Backend], BackendSession | str]
    start: Callable[[Backend], BackendSession | str]


@contextmanager
def open_sessions(
    ftops_dir: Path,
    desired: DesiredState,
    *,
    is_offline: bool = False,
    may_start: bool = False,
    may_lack_keys: bool = False,
    confirm: Callable[[str], bool] | None = None,
    early: EarlyLook | None = None,
) -> Iterator[Sessions]:
    """Opens every backend that the fine-tunes use, and closes them at the end.

    ``may_start`` starts the embedded server, and makes a missing key an error; without it such a backend is offline,
    as it is with ``may_lack_keys`` where another one can be called.
    ``early`` is a look at one of them that has begun. Raises MissingKey, UsageProblem, BackendError.
    """
    opened: dict[BackendName, BackendSession] = {}
    backends = desired.backends if desired.fine_tunes else ()
    offline = {backend.name: _OFFLINE for backend in backends} if is_offline else {}
    missing: MissingKey | None = None
    with ExitStack() as stack:
        for backend in () if is_offline else backends:
            try:
                session = _open(ftops_dir, backend, may_start=may_start, confirm=confirm, early=early)
            except MissingKey as error:
                if may_start and not may_lack_keys:
                    raise
                offline[backend.name] = error.message
                missing = missing or error
                continue
            if session is None:
                continue  # no server runs, so no job does: the ledger knows all there is
            stack.callback(session.close)
            opened[backend.name] = session

        if missing is not None and may_start and not opened:
            raise missing

        def open_late(backend: Backend, *, may_start: bool) -> BackendSession | str:
            session = _OFFLINE if is_offline else _open_late(ftops_dir, backend, early, may_start=may_start)
            if not isinstance(session, str):
                stack.callback(session.close)
            return session

        open_left, start = (partial(open_late, may_start=may_start) for may_start in (False, True))
        yield Sessions(open=opened, offline=offline, open_left=open_left, start=start)


def open_session(ftops_dir: Path, backend: Backend) -> BackendSession:
    """Opens one backend, by itself; an embedded one's server is started. Raises MissingKey, UsageProblem, BackendError."""
    session = _open(ftops_dir, backend, may_start=True, confirm=None, early=None)
    if session is None:
        raise AssertionError(backend.name)  # None stands for a server that may not be started
    return session


def _open_late(ftops_dir: Path, backend: Backend, early: EarlyLook | None, *, may_start: bool) -> BackendSession | str:
    """Opens a backend in the middle of a run, or says why not; only an embedded one that was there before is started."""
    may_start = may_start and backend.is_rehearsal and (ftops_dir / "embedded").is_dir()
    try:
        # Nobody is asked whether it may be trusted: it was used before, or it is left alone.
        session = _open(ftops_dir, backend, may_start=may_start, confirm=None, early=early)
    except (MissingKey, UsageProblem) as error:
        return error.message
    return session or "its server does not run"


def _open(
    ftops_dir: Path,
    backend: Backend,
    *,
    may_start: bool,
    confirm: Callable[[str], bool] | None,
    early: EarlyLook | None,
) -> BackendSession | None:
    from ftops.adapters.backend_address import resolve_address
    from ftops.adapters.trusted_backends import TrustedBackends

    if backend.is_rehearsal:
        from ftops.adapters.embedded import EmbeddedBackend
        from ftops.adapters.embedded_server import EmbeddedServer

        server = EmbeddedServer(ftops_dir / "embedded")
        return EmbeddedBackend(server) if may_start or server.running() else None
    trusted = TrustedBackends(environ=os.environ, confirm=confirm)
    address = resolve_address(backend, environ=os.environ, trusted=trusted)
    if early is not None and early.question.address == address:
        return EarlyBackend(address, early)
    from ftops.adapters.openai_backend import OpenAIBackend

    return OpenAIBackend(address)
