"""python -m verify: lists what there is to run. `python -m verify check k=2 n=3` runs one of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import NoReturn

from verify import __version__
from verify.claims import PAPERS
from verify.command import emit, emit_help, run_command
from verify.engines import ENGINES
from verify.printing import shown
from verify.settings import UsageError, did_you_mean

COMMANDS = {  # name, that of a module here with a function main(words) -> exit status: words to try, what it does
    "check": ("k=2 n=3", "every claim of a paper at these parameters"),
    "gradient": ("k=2 n=3 T=32", "one population gradient, by any engine"),
    "train": ("n=3 S=3 T=32", "a training run against the predicted plateaus"),
    "replay": ("FILE", "a certificate, checked with the standard library alone"),
    "selftest": ("", "whether this installation computes what it should"),
    "env": ("", "versions and devices, for a bug report"),
}

USAGE = f"""landscape-verifier {__version__}

python -m verify COMMAND [WORD ...]
Also: python -m verify.COMMAND [WORD ...], or landscape-verify COMMAND [WORD ...]
exit status: 0 as expected, 1 not as expected, 2 usage, others as COMMAND --help says
"""


def main(words: Sequence[str]) -> int:
    """Runs a command; without one lists commands, papers, claims and engines."""
    if not words or words[0] in ("-h", "--help", "help"):
        emit_help(overview())
        return 0
    name, *rest = words
    if name == "--version":
        emit(f"landscape-verifier {__version__}\n", None)
        return 0
    if name not in COMMANDS:
        raise UsageError(f"{shown(name)}: unknown command{did_you_mean(name, COMMANDS)}")
    command: Callable[[Sequence[str]], int] = importlib.import_module(f"verify.{name}").main
    return command(rest)


def overview() -> str:
    lines = [USAGE, "commands (each takes --help)"]
    lines += [f"  {f'{name} {example}':<24} {what}" for name, (example, what) in COMMANDS.items()]
    for paper in PAPERS.values():
        lines += ["", f"paper={paper.name}", f"  {paper.title} ({paper.source})"]
        lines += [f"  {claim.id:<6} {claim.title}" for claim in paper.claims]
    lines += ["", "engines (engine=NAME)"]
    lines += [f"  {engine.name:<16} {engine.summary}" for engine in ENGINES.values()]
    return "\n".join(lines) + "\n"


def console() -> NoReturn:
    """The console script `landscape-verify`."""
    run_command("verify", main)


if __name__ == "__main__":
    console()
