"""The population gradient as score blocks, and the chain rule to the parameters (sub-n-grams/gradient)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from proofs.sub_ngrams.configuration import Configuration, Row

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
    rows    (h, t) -> one row dL/dA^(h)_{t,i} / c, i = 1..t, for the rows of the positional logits in which literal
            heads average (`Configuration.averaging_rows`); none for padded heads
    row_errors  bounds on their errors; None: exact

    Whatever engine computed a gradient, it is one of these.
    """

    blocks: Blocks
    errors: Blocks | None = None
    level: float | None = None
    rows: Blocks = field(default_factory=dict)
    row_errors: Blocks | None = None

    def __post_init__(self) -> None:
        if self.rows and (self.errors is None) != (self.row_errors is None):
            raise ValueError("blocks and rows are exact both, or both have errors")

    @staticmethod
    def from_nested(
        values: Sequence[Any],
        errors: Sequence[Any] | None = None,
        level: float | None = None,
        *,
        rows: Mapping[Row, Sequence[Any]] | None = None,
        row_errors: Mapping[Row, Sequence[Any]] | None = None,
    ) -> ScoreBlocks:
        """From nested sequences (or arrays' `.tolist()`) indexed [a][b][v][v'], and rows by (h, t)."""

        def mapping(nested: Sequence[Any]) -> Blocks:
            return {
                (a, b): tuple(tuple(row) for row in nested[a][b])
                for a in range(len(nested))
                for b in range(len(nested))
            }

        return ScoreBlocks(
            mapping(values),
            None if errors is None else mapping(errors),
            level,
            {key: (tuple(row),) for key, row in (rows or {}).items()},
            None if not row_errors else {key: (tuple(row),) for key, row in row_errors.items()},
        )

    def __getitem__(self, ab: tuple[int, int]) -> Block:
        return self.blocks[ab]

    @property
    def exact(self) -> bool:
        """Whether every entry is exact."""
        return self.errors is None

    @property
    def error(self) -> float:
        """The largest bound on the error of an entry; 0 when exact."""
        if self.errors is None:
            return 0.0
        return max(float(e) for e in [*entries(self.errors), *entries(self.row_errors or {})])

    def difference(self, other: ScoreBlocks) -> float:
        """The largest absolute difference between entries of two gradients of the same shape; NaN if one is NaN."""
        return max((float(gap) for gap, _ in self._gaps(other)), key=_nan_first)

    def excess(self, other: ScoreBlocks) -> float:
        """By how much a difference exceeds the errors that both report, at worst: two gradients agree if <= 0.

        Floats are compared as the rationals they are. NaN if an entry or an error is NaN.
        """
        return max((float(gap - allowed) for gap, allowed in self._gaps(other)), key=_nan_first)

    def share_of_errors(self, other: ScoreBlocks) -> float:
        """The largest difference over the errors that both report, where they report any; NaN if a number is NaN."""
        return max((float(gap / allowed) for gap, allowed in self._gaps(other) if allowed), key=_nan_first, default=0.0)

    def _gaps(self, other: ScoreBlocks) -> Iterator[tuple[Number, Number]]:
        """(absolute difference, sum of the errors) for every entry."""
        if self.blocks.keys() != other.blocks.keys() or self.rows.keys() != other.rows.keys():
            raise ValueError("score blocks of different shapes cannot be compared")
        for (x, error), (y, other_error) in zip(self._entries(), other._entries(), strict=True):
            if all(math.isfinite(number) for number in (x, y, error, other_error)):
                yield abs(Fraction(x) - Fraction(y)), Fraction(error) + Fraction(other_error)
            else:
                yield math.nan, math.nan

    def _entries(self) -> Iterator[tuple[Number, Number]]:
        """Every entry with its error, blocks and then rows in the order of their keys."""
        for blocks, errors in ((self.blocks, self.errors), (self.rows, self.row_errors)):
            for key in sorted(blocks):
                for i, row in enumerate(blocks[key]):
                    for k, x in enumerate(row):
                        yield x, 0 if errors is None else errors[key][i][k]

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
    A[h, t]  one row, dL/dA^(h)_{t,i} for i = 1..t, divided by c; other rows have 0, and with padded heads all have

    Claim SN2.
    """

    Q: Blocks
    K: Blocks
    V: Mapping[int, Block]
    A: Blocks = field(default_factory=dict)

    def norms(self, c: float) -> dict[str, float]:
        """Euclidean norms of the gradient in Q, K, V, A and in total, at the finite scale c = log q."""
        norms = {
            "Q": math.sqrt(c) * _norm(self.Q.values()),
            "K": math.sqrt(c) * _norm(self.K.values()),
            "V": c * _norm(self.V.values()),
            "A": c * _norm(self.A.values()),
        }
        return norms | {"total": math.hypot(*norms.values())}


def parameter_gradient(M: ScoreBlocks, configuration: Configuration) -> ParameterGradient:
    """The chain rule for hard heads (claim SN2): which score blocks the factorised parameters see.

    ValueError where the rows are not those of the configuration's heads.
    """
    lags = configuration.lags
    if M.rows.keys() != set(configuration.averaging_rows):
        raise ValueError(f"rows {sorted(M.rows)}: {configuration.heads} heads have {configuration.averaging_rows}")
    streams = (0, *configuration.active_heads)  # the others are 0 in the stream, whatever Q and K do
    V: dict[int, Block] = {}
    for h in configuration.active_heads:
        sides = ([transpose(M[h - 1, h])] if h in lags else []) + ([M[h, h + 1]] if h + 1 in lags else [])
        V[h] = sides[0] if len(sides) == 1 else add(*sides)
    return ParameterGradient(
        Q={(a, lag): M[a, lag] for a in streams for lag in lags},
        K={(b, lag): transpose(M[lag - 1, b]) for b in streams for lag in lags},
        V=V,
        A=M.rows,
    )


def blocks_in_use(configuration: Configuration) -> frozenset[tuple[int, int]]:
    """The score blocks (a, b) that `parameter_gradient` sees; in the others an error does not matter to it."""
    lags, streams = configuration.lags, (0, *configuration.active_heads)
    queries = {(a, lag) for a in streams for lag in lags}
    keys = {(lag - 1, b) for b in streams for lag in lags}
    values = {(h - 1, h) for h in configuration.active_heads if h in lags}
    values |= {(h, h + 1) for h in configuration.active_heads if h + 1 in lags}
    return frozenset(queries | keys | values)


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
    errors = M if M.errors is None else ScoreBlocks(M.errors, rows=M.row_errors or {})
    norms = parameter_norms(errors, configuration, parametrisation)
    return dict.fromkeys(norms, 0.0) if norms is not None and M.errors is None else norms


def _norm(blocks: Any) -> float:
    return math.hypot(*(float(x) for block in blocks for row in block for x in row))
