"""The numbers that the independent checker computes with, and how it reads them from a file."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.recheck.arithmetic import (
    Dual,
    Field,
    Polynomial,
    Residue,
    Series,
    divided,
    is_prime,
    is_zero,
    random_prime,
    solve,
    total,
)
from verify.recheck.certificate import (
    Budget,
    Certificate,
    DeclinedError,
    Fields,
    RejectedError,
    bits,
    growth,
    matrix,
    rational,
)

P = 2**127 - 1
RATIONALS = st.fractions(-20, 20, max_denominator=9)


def residue(x: Fraction) -> Residue:
    return Residue(0, 0, P) + x


@given(RATIONALS, RATIONALS.filter(bool), st.integers(-9, 9))
def test_residues_compute_like_the_rationals(x: Fraction, y: Fraction, n: int) -> None:
    a, b = residue(x), residue(y)
    pairs = [
        (a + b, x + y), (a - b, x - y), (a * b, x * y), (a / b, x / y), (-a, -x), (a**3, x**3), (a + n, x + n),
        (n - a, n - x), (n * a, n * x), (n / b, n / y), (a / y, x / y), (x - b, x - y), (x / b, x / y),
    ]  # fmt: skip
    for found, expected in pairs:
        assert found.value == residue(expected).value
        largest = max(abs(expected.numerator), expected.denominator)
        assert 2**found.size >= largest  # a bound for the bits of both
    assert is_zero(a - x) and not is_zero(a - x + 1)


def test_the_size_bounds_the_degree() -> None:
    """(1 + x y)^2 / (x - y) has degree 4 in all, and coefficients that add up to 4."""
    F = Field()
    x, y = F.draws(2)
    assert x.size == 1 and ((1 + x * y) ** 2 / (x - y)).size >= 4 + 2


def test_different_functions_differ_at_random_points() -> None:
    F = Field()
    x, y = F.draws(2)
    assert is_zero((x + y) * (x - y) - (x * x - y * y))
    assert not is_zero((x + y) * (x + y) - (x * x + y * y))
    assert is_zero(total(F.distribution(4)) - 1) and F.draw().value != F.draw().value


def test_primes() -> None:
    small = [p for p in range(200) if is_prime(p)]
    assert small == [p for p in range(2, 200) if all(p % d for d in range(2, p))]
    assert not is_prime(561) and not is_prime(3215031751) and is_prime(P) and not is_prime(P * (2**61 - 1))
    p = random_prime()
    assert p.bit_length() == 128 and p != random_prime()


def test_dual_numbers_differentiate() -> None:
    """f(x) = (x^2 + 1)/(3 - x) - 2/x at x = 2: f' = (2x (3-x) + x^2 + 1)/(3-x)^2 + 2/x^2."""
    x = Dual(Fraction(2), 1)
    f = (x * x + 1) / (3 - x) - 2 / x
    assert (f.value, f.tangent) == (Fraction(4), Fraction(9) + Fraction(1, 2))


def test_series() -> None:
    t = Series([Fraction(0), Fraction(1), 0, 0, 0])
    assert (1 / (1 - t)).coefficients == [1] * 5
    assert t.expm1().coefficients == [0, 1, Fraction(1, 2), Fraction(1, 6), Fraction(1, 24)]
    assert t.log1p().coefficients == [0, 1, Fraction(-1, 2), Fraction(1, 3), Fraction(-1, 4)]
    assert (t.expm1().log1p() - t).coefficients == [0] * 5
    whole = 1 / Series([2, 0])
    assert whole[0] == Fraction(1, 2) and not isinstance(whole[0], float)


def test_polynomials() -> None:
    x, y = Polynomial.variables("x y")
    assert (x + y) ** 2 == x * x + 2 * x * y + y * y and (x + y) ** 2 != x * x + y * y
    assert ((x + y) ** 2).nowhere_negative and not ((x - y) ** 2).nowhere_negative
    assert (x - x).nowhere_negative and x - x == 0


def test_solve() -> None:
    A = [[0, 2, 1], [1, 1, 0], [3, 0, 1]]
    assert solve(A, [3, 2, 4]) == [1, 1, 1]
    with pytest.raises(ZeroDivisionError):
        solve([[1, 2], [2, 4]], [1, 1])


def test_no_float_decides() -> None:
    assert divided(1, 3) == Fraction(1, 3)
    with pytest.raises(TypeError):
        is_zero(0.0)
    with pytest.raises(TypeError):
        residue(Fraction(1)) + 0.5  # type: ignore[operator]  # what must not work


