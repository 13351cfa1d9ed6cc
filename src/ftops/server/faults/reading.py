"""Reads the faults file.

Owns its shape: which kinds of faults there are and what each may be given. Strict, as a rule that is silently not what was
meant makes a rehearsal worthless. ``docs/faults.md`` tells the same to people.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

import yaml

from ftops.server.faults.rules import (
    CREATIONS,
    Cut,
    Delay,
    DenyTraining,
    Drop,
    Duplicate,
    Fault,
    Kind,
    Lag,
    Match,
    Retire,
    Rule,
    Status,
    Throttle,
)
from ftops.server.faults.yaml_fields import Fields, Problems, shown

MAX_BYTES = 64 * 1024
_METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS")
_CREATION = Match(method="POST", path="/v1/fine_tuning/jobs")
_NEVER_IN_PATHS = re.compile(r"[?#%{}]")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._/-]*")
_MOST = 1_000_000
_LONGEST_SECONDS = 86_400.0


class FaultsInvalid(ValueError):
    """The file isn't a list of faults. ``problems`` says why, each with its line where there is one."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def load(file: Path) -> bytes:
    """A file's bytes; ``FaultsInvalid`` unless it is a regular file of bounded size that can be read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise FaultsInvalid("expected a regular file")
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FaultsInvalid(error.strerror or str(error)) from error
    if len(data) > MAX_BYTES:
        raise FaultsInvalid(f"expected at most {MAX_BYTES:,} bytes")
    return data


def parse(data: bytes) -> tuple[Rule, ...]:
    """The rules, in the file's order; ``FaultsInvalid`` with everything that is wrong."""
    document = _compose(data)
    problems = Problems()
    fields = Fields(document, problems, what="the file")
    faults = fields.take("faults", required=isinstance(document, yaml.MappingNode))
    fields.finish()
    rules: list[Rule] = []
    if isinstance(faults, yaml.SequenceNode):
        rules = [rule for node in faults.value if (rule := _rule(Fields(node, problems, what="a fault"))) is not None]
        _check_names(faults, rules, problems)
    elif faults is not None:
        problems.note(faults, f"expected 'faults' to be a list, got {shown(faults)}")
    if problems.found:
        raise FaultsInvalid(*problems.found)
    return tuple(rules)


