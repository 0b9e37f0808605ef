"""An environment with the wheel of this project in it, and nothing of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.once import once

ROOT = Path(__file__).parents[1]
ROOMS = ("landscape_verifier", "verify", "proofs", "numerics")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder`; `wheel` was installed into it."""

    folder: Path
    wheel: Path

    def run(self, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs."""
        return self.shell('"$0" "$@"', *words, cwd=cwd)

    def shell(self, line: str, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a line of shell in it; the words are $0, $1, ..."""
        hidden = ("PYTHONPATH", "COLUMNS")  # the pages show what somebody sees who has not set them
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        environment |= {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        command = ["bash", "-c", line, *map(str, words)]
        return subprocess.run(
            command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True, check=False
        )

    def install(self, *words: str | Path) -> None:
        """What pip takes, without its dependencies and without a network."""
        offline = ("install", "--no-deps", "--no-index", "--no-build-isolation")
        finish(*PIP, "--python", self.folder / "bin" / "python", *offline, *words)


def make_environment(factory: pytest.TempPathFactory) -> Environment:
    """A new one, for tests that may write into it. The dependencies are those of the Python that runs the tests."""
    (wheel,) = once(factory, "wheel", build_wheel).iterdir()
    place = factory.mktemp("environment")
    finish(sys.executable, "-m", "venv", "--without-pip", place)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = Environment(place, wheel)
    environment.install(wheel)
    return environment


def build_wheel(folder: Path) -> None:
    """From a copy of what a clone has, so that nothing is left in the clone."""
    with tempfile.TemporaryDirectory() as source:
        for room in ROOMS:
            shutil.copytree(ROOT / room, Path(source, room), ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        finish(*PIP, "wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, cwd=Path(source))


def finish(*words: str | Path, cwd: Path | None = None) -> None:
    """Runs to the end; AssertionError, with what was said, unless it ends well."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
