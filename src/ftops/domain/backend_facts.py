"""What there is to know of one backend: its key's shape, its address, and how it answered.

Pure values, and the judgement of a key's shape. Nothing here ever holds a key, only what is wrong with one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from ftops.domain.diagnosing_git import Trouble
from ftops.domain.diagnosis import Unknown
from ftops.domain.manifest import Backend, ModelId
from ftops.domain.observed import ModelInfo

NOT_ASKED: Final = Unknown(why="not asked")
_SHORT_KEY: Final = 20
_PLACEHOLDERS: Final = ("...", "…", "<", "your", "xxx", "changeme", "example")


class KeyFault(StrEnum):
    """What is wrong with the shape of a key; the words finish the sentence "the key …"."""

    QUOTED = "stands in quotes"
    BROKEN = "holds blanks or line breaks"
    FOREIGN = "holds characters that no key has"
    PREFIXED = "begins with Bearer"
    PLACEHOLDER = "is a placeholder"
    UNUSUAL = "doesn't begin with sk-, as OpenAI's keys do"
    SHORT = "is shorter than keys are"


class Obstacle(StrEnum):
    """Why no connection came about, with what there is to do."""

    NAME = "the name can't be resolved: check the address and DNS"
    REFUSED = "nothing listens there: start the server, or correct the address"
    TLS = "the certificate is not trusted: set SSL_CERT_FILE to your organisation's, and check the machine's clock"
    SILENT = "no answer came in time: check firewall and network"
    PROXY = "the proxy doesn't let it through: check the proxy variables and NO_PROXY"
    OTHER = "check address, network and proxy variables"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFacts:
    """The environment variable that holds a backend's key; ``variable`` None: it needs none."""

    variable: str | None
    is_set: bool = True
    faults: tuple[KeyFault, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """One unauthenticated request: why it failed, or the server's time and ours when it came (UTC)."""

    obstacle: Obstacle | None = None
    detail: str = ""
    proxies: tuple[str, ...] = ()
    their_time: datetime | None = None
    our_time: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Jobs:
    """What the list of this project's jobs shows: how many, and the organisation that the newest belong to."""

    seen: int
    organization: str | None = None


class ServerState(StrEnum):
    """How the embedded server is."""

    ABSENT = "absent"
    RUNNING = "running"
    OTHER_VERSION = "other_version"
    STALE = "stale"
    NOT_INSTALLED = "not_installed"


@dataclass(frozen=True, kw_only=True, slots=True)
class BackendFacts:
    """One backend that is in force. What was not asked is Unknown, what was refused Trouble.

    ``key`` is None where nobody looked, ``writing`` where the key may write. ``server`` and ``server_version`` are about an
    embedded one.
    """

    backend: Backend
    key: KeyFacts | None = None
    url: str = ""
    is_url_from_environment: bool = False
    address: Trouble | None = None
    connection: Connection | Unknown = NOT_ASKED
    models: Mapping[ModelId, ModelInfo] | Trouble | Unknown = NOT_ASKED
    jobs: Jobs | Trouble | Unknown = NOT_ASKED
    writing: Trouble | Unknown | None = NOT_ASKED
    server: ServerState | Unknown = NOT_ASKED
    server_version: str = ""


def key_faults(key: str, *, is_openai: bool) -> tuple[KeyFault, ...]:
    """Says what is wrong with the shape of a key as the environment holds it, blanks around it taken away."""
    faults = []
    if len(key) > 1 and key[0] in "'\"" and key[-1] == key[0]:
        faults.append(KeyFault.QUOTED)
    if key.lower().startswith("bearer "):
        faults.append(KeyFault.PREFIXED)
    elif any(character.isspace() for character in key):
        faults.append(KeyFault.BROKEN)
    if any(not " " <= character <= "~" and not character.isspace() and character != "…" for character in key):
        faults.append(KeyFault.FOREIGN)
    if any(word in key.lower() for word in _PLACEHOLDERS) and len(key) < 2 * _SHORT_KEY:
        faults.append(KeyFault.PLACEHOLDER)
    if is_openai and not faults and not key.startswith("sk-"):
        faults.append(KeyFault.UNUSUAL)
    if is_openai and not faults and len(key) < _SHORT_KEY:
        faults.append(KeyFault.SHORT)
    return tuple(faults)
