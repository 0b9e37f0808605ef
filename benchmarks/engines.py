"""What every engine costs against T, S and n."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.timing import doing, seconds, table
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.engines import ENGINES, Options

REPEATS = 3
LONG = 2.0  # seconds; what takes longer is run once
LADDERS: dict[str, list[tuple[int, int, Sequence[int]]]] = {  # engine -> (S, n, lengths)
    "enumeration": [(2, 3, (6, 8, 10)), (3, 2, (4, 5, 6))],
    "derivation": [(2, 2, (4, 5)), (2, 3, (4, 5))],
    "type_classes": [(2, 2, (25, 50, 100)), (2, 3, (15, 30)), (3, 2, (10, 20))],
    "autograd": [(2, 3, (8, 10, 12)), (3, 3, (6, 8))],
    "closed_form": [(2, 3, (10, 12, 14)), (3, 3, (6, 8))],
    "transfer": [(2, 1, (10**3, 10**6, 10**9)), (2, 2, (10**3, 10**6, 10**9))],
    "monte_carlo": [(2, 3, (64, 512)), (3, 3, (64, 512)), (5, 3, (64, 512))],
}


def engines() -> str:
    """Seconds (the least of three runs) at k = 2 (k = 1 where n = 1), c = inf; monte_carlo draws 2000 sequences."""
    rows: list[list[object]] = []
    for name, ladders in LADDERS.items():
        for S, n, lengths in ladders:
            before = None
            for T in lengths:
                doing(f"{name} S={S} n={n} T={T}")
                best = _best(name, S, n, T)
                rows.append([name, S, n, T, f"{best:.2g}", "" if before is None else f"{best / before:.2g}"])
                before = best
    return f"{engines.__doc__}\n\n" + table(["engine", "S", "n", "T", "seconds", "ratio to the row above"], rows)


def _best(name: str, S: int, n: int, T: int) -> float:
    law, configuration = NGramLaw(S, n), Configuration.k_gram(min(2, n), math.inf)
    best = math.inf
    for _ in range(REPEATS):
        best = min(best, seconds(lambda: ENGINES[name].compute(law, configuration, T, Options(samples=2000)))[0])
        if best > LONG:
            break
    return best
