"""The transfer engine: long sequences against short ones, and against sampling at equal accuracy."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import torch
from scipy import stats

from benchmarks.sampling import CONFIGURATION, FREE, LAST, LAW, T, per_sequence
from benchmarks.timing import doing, in_turns, ratio, seconds, table
from numerics.sub_ngrams.annealed import annealed_transfer
from numerics.sub_ngrams.integration import SCRAMBLINGS
from numerics.sub_ngrams.monte_carlo import sampled_moments
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks

ROUNDS = 2
PILOT = 2**15  # sequences from which the variance of one is known to some percent


def lengths() -> str:
    """S=2, n=3, k=2, c = inf, tolerance 1e-2/T: T = 10^9 against T = 10^3."""
    law, configuration = NGramLaw(2, 3), Configuration((1,), math.inf)
    doing("transfer at T = 10^3 and 10^9")
    runs = {f"10^{i}": partial(annealed_transfer, law, configuration, 10**i, tolerance=1e-2 / 10**i) for i in (3, 9)}
    times = in_turns(runs, ROUNDS)
    rows: list[list[object]] = [[T, f"{min(t):.3g}", ratio(t, times["10^3"])] for T, t in times.items()]
    return f"{lengths.__doc__}\n\n" + table(["T", "seconds", "ratio"], rows)


def accuracy() -> str:
    """How long sampling would take to the accuracy of `transfer` for the K_0 block, M_00 on the diagonal: sequences =
    variance of one / error^2, times the time of one. Errors are standard errors; at S=2 that of transfer is an estimate
    of the whole error."""
    rows: list[list[object]] = []
    ours, theirs = per_sequence()
    each = {"monte_carlo": ours["closed form"], **{name: theirs[name] for name in (LAST, FREE)}}
    for law, configuration, at, minutes in ((LAW, CONFIGURATION, T, 0.1), (NGramLaw(2, 3), CONFIGURATION, T, 0.25)):
        doing(f"transfer against sampling, S={law.S}")
        taken, M = seconds(lambda: annealed_transfer(law, configuration, at, minutes=minutes))  # noqa: B023  # run at once
        assert M.errors is not None
        value, error = float(M[0, 0][0][0]), float(M.errors[0, 0][0][0])
        if M.level is not None:  # from the half-width of the intervals, and at most that
            error /= float(stats.t.ppf(1 - (1 - M.level) / 2 / (2 * law.n**2), SCRAMBLINGS - 1))
        moments = sampled_moments(law, configuration, at, PILOT, torch.Generator().manual_seed(1))
        needed = float(moments.variance[0, 0, 0]) / error**2
        row = [law.S, at, f"{value:.3g}", f"{error / abs(value):.2%}", f"{taken:.3g}", f"{needed:.2g}"]
        rows.append([*row, *(f"{needed * statistics.median(t) / taken:.2g}" for t in each.values())])
    head = ["S", "T", "M_00", "error of transfer", "its seconds", "sequences to that error"]
    ratios = [f"{name}: times slower" for name in ("monte_carlo", f"autograd, {LAST}", f"autograd, {FREE}")]
    return f"{' '.join((accuracy.__doc__ or '').split())} n=3, k=2, c = log 512.\n\n" + table([*head, *ratios], rows)


def large() -> str:
    """n=3, k=2, c = inf, T = 10^4, `tolerance=1e-8`: half-widths of 99% intervals for all entries at once, relative to
    the entry (diagonal); M_01, M_11, M_21 are 0 to within T^-2 and left out. Seconds of processor time, with several
    cores those on the clock."""
    blocks = ((0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 2))
    rows: list[list[object]] = []
    for S, minutes, cores in ((3, 1, 1), (5, 1, 1), (5, 2, 1), (5, 2, os.cpu_count() or 1)):
        doing(f"transfer at S={S}, n=3, T=10^4, minutes={minutes}, {cores} cores")
        law, configuration = NGramLaw(S, 3), Configuration((1,), math.inf)
        run = partial(annealed_transfer, law, configuration, 10**4, minutes=minutes, tolerance=1e-8)
        taken, M = seconds(run) if cores == 1 else shared(run, cores)
        assert M.errors is not None
        widths = [float(M.errors[ab][0][0]) / abs(float(M[ab][0][0])) for ab in blocks]
        rows.append([S, minutes, cores, f"{taken:.0f}", *(f"{width:.2%}" for width in widths)])
    head = ["S", "minutes", "cores", "seconds", *(f"M_{a}{b}" for a, b in blocks)]
    return f"{' '.join((large.__doc__ or '').split())}\n\n" + table(head, rows)


def shared(run: Callable[..., ScoreBlocks], cores: int) -> tuple[float, ScoreBlocks]:
    """Seconds on the clock, those in which the processes start included, and what came out."""
    start = time.perf_counter()
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        result = run(executor=pool)
    return time.perf_counter() - start, result
