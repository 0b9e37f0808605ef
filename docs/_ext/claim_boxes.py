"""The directive `claim`: what the registry says about a claim, so that no page can say something else."""

import json
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from verify.claim import Claim, weakest
from verify.registry import papers
from verify.report.mathml import statement_html

CLAIMS = {claim.id: claim for paper in papers().values() for claim in paper.claims}
FORMAL = Path(__file__).parents[2] / "proofs" / "coq" / "index.json"  # claim id -> theorems proved in Coq
THEOREMS: dict[str, list[dict[str, Any]]] = json.loads(FORMAL.read_text(encoding="utf-8"))


def said(claim: Claim) -> str:
    """The statement, what it grants and the steps of its proof, typeset as in the reports."""
    html = f"<p>{statement_html(claim.statement)}</p>"
    if claim.assumptions:
        html += f"<p>Granted: {statement_html('; '.join(claim.assumptions))}.</p>"
    if claim.steps:
        whole = weakest(step.evidence for step in claim.steps)
        steps = "".join(f"<li>{statement_html(step.text)}: <em>{step.evidence}</em></li>" for step in claim.steps)
        html += f"<p>In general: <em>{whole}</em>, the weakest of its steps.</p><ol>{steps}</ol>"
    return html


def box_lines(claim: Claim) -> list[str]:
    """The rest of the box as Markdown: what has links."""
    lines = []
    if claim.control:
        lines += ["**A control**: false on purpose, it must come out REFUTED (where the settings make it false).", ""]
    if claim.requires:
        lines += ["Rests on " + ", ".join(f"[{id}](#{id.lower()})" for id in claim.requires) + ".", ""]
    theorems = [f"`{theorem['theorem']}` (`{theorem['file']}`)" for theorem in THEOREMS.get(claim.id, [])]
    if theorems:
        lines += [f"[Proved in Coq](#formal-proofs): {', '.join(theorems)}.", ""]
    return [*lines, "Decided by {py:func}`~" + f"{claim.check.__module__}.{claim.check.__qualname__}" + "`."]


class ClaimBox(Directive):
    """```{claim} SN7``` shows statement, assumptions, what it rests on, and the function that decides it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        claim = CLAIMS.get(self.arguments[0])
        if claim is None:
            raise self.error(f"there is no claim {self.arguments[0]}")
        box = nodes.admonition(classes=["claim"])
        title = nodes.title(text=f"{claim.id}   ")
        title += nodes.raw("", str(statement_html(claim.title)), format="html")
        box += [title, nodes.raw("", said(claim), format="html")]
        self.state.nested_parse(StringList(box_lines(claim), source=f"claim {claim.id}"), self.content_offset, box)
        return [box]


def show_checks() -> None:
    """Puts every claim's check in the place of the claim, which autodoc would show as a value.

    So the reference has a function with its signature, the statement, the mathematics and a link to its source.
    """
    for claim in CLAIMS.values():
        setattr(sys.modules[claim.check.__module__], claim.check.__qualname__, claim.check)


def setup(app: Sphinx) -> dict[str, bool]:
    show_checks()
    app.add_directive("claim", ClaimBox)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
