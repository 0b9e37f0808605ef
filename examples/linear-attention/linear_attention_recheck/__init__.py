"""LA1 to LA6 checked again from their certificates: standard library only, nothing of the package that made them.

What holds for all values is decided at random residues.
"""

from linear_attention_recheck import fixed_points, loss, order, points
from verify.recheck.certificate import Check

PAPER = "linear-attention"

CLAIMS: dict[tuple[str, str], Check] = {
    ("LA1", "VERIFIED"): loss.moment,
    ("LA2", "VERIFIED"): loss.loss,
    ("LA2c", "REFUTED"): loss.infinite,
    ("LA3", "VERIFIED"): fixed_points.merged_points,
    ("LA3c", "REFUTED"): fixed_points.merged_set,
    ("LA4", "VERIFIED"): fixed_points.separate_points,
    ("LA5", "VERIFIED"): points.points,
    ("LA5c", "REFUTED"): points.flat_saddle,
    ("LA6", "VERIFIED"): order.order,
}

STATEMENTS: dict[str, str] = {
    "LA1": (
        "E C A C = Lambda A Lambda + (Lambda A^T Lambda + tr(Lambda A) Lambda) / N for every A, where C = (1/N) "
        "sum_n x_n x_n^T is the second moment of the inputs of a prompt."
    ),
    "LA2": (
        "L(K) = E (w^T x_q - (1/N) sum_n w^T x_n x_n^T K x_q)^2 / 2 = tr(Lambda) / 2 - tr(Lambda^2 K) + tr(K^T M "
        "K Lambda) / 2 with M = Lambda^2 + (Lambda^2 + tr(Lambda) Lambda) / N. It is least at K* = M^-1 Lambda "
        "only, with eigenvalues a_d = 1 / (lambda_d + (lambda_d + tr Lambda) / N), where it is (sum_d lambda_d - "
        "lambda_d^2 a_d) / 2."
    ),
    "LA2c": (
        "The loss at prompts of N examples is that of infinitely long ones, tr((I - Lambda K) Lambda (I - Lambda "
        "K)^T) / 2."
    ),
    "LA3": (
        "With K = sum_i v_i U_i the loss has two kinds of fixed points: K = 0, with every v_i = 0 and every U_i "
        "orthogonal to Lambda^2, and the global minima, where K = K*."
    ),
    "LA3c": (
        "Merged heads, too, have fixed points at K_S = sum_{d in S} a_d e_d e_d^T for every set S of eigenvectors."
    ),
    "LA4": (
        "With K = sum_i v_i k_i q_i^T every fixed point of the loss has K = K_S = sum_{d in S} a_d e_d e_d^T for "
        "a set S of eigenvectors e_d of Lambda, and each of the 2^D sets has one."
    ),
    "LA5": (
        "L(K_S) = (sum_d lambda_d - sum_{d in S} lambda_d^2 a_d) / 2. Where |S| separate heads learn one "
        "eigenvector each and the others are 0, the Hessian has as many negative eigenvalues as there are pairs "
        "of an eigenvector in S and one of larger lambda outside; of positive ones |S|^2, one for each of these "
        "pairs, and two for each other pair. With H merged heads it has H negative and H positive eigenvalues "
        "where K = 0, and D^2 positive and no negative ones at the minima."
    ),
    "LA5c": (
        "At every fixed point of separate heads that is not a global minimum the Hessian has a negative eigenvalue."
    ),
    "LA6": (
        "From head d at v = u_0, k = q = u_0 e_d for every d, gradient flow keeps this form, du_d/dt = lambda_d^2 "
        "u_d^2 (1 - u_d^3 / a_d): the growth at the origin goes with lambda^2. The time until K_dd = a_d / 2 is "
        "(1/u_0 - c_d) / lambda_d^2 with 1 / (2 h_d) <= c_d <= 1 / h_d, h_d^3 = a_d / 2; for all u_0 up to some "
        "bound, larger eigenvalues are learned first."
    ),
}
