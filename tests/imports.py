"""Which tests can compute with numbers of sympy: those from which some import, at any time, leads to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
ROOMS = ("proofs", "numerics", "verify", "landscape_verifier")


def reaches_sympy(file: Path) -> bool:
    """Whether it names sympy or a module that leads there, by itself or in a helper among the tests."""
    for name in imported(file):
        helper = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if name.split(".")[0] == "sympy" or name in leading_to_sympy():
            return True
        if name.startswith("tests.") and helper.is_file() and reaches_sympy(helper):
            return True
    return False


def imported(file: Path) -> Iterator[str]:
    """Dotted names that its import statements may mean, also those inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def leading_to_sympy() -> set[str]:
    graph = grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)
    return set(graph.find_downstream_modules("sympy"))
