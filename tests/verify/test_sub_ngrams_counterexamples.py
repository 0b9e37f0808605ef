"""Every `Counterexample` of the paper on sub-n-grams has a recheck that says no where nothing is wrong."""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from numerics.sub_ngrams.frequency_network import padded_network, saturated_network
from numerics.sub_ngrams.stages import Stages
from proofs.sub_ngrams import adversaries, sufficient_condition
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.escape import Feature, first_derivative, kernel_on_lags
from proofs.sub_ngrams.frequency import FrequencyConfiguration
from proofs.sub_ngrams.infinite_length import random_kernel
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.merged_limit import Enclosure, bigram_enclosure, trigram_enclosure
from verify.claim import Run
from verify.papers import sub_ngrams
from verify.papers.sub_ngrams import (
    agreement,
    averaged_positions,
    decay,
    escape,
    finite_length,
    finite_length_blocks,
    fixed_length,
    frequency,
    frequency_numbers,
    gradient_flow,
    identities,
    infinite_bounds,
    loss,
    merged,
    mixing,
    paths,
    plateaus,
    saddle,
    second_computations,
    stationary,
    too_small,
    variants,
)
from verify.papers.sub_ngrams.engines import ENGINES, Options
from verify.papers.sub_ngrams.gradient_flow import Runs
from verify.recheck.sub_ngrams import finite
from verify.settings import read_words, validate

SETTINGS = validate(sub_ngrams.PAPER.settings, read_words(["k=2", "n=3"]))
LAW, LAGS = NGramLaw(2, 3), (1,)
KERNEL = random_kernel(2, 3, random.Random(0))
IDLE = kernel_on_lags(2, 3, LAGS, random_kernel(2, 2, random.Random(0)))  # lag 2 tells it nothing
FINITE, INFINITE = Configuration(LAGS, Fraction(5, 2)), Configuration(LAGS, math.inf)
WHERE = (0, 1, 0, 0)
LIMIT = Fraction(enumeration(LAW, INFINITE, 4)[0, 1][0][0])
POINTS = SETTINGS.quadrature_points() // 4
HIDDEN = (0.1, 0.05)  # another value, with an error that does not hold the mean
X, Q = (0, 1, 0, 1, 0), Fraction(2)
SPACE = sufficient_condition.random_space(random.Random(0), (1, 2, 2))
BROKEN_SPACE = sufficient_condition.counterexample(random.Random(0), "ii")
NORMS, ROUNDING = second_computations.literal_norms(LAW, FINITE, 5)
WIDTH = float(ENGINES["monte_carlo"].compute(LAW, FINITE, 5, Options(level=0.99, samples=4000)).error_of((0, 0), 0, 0))
MEAN, ERROR = 0.0096168638, 1e-8  # of M_{1,0}[0][0] at these settings, in the documentation
GROWING = [(16, 2 * math.log(16)), (256, 2 * math.log(256))]
SHORT = tuple(decay.Point(T, {}, {}, "type_classes", None) for T in (4, 8))  # where the norm may still rise
FIXED = [(16, math.log(50)), (256, math.log(50))]


SWITCH = adversaries.Switch(3, (1, 0), Fraction(2, 50))
FLOW = gradient_flow.setup(sub_ngrams.settings.SubNGramSettings(S=2, n=2))
NEVER = Fraction(1)  # phi(1) = 1, and no block is larger
SMALL = Fraction(1, 10**6)  # phi of it is about 1e-5
LATE = [[Fraction(int(u > 0)), Fraction(int(u == 0))] for u in range(4)]  # a 1 after two zeros, else a 0
WALK = [[Fraction(int(v == (u + 1) % 3)) for v in range(3)] for u in range(3)]
REPEATS = adversaries.repeats(2, 3, 1, Fraction(1, 1000))
ZEROS = {(0, 0): Fraction(1)}


