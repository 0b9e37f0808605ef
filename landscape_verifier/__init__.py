"""Landscape verifier: checks results on the loss landscape and training of transformers by exact computation.

    import landscape_verifier as lv

    report = lv.check("sub-n-grams", k=2, n=3)
    report["SN7"].verdict
    lv.gradient(k=2, n=3, T=8, q="5")["M", 0, 1]

What stands in `__all__` is public, and changes only with a note in the changelog. The packages `verify`, `numerics` and
`proofs` are private: their names may change in any release.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from proofs.identities import Identities
from proofs.identities import decide as identities
from proofs.lemma import functions as math
from proofs.lemma.domains import (
    Dataset,
    Domain,
    datasets,
    kernels,
    orthogonal,
    positive_definite,
    rationals,
    stochastic,
)
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, Mixture, StationaryStarts
from verify import __version__
from verify.api import Report, check, claims, papers
from verify.claim import (
    Certificate,
    Claim,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Paper,
    Plot,
    Result,
    Run,
    Step,
    Verdict,
    claim,
    claims_of,
    decide,
    from_identities,
    too_dear,
    undecided,
)
from verify.lemma.declared import control, lemma
from verify.papers.sub_ngrams.gradient.api import PopulationGradient, gradient
from verify.papers.sub_ngrams.near_stationary.api import near_stationary
from verify.settings import CheckSettings, Integer, Integers, Rational, Rationals, Real, UsageError, Words

if TYPE_CHECKING:
    from numerics.sub_ngrams.population_gradient import population_gradient, population_loss
    from verify.papers.sub_ngrams.near_stationary.result import NearStationary

__all__ = [
    "Certificate",
    "CheckSettings",
    "Claim",
    "Configuration",
    "Counterexample",
    "Dataset",
    "DirichletLaw",
    "Domain",
    "Evidence",
    "Finding",
    "FixedKernel",
    "Identities",
    "Integer",
    "Integers",
    "Law",
    "Mixture",
    "NGramLaw",
    "NearStationary",
    "Origin",
    "Paper",
    "Plot",
    "PopulationGradient",
    "Rational",
    "Rationals",
    "Real",
    "Report",
    "Result",
    "Run",
    "StationaryStarts",
    "Step",
    "UsageError",
    "Verdict",
    "Words",
    "__version__",
    "check",
    "claim",
    "claims",
    "claims_of",
    "control",
    "datasets",
    "decide",
    "from_identities",
    "gradient",
    "identities",
    "kernels",
    "lemma",
    "math",
    "near_stationary",
    "orthogonal",
    "papers",
    "population_gradient",
    "population_loss",
    "positive_definite",
    "rationals",
    "stochastic",
    "too_dear",
    "undecided",
]

LATER = {
    "NearStationary": "verify.papers.sub_ngrams.near_stationary.result",
    "population_gradient": "numerics.sub_ngrams.population_gradient",
    "population_loss": "numerics.sub_ngrams.population_gradient",
}


def __getattr__(name: str) -> Any:
    """What needs torch, once it is asked for."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(LATER[name]), name)
