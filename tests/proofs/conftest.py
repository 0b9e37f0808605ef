"""In the leg in Python's arithmetic, the tests from which some import leads to sympy: no other number changes there."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
ROOMS = ("proofs", "numerics", "verify", "landscape_verifier")
IN_PYTHON = os.environ.get("SYMPY_GROUND_TYPES") == "python"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    skipped = IN_PYTHON and collection_path.name.startswith("test_") and not reaches_sympy(collection_path)
    return True if skipped else None


def reaches_sympy(file: Path) -> bool:
    """Whether the file, or a helper among the tests that it imports, names a module that imports sympy at any time."""
    for name in imported(file):
        helper = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if name in leading_to_sympy() or (name.startswith("tests.") and helper.is_file() and reaches_sympy(helper)):
            return True
    return False


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def leading_to_sympy() -> set[str]:
    graph = grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)
    return {"sympy", *graph.find_downstream_modules("sympy")}
