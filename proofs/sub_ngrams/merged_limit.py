"""The control SN9: in the merged parametrisation a score block survives T -> infinity followed by c -> infinity.

Given the kernel, the block of the k-gram configuration at query lag k-1 and key lag 0 tends to

    M_{k-1,0}[v][v'] = -( P(u_{k-1} = v, s = v') - sum_h P(h, u_{k-1} = v) p(v' | h) ),

where h are the k-1 tokens that the configuration reads, u_{k-1} the one before them and s the next one. It says what
one token more would tell about s, and vanishes for k = n, where it tells nothing (`infinite_length.vanishing_blocks`).
The population gradient is its mean over the Dirichlet prior: the g_j of a sequence add up to at most 2 in absolute
value, so limits and mean may be exchanged. The mean is

    exact                   for S=2, n=2, k=1, alpha=1    `bigram_value`
    rigorously enclosed     for S=2, n=2, k=1, any alpha  `bigram_enclosure`
                            for S=2, n=3, k=2, alpha=1    `trigram_enclosure`
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
    """The annealed M_{0,0}[0][0] for S=2, n=2, k=1 and any alpha > 0, rigorously, to about this many bits."""
    with flint.ctx.workprec(bits + 64):
        return Enclosure.of(_by_moments(alpha, bits) if alpha >= LARGE else _by_laplace(alpha, bits))


LARGE = 10  # an alpha from which moments fall fast


def _by_laplace(alpha: Fraction, bits: int) -> Any:
    """By rigorous quadrature: 1/(a+b) and 1/(a+b)^2 are integrals of e^{-x(a+b)} and x e^{-x(a+b)} over x > 0, and a, b
    are independent Beta(alpha, alpha). So the mean of ab/(a+b) - ab/(a+b)^2 is the integral of (1-x) f(x)^2, with

        f(x) = E[a e^{-xa}] = 1F1(alpha+1; 2 alpha+1; -x) / 2.

    It is taken over log x from -L to L. Below, f <= 1/2: the rest is at most e^{-L}/4. Above, from X = e^L on, split a
    at 1/2, below which (1-a)^(alpha-1) is off 1 by at most 4 (alpha+1) a. With K = Gamma(alpha+1) / B(alpha, alpha)

        f = K x^(-alpha-1) (1 + d),  |d| <= 4 (alpha+1)^2 / x + 2^(alpha+1) e^{-x/4} + x^(alpha+1) e^{-x/2} / (2K),

    which falls from x = 4 (alpha+1) on. So the rest is -K^2 X^(-2 alpha) / (2 alpha), times a factor between
    (1 - 1/X) (1 - d)^2 and (1 + d)^2, d being that bound at X.
    """
    al, L = _rational(alpha), max(bits, 20)

    def integrand(log_x: Any, _: bool) -> Any:
        x = log_x.exp()
        f = (-x).hypgeom_1f1(flint.acb(al + 1), flint.acb(2 * al + 1)) / 2
        return (1 - x) * f * f * x

    X = flint.arb(L).exp()
    K = (al + 1).gamma() * (2 * al).gamma() / al.gamma() ** 2
    d = 4 * (al + 1) ** 2 / X + 2 ** (al + 1) * (-X / 4).exp() + X ** (al + 1) * (-X / 2).exp() / (2 * K)
    below = flint.arb(0, ((-flint.arb(L)).exp() / 4).upper())
    above = K**2 * X ** (-2 * al) / (2 * al) * ((1 - 1 / X) * (1 - d) ** 2).union((1 + d) ** 2)
    return flint.acb.integral(integrand, -L, L).real + below - above


def _by_moments(alpha: Fraction, bits: int) -> Any:
    """By powers of s = a + b - 1 = x + y, where x = a - 1/2 and y = b - 1/2 are independent:

        ab s / (1+s)^2 = ab (s - 2 s^2 + 3 s^3 - ... - K s^K) + ab/(1+s)^2 s^(K+1) (K+1 + K s)      for even K,

    and ab/(1+s)^2 <= 1/4, so that the last term's mean is at most (2K+1)/4 E|s|^(K+1), which is at most the root of
    E s^K E s^(K+2). The moments are E x^(2i) = (1/2)_i / (alpha+1/2)_i / 4^i, and ab = 1/4 + s/2 + xy.
    """
    one = flint.arb(1)
    even = [one]  # E x^(2i)
    al = _rational(alpha)

    def of_x(power: int) -> Any:
        while len(even) <= power // 2:
            i = len(even) - 1
            even.append(even[-1] * (2 * i + 1) / (4 * (2 * al + 1 + 2 * i)))
        return 0 if power % 2 else even[power // 2]

    def of_s(power: int, xy: int = 0) -> Any:
        """E s^power (xy)^xy"""
        terms = (math.comb(power, i) * of_x(i + xy) * of_x(power - i + xy) for i in range(power + 1))
        return sum(terms, one * 0)

    total, K = one * 0, 0
    while True:
        for k in (K + 1, K + 2):
            term = of_s(k) / 4 + of_s(k + 1) / 2 + of_s(k, xy=1)
            total += k * term if k % 2 else -k * term
        K += 2
        rest = (2 * K + 1) * (of_s(K) * of_s(K + 2)).sqrt() / 4
        if rest < flint.arb(2) ** -bits:
            return total + flint.arb(0, rest.upper())


def _quenched_bigram(a: Any, b: Any) -> Any:
    return a * b * (a + b - 1) / (a + b) ** 2


def _rational(x: Fraction) -> Any:
    return flint.arb(flint.fmpq(x.numerator, x.denominator))


def _dyadic(x: Any) -> Fraction:
    """An exact ball as the rational number that it is."""
    mantissa, exponent = x.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def trigram_enclosure(bits: int = 64) -> Enclosure:
    """The annealed M_{1,0}[0][0] for S=2, n=3, k=2, alpha=1, rigorously, to about this many bits.

    With x = tau(1|00), y = tau(0|10), u = tau(0|11), w = tau(1|01), independent and uniform, the quenched value is

        [y (x+y-1)/(x+y) + w (u+w-1)/(u+w)] / [2 + y/x + w/u]                    (see `trigram_identity`)

    and the mean of the one term is that of the other. With r = y/x, r' = w/u, and X = min(1, 1/r) the largest x,

        E[y (x+y-1)/(x+y); r] = r/(1+r) ((1+r) X^3/3 - X^2/2) dr,     the law of r' is X'^2/2 dr',
        G(r) = E 1/(2 + r + r') = (log((s+1)/s) + 1/s - log(1+s)/s^2) / 2,     s = 2 + r.

    So the mean is twice the integral of the product over r > 0. Above 1, r = 1/z; below z = e the integrand, which is
    at most z/2 in size as G(r) <= 1/r, adds at most e^2/4.
    """
    with flint.ctx.workprec(bits + 64):
        cut = flint.arb(2) ** -bits

        def G(one_over_s: Any, log_s: Any, log_s_plus_1: Any) -> Any:
            return (log_s_plus_1 - log_s + one_over_s - log_s_plus_1 * one_over_s**2) / 2

        def below_1(r: Any, analytic: bool) -> Any:
            s = 2 + r
            return (r / 3 - r / (2 * (1 + r))) * G(1 / s, s.log(analytic=analytic), (s + 1).log(analytic=analytic))

        def above_1(z: Any, analytic: bool) -> Any:
            log_z, s_z = z.log(analytic=analytic), 2 * z + 1  # s = s_z / z
            logs = (s_z.log(analytic=analytic) - log_z, (s_z + z).log(analytic=analytic) - log_z)
            return (flint.acb(1) / 3 - 1 / (2 * (1 + z))) * G(z / s_z, *logs)

        inner = flint.acb.integral(below_1, 0, 1).real + flint.acb.integral(above_1, cut, 1).real
        return Enclosure.of(2 * (inner + flint.arb(0, (cut**2 / 4).upper())))


def trigram_identity() -> Identities:
    """That the quenched M_{1,0}[0][0] for S=2, n=3, k=2 is what `trigram_enclosure` averages."""
    _, x, y, u, w = field("x,y,u,w", QQ)
    M = limit_blocks([[1 - x, x], [1 - w, w], [y, 1 - y], [u, 1 - u]], (1,), None, [(1, 0)])[1, 0]
    value = (y * (x + y - 1) / (x + y) + w * (u + w - 1) / (u + w)) / (2 + y / x + w / u)
    entries = {
        "[0][0]": M[0][0] - value,
        "[0][1]": M[0][1] + value,
        "[1][0]": M[1][0] + value,
        "[1][1]": M[1][1] - value,
    }
    return decide("quenched M_{1,0}, S=2 n=3 k=2", entries.items())
