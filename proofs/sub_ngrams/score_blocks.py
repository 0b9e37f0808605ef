"""The population gradient as score blocks, and the chain rule to the parameters (sub-n-grams/gradient)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.sub_ngrams.configuration import Configuration

Number = Fraction | float
Block = tuple[tuple[Number, ...], ...]
Blocks = Mapping[tuple[int, int], Block]


@dataclass(frozen=True)
class ScoreBlocks:
    """M_ab[v][v'] = dL/dW_ab[v][v'], one S x S block for every query lag a and key lag b in 0..n-1.

    blocks  (a, b) -> S rows (query token at lag a) of S columns (key token at lag b)
    errors  bounds on the error of every entry, in the same layout; None: the entries are exact
    level   confidence level of the errors (0.99, say) when they are statistical; None: they are bounds or estimates
            that do not rest on chance

    Whatever engine computed a gradient, it is one of these.
    """

    blocks: Blocks
    errors: Blocks | None = None
    level: float | None = None

    @staticmethod
    def from_nested(
        values: Sequence[Any], errors: Sequence[Any] | None = None, level: float | None = None
    ) -> ScoreBlocks:
        """From nested sequences (or arrays' `.tolist()`) indexed [a][b][v][v']."""

        def mapping(nested: Sequence[Any]) -> Blocks:
            return {
                (a, b): tuple(tuple(row) for row in nested[a][b])
                for a in range(len(nested))
                for b in range(len(nested))
            }

        return ScoreBlocks(mapping(values), None if errors is None else mapping(errors), level)

    def __getitem__(self, ab: tuple[int, int]) -> Block:
        return self.blocks[ab]

    @property
    def exact(self) -> bool:
        """Whether every entry is exact."""
        return self.errors is None

    @property
    def error(self) -> float:
        """The largest bound on the error of an entry; 0 when exact."""
        return 0.0 if self.errors is None else max(float(e) for e in entries(self.errors))

    def difference(self, other: ScoreBlocks) -> float:
        """The largest absolute difference between entries of two gradients of the same shape; NaN if one is NaN."""
        return max((float(gap) for gap, _ in self._gaps(other)), key=_nan_first)

    def excess(self, other: ScoreBlocks) -> float:
        """By how much a difference exceeds the errors that both report, at worst: two gradients agree if <= 0.

        Floats are compared as the rationals they are. NaN if an entry or an error is NaN.
        """
        return max((float(gap - allowed) for gap, allowed in self._gaps(other)), key=_nan_first)

    def _gaps(self, other: ScoreBlocks) -> Iterator[tuple[Number, Number]]:
        """(absolute difference, sum of the errors) for every entry."""
        if self.blocks.keys() != other.blocks.keys():
            raise ValueError("score blocks of different shapes cannot be compared")
        for ab in self.blocks:
            for v, row in enumerate(self[ab]):
                for w, x in enumerate(row):
                    numbers = [x, other[ab][v][w], self.error_of(ab, v, w), other.error_of(ab, v, w)]
                    if all(math.isfinite(number) for number in numbers):
                        x, y, *errors = [Fraction(number) for number in numbers]
                        yield abs(x - y), sum(errors, Fraction(0))
                    else:
                        yield math.nan, math.nan

    def error_of(self, ab: tuple[int, int], v: int, w: int) -> Number:
        """The bound on the error of one entry; 0 when exact."""
        return Fraction(0) if self.errors is None else self.errors[ab][v][w]


def _nan_first(x: float) -> float:
    return math.inf if math.isnan(x) else x


def entries(blocks: Blocks) -> list[Number]:
    """All entries, block by block, row by row."""
    return [x for block in blocks.values() for row in block for x in row]


def transpose(block: Block) -> Block:
    return tuple(zip(*block, strict=True))


def add(first: Block, second: Block) -> Block:
    return tuple(
        tuple(x + y for x, y in zip(row, other, strict=True)) for row, other in zip(first, second, strict=True)
    )


@dataclass(frozen=True)
class ParameterGradient:
    """The gradient of the factorised network at a configuration, with its scale taken out so that it stays exact.

    Q[a, l]  dL/dQ_a in slot l, divided by sqrt(c); other slots, and inactive heads a, have 0
    K[b, l]  dL/dK_b in slot l, divided by sqrt(c); other slots, and inactive heads b, have 0
    V[h]     dL/dV^(h), divided by c; inactive heads have 0
    The gradient in the positional logits A is 0 (hard heads are saturated). Claim SN2.
    """

    Q: Blocks
    K: Blocks
    V: Mapping[int, Block]

    def norms(self, c: float) -> dict[str, float]:
        """Euclidean norms of the gradient in Q, K, V, A and in total, at the finite scale c = log q."""
        norms = {
            "Q": math.sqrt(c) * _norm(self.Q.values()),
            "K": math.sqrt(c) * _norm(self.K.values()),
            "V": c * _norm(self.V.values()),
            "A": 0.0,
        }
        return norms | {"total": math.hypot(*norms.values())}


def parameter_gradient(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    """The chain rule for hard heads (claim SN2): which score blocks the factorised parameters see."""
    lags = configuration.lags
    streams = (0, *configuration.active_heads)  # the others are 0 in the stream, whatever Q and K do
    V: dict[int, Block] = {}
    for h in configuration.active_heads:
        sides = ([transpose(M[h - 1, h])] if h in lags else []) + ([M[h, h + 1]] if h + 1 in lags else [])
        V[h] = sides[0] if len(sides) == 1 else add(*sides)
    return ParameterGradient(
        Q={(a, lag): M[a, lag] for a in streams for lag in lags},
        K={(b, lag): transpose(M[lag - 1, b]) for b in streams for lag in lags},
        V=V,
    )


def parameter_norms(
    M: ScoreBlocks, configuration: Configuration, parametrisation: str = "factorised"
) -> dict[str, float] | None:
    """Euclidean norms of the parameter gradient; None at c = inf, where they diverge in general (claim SN8)."""
    if configuration.at_limit:
        return None
    norms = parameter_gradient(M, configuration).norms(configuration.c)
    if parametrisation == "merged":
        streams = (0, *configuration.active_heads)  # inactive heads are 0 in the stream, whatever W does
        norms = {"W": _norm(M[a, b] for a in streams for b in streams), "V": norms["V"], "A": norms["A"]}
        norms["total"] = math.hypot(*norms.values())
    return norms


def norm_errors(
    M: ScoreBlocks, configuration: Configuration, parametrisation: str = "factorised"
) -> dict[str, float] | None:
    """Bounds on the errors of `parameter_norms`: the norms of the errors, by the triangle inequality.

    They hold where the errors of all entries do.
    """
    norms = parameter_norms(M if M.errors is None else ScoreBlocks(M.errors), configuration, parametrisation)
    return dict.fromkeys(norms, 0.0) if norms is not None and M.errors is None else norms


def _norm(blocks: Any) -> float:
    return math.hypot(*(float(x) for block in blocks for row in block for x in row))
