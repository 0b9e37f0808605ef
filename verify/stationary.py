"""python -m verify.stationary: a command of the paper on sub-n-grams."""

from __future__ import annotations

from collections.abc import Sequence

from verify.command import run_command
from verify.registry import command


def main(words: Sequence[str]) -> int:
    """The exit status."""
    return command("stationary")(words)


if __name__ == "__main__":
    run_command("verify.stationary", main)
