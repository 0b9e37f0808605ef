"""python -m verify env: versions and devices, for a bug report."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from importlib import metadata

from verify import __version__
from verify.command import asks_for_help, emit, emit_help, run_command
from verify.printing import shown
from verify.settings import UsageError

HELP = """python -m verify env
Prints the versions of what this program rests on, and the devices that torch sees: paste it into a bug report.
exit status: 0, 2 usage
"""


def main(words: Sequence[str]) -> int:
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    if words:
        raise UsageError(f"{shown(words[0])}: env takes no arguments")
    emit(environment(), None)
    return 0


def environment() -> str:
    """Versions of what the distribution requires, and the devices that torch sees."""
    import torch  # only here: --help does not need it

    lines = [
        f"landscape-verifier {__version__}",
        f"python {platform.python_version()} {platform.platform()}",
        *requirements(),
        f"cpu {platform.machine()}, {os.cpu_count()} cores, torch threads {torch.get_num_threads()}",
        f"cuda {torch.cuda.get_device_name() if torch.cuda.is_available() else 'not available'}",
    ]
    return "\n".join(lines) + "\n"


def requirements() -> list[str]:
    """One line for each distribution that this one needs, with the version that is there."""
    try:
        needed = metadata.requires("landscape-verifier") or []
    except metadata.PackageNotFoundError:
        return ["not installed: runs from a checkout, requirements unknown"]
    names = sorted(re.split(r"[^\w.-]", line)[0] for line in needed if "extra" not in line)
    return [f"{name} {version_of(name)}" for name in names]


def version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    run_command("verify.env", main)
