"""The control SN9: in the merged parametrisation a score block survives T -> infinity followed by c -> infinity.

Given the kernel, the block of the k-gram configuration at query lag k-1 and key lag 0 tends to

    M_{k-1,0}[v][v'] = -( P(u_{k-1} = v, s = v') - sum_h P(h, u_{k-1} = v) p(v' | h) ),

where h are the k-1 tokens that the configuration reads, u_{k-1} the one before them and s the next one. It says what
one token more would tell about s, and vanishes for k = n, where it tells nothing (`infinite_length.vanishing_blocks`).
The population gradient is its mean over the Dirichlet prior: the g_j of a sequence add up to at most 2 in absolute
value, so limits and mean may be exchanged. The mean is

    exact                   for S=2, n=2, k=1, alpha=1    `bigram_value`
    rigorously enclosed     for S=2, n=2, k=1, any alpha  `bigram_enclosure`
    numeric, with an error  for any law, lags and block   `annealed_block` in annealed_limit.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import flint
import sympy
from sympy.polys.domains import QQ
from sympy.polys.fields import field

from proofs.identities import Identities, decide
from proofs.rationals import to_fraction
from proofs.sub_ngrams.infinite_length import limit_blocks


@dataclass(frozen=True)
class Enclosure:
    """An interval that is proved to contain a number."""

    lower: Fraction
    upper: Fraction

    @staticmethod
    def of(ball: Any) -> Enclosure:
        """The interval of a real ball (flint.arb)."""
        return Enclosure(_dyadic(ball.lower()), _dyadic(ball.upper()))

    @property
    def width(self) -> Fraction:
        return self.upper - self.lower

    @property
    def excludes_zero(self) -> bool:
        return self.lower > 0 or self.upper < 0

    def overlaps(self, other: Enclosure) -> bool:
        """Whether the two may enclose the same number."""
        return self.lower <= other.upper and other.lower <= self.upper


@dataclass(frozen=True)
class BigramValue:
    """rational + log2 * log 2, and the identities that prove it to be M_{0,0}[0][0] for S=2, n=2, k=1, alpha=1."""

    rational: Fraction
    log2: Fraction
    identities: Identities

    def __str__(self) -> str:
        return f"{self.rational} {'-' if self.log2 < 0 else '+'} {abs(self.log2)} log 2"

    def enclosure(self, bits: int = 128) -> Enclosure:
        """The number, to about this many bits."""
        with flint.ctx.workprec(bits):
            return Enclosure.of(_rational(self.rational) + _rational(self.log2) * flint.arb(2).log())


def bigram_value() -> BigramValue:
    """The annealed M_{0,0}[0][0] for S=2, n=2, k=1, alpha=1; [1][1] is the same, the others have the opposite sign.

    With a = tau(1|0) and b = tau(0|1), independent and uniform, the quenched value is ab(a+b-1)/(a+b)^2. It is
    symmetric, so its mean is twice the integral over b = ty <= t = a, where da db = t dt dy; there the integrand
    is a polynomial in t over (1+y)^2. sympy proposes antiderivatives; their derivatives decide.
    """
    t, y = sympy.symbols("t y", positive=True)
    F, t_, y_ = field([t, y], QQ)
    integrand = 2 * t_ * _quenched_bigram(t_, t_ * y_)
    over_t = sympy.integrate(integrand.as_expr(), t)
    inner = F.from_expr(over_t.subs(t, 1) - over_t.subs(t, 0))
    over_y = sympy.integrate(inner.as_expr(), y)
    value = sympy.expand(over_y.subs(y, 1) - over_y.subs(y, 0))
    log2 = value.coeff(sympy.log(2))
    rational = value - log2 * sympy.log(2)
    if not (log2.is_Rational and rational.is_Rational):
        raise ArithmeticError(f"the antiderivatives found give {value}, which is not rational + rational * log 2")

    def residuals() -> Iterator[tuple[str, Any]]:
        _, a, b = field("a,b", QQ)
        M = limit_blocks([[1 - a, a], [b, 1 - b]], (), None)[0, 0]
        yield "quenched value", M[0][0] - _quenched_bigram(a, b)
        yield "symmetry", M[0][0] - _quenched_bigram(b, a)
        yield "other tokens [1][1]", M[1][1] - M[0][0]
        yield "other tokens [0][1]", M[0][1] + M[0][0]
        yield "other tokens [1][0]", M[1][0] + M[0][0]
        yield "derivative in t", F.from_expr(sympy.diff(over_t, t)) - integrand
        yield "derivative in y", F.from_expr(sympy.diff(over_y, y)) - inner
        # continuous antiderivatives: no pole for 0 <= t, y <= 1
        yield "denominator", integrand.denom.as_expr() - sympy.expand((1 + y) ** 2)

    return BigramValue(
        to_fraction(rational),
        to_fraction(log2),
        decide("integral of the quenched value, S=2 n=2 k=1 alpha=1", residuals()),
    )


def bigram_enclosure(alpha: Fraction, bits: int = 64) -> Enclosure:
    """The annealed M_{0,0}[0][0] for S=2, n=2, k=1 and any alpha > 0, by rigorous quadrature to about this many bits.

    1/(a+b) and 1/(a+b)^2 are integrals of e^{-x(a+b)} and x e^{-x(a+b)} over x > 0, and a, b are independent
    Beta(alpha, alpha). So the mean of ab/(a+b) - ab/(a+b)^2 is the integral of (1-x) f(x)^2 over x > 0, with

        f(x) = E[a e^{-xa}] = 1F1(alpha+1; 2 alpha+1; -x) / 2.

    It is taken over log x from -L to U. Below, f <= 1/2: the rest is at most e^{-L}/4. Above, from N = e^U >= 1 on,
    split a at 1/2: f <= C x^(-alpha-1) + e^{-x/2}/2 with C = max(1, 2^(1-alpha)) Gamma(alpha+1) / B(alpha, alpha). So
    abs(1-x) f^2 <= 2 C^2 x^(-2 alpha-1) + x e^{-x}/2, and the rest is at most C^2 N^(-2 alpha)/alpha + (N+1) e^{-N}/2.
    """
    low, high = bits, math.ceil(bits / (2 * alpha))
    with flint.ctx.workprec(bits + 32):
        al = _rational(alpha)

        def integrand(log_x: Any, _: bool) -> Any:
            x = log_x.exp()
            f = (-x).hypgeom_1f1(flint.acb(al + 1), flint.acb(2 * al + 1)) / 2
            return (1 - x) * f * f * x

        N = flint.arb(high).exp()
        beta = al.gamma() ** 2 / (2 * al).gamma()
        C = flint.arb(2) ** _rational(max(Fraction(0), 1 - alpha)) * (al + 1).gamma() / beta
        rest = (-flint.arb(low)).exp() / 4 + C**2 * N ** (-2 * al) / al + (N + 1) * (-N).exp() / 2
        integral = flint.acb.integral(integrand, -low, high).real
        return Enclosure.of(integral + flint.arb(0, rest.upper()))


def _quenched_bigram(a: Any, b: Any) -> Any:
    return a * b * (a + b - 1) / (a + b) ** 2


def _rational(x: Fraction) -> Any:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


def _dyadic(x: Any) -> Fraction:
    """An exact ball as the rational number that it is."""
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
