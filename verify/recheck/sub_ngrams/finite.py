"""Bounds on the gradient at finite length, given the kernel (SN16c, SN18).

With weights Z of the keys that share in an average, and N of the marked ones among them, the polynomial
E[N y^Z] = sum_z f_z y^z tells E[N/Z] = sum_z f_z / z. It is carried from token to token as one whole number, its
coefficients being digits in a base that they cannot reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from verify.printing import shown
from verify.recheck.certificate import Certificate, Fields, RejectedError, bits
from verify.recheck.sub_ngrams.chains import chain
from verify.recheck.sub_ngrams.network import braces, read_lags

Rows = Sequence[Sequence[Fraction]]
Word = tuple[int, ...]


def size(block: Sequence[Sequence[Fraction]]) -> Fraction:
    """The sum of the positive entries, or of the negative ones: the larger in absolute value."""
    numbers = [x for row in block for x in row]
    return max(sum((x for x in numbers if x > 0), Fraction(0)), -sum((x for x in numbers if x < 0), Fraction(0)))


def type_two(n: int, lags: Sequence[int]) -> list[tuple[int, int]]:
    return [(lag - 1, b) for lag in lags for b in range(n) if b not in lags]


def gamma(S: int, q: Fraction | None, L: int) -> Fraction:
    return Fraction(0) if q is None else 1 - (q / (q + S - 1)) ** L


# --- finite length ---


def query_blocks(
    rows: Rows, start: Sequence[Fraction], n: int, lags: Sequence[int], q: Fraction | None, T: int
) -> dict[tuple[int, int], list[list[Fraction]]]:
    """M_ab for a+1 in Lambda, b not in Lambda: their query token is one of the tokens h that the lags read.

    Each is E sum_y tau(y|u) 1{y occurs} (mean of the marks over all keys - over those that hold y); q None: inf.
    """
    S = len(rows[0])
    contexts = list(product(range(S), repeat=n - 1))
    M = {ab: [[Fraction(0)] * S for _ in range(S)] for ab in type_two(n, lags)}
    unread = [b for b in range(n) if b not in lags]
    for h in product(range(S), repeat=len(lags)):
        matched = dict(zip(lags, h, strict=True))
        ends = [i for i, u in enumerate(contexts) if all(u[-lag] == s for lag, s in matched.items())]
        for level in range(len(lags) + 1) if q is None else (None,):

            def weight(window: Word, level: int | None = level, matched: dict[int, int] = matched) -> int | None:
                """Of a key, times a common factor; None leaves the sequence out."""
                m = sum(lag < len(window) and window[-1 - lag] == s for lag, s in matched.items())
                if level is not None:
                    return None if m > level else int(m == level)
                assert q is not None
                return int(q.numerator**m * q.denominator ** (len(matched) - m))

            def of(
                holder: int | None = None, avoided: int | None = None, weight: Any = weight, ends: Any = ends
            ) -> list[dict[tuple[int, int], Fraction]]:
                def chosen(window: Word) -> int | None:
                    if window[-1] == avoided:
                        return None
                    return 0 if holder not in (None, window[-1]) else weight(window)

                return averages(rows, start, contexts, n, T, chosen, unread, ends)

            every = of()
            for y in range(S):
                absent, held = of(avoided=y), of(holder=y)
                for i, all_keys, without, holders in zip(ends, every, absent, held, strict=True):
                    for (b, w), mean in all_keys.items():
                        value = rows[i][y] * (mean - without[b, w] - holders[b, w])
                        for lag, v in matched.items():
                            M[lag - 1, b][v][w] += value
    return M


def averages(
    rows: Rows,
    start: Sequence[Fraction],
    contexts: Sequence[Word],
    n: int,
    T: int,
    weight: Callable[[Word], int | None],
    marked: Sequence[int],
    ends: Sequence[int],
) -> list[dict[tuple[int, int], Fraction]]:
    """For every final context of `ends`: E[1{final} N/Z], the marks being 1{x_{j-b} = w}, b of `marked`."""
    S = len(rows[0])
    unit = math.lcm(*(x.denominator for row in rows for x in row))
    first = math.lcm(*(x.denominator for x in start))
    whole = [[int(x * unit) for x in row] for row in rows]
    heaviest = max(w or 0 for k in range(1, n + 1) for word in product(range(S), repeat=k) for w in [weight(word)])
    base = (first * unit**T * (T * heaviest + 1)).bit_length() + 1
    marks = [(b, w) for b in marked for w in range(S)]
    States = dict[int, list[int]]

    def extend(states: States, i: int, state: Sequence[int], window: Word, probability: int) -> None:
        z = weight(window)
        if z is None or probability == 0 or not any(state):
            return
        F, *N = (x * probability << base * z for x in state)
        seen = [b < len(window) and window[-1 - b] == w for b, w in marks]
        N = [x + z * F * mark for x, mark in zip(N, seen, strict=True)]
        old = states.get(i)
        states[i] = [F, *N] if old is None else [x + y for x, y in zip(old, (F, *N), strict=True)]

    paths: States = {}
    for i, u in enumerate(contexts):
        alone: States = {i: [int(start[i] * first), *([0] * len(marks))]}
        for j in range(n - 1):
            longer: States = {}
            if i in alone:
                extend(longer, i, alone[i], u[: j + 1], 1)
            alone = longer
        paths |= alone
    for _ in range(n - 1, T):
        following: States = {}
        for i, state in paths.items():
            for s in range(S):
                extend(following, (i * S + s) % len(contexts), state, (*contexts[i], s), whole[i][s])
        paths = following
    scale = first * unit ** (T - n + 1)
    nothing = [0] * (1 + len(marks))
    return [
        {mark: _divided(x, base, scale) for mark, x in zip(marks, paths.get(i, nothing)[1:], strict=True)} for i in ends
    ]


def _divided(x: int, base: int, scale: int) -> Fraction:
    """sum_z f_z / z of the digits f_z; marked keys have weight, so that f_0 = 0."""
    digit, total, z = (1 << base) - 1, Fraction(0), 0
    while x:
        if f := x & digit:
            total += Fraction(f, z)
        x, z = x >> base, z + 1
    return total / scale


def mixing(rows: Rows, n: int, L: int, T: int) -> Fraction:
    """R = min(1, min_g 6 d(g) + S^L (S+1) (2g+n-1) / m), d(g) = max_u TV(P^g(u, .), pi), m = T-n+2."""
    S, D, m = len(rows[0]), len(rows), T - n + 2
    words = chain(rows, S, n)
    pi = [sum((words[(*u, s)] for s in range(S)), Fraction(0)) for u in product(range(S), repeat=n - 1)]
    laws = [[Fraction(i == j) for j in range(D)] for i in range(D)]
    best, g = Fraction(1), 0
    while (cut := Fraction(S**L * (S + 1) * (2 * g + n - 1), m)) < best:
        d = max(sum((max(x - y, Fraction(0)) for x, y in zip(law, pi, strict=True)), Fraction(0)) for law in laws)
        best = min(best, 6 * d + cut)
        laws = [_stepped(law, rows) for law in laws]
        g += 1
    return best


def _stepped(law: Sequence[Fraction], rows: Rows) -> list[Fraction]:
    S, D = len(rows[0]), len(rows)
    after = [Fraction(0)] * D
    for u, x in enumerate(law):
        for s, tau in enumerate(rows[u]):
            after[(u * S + s) % D] += x * tau
    return after


def slow_blocks(c: Certificate) -> str:
    """SN18: |M_ab| <= Gamma + R(tau) for a+1 in Lambda, b not in Lambda, at the listed kernels, T and q."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags = read_lags(c.parameters, n)
    c.demand(bool(type_two(n, lags)), "parameters.lags: no such block")
    blocks = 0
    for item in c.parameters.objects("instances"):
        rows, T, q = item.matrix("kernel"), item.integer("T", n, 10**4), read_q(item)
        check_rows(rows, S, n, item.where)
        c.afford(blocks_cost(rows, n, lags, q, T) // 10 + 3 * len(rows) ** 3, "sequences")
        c.afford(T * len(rows) * S, "steps from the stationary law", T * bits(rows))
        allowed = gamma(S, q, len(lags)) + mixing(rows, n, len(lags), T)
        start = [Fraction(1, len(rows))] * len(rows)
        for ab, block in query_blocks(rows, start, n, lags, q, T).items():
            c.demand(size(block) <= allowed, f"{item.where}: |M_{ab}| = {shown(size(block))} > {shown(allowed)}")
            blocks += 1
        item.finish()
    c.demand(blocks > 0, "parameters.instances: none")
    return f"{blocks} blocks of rational kernels, uniform start, S={S}, n={n}, lags {braces(lags)}"


def above_gamma(c: Certificate) -> str:
    """SN18c: a block with a+1 in Lambda and b not in Lambda, from a uniform start, of size above Gamma."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags = read_lags(c.parameters, n)
    T, q = c.parameters.integer("length", n, 10**4), c.parameters.rational("q")
    c.demand(q >= 1, "parameters.q: below 1")
    rows, a, b = c.witness.matrix("kernel"), c.witness.integer("a", 0, n - 1), c.witness.integer("b", 0, n - 1)
    c.witness.finish()  # before anything that takes long
    check_rows(rows, S, n, "witness")
    c.demand((a, b) in type_two(n, lags), f"witness: M_{a},{b} is no such block")
    c.afford(blocks_cost(rows, n, lags, q, T) // 10, "sequences")
    value = size(query_blocks(rows, [Fraction(1, len(rows))] * len(rows), n, lags, q, T)[a, b])
    limit = gamma(S, q, len(lags))
    c.demand(value > limit, f"witness: {float(value):.6g} is not above {float(limit):.6g}")
    return f"|M_{a},{b}| = {float(value):.6g} > {float(limit):.6g}; S={S}, n={n}, lags {braces(lags)}, T={T}"


def blocks_cost(rows: Rows, n: int, lags: Sequence[int], q: Fraction | None, T: int) -> int:
    """Steps of `query_blocks`: to append a token to whole numbers of so many words, and to take these apart again."""
    S, L = len(rows[0]), len(lags)
    top = 1 if q is None else (max(q.numerator, q.denominator)) ** L
    passes, marks = S**L * (2 * S + 1) * (L + 1 if q is None else 1), (n - L) * S
    digits = T * top
    words = digits * T * math.lcm(*(x.denominator for row in rows for x in row)).bit_length() // 128
    append = T * S**n * (1 + marks) * passes
    cost: int = 8 * append * (200 + words) // 200 + S ** (n - 1) * marks * passes * digits * (100 + words) // 100
    return cost


def read_q(f: Fields) -> Fraction | None:
    """q >= 1, or None where it is "inf"."""
    if f.any("q") == "inf":
        return None
    q = f.rational("q")
    if q < 1:
        raise RejectedError(f"{f.where}.q: below 1")
    return q


def check_rows(rows: Rows, S: int, n: int, where: str) -> None:
    """RejectedError unless these are rows of a kernel, entries of 0 allowed."""
    if len(rows) != S ** (n - 1) or any(len(row) != S or sum(row) != 1 or min(row) < 0 for row in rows):
        raise RejectedError(f"{where}.kernel: not S^(n-1) rows of S probabilities")


# --- a chain with few sequences ---


def sequences(rows: Rows, first: Word, T: int) -> Iterator[tuple[Word, Fraction]]:
    """All sequences of positive probability that begin with `first`."""
    S, n = len(rows[0]), len(first) + 1
    number = {u: i for i, u in enumerate(product(range(S), repeat=n - 1))}
    stack = [(first, Fraction(1))]
    while stack:
        x, probability = stack.pop()
        if len(x) == T:
            yield x, probability
            continue
        for s, tau in enumerate(rows[number[x[len(x) - n + 1 :]]]):
            if tau > 0:
                stack.append(((*x, s), probability if tau == 1 else probability * tau))


def number_of_sequences(rows: Rows, first: Word, T: int, most: int) -> int:
    """How many there are, or a number above `most` if that is more."""
    S, D = len(rows[0]), len(rows)
    ends = {sum(s * S**i for i, s in enumerate(reversed(first))): 1}
    for _ in range(T - len(first)):
        longer: dict[int, int] = {}
        for u, count in ends.items():
            for s, tau in enumerate(rows[u]):
                if tau > 0:
                    v = (u * S + s) % D
                    longer[v] = longer.get(v, 0) + count
        ends = longer
        if sum(ends.values()) > most:
            break
    return sum(ends.values())


def entry(rows: Rows, first: Word, lags: Sequence[int], q: Fraction, T: int, ab: tuple[int, int], vw: Word) -> Fraction:
    """M_ab[v][w] as E 1{x_{T-a} = v} sum_y tau(y|u) 1{y occurs} (mean of 1{x_{j-b} = w} - the same where x_j = y)."""
    (a, b), (v, w), (top, bottom) = ab, vw, q.as_integer_ratio()
    S, n, L, total = len(rows[0]), len(first) + 1, len(lags), Fraction(0)
    number = {u: i for i, u in enumerate(product(range(S), repeat=n - 1))}
    power = [top**m * bottom ** (L - m) for m in range(L + 1)]
    for x, probability in sequences(rows, first, T):
        if x[T - 1 - a] != v:
            continue
        weights = [power[sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags)] for j in range(T)]
        mean = _mean(weights, [j >= b and x[j - b] == w for j in range(T)])
        for y in set(x):
            held = [weight if s == y else 0 for weight, s in zip(weights, x, strict=True)]
            difference = mean - _mean(held, [j >= b and x[j - b] == w for j in range(T)])
            total += probability * rows[number[x[T - n + 1 :]]][y] * difference
    return total


def _mean(weights: Sequence[int], marked: Sequence[bool]) -> Fraction:
    return Fraction(sum(w for w, mark in zip(weights, marked, strict=True) if mark), sum(weights))


def phi_above(x: Fraction, terms: int = 40) -> Fraction:
    """At least x (1 + log(1/x)), x < 1: log y = k log 2 + log(y/2^k), 1 <= y/2^k < 2, by 2 artanh((y-1)/(y+1)).

    Each term of the series is at most t^2 <= 1/9 times the last; so what is left out is below 9/8 of its first term.
    """

    def log(y: Fraction) -> Fraction:
        t = (y - 1) / (y + 1)
        series = [t ** (2 * i + 1) / (2 * i + 1) for i in range(terms + 1)]
        return 2 * (sum(series[:-1], Fraction(0)) + Fraction(9, 8) * series[-1])

    if x >= 1:
        return Fraction(1)
    k = (1 / x).__floor__().bit_length() - 1
    return x * (1 + k * log(Fraction(2)) + log(1 / x / 2**k))


def beyond_type_one(c: Certificate) -> str:
    """SN16c: a block with a+1 in Lambda and b not in Lambda beyond phi(K D r / m)."""
    return _beyond_phi(c, type_two, lambda S, n: S ** (n - 1))


def beyond_stationary(c: Certificate) -> str:
    """SN16s: a block with b in Lambda beyond phi(K r / m), from a start that is not stationary."""
    return _beyond_phi(c, lambda n, lags: [(a, b) for a in range(n) for b in lags], lambda S, n: 1)


def _beyond_phi(
    c: Certificate,
    pairs: Callable[[int, Sequence[int]], Sequence[tuple[int, int]]],
    factor: Callable[[int, int], int],
) -> str:
    """An entry of one of these blocks beyond phi(K factor r / m)."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 2, 12)
    lags = read_lags(c.parameters, n)
    T, q = c.parameters.integer("length", n, 10**5), c.parameters.rational("q")
    rows, first = c.witness.matrix("kernel"), tuple(c.witness.integers("start", 0, S - 1))
    c.demand(q >= 1, "parameters.q: below 1")
    check_rows(rows, S, n, "witness")
    c.demand(len(first) == n - 1, "witness.start: not n-1 tokens")
    a, b = (c.witness.integer(key, 0, n - 1) for key in ("a", "b"))
    v, w = (c.witness.integer(key, 0, S - 1) for key in ("query token", "key token"))
    c.demand((a, b) in pairs(n, lags), f"witness: M_{a},{b} is no such block")
    c.afford(T * S**n, "sequences")
    many = number_of_sequences(rows, first, T, 10 * T)
    c.demand(many <= 10 * T, "witness.kernel: too many sequences")
    c.afford(many * T * (len(lags) + 4) // 2, "sequences")
    c.afford(3 * many, "probabilities", T * bits(rows))
    value = entry(rows, first, lags, q, T, (a, b), (v, w))
    told = c.witness.rational("value, rounded down")
    c.demand(told == Fraction(int(value * 10**6 // 1), 10**6), f"witness.value, rounded down: it is {float(value):.6f}")
    x = S ** (len(lags) + 1) * factor(S, n) * max(Fraction(1), T / q) / (T - n + 2)
    c.demand(value > phi_above(x), f"witness: {float(value):.6g} is not above {float(phi_above(x)):.6g}")
    where = f"S={S}, n={n}, lags {braces(lags)}, T={T}"
    return f"M_{a},{b}[{v}][{w}] = {float(value):.6g} > {float(phi_above(x)):.6g}; {where}"
