"""python -m benchmarks [SECTION ...]: what the engines cost, as ratios; writes benchmarks/RESULTS.md.

Without words all sections are run, in some minutes; with words, those, and the others stay in RESULTS.md as they are.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy
import scipy
import torch

from benchmarks.against import against
from benchmarks.engines import engines
from benchmarks.gpu import gpu
from benchmarks.lengths import accuracy, large, lengths
from benchmarks.next_token import next_token
from benchmarks.sampling import sampling
from benchmarks.timing import doing, seconds
from benchmarks.training import steps_of_training

RESULTS = Path(__file__).parent / "RESULTS.md"
SECTIONS: dict[str, tuple[str, Callable[[], str]]] = {
    "engines": ("Cost of every engine", engines),
    "sampling": ("Closed form against autograd", sampling),
    "accuracy": ("Transfer against sampling at equal accuracy", accuracy),
    "lengths": ("Transfer at any length", lengths),
    "large": ("Transfer at larger S", large),
    "next-token": ("Sizes of next-token data", next_token),
    "training": ("Steps of training", steps_of_training),
    "gpu": ("CUDA against the CPU", gpu),
    "against": ("Transfer against another checkout", against),
}
BY_NAME = ("gpu", "against")  # only where they are asked for: they need a device, and another checkout
HEAD = """# Results

Written by `make bench`. Seconds are processor time on one core of a shared machine; the ratios are what to read.
"""


def main(words: list[str]) -> None:
    unknown = [word for word in words if word not in SECTIONS]
    if unknown:
        raise SystemExit(f"{unknown[0]}: no such section; there are {', '.join(SECTIONS)}")
    for name in words or [name for name in SECTIONS if name not in BY_NAME]:
        title, run = SECTIONS[name]
        taken, text = seconds(run)
        texts = _written() | {title: f"{machine()}; {taken:.0f} s\n\n{text}\n"}
        print(f"## {title}\n\n{texts[title]}", flush=True)
        body = [f"## {title}\n\n{texts[title]}" for title, _ in SECTIONS.values() if title in texts]
        RESULTS.write_text("\n".join([HEAD, *body]), encoding="utf-8")
    doing(f"written to {RESULTS.name}")


def _written() -> dict[str, str]:
    """The sections of RESULTS.md, as they are now."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^## (.*)\n\n", RESULTS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title: text.rstrip("\n") + "\n" for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def machine() -> str:
    versions = f"python {platform.python_version()}, torch {torch.__version__}"
    versions += f", numpy {numpy.__version__}, scipy {scipy.__version__}"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA here: no CPU/GPU ratio"
    return f"{date.today()}, {platform.machine()} {_processor()}, {versions}, {device}"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return found[1] if found else platform.processor()


if __name__ == "__main__":
    main(sys.argv[1:])
