"""One package per paper, which defines PAPER: found by verify.registry, imported by nothing else in verify."""

PROVENANCE = (  # of the papers here
    "Statements were derived again from the models; the paper's full text was not at hand, and no claim is one of its "
    "numbered theorems."
)
