"""Formulas are arithmetic, and nothing but arithmetic."""

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftops.graders.formula import FormulaProblem, parse_formula

SCORES = {"a": 0.5, "b": 2.0, "é_1": 3.0, "min": 4.0}


def compute(text: str) -> float:
    return parse_formula(text, frozenset(SCORES)).compute(SCORES)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (" 0.5 * a + 0.5 * b ", 1.25),
        ("(a + b) * 2", 5),
        ("a - b - 1", -2.5),
        ("8 / 2 / 2", 2),
        ("2 * -3", -6),
        ("2 - -3", 5),
        ("- - +a", 0.5),
        ("-2 ^ 2", -4),
        ("(-2) ** 2", 4),
        ("2 ^ 3 ^ 2", 512),
        ("2 ** -1", 0.5),
        ("1e2 + .5 + 2.", 102.5),
        ("min(a, b, 1) + max(a, b)", 2.5),
        ("min * min(min)", 16),
        ("abs(-b) + floor(1.9) + ceil(1.1) + exp(0) + sqrt(4) + log(1)", 8),
        ("(100 - abs(é_1 - a)) / 100", 0.975),
        ("\t(\n((a))\r) ", 0.5),
        ("+".join(["a"] * 5000), 2500),
        ("(" * 40 + "a" + ")" * 40, 0.5),
    ],
)
def test_a_formula_has_the_value_of_arithmetic(text: str, value: float) -> None:
    assert compute(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ends too early"),
        ("1 +", "ends too early"),
        ("1 2", "unexpected '2'"),
        ("0.5 * a + 0.5 * b)", "unexpected ')'"),
        ("(a", "missing"),
        ("c", "no grader named 'c'"),
        ("a.real", "unexpected"),
        ("a[0]", "unexpected '['"),
        ("__import__(1)", "no function named '__import__'"),
        ("pow(a, b)", "no function named 'pow'"),
        ("a(1)", "no function named 'a'"),
        ("abs(1, 2)", "abs takes one value, not 2"),
        ("min()", "unexpected"),
        ("a if b else 1", "unexpected 'if'"),
        ("a and b", "unexpected 'and'"),
        ("1 == 1", "unexpected '='"),
        ("2 // 2", "unexpected '/'"),
        ("a % b", "unexpected '%'"),
        ("²", "unexpected '²'"),
        ("\u0661 + 1", "unexpected"),
        ("0x10", "unexpected 'x10'"),
        ("1_000", "unexpected '_000'"),
        ("'a' * 9", "unexpected"),
        ("(" * 5000 + "a", "nests deeper"),
        ("2 ^ " * 2000 + "2", "nests deeper"),
        ("-(" * 2000 + "a", "nests deeper"),
        ("abs(" * 2000 + "a", "nests deeper"),
        ("a" * 10_001, "longer than"),
        ("1\x00", "unexpected"),
    ],
)
def test_what_is_no_formula_is_refused_when_it_is_read(text: str, why: str) -> None:
    with pytest.raises(FormulaProblem, match=re.escape(why)):
        parse_formula(text, frozenset(SCORES))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / (a - 0.5)", "divides by zero"),
        ("0 ^ -1", "no value"),
        ("(-8) ^ 0.5", "no value"),
        ("sqrt(-1)", "no value"),
        ("log(0)", "no value"),
        ("exp(1000)", "too large"),
        ("9 ** 9 ** 9", "too large"),
        ("9^9^9^9^9^9", "too large"),
        ("1e308 * 10", "not finite"),
        ("1e999", "not finite"),
        ("1e999 - 1e999", "not finite"),
        ("floor(1e999)", "too large"),
        ("floor(1e999 - 1e999)", "no value"),
    ],
)
def test_a_value_that_is_no_finite_number_is_a_problem(text: str, why: str) -> None:
    with pytest.raises(FormulaProblem, match=re.escape(why)):
        compute(text)


def test_many_signs_cost_no_stack() -> None:
    assert compute("-" * 9999 + "1") == -1


def test_a_formula_knows_the_names_it_uses() -> None:
    assert parse_formula("max(b, a) + b + min(1, 2)", frozenset(SCORES)).names == ("a", "b")


expressions = st.recursive(
    st.sampled_from(["a", "b", "1", "2.5", "0.1"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", "-", "*", " / ", "**"]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        inner.map("abs({})".format),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: f"max({', '.join(each)}, 0)"),
    ),
    max_leaves=8,
)


@given(expressions)
def test_where_python_has_a_value_it_is_the_same(text: str) -> None:
    expected = by_python(lambda: eval(text, {"abs": math.fabs, "max": max, "a": 0.5, "b": 2.0}))
    try:
        value = compute(text)
    except FormulaProblem:
        assert expected is None
    else:
        assert expected == pytest.approx(value)


def by_python(evaluate: Callable[[], Any]) -> float | None:
    try:
        value = evaluate()
    except (ArithmeticError, TypeError):  # TypeError: where a power has become complex
        return None
    return None if isinstance(value, complex) or not math.isfinite(value) else float(value)


@given(st.text(alphabet="ab019.+-*/^(), \tminabseé²_", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formula = parse_formula(text, frozenset(SCORES))
        formula.compute(SCORES)
    except FormulaProblem:
        pass
