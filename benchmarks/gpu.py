"""CUDA against the CPU: the same function, the same problem, float64."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch

from benchmarks.timing import doing, table
from numerics.sub_ngrams.annealed import annealed_transfer
from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.closed_form import closed_form
from numerics.sub_ngrams.monte_carlo import sampled_moments
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.training import Recipe, Trainer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

THREADS = 2  # of the CPU, the machine of continuous integration
ROUNDS = 3
LIMIT = 60.0  # seconds of one row; rounds stop there
LAW, LAGS = NGramLaw(3, 3), (1,)


@dataclass(frozen=True)
class Row:
    """One line of the table: `make(device)` prepares, and gives a run that returns how many units it went through."""

    name: str
    unit: str
    make: Callable[[torch.device], Callable[[], float]]


def sampled(T: int, cpu: int, cuda: int) -> Callable[[torch.device], Callable[[], float]]:
    """Monte Carlo over so many sequences on each device; tokens a second."""

    def make(device: torch.device) -> Callable[[], float]:
        count = cuda if device.type == "cuda" else cpu
        generator = torch.Generator(device).manual_seed(0)

        def run() -> float:
            sampled_moments(LAW, Configuration(LAGS, float(T)), T, count, generator).mean.sum().item()
            return float(count) * T

        return run

    return make


def enumerated(device: torch.device) -> Callable[[], float]:
    law, T = NGramLaw(2, 3), 18

    def run() -> float:
        closed_form(law, Configuration(LAGS, math.inf), T, device=device)
        return float(law.S) ** T

    return run


def differentiated(T: int, samples: int) -> Callable[[torch.device], Callable[[], float]]:
    def make(device: torch.device) -> Callable[[], float]:
        network = Network.at_configuration(LAW, Configuration(LAGS, float(T)), T, c_A=2 * math.log(T), device=device)
        generator = torch.Generator(device).manual_seed(0)

        def run() -> float:
            found = parameter_gradients(network, LAW, T, samples=samples, generator=generator)
            found["V"].sum().item()
            return float(samples)

        return run

    return make


def transferred(law: NGramLaw, T: int) -> Callable[[torch.device], Callable[[], float]]:
    def make(device: torch.device) -> Callable[[], float]:
        def run() -> float:
            annealed_transfer(law, Configuration((1,), math.inf), T, minutes=0.1, tolerance=1e-12, device=device)
            return 1.0

        return run

    return make


def trained(T: int, batch: int, steps: int) -> Callable[[torch.device], Callable[[], float]]:
    def make(device: torch.device) -> Callable[[], float]:
        trainer = Trainer(Recipe(NGramLaw(3, 3, Fraction(1, 2)), T, batch=batch, targets="transition"), device)

        def run() -> float:
            for _ in range(steps):
                trainer.step()
            return float(steps)

        return run

    return make


ROWS = [
    Row("Monte Carlo, T = 10^5", "tokens", sampled(10**5, 2**11, 2**18)),
    Row("Monte Carlo, T = 512", "tokens", sampled(512, 2**15, 2**20)),
    Row("closed form, S=2, T=18, all sequences", "sequences", enumerated),
    Row("autograd, A free, T = 512", "sequences", differentiated(512, 2**11)),
    Row("transfer, lattice, S=2, n=2, T=10^4, the same nodes", "runs", transferred(NGramLaw(2, 2), 10**4)),
    Row("transfer, Sobol, S=3, n=3, T=10^4, the same nodes", "runs", transferred(LAW, 10**4)),
    Row("training, T = 512, batch 128", "steps", trained(512, 128, 16)),
    Row("training, T = 512, batch 1024", "steps", trained(512, 1024, 4)),
]


def gpu() -> str:
    """Rates by the clock, float64, after a warm-up: the best of three rounds, CPU and CUDA in turns; the ratio is the
    median of the rounds, with their range. A rate is work over time, each device with as many sequences as suit it."""
    if not torch.cuda.is_available():
        raise SystemExit("gpu: torch sees no CUDA device here; the section stays as it is")
    tests = _tests()
    torch.set_num_threads(THREADS)
    rows: list[list[object]] = []
    for row in ROWS:
        doing(row.name)
        rates = _rates(row)
        ratios = [b / a for a, b in zip(rates["cpu"], rates["cuda"], strict=True)]
        spread = f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"
        rows.append([row.name, row.unit, *(f"{max(rates[kind]):.3g}" for kind in ("cpu", "cuda")), spread])
        doing(" | ".join(map(str, rows[-1])))
    head = ["", "unit", f"CPU, {THREADS} threads, a second", "CUDA, a second", "ratio"]
    return f"{' '.join((gpu.__doc__ or '').split())} {tests}\n\n" + table(head, rows)


def _rates(row: Row) -> dict[str, list[float]]:
    start = time.perf_counter()
    runs = {kind: row.make(torch.device(kind)) for kind in ("cpu", "cuda")}
    runs["cuda"]()  # kernels are loaded at their first use
    rates: dict[str, list[float]] = {kind: [] for kind in runs}
    for _ in range(ROUNDS):
        for kind, run in runs.items():
            torch.cuda.synchronize()
            before = time.perf_counter()
            work = run()
            torch.cuda.synchronize()
            rates[kind].append(work / (time.perf_counter() - before))
        if time.perf_counter() - start > LIMIT:
            break
    return rates


def _tests() -> str:
    """Runs the tests that need CUDA, and says how they went."""
    doing("the tests that need CUDA")
    root = Path(__file__).parents[1]
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:benchmark",
        "--numprocesses",
        "4",
        "tests/cuda",
    ]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    doing(done.stdout)
    return f"Tests in tests/cuda: {done.stdout.strip().splitlines()[-1].strip('= ')}."
