"""Which addresses off this machine may get a key: those the user named or confirmed, never those a repository names.

Owns ``FTOPS_TRUSTED_BACKENDS`` and the user's own list, a JSON file in the user's configuration folder. Nothing inside a
project is read: a repository must not be able to grant itself trust.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ftops.domain.foreign_text import shell_word, visible
from ftops.errors import UsageProblem

VARIABLE: Final = "FTOPS_TRUSTED_BACKENDS"


class TrustedBackends:
    """Answers whether an address is trusted, and asks once at a terminal where it isn't.

    ``confirm`` takes a base URL and gives the user's answer; None where nobody can be asked. ``path`` is the user's list, by
    default in the user's configuration folder.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str],
        confirm: Callable[[str], bool] | None = None,
        path: Path | None = None,
    ) -> None:
        self._environ = environ
        self._confirm = confirm
        self._path = path

    def require(self, base_url: str) -> None:
        """Returns where ``base_url`` is trusted; raises UsageProblem with the way to trust it where it isn't."""
        listed = (entry.strip() for entry in self._environ.get(VARIABLE, "").split(","))
        if any(_covers(entry, base_url) for entry in listed if entry):
            return
        path = self._path or _default_path()
        remembered = _read(path)
        if any(_covers(entry, base_url) for entry in remembered):
            return
        if self._confirm is None or not self._confirm(base_url):
            raise UsageProblem(
                f"{visible(base_url)} is not on this machine and not trusted: data and keys would be sent there",
                remedy=f"if you trust it: export {VARIABLE}={shell_word(base_url)}, or confirm it once at a terminal",
            )
        # A list that can't be written only means that the question comes again.
        with contextlib.suppress(OSError):
            _write(path, sorted({*remembered, base_url}))


def _covers(entry: str, base_url: str) -> bool:
    """Whether an entry (a host, a host with its port, or a base URL) means this address."""
    url = urlsplit(base_url)
    if "://" not in entry:
        return entry.lower() in {url.hostname, url.netloc.lower()}
    return _normal(entry) == _normal(base_url)


def _normal(address: str) -> tuple[str, str, str]:
    url = urlsplit(address)
    return url.scheme.lower(), url.netloc.lower().removesuffix(":443"), url.path.rstrip("/")


def _default_path() -> Path:
    import click

    return Path(click.get_app_dir("ftops")) / "trusted-backends.json"


def _read(path: Path) -> tuple[str, ...]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["backends"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(entry for entry in entries if isinstance(entry, str)) if isinstance(entries, list) else ()


def _write(path: Path, entries: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"backends": entries}, file, indent=2)
    Path(temporary).replace(path)
