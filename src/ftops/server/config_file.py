"""Reads ``--config FILE``: who may use the server, and what it does by itself.

Owns the file's shape and the words for what is wrong with it. Secrets never stand in it: it names environment variables.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
import yaml

from ftops.server.settings import (
    DEFAULT_PROJECT,
    MOST_REQUESTS,
    MOST_TOKENS,
    ProjectKey,
    RateLimits,
    Webhook,
)
from ftops.server.storage.deliveries import EventType

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

PerMinute = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]
Url = Annotated[str, msgspec.Meta(max_length=2000)]
# Those of Standard Webhooks.
_PREFIX = "whsec_"
_LEAST_SECRET, _MOST_SECRET = 24, 64


class ConfigInvalid(Exception):
    """The file can't be used; the message says where and why."""


class _Project(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    id: Name
    key_env: Variable
    organization: Name | None = None


class _RateLimits(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    requests_per_minute: PerMinute = MOST_REQUESTS
    tokens_per_minute: PerMinute = MOST_TOKENS


class _Retention(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    finished_jobs_days: Days | None = None


class _Webhook(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    url: Url
    secret_env: Variable
    events: Annotated[list[EventType], msgspec.Meta(min_length=1)] | None = None
    project: Name | None = None


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    projects: list[_Project] = []
    rate_limits: _RateLimits = msgspec.field(default_factory=_RateLimits)
    retention: _Retention = msgspec.field(default_factory=_Retention)
    webhooks: Annotated[list[_Webhook], msgspec.Meta(max_length=32)] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """What the file says. Keys and secrets have been read from the environment."""

    keys: tuple[ProjectKey, ...] = ()
    rate_limits: RateLimits = field(default_factory=RateLimits)
    retention_days: float | None = None
    webhooks: tuple[Webhook, ...] = ()


def read_config(path: Path, environment: Mapping[str, str]) -> Config:
    """Reads and checks a file; ``ConfigInvalid`` when it, or a variable it names, isn't usable."""
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(error.strerror or str(error)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigInvalid(f"not YAML{'' if mark is None else f' (line {mark.line + 1})'}") from error
    try:
        document = msgspec.convert({} if loaded is None else loaded, _Document)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(str(error)) from error
    return Config(
        keys=_keys(document.projects, environment),
        rate_limits=RateLimits(
            requests_per_minute=document.rate_limits.requests_per_minute,
            tokens_per_minute=document.rate_limits.tokens_per_minute,
        ),
        retention_days=document.retention.finished_jobs_days,
        webhooks=_webhooks(document, environment),
    )


def key_in(variable: str, environment: Mapping[str, str]) -> str | None:
    """The key in an environment variable, None when it isn't set; ``ConfigInvalid`` when no HTTP header can carry it."""
    key = environment.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise ConfigInvalid(
            f"the key in {variable} has characters that no HTTP header can carry: use letters, digits and signs of ASCII "
            "alone, such as `openssl rand -hex 32` gives"
        )
    return key or None


def _keys(projects: list[_Project], environment: Mapping[str, str]) -> tuple[ProjectKey, ...]:
    keys: dict[str, ProjectKey] = {}
    organizations: dict[str, str | None] = {}
    for each in projects:
        if organizations.setdefault(each.id, each.organization) != each.organization:
            raise ConfigInvalid(f"project {each.id} stands in two organisations: ids of projects are unique here")
        key = key_in(each.key_env, environment)
        if key is None:
            raise ConfigInvalid(f"project {each.id}: the environment variable {each.key_env} is not set")
        if key in keys:
            raise ConfigInvalid(f"{each.key_env} holds the key of another project too")
        keys[key] = ProjectKey(project=each.id, organization=each.organization, key=key)
    return tuple(keys.values())


def _webhooks(document: _Document, environment: Mapping[str, str]) -> tuple[Webhook, ...]:
    projects = {DEFAULT_PROJECT, *(each.id for each in document.projects)}
    webhooks: dict[str, Webhook] = {}
    for number, each in enumerate(document.webhooks):
        at = f"webhooks[{number}]"
        if each.project is not None and each.project not in projects:
            raise ConfigInvalid(f"{at}: there is no project {each.project}")
        webhook = Webhook(
            url=_checked_url(each.url, at),
            secret=_secret_in(each.secret_env, environment, at),
            events=frozenset(each.events or EventType),
            project=each.project,
        )
        if webhook.id in webhooks:
            raise ConfigInvalid(f"{at}: its url stands there before; name all events in one place")
        webhooks[webhook.id] = webhook
    return tuple(webhooks.values())


def _checked_url(url: str, at: str) -> str:
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    # The address itself isn't repeated: it may hold a secret.
    if not is_usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigInvalid(f"{at}.url: expected http:// or https://, a host and a path, in ASCII without spaces")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigInvalid(
            f"{at}.url: neither a user nor a password nor a fragment is sent; the signature tells who calls"
        )
    return url


def _secret_in(variable: str, environment: Mapping[str, str], at: str) -> bytes:
    text = environment.get(variable, "").strip()
    if not text:
        raise ConfigInvalid(f"{at}: the environment variable {variable} is not set")
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not text.startswith(_PREFIX) or not _LEAST_SECRET <= len(secret) <= _MOST_SECRET:
        raise ConfigInvalid(
            f"{at}: the secret in {variable} isn't {_PREFIX} and {_LEAST_SECRET} to {_MOST_SECRET} bytes in base64, "
            'such as `echo "whsec_$(openssl rand -base64 32)"` gives'
        )
    return secret
