"""The part of GitHub's expression language that our workflows use; anything else is an error, so that no test passes by luck.

Source: https://docs.github.com/actions/reference/evaluate-expressions-in-workflows-and-actions.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w.-]*)|(?P<sign>&&|\|\||==|!=|[!(),]))")
_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_LITERALS = {"true": True, "false": False, "null": None}

Functions = Mapping[str, Callable[..., Any]]


class UnknownExpression(Exception):
    """An expression, a context or a function that this reader doesn't know."""


def expand(text: Any, contexts: Mapping[str, Any], functions: Functions) -> str:
    """Gives a value with every ``${{ … }}`` in it replaced."""
    return _PLACE.sub(lambda place: as_text(evaluate(place[1], contexts, functions)), as_text(text))


def condition(text: Any, contexts: Mapping[str, Any], functions: Functions) -> bool:
    """Whether an ``if:`` holds: with or without ``${{ }}``, and only after successes unless it asks for the status itself."""
    stated = as_text(text).strip() if text is not None else ""
    whole = _PLACE.fullmatch(stated)
    inner = whole[1] if whole else stated
    asks = any(f"{name}(" in inner for name in ("always", "cancelled", "success", "failure"))
    holds = is_true(evaluate(inner, contexts, functions)) if inner.strip() else True
    return holds and (asks or bool(functions["success"]()))


def evaluate(text: str, contexts: Mapping[str, Any], functions: Functions) -> Any:
    reader = _Reader(text, contexts, functions)
    value = reader.either()
    if reader.next() is not None:
        raise UnknownExpression(f"{text!r}: {reader.next()!r} is left over")
    return value


def as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def is_true(value: Any) -> bool:
    return value not in (False, None, 0, "")


class _Reader:
    """Reads by precedence: ``||``, ``&&``, comparisons, ``!``, what stands alone. Every operand is evaluated."""

    def __init__(self, text: str, contexts: Mapping[str, Any], functions: Functions) -> None:
        self.text, self.contexts, self.functions = text, contexts, functions
        self.at = 0

    def next(self) -> str | None:
        if not self.text[self.at :].strip():
            return None
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            raise UnknownExpression(f"{self.text!r} at {self.at}")
        return found[0].strip()

    def take(self, *wanted: str) -> str | None:
        token = self.next()
        if token is None or (wanted and token not in wanted):
            return None
        found = _TOKEN.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return token

    def either(self) -> Any:
        value = self.both()
        while self.take("||"):
            other = self.both()
            value = value if is_true(value) else other
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.take("&&"):
            other = self.compared()
            value = other if is_true(value) else value
        return value

    def compared(self) -> Any:
        value = self.single()
        while sign := self.take("==", "!="):
            # Texts are compared without regard to case.
            left, right = (as_text(one).lower() for one in (value, self.single()))
            value = (left == right) is (sign == "==")
        return value

    def single(self) -> Any:
        if self.take("!"):
            return not is_true(self.single())
        if self.take("("):
            value = self.either()
            self.expect(")")
            return value
        token = self.take()
        if token is None:
            raise UnknownExpression(f"{self.text!r} ends too early")
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self.take("("):
            return self.call(token)
        return _LITERALS[token] if token in _LITERALS else self.named(token)

    def call(self, name: str) -> Any:
        arguments: list[Any] = []
        while not self.take(")"):
            arguments.append(self.either())
            self.take(",")
        if name not in self.functions:
            raise UnknownExpression(f"there is no function {name}")
        return self.functions[name](*arguments)

    def named(self, name: str) -> Any:
        context, *path = name.split(".")
        if context not in self.contexts:
            raise UnknownExpression(f"there is no context {context} in {self.text!r}")
        value = self.contexts[context]
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise UnknownExpression(f"{self.text!r}: expected {sign}")
