"""Pairs of answers as files for people: a JSON object on each line, which any text editor can fill in.

Owns the format, and the key that pairs are blinded with, which lies in ``.ftops`` and never in a file that is handed out.
Answers and choices are foreign text: messages show nothing of them that could act on a terminal.
"""

import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from ftops.adapters.data_sources import GivenSource, SourceRefused
from ftops.adapters.state_dir import ensure_private_dir
from ftops.domain.foreign_text import visible
from ftops.errors import Invalid, LocalStorageFailed, Problem, local_storage_failed
from ftops.evaluation.choices import Choice
from ftops.ports.pairs import BlindPair, MadeChoice

_KEY_FILE: Final = "pairs.key"
_KEY_BYTES: Final = 32
_LONGEST_LINE: Final = 16 << 20
_MOST_LINES: Final = 1_000_000
_MOST_PROBLEMS: Final = 100
# Half of a surrogate pair is no text, and what other programs than this one take for the end of a line is none here.
_ESCAPED: Final = re.compile(r"[\ud800-\udfff\u0085\u2028\u2029]")
_CHOICES: Final = ", ".join(f'"{choice}"' for choice in Choice)


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    prompt: str
    a: str
    b: str
    choice: str | None = None
    annotator: Annotated[str, msgspec.Meta(max_length=200)] | None = None


def pair_lines(pairs: Iterable[BlindPair]) -> str:
    """Gives a file of pairs, the open choice before the long texts, so that nobody has to look for it."""
    return json_lines({"id": p.id, "choice": None, "prompt": p.prompt, "a": p.a, "b": p.b} for p in pairs)


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Gives rows as a file: non-ASCII as it is, for people; what would not survive other programs escaped."""
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    return "".join(f"{_ESCAPED.sub(_escaped, line)}\n" for line in lines)


def read_choices(files: Sequence[Path]) -> tuple[MadeChoice, ...]:
    """Gives the choices of all files; pairs without one are passed over.

    A line may name its annotator; where it doesn't, each file is one annotator's. Raises Invalid with every line that is
    wrong, up to a hundred.
    """
    problems: list[Problem] = []
    found: list[MadeChoice] = []
    for number, file in enumerate(files, start=1):
        for one in _choices_of(file, number):
            if isinstance(one, MadeChoice):
                found.append(one)
            elif len(problems) < _MOST_PROBLEMS:
                problems.append(one)
    if problems:
        raise Invalid(problems)
    return tuple(found)


def pairs_key(ftops_dir: Path, *, may_make: bool) -> bytes | None:
    """Gives the key that pairs are blinded with; None where this clone has none, and it is not to be made.

    Of two processes that make it at once, one wins, and both get its key. Raises LocalStorageFailed.
    """
    path = ftops_dir / _KEY_FILE
    try:
        if may_make and not path.exists():
            _place_key(ensure_private_dir(ftops_dir) / _KEY_FILE)
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise local_storage_failed(error) from error
    if len(key) != _KEY_BYTES:
        raise LocalStorageFailed(f"{path} holds no key", remedy="remove it; pairs have to be exported anew then")
    return key


def _place_key(path: Path) -> None:
    """Puts a new key where none is, as a whole and readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(_KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _choices_of(file: Path, number: int) -> Iterator[MadeChoice | Problem]:
    shown = visible(str(file))
    try:
        with GivenSource(Path()).open(str(file)) as stream:
            for line in range(1, _MOST_LINES + 1):
                data = stream.readline(_LONGEST_LINE + 1)
                if not data:
                    return
                if len(data) > _LONGEST_LINE:
                    yield Problem(file=shown, line=line, expected=f"expected at most {_LONGEST_LINE:,} bytes")
                    return
                if data.strip():
                    yield from _read_line(data, shown, line, annotator=f"file {number}")
        yield Problem(file=shown, expected=f"expected at most {_MOST_LINES:,} lines")
    except SourceRefused as error:
        yield Problem(file=shown, expected=error.says)
    except OSError as error:
        yield Problem(file=shown, expected=f"expected a readable file: {visible(error.strerror or str(error))}")


def _read_line(data: bytes, shown: str, number: int, *, annotator: str) -> Iterator[MadeChoice | Problem]:
    try:
        line = msgspec.convert(json.loads(data.decode("utf-8-sig")), _Line)
    except (ValueError, RecursionError) as error:
        yield Problem(file=shown, line=number, expected=f"expected a line of exported pairs: {visible(str(error))}")
        return
    if line.choice is None:
        return
    try:
        choice = Choice(line.choice.strip().lower())
    except ValueError:
        yield Problem(file=shown, line=number, field="/choice", expected=f"expected {_CHOICES} or null")
        return
    pair = BlindPair(id=line.id, prompt=line.prompt, a=line.a, b=line.b)
    # Names and files are told apart: a person may be called "file 1".
    who = annotator if line.annotator is None else f"name {line.annotator}"
    yield MadeChoice(pair=pair, choice=choice, annotator=who, file=shown, line=number)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
