"""Reads ``--config FILE``: who may use the server, and what it does by itself.

Owns the file's shape and the words for what is wrong with it. Secrets never stand in it: it names environment variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import yaml

from ftops.server.settings import MOST_REQUESTS, MOST_TOKENS, ProjectKey, RateLimits

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$"
Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

PerMinute = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]


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


class _Document(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    projects: list[_Project] = []
    rate_limits: _RateLimits = msgspec.field(default_factory=_RateLimits)
    retention: _Retention = msgspec.field(default_factory=_Retention)


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """What the file says. Keys have been read from the environment."""

    keys: tuple[ProjectKey, ...] = ()
    rate_limits: RateLimits = field(default_factory=RateLimits)
    retention_days: float | None = None


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
