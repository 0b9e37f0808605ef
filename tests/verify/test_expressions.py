"""Expressions in one variable are read as Python reads them, or refused; nothing is ever run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.expressions import read_expression


def texts() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(["T", "2", "0.5", "3e-1", ".25", "log(T)", "sqrt(T)"])
    return st.recursive(
        atoms,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from([" + ", "-", "*", "/"]), inner).map("".join),
            st.tuples(inner, st.just("**"), st.sampled_from(["2", "-1", "(T/8)"])).map("".join),
            inner.map(lambda text: f"({text})"),
            inner.map(lambda text: f"-{text}"),
        ),
        max_leaves=8,
    )


@given(texts(), st.sampled_from([1.5, 2.0, 8.0]))
def test_as_python_reads_them(text: str, T: float) -> None:
    if len(text) > 200:
        return
    try:
        due = eval(text, {"log": math.log, "sqrt": math.sqrt}, {"T": T})
    except ArithmeticError:
        due = math.nan
    found = read_expression(text, "T").function
    if isinstance(due, complex) or not math.isfinite(due):
        return
    assert found(T) == pytest.approx(due, rel=1e-12)


def test_powers() -> None:
    assert read_expression("2^3^2", "T")(1) == 512 and read_expression("-T^2", "T")(3) == -9
    assert read_expression(" 3 * log( T ) / T ^ 2 ", "T")(8) == 3 * math.log(8) / 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "something is missing"),
        ("T+", "something is missing"),
        ("(T", "a bracket is not closed"),
        ("T)", r"\) is not expected"),
        ("2 T", "T is not expected"),
        ("log T", "log takes brackets"),
        ("x", "x is none of"),
        ("__import__('os')", "_ is none of"),
        ("T;T", "; is none of"),
        ("T.real", r"\. is none of"),
        ("1" * 201, "at most 200 signs"),
        ("sin(T)", "sin is none of"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_expression(text, "T")


def test_a_value_that_is_none() -> None:
    for text in ("1/(T-8)", "log(T-8)", "exp(T^9)", "sqrt(0-T)"):
        with pytest.raises((ArithmeticError, ValueError)):
            read_expression(text, "T")(8.0)


def test_deep_brackets_are_refused_or_read() -> None:
    assert read_expression("(" * 99 + "T" + ")" * 99, "T")(2) == 2
