"""The identities behind NT1-NT7, and plain rational arithmetic as a second witness for the lemmas."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token import gradient
from proofs.next_token.gradient import SentenceSymbols
from proofs.next_token.points import find_point, value_at
from proofs.next_token.quotients import Quotients, is_positive, numerator

F = Fraction
positive = st.fractions(min_value=F(1, 50), max_value=50, max_denominator=50)


@pytest.mark.parametrize("tokens", [(0, 1), (1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 2), (1, 0, 1, 2)])
def test_gradient_position_by_position(tokens: tuple[int, ...]) -> None:
    residuals = gradient.gradient_residuals(tokens)
    assert len(residuals) == 4 * (max(tokens) + 1)
    assert all(numerator(residual) == 0 for residual in residuals)


@pytest.mark.parametrize(
    "residuals",
    [
        gradient.counted_gradient_residuals,
        gradient.mean_form_residuals,
        gradient.aligned_output_residuals,
        gradient.column_sum_residuals,
        gradient.sign_lemma_residuals,
        gradient.correlation_residuals,
        gradient.infimum_residuals,
        gradient.unseen_residuals,
    ],
)
@pytest.mark.parametrize("m", [2, 3])
def test_identities(residuals: Callable[[int], list[sp.Expr]], m: int) -> None:
    found = residuals(m)
    assert found
    assert all(numerator(residual) == 0 for residual in found)


def test_identities_without_m() -> None:
    assert all(numerator(residual) == 0 for residual in (*gradient.ray_residuals(), *gradient.tail_residuals()))


def test_an_identity_that_is_false_is_seen() -> None:
    s = SentenceSymbols(3)
    assert numerator(s.G[1] - s.beta * s.a[1] * s.p[1]) != 0
    assert numerator(sum(s.G)) == 0
    assert numerator(sum(s.G) + s.beta / 10**6) != 0


def test_positivity() -> None:
    x, y = sp.symbols("x y", positive=True)
    assert is_positive(x * y / (x + y))
    assert is_positive(sp.Integer(3))
    assert not is_positive(x - y)
    assert not is_positive(x / (x - y))
    assert not is_positive(sp.Integer(0))
    assert not is_positive(-x)
    for m in (2, 3, 4):
        for positive in (
            gradient.descent_of_optimal,
            gradient.slack_under_dominance,
            gradient.correlation_slacks,
            gradient.rises_of_others,
        ):
            assert positive(m) and all(map(is_positive, positive(m)))
        assert is_positive(SentenceSymbols(m).G[1]) == (m == 2)  # NT4 needs dominance, but not for two tokens
    assert is_positive(gradient.ray_speed())


def score_gradient(a: list[Fraction], p: list[Fraction]) -> list[Fraction]:
    """G_x = a_x (g_x - mean g) with g_x = -(1{x = 0} - p_x): beta = 1, plain rationals."""
    g = [p_x - (x == 0) for x, p_x in enumerate(p)]
    mean = sum(a_x * g_x for a_x, g_x in zip(a, g, strict=True))
    return [a_x * (g_x - mean) for a_x, g_x in zip(a, g, strict=True)]


@st.composite
def dominated(draw: st.DrawFn) -> tuple[list[Fraction], list[Fraction]]:
    """Masses of 2 to 5 tokens, the first the largest, and probabilities of their next tokens."""
    m = draw(st.integers(2, 5))
    A = sorted((draw(positive) for _ in range(m)), reverse=True)
    P = [draw(positive) for _ in range(m + 1)]
    return [x / sum(A) for x in A], [x / sum(P) for x in P[:m]]


@given(dominated())
def test_sign_lemma_in_rationals(point: tuple[list[Fraction], list[Fraction]]) -> None:
    a, p = point
    G = score_gradient(a, p)
    assert G[0] < 0
    assert all(G[x] >= a[x] * p[x] > 0 for x in range(1, len(a)))


@given(dominated(), st.data())
def test_correlation_lemma_in_rationals(point: tuple[list[Fraction], list[Fraction]], data: st.DataObject) -> None:
    G = score_gradient(*point)
    margins = [1 + data.draw(st.fractions(0, 3, max_denominator=9)) for _ in G[1:]]
    w = [F(0), *(-margin for margin in margins)]
    along = -sum(G_x * w_x for G_x, w_x in zip(G, w, strict=True))
    squares = sum(G_x**2 for G_x in G)
    assert sum(G) == 0
    assert 2 * along**2 >= squares


def test_correlation_lemma_is_attained_by_pairs() -> None:
    G = score_gradient([F(3, 4), F(1, 4)], [F(1, 2), F(1, 8)])
    along = G[1]  # margin 1
    assert 2 * along**2 == sum(G_x**2 for G_x in G)


def test_control_sentence() -> None:
    """NT4's counterexample: X = [0, 2, 1, 1, 1], optimal 0, beta = 20, W_kq = 0."""
    e = [math.exp(20 * a) for a in (0.2, 0.6, 0.2)]
    p = [x / (sum(e) + 2) for x in e]
    a = [0.2, 0.6, 0.2]
    g = [20 * (p_x - (x == 0)) for x, p_x in enumerate(p)]
    mean = sum(a_x * g_x for a_x, g_x in zip(a, g, strict=True))
    G = [a_x * (g_x - mean) for a_x, g_x in zip(a, g, strict=True)]
    assert [round(x, 2) for x in G] == [-5.60, 7.20, -1.60]
    s = SentenceSymbols(3)
    A, P = sp.symbols("A:3", positive=True), sp.symbols("P:3", positive=True)
    at = {**dict(zip(A, a, strict=True)), **dict(zip(P, e, strict=True)), sp.Symbol("P_rest", positive=True): 2}
    symbolic = [float(G_x.subs({**at, s.beta: 20})) for G_x in s.G]
    assert symbolic == pytest.approx(G, rel=1e-12)


