"""NT1-NT6 and NT7i: what holds for all scores, as identities of rational functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from verify.claim import Certificate, Counterexample, Evidence, Finding, Run, decide
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.settings import NextTokenSettings

if TYPE_CHECKING:
    import sympy as sp

    from proofs.next_token.points import Point

Named: TypeAlias = "Mapping[str, Sequence[sp.Expr]]"

MAX_TOKENS = 6  # different tokens in a sentence, in proofs: beyond, nothing new happens and polynomials get long

LOGITS = 3  # rows of a free W_ov: the next token and two others
ROWS = "rows of W_ov (the next token and two others)"

# Checked position by position; all other sentences through their counts.
SENTENCES = ((0, 1), (1, 0, 0), (0, 1, 2), (1, 0, 1, 2))


def _largest(settings: NextTokenSettings) -> int:
    """The number of different tokens in the longest sentence, at least 4 and at most MAX_TOKENS."""
    return min(MAX_TOKENS, max(4, _longest(settings)))


def _longest(settings: NextTokenSettings) -> int:
    return max(len(sentence.counts) for dataset in settings.datasets for sentence in dataset.longer)


def _tokens(settings: NextTokenSettings) -> str:
    """How many different tokens the sentences of the proof have; and those of the data, where they have more."""
    more = f" (the data: up to {_longest(settings)})" if _longest(settings) > MAX_TOKENS else ""
    return f"2..{_largest(settings)} tokens{more}"


def _prove(
    scope: str,
    residuals: Named,
    certificate: Certificate,
    *,
    positive: Named | None = None,
    footnote: str = "",
) -> Finding:
    """VERIFIED if all residuals are identically 0, and what must be positive has positive coefficients only.

    REFUTED at the first point, of rational numbers, where a residual is not 0 or something positive is not.
    """
    from proofs.next_token.quotients import is_positive, numerator

    zero, above = _labelled(residuals), _labelled(positive or {})
    broken = {label: e for label, e in zero.items() if numerator(e) != 0}
    unclear = {label: e for label, e in above.items() if not is_positive(e)}
    counterexample = next(
        filter(
            None,
            [
                *(_failure(label, e, is_not_zero, "identity", "residual") for label, e in broken.items()),
                *(_failure(label, e, is_not_positive, "positive", "value") for label, e in unclear.items()),
            ],
        ),
        None,
    )
    wrong = [*broken, *unclear]
    return decide(
        not wrong,
        evidence=Evidence.PROOF,
        scope=scope,
        instances=len(zero) + len(above),
        found=f"{len(zero) - len(broken)} of {len(zero)} identities hold"
        + (f"; {len(above) - len(unclear)} of {len(above)} expressions positive" if above else ""),
        predicted="all hold",
        counterexample=counterexample,
        details={"identities": len(zero), "signs": len(above)},
        footnote=footnote,
        certificate=certificate,
        undecided=f"no rational point was found at which {wrong[0]} fails, though its coefficients do not show it"
        if wrong
        else "",
    )


def _labelled(named: Named) -> dict[str, sp.Expr]:
    import sympy as sp

    return {f"{name}[{i}]": sp.sympify(e) for name, expressions in named.items() for i, e in enumerate(expressions)}


def _failure(
    label: str, expression: sp.Expr, fails: Callable[[sp.Expr, Point], bool], what: str, number: str
) -> Counterexample | None:
    """A point at which the expression is not as it should be, found on one fraction in its place; the value there."""
    import sympy as sp

    from proofs.next_token.points import find_point, value_at
    from proofs.next_token.quotients import numerator

    if what == "identity":
        point = find_point(numerator(expression), expression.free_symbols, lambda value: value != 0)
    else:
        point = find_point(sp.together(expression), expression.free_symbols, lambda value: value <= 0)
    if point is None:
        return None
    values = {
        what: label,
        number: str(value_at(expression, point)),
        "point": {str(symbol): str(value) for symbol, value in point.items()},
    }
    return Counterexample(values, partial(fails, expression, point))


def is_not_zero(expression: sp.Expr, point: Point) -> bool:
    """Calculated in plain rationals, from the residual as it stands."""
    from proofs.next_token.points import value_at

    return value_at(expression, point) != 0


def is_not_positive(expression: sp.Expr, point: Point) -> bool:
    from proofs.next_token.points import value_at

    return value_at(expression, point) <= 0


def _sizes(settings: NextTokenSettings) -> Certificate:
    """For which sentences a proof under W_ov = beta W_ov* stands."""
    return Certificate({"tokens": _largest(settings)})


def _for_sizes(settings: NextTokenSettings, *functions: Callable[[int], list[sp.Expr]]) -> dict[str, list[sp.Expr]]:
    sizes = range(2, _largest(settings) + 1)
    return {f"{function.__name__}({m})": function(m) for function in functions for m in sizes}


@claim("NT1", "gradients of a sentence")
def gradients(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] With phi the attention, c = X phi and r = e_n - p: dl/dW_ov = -r c^T and dl/dW_kq = -X (diag phi - phi phi^T)
    X^T W_ov^T r x_L^T; in token masses, a_x sum_y a_y (g_x - g_y) with g = -W_ov^T r.

    Derivatives of the loss minus these formulas, as rational functions of all entries, are 0.
    """
    from proofs.next_token import gradient

    explicit = {f"sentence {tokens}": gradient.gradient_residuals(tokens) for tokens in SENTENCES}
    return _prove(
        f"all W_ov, W_kq, counts; {_tokens(settings)}, {LOGITS} {ROWS}",
        explicit | _for_sizes(settings, gradient.counted_gradient_residuals, gradient.mean_form_residuals),
        Certificate({"tokens": _largest(settings), "logits": LOGITS, "sentences": SENTENCES}),
    )


