"""The bound on blocks whose key lag is not read, averaged over the Dirichlet prior (sub-n-grams/finite-length#sn20).

Everything is a ball of FLINT at the working precision, or rational.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import combinations, product

from flint import arb, ctx, fmpq

from proofs.rationals import to_fraction
from proofs.sub_ngrams.finite_length import FiniteLength, ball, phi
from proofs.sub_ngrams.infinite_length import Kernel, shape
from proofs.sub_ngrams.law import Word

POWERS = tuple(Fraction(i, 20) for i in range(1, 21))  # tried for s and p
BITS = 192  # at least, for powers (1-delta)^l of small delta
MOST_PAIRS = 5000  # of contexts, for which there are Gamma quotients
STEPS = 1000  # of the sum that bounds a mean over kappa


@dataclass(frozen=True)
class Prior:
    """Dirichlet(alpha) on each of the S^(n-1) rows of a kernel, n >= 2."""

    S: int
    n: int
    alpha: Fraction

    @property
    def exponent(self) -> Fraction:
        """s*: for p below it E delta^-p has a bound."""
        D = self.S ** (self.n - 1)
        return self.alpha * (self.S - 1) * Fraction(D, D - 1)

    @property
    def pairs(self) -> int:
        """Of contexts."""
        return math.comb(int(self.S ** (self.n - 1)), 2)

    @cached_property
    def visits(self) -> dict[tuple[int, tuple[int, ...]], int]:
        """(r, the numbers c_w of the rows that are met, in order) -> how many pairs of contexts have these."""
        found: dict[tuple[int, tuple[int, ...]], int] = {}
        for u, v in combinations(product(range(self.S), repeat=self.n - 1), 2):
            r = meeting_time(u, v)
            key = (r, tuple(sorted(rows_met(u, v, self.S).values())))
            found[key] = found.get(key, 0) + 1
        return found

    def inverse_moment(self, p: Fraction) -> arb:
        """sum_{u<v} J_uv(p), which bounds E delta^-p for 0 < p < s* (Lemma 7)."""
        return _inverse_moment(self, p, ctx.prec)

    def pair(self, r: int, c: tuple[int, ...], p: Fraction) -> arb:
        """J_uv(p) = (2 S^-2r)^p prod_w [Gamma(S alpha)/Gamma(S(alpha-b))] [Gamma(alpha-b)/Gamma(alpha)]^S, b = p c_w
        / S^r."""
        S, alpha = self.S, ball(self.alpha)
        value = ball(Fraction(2, S ** (2 * r))) ** ball(p)
        for c_w in c:
            b = ball(p * c_w / S**r)
            value *= (S * alpha).gamma() / (S * (alpha - b)).gamma() * ((alpha - b).gamma() / alpha.gamma()) ** S
        return value

    def unlike(self, e: arb) -> arb:
        """Bounds P(kappa < e): two rows with a set of tokens of mass below e in one, and above 1-e in the other."""
        S, total = self.S, arb(0)
        for a in range(1, S):
            x, y = a * ball(self.alpha), (S - a) * ball(self.alpha)
            total += math.comb(S, a) * beta_below(e, x, y) * beta_below(e, y, x)
        return self.pairs * total


@lru_cache(maxsize=1000)  # one for every p, whatever T
def _inverse_moment(prior: Prior, p: Fraction, precision: int) -> arb:
    return sum((count * prior.pair(r, c, p) for (r, c), count in prior.visits.items()), arb(0))


def min_of(values: Iterable[arb]) -> arb:
    """The least of these and of 1."""
    least = arb(1)
    for value in values:
        least = least.min(value)
    return least


def meeting_time(u: Word, v: Word) -> int:
    """r: after so many further tokens two contexts are the same one."""
    common = 0
    while u[len(u) - common - 1] == v[len(v) - common - 1]:
        common += 1
    return len(u) - common


def rows_met(u: Word, v: Word, S: int) -> dict[Word, int]:
    """c_w: of S^r words z read from u and from v, how many take row w with a given next token there."""
    r, c = meeting_time(u, v), dict[Word, int]()
    for start in (u, v):
        for i in range(r):
            for prefix in product(range(S), repeat=i):
                w = (*start[i:], *prefix)
                c[w] = c.get(w, 0) + S ** (r - 1 - i)
    return c


def beta_below(e: arb, a: arb, b: arb) -> arb:
    """The regularised incomplete beta function I_e(a, b), and 1 from e = 1 on."""
    return arb(1) if e >= 1 else e.beta_lower(a, b, regularized=1)


@dataclass(frozen=True)
class AnnealedBound:
    """Gamma + E R: by moments, R <= min(1, X/delta); row by row, R <= min(1, min_l 6 (1-delta)^l + cut_l)."""

    numbers: FiniteLength
    prior: Prior

    @property
    def G(self) -> int:
        """2 (n-1) S^L (S+1)."""
        numbers = self.numbers
        return int(2 * (numbers.n - 1) * numbers.S**numbers.L * (numbers.S + 1))

    @property
    def X(self) -> arb:
        """R <= X / delta."""
        ratio = ball(Fraction(self.G, self.numbers.m))
        return ratio * (arb(5) / 2 + (6 / ratio).log().max(arb(0)))

    def mixing(self, delta: arb) -> arb:
        """min(1, 6 (1-delta)^l + S^L (S+1) (2 (n-1) l + n-1) / m), which bounds R, at an l near the best one."""
        cut = ball(Fraction(self.G, self.numbers.m))
        few = self.steps(float(delta.mid()))
        return min_of(6 * (1 - delta) ** steps + cut * (steps + arb(1) / 2) for steps in (few, few + 1))

    def mixing_exactly(self, delta: Fraction) -> Fraction:
        """The same of a rational delta."""
        few, away = self.steps(float(delta)), fmpq((1 - delta).numerator, delta.denominator)
        cut = fmpq(self.G, self.numbers.m)
        values = (6 * away**steps + cut * (steps + fmpq(1, 2)) for steps in (few, few + 1))
        return min(Fraction(1), *map(to_fraction, values))

    def steps(self, delta: float) -> int:
        """l at which 6 (1-delta)^l + G (l + 1/2) / m is about least."""
        rate = -math.log1p(-min(delta, 1 - 1e-9))
        return math.floor(max(0.0, math.log(6 * rate * self.numbers.m / self.G) / rate)) if rate > 0 else 0

    def by_moment(self) -> tuple[arb, Fraction, Fraction]:
        """X^s (sum J(p))^(s/p), the least over the listed s <= p < s*, and these; 1, 0, 0 if none is below 1, or
        there are too many pairs."""
        X = self.X
        best = (arb(1), Fraction(0), Fraction(0))
        for p in POWERS:
            if p < self.prior.exponent and self.prior.pairs <= MOST_PAIRS:
                moment = self.prior.inverse_moment(p)
                for s in (s for s in POWERS if s <= p):
                    value = X ** ball(s) * moment ** ball(s / p)
                    if value.mid() < best[0].mid():
                        best = (value, s, p)
        return best

    def by_unlike_rows(self, steps: int = STEPS) -> arb:
        """E min(1, X(kappa^(n-1))): with e_0 < ... < e_N = 1 it is at most h(1) + sum_i (h(e_i) - h(e_i+1)) P(kappa <
        e_i+1), h falling, and h = 1 below e_0."""
        power, high, total = self.numbers.n - 1, arb(1), arb(0)
        if self.mixing(arb(1)) >= 1:  # nothing to add up
            return high
        with ctx.workprec(max(BITS, ctx.prec)):
            for e in self.grid(steps):
                low = high.min(self.mixing(e**power))
                total += (high - low) * self.prior.unlike(e).min(arb(1))
                high = low
            return (total + high).min(arb(1))

    def grid(self, steps: int) -> Iterator[arb]:
        """From about where min(1, X) leaves 1 up to 1, in equal ratios."""
        least = (4 * self.G / self.numbers.m) ** (1 / (self.numbers.n - 1))
        for i in range(steps):
            yield arb(min(1.0, least)) ** (ball(1 - Fraction(i, steps)))
        yield arb(1)

    def mean_of_r(self) -> tuple[arb, str]:
        """The better one of the two bounds on E R, and which: J, kappa, or neither."""
        moment, s, p = self.by_moment()
        unlike = self.by_unlike_rows()
        if not (moment < 1 or unlike < 1):
            return arb(1), "none"
        return (moment, f"J, s={s}, p={p}") if moment < unlike else (unlike, "kappa")

    def type_two(self) -> tuple[arb, str]:
        """Bounds the annealed blocks with a+1 in Lambda, b not in Lambda."""
        if self.numbers.n - 1 == self.numbers.L:
            return self.numbers.full_context(self.prior.alpha), "every lag"
        mean, how = self.mean_of_r()
        return ball(self.numbers.gamma) + mean, how

    def norm(self, c: arb) -> arb:
        """Bounds the norm of the factorised gradient."""
        return self.numbers.norm_square(c, phi(self.numbers.type_one()), self.type_two()[0]).sqrt()


# --- Lemma 7, kernel by kernel ---


def likeness(kernel: Kernel) -> Fraction:
    """kappa: 1 minus the largest total variation distance of two rows."""
    return min((sum(map(min, u, v), Fraction(0)) for u, v in combinations(kernel, 2)), default=Fraction(1))


def pair_overlaps(kernel: Kernel) -> Iterator[tuple[Fraction, Fraction, int]]:
    """For every two contexts u, v: delta_uv, prod_w prod_t tau(t|w)^c_w, and S^r."""
    S, n = shape(kernel)
    rows = dict(zip(product(range(S), repeat=n - 1), kernel, strict=True))
    for u, v in combinations(rows, 2):
        r = meeting_time(u, v)
        both = [(following(rows, u, z), following(rows, v, z)) for z in product(range(S), repeat=r)]
        entries = (math.prod(rows[w]) ** times for w, times in rows_met(u, v, S).items())
        yield sum((min(x, y) for x, y in both), Fraction(0)), math.prod(entries), S**r


def following(rows: Mapping[Word, Sequence[Fraction]], u: Word, z: Word) -> Fraction:
    """P_u(z), the chance that the tokens z follow the context u."""
    chance, x = Fraction(1), (*u, *z)
    for i, token in enumerate(z):
        chance *= rows[x[i : i + len(u)]][token]
    return chance


def below_overlap(overlap: Fraction, entries: Fraction, words: int) -> bool:
    """Lemma 7: delta_uv >= (S^2r / 2) (prod_w prod_t tau(t|w)^c_w)^(S^-r), both sides to the power S^r."""
    return overlap**words >= Fraction(words**2, 2) ** words * entries
