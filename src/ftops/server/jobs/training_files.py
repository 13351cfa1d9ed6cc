"""What a training file must look like: at upload, and before its job may start.

Owns OpenAI's words for files that don't fit. An upload checks only that every line is a JSON dictionary; the rows themselves
are checked by the job, which then fails with a code and a parameter, as at OpenAI.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import msgspec

from ftops.graders.kinds import Grader
from ftops.server.errors import ApiError
from ftops.server.jobs import training_rows

MIN_EXAMPLES = 10


class JobFailure(Exception):
    """A job that can't go on, by its own fault: ``code``, ``message`` and ``param`` of its error."""

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


def check_upload(content: BinaryIO, *, max_line_bytes: int) -> None:
    """Reads a file from its beginning; ``ApiError`` at the first line that isn't a JSON dictionary."""
    number = 0
    while line := content.readline(max_line_bytes + 1):
        number += 1
        if len(line) > max_line_bytes:
            raise ApiError(f"Line {number} is longer than {max_line_bytes} bytes.", param="file")
        text = line.strip()
        problem = _line_problem(text) if text else "is blank"
        if problem is not None:
            start = text[:20].decode("utf-8", errors="replace")
            raise ApiError(
                "Expected file to have JSONL format, where every line is a JSON dictionary. "
                f'Line {number} {problem} (HINT: line starts with: "{start}...").',
                param="file",
            )
    if not number:
        raise ApiError("File is empty.", param="file")


def training_rows_of(
    content: bytes, *, method: str, model: str, grader: Grader | None = None
) -> tuple[Mapping[str, Any], ...]:
    """The rows of a training file; ``JobFailure`` when there are fewer than ten or one is malformed.

    With a ``grader`` each row must have the fields that its templates name.
    """
    rows = _checked(content, method=method, model=model, grader=grader, which="training")
    if len(rows) < MIN_EXAMPLES:
        raise JobFailure(
            f"Training file has {len(rows)} example(s), but must have at least {MIN_EXAMPLES} examples",
            code="invalid_n_examples",
            param="training_file",
        )
    return rows


def validation_rows_of(
    content: bytes, *, method: str, model: str, grader: Grader | None = None
) -> tuple[Mapping[str, Any], ...]:
    """The rows of a validation file; ``JobFailure`` when one is malformed."""
    return _checked(content, method=method, model=model, grader=grader, which="validation")


def _checked(
    content: bytes, *, method: str, model: str, grader: Grader | None, which: str
) -> tuple[Mapping[str, Any], ...]:
    rows: list[Mapping[str, Any]] = []
    for number, row in enumerate(_rows(content), start=1):
        fault = training_rows.fault_of(row, method=method, model=model, grader=grader)
        if fault is not None:
            start = f"The job failed due to an invalid {which} file. Invalid file format. "
            message = start + (fault.message if fault.is_about_file else f"Example {number}{fault.message}")
            raise JobFailure(message, code=f"invalid_{which}_file", param=f"{which}_file")
        rows.append(row)
    return tuple(rows)


def _rows(content: bytes) -> Iterator[Mapping[str, Any]]:
    for line in content.removesuffix(b"\n").split(b"\n"):
        # The upload has seen that each line decodes to a dictionary, and content never changes under its digest.
        yield msgspec.json.decode(line)


def _line_problem(text: bytes) -> str | None:
    try:
        return None if isinstance(msgspec.json.decode(text), dict) else "is not a dictionary"
    except msgspec.ValidationError:  # of what has no type to fit, only numbers are ever refused
        return "has a number that is out of range"
    except RecursionError:
        return "is nested too deeply"
    except (msgspec.DecodeError, ValueError):
        return "is not valid JSON"
