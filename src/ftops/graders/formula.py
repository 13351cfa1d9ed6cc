"""The formula of a ``multi`` grader: arithmetic over the scores of its graders.

Owns its grammar, which is the guide's: numbers, the graders' names, ``+ - * /``, powers written ``^`` or ``**``, parentheses,
and the functions min, max, abs, floor, ceil, exp, sqrt and log (the natural one). It is parsed into a tree and computed in
floating point, so that no power can grow beyond a float; nothing is handed to the interpreter.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

_LONGEST: Final = 10_000
_DEEPEST: Final = 60
_DIGITS: Final = "0123456789"
_TOKEN: Final = re.compile(r"\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[^\W0-9]\w*|\*\*|[-+*/^(),])")
_FUNCTIONS: Final[Mapping[str, Callable[[float], float]]] = {
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_EXTREMES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {"min": min, "max": max}


class FormulaProblem(Exception):
    """A formula that can't be read, or that gives no finite number for these scores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """A grader's score."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A function of one or, for min and max, of several values. ``neg`` is the sign before a value."""

    function: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Operators of one rank applied from left to right: a first value, then operators each with its right side."""

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


Node = Number | Name | Call | Chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """A formula that was read. ``names`` are the graders that it uses, sorted."""

    text: str
    names: tuple[str, ...]
    root: Node

    def compute(self, scores: Mapping[str, float]) -> float:
        """Gives the value for these scores. Raises FormulaProblem where it isn't a finite real number."""
        try:
            value = _compute(self.root, scores)
        except ZeroDivisionError as error:
            raise FormulaProblem("it divides by zero") from error
        except OverflowError as error:
            raise FormulaProblem("its value is too large") from error
        except ValueError as error:
            raise FormulaProblem("a function has no value there") from error
        if not math.isfinite(value):
            raise FormulaProblem("its value is not finite")
        return value


def parse_formula(text: str, names: frozenset[str]) -> Formula:
    """Reads a formula over these names. Raises FormulaProblem."""
    if len(text) > _LONGEST:
        raise FormulaProblem(f"it is longer than {_LONGEST:,} characters")
    parser = _Parser(_tokens(text), names)
    root = parser.parse()
    return Formula(text=text, names=tuple(sorted(parser.used)), root=root)


class _Parser:
    """Recursive descent: a sum of products of powers of values. Depth is counted, lest it end with the interpreter's stack."""

    def __init__(self, tokens: Sequence[str], names: frozenset[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._names = names
        self.used: set[str] = set()

    def parse(self) -> Node:
        root = self._sum()
        if self._peek():
            raise FormulaProblem(f"unexpected '{self._peek()}'")
        return root

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormulaProblem(f"it nests deeper than {_DEEPEST} levels")
        node = self._chain(("+", "-"), self._product)
        self._depth -= 1
        return node

    def _product(self) -> Node:
        return self._chain(("*", "/"), self._signed)

    def _chain(self, operators: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        first = operand()
        rest: list[tuple[str, Node]] = []
        while self._peek() in operators:
            rest.append((self._take(), operand()))
        return Chain(first=first, rest=tuple(rest)) if rest else first

    def _signed(self) -> Node:
        """A power with signs before it: they bind less than the power, as in ``-2 ^ 2``."""
        is_negative = False
        while self._peek() in ("+", "-"):
            is_negative ^= self._take() == "-"
        node = self._power()
        return Call(function="neg", arguments=(node,)) if is_negative else node

    def _power(self) -> Node:
        base = self._value()
        if self._peek() not in ("^", "**"):
            return base
        self._take()
        self._depth += 1
        if self._depth > _DEEPEST:
            raise FormulaProblem(f"it nests deeper than {_DEEPEST} levels")
        exponent = self._signed()  # to the right first: 2 ^ 3 ^ 2 is 2 ^ 9
        self._depth -= 1
        return Chain(first=base, rest=(("^", exponent),))

    def _value(self) -> Node:
        piece = self._take()
        if piece == "(":
            node = self._sum()
            self._expect(")")
            return node
        if piece.startswith((*_DIGITS, ".")):
            return Number(value=float(piece))
        if not piece.isidentifier():
            raise FormulaProblem(f"unexpected '{piece}'" if piece else "it ends too early")
        if self._peek() == "(":
            return self._call(piece)
        if piece not in self._names:
            raise FormulaProblem(f"there is no grader named '{piece[:64]}'")
        self.used.add(piece)
        return Name(name=piece)

    def _call(self, function: str) -> Node:
        if function not in _FUNCTIONS and function not in _EXTREMES:
            raise FormulaProblem(f"there is no function named '{function[:64]}'")
        self._expect("(")
        arguments = [self._sum()]
        while self._peek() == ",":
            self._take()
            arguments.append(self._sum())
        self._expect(")")
        if function in _FUNCTIONS and len(arguments) != 1:
            raise FormulaProblem(f"{function} takes one value, not {len(arguments)}")
        return Call(function=function, arguments=tuple(arguments))

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        found = self._take()
        if found != sign:
            raise FormulaProblem(f"expected '{sign}', got '{found[:64]}'" if found else f"there is a '{sign}' missing")


def _tokens(text: str) -> Sequence[str]:
    tokens: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise FormulaProblem(f"unexpected '{text[at:].lstrip()[:1]}'")
        tokens.append(match[1])
        at = match.end()
    return tokens


def _compute(node: Node, scores: Mapping[str, float]) -> float:
    match node:
        case Number():
            return node.value
        case Name():
            return float(scores[node.name])
        case Call():
            return _apply(node.function, [_compute(each, scores) for each in node.arguments])
        case Chain():
            value = _compute(node.first, scores)
            for operator, side in node.rest:
                value = _combine(operator, value, _compute(side, scores))
            return value
        case _:
            assert_never(node)


def _apply(function: str, values: Sequence[float]) -> float:
    if function == "neg":
        return -values[0]
    if function in _EXTREMES:
        return _EXTREMES[function](values)
    return float(_FUNCTIONS[function](values[0]))


def _combine(operator: str, left: float, right: float) -> float:
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            return math.pow(left, right)  # ValueError for what ** would make complex, or infinite
