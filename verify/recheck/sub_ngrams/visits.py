"""First visits of a set of transitions (SN16v)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

from verify.printing import shown
from verify.recheck.certificate import Certificate, bits

Step = tuple[int, int]


def first_visit(P: Sequence[Sequence[Fraction]], start: int, chosen: Collection[Step], m: int) -> Fraction:
    """The chance that step m is the first one in this set of transitions."""
    states = range(len(P))
    law = [Fraction(u == start) for u in states]
    for _ in range(m - 1):
        law = [sum((law[u] * P[u][v] for u in states if (u, v) not in chosen), Fraction(0)) for v in states]
    return sum((law[u] * P[u][v] for u, v in chosen), Fraction(0))


def beyond_half(c: Certificate) -> str:
    """SN16v: a chain, a start, a set of transitions and an m with a chance above D / (2m)."""
    D, m = c.parameters.integer("states", 1, 1000), c.parameters.integer("m", 1, 10**4)
    P, start = c.witness.matrix("transition matrix"), c.witness.integer("start", 0, D - 1)
    c.demand(len(P) == len(P[0]) == D, "witness.transition matrix: not D x D")
    c.demand(all(sum(row) == 1 and min(row) >= 0 for row in P), "witness.transition matrix: rows are no probabilities")
    pairs = c.witness.integer_rows("set", 0, D - 1)
    c.demand(bool(pairs) and all(len(pair) == 2 for pair in pairs), "witness.set: not pairs of states")
    c.afford(m * D * D, "steps", m * bits(P))
    chance = first_visit(P, start, {(u, v) for u, v in pairs}, m)
    c.demand(chance == c.witness.rational("chance"), f"witness.chance: it is {shown(chance)}")
    c.demand(chance > Fraction(D, 2 * m), f"witness: {shown(chance)} is not above D/(2m)")
    return f"chance {shown(chance)} > D/(2m) = {shown(Fraction(D, 2 * m))}, D={D}, m={m}"
