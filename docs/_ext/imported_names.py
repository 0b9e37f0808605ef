"""A bare name in an annotation is what the module imports under this name, be it for type checking alone.

Autodoc leaves such names as they are, and Sphinx would take any object of this name.
"""

import ast
import importlib
import importlib.util
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

import landscape_verifier

PUBLIC = landscape_verifier.__name__


@cache
def imported(module: str) -> dict[str, str]:
    """Classes that a module imports from others -> where they are defined."""
    if module.startswith(PUBLIC):
        return {name: f"{PUBLIC}.{name}" for name in landscape_verifier.__all__}
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return {}
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    imports = [
        (node.module, alias) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return {
        alias.asname or alias.name: f"{place}.{alias.name}" for place, alias in imports if is_class(place, alias.name)
    }


def is_class(module: str | None, name: str) -> bool:
    """Whether this is a class of ours: other names, as of types that are tuples, have no page to link to."""
    if module is None or module.split(".")[0] not in ("verify", "numerics", "proofs"):
        return False
    return isinstance(getattr(importlib.import_module(module), name, None), type)


def complete(app: Sphinx, doctree: nodes.document) -> None:
    """The handler of the event that a page has been read."""
    for node in doctree.findall(addnodes.pending_xref):
        if node.get("refdomain") == "py" and node.get("py:module"):
            node["reftarget"] = imported(node["py:module"]).get(node["reftarget"], node["reftarget"])
            if node.get("refspecific") is False:  # only its absence keeps Sphinx from looking at the end of every name
                del node["refspecific"]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", complete)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
