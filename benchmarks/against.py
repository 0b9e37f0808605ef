"""The transfer engine against that of another checkout, at equal time."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.timing import doing, table

OTHER = "OTHER"  # the environment variable that names the folder of the other checkout
CASES = ((3, 2, 1000), (2, 3, 512), (2, 4, 1000))  # S, n, T
ROUNDS = 1
MINUTES = 0.06  # that the other checkout is given; ours, so many that it takes about as long, by a trial
RUN = """
import json, sys, time
from fractions import Fraction
from numerics.sub_ngrams.annealed import annealed_transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

S, n, T, seed = map(int, sys.argv[1:5])
start = time.process_time()
M = annealed_transfer(
    NGramLaw(S, n), Configuration((1,), Fraction(T)), T, minutes=float(sys.argv[5]), tolerance=1e-12, seed=seed
)
taken = time.process_time() - start
print(json.dumps({"seconds": taken, "errors": {f"{a},{b}": float(e[0][0]) for (a, b), e in M.errors.items()}}))
"""


def against() -> str:
    """k = 2, c = log T, `tolerance=1e-12`: errors (99% half-widths, at S=2, n=3 estimates) at about the same processor
    time, one run after the other; times smaller, in the geometric mean of the
    diagonal entries of all blocks, and of those of the block where most and least is gained. Above 1 is better than the
    other checkout."""
    other = os.environ.get(OTHER)
    if other is None:
        raise SystemExit(f"{OTHER}=FOLDER: the folder of the checkout to compare with, in the environment")
    rows: list[list[object]] = []
    for S, n, T in CASES:
        ratios: dict[str, list[float]] = {}
        seconds: list[tuple[float, float]] = []
        for seed in range(ROUNDS):
            doing(f"transfer at S={S}, n={n}, T={T}, round {seed + 1} of {ROUNDS}")
            before = _run(other, S, n, T, seed, MINUTES)
            trial = _run(os.getcwd(), S, n, T, seed, before["seconds"] / 60)
            after = _run(os.getcwd(), S, n, T, seed, before["seconds"] / 60 * before["seconds"] / trial["seconds"])
            seconds.append((before["seconds"], after["seconds"]))
            for block, error in before["errors"].items():
                ratios.setdefault(block, []).append(error / after["errors"][block])
        of_block = {block: statistics.geometric_mean(found) for block, found in ratios.items()}
        least, most = (pick(of_block, key=lambda block: of_block[block]) for pick in (min, max))  # at once
        taken = [f"{statistics.mean(times):.1f}" for times in zip(*seconds, strict=True)]
        of_all = [statistics.geometric_mean(found[i] for found in ratios.values()) for i in range(ROUNDS)]
        rows.append(
            [S, n, T, *taken, f"{statistics.geometric_mean(of_all):.2f} ({min(of_all):.2f} to {max(of_all):.2f})"]
        )
        rows[-1] += [f"{of_block[block]:.2f} in M_{block}" for block in (least, most)]
    head = ["S", "n", "T", "its seconds", "ours", "errors smaller by", "least", "most"]
    return f"{' '.join((against.__doc__ or '').split())}\n\n" + table(head, rows)


def _run(folder: str, *words: object) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, *map(str, words)]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found
