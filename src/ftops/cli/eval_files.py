"""Files that ``ftops eval`` reads and writes beside a trial: failed items as training rows, and people's labels."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftops.cli.style import safe, tell
from ftops.errors import UsageProblem, local_storage_failed

if TYPE_CHECKING:
    from ftops.application.failure_exports import FailureExport


def check_free(path: Path | None, *, overwrites: bool) -> None:
    """Makes sure, before anything is called, that a file may be written. Raises UsageProblem."""
    if path is None:
        return
    if path.exists() and not overwrites:
        raise UsageProblem(f"{path} exists already", remedy="name another file, or give --overwrite")
    if not path.parent.is_dir():
        raise UsageProblem(f"there is no folder {path.parent}")


def write_whole(path: Path, text: str, *, overwrites: bool) -> None:
    """Writes a file as a whole or not at all; one that came into being meanwhile stays. Raises UsageProblem."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            check_free(path, overwrites=overwrites)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise local_storage_failed(error) from error


def write_failures(path: Path, export: "FailureExport", *, overwrites: bool) -> None:
    """Writes failed items as a training file, and says what that means for the evaluation."""
    for reason, count in export.left_out:
        tell(f"Note: {count:,} left out: {safe(reason)}")
    if not export.lines:
        tell(f"No failed item makes a row to train on: {safe(str(path))} was not written.")
        return
    write_whole(path, "".join(f"{line}\n" for line in export.lines), overwrites=overwrites)
    rows = f"{len(export.lines):,} row{'' if len(export.lines) == 1 else 's'}"
    tell(f"Wrote {rows} to train on to {safe(str(path))}.")
    sources = ", ".join(safe(source) for source in export.sources)
    tell(
        f"Warning: a row that is trained on is no evidence any more. Take these rows out of {sources} before you train on "
        "them, and look at each: a wrong reference teaches the mistake."
    )


def failures_to_json(path: Path, export: "FailureExport") -> dict[str, Any]:
    """Gives what was written, and why other failed items were not."""
    return {
        "file": str(path) if export.lines else None,
        "rows": len(export.lines),
        "datasets": list(export.sources),
        "left_out": [{"reason": reason, "items": count} for reason, count in export.left_out],
    }
