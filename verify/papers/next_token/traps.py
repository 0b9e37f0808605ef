"""NT7b: a realizable dataset on which training never comes to the infimum of the loss."""

from __future__ import annotations

from functools import partial

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import TRAP
from verify.claim import Counterexample, Evidence, Finding, Origin, Run, decide
from verify.papers.next_token.premises import ALIGNED, claim
from verify.papers.next_token.settings import NextTokenSettings

ETA, BETA, T, T_AGAIN = 0.2, 3.0, 400, 100  # below the threshold of NT7c
LEAD = 0.1 * ETA  # what the wrong token gains per step at least, to be said to win for good


@claim("NT7b", "no trap (control)", requires=("NT7i", "NT1r"), assumptions=(ALIGNED,), origin=Origin.CONTROL)
def no_trap(settings: NextTokenSettings, run: Run) -> Finding:
    """On every realizable dataset in which each optimal token occurs as often as any other token of its sentence,
    normalised descent of attention from 0 brings L - L* to 0.

    Four sentences [d, a, q] with d optimal, four [b, c, q] with b optimal, and [a, b, q] with a optimal: b comes to lie
    above a, its lead grows at linear speed, and L - L* tends to beta, what the last sentence loses.
    """
    from numerics.next_token.stage import aligned_output, attention_stage
    from numerics.next_token.training import train_attention

    sentence = TRAP.longer[-1]
    training = train_attention([TRAP], aligned_output([TRAP], BETA), ETA, T)
    excess = {t: float(training.log_excess_losses[t].exp()) for t in (T // 2, T)}
    stage = attention_stage([TRAP], aligned_output([TRAP], BETA))
    leads = {t: float(stage.log_odds(training.snapshots[t])[0].max()) for t in (T // 2, T)}
    speed = (leads[T] - leads[T // 2]) / (T - T // 2)
    trapped = speed > LEAD and min(leads.values()) > 0 and min(excess.values()) > BETA / 2
    return decide(
        False,  # an example can refute, and nothing else
        evidence=Evidence.NUMERIC,
        scope=f"11 tokens, 9 sentences of weight 1, eta={ETA}, beta={BETA:g}, t={T}",
        instances=1,
        found=f"L - L* = {excess[T]:.6f} at t={T}",
        predicted=f"tends to beta = {BETA:g}, not to 0",
        counterexample=Counterexample(
            {
                "sentence": list(sentence.tokens),
                "next token": sentence.next,
                "excess": excess[T],
                "lead_per_step": speed,
            },
            partial(stays_above, excess[T], TRAP, ETA),
        )
        if trapped
        else None,
        footnote=f"the wrong token leads by {leads[T // 2]:.1f} at t={T // 2} and by {leads[T]:.1f} at t={T}.",
        undecided=f"L - L* is {excess[T]:.2g}, and the largest lead of a wrong token grows by {speed:.2g} per step",
    )


def stays_above(excess: float, dataset: Dataset, eta: float) -> bool:
    """Whether L - L* is this at T/2 and T of a shorter run, while the last sentence's wrong token gains at least LEAD
    per step on its optimal one: by the slow formulas, with many digits.
    """
    from numerics.next_token.again import attention_again
    from numerics.next_token.stage import aligned_output

    again = attention_again(dataset, aligned_output([dataset], BETA)[0], eta, T_AGAIN)
    sentence = dataset.longer[-1]
    best, q = dataset.optimal(sentence), sentence.query
    leads = [float(max(W[x][q] for x in sentence.counts if x != best) - W[best][q]) for W in again.halves]
    stays = all(abs(float(again.excess(W)) - excess) <= excess / 100 for W in again.halves)
    return stays and leads[0] > 0 and leads[1] - leads[0] > LEAD * (again.T - again.T // 2)
