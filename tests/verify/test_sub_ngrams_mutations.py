"""Every claim on sub-n-grams turns when its mathematics is broken, and what is exactly false ends REFUTED."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from scipy.special import rel_entr

from numerics.sub_ngrams import escape_race, hessian, integration, kernel_rules, monte_carlo, soft_heads
from numerics.sub_ngrams.kernel_rules import Nodes
from proofs.sub_ngrams import (
    annealed_limit,
    derivation,
    enumeration,
    escape,
    estimator,
    infinite_length,
    ladder,
    merged_limit,
    network_condition,
    prior,
    saddle,
    sufficient_condition,
)
from proofs.sub_ngrams.escape import first_derivative, kernel_on_lags
from proofs.sub_ngrams.infinite_length import random_kernel, stationary_weights
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.merged_limit import Enclosure
from proofs.sub_ngrams.score import score
from proofs.sub_ngrams.score_blocks import ParameterGradient, ScoreBlocks
from verify.claim import Result, Verdict
from verify.papers.sub_ngrams import PAPER, fixed_length, loss, second_computations, variants
from verify.papers.sub_ngrams import escape as escape_claims
from verify.papers.sub_ngrams import identities as identities_claims
from verify.papers.sub_ngrams.engines import Engine
from verify.runner import run_claims, select_claims
from verify.settings import read_words, validate


def run(words: str, *select: str) -> list[Result]:
    settings = validate(PAPER.settings, read_words(words.split()))
    return run_claims(select_claims(PAPER.claims, select, ()), settings)


def negated_rho(*args: Any) -> list[Fraction]:
    return [-g for g in score(*args)]


def zeros(engine: Engine, law: Any, configuration: Any, T: int, options: Any = None) -> ScoreBlocks:
    return ScoreBlocks.from_nested([[[[Fraction(0)] * law.S] * law.S] * law.n] * law.n)


def times(factor: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: factor * function(*args, **kwargs)


def uniform_weights(kernel: Any) -> Any:
    return dict.fromkeys(stationary_weights(kernel), 1)


def weighted(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A rule whose weights are 1.0001 times as large."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        found = rule(*args, **kwargs)
        nodes = found[0] if isinstance(found, tuple) else found
        if nodes is None:
            return None
        heavy = Nodes(nodes.kernels, nodes.weights * 1.0001)
        return (heavy, *found[1:]) if isinstance(found, tuple) else heavy

    return broken


def larger(name: str) -> Callable[..., Any]:
    """Norms of which one is 1.001 times as large."""
    true = ParameterGradient.norms

    def broken(gradient: ParameterGradient, c: float) -> dict[str, float]:
        norms = true(gradient, c)
        norms[name] *= 1.001
        return norms | {"total": math.hypot(*(norms[group] for group in "QKVA"))}

    return broken


def with_alpha_and_one(mean: Callable[..., Any]) -> Callable[..., Any]:
    return lambda law, *args, **kwargs: mean(replace(law, alpha=law.alpha + 1), *args, **kwargs)


def coin(words: dict[Any, Any], lags: tuple[int, ...]) -> dict[Any, Any]:
    """A next token that nothing tells about, of one context."""
    one = sum(words.values()) / sum(words.values())
    return {((0,) * len(lags), s): one / 2 for s in range(2)}


def with_relative_entropies_exchanged(coarse: Any, fine: Any, lags: Any, finer: Any) -> bool:
    """Whether the gap is sum P(h, v) KL( P(. | h) || P(. | h, v) ): as gap_is_information, in floats; not that of a
    generic kernel.
    """
    if not all(isinstance(p, Fraction) for p in fine.values()):
        return False
    P_fine, P_coarse = ladder.marginal(fine), ladder.marginal(coarse)
    gap = exchanged = 0.0
    for (h, s), p in fine.items():
        g = ladder.restrict(h, finer, lags)
        ratio = math.log(p * P_coarse[g] / (P_fine[h] * coarse[g, s]))
        gap += p * ratio
        exchanged -= P_fine[h] * coarse[g, s] / P_coarse[g] * ratio
    return abs(gap - exchanged) < 1e-12


def uneven(kernel: Any) -> dict[Any, Any]:
    """Weights of words that are no stationary chain's."""
    true = escape.word_weights(kernel)
    return {word: x * (1 + word[-1]) for word, x in true.items()}


def doubled_blocks(*given: Any) -> dict[Any, Any]:
    return {
        pair: tuple(tuple(2 * x for x in row) for row in block)
        for pair, block in infinite_length.limit_blocks(*given).items()
    }


true_symbolic_kernel, true_limit_blocks = infinite_length.symbolic_kernel, merged_limit.limit_blocks

