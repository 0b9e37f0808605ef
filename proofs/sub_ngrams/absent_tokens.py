"""Claim SN10: with positive probability the next token has not occurred, so the population loss is infinite at every T.

A token that does not occur in x gets p_theta = 0 from every theta, and every token has positive predictive
probability. The probability is computed exactly, bounded from below by a closed product that is positive at every
length, and, where it has one, put into closed form in T.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

from flint import fmpq, fmpq_poly, fmpz_mat

from proofs.rationals import to_fraction
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law
from proofs.sub_ngrams.markov_types import ClassProbability, classes, refuse

MOST = 3_000_000  # type classes that are taken on


def absent_probability(law: NGramLaw, T: int, most: int = MOST) -> Fraction:
    """P(x_{T+1} does not occur in x_1..x_T), exactly, for T >= n.

    Only sequences that miss a token matter, and the tokens that a sequence misses are equally likely to come next.
    Raises ValueError when more than `most` type classes are to be expected.
    """
    require_ngram_law(law)
    S, n, alpha = law.S, law.n, fmpq(*law.alpha.as_integer_ratio())
    refuse(S, n, T, most, tokens=S - 1)
    probability = ClassProbability(law, T, fmpq)
    return to_fraction(
        sum(
            probability(c) * (c.members * c.images * (S - c.seen)) * alpha / (S * alpha + sum(c.followers))
            for c in classes(S, n, T, tokens=S - 1)
        )
    )


def constant_sequences(law: NGramLaw, T: int) -> Fraction:
    """P(x_1..x_T are one and the same token and x_{T+1} is another), for T >= n: a bound from below, tight for S = 2.

    S tokens, times the start, times the urn of the one context that occurs: T-n+1 times the same token, then another.
    """
    require_ngram_law(law)
    S, n, alpha = law.S, law.n, law.alpha

    def same(draws: int) -> Fraction:  # one urn, again and again one given token
        return prod(((alpha + i) / (S * alpha + i) for i in range(draws)), start=Fraction(1))

    draws = T - n + 1
    start = same(n - 1) if law.initial == "dirichlet" else Fraction(1, S) ** (n - 1)
    return S * start * same(draws) * (S - 1) * alpha / (S * alpha + draws)


def constant_sequences_ratio(law: NGramLaw) -> RationalFunction:
    """constant_sequences(law, T+1) / constant_sequences(law, T) as a function of the number of draws T-n+1.

    One more draw of the same token multiplies by (alpha + draws)/(S alpha + draws), and the predictive of the other
    tokens, (S-1) alpha/(S alpha + draws), takes its next value.
    """
    require_ngram_law(law)
    alpha, S, draws = fmpq(*law.alpha.as_integer_ratio()), law.S, fmpq_poly([0, 1])
    return RationalFunction.reduced(
        (alpha + draws) * (S * alpha + draws), (S * alpha + draws) * (S * alpha + draws + 1)
    )


def positive_at_every_length(law: NGramLaw) -> bool:
    """Whether constant_sequences > 0 at every T >= n: it is at T = n, and its ratio has positive coefficients."""
    ratio = constant_sequences_ratio(law)
    return constant_sequences(law, law.n) > 0 and all(x > 0 for x in [*ratio.numerator, *ratio.denominator])


@dataclass(frozen=True)
class RationalFunction:
    """numerator(T) / denominator(T), FLINT polynomials over the rationals in lowest terms."""

    numerator: Any
    denominator: Any

    @staticmethod
    def reduced(numerator: Any, denominator: Any) -> RationalFunction:
        common = numerator.gcd(denominator)
        return RationalFunction(numerator / common, denominator / common)

    def __call__(self, T: int) -> Fraction:
        return to_fraction(self.numerator(T) / self.denominator(T))

    def __str__(self) -> str:
        above, over = self.numerator.factor()
        below, under = self.denominator.factor()
        constant = to_fraction(above / below)
        top, bottom = _factors(constant.numerator, over), _factors(constant.denominator, under)
        divisor = f"({' '.join(bottom)})" if len(bottom) > 1 else bottom[0]
        return " ".join(top) + ("" if divisor == "1" else "/" + divisor)


@dataclass(frozen=True)
class ClosedForm:
    """The probability p(T) that the next token has not occurred, as guessed from its first values.

    quantity    "p(T)" or "p(T+1)/p(T)", what `function` is
    function    a rational function of T
    first       the least T, and p there
    guessed     number of values that the guess needed
    held_out    number of further values that it was checked at, exactly
    """

    quantity: str
    function: RationalFunction
    first: tuple[int, Fraction]
    guessed: int
    held_out: int

    def __call__(self, T: int) -> Fraction:
        """p(T) for T >= first[0]."""
        if self.quantity == "p(T)":
            return self.function(T)
        least, value = self.first
        return value * prod((self.function(t) for t in range(least, T)), start=Fraction(1))

    def __str__(self) -> str:
        start = "" if self.quantity == "p(T)" else f", p({self.first[0]}) = {self.first[1]}"
        return f"{self.quantity} = {self.function}{start}"


def closed_form(law: NGramLaw, degree: int = 4, held_out: int = 5, most: int = MOST) -> ClosedForm | None:
    """p(T), or else p(T+1)/p(T), as a rational function of T of at most this degree; None if neither is one.

    Each guess is checked exactly at `held_out` lengths, at least, that it was not made from.
    """
    if held_out < 1:
        raise ValueError(f"held_out={held_out}: a guess that is not checked at another length says nothing")
    lengths = range(law.n, law.n + 2 * degree + 1 + held_out)
    p = {T: absent_probability(law, T, most) for T in [*lengths, lengths.stop]}
    for quantity, values in (
        ("p(T)", {T: p[T] for T in lengths}),
        ("p(T+1)/p(T)", {T: p[T + 1] / p[T] for T in lengths}),
    ):
        for d in range(degree + 1):
            function = interpolation(dict(list(values.items())[: 2 * d + 1]), d)
            if function is not None and all(agrees(function, T, value) for T, value in values.items()):
                return ClosedForm(quantity, function, (law.n, p[law.n]), 2 * d + 1, len(values) - 2 * d - 1)
    return None


def interpolation(values: Mapping[int, Fraction], degree: int) -> RationalFunction | None:
    """The rational function of numerator and denominator degree <= `degree` with these 2 degree + 1 values.

    Solves numerator(T) - value denominator(T) = 0 for the coefficients; None where only denominator = 0 does.
    """
    powers = range(degree + 1)
    rows = [
        [value.denominator * T**i for i in powers] + [-value.numerator * T**i for i in powers]
        for T, value in values.items()
    ]
    solutions, _ = fmpz_mat(rows).nullspace()  # one at least: there are more coefficients than equations
    coefficients = [fmpq(solutions[i, 0]) for i in range(2 * degree + 2)]
    numerator, denominator = fmpq_poly(coefficients[: degree + 1]), fmpq_poly(coefficients[degree + 1 :])
    return None if denominator == 0 else RationalFunction.reduced(numerator, denominator)


def agrees(function: RationalFunction, T: int, value: Fraction) -> bool:
    return bool(function.denominator(T) != 0) and function(T) == value


def _factors(constant: int, factors: list[tuple[Any, int]]) -> list[str]:
    """Like 2, T, (T + 1)^2."""
    words = [str(constant)] if constant != 1 or not factors else []
    for factor, power in sorted(factors, key=lambda f: [to_fraction(x) for x in f[0]]):
        polynomial = _polynomial([to_fraction(x) for x in factor])
        words.append((f"({polynomial})" if " " in polynomial else polynomial) + (f"^{power}" if power > 1 else ""))
    return words


def _polynomial(coefficients: list[Fraction]) -> str:
    """Like 2T^2 - T + 3."""
    text = ""
    for i, x in reversed(list(enumerate(coefficients))):
        if x != 0:
            sign = (" - " if x < 0 else " + ") if text else ("-" if x < 0 else "")
            size = "" if abs(x) == 1 and i > 0 else str(abs(x))
            text += sign + size + ("" if i == 0 else "T" if i == 1 else f"T^{i}")
    return text or "0"
