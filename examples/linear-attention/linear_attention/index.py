"""LA5: losses and indices of the fixed points; LA5c: not all of them are strict saddles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

import landscape_verifier as lv
from linear_attention.exact import (
    Landscape,
    gradient_by_differences,
    hessian_by_differences,
    inertia,
    inertia_by_polynomial,
    rational,
    variables,
)
from linear_attention.loss import GAUSSIAN, diagonal_loss_by_prompts
from linear_attention.model import Merged, Separate, learned, mu, subsets, twice_loss
from linear_attention.settings import LinearAttentionSettings

Inertia = tuple[int, int, int]
DRAWS = 3  # fixed points with K = 0 of merged heads, beside the origin
LOSSES = "eigenvectors learned, loss, negative eigenvalues"  # of separate heads


@dataclass(frozen=True)
class Spot:
    """A fixed point, and what is predicted there."""

    name: str
    heads: Merged | Separate
    loss: Fraction
    inertia: Inertia


@dataclass(frozen=True)
class Instance:
    """One Lambda and N."""

    lam: Sequence[Fraction]
    nu: Fraction

    @property
    def D(self) -> int:
        return len(self.lam)

    def twice_loss(self, K: Any) -> Fraction:
        value: Fraction = twice_loss(self.lam, self.nu, K)
        return value

    def landscape(self, kind: type[Merged | Separate]) -> Landscape:
        """2 L as a polynomial in the parameters of the heads."""
        symbols = variables(kind.names(self.D, self.D))
        lam, nu = [rational(x) for x in self.lam], rational(self.nu)
        return Landscape(twice_loss(lam, nu, kind.of(symbols, self.D, self.D).K), len(symbols))

    @cached_property
    def a(self) -> list[Fraction]:
        return [1 / x for x in mu(self.lam, self.nu)]

    def level(self, S: Sequence[int]) -> Fraction:
        """L at K_S, in closed form."""
        return (sum(self.lam) - sum((self.lam[d] ** 2 * self.a[d] for d in S), Fraction(0))) / 2

    def separate(self, S: Sequence[int], random: Random) -> Spot:
        """Heads that learn S, one each, and spare ones of 0."""
        D, zero = self.D, Fraction(0)
        v, k, q = [zero] * D, [[zero] * D for _ in range(D)], [[zero] * D for _ in range(D)]
        for i, d in enumerate(S):
            v[i], k[i][d] = nonzero(random), nonzero(random)
            q[i][d] = self.a[d] / (v[i] * k[i][d])
        larger = sum(d < j for j in S for d in range(D) if d not in S)  # eigenvalues fall with their number
        smaller = len(S) * (D - len(S)) - larger
        positive = len(S) ** 2 + larger + 2 * smaller
        name = f"separate heads, S={[d + 1 for d in S]}"
        return Spot(name, Separate(v, k, q), self.level(S), (larger, D * (2 * D + 1) - larger - positive, positive))

    def merged_zero(self, random: Random | None) -> Spot:
        """v = 0 and U orthogonal to Lambda^2: at the origin, or drawn."""
        D, zero = self.D, Fraction(0)
        U = [[[nonzero(random) if random else zero for _ in range(D)] for _ in range(D)] for _ in range(D)]
        for matrix in U:
            rest = sum((self.lam[d] ** 2 * matrix[d][d] for d in range(D - 1)), zero)
            matrix[-1][-1] = -rest / self.lam[-1] ** 2
        count = D + D**3
        return Spot("merged heads, K=0", Merged([zero] * D, U), self.level(()), (D, count - 2 * D, D))

    def merged_minimum(self, random: Random) -> Spot:
        """Drawn heads, the last of which makes the sum K*."""
        D = self.D
        v = [nonzero(random) for _ in range(D)]
        U = [[[nonzero(random) for _ in range(D)] for _ in range(D)] for _ in range(D - 1)]
        rest = Merged(v[:-1], U).K
        best = learned(self.lam, self.nu, range(D))
        last = [[(x - y) / v[-1] for x, y in zip(a, b, strict=True)] for a, b in zip(best, rest, strict=True)]
        everything = self.level(range(D))
        return Spot("merged heads, K=K*", Merged(v, [*U, last]), everything, (0, D + D**3 - D * D, D * D))


def nonzero(random: Random) -> Fraction:
    return Fraction(random.choice([-3, -2, -1, 1, 2, 3]), random.randint(1, 3))


def instance_of(settings: LinearAttentionSettings) -> Instance:
    return Instance(settings.spectrum, Fraction(1, settings.N))


def spots(instance: Instance, seed: int) -> list[Spot]:
    random = Random(f"LA5 {seed}")
    merged = [instance.merged_zero(drawn) for drawn in (None, *[random] * DRAWS)]
    return [*merged, instance.merged_minimum(random), *(instance.separate(S, random) for S in subsets(instance.D))]


def draw_losses(axes: Any, details: Any) -> str:
    from verify.report.legend import name_curves  # with matplotlib

    for strict, mark, label in ((True, "x", "strict saddle"), (False, "o", "no negative eigenvalue")):
        chosen = [(size, float(Fraction(loss))) for size, loss, negative in details[LOSSES] if (negative > 0) == strict]
        if chosen:
            axes.plot(*zip(*chosen, strict=True), mark, label=label)
    axes.set(xlabel="number of eigenvectors learned", ylabel="loss at the fixed point")
    axes.set_xticks(sorted({size for size, _, _ in details[LOSSES]}))
    axes.grid(alpha=0.5)
    name_curves(axes)
    return "Fixed points of separate heads; merged heads have the first loss and the last only."


@lv.claim(
    "LA5",
    "losses and indices",
    requires=("LA3", "LA4"),
    assumptions=(GAUSSIAN, "spare heads of 0"),
    reference="README.md#la5",
    plot=lv.Plot((LOSSES,), draw_losses),
)
def indices(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """L(K_S) = (sum_d lambda_d - sum_{d in S} lambda_d^2 a_d) / 2. Where |S| separate heads learn one eigenvector each
    and the others are 0, the Hessian has as many negative eigenvalues as there are pairs of an eigenvector in S and
    one of larger lambda outside; of positive ones |S|^2, one for each of these pairs, and two for each other pair.
    With H merged heads it has H negative and H positive eigenvalues where K = 0, and D^2 positive and no negative ones
    at the minima.

    The signs by congruence in rational numbers, of the second derivatives of the loss as a polynomial.
    """
    instance = instance_of(settings)
    landscapes = {kind: instance.landscape(kind) for kind in (Merged, Separate)}
    points = spots(instance, settings.seed)
    wrong: list[tuple[Spot, Inertia, Fraction]] = []
    for spot in points:
        run.progress(spot.name)
        landscape, at = landscapes[type(spot.heads)], spot.heads.parameters
        found, loss = inertia(landscape.hessian(at)), instance.twice_loss(spot.heads.K) / 2
        if any(landscape.gradient(at)) or found != spot.inertia or loss != spot.loss:
            wrong.append((spot, found, loss))
    saddles = [spot for spot in points if spot.inertia[0]]
    D = settings.D
    return lv.decide(
        not wrong,
        evidence=lv.Evidence.EXACT,
        scope=f"{settings.said}, {D} heads; separate: one point of each of {2**D} sets; merged: "
        f"{DRAWS + 1} points with K = 0, one minimum",
        instances=len(points),
        found=f"{len(points) - len(wrong)} of {len(points)} points, {len(saddles)} with negative eigenvalues",
        predicted="all",
        undecided="there is no point",
        counterexample=_other(instance, *wrong[0]) if wrong else None,
        details={
            LOSSES: [
                [sum(spot.heads.K[d][d] != 0 for d in range(D)), spot.loss, spot.inertia[0]]
                for spot in points
                if isinstance(spot.heads, Separate)
            ],
            "negative, zero, positive eigenvalues": {
                f"{i + 1}: {spot.name}": list(spot.inertia) for i, spot in enumerate(points)
            },
        },
        certificate=lv.Certificate(
            {"eigenvalues": settings.spectrum, "N": settings.N, "heads": D},
            {"points": [_written(spot) for spot in points]},
        ),
    )


def _written(spot: Spot) -> dict[str, Any]:
    kind = "merged" if isinstance(spot.heads, Merged) else "separate"
    return {"heads": kind, "at": spot.heads.parameters, "loss": spot.loss, "inertia": list(spot.inertia)}


def second_inertia(instance: Instance, heads: Merged | Separate) -> Inertia | None:
    """By differences and the characteristic polynomial; None where this is no fixed point."""
    kind, D = type(heads), instance.D

    def value(at: list[Fraction]) -> Fraction:
        return instance.twice_loss(kind.of(at, D, D).K)

    if any(gradient_by_differences(value, heads.parameters)):
        return None
    return inertia_by_polynomial(hessian_by_differences(value, heads.parameters))


def second_loss(instance: Instance, heads: Merged | Separate) -> Fraction:
    """By prompts, as K is diagonal."""
    return diagonal_loss_by_prompts(instance.lam, [heads.K[d][d] for d in range(instance.D)], int(1 / instance.nu))


def _other(instance: Instance, spot: Spot, found: Inertia, loss: Fraction) -> lv.Counterexample:
    values = {"point": spot.name, "parameters": list(map(str, spot.heads.parameters)), "found": found, "loss": loss}
    return lv.Counterexample(
        {**values, "predicted": spot.inertia, "predicted loss": spot.loss},
        lambda: second_inertia(instance, spot.heads) != spot.inertia or second_loss(instance, spot.heads) != spot.loss,
    )


@lv.claim(
    "LA5c",
    "all saddles are strict (control)",
    requires=("LA5",),
    assumptions=(GAUSSIAN,),
    origin=lv.Origin.CONTROL,
    reference="README.md#la5c",
)
def strict_saddles(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """At every fixed point of separate heads that is not a global minimum the Hessian has a negative eigenvalue.

    Looked for where heads have learned the largest eigenvalues, none to D - 1 of them, and spare heads are 0. From
    there the loss falls by the third order: with v = k = q = t in a spare head by - lambda_d^2 t^3 + O(t^6).
    """
    instance, random = instance_of(settings), Random(f"LA5c {settings.seed}")
    landscape = instance.landscape(Separate)
    tops = [instance.separate(range(size), random) for size in range(instance.D)]
    flat = [spot for spot in tops if is_flat_saddle(instance, landscape, spot)]
    return lv.decide(
        not flat,
        evidence=lv.Evidence.EXACT,
        scope=f"sets of the 0 to {instance.D - 1} largest eigenvalues, spare heads of 0; {settings.said}",
        instances=len(tops),
        found=f"{len(flat)} of {len(tops)} without negative eigenvalue",
        predicted="some",
        undecided="a saddle without negative eigenvalue was found by one computation only",
        counterexample=lv.Counterexample(
            {"parameters": list(map(str, flat[-1].heads.parameters)), "loss": flat[-1].loss},
            lambda: _flat_by_differences(instance, flat[-1]),
        )
        if flat
        else None,
        certificate=lv.Certificate(
            {"eigenvalues": settings.spectrum, "N": settings.N, "heads": settings.D},
            {"at": flat[-1].heads.parameters, "loss": flat[-1].loss},
        )
        if flat
        else None,
    )


def is_flat_saddle(instance: Instance, landscape: Landscape, spot: Spot) -> bool:
    """Whether this is a fixed point without negative eigenvalue, and the loss is lower nearby."""
    at = spot.heads.parameters
    flat = not any(landscape.gradient(at)) and inertia(landscape.hessian(at))[0] == 0
    return flat and instance.twice_loss(beyond(instance, spot).K) < 2 * spot.loss


def beyond(instance: Instance, spot: Spot) -> Separate:
    """The point, where the last head, a spare one, has v = t and k = q = t e_d, d the first that is not learned."""
    heads, D = spot.heads, instance.D
    assert isinstance(heads, Separate), "of separate heads"
    d = next(d for d in range(D) if heads.K[d][d] == 0)
    t = min(Fraction(1), instance.a[d])  # t^3 <= a_d: down all the way
    along = [t if e == d else Fraction(0) for e in range(D)]
    return Separate([*heads.v[:-1], t], [*heads.k[:-1], along], [*heads.q[:-1], along])


def _flat_by_differences(instance: Instance, spot: Spot) -> bool:
    found = second_inertia(instance, spot.heads)
    lower = second_loss(instance, beyond(instance, spot)) < second_loss(instance, spot.heads)
    return found is not None and found[0] == 0 and lower
