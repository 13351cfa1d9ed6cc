"""What went wrong in a call to a backend, as one of our errors.

Owns the one decision that money hangs on: whether a failed call may have taken effect. Knows no SDK; takes a status and a
body, or the name of a transport's exception.
"""

from collections.abc import Mapping
from typing import Any, Final

from ftops.adapters.backend_address import Address
from ftops.adapters.rate_headers import seconds_to_wait
from ftops.domain.foreign_text import visible
from ftops.errors import (
    AnswerLost,
    BackendError,
    NotFound,
    Rejected,
    Throttled,
    TrainingNotAvailable,
    Unauthorized,
    Unreachable,
)

# httpx's names for what happens before the first byte of a request is sent; anything else may have arrived.
_NOT_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
_MESSAGE_LIMIT: Final = 1000


def foreign_message(text: str, address: Address, *, limit: int = _MESSAGE_LIMIT) -> str:
    """Gives a backend's words fit to be shown: no control characters, no key, bounded."""
    shown = visible(address.without_key(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def unsent(address: Address, cause: BaseException | None, *, has_effect: bool) -> BackendError:
    """The connection failed. ``has_effect``: the call would have changed something if it arrived."""
    name = type(cause).__name__ if cause else "connection error"
    detail = foreign_message(str(cause), address, limit=200) if cause and str(cause) else name
    if name in _NOT_SENT:
        return Unreachable(
            f"can't reach {address.base_url}: {detail}", remedy="check the address, the network and the proxy variables"
        )
    if has_effect:
        return AnswerLost(f"no answer from {address.base_url}: {detail}")
    return Unreachable(f"no answer from {address.base_url}: {detail}", remedy="try again")


def unreadable(address: Address, detail: str, *, has_effect: bool) -> BackendError:
    """The answer was a success that can't be read."""
    message = f"{address.base_url} answered with what can't be read: {foreign_message(detail, address, limit=200)}"
    return AnswerLost(message) if has_effect else BackendError(message, remedy="is base_url an OpenAI-compatible API?")


def refused(
    address: Address, *, status: int, body: object, headers: Mapping[str, str], has_effect: bool
) -> BackendError:
    """The backend answered with an error status."""
    envelope = _envelope(body)
    code = _text(envelope.get("code")) or None
    message = _message(envelope, status, headers, address)
    if 300 <= status < 400:
        return _redirected(address, status, has_effect=has_effect)
    if status == 408 or status >= 500:
        return AnswerLost(message) if has_effect else Unreachable(message, remedy="try again later")
    if status == 429 and code != "insufficient_quota":
        wait = seconds_to_wait(headers)
        remedy = "try again later" if wait is None else f"try again in {wait:g} s"
        return Throttled(f"throttled: {message}", wait=wait, remedy=remedy)
    if status == 403 and code == "training_not_available":
        return TrainingNotAvailable(message, status=status, code=code)
    if status in {401, 403}:
        return Unauthorized(message, status=status, code=code, remedy="check the key, and what it is allowed to do")
    if status == 404:
        return NotFound(message, status=status, code=code)
    return Rejected(message, status=status, code=code)


def _redirected(address: Address, status: int, *, has_effect: bool) -> BackendError:
    # A 303 says that the request was carried out and where to read of it. The others say that it was not.
    if status == 303 and has_effect:
        return AnswerLost(f"{address.base_url} answered with a redirect ({status})")
    return Rejected(
        f"{address.base_url} answered with a redirect ({status}), which is not followed",
        status=status,
        remedy="set base_url to where the API is",
    )


def _envelope(body: object) -> Mapping[str, Any]:
    match body:
        case {"error": dict() as error}:
            return error
        case {"error": str() as message} | {"detail": str() as message}:
            return {"message": message}
        case dict():
            return body
        case str():
            return {"message": body}
        case _:
            return {}


def _message(envelope: Mapping[str, Any], status: int, headers: Mapping[str, str], address: Address) -> str:
    words = foreign_message(_text(envelope.get("message")).strip(), address) or "no explanation"
    param = foreign_message(_text(envelope.get("param")), address, limit=100)
    request_id = foreign_message(_text(headers.get("x-request-id")), address, limit=100)
    facts = [str(status)]
    if param and param not in words:
        facts.append(param)
    if request_id:
        facts.append(request_id)
    return f"{words} ({', '.join(facts)})"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
