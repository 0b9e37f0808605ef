"""The bounds on the gradient at finite length beside a computed one (SN16, SN17, SN20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law
from proofs.sub_ngrams.laws import FixedKernel, Law
from proofs.sub_ngrams.score_blocks import ScoreBlocks


@dataclass(frozen=True)
class GradientBound:
    """Upper bounds, rounded up: of the sizes of blocks with a read key lag, of the other ones, and of the norm.

    how   what the second one rests on: "every lag" (SN17), "J" or "kappa" (SN20), "R" (SN18), or "none"
    norm  None at c = inf, where there is no bound, and with literal heads, whose gradient in A it does not cover
    """

    type_one: float
    type_two: float
    how: str
    norm: float | None

    @classmethod
    def of(cls, law: NGramLaw | Law, configuration: Configuration, T: int) -> GradientBound:
        """The bounds at n >= 2, T >= n; q is taken for the rational number that its float is.

        The law is a symmetric prior, or one kernel, whose R is that of SN18; of others only the first bound is known.
        """
        from flint import arb

        from proofs.sub_ngrams.annealed_bound import AnnealedBound, Prior
        from proofs.sub_ngrams.finite_length import FiniteLength, ball, log_q, phi

        if not configuration.lags:  # the gradient is 0
            return cls(0.0, 0.0, "no lags", 0.0)
        numbers = FiniteLength(law.S, law.n, T, configuration)
        one, two, how = phi(numbers.type_one()), arb(1), "none"
        if isinstance(law, NGramLaw):
            require_ngram_law(law)
            two, how = AnnealedBound(numbers, Prior(law.S, law.n, law.alpha)).type_two()
        elif isinstance(law, FixedKernel):
            with suppress(ValueError):  # several stationary laws
                two, how = ball(numbers.gamma + numbers.mixing(law.kernel)), "R"
        norm = None
        if not configuration.at_limit and configuration.heads == "padded":
            norm = _up(numbers.norm_square(log_q(configuration), one, two).sqrt())
        return cls(_up(one), _up(two), how, norm)


def _up(x: object) -> float:
    return float(x.upper()) * (1 + 2**-50)  # type: ignore[attr-defined]  # a ball of FLINT


def largest_sizes(M: ScoreBlocks, n: int, lags: Sequence[int]) -> tuple[float, float]:
    """The largest size of the blocks with a read key lag, and of those with a read query lag and an unread key lag."""

    def largest(pairs: Iterable[tuple[int, int]]) -> float:
        sums = [sum(max(sign * float(x), 0.0) for row in M[ab] for x in row) for ab in pairs for sign in (1, -1)]
        return max(sums, default=0.0)

    read = ((a, b) for a in range(n) for b in lags)
    return largest(read), largest((lag - 1, b) for lag in lags for b in range(n) if b not in lags)
