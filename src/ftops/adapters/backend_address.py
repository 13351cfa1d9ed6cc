"""Where a backend's calls go and which key they carry.

Owns the rules of who gets a key: keys come from the environment only, OPENAI_API_KEY goes to OpenAI's address or the
environment's own OPENAI_BASE_URL only, and an address off this machine needs https and trust.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ftops.adapters.trusted_backends import TrustedBackends
from ftops.domain.foreign_text import quoted
from ftops.domain.manifest import Backend
from ftops.errors import MissingKey, UsageProblem

OPENAI_URL: Final = "https://api.openai.com/v1"
# The SDK demands a key even of servers that want none.
NO_KEY: Final = "not-needed"

_KEY_VARIABLE: Final = re.compile(r"FTOPS_[A-Z0-9_]+_KEY")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]+")
_UNFIT_IN_URL: Final = re.compile(r"[\s\\\x00-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A backend's base URL and key. ``is_default`` says that the SDK's own variables (organisation, project) apply."""

    base_url: str
    key: str = field(repr=False)
    is_loopback: bool
    is_default: bool = False

    def without_key(self, text: str) -> str:
        """Gives ``text`` with the key blotted out."""
        return text if self.key == NO_KEY else text.replace(self.key, "***")


def resolve_address(backend: Backend, *, environ: Mapping[str, str], trusted: TrustedBackends) -> Address:
    """Gives a backend's address. Raises MissingKey, and UsageProblem where the address is unfit or not trusted."""
    url = configured_url(backend, environ)
    if backend.base_url is None:
        key = _key(environ, backend.api_key_env or "OPENAI_API_KEY", backend)
        return Address(base_url=url, key=key, is_loopback=is_loopback(url), is_default=True)
    local = is_loopback(url)
    if not local:
        if not url.startswith("https://"):
            raise UsageProblem(
                f"backend {backend.name}: {quoted(url, limit=200)} is not on this machine and not encrypted",
                remedy="use an https address",
            )
        trusted.require(url)
    if backend.api_key_env is not None:
        return Address(base_url=url, key=_key(environ, backend.api_key_env, backend), is_loopback=local)
    if not local:
        raise UsageProblem(
            f"backend {backend.name} is not on this machine and names no key",
            remedy="add api_key_env: FTOPS_…_KEY, the name of the environment variable that holds its key",
        )
    return Address(base_url=url, key=NO_KEY, is_loopback=True)


def configured_url(backend: Backend, environ: Mapping[str, str]) -> str:
    """Gives the address that the project states, or else the environment, or else OpenAI's. Raises UsageProblem if unfit."""
    if backend.base_url is not None:
        return _normal(backend.base_url, f"backend {backend.name}: base_url")
    return _normal(environ.get("OPENAI_BASE_URL", "").strip() or OPENAI_URL, "OPENAI_BASE_URL")


def is_loopback(url: str) -> bool:
    """Whether an address reaches this machine only."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _normal(url: str, what: str) -> str:
    try:
        parts = urlsplit(url)
        is_fit = _is_plain(parts) and _UNFIT_IN_URL.search(url) is None
    except ValueError:
        is_fit = False
    if not is_fit:
        raise UsageProblem(
            f"{what}: expected an http or https address without user, query or fragment, got {quoted(url, limit=200)}"
        )
    return url.rstrip("/")


def _is_plain(parts: SplitResult) -> bool:
    # Reading .port raises ValueError where it isn't a number.
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
        and parts.port != 0
    )


def _key(environ: Mapping[str, str], variable: str, backend: Backend) -> str:
    if variable != "OPENAI_API_KEY" and _KEY_VARIABLE.fullmatch(variable) is None:
        raise UsageProblem(
            f"backend {backend.name}: api_key_env must look like FTOPS_…_KEY, got {quoted(variable)}",
            remedy="other variables of the environment are nobody's business",
        )
    if variable == "OPENAI_API_KEY" and backend.base_url is not None:
        raise UsageProblem(f"backend {backend.name}: OPENAI_API_KEY is never sent to another address than OpenAI's")
    key = environ.get(variable, "").strip()
    if not key:
        raise MissingKey(f"backend {backend.name} needs a key", remedy=f"set the environment variable {variable}")
    if _HEADER_VALUE.fullmatch(key) is None:
        raise MissingKey(f"the key in {variable} holds characters that no key has", remedy=f"set {variable} anew")
    return key
