"""python -m verify: what there is to run. python -m verify env: versions and devices, for a bug report."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib import metadata

from verify import __version__
from verify.claims import PAPERS
from verify.command import asks_for_help, emit, run_command
from verify.engines import ENGINES
from verify.settings import UsageError

COMMANDS = {
    "python -m verify.check k=2 n=3": "every claim of a paper at these parameters",
    "python -m verify.gradient k=2 n=3 T=32": "one population gradient, by any engine",
    "python -m verify.train n=3 S=3 T=32": "a training run against the predicted plateaus",
    "python -m verify env": "versions and devices, for a bug report",
}


def main(words: Sequence[str]) -> int:
    """Lists commands, papers, claims and engines; `env` lists the surroundings."""
    if words == ["env"]:
        emit(environment(), None)
    elif not words or asks_for_help(words):
        emit(overview(), None)
    else:
        raise UsageError(f"{words[0]}: unknown; known: env, or no word for an overview")
    return 0


def overview() -> str:
    lines = [f"landscape-verifier {__version__}", "", "commands (each takes --help)"]
    lines += [f"  {command:<42} {what}" for command, what in COMMANDS.items()]
    for paper in PAPERS.values():
        lines += ["", f"paper={paper.name}   {paper.title} ({paper.source})"]
        lines += [f"  {claim.id:<6} {claim.title}" for claim in paper.claims]
    lines += ["", "engines (engine=NAME)"]
    lines += [f"  {engine.name:<16} {engine.summary}" for engine in ENGINES.values()]
    return "\n".join(lines) + "\n"


def environment() -> str:
    """Versions of what the distribution requires, and the devices that torch sees."""
    import torch  # only here: the overview does not need it

    names = [
        re.split(r"[^\w.-]", line)[0] for line in metadata.requires("landscape-verifier") or [] if "extra" not in line
    ]
    lines = [
        f"landscape-verifier {__version__}",
        f"python {platform.python_version()} {platform.platform()}",
        *(f"{name} {metadata.version(name)}" for name in sorted(names)),
        f"cpu {platform.machine()}, {os.cpu_count()} cores, torch threads {torch.get_num_threads()}",
        f"cuda {torch.cuda.get_device_name() if torch.cuda.is_available() else 'not available'}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run_command("verify", main)