def test_unseen_entries_are_all_but_the_tokens_of_the_query() -> None:
    """Of 3 x 3 entries of W_kq, those of the tokens 0 and 1 with the query 1 may move."""
    assert len(gradient.unseen_residuals(2)) == 9 - 2
    assert len(gradient.unseen_residuals(3)) == 16 - 3


def test_values_at_points_are_those_of_the_expression() -> None:
    x, y = sp.symbols("x y", positive=True)
    expression = (x**2 - y) / (x + y) ** 2 + sp.Rational(1, 3)
    point = {x: F(3, 2), y: F(5)}
    assert value_at(expression, point) == (F(9, 4) - 5) / F(13, 2) ** 2 + F(1, 3)
    with pytest.raises(TypeError, match="exp: not a rational function"):
        value_at(sp.exp(x), point)


def test_points_are_found_where_there_are_some() -> None:
    x, y = sp.symbols("x y", positive=True)
    point = find_point(x - y, (x, y), lambda value: value < 0)
    assert point is not None and point[x] < point[y]
    assert find_point(x + y, (x, y), lambda value: value <= 0) is None
    assert set(find_point(x, (x, y), lambda value: value > 0) or ()) == {x, y}
    large = find_point(1 / (x - 1000), (x,), lambda value: value > 0)
    assert large is not None and large[x] > 1000
    small = find_point(x, (x,), lambda value: value != 0)
    assert small is not None and small[x].denominator == 1 and 2 <= small[x] <= 9


def test_stage_1_loss_is_the_closed_form() -> None:
    """e^loss of one collocation at V = 4, s = log 2: probabilities 2 : 1 : 1 : 1."""
    assert gradient.uniform_loss_exponential(4, F(1, 2)) == F(5, 2)


def test_quotients_are_the_functions_that_they_stand_for() -> None:
    """Sums and quotients of quotients: numerator over the powers of the bases, at a point, is the value there."""
    x, y = sp.symbols("x y", positive=True)
    point = {x: F(3, 2), y: F(5, 7)}
    for expression in (
        1 / (1 / x + y / (x + 1)) ** 2 - x / (x + y),
        (x / y - y / x) ** 3 / (x + y) ** 2,
        x / 3 + 2 / (6 * x),
    ):
        quotients = Quotients({x, y})
        quotient = quotients.of(expression)
        value = value_at(quotients.expression(quotient.numerator), point)
        for base, power in quotient.powers.items():
            value /= value_at(quotients.expression(quotients.bases[base]), point) ** power
        assert value == value_at(expression, point) != 0


def test_what_is_no_rational_function_is_refused() -> None:
    x, y = sp.symbols("x y", positive=True)
    for other in (sp.exp(x), sp.sqrt(x) + 1, x**y):
        with pytest.raises(TypeError, match="not a rational function"):
            numerator(other)
    with pytest.raises(ZeroDivisionError, match="identically 0"):
        numerator(y / sp.Add((x + y) ** 2, -(x**2), -2 * x * y, -(y**2), evaluate=False))
