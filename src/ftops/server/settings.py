"""What a server was started with. Owns the limits, so that a test can make them small."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

MEGABYTE = 1024 * 1024


DEFAULT_PROJECT = "proj_default"
"""The project of a server without a configuration file, and of all data that was written before there were projects."""


MOST_REQUESTS, MOST_TOKENS = 1_000_000, 1_000_000_000
"""Limits a minute that nobody reaches: they are more than a server answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectKey:
    """A key and the project it opens. ``organization`` None means the server's own."""

    project: str
    organization: str | None
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimits:
    """What a project may ask of one model."""

    requests_per_minute: int = MOST_REQUESTS
    tokens_per_minute: int = MOST_TOKENS


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """Who is told of jobs and batches that end: those of one project, or with None of all."""

    url: str
    secret: bytes = field(repr=False)
    events: frozenset[str]
    project: str | None = None

    @property
    def id(self) -> str:
        """By what deliveries know it: a digest, since an address may hold a secret."""
        return hashlib.sha256(f"{self.project or ''}\n{self.url}".encode()).hexdigest()[:32]

    @property
    def origin(self) -> str:
        """What logs may say of the address."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The start-up options and the limits that no option changes.

    ``shutdown_dates`` maps base-model names to ``YYYY-MM-DD``. Without ``keys`` anybody who reaches the server may use
    it; ``is_loopback`` says that only this machine reaches it. ``retry_seconds`` is the pause before a job that the disk
    stopped is taken up again, ``upkeep_seconds`` the one between looks at what is due by time. Jobs that ended more than
    ``retention_days`` ago are forgotten; None keeps them all.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    keys: tuple[ProjectKey, ...] = ()
    rate_limits: RateLimits = field(default_factory=RateLimits)
    organization: str | None = None
    shutdown_dates: Mapping[str, str] = field(default_factory=dict)
    retention_days: float | None = None
    workers: int = 2
    min_step_seconds: float = 0.0
    logs_access: bool = False
    faults: Path | None = None
    is_loopback: bool = True
    max_file_bytes: int = 512 * MEGABYTE
    max_part_bytes: int = 64 * MEGABYTE
    max_upload_bytes: int = 8192 * MEGABYTE
    max_json_bytes: int = 32 * MEGABYTE
    max_line_bytes: int = 32 * MEGABYTE
    loaded_models: int = 16
    retry_seconds: float = 5.0
    upkeep_seconds: float = 5.0
    max_batch_bytes: int = 200 * MEGABYTE
    max_batch_requests: int = 50_000
    batch_window_seconds: int = 24 * 3600
    webhooks: tuple[Webhook, ...] = ()
    webhook_retry_seconds: float = 5.0
