"""Claims about "Non-asymptotic Convergence of Training Transformers for Next-token Prediction".

[F] marks what a public text of the paper says, [D] what this project derived; the paper's full text was not at hand.
"""

from verify.claim import Paper, claims_of
from verify.papers import PROVENANCE
from verify.papers.next_token import (
    contradictions,
    controls,
    descents,
    finite_time,
    identities,
    joint,
    margins,
    order,
    order_in_time,
    rates,
    shift,
    traps,
)
from verify.papers.next_token.settings import NextTokenSettings, headline
from verify.papers.next_token.symbols import LABELS, MODEL, OWN, SYMBOLS

PAPER = Paper(
    name="next-token",
    title="Non-asymptotic Convergence of Training Transformers for Next-token Prediction",
    source="Huang, Liang, Yang, NeurIPS 2024, arXiv 2409.17335",
    prefix="NT",
    settings=NextTokenSettings,
    provenance=PROVENANCE,
    symbols=SYMBOLS,
    own=OWN,
    labels=LABELS,
    model=MODEL,
    claims=claims_of(
        identities,
        margins,
        descents,
        rates,
        order,
        order_in_time,
        shift,
        finite_time,
        joint,
        contradictions,
        controls,
        traps,
    ),
    headline=headline,
    selftest={"next-token": "select=NT2,NT4c"},
)
