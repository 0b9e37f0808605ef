"""Do the tests notice? `python tests/mutants.py FILE... -- pytest words` breaks each file in every small way.

One change at a time, in a copy of the tree: a comparison, sign, constant or boolean turned round, a condition forced, a
statement left out. Prints the mutants that no test noticed (survivors); each wants a test, or a reason. Not part of
`make test`: it runs the given tests once per mutant.
"""

from __future__ import annotations

import ast
import copy
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OTHER = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
FINE = (ast.Expr, ast.Raise, ast.AugAssign)  # statements that can be left out


def mutants(tree: ast.Module) -> Iterator[tuple[int, str, ast.Module]]:
    """(line, what was changed, the changed module) for every small change."""
    for number, node in enumerate(ast.walk(tree)):
        for kind in range(3):
            changed = copy.deepcopy(tree)
            twin = next(n for i, n in enumerate(ast.walk(changed)) if i == number)
            before = ast.unparse(twin) if isinstance(twin, ast.expr | ast.stmt) else ""
            if turn(twin, kind):
                after = ast.unparse(twin)
                yield node.lineno, f"{before}  ->  {after}", ast.fix_missing_locations(changed)


def turn(node: ast.AST, kind: int) -> bool:
    """Changes the node in place in the given way, if it can be changed in that way."""
    if kind == 0 and isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
        node.ops[0] = OTHER[type(node.ops[0])]()
    elif kind == 0 and isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OTHER:
        node.op = OTHER[type(node.op)]()
    elif kind == 0 and isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        if isinstance(node.op, ast.Not):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    elif kind == 0 and isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        node.value = (not node.value) if isinstance(node.value, bool) else node.value + 1
    elif kind == 1 and isinstance(node, ast.If | ast.IfExp):
        node.test = ast.Constant(True)
    elif kind == 2 and isinstance(node, ast.If | ast.IfExp):
        node.test = ast.Constant(False)
    elif kind == 0 and hasattr(node, "body") and isinstance(node.body, list):
        return False
    elif kind == 1 and isinstance(node, FINE) and not is_text(node):
        node.__class__ = ast.Pass  # type: ignore[assignment]  # leave the statement out, where it stands
        node._fields = ()
    else:
        return False
    return True


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def main(words: list[str]) -> int:
    cut = words.index("--")
    files, command = (
        words[:cut],
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *words[cut + 1 :]],
    )
    share, files = (float(files[0]), files[1:]) if files[0].replace(".", "").isdigit() else (1.0, files)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
        if subprocess.run(command, cwd=tree, capture_output=True).returncode != 0:
            print("the tests fail without any change", file=sys.stderr)
            return 2
        tried, survivors, rng = 0, 0, random.Random(0)
        for name in files:
            source = (tree / name).read_text()
            for line, what, module in mutants(ast.parse(source)):
                if rng.random() > share:
                    continue
                (tree / name).write_text(ast.unparse(module))
                try:
                    noticed = subprocess.run(command, cwd=tree, capture_output=True, timeout=300).returncode != 0
                except subprocess.TimeoutExpired:
                    noticed = True
                tried, survivors = tried + 1, survivors + (not noticed)
                if not noticed:
                    print(f"{name}:{line}: {what}", flush=True)
                elif tried % 20 == 0:
                    print(f"{tried} tried, {survivors} survived", file=sys.stderr, flush=True)
            (tree / name).write_text(source)
        print(f"{tried} mutants, {survivors} survivors")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
