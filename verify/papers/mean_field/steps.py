"""The proofs of the general forms, step by step, each with what it rests on."""

from __future__ import annotations

from verify.claim import Evidence, Step


def identity(text: str, where: str) -> Step:
    """Proved in matrix words, for every k and m, by the check itself or that of a claim that it rests on."""
    return Step(text, Evidence.PROOF, where)


def written(text: str, where: str) -> Step:
    return Step(text, Evidence.WRITTEN, where)


def formal(text: str, where: str, theorem: str) -> Step:
    return Step(text, Evidence.FORMAL, where, theorem)


DERIVATIVES = identity("slope and curvature of the homotopy (MF5)", "mf5")

CRITICAL = (
    identity("(S°-Z) Z = M^T A M Z", "mf6"),
    written("where M Z = 0 the null space of H is invariant under F^T F", "proof-critical"),
)
SADDLES = (
    DERIVATIVES,
    formal("the curvature along a partial isometry into ker(M^T)", "mf7", "curvature_at_saddles"),
    written("there is one: dim ker(M^T) >= rank(Z)", "proof-saddles"),
)
DICHOTOMY = (
    DERIVATIVES,
    formal("the form along u v^T, and what follows where |MZ| is small", "mf8", "slope_or_curvature"),
    written("u and v exist; M and M^T have the same least singular value", "proof-dichotomy"),
)
SUBLEVEL = (
    identity("M^T A M = S° - Z, dL/dH (dL/dH)^T = M Z M^T", "mf9"),
    formal("M^T A M >= (r_low - 2L) I, and the squared gradient", "mf9", "no_saddle_below"),
    written("the slope, at the polar factor of M", "proof-slope"),
)
PROMPTS = (
    identity("L^n - L is between 0 and L^n(A^-1) - L (words)", "mf12"),
    written("C - B^T B >= 0 by Cauchy and Schwarz", "proof-prompts"),
)
BIRTH_DEATH = (
    identity("the first variation is linear in a and has mean 0 (MF4, MF5)", "mf14"),
    formal("finitely many neurons", "mf14", "birth_and_death"),
    written("the flow loses at least what output weights lose; any measure", "proof-birth-death"),
)
VALUES = (*CRITICAL, written("every sum is attained, and R = u z^T falls", "mf15"))
ATTENTION = (
    identity("dL_TF/dW = B^T B (W A - I)", "mf11"),
    written("a linear flow with symmetric, commuting factors, mode by mode", "proof-attention"),
)
FEATURE_FLOW = (
    identity("H H^T is conserved, and for H H^T = I the flow is Oja's", "mf10"),
    written("the graph of X_t = e^(-tG) X_0; for any H H^T almost every start arrives", "proof-avoidance"),
)
