"""The statements of the paper on mean-field dynamics that a proof or exact arithmetic settles, and their checks."""

from verify.recheck.certificate import Check
from verify.recheck.mean_field import critical, generalisation, identities, networks, prompts, values

PAPER = "mean-field"

CLAIMS: dict[tuple[str, str], Check] = {
    ("MF1", "VERIFIED"): identities.best_attention,
    ("MF2", "VERIFIED"): identities.gradient,
    ("MF3", "VERIFIED"): identities.second_derivatives,
    ("MF4", "VERIFIED"): identities.invariances,
    ("MF5", "VERIFIED"): identities.homotopy,
    ("MF6", "VERIFIED"): critical.classification,
    ("MF6c", "REFUTED"): critical.saddle,
    ("MF6c", "VERIFIED"): critical.no_loss,
    ("MF7", "VERIFIED"): critical.negative_curvature,
    ("MF8", "VERIFIED"): identities.slope_or_curvature_in_one_row,
    ("MF9", "VERIFIED"): identities.below_the_first_saddle_in_one_row,
    ("MF9c", "REFUTED"): critical.saddle,
    ("MF9c", "VERIFIED"): critical.no_loss,
    ("MF12", "VERIFIED"): prompts.finite_prompts,
    ("MF15", "VERIFIED"): values.critical_values,
    ("MF16", "VERIFIED"): generalisation.any_prompts,
    ("MF16c", "REFUTED"): generalisation.depends_on_length,
    ("MF16v", "REFUTED"): generalisation.best_for_one_covariance,
    ("MF16l", "REFUTED"): generalisation.best_for_one_length,
    ("MF17", "VERIFIED"): generalisation.generalisation,
    ("MF17c", "REFUTED"): generalisation.shifted,
    ("MF18", "VERIFIED"): identities.without_overlap,
    ("MF18z", "REFUTED"): networks.stays,
}

