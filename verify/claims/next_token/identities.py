"""NT1-NT6 and NT7i: what holds for all scores, as identities of rational functions."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from proofs import identities
from proofs.next_token import gradient
from proofs.next_token.closed_form import uniform_feed_forward_loss
from verify.claim import Certificate, Evidence, Finding, Run, decide
from verify.claims.next_token.settings import NextTokenSettings

MAX_TOKENS = 6  # different tokens in a sentence, in proofs: beyond, nothing new happens and polynomials get long

LOGITS = 3  # rows of a free W_ov: the next token and two others

# Checked position by position; all other sentences through their counts.
SENTENCES = ((0, 1), (1, 0, 0), (0, 1, 2), (1, 0, 1, 2))


def _largest(settings: NextTokenSettings) -> int:
    """The number of different tokens in the longest sentence, at least 4 and at most MAX_TOKENS."""
    sizes = (len(sentence.counts) for dataset in settings.datasets for sentence in dataset.longer)
    return min(MAX_TOKENS, max(4, *sizes))


def _prove(
    scope: str,
    residuals: dict[str, list[sp.Expr]],
    certificate: Certificate,
    *,
    signs: dict[str, bool] | None = None,
    footnote: str = "",
) -> Finding:
    """VERIFIED if all residuals are identically 0 and all sign conditions hold."""
    zero = identities.decide(
        scope,
        (
            (f"{name}[{i}]", gradient.numerator(value))
            for name, values in residuals.items()
            for i, value in enumerate(values)
        ),
    )
    signs = signs or {}
    wrong = [name for name, holds in signs.items() if holds is not True]
    return decide(
        zero.hold and not wrong,
        evidence=Evidence.PROOF,
        scope=scope,
        instances=zero.checked + len(signs),
        found=f"residual {0 if zero.hold else 'not 0'}" if not wrong else f"sign of {wrong[0]}",
        predicted="0",
        details={"identities": zero.checked, "signs": len(signs), "first_failure": zero.counterexample},
        footnote=footnote,
        certificate=certificate,
    )


def _sizes(settings: NextTokenSettings) -> Certificate:
    """For which sentences a proof under W_ov = beta W_ov* stands."""
    return Certificate({"tokens": _largest(settings)})


def _for_sizes(settings: NextTokenSettings, *functions: Callable[[int], list[sp.Expr]]) -> dict[str, list[sp.Expr]]:
    sizes = range(2, _largest(settings) + 1)
    return {f"{function.__name__}({m})": function(m) for function in functions for m in sizes}


def gradients(settings: NextTokenSettings, run: Run) -> Finding:
    explicit = {f"sentence {tokens}": gradient.gradient_residuals(tokens) for tokens in SENTENCES}
    return _prove(
        f"all W_ov, W_kq, counts; 2..{_largest(settings)} tokens, {LOGITS} logits",
        explicit | _for_sizes(settings, gradient.counted_gradient_residuals, gradient.mean_form_residuals),
        Certificate({"tokens": _largest(settings), "logits": LOGITS, "sentences": SENTENCES}),
    )


def conserved(settings: NextTokenSettings, run: Run) -> Finding:
    return _prove(
        f"all W_ov, W_kq; sentences of 2..{_largest(settings)} tokens",
        _for_sizes(settings, gradient.column_sum_residuals),
        Certificate({"tokens": _largest(settings), "logits": LOGITS}),
        footnote="NT2: the formula of NT1 has no term for a token outside the sentence: its score never moves.",
    )


def optimal_token(settings: NextTokenSettings, run: Run) -> Finding:
    sizes = range(2, _largest(settings) + 1)
    return _prove(
        f"all scores, counts, beta > 0, V; 2..{sizes[-1]} tokens",
        _for_sizes(settings, gradient.aligned_output_residuals),
        _sizes(settings),
        signs={f"{m} tokens": gradient.optimal_descends(m) for m in sizes},
    )


def sign_lemma(settings: NextTokenSettings, run: Run) -> Finding:
    return _prove(
        f"all scores, counts, beta > 0, V; 2..{_largest(settings)} tokens",
        _for_sizes(settings, gradient.aligned_output_residuals, gradient.sign_lemma_residuals),
        _sizes(settings),
    )


def correlation_lemma(settings: NextTokenSettings, run: Run) -> Finding:
    return _prove(
        f"all scores, counts, beta > 0, V; 2..{_largest(settings)} tokens",
        _for_sizes(settings, gradient.correlation_residuals),
        _sizes(settings),
        footnote="NT5: over sentences, <-grad L, W> >= sum pi S and |grad L| <= sum pi |G| <= sqrt 2 sum pi S.",
    )


def infimum(settings: NextTokenSettings, run: Run) -> Finding:
    sizes = range(2, _largest(settings) + 1)
    rises = {
        f"{m} tokens": all(map(gradient.is_positive, gradient.others_rise(gradient.SentenceSymbols(m)))) for m in sizes
    }
    return _prove(
        f"all scores, counts, beta > 0, V; 2..{sizes[-1]} tokens",
        _for_sizes(settings, gradient.infimum_residuals) | {"tail": gradient.tail_residuals()},
        _sizes(settings),
        signs=rises,
    )


def feed_forward_ray(settings: NextTokenSettings, run: Run) -> Finding:
    found = _prove("all V, N, step sizes and times", {"ray": gradient.ray_residuals()}, Certificate({}))
    losses = {
        dataset.name: [uniform_feed_forward_loss(dataset, settings.eta, t) for t in (0, 1, 10)]
        for dataset in settings.datasets
    }
    return decide(
        found.verdict == "VERIFIED",
        evidence=Evidence.PROOF,
        scope=found.scope,
        instances=found.instances,
        found=found.found,
        predicted=found.predicted,
        details={**found.details, "losses_at_t_0_1_10": losses},
        certificate=found.certificate,
    )
