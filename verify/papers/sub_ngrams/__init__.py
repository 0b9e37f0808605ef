"""Claims about "Learning In-context n-grams with Transformers: Sub-n-grams Are Near-stationary Points"."""

from verify.claim import Paper, claims_of
from verify.papers import PROVENANCE
from verify.papers.sub_ngrams import (
    agreement,
    annealed_mixing,
    averaged_positions,
    conditions,
    decay,
    escape,
    finite_length,
    fixed_length,
    frequency,
    frequency_numbers,
    gradient_flow,
    identities,
    infinite_bounds,
    loss,
    merged,
    mixing,
    paths,
    plateaus,
    saddle,
    stationary,
    too_small,
    variants,
)
from verify.papers.sub_ngrams.engines import ENGINES
from verify.papers.sub_ngrams.settings import SubNGramSettings, check_headline, refuse_what_cannot_run
from verify.papers.sub_ngrams.symbols import LABELS, MODEL, OWN, SYMBOLS

_HERE = "verify.papers.sub_ngrams"
_MODULES = (
    agreement,
    identities,
    conditions,
    stationary,
    decay,
    fixed_length,
    merged,
    loss,
    escape,
    saddle,
    variants,
    plateaus,
    finite_length,
    mixing,
    infinite_bounds,
    annealed_mixing,
    averaged_positions,
    paths,
    too_small,
    frequency,
    frequency_numbers,
    gradient_flow,
)

PAPER = Paper(
    name="sub-n-grams",
    title="Learning In-context n-grams with Transformers: Sub-n-grams Are Near-stationary Points",
    source="Varre, Yüce, Flammarion, ICML 2025, arXiv 2508.12837",
    prefix="SN",
    settings=SubNGramSettings,
    provenance=PROVENANCE,
    symbols=SYMBOLS,
    own=OWN,
    labels=LABELS,
    model=MODEL,
    claims=claims_of(*_MODULES),
    headline=check_headline,
    refuse=refuse_what_cannot_run,
    commands={
        "gradient": ("k=2 n=3 T=32", "one population gradient, by any engine", f"{_HERE}.gradient.command:main"),
        "stationary": (
            "model=my.py:build T=8,16,32",
            "whether a network of your own is at a near-stationary point",
            f"{_HERE}.near_stationary.command:main",
        ),
        "train": ("n=3 S=3 T=32", "a training run against the predicted plateaus", f"{_HERE}.training.command:main"),
    },
    selftest={
        "reference values": f"{_HERE}.selftest:reference_values",
        "engines agree": "select=SN0",
        "exact proof, control": "k=2 n=2 select=SN5,SN8",
        "certificates": f"{_HERE}.selftest:certificates",
        "recorded training run": "select=SN15",
    },
    overview=("engines (engine=NAME)", *(f"  {engine.name:<16} {engine.summary}" for engine in ENGINES.values())),
)