MUTATIONS = [  # claim, the verdict it ends with, where, what: one formula broken at a time
    ("SN0", "REFUTED", enumeration, "score", negated_rho),
    ("SN0", "REFUTED", kernel_rules, "gauss", weighted(kernel_rules.gauss)),
    ("SN0", "REFUTED", integration, "lattices", weighted(kernel_rules.lattices)),
    ("SN0", "REFUTED", ParameterGradient, "norms", larger("Q")),
    ("SN0", "REFUTED", ParameterGradient, "norms", larger("K")),
    ("SN0", "REFUTED", ParameterGradient, "norms", larger("V")),
    ("SN0", "REFUTED", monte_carlo, "_half_widths", times(0.5, monte_carlo._half_widths)),
    ("SN1", "REFUTED", derivation, "score_derivative", times(2, derivation.score_derivative)),
    ("SN2", "REFUTED", derivation, "score_sums", lambda x, g, S, n, heads: [[[[g[0]] * S] * S] * n] * n),
    ("SN3", "UNDECIDED", estimator, "matched_followers", lambda x, S, lags: [1] * S),  # the recheck knows better
    ("SN3", "UNDECIDED", estimator, "bound_is_proved", lambda constant: False),
    ("SN3c", "UNDECIDED", estimator, "matched_followers", lambda x, S, lags: [0] * S),
    ("SN4", "REFUTED", sufficient_condition, "conditional", lambda weights, taus: list(taus[0])),
    ("SN4c", "UNDECIDED", sufficient_condition, "_centred", lambda p, y: [0 * y_s for y_s in y]),
    ("SN4n", "REFUTED", network_condition, "word_weights", uneven),
    ("SN4n", "REFUTED", network_condition, "image", lambda X, slots: {
        (slots.get(a, 0), v): x for (a, v), x in X.items()
    }),
    ("SN5", "REFUTED", infinite_length, "stationary_weights", uniform_weights),
    ("SN6", "REFUTED", infinite_length, "stationary_weights", uniform_weights),
    ("SN8", "VERIFIED", Engine, "compute", zeros),
    ("SN8", "UNDECIDED", fixed_length, "enumeration", lambda law, configuration, T: zeros(None, law, configuration, T)),  # type: ignore[arg-type] # the engine is not read
    ("SN9", "UNDECIDED", annealed_limit, "limit_blocks", lambda kernel, lags, q, pairs: {
        pairs[0]: [[0 * kernel[0][0]] * 2] * 2
    }),
    ("SN9", "UNDECIDED", annealed_limit, "prior_mean", with_alpha_and_one(annealed_limit.prior_mean)),
    ("SN9", "UNDECIDED", merged_limit, "limit_blocks", lambda kernel, *given: (
        true_limit_blocks(kernel[::-1], *given)
    )),
    ("SN9", "UNDECIDED", merged_limit, "trigram_enclosure", lambda: Enclosure(Fraction(1, 103), Fraction(1, 102))),
    ("SN10", "UNDECIDED", loss, "absent_probability", lambda law, T: Fraction(0)),
    ("SN10", "UNDECIDED", loss, "positive_at_every_length", lambda law: False),
    ("SN11", "REFUTED", infinite_length, "symbolic_kernel", lambda S, n: kernel_on_lags(
        S, n, (1,), true_symbolic_kernel(S, 2)
    )),
    ("SN11", "UNDECIDED", ladder, "joint_law", coin),
    ("SN11", "UNDECIDED", ladder, "gap_is_information", with_relative_entropies_exchanged),
    ("SN11", "UNDECIDED", ladder, "information", lambda p, q: rel_entr(q, p)),
    ("SN11", "UNDECIDED", ladder, "entropies", lambda kernel, several: [
        sum(rel_entr(contexts[h], p) for (h, _), p in law.items())
        for law in (ladder.joint_law(ladder.word_law(kernel), lags) for lags in several)
        for contexts in [ladder.marginal(law)]
    ]),
    ("SN11", "UNDECIDED", ladder, "entropy", times(-1, ladder.entropy)),
    ("SN11", "UNDECIDED", ladder, "entropy", times(1.001, ladder.entropy)),
    ("SN11", "UNDECIDED", prior, "prior_mean", with_alpha_and_one(prior.prior_mean)),
    ("SN12", "REFUTED", escape, "first_derivative", lambda words, feature: first_derivative(words, feature, 2)),
    ("SN12", "UNDECIDED", escape_race, "race", lambda *given: {
        feature: replace(average, mean=average.mean * 1.001) for feature, average in true_race(*given).items()
    }),
    ("SN12", "UNDECIDED", hessian, "predicted_eigenvalues", times(1.001, hessian.predicted_eigenvalues)),
    ("SN13", "REFUTED", infinite_length, "stationary_weights", uniform_weights),
    ("SN14", "UNDECIDED", variants, "output_gap", lambda settings, T, c_A, seed: (math.nan, 0.0)),
    ("SN14", "REFUTED", variants, "output_gap", lambda settings, T, c_A, seed: (1.0, 0.01)),
    ("SN14", "UNDECIDED", variants, "slope_in_A", lambda settings, T, c_A, seed: (math.nan, 0.0)),
    ("SN14", "REFUTED", soft_heads, "norms_in_A", lambda network, x, P: P.sum(1)),
    ("SN14c", "UNDECIDED", variants, "do_not_rise", lambda powers: False),
    ("SN23", "REFUTED", saddle, "limit_blocks", doubled_blocks),
    ("SN23", "UNDECIDED", saddle, "entry_that_stays", lambda kernel, lags: None),
    ("SN23c", "VERIFIED", saddle, "entry_that_stays", lambda kernel, lags: (0, 0, Fraction(1))),
    ("SN23c", "UNDECIDED", saddle, "loss_along", lambda words, lags, *entry: true_loss_along(
        {word: 1 + sum(word) for word in words}, lags, *entry
    )),
]  # fmt: skip