@claim("NT2", "what never moves", requires=("NT1",))
def conserved(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] The columns of the gradients in W_kq and W_ov sum to 0, and entry (x, q) of the gradient in W_kq is 0 if no
    sentence holds x together with the query q: unseen scores stay exactly 0.

    The sums of the columns, and the derivatives in the entries of a token that no sentence holds, as rational
    functions.
    """
    from proofs.next_token import gradient

    return _prove(
        f"all W_ov, W_kq, counts; sentences of {_tokens(settings)}, one more unseen, {LOGITS} {ROWS}",
        _for_sizes(settings, gradient.column_sum_residuals, gradient.unseen_residuals),
        Certificate({"tokens": _largest(settings), "logits": LOGITS}),
        footnote="gradients of datasets are positive combinations of these, and descent starts from 0.",
    )


@claim("NT3", "optimal token always rises", requires=("NT1",), assumptions=(ALIGNED,))
def optimal_token(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] With W_ov = beta W_ov* the gradient in the score of the optimal token is negative, for all scores.

    The entry of the gradient, negated, is a quotient of polynomials with positive coefficients.
    """
    from proofs.next_token import gradient

    return _prove(
        f"all scores, counts, beta > 0, V; {_tokens(settings)}",
        _for_sizes(settings, gradient.aligned_output_residuals),
        _sizes(settings),
        positive=_for_sizes(settings, gradient.descent_of_optimal),
    )


@claim("NT4", "sign lemma", requires=("NT1",), assumptions=(ALIGNED, "dominance: a_optimal >= a_x"))
def sign_lemma(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] If no token of the sentence has more attention than the optimal one, the gradient in the score of every other
    token x is at least beta a_x p_{n(x)} > 0.

    An identity for the slack of the entry, with positive coefficients in what the optimal token has more than the
    others.
    """
    from proofs.next_token import gradient

    return _prove(
        f"all scores, counts, beta > 0, V; {_tokens(settings)}; a_optimal >= a_x",
        _for_sizes(settings, gradient.aligned_output_residuals, gradient.sign_lemma_residuals),
        _sizes(settings),
        positive=_for_sizes(settings, gradient.slack_under_dominance),
    )


@claim(
    "NT5",
    "correlation lemma",
    requires=("NT4",),
    assumptions=(ALIGNED, "dominance: a_optimal >= a_x in every sentence"),
)
def correlation_lemma(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] Under dominance in every sentence, <-grad L, W> >= |grad L| / sqrt 2 for every W with margins >= 1.

    The identities of NT2 and NT4, and both inequalities as sums of terms that are not negative.
    """
    from proofs.next_token import gradient

    return _prove(
        f"all scores, counts, beta > 0, V; {_tokens(settings)}, any number of sentences; a_optimal >= a_x in each",
        _for_sizes(
            settings, gradient.sign_lemma_residuals, gradient.column_sum_residuals, gradient.correlation_residuals
        ),
        _sizes(settings),
        positive=_for_sizes(settings, gradient.slack_under_dominance, gradient.correlation_slacks),
        footnote="with G the gradient of a sentence in the scores, S its entries for non-optimal tokens, summed:\n"
        "<-grad L, W> >= sum pi S and |grad L| <= sum pi |G| <= sqrt 2 sum pi S.",
    )


@claim("NT7i", "infimum of the loss", assumptions=(ALIGNED,))
def infimum(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] With W_ov = beta W_ov* the infimum of the loss of stage 2 over W_kq is L* = sum_X pi(X) log(1 + (V-1)
    e^-beta).

    Logits are bounded below by -beta, and tend to it in all sentences at once along a ray.
    """
    from proofs.next_token import gradient

    return _prove(
        f"all scores, counts, beta > 0, V; {_tokens(settings)}",
        _for_sizes(settings, gradient.infimum_residuals) | {"tail": gradient.tail_residuals()},
        _sizes(settings),
        positive=_for_sizes(settings, gradient.rises_of_others),
        footnote="it is approached in all sentences at once, since the order of a query has no cycle.",
    )


@claim("NT6", "stage 1 with equal weights")
def feed_forward_ray(settings: NextTokenSettings, run: Run) -> Finding:
    """[D] W_ov* = sum_x (e_{n(x)} - 1/V) x^T with |W_ov*|^2 = N (V-1)/V for N collocations; with all weights 1
    normalised gradient descent is on its ray from the first step, and the loss is N log(1 + (V-1) e^(-eta t/|W_ov*|)).

    Margins, dual values, norm, and gradient and loss along the ray, as identities in V and N.
    """
    from proofs.next_token import gradient

    return _prove(
        "all V, N, step sizes and times; weights 1",
        {"ray": gradient.ray_residuals()},
        Certificate({}),
        positive={"kappa": [gradient.ray_speed()]},
    )