PLUS = FrequencyConfiguration(3, 4, (Fraction(5, 4),), Fraction(7, 8))
FREQUENT = FrequencyConfiguration(2, 6, (Fraction(7, 6),), Fraction(11, 12))


def values(space: sufficient_condition.FiniteSpace) -> list[object]:
    return [space.weight, space.tau, space.p, space.dlogp]


def doubled_derivative(kernel: object, words: object) -> object:
    return first_derivative(words, Feature.of_lag(LAGS, 2), scale=2)  # type: ignore[arg-type]


def no_stages(seed: int) -> Stages:
    return Stages(levels=[], corrected=[], plateaus=[], jumps=[], snapshots=[])


derivative = partial(escape.no_other_derivative, Feature.of_lag(LAGS, 2))
differ = [LAW, FINITE, 5, "enumeration"]
moment = [2, Fraction(3), "tau(0)^2"]  # E b^2 of Beta(3, 3): 3 * 4 / (6 * 7)

# recheck -> values that are no counterexample, one for each reason that there may be
HARMLESS: dict[Callable[..., bool], list[list[object]]] = {
    gradient_flow.off_again: [
        [FLOW, Runs.growth_checks, "growth of the stay at theta_1"],
        [FLOW, Runs.growth_checks, ""],
    ],
    identities.is_beyond_the_bound: [[X, Q, LAGS, Fraction(2)], [(0, 0), Q, (), Fraction(1)], [(0, 1), Q, LAGS, 1]],
    identities.violates_the_condition: [values(SPACE), [SPACE.weight, SPACE.tau, SPACE.p[::-1], SPACE.dlogp]],
    stationary.survives_infinite_norm: [[KERNEL, LAGS], [KERNEL, ()]],
    fixed_length.is_nonzero_limit: [[LAW, INFINITE, 4, WHERE, LIMIT + 1], [LAW, INFINITE, 4, WHERE, Fraction(0)]],
    finite_length_blocks.is_beyond_phi: [[LAW, FINITE, 5, (0, 1), NEVER]],
    finite_length_blocks.is_beyond_full_context: [[NGramLaw(2, 2), FINITE, 6, (0, 0)]],
    finite_length_blocks.is_beyond_phi_given_kernel: [[KERNEL, ZEROS, FINITE, 6, (0, 1), NEVER]],
    finite_length.is_beyond_type_one: [[SWITCH.kernel(), (0, 0), LAGS, Fraction(50), 50, 0, NEVER]],
    mixing.is_beyond_mixing: [[KERNEL, 3, LAGS, Q, 6, (0, 0)], [KERNEL, 3, LAGS, math.inf, 6, (0, 2)]],
    infinite_bounds.is_beyond_limit: [[REPEATS, LAGS, Q, (0, 0), Fraction(1)]],
    infinite_bounds.is_beyond_norm: [[KERNEL, LAGS, Q], [REPEATS, LAGS, Q]],
    merged.is_nonzero_mean: [
        [SETTINGS, 1, POINTS, 0.0, ERROR],
        [SETTINGS, 1, POINTS, *HIDDEN],
        [SETTINGS, 1, POINTS, MEAN, 1.0],
    ],
    merged.is_nonzero_enclosure: [
        [Enclosure(Fraction(-1), Fraction(1)), SETTINGS],
        [Enclosure(Fraction(1), Fraction(2)), SETTINGS],
    ],
    merged.is_nonzero_and_met: [
        [Enclosure(Fraction(-1), Fraction(1)), SETTINGS, POINTS],
        [Enclosure(Fraction(1), Fraction(2)), SETTINGS, POINTS],
    ],
    averaged_positions.is_beyond: [[[(X, Fraction(1))], 3, LAGS, Q, (0, 1), NEVER]],
    decay.is_too_slow: [[SETTINGS, SHORT, Run()]],
    paths.rises: [[3, 1, (10**6, SMALL), (10**6, SMALL)]],
    saddle.derivatives_differ: [[SETTINGS]],
    saddle.has_no_mixed_derivative: [[KERNEL, LAGS]],
    too_small.is_above_gamma: [[KERNEL, 6]],
    too_small.is_beyond_stationary: [[KERNEL, (0, 0), LAGS, Q, 6, (0, 1), NEVER]],
    too_small.is_likelier_than_half: [[WALK, (0, 0)]],
    loss.is_below_its_bound: [[LAW, 3, Fraction(1, 12)], [LAW, 3, Fraction(0)], [NGramLaw(9, 5), 5, Fraction(0)]],
    loss.is_no_rung: [[KERNEL, (), (1,)], [KERNEL, (1,), (1, 2)], [IDLE, (), (1,)]],
    escape.fails_on_rational_kernels: [[derivative, 2, 3, 0]],
    escape.is_not_negative: [[KERNEL, LAGS, 2]],
    variants.gradient_stays: [[KERNEL, LAGS], [KERNEL, (2,)]],
    variants.do_not_rise: [[[(16, 256), (64, 4096)]]],
    variants.stays_above_half: [[SETTINGS, GROWING, variants.output_gap], [SETTINGS, GROWING, variants.slope_in_A]],
    plateaus.fails_again: [[no_stages, 0, ["on a level", "in stages"]]],
    frequency.fails_by_the_network: [
        [LAW, PLUS, lambda effect: effect.slope < 0 < effect.gain],
        [LAW, PLUS, lambda effect: effect.corpus == 0],
    ],
    frequency.slope_stays: [[KERNEL, k] for k in (1, 2, 3)],
    frequency_numbers.is_not_nearer: [[frequency_numbers.POINTS[-1], saturated_network, 0]],
    frequency_numbers.has_another_rate: [[32, 0]],
    agreement.disagree: [[*differ, "closed_form", Options()], [*differ, "enumeration", Options()]],
    second_computations.is_no_moment: [[*moment, 2 / 7, 1e-12]],
    second_computations.is_no_norm: [[LAW, FINITE, 5, name, norm, ROUNDING] for name, norm in NORMS.items()],
    second_computations.is_wrong_width: [[LAW, FINITE, 5, WIDTH]],
}

