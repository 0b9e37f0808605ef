"""The sufficient condition for a vanishing gradient, on finite probability spaces (claim SN4).

Let G be a sub-sigma-algebra of sigma(tau, x). If (i) p_theta(s) = E[tau(s | u) | G] and (ii) d log p_theta(s) is
G-measurable, then the derivative -E sum_s tau(s | u) d log p_theta(s) of the loss is 0: by (ii) and the tower property
tau may be replaced by p_theta, and sum_s p_theta(s) d log p_theta(s) = d sum_s p_theta(s) = 0.

On a finite space G is a partition into atoms. All weights, kernels and derivatives are symbols here, so the statement
is decided for every space of a given shape at once; without (i) or without (ii) it has counterexamples.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal

from sympy.polys.domains import ZZ
from sympy.polys.fields import field

from proofs.identities import Identities, decide

Condition = Literal["i", "ii"]
Shape = tuple[int, int, int]  # atoms of G, outcomes in every atom, tokens


@dataclass(frozen=True)
class FiniteSpace:
    """A finite space with the partition G, a predictor p and its derivative in one direction; numbers of any field.

    weight[g][o]      probability, where they are symbols up to a common factor, of outcome o of atom g
    tau[g][o][s]      probability of the next token s under that outcome's kernel
    p[g][s]           the prediction on atom g
    dlogp[g][o][s]    derivative of log p(s); sum_s p dlogp = 0, since predictions sum to one
    """

    weight: Sequence[Sequence[Any]]
    tau: Sequence[Sequence[Sequence[Any]]]
    p: Sequence[Sequence[Any]]
    dlogp: Sequence[Sequence[Sequence[Any]]]

    @property
    def gradient(self) -> Any:
        """-E sum_s tau(s) dlogp(s), times the total weight."""
        return -sum(
            w * tau_s * d_s
            for weights, taus, ds in zip(self.weight, self.tau, self.dlogp, strict=True)
            for w, tau, d in zip(weights, taus, ds, strict=True)
            for tau_s, d_s in zip(tau, d, strict=True)
        )

    @property
    def predicts_conditional(self) -> bool:
        """Condition (i)."""
        pairs = zip(self.p, self.weight, self.tau, strict=True)
        return all(list(p) == conditional(weights, taus) for p, weights, taus in pairs)

    @property
    def measurable(self) -> bool:
        """Condition (ii)."""
        return all(list(d) == list(ds[0]) for ds in self.dlogp for d in ds)

    @property
    def consistent(self) -> bool:
        """Whether dlogp is the derivative of a normalised prediction: sum_s p = 1 and sum_s p dlogp = 0."""
        return all(
            sum(p) == 1 and sum(p_s * d_s for p_s, d_s in zip(p, d, strict=True)) == 0
            for p, ds in zip(self.p, self.dlogp, strict=True)
            for d in ds
        )


def conditional(weights: Sequence[Any], taus: Sequence[Sequence[Any]]) -> list[Any]:
    """E[tau(s) | atom] for every token s."""
    return [
        sum(w * t for w, t in zip(weights, column, strict=True)) / sum(weights) for column in zip(*taus, strict=True)
    ]


def tower_identity(shape: Shape, drop: Condition | None = None) -> Identities:
    """The gradient as a rational function of all weights, kernels and derivatives of a space of this shape.

    It is 0 (the theorem) with both conditions; with one of them dropped the identity fails.
    """
    space = generic_space(shape, drop)
    return decide(
        f"gradient = 0, atoms x outcomes x tokens = {shape}, {f'without {drop}' if drop else 'both conditions'}",
        [(str(shape), space.gradient)],
    )


def on_random_spaces(shapes: Sequence[Shape], each: int, seed: int) -> Identities:
    """The same on rational spaces, whose conditions are looked at one by one."""
    spaces = [
        random_space(random.Random(seed + i), shape) for i, shape in enumerate(s for s in shapes for _ in range(each))
    ]

    def residuals() -> Iterator[tuple[str, Any]]:
        for i, space in enumerate(spaces):
            yield f"space {i}: conditions", not (space.consistent and space.predicts_conditional and space.measurable)
            yield f"space {i}: gradient", space.gradient

    return decide("gradient = 0 on random spaces with both conditions", residuals())


def generic_space(shape: Shape, drop: Condition | None = None) -> FiniteSpace:
    """The space whose numbers are symbols.

    dlogp = y - sum_s p y with free y: of this form are all solutions of sum_s p dlogp = 0 and nothing else.
    """
    atoms, outcomes, S = shape
    cells = list(product(range(atoms), range(outcomes)))
    names = [
        *(f"w{g}_{o}" for g, o in cells),
        *(f"tau{g}_{o}_{s}" for g, o in cells for s in range(S - 1)),
        *(f"y{g}_{o}_{s}" for g, o in cells for s in range(S)),
        *(f"p{g}_{s}" for g in range(atoms) for s in range(S - 1)),
    ]
    _, *generators = field(names, ZZ)
    symbol = dict(zip(names, generators, strict=True))

    def row(name: str) -> list[Any]:
        free = [symbol[f"{name}_{s}"] for s in range(S - 1)]
        return [*free, 1 - sum(free)]

    return _space(
        weight=[[symbol[f"w{g}_{o}"] for o in range(outcomes)] for g in range(atoms)],
        tau=[[row(f"tau{g}_{o}") for o in range(outcomes)] for g in range(atoms)],
        y=[[[symbol[f"y{g}_{o}_{s}"] for s in range(S)] for o in range(outcomes)] for g in range(atoms)],
        p=[row(f"p{g}") for g in range(atoms)],
        drop=drop,
    )


def random_space(rng: random.Random, shape: Shape, drop: Condition | None = None, largest: int = 6) -> FiniteSpace:
    """A space of positive weights and kernels in exact rationals, made of integers up to `largest`."""
    atoms, outcomes, S = shape

    def distribution() -> list[Fraction]:
        counts = [rng.randint(1, largest) for _ in range(S)]
        return [Fraction(count, sum(counts)) for count in counts]

    def derivative() -> list[Fraction]:
        return [Fraction(rng.randint(-largest, largest)) for _ in range(S)]

    weights = [[rng.randint(1, largest) for _ in range(outcomes)] for _ in range(atoms)]
    whole = sum(map(sum, weights))
    return _space(
        weight=[[Fraction(w, whole) for w in row] for row in weights],
        tau=[[distribution() for _ in range(outcomes)] for _ in range(atoms)],
        y=[[derivative() for _ in range(outcomes)] for _ in range(atoms)],
        p=[distribution() for _ in range(atoms)],
        drop=drop,
    )


def counterexample(rng: random.Random, drop: Condition, tries: int = 1000) -> FiniteSpace | None:
    """A space with a gradient that is not 0 and without the dropped condition only; None if `tries` draws find none."""
    for _ in range(tries):
        space = random_space(rng, (1, 2, 2), drop, largest=3)
        kept, dropped = space.predicts_conditional, space.measurable
        if drop == "i":
            kept, dropped = dropped, kept
        if space.consistent and kept and not dropped and space.gradient != 0:
            return space
    return None


def _space(weight: Any, tau: Any, y: Any, p: Any, drop: Condition | None) -> FiniteSpace:
    """Imposes the conditions that are not dropped: (i) overrides p, (ii) gives all outcomes of an atom its first y."""
    if drop != "i":
        p = [conditional(weights, taus) for weights, taus in zip(weight, tau, strict=True)]
    if drop != "ii":
        y = [[ys[0]] * len(ys) for ys in y]
    dlogp = [[_centred(p_g, y_o) for y_o in ys] for p_g, ys in zip(p, y, strict=True)]
    return FiniteSpace(weight, tau, p, dlogp)


def _centred(p: Sequence[Any], y: Sequence[Any]) -> list[Any]:
    mean = sum(p_s * y_s for p_s, y_s in zip(p, y, strict=True))
    return [y_s - mean for y_s in y]
