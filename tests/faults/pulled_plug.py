"""A wire between client and server that does what wires do: it falls silent, is cut in the middle, or is torn out.

It knows of HTTP only where a request begins, and carries bytes; what servers answer wrongly is ``ftops serve --faults``'s.
"""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"(GET|POST|DELETE) (\S+) HTTP/1\.1\r\n")
_RESET = struct.pack("ii", 1, 0)


class Break(StrEnum):
    """How a wire breaks while a request is on it."""

    SILENT = "silent"  # the request never arrives, and nobody hangs up
    DEAF = "deaf"  # the request arrives, its answer never does, and nobody hangs up
    STALLED = "stalled"  # the answer's beginning arrives, and nobody hangs up
    CUT = "cut"  # the answer's beginning arrives, then the connection ends
    RESET = "reset"  # the connection is torn down under the request


@dataclass
class Wire:
    """``breaks`` says which requests, by method and path, meet what; each one once."""

    base_url: str
    target: str
    breaks: dict[str, Break] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)
    _sockets: list[socket.socket] = field(default_factory=list)

    def fault_of(self, data: bytes) -> Break | None:
        """Takes the break that a request meets which begins with ``data``; None where none does."""
        found = _REQUEST.match(data)
        if found is None:
            return None
        words = b" ".join(found.groups()).decode("ascii", "replace")
        wanted = next((request for request in self.breaks if re.fullmatch(request, words)), None)
        if wanted is None:
            return None
        self.struck.append(words)
        return self.breaks.pop(wanted)

    def carry(self, client: socket.socket) -> None:
        """Carries one connection, for as long as both ends hold; whatever happens, it is closed then."""
        address = urlsplit(self.target)
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection((address.hostname, address.port), timeout=60) as server,
        ):
            self._sockets += [client, server]
            self._carry_between(client, server)

    def _carry_between(self, client: socket.socket, server: socket.socket) -> None:
        is_met: list[Break] = []
        back = threading.Thread(target=_carry_back, args=(server, client, is_met), daemon=True)
        back.start()
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                if not is_met and (fault := self.fault_of(data)) is not None:
                    is_met.append(fault)
                if Break.RESET in is_met:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    break
                if Break.SILENT not in is_met:
                    server.sendall(data)
        _hang_up(client, server)
        back.join(60)

    def close(self) -> None:
        """Hangs up everywhere."""
        _hang_up(*self._sockets)


def _carry_back(server: socket.socket, client: socket.socket, is_met: list[Break]) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65536):
            if Break.DEAF in is_met:
                continue
            if Break.CUT in is_met or Break.STALLED in is_met:
                # The head promises more than comes.
                client.sendall(data[: data.find(b"\r\n\r\n") + 5])
                if Break.CUT in is_met:
                    break
                is_met.append(Break.DEAF)
                continue
            client.sendall(data)
        if {Break.DEAF, Break.STALLED}.isdisjoint(is_met):
            _hang_up(client, server)


def _hang_up(*sockets: socket.socket) -> None:
    for each in sockets:
        # Closing alone would not wake a thread that reads.
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextlib.contextmanager
def open_wire(target: str) -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        wire = Wire(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1", target=target)

        carrying: list[threading.Thread] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    carrying.append(threading.Thread(target=wire.carry, args=(client,), daemon=True))
                    carrying[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield wire
        finally:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            accepting.join(60)
            wire.close()
            for each in carrying:
                each.join(60)
