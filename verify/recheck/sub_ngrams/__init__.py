"""The statements of the paper on sub-n-grams that a proof or exact arithmetic settles, and how each is checked."""

from verify.recheck.certificate import Check
from verify.recheck.sub_ngrams import (
    bounds,
    chains,
    conditions,
    finite,
    frequency,
    heads,
    network,
    positions,
    saddles,
    sequences,
    visits,
)

PAPER = "sub-n-grams"

CLAIMS: dict[tuple[str, str], Check] = {
    ("SN1", "VERIFIED"): network.score_identity,
    ("SN2", "VERIFIED"): network.chain_rule,
    ("SN3", "VERIFIED"): network.estimator_bound,
    ("SN3c", "VERIFIED"): network.half_bound_without_lags,
    ("SN3c", "REFUTED"): network.estimator_counterexample,
    ("SN4", "VERIFIED"): network.sufficient_condition,
    ("SN4c", "REFUTED"): network.without_measurability,
    ("SN4n", "VERIFIED"): conditions.configuration_meets_the_condition,
    ("SN5", "VERIFIED"): chains.stationary,
    ("SN6", "VERIFIED"): chains.scale,
    ("SN7", "VERIFIED"): network.gradient_without_lags,
    ("SN8", "VERIFIED"): network.gradient_without_lags,
    ("SN8", "REFUTED"): sequences.large_norm_counterexample,
    ("SN9", "VERIFIED"): chains.merged_at_full_context,
    ("SN10", "VERIFIED"): sequences.infinite_loss,
    ("SN11", "VERIFIED"): chains.ladder,
    ("SN12", "VERIFIED"): chains.first_escape,
    ("SN12c", "REFUTED"): chains.vanishing_coefficient,
    ("SN13", "VERIFIED"): chains.every_lag_set,
    ("SN14c", "REFUTED"): heads.fixed_lag_weights,
    ("SN16c", "REFUTED"): finite.beyond_type_one,
    ("SN16s", "REFUTED"): finite.beyond_stationary,
    ("SN16v", "REFUTED"): visits.beyond_half,
    ("SN18", "VERIFIED"): finite.slow_blocks,
    ("SN18c", "REFUTED"): finite.above_gamma,
    ("SN19", "VERIFIED"): bounds.infinite_blocks,
    ("SN19c", "REFUTED"): bounds.beyond_half_gamma,
    ("SN21", "VERIFIED"): positions.every_position,
    ("SN21c", "REFUTED"): positions.beyond,
    ("SN23", "VERIFIED"): saddles.second_order_saddle,
    ("SN23c", "REFUTED"): saddles.no_saddle,
    ("SN24", "VERIFIED"): frequency.network_with_a_frequency_term,
    ("SN25a", "VERIFIED"): frequency.lowers_the_loss,
    ("SN25c", "REFUTED"): frequency.corpus_does_nothing,
    ("SN25d", "REFUTED"): frequency.token_before_does_less,
    ("SN25f", "REFUTED"): frequency.raises_the_loss,
    ("SN26a", "VERIFIED"): frequency.nothing_at_infinite_length,
}

