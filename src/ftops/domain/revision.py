"""Revision: the identity of a training request, and the canonical JSON that every digest of ftops is taken of.

Owns what determines a training request (product contract, section 4). It reads no dataset: digests are arguments.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import rfc8785

from ftops.domain.manifest import Method, Revision

REVISION_DIGITS: Final = 12
AUTO: Final = "auto"

_LARGEST: Final = 2**53 - 1


def canonical_json(value: Any) -> bytes:
    """Gives ``value`` as canonical JSON (RFC 8785): keys sorted, no spaces, ``3.0`` written as ``3``.

    Raises ``ValueError`` (``rfc8785.CanonicalizationError``) for what JSON can't carry: NaN, infinities, and integers
    beyond ±(2^53 - 1).
    """
    # A plan takes thousands of digests, and nearly always of what an encoder written in C writes just as well.
    return msgspec.json.encode(value, order="sorted") if _is_ordinary(value) else rfc8785.dumps(_plain(value))


def digest(value: Any) -> str:
    """Gives the SHA-256 of the canonical JSON of ``value`` as 64 hex digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def revision_input(
    *, base_model: str, method: Method, seed: int | None, train_sha256: str, validation_sha256: str | None
) -> dict[str, Any]:
    """Gives the object that a revision is the digest of.

    ``auto`` hyperparameters are left out: a backend's choice is no declaration. ``method`` always has ``type`` and
    ``hyperparameters``; ``grader`` is there for reinforcement only. A missing seed or validation set is null.
    """
    stated: dict[str, Any] = {
        "type": method.type.value,
        "hyperparameters": {key: value for key, value in method.hyperparameters.items() if value != AUTO},
    }
    if method.grader is not None:
        stated["grader"] = method.grader
    return {
        "base_model": base_model,
        "method": stated,
        "seed": seed,
        "train": train_sha256,
        "validation": validation_sha256,
    }


def revision_of(
    *, base_model: str, method: Method, seed: int | None, train_sha256: str, validation_sha256: str | None
) -> Revision:
    """Gives the revision: the first 12 hex digits of the digest of ``revision_input``. Digests are lower-case hex."""
    stated = revision_input(
        base_model=base_model,
        method=method,
        seed=seed,
        train_sha256=train_sha256,
        validation_sha256=validation_sha256,
    )
    return Revision(digest(stated)[:REVISION_DIGITS])


def _is_ordinary(value: Any) -> bool:
    """Whether there is one way only to write ``value`` as JSON with sorted keys and without spaces.

    There is for dicts, lists and tuples of ASCII text, integers that RFC 8785 allows, booleans and None.
    """
    if type(value) is str:
        return value.isascii()
    if type(value) is dict:
        return all(type(key) is str and key.isascii() and _is_ordinary(item) for key, item in value.items())
    if type(value) is list or type(value) is tuple:
        return all(map(_is_ordinary, value))
    if type(value) is int:
        return -_LARGEST <= value <= _LARGEST
    return value is None or value is True or value is False


def _plain(value: Any) -> Any:
    """Gives any mapping as a dict and any sequence as a list, which is all that the library knows."""
    if isinstance(value, str | int | float | None):  # most values by far
        return value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
