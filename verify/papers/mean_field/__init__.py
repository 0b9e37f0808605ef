"""Claims about "Transformers Learn Nonlinear Features In Context" (mean-field dynamics on the attention landscape).

Every statement says whose it is: [F] as found in the paper, [D] derived for this project in the finite model.
"""

from verify.claim import Paper, claims_of
from verify.papers import PROVENANCE
from verify.papers.mean_field import (
    attention,
    controls,
    dynamics,
    escape,
    generalisation,
    identities,
    in_context_controls,
    inequalities,
    landscape,
    numeric,
    particle_runs,
    particles,
    prompts,
    simulations,
    values,
)
from verify.papers.mean_field.settings import MeanFieldSettings, headline
from verify.papers.mean_field.symbols import LABELS, MODEL, OWN, SYMBOLS

PAPER = Paper(
    name="mean-field",
    title="Transformers Learn Nonlinear Features In Context: Nonconvex Mean-field Dynamics on the Attention Landscape",
    source="Kim, Suzuki, ICML 2024, arXiv 2402.01258",
    prefix="MF",
    settings=MeanFieldSettings,
    provenance=PROVENANCE,
    symbols=SYMBOLS,
    own=OWN,
    labels=LABELS,
    model=MODEL,
    claims=claims_of(
        identities,
        landscape,
        controls,
        inequalities,
        dynamics,
        attention,
        prompts,
        generalisation,
        in_context_controls,
        particles,
        escape,
        values,
        numeric,
        particle_runs,
        simulations,
    ),
    headline=headline,
    selftest={"mean-field": "select=MF1,MF6c,MF12"},
)
