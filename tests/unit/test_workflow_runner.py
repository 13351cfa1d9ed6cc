"""The tests' own runner: it reads expressions as GitHub does, and what it doesn't know is an error."""

from typing import Any

import pytest

from workflow_expressions import UnknownExpression, condition, evaluate, expand
from workflow_runner import _read_outputs

CONTEXTS: dict[str, Any] = {"env": {"A": "x", "EMPTY": ""}, "github": {"event": {"number": 7, "fork": False}}}
FUNCTIONS = {
    "success": lambda: False,
    "always": lambda: True,
    "cancelled": lambda: False,
    "format": lambda text, value: text.replace("{0}", str(value)),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("env.A == 'X'", True),
        ("env.A != 'x' || env.A", "x"),
        ("env.EMPTY || 'other'", "other"),
        ("env.A && 'yes' || 'no'", "yes"),
        ("env.EMPTY && 'yes' || 'no'", "no"),
        ("!env.EMPTY && !(env.A == 'y')", True),
        ("github.event.missing.deeper", None),
        ("github.event.number == '7'", True),
        ("format('{0}/it''s', env.A)", "x/it's"),
        ("!github.event.fork", True),
        ("true", True),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert evaluate(text, CONTEXTS, FUNCTIONS) == value


@pytest.mark.parametrize(
    "text", ["secrets.KEY", "unknown('a')", "env.A ==", "env.A 'x'", "a[0]", "(env.A", "env.A > 1"]
)
def test_what_is_unknown_is_an_error(text: str) -> None:
    with pytest.raises(UnknownExpression):
        evaluate(text, CONTEXTS, FUNCTIONS)


def test_places_in_texts() -> None:
    assert expand("a-${{ env.A }}-${{ github.event.fork }}${{ github.event.none }}", CONTEXTS, FUNCTIONS) == "a-x-false"


@pytest.mark.parametrize(
    ("stated", "holds"),
    [
        (None, False),
        ("${{ env.A == 'x' }}", False),
        ("${{ always() }}", True),
        ("${{ !cancelled() && env.A == 'x' }}", True),
        ("!cancelled() && env.A == 'y'", False),
    ],
)
def test_a_step_after_a_failure_runs_only_where_it_asks_for_that(stated: str | None, holds: bool) -> None:
    assert condition(stated, CONTEXTS, FUNCTIONS) is holds


def test_outputs_are_read_in_both_forms() -> None:
    assert _read_outputs("a=1\nb<<END\none\n\ntwo=2\nEND\nc=x=y\n") == {"a": "1", "b": "one\n\ntwo=2", "c": "x=y"}
    with pytest.raises(AttributeError):
        _read_outputs("what is this\n")
