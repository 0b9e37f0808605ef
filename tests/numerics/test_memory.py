"""Memory that is kept: freed tensors come back without page faults, in a process of its own."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, torch
from numerics.memory import keep_memory
keep_memory()
x = torch.ones(2**17, dtype=torch.float64)  # 1 MiB: 256 pages
for _ in range(3):
    y = [x + i for i in range(8)]
    del y
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    y = [x + i for i in range(8)]
    del y
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment: str) -> int:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", FAULTS]
    return int(subprocess.run(command, env=env | environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are those of glibc")
def test_freed_memory_is_used_again() -> None:
    # without keep_memory 3,000 to all 40,960, as malloc adapts itself a little
    assert faults() <= 1024


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are those of glibc")
@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_TRIM_THRESHOLD_", "0"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072")]
)
def test_what_the_user_has_chosen_stays(name: str, value: str) -> None:
    assert faults(**{name: value}) > 20 * 8 * 256 / 2
