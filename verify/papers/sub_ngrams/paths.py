"""SN22: along which paths (T, c) the bounds say that the gradient tends to 0, and along which they do not."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any

from verify.claim import Counterexample, Evidence, Finding, Origin, Run, claims_on, decide, undecided
from verify.papers.sub_ngrams import steps
from verify.papers.sub_ngrams.finite_length import about
from verify.papers.sub_ngrams.premises import first_of, no_lags, other_law
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.recheck.sub_ngrams.finite import phi_above
from verify.recheck.sub_ngrams.positions import phi_below

claim = claims_on("mathematics/sub-n-grams/finite-length")

DOUBLINGS = 6  # of the digits of T
BITS = 128
MOST_DIGITS = 1000  # of the first T, where the bound is below 1


@claim(
    "SN22",
    "the bound along paths",
    # not SN20: what is decided is how its bound falls, also where lengths at which it bites are beyond a check of SN18
    requires=("SN16", "SN17", "SN19"),
    assumptions=("padded heads in the first layer",),
    vacuous=first_of(no_lags, other_law),
    origin=Origin.STRENGTHENED,
    steps=steps.PATHS,
)
def vanishing_paths(settings: SubNGramSettings, run: Run) -> Finding:
    """Averaged over the Dirichlet(alpha) prior the factorised gradient tends to 0 along every path with c -> infinity,
    c log(T) / T -> 0 and sqrt(c) E R -> 0, E R being the mean of the R of SN18 over the prior: along c = log T, for
    example; and with T -> infinity first and then c -> infinity. Decided is only that the bound on its norm falls, to
    less than a tenth in the end: from each T to the next along the paths of the scope, and from each c to the next at T
    = infinity. It is made of the bounds of SN16 and, where every lag is in use, SN17, else SN20; at T = infinity it is
    that of SN19.

    Balls, at T with up to thousands of digits: the constants are so large that the fall begins late. An instance is a
    bound at one T, or at one c where T is infinite.
    """
    from flint import ctx

    with ctx.workprec(BITS):
        first, found = rows(settings)
    if not first:
        why = (
            f"the bound along c = log T is not below 1 at any T up to 10^{MOST_DIGITS}, or contexts are too many for it"
        )
        return undecided(why, scope=about(settings))
    holds = all(row["falls"] for row in found)
    last = max(found[:-1], key=lambda row: float(row["bounds"][-1]))
    return decide(
        holds,
        evidence=Evidence.ENCLOSURE,
        scope=f"padded heads; {about(settings)}; c in {{{', '.join(row['c'] for row in found[:-1])}}}, T = 10^{first} "
        f"to 10^{first * 2**DOUBLINGS}; T = inf, c = 10 to {10 * 2**DOUBLINGS}",
        instances=sum(len(row["bounds"]) for row in found),
        found=f"bound on the norm, where it falls least, along c = {last['c']}: {last['bounds'][0]} at T = 10^{first}, "
        f"{last['bounds'][-1]} at T = 10^{first * 2**DOUBLINGS}",
        predicted="falls along every path, to less than a tenth",
        details={"bounds": found},
        undecided="the bound does not fall along a path",
    )


def rows(settings: SubNGramSettings) -> tuple[int, list[dict[str, Any]]]:
    """Digits of the first T (0: none), and along every path the bounds at T of so many digits, twice as many, ..."""
    from flint import arb

    from proofs.sub_ngrams.annealed_bound import Prior
    from proofs.sub_ngrams.paths import PathBound

    bound = PathBound(Prior(settings.S, settings.n, settings.law.alpha), settings.lag_set)
    first = next((d for d in range(10, MOST_DIGITS, 10) if bound.norm(10**d, arb(10**d).log()) < 1), 0)
    if not first:
        return 0, []
    lengths = [10 ** (first * 2**i) for i in range(DOUBLINGS + 1)]
    found = [row(name, [bound.norm(T, path(arb(T))) for T in lengths]) for name, path in bound.paths().items()]
    scales = [10 * 2**i for i in range(DOUBLINGS + 1)]
    far = row("any, at T = inf", [bound.infinite(arb(c)) for c in scales])
    exponents = [f"T = 10^{first * 2**i}" for i in range(DOUBLINGS + 1)]
    return first, [*(one | {"at": exponents} for one in found), far | {"at": [f"c = {c}" for c in scales]}]


def row(name: str, bounds: Sequence[Any]) -> dict[str, Any]:
    falls = all(later < earlier for earlier, later in pairwise(bounds)) and 10 * bounds[-1] < bounds[0]
    return {"c": name, "bounds": [bound.str(3, radius=False) for bound in bounds], "falls": bool(falls)}


@claim(
    "SN22c",
    "the bound along c = T (control)",
    requires=("SN16",),
    vacuous=no_lags,
    origin=Origin.CONTROL,
)
def too_steep(settings: SubNGramSettings, run: Run) -> Finding:
    """Along c = T, too, the bound of SN16 on the norm is smaller at the longer of the lengths T = 10^d and T = 10^(2d),
    d being the number of digits of 1000 K D.

    One part of the squared bound, 8 |Lambda| c^2 phi(K D / m)^2 for V, rises: what is shown is the root of that part.
    So along this path the bound says nothing, and at a fixed T the gradient itself does not vanish (SN8).
    """
    L, KD = len(settings.lag_set), settings.S ** (len(settings.lag_set) + settings.n)
    digits = len(str(1000 * KD))
    near, far = ((T, Fraction(KD, T - settings.n + 2)) for T in (10**digits, 10 ** (2 * digits)))

    from flint import arb

    from proofs.sub_ngrams.finite_length import phi_of_ball

    values = [float((8 * arb(L)).sqrt() * T * phi_of_ball(arb(x.numerator) / x.denominator)) for T, x in (near, far)]
    return decide(
        not values[1] > values[0],
        evidence=Evidence.ENCLOSURE,
        scope=f"S={settings.S}, n={settings.n}, |Lambda|={L}; T = 10^{digits}, 10^{2 * digits}",
        instances=1,
        found=f"part for V of the bound {values[0]:.3g} at T = 10^{digits}, {values[1]:.3g} at 10^{2 * digits}",
        predicted="rises",
        counterexample=Counterexample(
            {"T": [f"10^{digits}", f"10^{2 * digits}"]}, partial(rises, settings.n, L, near, far)
        )
        if values[1] > values[0]
        else None,
        undecided="the bound does not rise",
    )


def rises(n: int, L: int, near: tuple[int, Fraction], far: tuple[int, Fraction]) -> bool:
    """Whether of the bound at c = T the part for V at the longer T is above all of it at the shorter, in rationals.

    near, far  T, and K D / m there
    """
    (T, x), (longer, y) = near, far
    whole = 2 * T * L * ((n + L + 4 * T) * phi_above(x) ** 2 + (n - L))  # the blocks of type II are at most 1
    return bool(8 * L * longer**2 * phi_below(y) ** 2 > whole)
