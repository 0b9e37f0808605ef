"""The directive `bound-table`: the bounds at finite length along q = T, computed when the pages are built."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from flint import arb
from sphinx.application import Sphinx

from numerics.sub_ngrams.mixing import drawn_kernels, mixing
from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.finite_length import FiniteLength, phi

HALF = Fraction(1, 2)
ROWS: list[tuple[int, int, int, Fraction, tuple[int, ...]]] = [  # S, n, k, alpha, log10 T
    (2, 2, 2, Fraction(1), (4, 6, 10)),
    (2, 3, 2, Fraction(1), (4, 6, 8, 10)),
    (2, 3, 3, Fraction(1), (4, 6)),
    (2, 3, 2, HALF, (6, 10)),
    (3, 3, 2, HALF, (6, 10)),
    (5, 3, 2, HALF, (6, 10)),
    (3, 4, 2, HALF, (6, 10, 12)),
]
HEAD = ("S, n, k, alpha", "T", "used key lags", "unused ones", "by", "with R drawn", "norm at most")
KERNELS = 500


def values(S: int, n: int, k: int, alpha: Fraction, power: int) -> tuple[float, float, str, float | None, float]:
    """Both bounds on blocks, what the second rests on, Gamma plus the mean of R over drawn kernels, and the norm's."""
    T = 10**power
    numbers = FiniteLength(S, n, T, Configuration(tuple(range(1, k)), Fraction(T)))
    bound = AnnealedBound(numbers, Prior(S, n, alpha))
    two, how = bound.type_two()
    drawn = None
    if k < n:
        R = mixing(drawn_kernels(numbers, float(alpha), KERNELS, 0), numbers)
        drawn = float(numbers.gamma) + R.mean().item()
    one = phi(numbers.type_one())
    norm = numbers.norm_square(arb(T).log(), one, two).sqrt()
    return float(one), float(two), how, drawn, float(norm)


def lines() -> list[str]:
    """The table in Markdown."""
    table = ["| " + " | ".join(HEAD) + " |", "|---|" + "---:|" * (len(HEAD) - 1)]
    for S, n, k, alpha, powers in ROWS:
        for power in powers:
            one, two, how, drawn, norm = values(S, n, k, alpha, power)
            cells = [f"{S}, {n}, {k}, {alpha}", f"1e{power}", rounded_up(one), rounded_up(two), how]
            cells += ["" if drawn is None else f"{drawn:.1e}", rounded_up(norm)]
            table.append("| " + " | ".join(cells) + " |")
    return table


def rounded_up(x: float) -> str:
    """Two digits, none too small."""
    unit = 10.0 ** (math.floor(math.log10(x)) - 1)
    return f"{math.ceil(x / unit * (1 - 1e-12)) * unit:.1e}"


class BoundTable(Directive):
    """```{bound-table}``` shows the table."""

    def run(self) -> list[nodes.Node]:
        box = nodes.container()
        self.state.nested_parse(StringList(lines(), source="bound-table"), self.content_offset, box)
        return [box]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("bound-table", BoundTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
