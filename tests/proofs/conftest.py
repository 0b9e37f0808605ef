"""The leg in Python's arithmetic runs the tests that can compute with sympy: no other number changes there."""

from __future__ import annotations

import os
from pathlib import Path

from tests.imports import reaches_sympy

IN_PYTHON = os.environ.get("SYMPY_GROUND_TYPES") == "python"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    test = collection_path.name.startswith("test_")
    return True if IN_PYTHON and test and not reaches_sympy(collection_path) else None
