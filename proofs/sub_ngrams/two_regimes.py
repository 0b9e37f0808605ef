"""The limit of M_00 for the kernel `adversaries.two_regimes` at T = q = 1/e + 2, e -> 0 (sub-n-grams/finite-length).

In units of 1/e steps the chain switches between zeros (A) and alternation (B): A -> B at rate 1, B -> A at rate 1/2,
as half of the steps in B are at the context 10; it starts in B with probability 3/4, and ends after one unit. A zero
was followed by a one in a share p = (v/2) / (u + v/2) = v / (1+u) of its occurrences, u and v = 1-u the times in A and
B. So

    M_00[0][1] -> E[1{ends in A} p - 1{ends in B} (1-p)/2] .
"""

from __future__ import annotations

from flint import acb, arb, ctx

LEAVES_ZEROS, LEAVES_ALTERNATION, STARTS_ALTERNATING = arb(1), arb(1) / 2, arb(3) / 4
BITS = 128


def limit() -> arb:
    """The limit, as a ball."""
    with ctx.workprec(BITS):
        value = acb.integral(lambda u, _: integrand(u), 0, 1)
        return arb(value.real)


def integrand(u: acb) -> acb:
    """By densities of the time u in A: of a two-state chain, with I_0(2 sqrt(x)) and x^(-1/2) I_1(2 sqrt(x)) as 0F1.

    Paths that never switch add nothing: p = 0 if all is A, and 1 if all is B.
    """
    v, a, b, start = 1 - u, LEAVES_ZEROS, LEAVES_ALTERNATION, STARTS_ALTERNATING
    x, stay = a * b * u * v, (-a * u - b * v).exp()
    i0, i1 = x.hypgeom_0f1(1), x.hypgeom_0f1(2)
    ends_in_zeros = stay * ((1 - start) * a * b * u * i1 + start * b * i0)
    alternates = stay * ((1 - start) * a * i0 + start * a * b * v * i1)
    return ends_in_zeros * v / (1 + u) - alternates * u / (1 + u)
