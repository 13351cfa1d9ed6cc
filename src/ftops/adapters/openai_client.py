"""The ``openai`` SDK's clients for one address: which calls they repeat, how long they wait, what their errors mean.

Owns the clients and their transport: one whose calls are repeated, one whose calls never are, and one for conversations. What
is sent over them is ``openai_backend``'s and ``openai_chat``'s. No other module imports the SDK.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import openai

from ftops.adapters import backend_failures
from ftops.adapters import openai_records as records
from ftops.adapters.backend_address import Address
from ftops.adapters.backend_timing import Timing

# The SDK shows its HTTP library's class through this value only.
_Limits: Final = type(openai.DEFAULT_CONNECTION_LIMITS)
# As many as there may be workers: a claim runs out while its POST waits for a connection.
_CREATIONS: Final = 64


class Clients:
    """Clients for calls that are repeated (``repeated``), and for those that never are (``once``)."""

    def __init__(self, address: Address, timing: Timing) -> None:
        self.address = address
        self._timing = timing
        self.repeated = self._client(openai.DefaultHttpxClient(**_transport(address)), retries=timing.retries)
        self._once: openai.OpenAI | None = None
        self._opening = threading.Lock()

    def once(self) -> openai.OpenAI:
        """Gives the client that sends each call exactly once."""
        with self._opening:
            if self._once is None:
                # No connection is kept: the server might hang up just when it is used again, and nobody could tell
                # whether the POST arrived.
                http = openai.DefaultHttpxClient(**_transport(self.address, connections=_CREATIONS, kept=0))
                connect, send = self._timing.connect, self._timing.send
                timeout = openai.Timeout(self._timing.create, connect=connect, pool=connect, write=send)
                self._once = self._client(http, retries=0).with_options(max_retries=0, timeout=timeout)
            return self._once

    def close(self) -> None:
        """Gives back connections."""
        self.repeated.close()
        if self._once is not None:
            self._once.close()

    def _client(self, http: Any, *, retries: int) -> openai.OpenAI:
        return openai.OpenAI(
            api_key=self.address.key,
            admin_api_key="",
            base_url=self.address.base_url,
            default_headers=_headers(self.address),
            http_client=http,
            timeout=openai.Timeout(self._timing.read, connect=self._timing.connect),
            max_retries=retries,
        )

    @contextmanager
    def translated(self, *, has_effect: bool = False) -> Iterator[None]:
        """Turns the SDK's errors into ours; ``has_effect``: the call may have changed something."""
        with translated(self.address, has_effect=has_effect):
            yield


def open_conversations(address: Address, timing: Timing, *, connections: int) -> openai.AsyncOpenAI:
    """Gives a client for up to so many conversations at a time over kept connections; it repeats none of them."""
    transport = _transport(address, connections=2 * connections, kept=connections)
    return openai.AsyncOpenAI(
        api_key=address.key,
        admin_api_key="",
        base_url=address.base_url,
        default_headers=_headers(address),
        http_client=openai.DefaultAsyncHttpxClient(**transport),
        timeout=openai.Timeout(timing.chat, connect=timing.connect),
        max_retries=0,
    )


@contextmanager
def translated(address: Address, *, has_effect: bool) -> Iterator[None]:
    """Turns the SDK's errors into ours; ``has_effect``: the call may have changed something."""
    try:
        yield
    except openai.APIStatusError as error:
        raise backend_failures.refused(
            address,
            status=error.status_code,
            body=error.body,
            headers=error.response.headers,
            has_effect=has_effect,
        ) from error
    except openai.APIConnectionError as error:
        raise backend_failures.unsent(address, error.__cause__, has_effect=has_effect) from error
    except (openai.OpenAIError, records.UnreadableRecord, ValueError, RecursionError) as error:
        # A success whose body is cut, no JSON, or no such record: the call was carried out all the same.
        raise backend_failures.unreadable(address, str(error), has_effect=has_effect) from error


def _headers(address: Address) -> dict[str, str] | None:
    """Gives headers that keep what the SDK takes from the environment for OpenAI away from other backends."""
    if address.is_default:
        return None
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = {line.partition(":")[0].strip() for line in lines if ":" in line}
    removed = dict.fromkeys({*names, "OpenAI-Organization", "OpenAI-Project"}, openai.Omit())
    kept = {name: value for name, value in removed.items() if name.lower() != "authorization"}
    return {**cast("dict[str, str]", kept), "Authorization": f"Bearer {address.key}"}


def _transport(address: Address, *, connections: int = 20, kept: int = 10) -> dict[str, Any]:
    """Gives the options of an HTTP client: no redirects (one could repeat a POST), and no proxy to this machine itself."""
    return {
        "follow_redirects": False,
        "trust_env": not address.is_loopback,
        "limits": _Limits(max_connections=connections, max_keepalive_connections=kept),
    }
