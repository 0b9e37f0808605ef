"""Engine `enumeration`: all S^T sequences, one by one, in exact rationals. The slow and obvious twin of every other.

Standard library only: no sympy, no FLINT, so that it is an independent witness.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import Law, every_sequence
from proofs.sub_ngrams.score import row_slopes, score
from proofs.sub_ngrams.score_blocks import ScoreBlocks


def enumeration(law: NGramLaw | Law, configuration: Configuration, T: int) -> ScoreBlocks:
    """M_ab = E sum_j g_j 1{x_{T-a} = v} (weight of v' in what head b reads at j), over all sequences of length T >= n.

    q rational, with literal heads as `configuration.exact` says, or inf.
    """
    S, n = law.S, law.n
    scores: defaultdict[tuple[Word, Word], Fraction] = defaultdict(Fraction)  # by the end of x and the window of j
    rows = {(h, t): [Fraction(0)] * t for h, t in configuration.averaging_rows}
    for x, probability, P in every_sequence(law, T):
        g = score(x, P, configuration)
        for j, g_j in enumerate(g):
            scores[x[T - n :], x[max(0, j + 1 - n) : j + 1]] += probability * g_j
        for row, slopes in row_slopes(x, g, configuration).items():
            rows[row] = [total + probability * slope for total, slope in zip(rows[row], slopes, strict=True)]
    M = [[[[Fraction(0)] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    for (end, window), value in scores.items():
        for b in range(n):
            for v, weight in configuration.reads(window, b).items():
                for a in range(n):
                    M[a][b][end[-1 - a]][v] += value * weight
    return ScoreBlocks.from_nested(M, rows=rows)
