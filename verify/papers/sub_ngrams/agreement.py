"""SN0: every engine against every other, before anything is built on them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import combinations

from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.claim import SHARE, Counterexample, Evidence, Finding, Run, claims_on, decide, undecided
from verify.papers.sub_ngrams.engines import ENGINES, LARGEST_ROOT, Options
from verify.papers.sub_ngrams.premises import other_law
from verify.papers.sub_ngrams.second_computations import Comparison, intervals, moments, norms
from verify.papers.sub_ngrams.settings import SubNGramSettings, braces

claim = claims_on("mathematics/sub-n-grams/computing")

FEW_SEQUENCES = 256  # so many can be enumerated in rationals in a moment
SAMPLES = 4000
QUICK = 10.0  # seconds: where the transfer engine needs more, it is left out
MOST_SCALES = 3  # of the user, that are looked at
# Engines with confidence intervals are compared by intervals that hold at any sample size, at a level that makes a
# false alarm rarer than one in a million runs, all compared entries together.
STATISTICAL_LEVEL = 1 - 1e-10


@claim("SN0", "engines agree", vacuous=other_law)
def engines_agree(settings: SubNGramSettings, run: Run) -> Finding:
    """Every engine gives the same population gradient, within the error that it reports; the rules that average over
    kernels give the moments of the prior; the norms in Q, K, V, A are those of the network's gradient; Monte Carlo's
    intervals are as wide as the spread of the sequences asks for.

    Every pair of engines on small problems around the settings: within the sum of the errors they report. With padded
    and with literal heads. An instance is a comparison of two engines on one problem.

    Then the averages over kernels, the norms in Q, K, V, A and Monte Carlo's intervals, by second computations.
    """
    options = replace(settings.options, level=STATISTICAL_LEVEL, samples=SAMPLES, interval="bernstein")
    options = replace(options, tolerance=1e-9, relative=0.0)
    pairs: Counter[tuple[str, str]] = Counter()
    differences, shares, disagreement = [0.0], [0.0], None  # where neither engine samples
    seconds: dict[str, list[Comparison]] = {"moments": [moments(settings.law)]}
    problems = _problems(settings)
    slow = {"transfer"} if ENGINES["transfer"].work(settings.law, *problems[0]) > QUICK else set()
    for configuration, T in problems:
        found: dict[str, ScoreBlocks] = {}
        for name, engine in ENGINES.items():
            if engine.obstacle(settings.law, configuration, T) is not None or name in slow:
                continue
            if engine.seconds(settings.law, configuration, T, options) <= SHARE * run.seconds:
                run.progress(f"T={T} q={configuration.q} {configuration.heads} heads {name}")
                found[name] = engine.compute(settings.law, configuration, T, options)
        for first, second in combinations(found, 2):
            pairs[first, second] += 1
            if found[first].level is found[second].level is None:
                differences.append(found[first].difference(found[second]))
                shares.append(found[first].share_of_errors(found[second]))
            if not found[first].excess(found[second]) <= 0 and disagreement is None:
                disagreement = _disagreement(settings, configuration, T, first, second, options)
        if settings.S**T <= FEW_SEQUENCES and not configuration.at_limit:
            seconds.setdefault("norms", []).append(norms(settings.law, configuration, T, found))
            if configuration.exact:
                seconds.setdefault("intervals", []).append(intervals(settings.law, configuration, T, settings.seed))
    if not pairs:
        return undecided(f"no two engines reach S={settings.S}, n={settings.n}, T={problems[0][1]} in seconds")
    compared = {name: sum(comparison.compared for comparison in several) for name, several in seconds.items()}
    off = next((comparison.off for several in seconds.values() for comparison in several if comparison.off), None)
    largest, share = (math.nan if any(map(math.isnan, each)) else max(each) for each in (differences, shares))
    return decide(
        disagreement is None and off is None,
        evidence=Evidence.NUMERIC,
        scope=f"{' and '.join(settings.kinds_of_heads)} heads; S={settings.S}, n={settings.n}, "
        f"lags {braces(settings.lag_set)}, T <= {problems[-1][1]}, "
        f"q in {braces(dict.fromkeys(str(configuration.q) for configuration, _ in problems))}; {len(pairs)} pairs, "
        + ", ".join(f"{count} {name}" for name, count in compared.items() if count),
        instances=sum(pairs.values()),
        found=f"largest difference {largest:.1e}, and {share:.2g} of the errors reported at most; sampling apart",
        predicted="within the errors reported",
        counterexample=disagreement or off,
        details={
            "engines": {name: ENGINES[name].summary for name in dict.fromkeys(name for pair in pairs for name in pair)},
            "pairs": {f"{a} = {b}": count for (a, b), count in sorted(pairs.items())},
            "largest difference": largest,
            "largest difference over the errors reported": share,
            "second computations": compared,
        },
        footnote=f"engines   {' = '.join(dict.fromkeys(name for pair in pairs for name in pair))}   "
        f"{len(pairs)} pairs, {sum(pairs.values())} comparisons, largest difference {largest:.1e} (sampling apart)",
        undecided="a number is not finite",
    )


def _problems(settings: SubNGramSettings) -> list[tuple[Configuration, int]]:
    """Short sequences, that the slowest engine can take too; a rational q, some given by the user, and the limit."""
    longest = settings.enumerable_length(FEW_SEQUENCES)
    lengths = sorted({max(settings.n, longest - 3), longest})
    problems = []
    for T in lengths:
        for heads in settings.kinds_of_heads:
            qs: list[Fraction | float] = [_scale(settings.lag_set, heads), *settings.q[:MOST_SCALES], math.inf]
            problems += [(Configuration(settings.lag_set, q, heads), T) for q in qs]
    return problems


def _scale(lags: tuple[int, ...], heads: Heads) -> Fraction:
    """A q with rational weights, for exact engines, where there is one of moderate size."""
    unit = Configuration(lags, math.inf, heads).unit
    return Fraction(2) ** unit if 1 < unit <= LARGEST_ROOT else Fraction(5, 2)


def _disagreement(
    settings: SubNGramSettings, configuration: Configuration, T: int, first: str, second: str, options: Options
) -> Counterexample:
    values = {"engines": [first, second], "T": T, "q": str(configuration.q), "heads": configuration.heads}
    return Counterexample(values, partial(disagree, settings.law, configuration, T, first, second, options))


def disagree(law: NGramLaw, configuration: Configuration, T: int, first: str, second: str, options: Options) -> bool:
    """Whether the two engines, run again, differ by more than their errors."""
    again = [ENGINES[name].compute(law, configuration, T, options) for name in (first, second)]
    return again[0].excess(again[1]) > 0
