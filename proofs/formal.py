"""What is proved in Coq for all sizes at once: claims, and lemmas (proofs/coq; optional: `make formal`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class FormalTheorem:
    """A theorem that Coq has accepted.

    file, theorem  where it stands, from the root of the repository, and its name
    statement      in words
    axioms         "none", or "reals": the classical axioms of Coq's real numbers
    about          words that the scope of a verdict has to contain, if the theorem is to be about it
    part           whether the claim says more than its theorems do, all together
    """

    file: str
    theorem: str
    statement: str
    axioms: str
    about: str = ""
    part: bool = False


@cache
def formal_theorems() -> dict[str, tuple[FormalTheorem, ...]]:
    """Claim id, or anchor of a lemma, -> its theorems. Empty where the proofs are not at hand."""
    index = files("proofs") / "coq" / "index.json"
    if not index.is_file():
        return {}
    return {
        claim: tuple(FormalTheorem(**entry) for entry in entries)
        for claim, entries in json.loads(index.read_text()).items()
    }
