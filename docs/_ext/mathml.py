"""Formulas as MathML, which browsers show by themselves: no script, and nothing to fetch."""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

BRACE = re.compile(r">\\([{}])<")
COMMAND = re.compile(r">\\\w+<")
FUNCTION = re.compile(r"(<mi>(?:log|ln)</mi>)(?=<m(?:i|n|sub)>)")


def formula(latex: str, display: str) -> str:
    """MathML, with the space after a function's name that the converter leaves out, and without the backslash that it
    leaves before large braces. ValueError for a command that it does not know."""
    mathml = BRACE.sub(r">\1<", FUNCTION.sub(r'\1<mspace width="0.17em"/>', convert(latex, display=display)))
    if unknown := COMMAND.search(mathml):
        raise ValueError(f"{latex}: {unknown[0][1:-1]} is no command that can be shown")
    return mathml


def visit_inline(self: Any, node: nodes.math) -> None:
    self.body.append(formula(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_block(self: Any, node: nodes.math_block) -> None:
    self.body.append(f'<div class="math">{formula(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
