"""The gradients of one sentence's loss, and the lemmas on their signs, as identities (claims NT1 to NT5).

The loss of a sentence X with query q and next token n is l = -log p_n with phi = softmax of the scores W_kq[x_l, q],
c = X phi, p = softmax(W_ov c); r = e_n - p. E_x = exp(score of x) and P_v = exp(logit of v) are free symbols, so that
every residual is a rational function, which is 0 iff its numerator is the zero polynomial.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import sympy as sp


def gradient_residuals(tokens: Sequence[int], logits: int = 3) -> list[sp.Expr]:
    """NT1 for one sentence, position by position: derivatives of the loss minus the formulas, W_ov and scores free.

    tokens are from {0..m-1}; logits is the number of rows of W_ov, of which row 0 belongs to the next token. One
    residual per entry of W_ov, d l/d W_ov = -r c^T, and one per score,
    d l/d W_kq q = -X (diag phi - phi phi^T) X^T W_ov^T r.
    """
    m = max(tokens) + 1
    E = sp.symbols(f"E:{m}", positive=True)
    X = sp.Matrix(m, len(tokens), lambda x, j: int(tokens[j] == x))
    phi = sp.Matrix([E[x] for x in tokens]) / sum(E[x] for x in tokens)
    return _residuals(E, X * phi, X * (sp.diag(*phi) - phi * phi.T) * X.T, logits)


def counted_gradient_residuals(m: int, logits: int = 3) -> list[sp.Expr]:
    """The same for all sentences with m different tokens, in the masses a = X phi: the counts are free symbols, too."""
    E, k = sp.symbols(f"E:{m}", positive=True), sp.symbols(f"k:{m}", positive=True)
    a = sp.Matrix([k_x * E_x for k_x, E_x in zip(k, E, strict=True)]) / sum(
        k_x * E_x for k_x, E_x in zip(k, E, strict=True)
    )
    return _residuals(E, a, sp.diag(*a) - a * a.T, logits)


def _residuals(E: Sequence[sp.Symbol], c: sp.Matrix, spread: sp.Matrix, logits: int) -> list[sp.Expr]:
    """Derivatives of l = -log softmax(W_ov c)_0 in W_ov and in the scores log E, minus -r c^T and -spread W_ov^T r."""
    m = len(E)
    P = sp.symbols(f"P:{logits}", positive=True)
    W = sp.Matrix(logits, m, lambda v, x: sp.Symbol(f"w{v}_{x}"))
    z = W * c
    loss = sp.log(sum(sp.exp(z_v) for z_v in z)) - z[0]
    r = sp.Matrix([1] + [0] * (logits - 1)) - sp.Matrix(P) / sum(P)
    free = {sp.exp(z[v]): P[v] for v in range(logits)}
    by_output, by_score = -r * c.T, -spread * W.T * r
    return [
        *(sp.diff(loss, W[v, x]).xreplace(free) - by_output[v, x] for v in range(logits) for x in range(m)),
        *(E[x] * sp.diff(loss, E[x]).xreplace(free) - by_score[x] for x in range(m)),
    ]


class SentenceSymbols:
    """A sentence with m different tokens, 0 the optimal one, of any counts, under W_ov = beta W_ov* (NT3).

    a  token masses: a_x = A_x / sum A with A_x = count * exp(score) > 0
    p  predicted probability of n(x) for each token x of the sentence; p_rest, that of all other tokens together, which
       is 0 where there are none: the symbol `rest` is 0 then
    g  g_x = -(W_ov^T r)_x = -beta (1{x = 0} - p_x)
    G  the gradient in the scores, G_x = a_x sum_y a_y (g_x - g_y)
    """

    def __init__(self, m: int) -> None:
        self.m = m
        self.beta = sp.Symbol("beta", positive=True)
        A = self.A = sp.symbols(f"A:{m}", positive=True)
        P = sp.symbols(f"P:{m}", positive=True)
        rest = self.rest = sp.Symbol("P_rest", positive=True)
        self.a = [A_x / sum(A) for A_x in A]
        self.p = [P_x / (sum(P) + rest) for P_x in P]
        self.p_rest = rest / (sum(P) + rest)
        self.g = [-self.beta * (int(x == 0) - self.p[x]) for x in range(m)]
        self.G = [self.a[x] * sum(self.a[y] * (self.g[x] - self.g[y]) for y in range(m) if y != x) for x in range(m)]


def mean_form_residuals(m: int) -> list[sp.Expr]:
    """G_x, as above, minus a_x (g_x - sum_y a_y g_y), the form that NT1 gives."""
    s = SentenceSymbols(m)
    mean = sum(s.a[y] * s.g[y] for y in range(m))
    return [s.G[x] - s.a[x] * (s.g[x] - mean) for x in range(m)]


def aligned_output_residuals(m: int) -> list[sp.Expr]:
    """NT3: (W_ov*^T r)_x = r_n(x) for W_ov* = sum_x (e_n(x) - 1/V) x^T, since the entries of r sum to 0; V is free."""
    s = SentenceSymbols(m)
    V = sp.Symbol("V", positive=True)
    r = [int(x == 0) - s.p[x] for x in range(m)]
    total = sum(r) - s.p_rest
    return [r[x] - total / V - r[x] for x in range(m)] + [s.g[x] + s.beta * r[x] for x in range(m)]


def column_sum_residuals(m: int, logits: int = 3) -> list[sp.Expr]:
    """NT2: sum_x a_x sum_y a_y (g_x - g_y) for arbitrary g, and the sum of the entries of r."""
    A, g, P = (sp.symbols(f"{name}:{size}", positive=True) for name, size in (("A", m), ("g", m), ("P", logits)))
    by_score = sum(A[x] * A[y] * (g[x] - g[y]) for x in range(m) for y in range(m)) / sum(A) ** 2
    by_output = 1 - sum(P_v / sum(P) for P_v in P)
    return [by_score, by_output]


def unseen_residuals(m: int, logits: int = 3) -> list[sp.Expr]:
    """NT2: derivatives of the loss of a sentence with the tokens 0, ..., m-1 and the query m-1, of any counts, in all
    entries (x, q) of W_kq with another query or with the token x = m, which the sentence does not hold.

    The network itself is derived: softmax(W_ov X softmax(X^T W_kq x_L)) with one-hot tokens.
    """
    W_kq = sp.Matrix(m + 1, m + 1, lambda x, q: sp.Symbol(f"s{x}_{q}"))
    W_ov = sp.Matrix(logits, m + 1, lambda v, x: sp.Symbol(f"w{v}_{x}"))
    X, counts = sp.eye(m + 1)[:, :m], sp.symbols(f"k:{m}", positive=True)
    scores = X.T * W_kq * X[:, m - 1]
    weights = sp.Matrix([k * sp.exp(score) for k, score in zip(counts, scores, strict=True)])
    z = W_ov * X * weights / sum(weights)
    loss = sp.log(sum(sp.exp(z_v) for z_v in z)) - z[0]
    free = {sp.exp(z[v]): sp.Symbol(f"P{v}", positive=True) for v in range(logits)}
    free |= {sp.exp(s): sp.Symbol(f"E_{s}", positive=True) for s in W_kq}
    unseen = [(x, q) for x in range(m + 1) for q in range(m + 1) if x == m or q != m - 1]
    return [sp.diff(loss, W_kq[x, q]).xreplace(free) for x, q in unseen]


def descent_of_optimal(m: int) -> list[sp.Expr]:
    """NT3: -G_0 for every sentence with m tokens, positive: the score of the optimal token always rises.

    Once with other tokens in the vocabulary, and once without.
    """
    s = SentenceSymbols(m)
    return [-s.G[0], -s.G[0].subs(s.rest, 0)]


def slack_over_dominance(s: SentenceSymbols, leads: Sequence[sp.Expr]) -> sp.Expr:
    """NT4: (G_x - beta a_x p_x) / (beta a_x), the same for all x > 0; leads are a_0 - a_y for y = 1, ..., m-1."""
    return s.a[0] * s.p_rest + sum(s.p[y] * leads[y - 1] for y in range(1, s.m))


def sign_lemma_residuals(m: int) -> list[sp.Expr]:
    """NT4: G_x - beta a_x p_x = beta a_x (a_0 p_rest + sum_y p_y (a_0 - a_y)), which is >= 0 under dominance."""
    s = SentenceSymbols(m)
    slack = slack_over_dominance(s, [s.a[0] - s.a[y] for y in range(1, m)])
    return [s.G[x] - s.beta * s.a[x] * s.p[x] - s.beta * s.a[x] * slack for x in range(1, m)]


def slack_under_dominance(m: int) -> list[sp.Expr]:
    """The slack of the sign lemma, with a symbol for each lead a_0 - a_y >= 0: its coefficients are positive.

    It may be 0 where leads are, and no token is outside the sentence: beta a_x p_x > 0 is left of G_x.
    """
    s = SentenceSymbols(m)
    return [slack_over_dominance(s, sp.symbols(f"lead1:{m}", positive=True))]


def correlation_residuals(m: int) -> list[sp.Expr]:
    """NT5 for one sentence, where G_1, ..., G_{m-1} >= 0 (sign lemma), S = sum of them, and G_0 = -S (column sums):

    <-G, w> - S = sum_x G_x (w_0 - w_x - 1) >= 0 for margins >= 1, and 2 S^2 - |G|^2 = 2 sum_{x<y} G_x G_y >= 0.
    """
    G, w = sp.symbols(f"G1:{m}"), sp.symbols(f"w:{m}")
    S = sum(G)
    along = S * w[0] - sum(G[x - 1] * w[x] for x in range(1, m))
    squares = S**2 + sum(G_x**2 for G_x in G)
    return [
        along - S - sum(G[x - 1] * (w[0] - w[x] - 1) for x in range(1, m)),
        2 * S**2 - squares - 2 * sum((x * y for x, y in combinations(G, 2)), sp.Integer(0)),
    ]


def correlation_slacks(m: int) -> list[sp.Expr]:
    """What is left over in both inequalities, with a symbol for each G_x > 0 and each margin - 1; 0 where m = 2."""
    G, extra = sp.symbols(f"G1:{m}", positive=True), sp.symbols(f"extra1:{m}", positive=True)
    products = [x * y for x, y in combinations(G, 2)]
    return [sum(x * y for x, y in zip(G, extra, strict=True)), *([2 * sum(products)] if products else [])]


def infimum_residuals(m: int) -> list[sp.Expr]:
    """NT7: logit of n(x) minus that of n(0) is beta (a_x - a_0) = -beta + beta (a_x + sum_{y > 0} a_y); V is free.

    Under W_ov = beta W_ov* the logits are beta a_x - beta/V at n(x), and -beta/V at all other tokens (a_x = 0 there).
    They are never less than -beta below that of n(0), and -beta only if a_0 = 1: hence the loss is at least
    log(1 + (V-1) e^-beta), which is its infimum, since the scores c W_kq* have a_0 -> 1 as c -> infinity. The last
    residuals are what is left of the rises at a_0 = 1.
    """
    s = SentenceSymbols(m)
    V = sp.Symbol("V", positive=True)
    logits = [s.beta * mass - s.beta / V for mass in (*s.a, 0)]
    rises = [*others_rise(s), sum(s.a[1:])]
    focused = dict.fromkeys(s.A[1:], 0)
    return [
        *(logits[x] - logits[0] + s.beta - s.beta * rises[x - 1] for x in range(1, m + 1)),
        *(rise.subs(focused) for rise in rises),
    ]


def rises_of_others(m: int) -> list[sp.Expr]:
    """`others_rise`, positive for every sentence with m tokens."""
    return others_rise(SentenceSymbols(m))


def others_rise(s: SentenceSymbols) -> list[sp.Expr]:
    """a_x + sum_{y > 0} a_y for the non-optimal tokens x; `is_positive` sees that it is positive unless a_0 = 1."""
    return [s.a[x] + sum(s.a[1:]) for x in range(1, s.m)]


def ray_residuals() -> list[sp.Expr]:
    """NT6 for free V and N. W_ov*, with N columns (1 - 1/V at n(x), -1/V elsewhere), and its ray.

    The column has all margins 1, is the combination of its pairs with duals 1/V, and its squared norm (V - 1)/V is the
    sum of the duals: it is the max-margin solution. At W_ov = s W_ov*, E = e^s, every column of -grad L_0 is
    V / (E + V - 1) times it, and the loss is -log of the probability A/(A + (V-1) B) of the next token, with
    A = e^(s top) and B = e^(s other), so that B/A = e^-s = 1/E. With equal weights normalised gradient descent
    therefore stays on the ray of W_ov*, at s = eta_0 t / |W_ov*|.
    """
    V, N, A, B = sp.symbols("V N A B", positive=True)
    top, other, dual = 1 - 1 / V, -1 / V, 1 / V
    E = A / B
    Z = E + V - 1
    return [
        (A + (V - 1) * B) / A - uniform_loss_exponential(V, B / A),
        N * top**2 + N * (V - 1) * other**2 - N * (V - 1) / V,
        top - other - 1,
        top - (V - 1) * dual,
        other + dual,
        top**2 + (V - 1) * other**2 - (V - 1) * dual,
        (1 - A / (A + (V - 1) * B)) - V / Z * top,
        -B / (A + (V - 1) * B) - V / Z * other,
    ]


def uniform_loss_exponential(V: sp.Expr, y: sp.Expr) -> sp.Expr:
    """e to the loss of one collocation, with y = e^-s: the loss of all is N log(1 + (V-1) e^-s)."""
    return 1 + (V - 1) * y


def ray_speed() -> sp.Expr:
    """V / (E + V - 1), by which the gradient on the ray is a multiple of -W_ov*; positive, with V = U + 1."""
    U, E = sp.symbols("U E", positive=True)
    return (U + 1) / (E + U)


def tail_residuals() -> list[sp.Expr]:
    """NT7: at a_0 = 1, g_x - g_0 = beta (1 - p_0 + p_x) = beta V / (e^beta + V - 1); beta and V free."""
    V, E, beta = sp.symbols("V E beta", positive=True)
    Z = E + V - 1
    return [beta * (1 - E / Z + 1 / Z) - beta * V / Z]
