"""Engine `enumeration`: all S^T sequences, one by one, in exact rationals. The slow and obvious twin of every other.

Standard library only: no sympy, no FLINT, so that it is an independent witness.
"""

from __future__ import annotations

from fractions import Fraction

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law, every_sequence
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ScoreBlocks


def enumeration(law: NGramLaw | Law, configuration: Configuration, T: int) -> ScoreBlocks:
    """M_ab = E sum_j g_j 1{x_{T-a} = v} 1{x_{j-b} = v'} over all sequences of length T >= n; q rational or inf."""
    S, n = law.S, law.n
    M = [[[[Fraction(0)] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    for x, probability, P in every_sequence(law, T):
        for j, g in enumerate(score(x, P, configuration)):
            for a in range(n):
                for b in range(min(n, j + 1)):  # x_{j-b} has to exist
                    M[a][b][x[T - 1 - a]][x[j - b]] += probability * g
    return ScoreBlocks.from_nested(M)
