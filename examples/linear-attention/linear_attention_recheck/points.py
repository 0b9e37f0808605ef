"""LA5 and LA5c: losses and indices of fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from linear_attention_recheck.heads import MAKES, curvatures, signs, size_of, slopes, vectors
from linear_attention_recheck.loss import read_instance, said, scales, twice_loss
from verify.recheck.certificate import Certificate, Fields, bits


def points(c: Certificate) -> str:
    """LA5: gradient, loss and inertia, at one point of every set, and of both kinds of merged heads."""
    lam, N = read_instance(c)
    D, heads = len(lam), c.parameters.integer("heads", len(lam), 6)
    listed = c.witness.objects("points")
    m, learned, kinds = scales(lam, Fraction(1, N)), set[tuple[int, ...]](), set[str]()
    for f in listed:
        kind = f.text("heads", tuple(MAKES))
        at, said_loss = f.rationals("at"), f.rational("loss")
        size = size_of(kind, heads, D)
        c.demand(len(at) == size, f"{f.where}.at: {size} numbers are wanted")
        K = MAKES[kind](at, heads, D)
        S = tuple(d for d in range(D) if K[d][d])
        right = all(K[d][e] == (1 / m[d] if d == e and d in S else 0) for d, e in product(range(D), repeat=2))
        c.demand(right, f"{f.where}.at: K is no K_S")
        level = (sum(lam) - sum((lam[d] ** 2 / m[d] for d in S), Fraction(0))) / 2
        c.demand(said_loss == level, f"{f.where}.loss: it is {level}")
        found = hessian_signs(c, lam, N, kind, at, heads, said_loss, f.where)
        told = f.integers("inertia", 0)
        c.demand(told == found, f"{f.where}.inertia: it is {found}")
        c.demand(found == predicted(c, kind, at, heads, D, S, f), f"{f.where}: not as claimed")
        f.finish()
        if kind == "separate":
            c.demand(S not in learned, f"{f.where}: this set for the second time")
            learned.add(S)
        else:
            kinds.add("zero" if not S else "minimum")
    c.demand(len(learned) == 2**D and len(kinds) == 2, "witness.points: some kind of point is missing")
    return f"one point of each of {2**D} sets; {len(listed) - 2**D} of merged heads; {said(lam, N)}"


def predicted(c: Certificate, kind: str, at: list[Fraction], heads: int, D: int, S: Sequence[int], f: Fields) -> Any:
    """The inertia that LA5 claims, of points that it speaks about."""
    if kind == "merged":
        c.demand(len(S) in (0, D), f"{f.where}.at: merged heads have no such fixed point")
        c.demand(bool(S) or not any(at[:heads]), f"{f.where}.at: some v is not 0")
        return [heads, len(at) - 2 * heads, heads] if not S else [0, len(at) - D * D, D * D]
    k, q = vectors(at, heads, D)
    used = [i for i in range(heads) if at[i] or any(k[i]) or any(q[i])]
    c.demand(len(used) == len(S), f"{f.where}.at: not one head for each eigenvector learned, the others 0")
    single = all(sum(map(bool, row)) == 1 for i in used for row in (k[i], q[i]))
    c.demand(single, f"{f.where}.at: a head of more than one eigenvector")
    larger = sum(d < j for j in S for d in range(D) if d not in S)
    positive = len(S) ** 2 + larger + 2 * (len(S) * (D - len(S)) - larger)
    return [larger, len(at) - larger - positive, positive]


def hessian_signs(
    c: Certificate, lam: list[Fraction], N: int, kind: str, at: list[Fraction], heads: int, loss: Fraction, where: str
) -> list[int]:
    """Of a fixed point with this loss."""
    D, size, nu = len(lam), len(at), Fraction(1, N)
    c.afford(2 * size * size * D * D * (heads + 4) + size**3, "Hessian", bits(lam, at))

    def value(at: Sequence[Any]) -> Fraction:
        found: Fraction = twice_loss(lam, nu, MAKES[kind](at, heads, D))
        return found

    c.demand(value(at) == 2 * loss, f"{where}.loss: it is {value(at) / 2}")
    c.demand(not any(slopes(value, at)), f"{where}.at: no fixed point")
    return signs(curvatures(value, at))


def flat_saddle(c: Certificate) -> str:
    """LA5c: a fixed point of separate heads above the minimum, without a negative eigenvalue."""
    lam, N = read_instance(c)
    heads, at = c.parameters.integer("heads", 1, 6), c.witness.rationals("at")
    found_loss = c.witness.rational("loss")
    c.demand(len(at) == size_of("separate", heads, len(lam)), "witness.at: another number of parameters")
    found = hessian_signs(c, lam, N, "separate", at, heads, found_loss, "witness")
    c.demand(found[0] == 0, f"witness.at: {found[0]} negative eigenvalues")
    least = sum(x - x * x / y for x, y in zip(lam, scales(lam, Fraction(1, N)), strict=True)) / 2
    c.demand(found_loss > least, "witness.loss: a global minimum")
    return f"a fixed point, L = {found_loss}, no negative eigenvalue; {said(lam, N)}"
