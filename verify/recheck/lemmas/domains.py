"""What the arguments of a lemma run over, written down a second time.

Each is a (dense part of the) image of parameters: "free" ones, "nonnegative" or "positive" ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verify.recheck.arithmetic import divided, solve, total
from verify.recheck.certificate import Fields, RejectedError, rational

MOST_ENTRIES = 1000
SQUARE = ("positive_definite", "orthogonal")
KINDS = ("rational", "positive", "range", "stochastic", *SQUARE)


@dataclass(frozen=True)
class Domain:
    """One argument: its kind, its shape, and for a range its ends."""

    kind: str
    shape: tuple[int, ...]
    low: Fraction | None = None
    high: Fraction | None = None

    @property
    def size(self) -> int:
        size = 1
        for side in self.shape:
            size *= side
        return size

    @property
    def cases(self) -> int:
        return 2 if self.kind == "orthogonal" else 1

    @property
    def open_ended(self) -> bool:
        """Whether the parameters do not reach all of it, and only come as near as one likes."""
        return self.high is not None or self.kind == "orthogonal"

    @property
    def text(self) -> str:
        if self.kind == "range":
            ends = f">= {self.low}" if self.high is None else f"in [{self.low}, {self.high}]"
        else:
            ends = "" if self.kind == "rational" else self.kind.replace("_", " ")
        return f"{' x '.join(map(str, self.shape))} {ends}".strip()

    @property
    def signs(self) -> list[str]:
        """Of the parameters."""
        n = self.shape[0] if self.shape else 1
        if self.kind == "positive_definite":
            return ["positive" if i == j else "free" for i in range(n) for j in range(i + 1)]
        if self.kind == "orthogonal":
            return ["free"] * (n * (n - 1) // 2)
        sign = {"rational": "free", "positive": "positive", "range": "nonnegative", "stochastic": "positive"}
        return [sign[self.kind]] * self.size

    def entries(self, parameters: Sequence[Any], case: int) -> list[Any]:
        """Row by row."""
        if self.kind == "range" and self.high is not None and self.low is not None:
            return [self.low + (self.high - self.low) * (t / (t + 1)) for t in parameters]
        if self.kind == "range":
            return [self.low + t for t in parameters]
        if self.kind == "stochastic":
            rows = [parameters[i : i + self.shape[1]] for i in range(0, self.size, self.shape[1])]
            return [weight / total(row) for row in rows for weight in row]
        if self.kind == "positive_definite":
            return self._squared(parameters)
        return self._cayley(parameters, case) if self.kind == "orthogonal" else list(parameters)

    def _squared(self, parameters: Sequence[Any]) -> list[Any]:
        """L L^T, L lower triangular, its entries row by row."""
        n = self.shape[0]

        def at(i: int, k: int) -> Any:
            return parameters[i * (i + 1) // 2 + k]

        return [
            total(at(i, k) * at(j, k) for k in range(min(i, j) + 1)) for i in range(n) for j in range(n)
        ]  # fmt: skip

    def _cayley(self, parameters: Sequence[Any], case: int) -> list[Any]:
        """(I - K)(I + K)^{-1} = (I + K)^{-1}(I - K), K skew, its entries above the diagonal row by row."""
        n = self.shape[0]
        K: list[list[Any]] = [[Fraction(0)] * n for _ in range(n)]
        rest = iter(parameters)
        for i in range(n):
            for j in range(i + 1, n):
                K[i][j] = next(rest)
                K[j][i] = K[i][j] * -1
        plus = [[K[i][j] + int(i == j) for j in range(n)] for i in range(n)]
        columns = [solve(plus, [int(i == j) - K[i][j] for i in range(n)]) for j in range(n)]
        return [columns[j][i] * (-1 if case == 1 and i == 0 else 1) for i in range(n) for j in range(n)]

    def holds(self, entries: Sequence[Fraction]) -> bool:
        """Whether these exact numbers are in the domain."""
        n = self.shape[0] if self.shape else 1
        rows = (
            [list(entries[i : i + self.shape[-1]]) for i in range(0, self.size, self.shape[-1])] if self.shape else []
        )
        if self.kind == "positive":
            return all(x > 0 for x in entries)
        if self.kind == "range":
            return all((self.low is None or x >= self.low) and (self.high is None or x <= self.high) for x in entries)
        if self.kind == "stochastic":
            return all(x > 0 for x in entries) and all(sum(row) == 1 for row in rows)
        if self.kind == "positive_definite":
            return all(rows[i][j] == rows[j][i] for i in range(n) for j in range(n)) and _positive_pivots(rows)
        if self.kind == "orthogonal":
            columns = list(zip(*rows, strict=True))
            return all(
                sum(x * y for x, y in zip(columns[i], columns[j], strict=True)) == int(i == j)
                for i in range(n)
                for j in range(n)
            )
        return True


def _positive_pivots(rows: list[list[Fraction]]) -> bool:
    for k in range(len(rows)):
        if not rows[k][k] > 0:
            return False
        for i in range(k + 1, len(rows)):
            factor = divided(rows[i][k], rows[k][k])
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return True


def read_domain(fields: Fields) -> Domain:
    kind, shape = fields.text("kind", KINDS), tuple(fields.integers("shape", 1, MOST_ENTRIES))
    low = rational(fields.any("low"), f"{fields.where}.low") if "low" in fields.values else None
    high = rational(fields.any("high"), f"{fields.where}.high") if "high" in fields.values else None
    fields.finish()
    ends = low is not None and (high is None or low < high) if kind == "range" else low is high is None
    sides = len(shape) == 2 if kind in ("stochastic", *SQUARE) else len(shape) <= 2
    domain = Domain(kind, shape, low, high)
    if not (ends and sides and domain.size <= MOST_ENTRIES and (kind not in SQUARE or shape[0] == shape[1])):
        raise RejectedError(f"{fields.where}: no domain")
    return domain