# recheck -> values that are one: a recheck that never says yes would refute nothing
HARMFUL: dict[Callable[..., bool], list[list[object]]] = {
    gradient_flow.off_again: [[FLOW, partial(Runs.growth_checks, share=1 / 2), "growth of the stay at theta_1"]],
    identities.is_beyond_the_bound: [[X, Q, LAGS, Fraction(1)]],
    identities.violates_the_condition: [values(BROKEN_SPACE)] if BROKEN_SPACE else [],
    fixed_length.is_nonzero_limit: [[LAW, INFINITE, 4, WHERE, LIMIT]],
    finite_length_blocks.is_beyond_phi: [[LAW, FINITE, 5, (0, 1), SMALL]],
    finite_length_blocks.is_beyond_phi_given_kernel: [[KERNEL, ZEROS, FINITE, 6, (0, 1), SMALL]],
    finite_length.is_beyond_type_one: [[SWITCH.kernel(), (0, 0), LAGS, Fraction(50), 50, 0, SMALL]],
    infinite_bounds.is_beyond_limit: [[REPEATS, LAGS, Q, (0, 0), Fraction(1, 2)]],
    merged.is_nonzero_mean: [[SETTINGS, 1, POINTS, MEAN, ERROR]],
    merged.is_nonzero_enclosure: [[bigram_enclosure(Fraction(1)), SETTINGS]],
    merged.is_nonzero_and_met: [[trigram_enclosure(), SETTINGS, POINTS]],
    averaged_positions.is_beyond: [[[(X, Fraction(1))], 3, LAGS, Q, (0, 1), Fraction(0)]],
    paths.rises: [[3, 1, (10**6, SMALL), (10**12, SMALL)]],
    saddle.has_no_mixed_derivative: [[IDLE, LAGS]],
    too_small.is_above_gamma: [[adversaries.two_regimes(Fraction(1, 30)), 32]],
    too_small.is_beyond_stationary: [[LATE, (1, 1), LAGS, Fraction(100), 4, (2, 1), SMALL]],
    too_small.is_likelier_than_half: [[WALK, (2, 0)]],
    loss.is_no_rung: [[IDLE, (1,), (1, 2)]],
    escape.fails_on_rational_kernels: [[doubled_derivative, 2, 3, 0]],
    escape.is_not_negative: [[IDLE, LAGS, 2]],
    frequency.fails_by_the_network: [
        [LAW, PLUS, lambda effect: effect.corpus < 0],
        [LAW, PLUS, lambda effect: 2 * effect.previous <= effect.slope],
        [NGramLaw(2, 2, Fraction(1, 1000)), FREQUENT, lambda effect: effect.slope < 0 < effect.gain],
    ],
    frequency_numbers.is_not_nearer: [[frequency_numbers.POINTS[-1], padded_network, 0]],
    variants.do_not_rise: [[[(16, 50), (64, 50)]], [[(16, 256), (64, 4096), (128, 4096)]]],
    variants.stays_above_half: [[SETTINGS, FIXED, variants.output_gap]],
    second_computations.is_no_moment: [[*moment, 2.0001 / 7, 1e-12]],
    second_computations.is_no_norm: [[LAW, FINITE, 5, name, 1.001 * norm, ROUNDING] for name, norm in NORMS.items()],
    second_computations.is_wrong_width: [[LAW, FINITE, 5, WIDTH / 2], [LAW, FINITE, 5, WIDTH * 2]],
}


