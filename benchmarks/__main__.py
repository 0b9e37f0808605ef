"""python -m benchmarks: what every engine costs against S, n and T, as ratios between neighbouring rows.

Seconds are the minimum of a few runs and depend on the machine; the ratios say how an engine scales.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify.engines import ENGINES, Options

REPEATS = 3
LADDERS: dict[str, list[tuple[int, int, Sequence[int]]]] = {  # engine -> (S, n, lengths)
    "enumeration": [(2, 3, (6, 8, 10)), (3, 2, (4, 5, 6))],
    "derivation": [(2, 2, (4, 5)), (2, 3, (4, 5))],
    "type_classes": [(2, 2, (25, 50, 100)), (2, 3, (15, 30)), (3, 2, (10, 20))],
    "autograd": [(2, 3, (8, 10, 12)), (3, 3, (6, 8))],
    "closed_form": [(2, 3, (10, 12, 14))],
    "transfer": [(2, 2, (10**3, 10**6, 10**9)), (2, 3, (10**3, 10**9))],
    "monte_carlo": [(2, 3, (64, 512)), (5, 3, (32, 512))],
}


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, python {platform.python_version()}\n")
    print("| engine | S | n | T | seconds | ratio to the row above |")
    print("|---|---|---|---|---|---|")
    for name, ladders in LADDERS.items():
        for S, n, lengths in ladders:
            before = None
            for T in lengths:
                print(f"{name} S={S} n={n} T={T}", file=sys.stderr)
                seconds = best_time(name, S, n, T)
                ratio = "" if before is None else f"{seconds / before:.1f}"
                print(f"| {name} | {S} | {n} | {T} | {seconds:.2g} | {ratio} |", flush=True)
                before = seconds


def best_time(name: str, S: int, n: int, T: int) -> float:
    law, configuration = NGramLaw(S, n), Configuration.k_gram(min(2, n), float("inf"))
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        ENGINES[name].compute(law, configuration, T, Options(samples=2000))
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
