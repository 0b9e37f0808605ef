"""Commands over the whole documented range of every key, alone and in pairs, run to their end with small budgets.

They end with 0 (as expected), 2 (a refusal that names the key and its value) or 3 (undecided, with reasons); with 1
only where a claim really is another than expected, which is a discovery; never with 4.

The large profile (`make test-deep`) draws 20,000; by hand, with a list of what was slow:
    python tests/verify/test_drawn_commands.py 20000 [first seed]
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch

from verify import check, gradient, train
from verify.command import USAGE
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.registry import papers
from verify.settings import Settings, UsageError, requirement

DRAWS = 20_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 150
PARTS = 10  # of the draws, one test each, so that workers share them
BUDGETS = ("1e-9", "0.02", "0.05", "0.2")

MAINS: dict[str, tuple[Callable[[Sequence[str]], int], type[Settings]]] = {
    **{f"paper={name}": (check.main, paper.settings) for name, paper in papers().items()},
    "gradient": (gradient.main, GradientSettings),
    "train": (train.main, TrainSettings),
}
# What a key means beyond its bounds: where there are none, and words that are no numbers.
BEYOND = {"T": 1e40, "samples": 1e9, "every": 1e9, "q": 1e12, "lags": 12, "save_seconds": 1e4, "minutes": 1e4}
WORDS = {
    "engine": ("auto", "enumeration", "type_classes", "closed_form", "transfer", "monte_carlo", "autograd"),
    "executor": ("inline",),
    "dataset": ("named", "DS-A", "DS-B", "DS-C", "DS-D", "random"),
    "device": ("auto", "cpu"),
    "format": ("table", "json"),
}
NOT_DRAWN = {"paper", "select", "ignore", "output", "certificate", "budget", "trajectory", "matrices", "checkpoint",
             "shards", "workers", "device"}  # fmt: skip
LISTS = {"T", "q", "c", "lags"}


def bounds(model: type[Settings], key: str) -> tuple[float, float]:
    """The least and the largest value of a key, from its constraints; open ends where it has none."""
    low, high = 0.0, BEYOND.get(key, math.inf)
    for constraint in model.model_fields[key].metadata:
        low = getattr(constraint, "ge", getattr(constraint, "gt", None)) or low
        most = getattr(constraint, "le", getattr(constraint, "lt", None))
        high = high if most is None else min(high, most)
    return low, high


def number(rng: random.Random, low: float, high: float, *, whole: bool) -> str:
    """Evenly in the logarithm, over all that the range allows, and often one of its ends or a small number."""
    high = min(high, 1e12)
    kind = rng.random()
    if kind < 0.15:
        return f"{high:.0f}" if high == int(high) else repr(high)
    if whole:
        if kind < 0.5:
            return str(rng.randint(int(low), int(min(high, low + 6))))
        return str(int(math.exp(rng.uniform(math.log(max(low, 1)), math.log(high + 1)))))
    least = low or 1e-40
    if kind < 0.4 and low < 4:
        return str(Fraction(rng.randint(1, 12), rng.randint(1, 6)))
    return f"{math.exp(rng.uniform(math.log(least), math.log(high))):.4g}"


def value(rng: random.Random, command: str, key: str) -> str:
    """One value of a key, within its documented range wherever the range does not depend on other keys."""
    _, model = MAINS[command]
    choices = get_args(model.model_fields[key].annotation)
    if key in WORDS:
        return rng.choice(WORDS[key])
    if get_origin(model.model_fields[key].annotation) is Literal:
        return str(rng.choice(choices))
    if key == "c" and model is not TrainSettings:
        return rng.choice(("inf", "logT", "700", number(rng, 0, 700, whole=False), number(rng, 0, 8, whole=False)))
    if key == "lags":
        return ",".join(str(lag) for lag in range(1, 12) if rng.random() < 0.2)
    if key == "T" and model is not TrainSettings and rng.random() < 0.4:
        return rng.choice(("1e19", "1e20", "1e40", "1e9", "1000000", "65536"))
    low, high = bounds(model, key)
    whole = "whole number" in requirement(model.model_fields[key])
    drawn = [number(rng, low, high, whole=whole) for _ in range(rng.choice((1, 1, 1, 2)) if key in LISTS else 1)]
    return ",".join(dict.fromkeys(drawn))


def line(seed: int) -> tuple[str, list[str]]:
    """A command and its words: up to three keys, and a budget that ends within a moment."""
    rng = random.Random(seed)
    command = rng.choice(list(MAINS))
    _, model = MAINS[command]
    keys = [key for key in model.model_fields if key not in NOT_DRAWN]
    chosen = rng.sample(keys, rng.choice((1, 2, 2, 3)))
    words = [f"{key}={value(rng, command, key)}" for key in chosen] + [f"budget={rng.choice(BUDGETS)}"]
    if "=" in command:
        paper = papers()[command.removeprefix("paper=")]
        words = [command, f"select={rng.choice(paper.claims).id}", *words]
    elif command == "train":
        words += [
            f"{key}={least}" for key, least in (("test_samples", 64), ("gradient_samples", 64)) if key not in chosen
        ]
    return command, words


def run(command: str, words: Sequence[str]) -> tuple[int, str, str]:
    """Exit status, standard output, and the line of a refusal. What a command raises beside a usage error is 4."""
    torch.set_grad_enabled(True)  # an alarm may come between the two halves of entering torch.no_grad
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            return MAINS[command][0](words), out.getvalue(), ""
    except UsageError as error:
        return USAGE, out.getvalue(), str(error)


def complaint(command: str, words: Sequence[str]) -> str:
    """What is wrong with how a command ends; "" if nothing is."""
    try:
        status, out, refusal = run(command, words)
    except Exception as error:
        return f"4: {type(error).__name__}: {error}"
    if status == USAGE:
        keys = [word.partition("=")[0] for word in words]
        named = any(re.search(rf"\b{key}\b", refusal) for key in keys)
        return "" if named and "\n" not in refusal else f"2, without a key: {refusal!r}"
    if status not in (0, 3):
        return f"{status}: {out[-600:]}"
    if '"schema"' in out:
        return json_complaint(json.loads(out, parse_constant=lambda text: text))
    return "nan printed" if "nan" in out.split() else ""


def json_complaint(report: Any) -> str:
    claims = report.get("claims", []) if isinstance(report, dict) else []
    silent = [claim["id"] for claim in claims if claim["verdict"] == "UNDECIDED" and not claim["reason"]]
    return f"undecided without a reason: {silent}" if silent else ""


# the alarm may ring in a callback of hypothesis, where nothing can be raised; it rings again
@pytest.mark.filterwarnings("ignore:Exception ignored in.*gc_callback:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("part", range(PARTS))
def test_drawn_commands_end_as_they_should(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {}
    for seed in range(part, DRAWS, PARTS):
        command, words = line(seed)
        found = complaint(command, words)
        if found:
            wrong[" ".join([command, *words])] = found
    assert not wrong, "\n".join(f"{words}\n    {found}" for words, found in wrong.items())


def test_the_draws_reach_every_key_and_every_claim() -> None:
    drawn = [line(seed) for seed in range(4000)]
    assert {command for command, _ in drawn} == set(MAINS)
    for command, (_, model) in MAINS.items():
        words = [word.partition("=")[0] for name, given in drawn if name == command for word in given]
        assert set(model.model_fields) - NOT_DRAWN <= set(words)
    selected = {word for _, given in drawn for word in given if word.startswith("select=")}
    assert selected == {f"select={claim.id}" for paper in papers().values() for claim in paper.claims}


def long_run(draws: int, first: int) -> None:
    count: Counter[str] = Counter()
    slow: list[tuple[float, str]] = []
    for seed in range(first, first + draws):
        command, words = line(seed)
        start = time.monotonic()
        found = complaint(command, words)
        seconds = time.monotonic() - start
        text = " ".join([command, *words])
        count["wrong" if found else "right"] += 1
        if seconds > 3:
            slow.append((seconds, text))
            print(f"slow {seconds:.1f} s  {seed}  {text}", flush=True)
        if found:
            print(f"{seed}  {text}\n    {found}", flush=True)
    print(dict(count), f"{len(slow)} took more than 3 s")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        long_run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