def cases(table: dict[Callable[..., bool], list[list[object]]]) -> list[object]:
    return [
        pytest.param(recheck, given, id=f"{recheck.__name__}-{i}")
        for recheck, several in table.items()
        for i, given in enumerate(several)
    ]


def test_bounds_that_hold_everywhere_would_be_seen_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """With bounds of 0 in the second computation, as no true bound is exceeded."""
    monkeypatch.setattr(finite, "gamma", lambda S, q, L: Fraction(0))
    monkeypatch.setattr(finite, "mixing", lambda rows, n, L, T: Fraction(0))
    monkeypatch.setattr(finite, "phi_above", lambda x: Fraction(0))
    assert mixing.is_beyond_mixing(KERNEL, 3, LAGS, Q, 6, (0, 0)) is True
    assert infinite_bounds.is_beyond_norm(KERNEL, LAGS, Q) is True
    assert finite_length_blocks.is_beyond_full_context(NGramLaw(2, 2), FINITE, 6, (0, 0)) is True


@pytest.mark.parametrize(("recheck", "given"), cases(HARMLESS))
def test_a_recheck_says_no_to_what_is_no_counterexample(recheck: Callable[..., bool], given: list[object]) -> None:
    assert recheck(*given) is False


@pytest.mark.parametrize(("recheck", "given"), cases(HARMFUL))
def test_a_recheck_says_yes_to_a_counterexample(recheck: Callable[..., bool], given: list[object]) -> None:
    assert recheck(*given) is True


def test_no_counterexample_is_left_out() -> None:
    """In the source, the recheck of each `Counterexample(values, recheck)` is `partial` of a function listed above."""
    found = set()
    for path in Path(sub_ngrams.__file__).parent.rglob("*.py"):
        if path.parent.name == "near_stationary":  # no claim of the paper: see test_stationary
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Counterexample":
                recheck = node.args[1]
                assert isinstance(recheck, ast.Call) and ast.unparse(recheck.func) == "partial", ast.unparse(node)
                found.add(ast.unparse(recheck.args[0]))
    assert found == {recheck.__name__ for recheck in HARMLESS}
