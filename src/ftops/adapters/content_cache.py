"""``.ftops/cache``: what was worked out of bytes, so that the same bytes need not be worked through again.

Owns the files. Values are kept by the SHA-256 of all that determines them, so that an entry is never out of date; what the
last run had no use for is dropped, but for what is spared. A file is sealed with a key that lies in the git folder: a
repository can ship a cache, but not that key. A cache that was not sealed here, was cut short, or was made by another version
is as good as none. Nothing here is needed: where it can't be read or written, things take longer.
"""

import hashlib
import hmac
import itertools
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

import msgspec

from ftops.adapters.state_dir import ensure_private_dir
from ftops.version import __version__

_KEY_FILE: Final = "ftops-cache-key"
_KEY_BYTES: Final = 32
_SEAL_BYTES: Final = 32
_LARGEST: Final = 256 << 20
_FEW: Final = 100

Value = TypeVar("Value")


class _Content(msgspec.Struct, frozen=True):
    """What a file holds: the version of what made it, and encoded values by their keys."""

    made_by: str
    entries: dict[str, msgspec.Raw]


class ContentCache(Generic[Value]):
    """One file of the cache, with values of one type. Not safe for several threads; safe for several processes.

    ``version`` names everything beyond the keys that values depend on; a change of it, or of ftops, drops them all. Of what a
    run had no use for, ``spare`` entries are left.
    """

    def __init__(
        self, ftops_dir: Path, name: str, *, kind: type[Value], version: str, seal: bytes | None, spare: int = 0
    ) -> None:
        self._ftops_dir = ftops_dir
        self._path = ftops_dir / "cache" / name
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._made_by = f"{__version__} {version}"
        self._seal = seal
        self._spare = spare
        self._stored: dict[str, msgspec.Raw] | None = None
        self._used: dict[str, msgspec.Raw] = {}
        self._is_changed = False

    def get(self, key: str) -> Value | None:
        """Gives what was kept under a key; None where nothing was, or nothing that can be read."""
        if self._stored is None:
            self._stored = self._load()
        raw = self._used.get(key) or self._stored.get(key)
        if raw is None:
            return None
        try:
            value = self._decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        self._used[key] = raw
        return value

    def put(self, key: str, value: Value) -> None:
        """Keeps a value for later runs."""
        with suppress(msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
            self._used[key] = msgspec.Raw(msgspec.msgpack.encode(value))
            self._is_changed = True

    def save(self) -> None:
        """Writes what this run used, where that is worth it."""
        is_littered = len(self._stored or ()) > 2 * len(self._used) + self._spare + _FEW
        if self._seal is None or not (self._is_changed or is_littered):
            return
        unused = ((key, raw) for key, raw in (self._stored or {}).items() if key not in self._used)
        entries = self._used | dict(itertools.islice(unused, self._spare))
        content = msgspec.msgpack.encode(_Content(made_by=self._made_by, entries=entries))
        if len(content) > _LARGEST:
            return
        with suppress(OSError):
            ensure_private_dir(self._ftops_dir)
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            _replace(self._path, _sealed(content, self._seal) + content)
            self._is_changed = False

    def _load(self) -> dict[str, msgspec.Raw]:
        if self._seal is None:
            return {}
        try:
            with self._path.open("rb") as stream:
                data = stream.read(_LARGEST + 1)
        except OSError:
            return {}
        content = memoryview(data)[_SEAL_BYTES:]
        if len(data) > _LARGEST or not hmac.compare_digest(data[:_SEAL_BYTES], _sealed(content, self._seal)):
            return {}
        try:
            found = msgspec.msgpack.decode(content, type=_Content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return found.entries if found.made_by == self._made_by else {}


def seal_key(git_dir: Path) -> bytes | None:
    """Gives the key that this clone's cache is sealed with, made where there is none; None where it can't be had."""
    path = git_dir / _KEY_FILE
    with suppress(OSError):
        key = path.read_bytes()
        if len(key) == _KEY_BYTES:
            return key
    with suppress(OSError):
        # Of two processes that make one at the same time, the cache of one is worth nothing: it is made again.
        _replace(path, secrets.token_bytes(_KEY_BYTES))
        return path.read_bytes()
    return None


def _sealed(content: bytes | memoryview, key: bytes) -> bytes:
    return hashlib.blake2b(content, key=key, digest_size=_SEAL_BYTES).digest()


def _replace(path: Path, data: bytes) -> None:
    """Replaces a file as a whole. Not flushed to the disk: what a power cut leaves of it, the seal tells."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