STATEMENTS: dict[str, str] = {
    "MF1": (
        "[F] L(mu) = inf_W L_TF(mu, W) = E|zeta|^2 / 2. [D] L(H) = |F (I - P)|^2 / 2 = tr(Z) / 2, attained at W = "
        "(H H^T)^-1, and L_TF(H, W) - L(H) = |F H^T (W - (H H^T)^-1) H|^2 / 2."
    ),
    "MF2": "[D] dL/dH = - M F (I - P) with M = (H H^T)^-1 H F^T; dL/dmu(theta) = <dL/dH, H_theta>.",
    "MF3": (
        "[D] D^2 L[E,E] = |F H^+ E Q|^2 - |H^+ E Q F^T|^2 + 2 tr(F H^+ E H^+ E Q F^T); its last term vanishes at "
        "critical points; polarised, it is the second variation d^2L/dmu^2(theta, theta')."
    ),
    "MF4": "[D] L(G H) = L(H) for invertible G, <dL/dH, G H> = 0, and dL/dH H^T = 0.",
    "MF5": (
        "[F] The homotopy mu_s = (1-s) mu + s R_# mu°. [D] Along H_s = (1-s) H + s R F: dL/ds = - tr(R^T M Z) and "
        "d^2L/ds^2 = D^2 L[RF,RF] + 2 dL/ds, with D^2 L[RF,RF] = tr(M^T R Z R^T M) - tr(Z R^T A^-1 R Z) + 2 "
        "tr(M^T R M^T R Z); and M Z = 0 exactly where dL/dH = 0."
    ),
    "MF6": (
        "[D] H is critical exactly where, for a set S of eigenvalues of Sigma_°°, its row space holds the "
        "eigenvectors v_j, j not in S, and |S| directions that F does not see; then L = (sum of lambda_i in S) / "
        "2 and, for H H^T = I, the Hessian has the eigenvalues g_a - g_b and k^2 zeros. [F] There is no spurious "
        "local minimum, and a critical point that is not global has L >= r_low / 2."
    ),
    "MF6c": "Every critical point is a global minimum.",
    "MF7": (
        "[F] At a critical point that is not global, d^2L/ds^2 <= - 4 L^2 / (k R_1^2) along the homotopy for a "
        "suitable R. [D] With R a partial isometry from range(Z) to ker(M^T) and R_1^2 = |A|_op, exactly "
        "d^2L/ds^2 = - tr(Z R^T A^-1 R Z) <= - tr(Z^2) / |A| <= - 4 L^2 / (k |A|); the last bound is attained."
    ),
    "MF8": (
        "[D] At every H with Z != 0, for R = u v^T (v top eigenvector of Z, u least left singular vector of M, z "
        "= lambda_max(Z)): D^2 L[RF,RF] <= - z^2/|A| + 3 |MZ|^2/z; so |MZ| >= sqrt(z^3 / (6 |A|)), or the "
        "curvature is at most - z^2 / (2 |A|)."
    ),
    "MF9": "[D] Where 2L < r_low: |MZ|_* >= 2L sqrt((r_low - 2L) / |A|) and |dL/dH|^2 >= 2L (r_low - 2L) / |A|.",
    "MF9c": "There is c > 0 with |dL/dH|^2 >= c L at every H of full rank.",
    "MF12": (
        "[F] |L^n - L| = O(sqrt(log k / n)). [D] L^n(W) = tr(S°)/2 - tr(B^T B W) + tr(S_n W A W^T)/2 with S_n = "
        "(1 - 1/n) B^T B + C/n + (sigma^2/n) A, least at S_n^-1 B^T B A^-1. Without noise 0 <= L^n - L <= tr((C - "
        "B^T B) A^-1) / (2n), and for invertible B the ratio of the two tends to 1; at a saddle with B = 0 L^n can "
        "be flat to fourth order."
    ),
    "MF15": (
        "[D] For every F, of any rank and with any multiplicities, the values of L at critical points are the sums of "
        "at most m - k positive eigenvalues of F F^T, counted with multiplicity, over 2; where L > 0 there, "
        "D^2 L[RF,RF] = - (u^T A^-1 u) |Z z|^2 < 0 for R = u z^T with M^T u = 0 and Z z != 0."
    ),
    "MF16": (
        "[D] With E[v v^T] = V, prompts of n examples of one law of x, and queries of another, L_n(W) = tr(V S_q)/2 - "
        "tr(B_q^T V B W) + tr(K W A_q W^T)/2 with K = (1 - 1/n) B^T V B + E[(f°^T V f°) h h^T]/n + (sigma^2/n) A; "
        "S_q, A_q and B_q under the query's law, the rest under the prompt's. So L_n(W) is affine in 1/n, and exceeds "
        "its least value by tr(K D A_q D^T)/2, D = W - K^-1 B^T V B_q A_q^-1."
    ),
    "MF16c": "The loss L_n(W) does not depend on n: the terms in 1/n can be dropped.",
    "MF16l": "The attention matrix that is best for prompts of one length is best for prompts of every length.",
    "MF16v": ("The attention matrix that is best for prompts of n examples with Sigma_v = I is best with any Sigma_v."),
    "MF17": (
        "[D] At every W longer prompts never raise the loss. W_n, the best for n examples, loses at infinite prompts "
        "at most tr(T^-1 (C - T) A^-1 (C - T))/(2 n^2), T = B^T V B invertible, C = E[(f°^T V f°) h h^T]. W_inf = "
        "A^-1 is best for every V. If f° = G h, at W_inf the loss is 0 for queries of any law, but E_q |V^(1/2) G (I "
        "- A' A^-1) h|^2 / 2 for prompts of a law with E[h h^T] = A'."
    ),
    "MF17c": ("A network that is f° itself, trained with infinite prompts, has the loss 0 at those of any law of x."),
    "MF18": (
        "[D] Where B = E[f° h^T] = 0 the first variation vanishes at every neuron, and along a field v on the neurons "
        "d^2L = - tr(b A^-1 b^T), b = int D E[f° h_theta^T] v dmu. Linearised there, the flow moves b by db/dt = Gamma "
        "(b A^-1), Gamma = int D E[f° h_theta^T] (x) D E[f° h_theta^T] dmu: it leaves at the rate lambda, the largest "
        "eigenvalue of that. At k=1 lambda = int |D E[f° h_theta]|^2 dmu / A, and d^2L >= - lambda int |v|^2 dmu."
    ),
    "MF18z": ("Gradient flow that starts at a saddle of a particle network leaves it, without any perturbation."),
}
