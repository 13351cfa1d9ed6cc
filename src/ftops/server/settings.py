"""What a server was started with. Owns the limits, so that a test can make them small."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The start-up options and the limits that no option changes.

    ``shutdown_dates`` maps base-model names to ``YYYY-MM-DD``. ``key`` None means that anybody who reaches the server may use
    it; ``is_loopback`` says that only this machine reaches it. ``retry_seconds`` is the pause before a job that the disk
    stopped is taken up again.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    key: str | None = field(default=None, repr=False)
    organization: str | None = None
    shutdown_dates: Mapping[str, str] = field(default_factory=dict)
    workers: int = 2
    min_step_seconds: float = 0.0
    logs_access: bool = False
    is_loopback: bool = True
    max_file_bytes: int = 512 * MEGABYTE
    max_json_bytes: int = 32 * MEGABYTE
    max_line_bytes: int = 32 * MEGABYTE
    loaded_models: int = 16
    retry_seconds: float = 5.0
