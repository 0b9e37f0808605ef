"""The directive `claim`: what the registry says about a claim, so that no page can say something else."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from verify.claim import Claim, weakest
from verify.registry import papers

CLAIMS = {claim.id: claim for paper in papers().values() for claim in paper.claims}
FORMAL = Path(__file__).parents[2] / "proofs" / "coq" / "index.json"  # claim id -> theorems proved in Coq
THEOREMS: dict[str, list[dict[str, Any]]] = json.loads(FORMAL.read_text(encoding="utf-8"))
SPECIAL = re.compile(r"([\\*_`|<>\[\]$^#{}])")
BACKSLASH = r"\\\1"


def box_lines(claim: Claim) -> list[str]:
    """The content of the box as Markdown."""
    lines = [SPECIAL.sub(r"\\\1", claim.statement), ""]
    if claim.control:
        lines += ["**A control**: false on purpose, it must come out REFUTED (where the settings make it false).", ""]
    if claim.assumptions:
        lines += ["Granted: " + SPECIAL.sub(r"\\\1", "; ".join(claim.assumptions)) + ".", ""]
    if claim.requires:
        lines += ["Rests on " + ", ".join(f"[{id}](#{id.lower()})" for id in claim.requires) + ".", ""]
    if claim.steps:
        whole = weakest(step.evidence for step in claim.steps)
        lines += [f"In general: *{whole}*, the weakest of its steps.", ""]
        lines += [f"1. {SPECIAL.sub(BACKSLASH, step.text)}: *{step.evidence}*" for step in claim.steps]
        lines += [""]
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
        box += nodes.title(text=f"{claim.id}   {claim.title}")
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