def _compose(data: bytes) -> yaml.Node:
    try:
        document = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FaultsInvalid(f"line {line}: expected UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise FaultsInvalid(f"{where}expected YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise FaultsInvalid("expected YAML: it holds characters that YAML doesn't allow") from error
    except RecursionError as error:
        raise FaultsInvalid("expected YAML that nests less deeply") from error
    if document is None:
        raise FaultsInvalid("the file is empty: expected 'faults:' and a list, or 'faults: []'")
    return document


def _rule(fields: Fields) -> Rule | None:
    """A rule; None when its kind can't be known, which has been noted."""
    if not isinstance(fields.node, yaml.MappingNode):
        return None
    name = fields.take_text("name", most=100)
    word = fields.take_choice("fault", tuple(Kind), required=True)
    if word is None:
        return None
    kind = Kind(word)
    match, count, skip = _CREATION if kind is Kind.DENY_TRAINING else None, None, 0
    if kind is not Kind.RETIRE:
        count = fields.take_whole("count", least=1, most=_MOST)
        skip = fields.take_whole("skip", least=0, most=_MOST) or 0
        if kind is not Kind.DENY_TRAINING:
            match = _match(fields, kind)
    fault = _fault(kind, fields)
    fields.finish()
    return None if fault is None else Rule(kind=kind, fault=fault, match=match, name=name, count=count, skip=skip)


def _match(fields: Fields, kind: Kind) -> Match | None:
    section = fields.take_section("match")
    if section is None:
        fields.note("a fault needs 'match' with the 'path' of the requests it strikes")
        return None
    method = section.take_choice("method", _METHODS)
    path = section.take_text("path", required=isinstance(section.node, yaml.MappingNode))
    section.finish()
    if path is None:
        return None
    problem = _problem_of(path)
    if problem is not None:
        section.note(f"'path': expected {problem}; got {path!r}", at="path")
    match = Match(method="POST" if kind is Kind.LAG and method is None else method, path=path)
    if kind is Kind.LAG and match.method != "POST":
        section.note(f"'method': expected POST, as nothing else creates what could lag; got {method!r}", at="method")
    if kind is Kind.LAG and problem is None and not match.can_create():
        creating = ", ".join(each.path for each in CREATIONS)
        section.note(f"'path': expected one where something is created that could lag: {creating}", at="path")
    return match


def _problem_of(path: str) -> str | None:
    """Why no request can have such a path; None when one can."""
    if not path.startswith("/"):
        return "a path that begins with a slash, such as /v1/files or /**"
    if path == "/faults":
        return "another path: faults don't strike their own report"
    if found := _NEVER_IN_PATHS.search(path):
        return f"a path without query, fragment, escapes and placeholders (a part that varies is *), so no {found[0]!r}"
    return None


def _retirement(fields: Fields) -> Retire | None:
    model, at = fields.take_text("model", required=True), fields.take_moment("at", required=True)
    if model is not None and _MODEL.fullmatch(model) is None:
        fields.note(
            f"'model': expected a model's whole name, which has letters, digits and : . _ / -; got {model!r}",
            at="model",
        )
    return None if model is None or at is None else Retire(model=model, at=at)


def _fault(kind: Kind, fields: Fields) -> Fault | None:
    """What the kind's own fields say; None when one that it can't do without is absent or wrong, which has been noted."""
    match kind:
        case Kind.DROP_BEFORE | Kind.DROP_AFTER:
            return Drop(is_after=kind is Kind.DROP_AFTER)
        case Kind.DUPLICATE:
            return Duplicate()
        case Kind.STATUS:
            return _status(fields)
        case Kind.DELAY:
            seconds, is_after = _seconds(fields), fields.take_flag("after")
            return None if seconds is None else Delay(seconds=seconds, is_after=is_after)
        case Kind.CUT:
            return _cut(fields)
        case Kind.THROTTLE:
            return Throttle(
                per_second=fields.take_number("per_second", above=0, most=_MOST),
                retry_after=fields.take_number("retry_after", above=0, most=_LONGEST_SECONDS),
            )
        case Kind.LAG:
            seconds = _seconds(fields)
            return None if seconds is None else Lag(seconds=seconds)
        case Kind.DENY_TRAINING:
            return _denial(fields)
        case Kind.RETIRE:
            return _retirement(fields)
        case _:
            assert_never(kind)


def _seconds(fields: Fields) -> float | None:
    return fields.take_number("seconds", above=0, most=_LONGEST_SECONDS, required=True)


def _status(fields: Fields) -> Status | None:
    status = fields.take_whole("status", least=400, most=599, required=True)
    texts: Mapping[str, str | None] = {name: fields.take_text(name) for name in ("message", "type", "code")}
    is_after = fields.take_flag("after")
    if status is None:
        return None
    return Status(status=status, message=texts["message"], kind=texts["type"], code=texts["code"], is_after=is_after)


def _cut(fields: Fields) -> Cut | None:
    size = fields.take_whole("bytes", least=0, most=2**40)
    part = fields.take_number("part", above=0, most=1)
    if fields.has("bytes") == fields.has("part"):
        fields.note("a cut needs either 'bytes' or 'part'")
    return None if size is None and part is None else Cut(size=size, part=part)


def _denial(fields: Fields) -> DenyTraining:
    since, until = fields.take_moment("from"), fields.take_moment("until")
    if since is not None and until is not None and until <= since:
        fields.note("'until': expected a moment after 'from'", at="until")
    return DenyTraining(since=since, until=until)


def _check_names(node: yaml.Node, rules: list[Rule], problems: Problems) -> None:
    names = [rule.name for rule in rules if rule.name is not None]
    for name in sorted({each for each in names if names.count(each) > 1}):
        problems.note(node, f"several faults have the name {name!r}: reports couldn't tell them apart")
