"""Claims about "Non-asymptotic Convergence of Training Transformers for Next-token Prediction".

[F] marks what a public text of the paper says, [D] what this project derived; the paper's full text was not at hand.
"""

import importlib

from verify.claim import Claim, Paper, Verdict
from verify.claims.next_token.settings import NextTokenSettings, headline

_HERE = "verify.claims.next_token"
_ALIGNED = "W_ov = beta W_ov* when attention is trained"
_SMALL_STEP = "eta below the threshold 2 |W*| / lambda_max of NT7c"


def _needs_a_degenerate_pair(settings: NextTokenSettings) -> Verdict:
    """Without one there is nothing to check."""
    kinds = importlib.import_module("proofs.next_token.max_margin_solver").degenerate_kinds(settings.datasets)
    return Verdict.VERIFIED if "once" in kinds else Verdict.UNDECIDED


def _needs_no_degenerate_pair(settings: NextTokenSettings) -> Verdict:
    kinds = importlib.import_module("proofs.next_token.max_margin_solver").degenerate_kinds(settings.datasets)
    return Verdict.VERIFIED if "none" in kinds else Verdict.UNDECIDED


PAPER = Paper(
    name="next-token",
    title="Non-asymptotic Convergence of Training Transformers for Next-token Prediction",
    source="Huang, Liang, Yang, NeurIPS 2024, arXiv 2409.17335",
    settings=NextTokenSettings,
    headline=headline,
    claims=(
        Claim(
            "NT1",
            "gradients of a sentence",
            "[D] With phi the attention, c = X phi and r = e_n - p: dl/dW_ov = -r c^T and dl/dW_kq = "
            "-X (diag phi - phi phi^T) X^T W_ov^T r x_L^T; in token masses, a_x sum_y a_y (g_x - g_y) with "
            "g = -W_ov^T r.",
            f"{_HERE}.identities:gradients",
        ),
        Claim(
            "NT1r",
            "what the runs are",
            "[D] The runs that other claims measure are normalised resp. plain gradient descent of the network's loss: "
            "W after the first steps, by formulas that keep relative accuracy, is W by the formula of NT1 with many "
            "digits, up to rounding.",
            f"{_HERE}.descents:first_steps",
            requires=("NT1",),
        ),
        Claim(
            "NT2",
            "what never moves",
            "[D] The columns of the gradients in W_kq and W_ov sum to 0, and entry (x, q) of the gradient in W_kq is 0 "
            "if no sentence holds x together with the query q: unseen scores stay exactly 0.",
            f"{_HERE}.identities:conserved",
            requires=("NT1",),
        ),
        Claim(
            "NT3",
            "optimal token always rises",
            "[D] With W_ov = beta W_ov* the gradient in the score of the optimal token is negative, for all scores.",
            f"{_HERE}.identities:optimal_token",
            requires=("NT1",),
            assumptions=(_ALIGNED,),
        ),
        Claim(
            "NT4",
            "sign lemma",
            "[D] If no token of the sentence has more attention than the optimal one, the gradient in the score of "
            "every other token x is at least beta a_x p_n(x) > 0.",
            f"{_HERE}.identities:sign_lemma",
            requires=("NT1",),
            assumptions=(_ALIGNED, "dominance: a_optimal >= a_x"),
        ),
        Claim(
            "NT4c",
            "sign lemma, no dominance (control)",
            "The gradient in the score of every non-optimal token x is at least beta a_x p_n(x), also when the optimal "
            "token has less attention than another.",
            f"{_HERE}.controls:sign_lemma_without_dominance",
            requires=("NT1",),
            control=True,
        ),
        Claim(
            "NT5",
            "correlation lemma",
            "[D] Under dominance in every sentence, <-grad L, W> >= |grad L| / sqrt 2 for every W with margins >= 1.",
            f"{_HERE}.identities:correlation_lemma",
            requires=("NT4",),
            assumptions=(_ALIGNED, "dominance: a_optimal >= a_x in every sentence"),
        ),
        Claim(
            "NT5n",
            "growth of the norm",
            "[D] Under normalised descent |W_t| <= eta t; and |W_t| >= eta t / (sqrt 2 |W_kq*|) as long as dominance, "
            "which is watched along the run, has held at every step before t.",
            f"{_HERE}.descents:norm_growth",
            requires=("NT5", "NT7m", "NT1r"),
            assumptions=(_ALIGNED,),
        ),
        Claim(
            "NT6",
            "stage 1 with equal weights",
            "[D] W_ov* = sum_x (e_{n(x)} - 1/V) x^T with |W_ov*|^2 = N (V-1)/V for N collocations; with all weights 1 "
            "normalised gradient descent is on its ray from the first step, and the loss is "
            "N log(1 + (V-1) e^(-eta t/|W_ov*|)).",
            f"{_HERE}.identities:feed_forward_ray",
        ),
        Claim(
            "NT6w",
            "stage 1 with any weights",
            "[F] The feed-forward layer converges in direction, sub-linearly, to its max-margin solution. [D] log L_0 "
            "has slope -eta/|W_ov*|, and t times the direction error tends to |W_ov*| std(log pi) / eta. Where all "
            "weights pi are the same, they are replaced by 8, 4, 2, 1 in turn.",
            f"{_HERE}.rates:feed_forward",
            requires=("NT7m", "NT1r"),
            assumptions=(_SMALL_STEP,),
        ),
        Claim(
            "NT7m",
            "max-margin solutions, exactly",
            "[D] The max-margin solutions of both layers are the rational matrices found: margins >= 1, combinations "
            "of their pairs with duals >= 0, and |W*|^2 equal to the dual value, so that they are the only optima.",
            f"{_HERE}.margins:certificates",
        ),
        Claim(
            "NT7i",
            "infimum of the loss",
            "[D] With W_ov = beta W_ov* the infimum of the main loss over W_kq is "
            "L* = sum_X pi(X) log(1 + (V-1) e^-beta).",
            f"{_HERE}.identities:infimum",
            assumptions=(_ALIGNED,),
        ),
        Claim(
            "NT7",
            "linear convergence of the loss",
            "[F] The cross-entropy loss converges linearly. [D] log(L - L*) has the slope -eta/|W_kq*| in t.",
            f"{_HERE}.rates:loss_slope",
            requires=("NT7m", "NT7i", "NT1r"),
            assumptions=(_ALIGNED, _SMALL_STEP),
        ),
        Claim(
            "NT7d",
            "direction, in the support",
            "[F] Attention converges in direction, sub-linearly, to its max-margin solution. [D] Within the span of "
            "the support, W_t tends to the rho that minimises sum omega_i e^-<v_i, rho>; and where all seen pairs lie "
            "in this span and none is degenerate, t times the direction error tends to |rho| / eta.",
            f"{_HERE}.rates:direction",
            requires=("NT7m", "NT1r"),
            assumptions=(_ALIGNED, _SMALL_STEP),
        ),
        Claim(
            "NT7c",
            "slope at every step size (control)",
            "log(L - L*) has the slope -eta/|W_kq*| for every step size eta.",
            f"{_HERE}.controls:slope_at_any_step",
            requires=("NT7",),
            assumptions=(_ALIGNED,),
            control=True,
        ),
        Claim(
            "NT8",
            "degenerate pairs: (log t)/t",
            "[D] Where a tight pair has dual 0, W_t grows along u by |u| per unit of log t, with u the shortest vector "
            "that is 0 on the support pairs and has margin 1 on the degenerate ones: a direction error of (log t)/t.",
            f"{_HERE}.rates:degenerate",
            requires=("NT7m", "NT1r"),
            assumptions=(_ALIGNED, _SMALL_STEP, "no pair that is tight without dual for u, too"),
            expected=_needs_a_degenerate_pair,
        ),
        Claim(
            "NT8c",
            "direction error O(1/t) (control)",
            "The direction error of attention is O(1/t) on every realizable dataset.",
            f"{_HERE}.controls:direction_always_one_over_t",
            requires=("NT8",),
            assumptions=(_ALIGNED,),
            control=True,
        ),
        Claim(
            "NT9m",
            "order of all tokens, exactly",
            "[D] In every column of W_kq*, tokens unseen with the query are at 0, tokens that no other beats at 0 or "
            "above, tokens that beat none at 0 or below, and each token lies above those that it beats, by 1 at least.",
            f"{_HERE}.order:extended_order",
            requires=("NT7m",),
        ),
        Claim(
            "NT9",
            "dataset shift",
            "[F] The trained model predicts under dataset shift. [D] Every score grows by eta W_kq*[x, q]/|W_kq*| per "
            "step, and that of an unseen token is 0: tokens with a positive entry in W_kq* come to lie over unseen "
            "ones, and those over tokens with a negative entry. On a sentence of an unseen token, a seen one and the "
            "query, log(L - L*) has slope -(eta/|W_kq*|) times the lead of its highest token in W_kq*, whose successor "
            "is predicted.",
            f"{_HERE}.shift:unseen_tokens",
            requires=("NT2", "NT7", "NT9m"),
            assumptions=(_ALIGNED, _SMALL_STEP, "one token of the sentence has the largest entry in W_kq*"),
        ),
        Claim(
            "NT9c",
            "unseen over non-optimal (control)",
            "W_kq* puts the tokens that are unseen with a query above every token that another one beats.",
            f"{_HERE}.order:beaten_below_unseen",
            requires=("NT7m",),
            control=True,
        ),
        Claim(
            "NT10",
            "plain gradient descent",
            "[D] Under gradient descent with a fixed rate the loss is sub-linear: rate t (L - L*) tends to |W_kq*|^2.",
            f"{_HERE}.rates:plain_descent",
            requires=("NT7m", "NT7i", "NT1r"),
            assumptions=(_ALIGNED, "no degenerate pair, and a run that has settled"),
            expected=_needs_no_degenerate_pair,
        ),
        Claim(
            "NT10c",
            "plain descent is linear (control)",
            "Under gradient descent with a fixed rate the loss converges linearly.",
            f"{_HERE}.controls:plain_descent_is_linear",
            requires=("NT10",),
            assumptions=(_ALIGNED,),
            control=True,
        ),
        Claim(
            "NT11",
            "two stages, unequal weights",
            "[D] After T1 steps of stage 1 with unequal weights, W_ov is not on the ray of W_ov*, and yet in stage 2, "
            "log(L - L*) has slope -eta/|W_kq*|, and attention the offset rho that goes with this W_ov. Where all "
            "weights of stage 1 are the same, they are replaced by 8, 4, 2, 1 in turn.",
            f"{_HERE}.rates:two_stages",
            requires=("NT7", "NT7d"),
            assumptions=(_SMALL_STEP, "T1 large enough that no mass on a non-optimal token lowers the loss"),
        ),
    ),
)
