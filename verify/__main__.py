"""python -m verify: lists what there is to run. `python -m verify check k=2 n=3` runs one of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from verify import __version__
from verify.command import emit_help, run_command, show_version
from verify.printing import shown
from verify.registry import broken, load, papers
from verify.settings import UsageError, did_you_mean

COMMANDS = {  # name, that of a module here (or see MODULES) with main(words) -> exit status: words to try, what it does
    "check": ("k=2 n=3", "every claim of a paper at these parameters"),
    "claim": ("SN7", "what a claim says, rests on, and where it is derived"),
    "replay": ("FILE", "a certificate, checked with the standard library alone"),
    "new": ("NAME", "a package with the claims of your own paper, to start from"),
    "selftest": ("", "whether this installation computes what it should"),
    "env": ("", "versions and devices, for a bug report"),
    "completion": ("bash", "a script that completes these words in a shell: bash, zsh or fish"),
}

MODULES = {"claim": "verify.explain"}

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
        return show_version()
    brought = {other: place for paper in papers().values() for other, (_, _, place) in paper.commands.items()}
    known = {**brought, **{other: f"{MODULES.get(other, f'verify.{other}')}:main" for other in COMMANDS}}
    if name not in known:
        raise UsageError(f"{shown(name)}: unknown command{did_you_mean(name, known)}")
    return load(known[name])(rest)


def overview() -> str:
    lines = [USAGE, "commands (each takes --help)"]
    lines += [line_of(name, *entry) for name, entry in COMMANDS.items()]
    for paper in papers().values():
        lines += ["", f"paper={paper.name}", f"  {paper.title} ({paper.source})"]
        lines += [f"  {claim.id:<6} {claim.title}" for claim in paper.claims]
        lines += [line_of(name, example, what) for name, (example, what, _) in paper.commands.items()]
        lines += paper.overview
    lines += [f"\npaper={paper.name}\n  broken: {paper.reason}" for paper in broken()]
    return "\n".join(lines) + "\n"


def line_of(name: str, example: str, what: str) -> str:
    return f"  {f'{name} {example}':<24} {what}"


def console() -> NoReturn:
    """The console script `landscape-verify`."""
    run_command("verify", main)


if __name__ == "__main__":
    console()