STATEMENTS: dict[str, str] = {
    "SN1": (
        "For one sequence, dl/dz_j = rho a_j - P(x_j) a_j / p(x_j), and dl/dW_ab[v,v'] sums it over the positions j "
        "with x_{T-a} = v and x_{j-b} = v'."
    ),
    "SN2": (
        "At a configuration with hard heads the gradient in Q, K, V consists of the score blocks M_{a,l} and "
        "M_{l-1,b} for lags l in Lambda, times sqrt(c) for Q and K and c for V; every other entry of it is 0. The "
        "weights of a saturated row of A do not move with its logits. Where there is no position t-h, padded heads "
        "read 0, whatever A is. Literal heads read the mean of the t tokens up to there; for h in Lambda the "
        "derivative in entry i of that row of A_h is then (c/t) g_t (y_i - y), where y_i = 1{x_i = x_{T-h+1}} and y "
        "is the mean of y_1..y_t, and for other h it is 0."
    ),
    "SN3": "Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= 2 (T - N(h)) / (q N(h)).",
    "SN3c": "Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= (T - N(h)) / (q N(h)).",
    "SN4": (
        "On a finite probability space, if for a partition G (i) p_theta(s) = E[tau(s|u) | G] and (ii) d log "
        "p_theta(s) is G-measurable, then the derivative -E sum_s tau(s|u) d log p_theta(s) of the population loss "
        "is 0. That a configuration of the network meets (i) and (ii) is SN4n."
    ),
    "SN4c": (
        "On a finite probability space, if p_theta(s) = E[tau(s|u) | G] for a partition G, then the derivative -E "
        "sum_s tau(s|u) d log p_theta(s) of the population loss is 0."
    ),
    "SN4n": (
        "At T = infinity, then c = infinity, given a kernel with positive entries, the configuration meets (i) and "
        "(ii) of SN4, G being the tokens h at the lags of Lambda: (i) p_theta(s) = E[tau(s|u) | h], and (ii) the "
        "derivative of log p_theta(s) in every entry of Q, K and V, without its factor sqrt(c) or c, depends on h only."
    ),
    "SN5": (
        "At T = infinity and then c -> infinity, given a kernel with positive entries, every score block that occurs "
        "in the gradient in Q, K and V (SN2) is 0."
    ),
    "SN6": (
        "At T = infinity, given a kernel with positive entries, the gradient in Q and K is O(sqrt(c) e^-c), and in V "
        "it is O(c e^-c)."
    ),
    "SN7": (
        "Along c = log T the norm of the whole factorised population gradient is O(T^-r (log T)^(3/2)). Here r = 1 if "
        "every lag is in use, else r = min(1, 2 (S-1) alpha): at small alpha more kernels are slow to mix. Decided is, "
        "for the lengths in the scope, that the norm falls from each length to the next, and from the first to the "
        "last by at least as much as T^-r (log T)^(3/2) does. Without lags, that is at k = 1, the gradient is 0, and "
        "there that is decided instead."
    ),
    "SN8": "At fixed T the factorised population gradient tends to 0 as c -> infinity.",
    "SN9": (
        "With W = QK^T itself as the parameter, the population gradient tends to 0 as T -> infinity, then c "
        "-> infinity."
    ),
    "SN10": (
        "At every length T >= n the next token is absent from x with positive probability, so that the population loss "
        "is +infinity for every theta."
    ),
    "SN11": (
        "For each kernel in the scope the entropy H(next token | lags Lambda) of its stationary chain falls strictly "
        "along nested lag sets; each gap, a rung, is a conditional mutual information. A gap is an analytic function "
        "of the kernel, and as it is not 0 at one kernel, it differs from 0 at almost every kernel."
    ),
    "SN12": (
        "At T = infinity, then c = infinity, given a kernel with positive entries: of the derivatives of the loss in "
        "those parameters that together let the network read an unused lag, the first that is not 0 is the mixed one, "
        "once in each of them. It is -sum_{h,v} P(h,v)^2/P(h) chi2(tau(.|v,h) from tau(.|h)), v being the token at "
        "that lag, and so negative unless the next token is independent of that lag given h. Along other parameters, "
        "as Q_{k-1} together with K_0, the loss may fall at a lower order."
    ),
    "SN12c": ("The derivative of SN12 is strictly negative for every kernel with positive entries."),
    "SN13": "SN3 holds for every set of lags, SN5 and SN6 for those in the scope, not only for contiguous ones.",
    "SN14c": (
        "With soft heads in the first layer, of fixed logit c_A on the position t-h, the lag weight e^c_A / (e^c_A + T "
        "- 1) rises with T; and from the first length in the scope to the last these two fall to less than half: the "
        "mean of sum_s |p(s) - p_hard(s)|, p_hard being the output with padded hard heads, and the mean norm, over "
        "sequences, of the gradient in the heads' logits A, which is at least the norm of the population gradient in A."
    ),
    "SN16c": ("The bound of SN16 holds for the score blocks M_ab with a+1 in Lambda and b not in Lambda as well."),
    "SN16s": (
        "For every kernel and every law of the first n-1 tokens, the size of a score block M_ab with b in Lambda is "
        "at most phi(K r / m), where K = S^(|Lambda|+1), as from a stationary start."
    ),
    "SN16v": (
        "For every chain on D states, every start and every set of its transitions, the chance that step m is the "
        "first in that set is at most D / (2m)."
    ),
    "SN18": (
        "Given a kernel, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in Lambda and b not in "
        "Lambda is at most Gamma + R, where Gamma = 1 - (q/(q+S-1))^|Lambda|, R is the least of 1 and of 6 d(g) + G "
        "(2g+n-1)/m over g, with G = S^|Lambda| (S+1) and m = T-n+2, and d(g) is the largest total variation distance "
        "from the stationary law g steps after a context. Decided is this for the kernels, T and q in the scope, the "
        "first n-1 tokens being uniform: those at which the bound is below 1, as no block is larger than 1."
    ),
    "SN18c": (
        "Given a kernel, for every T >= n and q >= 1, the size of a score block M_ab with a+1 in Lambda and b not in "
        "Lambda is at most Gamma = 1 - (q/(q+S-1))^|Lambda|."
    ),
    "SN19": (
        "At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab is "
        "at most Gamma = 1 - (q/(q+S-1))^|Lambda| if a+1 is in Lambda, and at most 2 Gamma if b is; without their "
        "factors c and c^2, the squared norms of the factorised gradient are at most 2 |Lambda| Gamma^2 (5n - "
        "3|Lambda|) in Q and K, and 8 |Lambda| Gamma^2 in V. Decided is this for the kernels and q in the scope."
    ),
    "SN19c": (
        "At T = infinity, given a kernel with positive entries, for every q >= 1, the size of a score block M_ab "
        "with a+1 in Lambda is at most Gamma / 2."
    ),
    "SN21": (
        "For every law of x_1..x_{T+1} and every q >= 1, the score blocks M_ab with b in Lambda, averaged over the "
        "positions t = n-1..T that predict x_{t+1}, have size at most phi(K r / m), where K = S^(|Lambda|+1). With "
        "Lambda = {1..n-1}, averaged over the Dirichlet(alpha) prior too, the M_{a,0} have size at most phi(D r / m) + "
        "(1 - 1/S) phi(D max(1, S alpha) / m). Decided is this for the laws, T and q in the scope, the second bound "
        "only where Lambda = {1..n-1}."
    ),
    "SN21c": "The first bound of SN21 holds for the score blocks M_ab with a+1 in Lambda and b not in Lambda as well.",
    "SN23": (
        "At T = infinity, then c = infinity, given a kernel with positive entries, let a+1 be the first lag that is "
        "not in Lambda (a = k-1 for the k-gram), and let Q_a and K_0 be moved in a slot that is not in use. The loss "
        "has no pure derivative in Q_a or in K_0, and its mixed second derivatives are the entries of M_{a,0}. Where "
        "M_{a,0} is not 0, as for every kernel in the scope, the Hessian has eigenvalues of both signs: the "
        "configuration is a strict saddle of second order."
    ),
    "SN23c": "M_{a,0} of SN23 is not 0 for any kernel with positive entries.",
    "SN24": (
        "For every k <= n and all c_1..c_{k-1}, beta >= 0, the network with padded heads, Q_{l-1} = K_l = sqrt(c_l) I "
        "in slot l, Q_{n-1} = sqrt(beta) I, K_0 = -sqrt(beta) I in slot 0, and head n-1 uniform at the last position, "
        "has the logits z_j = sum_l c_l m_jl - beta f(x_j): it is theta_k^+. At k = n the head that reads f there is "
        "that of lag n-1 too, and for j = T the match m_jl in that lag is f(x_{T-n+2})."
    ),
    "SN25a": (
        "Where alpha >= 1/2, dL/dbeta < 0 at theta_k, and the loss of theta_k^+ is lower than that of theta_k, at "
        "the same scales, by at least E sum_s P(s) (1 - p(s)/p^+(s)) > 0, sums over the tokens that occur. Decided "
        "is this for the k, T, c and beta in the scope."
    ),
    "SN25c": (
        "A term -beta f(x_j) with the frequencies f of the whole corpus, in place of the sequence's own, has "
        "dL/dbeta < 0 at theta_k."
    ),
    "SN25d": (
        "A term -beta f(x_{j-1}) lowers the loss at least half as fast as the term -beta f(x_j): at theta_k its "
        "dL/dbeta is at most half of the other one, which is below 0."
    ),
    "SN25f": "At alpha = 1/1000 too, dL/dbeta < 0 at theta_k.",
    "SN26a": (
        "At T = infinity, then c = infinity, given a kernel with positive entries, dL/dbeta = 0 at beta = 0, and the "
        "second derivative, the mean of the variance of f under p, is at least 0 at every beta: theta_k is the best "
        "theta_k^+, and the ladder of SN11 is untouched."
    ),
}
