"""The proofs of the bounds at finite length, step by step, each with what it rests on."""

from __future__ import annotations

from verify.claim import Evidence, Step


def written(text: str, where: str) -> Step:
    return Step(text, Evidence.WRITTEN, where)


def formal(text: str, where: str, theorem: str) -> Step:
    return Step(text, Evidence.FORMAL, where, theorem)


SCORE = formal("blocks are sums of scores (SN1)", "sn1", "score_block")
QUERIES = formal("which blocks Q reads (SN2)", "sn2", "gradient_in_Q")
KEYS = formal("which blocks K reads (SN2)", "sn2", "gradient_in_K")
VALUES = formal("which blocks V reads (SN2)", "sn2", "gradient_in_V")

LABEL = formal("Lemma 0: one sequence's block is a mean over a drawn label", "lemma-0", "block_by_sampled_label")
ROTATION = formal("Lemma 1: every word in turn as the target", "lemma-1", "rotation")
ROTATION_OF_MATCHED = formal("Lemma 1, second case: a read key lag", "lemma-1", "rotation_of_matched")
EDITS = formal("Lemma 2: a few words more or less", "lemma-2", "edits")
VISITS = formal("Lemma 3: visits along one sequence", "lemma-3", "visits")
FIRST_VISITS = written("Lemma 4: visits from any start", "lemma-4")
MOVED = formal("Lemma 5: the target moved to any place", "lemma-5", "target_moved")
MIXED = formal("Lemmas 1, 2, 5 together: Gamma + R for every finite chain", "sn18", "type_two")
JOINED = written("contexts as such a chain, with the differences of Lemma 0 over the reals", "sn18")
ONE_SEQUENCE = formal("Lemma 6: one sequence, with a read key lag, q finite", "lemma-6", "type_one_difference")

TYPE_ONE = (SCORE, LABEL, ONE_SEQUENCE, FIRST_VISITS)
PREDICTIVE = written("attention, frequencies and the predictive of one sequence", "sn17")
NORM = (QUERIES, KEYS, VALUES, written("the norm from the sizes of the blocks", "finite-norm"))
FULL_CONTEXT = (*TYPE_ONE, PREDICTIVE, *NORM)
MIXING = (MOVED, EDITS, ROTATION, MIXED, JOINED)
TYPE_TWO = (SCORE, LABEL, *MIXING)
PASSAGE = written("the passage to infinite length", "sn19")
INFINITE = (SCORE, LABEL, ROTATION, ROTATION_OF_MATCHED, *NORM, PASSAGE)
DRAWN = (
    formal("Dobrushin's contraction: d(g) by the overlap delta", "sn18", "distance_decays"),
    written("the choice of g: R by delta", "sn18"),
    written("Lemma 7: the mean of powers of 1/delta, and rows that are unlike", "lemma-7"),
)
ANNEALED = (*TYPE_TWO, *DRAWN, *NORM, FIRST_VISITS, ONE_SEQUENCE)
POSITIONS = (SCORE, LABEL, ONE_SEQUENCE, VISITS, PREDICTIVE)
PATHS = (*FULL_CONTEXT, *MIXING, *DRAWN, ROTATION_OF_MATCHED, PASSAGE, written("the limit of the bound", "sn22"))
