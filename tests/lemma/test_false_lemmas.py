"""Functions that are made to look proved when they are called with symbols. None is; and the false ones are refuted.

Beside each stands a twin that says the same honestly and is true, so that what refuses them does not refuse all.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import operator
import random
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pytest

import landscape_verifier as lv
from tests.lemma.deciding import decided
from tests.lemma.deciding import lemma as lemma_of
from verify.claim import Evidence, Verdict
from verify.lemma.proof import prove
from verify.lemma.runs import MissedError

FALSE: dict[str, Callable[..., Any]] = {}  # false for numbers, without a doubt
DOUBTFUL: dict[str, Callable[..., Any]] = {}  # no proof, whatever else they are
OVER: dict[str, Mapping[str, lv.Domain]] = {}
COUNT = [0]
CALLS = 0
KEPT: dict[str, Any] = {}
MyType = type


def false(over: Mapping[str, lv.Domain] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        FALSE[function.__name__], OVER[function.__name__] = function, over or {}
        return function

    return noted


def doubtful(function: Callable[..., Any]) -> Callable[..., Any]:
    DOUBTFUL[function.__name__] = function
    return function


# --- order, truth, branches ---


@false()
def order_of_monomials(x, y):  # type: ignore[no-untyped-def]  # a lemma is written without types, here and below
    return x < y


@false()
def order_of_polynomials(x, y):  # type: ignore[no-untyped-def]
    return x <= x + y


@false()
def largest(x, y):  # type: ignore[no-untyped-def]
    return max(x, y) == x


@false()
def smallest(x, y):  # type: ignore[no-untyped-def]
    return min([y, x]) == y


@false()
def sorts(x, y):  # type: ignore[no-untyped-def]
    return sorted([y, x])[0] == y


@false()
def conjunction(x, y):  # type: ignore[no-untyped-def]
    return x == y and x == x


@false()
def conjunction_of_the_other_order(x, y):  # type: ignore[no-untyped-def]
    return x == x and x == y


@false()
def disjunction(x, y):  # type: ignore[no-untyped-def]
    return x == y or x == x + 1


@false()
def negation(x, y):  # type: ignore[no-untyped-def]
    return not x == y + y  # noqa: SIM201  # on purpose


@false()
def branches(x, y):  # type: ignore[no-untyped-def]
    if x == y:
        return x == x
    return x == y


@false()
def expression_branches(x, y):  # type: ignore[no-untyped-def]
    return (x == x) if x - y else (x == x + 1)


@false()
def never_equal(x, y):  # type: ignore[no-untyped-def]
    return x != y


@false()
def never_equal_to_a_number(x):  # type: ignore[no-untyped-def]
    return x != 2


@false()
def chained(x):  # type: ignore[no-untyped-def]
    return 0 <= x <= 1


@false()
def chained_equalities(x, y):  # type: ignore[no-untyped-def]
    return x == y == x


@false()
def contained(x, y):  # type: ignore[no-untyped-def]
    return x in [y, y + 1]


@false()
def not_contained(x, y):  # type: ignore[no-untyped-def]
    return x not in (y, 2 * y)


@false()
def truth_of_a_number(x):  # type: ignore[no-untyped-def]
    return bool(x)


@false()
def truth_of_a_number_in_a_list(x, y):  # type: ignore[no-untyped-def]
    return [y == y, bool(x - y)]


@false()
def all_of_them(x, y):  # type: ignore[no-untyped-def]
    return all([x == x, x == y])


@false()
def any_of_them(x, y):  # type: ignore[no-untyped-def]
    return any([x == y, x == x + 1])


@false()
def filtered(x, y):  # type: ignore[no-untyped-def]
    return [x == x, *filter(None, [x == y])] == [True, True]


@doubtful
def hidden_in_a_list(x, y):  # type: ignore[no-untyped-def]
    return [x == x, (x == y) is not False]


@doubtful
def identity_of_the_answer(x, y):  # type: ignore[no-untyped-def]
    equal = (x == y) is not False
    return x == x if equal else x == y


@doubtful
def identity_by_a_function(x, y):  # type: ignore[no-untyped-def]
    return x == x if operator.is_not(x == y, False) else x == y


@doubtful
def kind_of_the_answer(x, y):  # type: ignore[no-untyped-def]
    return x == y if isinstance(x == y, bool) else x == x


@false()
def equal_answers(x, y):  # type: ignore[no-untyped-def]
    return (x == y) == (x == x)


@false()
def one_of_many(x, y):  # type: ignore[no-untyped-def]
    return [x == x, x == y]


@false()
def joined(x, y):  # type: ignore[no-untyped-def]
    return (x == x) & (x == y)


@false()
def lists_compared(x, y):  # type: ignore[no-untyped-def]
    return [x, y] == [y, x]


@false()
def position_in_a_list(x, y):  # type: ignore[no-untyped-def]
    return [y, x].index(x) == 0


@false()
def numpy_chooses(x, y):  # type: ignore[no-untyped-def]
    return np.max(np.array([x, y])) == x


@false()
def numpy_compares(x, y):  # type: ignore[no-untyped-def]
    return bool((np.array([x]) == np.array([y])).all())


# --- floats, whole numbers, text ---


@doubtful
def float_added(x):  # type: ignore[no-untyped-def]
    return x + 0.5 == x + Fraction(1, 2)


@doubtful
def float_of_a_third(x):  # type: ignore[no-untyped-def]
    return (x * (1 / 3)) * 3 == x


@doubtful
def numpy_float(x):  # type: ignore[no-untyped-def]
    return np.float64(0.1) * x * 10 == x


@doubtful
def infinite(x):  # type: ignore[no-untyped-def]
    return x * math.inf == x * math.inf


@doubtful
def not_a_number(x):  # type: ignore[no-untyped-def]
    return [x == x, math.nan != math.nan]


@doubtful
def as_floats(x, y):  # type: ignore[no-untyped-def]
    return float(x) + float(y) == float(x + y)


@doubtful
def square_root_in_floats(x):  # type: ignore[no-untyped-def]
    return math.sqrt(x * x) == x


@doubtful
def complex_numbers(x):  # type: ignore[no-untyped-def]
    return x * 1j == 1j * x


@false()
def whole_part(x):  # type: ignore[no-untyped-def]
    return int(x) == x


@false()
def rounds(x):  # type: ignore[no-untyped-def]
    return round(x) == x


@false()
def floor(x):  # type: ignore[no-untyped-def]
    return math.floor(x) == x


@false()
def whole_division(x):  # type: ignore[no-untyped-def]
    return x // 2 == x / 2


@false()
def remainder(x):  # type: ignore[no-untyped-def]
    return x % 1 == 0


@false()
def absolute_value(x):  # type: ignore[no-untyped-def]
    return abs(x) == x


@doubtful
def power_of_two(x):  # type: ignore[no-untyped-def]
    return 2**x == x**2


@doubtful
def power_of_a_symbol(x, y):  # type: ignore[no-untyped-def]
    return x**y == x**y


@doubtful
def fractional_power(x):  # type: ignore[no-untyped-def]
    return (x**2) ** Fraction(1, 2) == x


@doubtful
def picks_by_index(x):  # type: ignore[no-untyped-def]
    return [x, x, x][x] == x


@doubtful
def counts_up(x):  # type: ignore[no-untyped-def]
    return sum(1 for _ in range(x)) == x


@false()
def length_of_its_text(x):  # type: ignore[no-untyped-def]
    return len(str(x)) == len(repr(x + 10))


@false()
def formatted(x, y):  # type: ignore[no-untyped-def]
    return x == x if f"{x}" == f"{y}" else x == y


@false()
def hashed(x, y):  # type: ignore[no-untyped-def]
    return x == x if hash(x) == hash(y) else x == y


@false()
def in_a_set(x, y):  # type: ignore[no-untyped-def]
    return len({x, y}) == 1


@false()
def in_a_dictionary(x, y):  # type: ignore[no-untyped-def]
    return {x: 1}.get(y, 0) == 1


@false()
def numerators(x):  # type: ignore[no-untyped-def]
    return x.numerator == x


# --- exceptions ---


@false()
def swallows(x, y):  # type: ignore[no-untyped-def]
    try:
        equal = bool(x == y)
    except BaseException:
        equal = True
    return x == x if equal else x == y


@doubtful
def swallows_what_a_float_raises(x, y):  # type: ignore[no-untyped-def]
    try:
        math.sqrt(x * x)
    except Exception:
        return x == x
    return x == y


@doubtful
def suppresses(x, y):  # type: ignore[no-untyped-def]
    with contextlib.suppress(Exception):
        return x == y if [0][x - x] == 0 else x == x
    return x == x


@false()
def raises_where_numbers_do(x, y):  # type: ignore[no-untyped-def]
    try:
        1 / (x - x)
    except ZeroDivisionError:
        return x == y
    return x == x


@doubtful
def raises_at_a_number_nobody_draws(x, y):  # type: ignore[no-untyped-def]
    try:
        1 / (x - Fraction(12347, 7919))
    except ZeroDivisionError:
        return x == x + 1
    return x == x


@doubtful
def divides_by_nothing(x, y):  # type: ignore[no-untyped-def]
    nothing = (x + y) ** 2 - x**2 - 2 * x * y - y**2
    return x / nothing == y / nothing


@doubtful
def root_of_a_negative(x):  # type: ignore[no-untyped-def]
    return lv.math.sqrt(-1 - x**2) == lv.math.sqrt(-1 - x**2)


# --- the kind and the identity of what it is given ---


@false()
def is_a_fraction(x, y):  # type: ignore[no-untyped-def]
    return x == y if isinstance(x, Fraction) else x == x


@doubtful
def is_no_symbol(x, y):  # type: ignore[no-untyped-def]
    return x == y if not hasattr(x, "_run") else x == x


@doubtful
def type_of(x, y):  # type: ignore[no-untyped-def]
    return x == y if type(x) is Fraction else x == x


@doubtful
def type_of_by_another_name(x, y):  # type: ignore[no-untyped-def]
    return x == y if MyType(x).__name__ == "Fraction" else x == x


@doubtful
def type_of_by_a_default(x, y, kind=type):  # type: ignore[no-untyped-def]
    return x == y if kind(x) == Fraction else x == x


@false()
def class_of(x, y):  # type: ignore[no-untyped-def]
    return x == y if x.__class__ == Fraction else x == x


@functools.singledispatch
def other(x: Any) -> Any:
    return x


@other.register
def _(x: Fraction) -> Any:
    return x + 1


@false()
def dispatched(x):  # type: ignore[no-untyped-def]
    return other(x) == x


@false()
def matched(x, y):  # type: ignore[no-untyped-def]
    match x:
        case Fraction():
            return x == y
    return x == x


@doubtful
def numbered(x):  # type: ignore[no-untyped-def]
    return x * (id(x) % 3) == x


@doubtful
def evaluated(x, y):  # type: ignore[no-untyped-def]
    return eval("x == x if str(type(x)) else x == y")


# --- state and chance ---


@doubtful
def counts_globally(x, y):  # type: ignore[no-untyped-def]
    global CALLS
    CALLS += 1
    return x == x if CALLS <= 2 else x == y


@doubtful
def counts_in_a_list(x, y):  # type: ignore[no-untyped-def]
    COUNT[0] += 1
    return x == x if COUNT[0] <= 2 else x == y


@doubtful
def counts_in_a_default(x, y, calls=[]):  # type: ignore[no-untyped-def]  # noqa: B006  # on purpose
    calls.append(0)
    return x == x if len(calls) <= 3 else x == y


# These are true at first, for as long as any look at numbers takes.
RARELY = 5000


class Calls:
    number = 0
    every: ClassVar[list[int]] = []


@doubtful
def counts_in_a_class(x, y):  # type: ignore[no-untyped-def]
    Calls.number += 1
    return x == (x if Calls.number % RARELY else y)


@doubtful
def counts_in_a_list_of_a_class(x, y):  # type: ignore[no-untyped-def]
    Calls.every.append(0)
    return x == (x if len(Calls.every) % RARELY else y)


OBJECT, DICTIONARY, ARRAY, COUNTER, DICE = (
    Calls(),
    {"number": 0},
    np.zeros(1),
    itertools.count(),
    np.random.default_rng(0),
)


@doubtful
def counts_in_an_object(x, y):  # type: ignore[no-untyped-def]
    OBJECT.number += 1
    return x == (x if OBJECT.number % RARELY else y)


@doubtful
def counts_in_a_dictionary(x, y):  # type: ignore[no-untyped-def]
    DICTIONARY["number"] += 1
    return x == (x if DICTIONARY["number"] % RARELY else y)


@doubtful
def counts_in_an_array(x, y):  # type: ignore[no-untyped-def]
    ARRAY[0] += 1
    return x == (x if ARRAY[0] % RARELY else y)


@doubtful
def counts_in_itself(x, y):  # type: ignore[no-untyped-def]
    ITSELF.number += 1
    return x == (x if ITSELF.number % RARELY else y)


ITSELF: Any = counts_in_itself
ITSELF.number = 0


@doubtful
def counts_by_an_iterator(x, y):  # type: ignore[no-untyped-def]
    return x == (x if (next(COUNTER) + 1) % RARELY else y)


@doubtful
def throws_dice_of_numpy(x, y):  # type: ignore[no-untyped-def]
    return x == (x if DICE.integers(RARELY) else y)


@doubtful
def counts_in_an_object_of_a_default(x, y, calls=Calls()):  # type: ignore[no-untyped-def]  # noqa: B008  # on purpose
    calls.number += 1
    return x == (x if calls.number % RARELY else y)


def counting() -> Callable[..., Any]:
    number = 0

    def counts(x, y):  # type: ignore[no-untyped-def]
        nonlocal number
        number += 1
        return x == (x if number % RARELY else y)

    return counts


counts_around_it = doubtful(counting())


@doubtful
def throws_dice(x, y):  # type: ignore[no-untyped-def]
    return x == x if random.random() < 0.999 else x == y


@doubtful
def keeps_an_answer(x):  # type: ignore[no-untyped-def]
    KEPT.setdefault("answer", x == x)
    return KEPT["answer"]


@doubtful
def keeps_a_number(x):  # type: ignore[no-untyped-def]
    KEPT.setdefault("number", x)
    return KEPT["number"] == x


@functools.lru_cache
def remembered(x: Any) -> Any:
    return x


@doubtful
def remembers(x):  # type: ignore[no-untyped-def]
    return remembered(x) == x


# --- no comparison ---


@doubtful
def constant(x):  # type: ignore[no-untyped-def]
    return True


@doubtful
def constants(x):  # type: ignore[no-untyped-def]
    return [x == x, True]


@doubtful
def empty(x):  # type: ignore[no-untyped-def]
    return [x == x] * 0


@doubtful
def nothing(x):  # type: ignore[no-untyped-def]
    x == x  # noqa: B015  # on purpose


@doubtful
def number(x):  # type: ignore[no-untyped-def]
    return x - x + 1


@doubtful
def yields(x):  # type: ignore[no-untyped-def]
    yield x == x


@doubtful
def function(x):  # type: ignore[no-untyped-def]
    return lambda: x == x


# --- false inequalities, functions and structures ---


@false({"x": lv.rationals(low=0)})
def positive_where_it_may_be_0(x):  # type: ignore[no-untyped-def]
    return x > 0


@false({"x": lv.rationals(low=0, high=1)})
def below_the_end(x):  # type: ignore[no-untyped-def]
    return x < 1


@false({"R": lv.orthogonal(2)})
def above_the_end(R):  # type: ignore[no-untyped-def]
    return R[0, 0] > -1


@false({"x": lv.rationals(positive=True)})
def positive_coefficients_but_one(x):  # type: ignore[no-untyped-def]
    return x**2 - x + Fraction(1, 8) >= 0


@false()
def odd_power(x):  # type: ignore[no-untyped-def]
    return x**4 + x**3 + Fraction(1, 100) >= 0


@false()
def strict_square(x, y):  # type: ignore[no-untyped-def]
    return (x - y) ** 2 > 0


@false()
def sign_of_a_divisor(x):  # type: ignore[no-untyped-def]
    return (x**2 + 1) / x >= 0


@false({"A": lv.positive_definite(2)})
def entries_of_a_definite_matrix(A):  # type: ignore[no-untyped-def]
    return A[0, 1] >= 0


@false({"tau": lv.kernels(2, 2)})
def kernels_do_not_commute(tau):  # type: ignore[no-untyped-def]
    return tau @ tau.T == tau.T @ tau


@false({"R": lv.orthogonal(3)})
def reflections_are_orthogonal_too(R):  # type: ignore[no-untyped-def]
    return lv.math.determinant(R) == 1


@false()
def root_of_a_square(x):  # type: ignore[no-untyped-def]
    return lv.math.sqrt(x**2) == x


@false()
def exponential_of_a_product(x, y):  # type: ignore[no-untyped-def]
    return lv.math.exp(x * y) == lv.math.exp(x) * lv.math.exp(y)


@false()
def exponential_and_power(x):  # type: ignore[no-untyped-def]
    return lv.math.exp(x / 2) ** 3 == lv.math.exp(x)


@false({"x": lv.rationals(positive=True), "y": lv.rationals(positive=True)})
def logarithm_of_a_sum(x, y):  # type: ignore[no-untyped-def]
    return lv.math.log(x + y) == lv.math.log(x) + lv.math.log(y)


RAISES = ("picks_by_index", "counts_up")  # with Fractions, as Python does
ALL = {**FALSE, **DOUBTFUL}


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    KEPT.clear()
    COUNT[0] = 0


@pytest.mark.parametrize("name", ALL)
def test_none_is_proved(name: str) -> None:
    if name in RAISES:
        with pytest.raises(TypeError):
            decided(ALL[name])
    else:
        assert decided(ALL[name], OVER.get(name)).evidence is not Evidence.PROOF


@pytest.mark.parametrize("name", FALSE)
def test_the_false_ones_are_refuted(name: str) -> None:
    found = decided(FALSE[name], OVER[name])
    assert found.verdict is Verdict.REFUTED, found.reason
    assert found.evidence in (Evidence.EXACT, Evidence.ENCLOSURE)


def test_there_are_many() -> None:
    assert len(FALSE) >= 60 and len(DOUBTFUL) >= 25


@pytest.mark.parametrize(
    "name",
    [name for name in ALL if name not in ("divides_by_nothing", "root_of_a_negative")],
)
def test_the_symbolic_attempt_itself_finds_no_proof(name: str) -> None:
    """Without the look at numbers that follows it."""
    with pytest.raises(MissedError) as missed:
        prove(lemma_of(ALL[name], OVER.get(name)), 5.0)
    assert missed.value.reason


# --- and what is true passes ---

CONSTANTS: Any = [3, {"three": 3}]
TRUE: dict[str, tuple[Callable[..., Any], Mapping[str, lv.Domain]]] = {
    "several": (lambda x, y: [(x + y) ** 2 == x**2 + 2 * x * y + y**2, x - x == 0], {}),
    "joined": (lambda x, y: (x * y == y * x) & (x + y == y + x), {}),
    "divides": (lambda x, y: x / y * y == x, {}),
    "constant difference": (lambda x: x != x + 1, {}),
    "numpy": (lambda x, y: np.array([x, y]).sum() == x + y, {}),
    "sum": (lambda x, y: sum([x, y]) == y + x, {}),
    "fractions": (lambda x: Fraction(1, 2) * x + x * Fraction(1, 2) == x, {}),
    "negative powers": (lambda x: x**-2 * x**2 == 1, {}),
    "strict": (lambda x: x**2 - x + 1 > 0, {}),
    "strict where positive": (lambda x: x * x > 0, {"x": lv.rationals(positive=True)}),
    "definite": (lambda A: A[0, 0] > 0, {"A": lv.positive_definite(2)}),
    "range": (lambda x: x * (1 - x) >= 0, {"x": lv.rationals(low=0, high=1)}),
    "rotation": (lambda R: lv.math.identity(3) == R @ R.T, {"R": lv.orthogonal(3)}),
    "orthogonal": (lambda R: lv.math.determinant(R) ** 2 == 1, {"R": lv.orthogonal(2)}),
    "inverse": (lambda A: (A @ lv.math.inverse(A))[0, 1] == 0, {"A": lv.rationals(3, 3)}),
    "root": (lambda x: lv.math.sqrt(x) ** 4 == x**2, {}),
    "constants outside": (lambda x, y: CONSTANTS[0] * x + y == y + x * CONSTANTS[1]["three"], {}),
    "numpy's root": (lambda A: np.sqrt(A) ** 4 == A**2, {"A": lv.rationals(2, positive=True)}),
    "numpy's exponential": (lambda x, y: np.exp(x - y) * np.exp(y) == np.exp(x), {}),
    "exponential": (lambda x, y: lv.math.exp(x - y) * lv.math.exp(y) == lv.math.exp(x), {}),
    "logarithm": (
        lambda x, y: lv.math.log(x * y) == lv.math.log(x) + lv.math.log(y),
        {"x": lv.rationals(positive=True), "y": lv.rationals(positive=True)},
    ),
}


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_is_proved(name: str) -> None:
    function, over = TRUE[name]
    found = decided(function, over)
    assert found.verdict is Verdict.VERIFIED and found.evidence is Evidence.PROOF, (found, name)
