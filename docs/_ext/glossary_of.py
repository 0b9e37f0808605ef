"""The directive `glossary-of`: symbols, grades and words as the HTML report explains them, from the same source."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from verify.registry import papers
from verify.report.glossary import GRADES, TERMS, TRUST, VERDICTS
from verify.report.mathml import statement_html

EXAMPLES = {
    "x_{T-a}, e^(-c)": "_ lowers and ^ raises what follows: one name, a number or a group",
    "W_ov*, v', f°": "a star, a prime or a ring belongs to the name before it",
    "theta, Lambda, chi2": "Greek letters by their English names",
    "<u, v>": "an inner product, if its brackets touch what they hold; a < b is a relation",
    "T^-0.95(5)": "an exponent with its error, in units of its last digit: 0.95 with an error of 0.05",
    "5.1e-13 +/- 2e-14": "a power of ten, and a number with its error",
    "S=2, T = 3..8, q in {5/2, inf}": "as in scopes: all whole numbers from 3 to 8, and a list of values",
    "2x2x3": "sizes of a table",
    "1{x_j = s}": "1 where this holds, else 0",
}


def entries(what: str) -> dict[str, str]:
    """What is explained: `grades`, `verdicts`, `words`, `notation`, or the symbols of the paper of this name."""
    fixed = {
        "grades": {grade.value: f"{text} {TRUST[grade]}" for grade, text in GRADES.items()},
        "verdicts": {verdict.value: text for verdict, text in VERDICTS.items()},
        "words": TERMS,
        "notation": EXAMPLES,
    }
    return dict(fixed[what] if what in fixed else papers()[what].symbols)


class GlossaryOf(Directive):
    """```{glossary-of} sub-n-grams``` is a list of definitions."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        what = self.arguments[0]
        rows = []
        for name, text in entries(what).items():
            plain = f" <code>{nodes.Text(name).astext().replace('<', '&lt;')}</code>" if what == "notation" else ""
            term = name if what in ("grades", "verdicts", "words") else statement_html(name)
            rows.append(f"<dt>{term}{plain}</dt><dd><p>{statement_html(text)}</p></dd>")
        return [nodes.raw("", f'<dl class="simple">{"".join(rows)}</dl>', format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("glossary-of", GlossaryOf)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
