"""The proofs of the bounds at finite length, step by step, each with what it rests on."""

from __future__ import annotations

from verify.claim import Evidence, Step

SCORE = Step("blocks are sums of scores (SN1)", Evidence.FORMAL, "sn1", "score_block")
QUERIES = Step("which blocks Q reads (SN2)", Evidence.FORMAL, "sn2", "gradient_in_Q")
KEYS = Step("which blocks K reads (SN2)", Evidence.FORMAL, "sn2", "gradient_in_K")
VALUES = Step("which blocks V reads (SN2)", Evidence.FORMAL, "sn2", "gradient_in_V")


def written(text: str, where: str) -> Step:
    return Step(text, Evidence.WRITTEN, where)


LABEL = written("Lemma 0: a block is a mean over a drawn label", "lemma-0")
ROTATION = written("Lemma 1: every word in turn as the target", "lemma-1")
EDITS = written("Lemma 2: a few words more or less", "lemma-2")
VISITS = written("Lemma 3: visits along one sequence", "lemma-3")
FIRST_VISITS = written("Lemma 4: visits from any start", "lemma-4")
MOVED = written("Lemma 5: the target moved to any place, by a coupling", "lemma-5")
ONE_SEQUENCE = written("Lemma 6: one sequence, with a read key lag", "lemma-6")

TYPE_ONE = (SCORE, LABEL, ONE_SEQUENCE, FIRST_VISITS)
PREDICTIVE = written("attention, frequencies and the predictive of one sequence", "sn17")
NORM = (QUERIES, KEYS, VALUES, written("the norm from the sizes of the blocks", "finite-norm"))
FULL_CONTEXT = (*TYPE_ONE, PREDICTIVE, *NORM)
TYPE_TWO = (SCORE, LABEL, MOVED, EDITS, ROTATION)
INFINITE = (SCORE, LABEL, ROTATION, *NORM, written("the passage to infinite length", "sn19"))
DRAWN = (
    written("Dobrushin's contraction: R from the overlap delta", "sn18"),
    written("Lemma 7: the mean of powers of 1/delta, and rows that are unlike", "lemma-7"),
)
ANNEALED = (*TYPE_TWO, *DRAWN, *NORM, FIRST_VISITS, ONE_SEQUENCE)
POSITIONS = (SCORE, LABEL, ONE_SEQUENCE, VISITS, PREDICTIVE)
PATHS = (*FULL_CONTEXT, MOVED, EDITS, ROTATION, *DRAWN, written("the limit of the bound", "sn22"))