true_race, true_loss_along = escape_race.race, saddle.loss_along


@pytest.mark.parametrize(
    ("id", "verdict", "place", "name", "broken"), MUTATIONS, ids=[f"{id}-{name}" for id, _, _, name, _ in MUTATIONS]
)
def test_a_broken_formula_turns_its_claim(
    monkeypatch: pytest.MonkeyPatch, id: str, verdict: str, place: Any, name: str, broken: Any
) -> None:
    used = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        used.append(name)
        return broken(*args, **kwargs)

    monkeypatch.setattr(place, name, noted)
    (result,) = run("k=2 n=3", id)
    assert used, "the mutation is where nothing looks"
    assert not result.as_expected and result.verdict == verdict
    assert result.finding.reason or result.verdict is not Verdict.UNDECIDED


def test_moments_notice_a_rule_that_no_engine_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """SN0 does not end REFUTED above only because engines, which take the same rules, differ."""
    law = NGramLaw(2, 3)
    assert second_computations.moments(law).off is None
    monkeypatch.setattr(kernel_rules, "gauss", weighted(kernel_rules.gauss))
    wrong = second_computations.moments(law).off
    assert wrong is not None and wrong.recheck()


def test_without_lags_a_derivative_that_is_not_0_refutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of SN2 at lag 1, of a network that has none."""
    true = derivation.chain_rule
    monkeypatch.setattr(derivation, "chain_rule", lambda S, n, T, lags: _with_a_residual(true(S, n, T, lags)))
    for result in run("k=1 n=3", "SN7", "SN8"):
        assert result.verdict is Verdict.REFUTED


def _with_a_residual(proof: Any) -> Any:
    return replace(proof, failed=1, counterexample="dl/dQ: residual 1")


@pytest.mark.parametrize("which", [0, 1, 2])
def test_other_sets_of_lags_are_looked_at_on_every_kernel(monkeypatch: pytest.MonkeyPatch, which: int) -> None:
    """A degree of 0 on one of the three, in the part of SN6; the recheck looks at the value at infinity too."""
    true, seen = variants.highest_degree, []

    def broken(kernel: Any, lags: Any) -> float:
        seen.extend([] if kernel in seen else [kernel])
        return 0 if kernel == seen[min(which, len(seen) - 1)] and len(seen) > which else true(kernel, lags)

    monkeypatch.setattr(variants, "highest_degree", broken)
    (result,) = run("k=2 n=3", "SN13")
    assert len(seen) == 3 and result.verdict is Verdict.UNDECIDED


def test_a_smaller_constant_in_the_bound_is_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    true = identities_claims._estimator
    monkeypatch.setattr(identities_claims, "_estimator", lambda settings, _: true(settings, Fraction(19, 10)))
    (result,) = run("k=2 n=3", "SN3")
    assert result.verdict is Verdict.REFUTED and result.finding.details["counterexample"]["x"]


def test_a_kernel_that_ignores_a_lag_refutes_the_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = kernel_on_lags(2, 3, (1,), random_kernel(2, 2, random.Random(0)))
    monkeypatch.setattr(loss, "rational_kernels", lambda S, n, count, seed: [idle])
    (result,) = run("k=2 n=3", "SN11")
    assert result.verdict is Verdict.REFUTED
    assert result.finding.details["counterexample"]["finer"] == (1, 2)


def test_a_kernel_that_ignores_a_lag_does_not_decide_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """SN12 says "unless the next token is independent of that lag"."""
    idle = kernel_on_lags(3, 3, (1,), random_kernel(3, 2, random.Random(0)))
    monkeypatch.setattr(escape_claims, "rational_kernels", lambda S, n, count, seed: [idle])
    (result,) = run("k=2 n=3 S=3", "SN12")
    assert result.verdict is Verdict.UNDECIDED and "does not depend on lag 2" in result.finding.reason


def test_a_residual_refutes_with_every_lag_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    true = infinite_length.limit_blocks
    monkeypatch.setattr(infinite_length, "limit_blocks", lambda *given: {**true(*given), (0, 0): [[Fraction(1)]]})
    (result,) = run("k=3 n=3", "SN9")
    assert result.verdict is Verdict.REFUTED