def certificate(**parameters: Any) -> Certificate:
    return Certificate(parameters, {}, Budget(100))


def test_a_certificate_demands() -> None:
    c = certificate()
    c.zero(Fraction(0), "fine")
    assert c.grade == "exact"
    x = c.field.draw()
    c.zero(x - x, "fine")
    assert c.size > 0 and c.grade.startswith("error < 2^-1")
    for wrong in (x, Fraction(1, 3), 1, Polynomial.variables("x")[0]):
        with pytest.raises(RejectedError, match="here"):
            c.zero(wrong, "here")
    for holds in (False, None, 1, "yes"):
        with pytest.raises(RejectedError, match="here"):
            c.demand(holds, "here")  # type: ignore[arg-type]  # only True is true


@pytest.mark.parametrize("digits", [1, 3999, 4000, 4001, 9000, 19998])
def test_rationals_of_many_digits(digits: int) -> None:
    for x in (10**digits - 1, -(10**digits) + 3):
        text = "-" * (x < 0) + "".join(
            str(abs(x) // 10 ** (1000 * i) % 10**1000).zfill(1000) for i in range(20, -1, -1)
        ).lstrip("0")
        assert rational(text, "") == x


@pytest.mark.parametrize(
    "text", ["1/2 ", "+1", "01", "-0", "2/4", "3/1", "1/0", "1.5", "1e3", "", "/2", "1/-2", "9" * 20001, "\u0661"]
)
def test_what_is_no_rational_in_lowest_terms(text: str) -> None:
    with pytest.raises(RejectedError):
        rational(text, "")


@pytest.mark.parametrize("value", [[], [[]], [["1"], ["1", "2"]], "1", [1], [["1"], "1"], {"0": ["1"]}])
def test_what_is_no_matrix(value: object) -> None:
    with pytest.raises(RejectedError):
        matrix(value, "")
    assert matrix([["1", "-1/2"]], "") == [[1, Fraction(-1, 2)]]


def test_fields_are_read_with_their_types_and_all_of_them() -> None:
    f = Fields({"S": 2, "flag": True, "lags": [1, 2], "word": "uniform"}, "parameters")
    assert f.integer("S", 2) == 2 and f.integers("lags", 1) == [1, 2] and f.text("word", ("uniform",)) == "uniform"
    for read in (
        lambda: f.integer("flag", 0), lambda: f.integer("S", 3), lambda: f.integer("S", 0, 1),
        lambda: f.integers("S", 0), lambda: f.text("word", ("other",)), lambda: f.text("S"), lambda: f.any("missing"),
        lambda: f.objects("lags"), lambda: Fields([], "x"),
    ):  # fmt: skip
        with pytest.raises(RejectedError):
            read()
    g = Fields({"a": 1, "b": 2}, "parameters")
    g.any("a")
    with pytest.raises(RejectedError, match=r"parameters\.b"):
        g.finish()


def test_negative_powers_are_refused() -> None:
    """`size` bounds degrees: times a negative power it would promise certainty that is not there."""
    x = Field().draw()
    assert (x**0).value == 1 and (x**3).size == 3 * x.size
    with pytest.raises(ValueError, match="negative power"):
        x**-1
    with pytest.raises(ValueError, match="negative power"):
        Polynomial.variables("x")[0] ** -1


def test_a_budget_is_spent_once() -> None:
    budget = Budget(100)
    for _ in range(2):
        budget.spend(50, "work")
    with pytest.raises(DeclinedError, match=r"work: about 1.0000e\+0 steps, more than limit=1.0e\+02 leaves"):
        budget.spend(1, "work")
    assert budget.spent == 100
    with pytest.raises(DeclinedError, match=r"about 1.0715e\+301 steps"):
        Budget(100).spend(2**1000, "work")
    with pytest.raises(DeclinedError):
        Budget(float("nan")).spend(0, "work")


def test_operations_with_long_numbers_cost_more() -> None:
    c = Certificate({}, {}, Budget(10**9))
    spent = []
    for size in (0, 10, 1000, 100_000):
        before = c.budget.spent
        c.afford(1, "one", size)
        spent.append(c.budget.spent - before)
    assert spent == sorted(set(spent)) and spent[3] > 1000 * spent[2] / 3
    assert bits([Fraction(3, 4)], [[7], Fraction(1)]) == 2 + 3 and bits() == 0
    assert growth([[Fraction(1, 4), Fraction(3, 4)], [Fraction(1, 2), Fraction(1, 3)]]) == (3 + 2) + (2 + 2 + 1)
