"""The statements of the paper on next-token prediction that a proof or exact arithmetic settles, and their checks."""

from verify.recheck.certificate import Check
from verify.recheck.next_token import aligned, attention, margins

PAPER = "next-token"

CLAIMS: dict[tuple[str, str], Check] = {
    ("NT1", "VERIFIED"): attention.gradients,
    ("NT2", "VERIFIED"): attention.conserved,
    ("NT3", "VERIFIED"): aligned.optimal_token,
    ("NT4", "VERIFIED"): aligned.sign_lemma,
    ("NT5", "VERIFIED"): aligned.correlation_lemma,
    ("NT6", "VERIFIED"): aligned.feed_forward_ray,
    ("NT7m", "VERIFIED"): margins.max_margin,
    ("NT7i", "VERIFIED"): aligned.infimum,
    ("NT9m", "VERIFIED"): margins.extended_order,
    ("NT9c", "REFUTED"): margins.beaten_above_unseen,
}

STATEMENTS: dict[str, str] = {
    "NT1": (
        "[D] With phi the attention, c = X phi and r = e_n - p: dl/dW_ov = -r c^T and dl/dW_kq = -X (diag phi - "
        "phi phi^T) X^T W_ov^T r x_L^T; in token masses, a_x sum_y a_y (g_x - g_y) with g = -W_ov^T r."
    ),
    "NT2": (
        "[D] The columns of the gradients in W_kq and W_ov sum to 0, and entry (x, q) of the gradient in W_kq is 0"
        " if no sentence holds x together with the query q: unseen scores stay exactly 0."
    ),
    "NT3": ("[D] With W_ov = beta W_ov* the gradient in the score of the optimal token is negative, for all scores."),
    "NT4": (
        "[D] If no token of the sentence has more attention than the optimal one, the gradient in the score of "
        "every other token x is at least beta a_x p_{n(x)} > 0."
    ),
    "NT5": ("[D] Under dominance in every sentence, <-grad L, W> >= |grad L| / sqrt 2 for every W with margins >= 1."),
    "NT6": (
        "[D] W_ov* = sum_x (e_{n(x)} - 1/V) x^T with |W_ov*|^2 = N (V-1)/V for N collocations; with all weights 1 "
        "normalised gradient descent is on its ray from the first step, and the loss is N log(1 + (V-1) e^(-eta "
        "t/|W_ov*|))."
    ),
    "NT7m": (
        "[D] The max-margin solutions of both layers are the rational matrices found: margins >= 1, combinations "
        "of their pairs with duals >= 0, and |W*|^2 equal to the sum of the duals, so that they are the only optima."
    ),
    "NT7i": (
        "[D] With W_ov = beta W_ov* the infimum of the loss of stage 2 over W_kq is L* = sum_X pi(X) log(1 + "
        "(V-1) e^-beta)."
    ),
    "NT9m": (
        "[D] In every column of W_kq*, tokens unseen with the query are at 0, tokens that no other beats at 0 or "
        "above, tokens that beat none at 0 or below, and each token lies above those that it beats, by 1 at least."
    ),
    "NT9c": ("W_kq* puts the tokens that are unseen with a query above every token that another one beats."),
}
