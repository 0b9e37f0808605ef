"""Claims that are false. Each is refuted by an explicit example, which a second computation of another kind re-checks.

The examples have their own step size and length of training, so that they do not depend on the settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise

from flint import arb

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import NAMED, from_optimal
from proofs.next_token.max_margin import MarginCertificate, attention_problems
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.rates import DRIFT_RESOLUTION, SLOPE_RESOLUTION, SUBLINEAR_RESOLUTION
from verify.papers.next_token.settings import NextTokenSettings

OVERSTEP = 1.2  # NT7c: the step size, in units of the threshold
ETA, BETA, T = 0.5, 3.0, 4000


@claim("NT4c", "sign lemma, no dominance (control)", requires=("NT1",), origin=Origin.CONTROL)
def sign_lemma_without_dominance(settings: NextTokenSettings, run: Run) -> Finding:
    """The gradient in the score of every non-optimal token x is at least beta a_x p_{n(x)}, also when the optimal token
    has less attention than another.

    In the sentence X = [0, 2, 1, 1, 1] token 2 is pushed up.
    """
    beta, tokens, token = 20, (0, 2, 1, 1, 1), 2
    masses = {x: Fraction(tokens.count(x), len(tokens)) for x in sorted({*tokens})}
    exponentials = {x: _arb(beta * mass).exp() for x, mass in masses.items()}
    total = sum(exponentials.values(), arb(2))  # n leaves two more rows of the logits, at exp(0)
    p = {x: e / total for x, e in exponentials.items()}
    mean = sum((_arb(masses[x]) * p[x] for x in masses), arb(0))
    # NT4's identity: G_2 = beta a_2 (p_2 + a_0 - sum a p)
    entry = beta * _arb(masses[token]) * (p[token] + _arb(masses[0]) - mean)
    false = bool(entry < 0)
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.ENCLOSURE,
        scope="X=[0,2,1,1,1], q=1, optimal 0, n=(1,2,3,4,0), beta=20, W_kq=0",
        instances=1,
        found=f"the gradient in the score of token {token} is {float(entry.mid()):.4f}",
        predicted="below 0",
        counterexample=Counterexample(
            {"sentence": "0 2 1 1 1", "token": token, "entry": entry.str(10)},
            partial(is_pushed_to, float(entry.mid()), tokens, token, beta),
        )
        if false
        else None,
        undecided="the entry of the gradient is not below 0",
    )


def is_pushed_to(value: float, tokens: Sequence[int], token: int, beta: int) -> bool:
    """Whether the gradient in the token's score is negative at W_kq = 0, and this value: from the network's formula,
    position by position, with 30 digits. The optimal token is 0, and n(x) = x + 1 in a vocabulary of 5.
    """
    from numerics.next_token import reference

    ctx = reference.context(30)
    dataset = from_optimal("sentence", (1, 2, 3, 4, 0), [(tokens, 0, 1)])
    W_ov, nothing = reference.aligned_output(dataset, beta, ctx), [[ctx.mpf(0)] * 5] * 5
    (sentence,) = dataset.longer
    entry = reference.sentence_gradient(sentence, W_ov, nothing, ctx)[token]
    return bool(entry < 0 and abs(entry - value) <= 1e-12 * abs(entry))


def _arb(x: Fraction) -> arb:
    return arb(x.numerator) / arb(x.denominator)


@claim("NT7c", "slope at every step size (control)", requires=("NT7",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def slope_at_any_step(settings: NextTokenSettings, run: Run) -> Finding:
    """log(L - L*) has the slope -eta/|W_kq*| for every step size eta.

    DS-C with a step size above the threshold: the loss falls more slowly.
    """
    from numerics.next_token.stage import aligned_output
    from numerics.next_token.training import train_attention

    dataset = NAMED["DS-C"]
    W_ov = aligned_output([dataset], BETA)
    threshold = train_attention([dataset], W_ov, 0.1, 8).predictions[0].largest_stable_eta
    training = train_attention([dataset], W_ov, OVERSTEP * threshold, 400)
    measured = training.loss_slope(0)
    predicted = training.predictions[0].loss_slope(training.step)
    ratio, error = measured.value / predicted, measured.error / abs(predicted)
    false = 1 - ratio > max(error, 10 * SLOPE_RESOLUTION)
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"DS-C, eta={training.step:.4g}, {OVERSTEP} times the threshold {threshold:.4g}; beta={BETA:g}, "
        f"t={training.T}",
        instances=1,
        found=f"the slope of log(L - L*) is {ratio:.5f} times -eta/|W_kq*|",
        predicted="less than 1",
        counterexample=Counterexample(
            {"dataset": "DS-C", "eta": training.step, "ratio": ratio}, partial(falls_at, ratio, dataset, training.step)
        )
        if false
        else None,
        undecided=f"the slope is {ratio:.5f} (estimated error {error:.0e}) of the predicted one, not clearly less",
    )


def falls_at(ratio: float, dataset: Dataset, eta: float) -> bool:
    """Whether log(L - L*) has less than the slope -eta/|W_kq*|, and about this share of it: by the slow formulas, with
    enough digits for losses of e^-300. About: from one half of the run to the next the slope still oscillates.
    """
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    again = attention_again(dataset, aligned_output([dataset], BETA)[0], eta, 150)
    share = again.slope() / (-eta / math.sqrt(sum(problem.squared_norm for problem in _solutions(dataset).values())))
    return share < 1 - 10 * SLOPE_RESOLUTION and abs(share - ratio) < abs(share - 1)


@claim("NT8c", "direction error O(1/t) (control)", requires=("NT8",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def direction_always_one_over_t(settings: NextTokenSettings, run: Run) -> Finding:
    """The direction error of attention is O(1/t) on every realizable dataset.

    DS-D: t times the direction error grows by the same amount whenever t doubles.
    """
    from numerics.next_token.stage import aligned_output
    from numerics.next_token.training import train_attention

    dataset = NAMED["DS-D"]
    training = train_attention([dataset], aligned_output([dataset], BETA), ETA, T)
    scaled = [t * training.direction_error(0, t) for t in (T // 4, T // 2, T)]
    growth, before = scaled[2] - scaled[1], scaled[1] - scaled[0]
    predicted = training.predictions[0].drift_constant(ETA) * math.log(2)
    error = 2 * abs(growth - before)  # corrections fall like 1/t
    false = abs(growth - predicted) <= error <= DRIFT_RESOLUTION * predicted
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"DS-D, eta={ETA}, beta={BETA:g}, t={T // 2}..{T}",
        instances=1,
        found=f"t times direction error grows by {growth:.4f} per doubling of t",
        predicted=f"by |u| log(2)/eta = {predicted:.4f}",
        counterexample=Counterexample(
            {"dataset": "DS-D", "growth": growth, "error": error}, partial(grows_by, growth, dataset)
        )
        if false
        else None,
        footnote="in DS-D the pair (0, 1) has dual 0 in every solution of the dual problem. Were t times the direction "
        "error bounded, its share of the gradient would stay above a positive constant, and W_t would leave "
        "the ray at linear speed.",
        undecided=f"it grows by {growth:.4f} per doubling (estimated error {error:.0e}), not by the predicted amount",
    )


def grows_by(growth: float, dataset: Dataset) -> bool:
    """Whether t times the direction error grows from doubling to doubling, each time by nearly this amount: by the slow
    formulas, with enough digits for losses of e^(-eta t). Nearer to it than to no growth.
    """
    times = (64, 128, 256)
    errors = [t * error for t, error in zip(times, _direction_errors(dataset, times), strict=True)]
    return all(abs(late - early - growth) < abs(late - early) / 10 for early, late in pairwise(errors))


@claim("NT10c", "plain descent is linear (control)", requires=("NT10",), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def plain_descent_is_linear(settings: NextTokenSettings, run: Run) -> Finding:
    """Under plain gradient descent the loss converges linearly.

    DS-A: the loss is bounded below by a multiple of 1/t.

    For one sentence with score gap m, a step changes e^m by a factor exp(2 eta |G|), |G| <= 2 beta e^-m;
    since y exp(b/y) <= y + e^b - 1 for y >= 1, e^m is at most 1 + (e^(4 eta beta) - 1) t: it grows linearly at most.
    """
    from numerics.next_token.stage import aligned_output
    from numerics.next_token.training import train_attention

    dataset = NAMED["DS-A"]
    training = train_attention([dataset], aligned_output([dataset], BETA), ETA, T, normalised=False)
    late, limit = training.sublinear_constant(0), training.predictions[0].norm ** 2
    false = late.agrees(limit, SUBLINEAR_RESOLUTION * limit)
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"DS-A, eta={ETA}, beta={BETA:g}, t={T}",
        instances=1,
        found=f"eta t (L - L*) is {late.value:.4f}",
        predicted=f"|W_kq*|^2 = {limit:g}",
        footnote="e^m <= 1 + (e^(4 eta beta) - 1) t for all t on DS-A, with m the lead of the optimal token: "
        "L - L* is at least a multiple of 1/t.",
        counterexample=Counterexample(
            {"dataset": "DS-A", "eta_t_excess": late.value}, partial(falls_like_one_over_t, late.value, dataset)
        )
        if false
        else None,
        undecided=f"eta t (L-L*) is {late.value:.4f} (estimated error {late.error:.0e}), not the predicted limit",
    )


def falls_like_one_over_t(value: float, dataset: Dataset, normalised: bool = False) -> bool:
    """Whether eta t (L - L*) is within a tenth of this value at t = 500 and at t = 1000, by the naive formulas in
    double precision: a loss that falls by a fixed factor per step is far from it.
    """
    from numerics.next_token import reference

    ctx = reference.context(None)
    W_ov = reference.aligned_output(dataset, BETA, ctx)
    runs = islice(reference.train(dataset, W_ov, ETA, ctx, normalised=normalised), 500, 1001, 500)
    excess = [reference.loss(dataset, W_ov, W, ctx) - reference.infimum(dataset, W_ov, ctx) for W in runs]
    return all(abs(ETA * t * x - value) < value / 10 for t, x in zip((500, 1000), excess, strict=True))


def _solutions(dataset: Dataset) -> dict[int, MarginCertificate]:
    from proofs.next_token.max_margin_solver import solve

    return {q: solve(problem) for q, problem in attention_problems(dataset).items()}


def _direction_errors(dataset: Dataset, times: Sequence[int]) -> list[float]:
    """|W/|W| - W*/|W*|| at these times, which ascend, with enough digits."""
    from numerics.next_token.again import attention_again, flat
    from numerics.next_token.stage import aligned_output, flat_solution

    again = attention_again(dataset, aligned_output([dataset], BETA)[0], ETA, times[-1])
    star = flat_solution({q: certificate.solution for q, certificate in _solutions(dataset).items()}, dataset.V)
    found = [flat(W, dataset.V) for W in again.at(*times)]
    return [float((w / w.norm() - star / star.norm()).norm()) for w in found]
