"""One sentence under W_ov = beta W_ov* (NT3, NT4, NT5, NT7i), and the ray of W_ov* (NT6).

Token 0 is the optimal one of the tokens 0, ..., m-1 of the sentence; A_x = count * exp(score) > 0 are their weights,
a = A / sum A their attention. W_ov* = sum_x (e_{n(x)} - 1/V) x^T, and n is injective: the logits have a row for each
n(x) and one more, which stands for the V - m others; these see the same. P are the exponentials of the logits, the
last one V - m times over: >= 0, and 0 if V = m. V, beta, A and P are variables (see `attention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

from verify.recheck.arithmetic import Dual, Polynomial, Series, total
from verify.recheck.certificate import Certificate
from verify.recheck.next_token.attention import dot, loss_slope


def best_output(V: Any) -> tuple[Any, Any]:
    """A column of W_ov*: the entry at the token that follows, and all others."""
    return 1 - 1 / V, -1 / V


def logits(a: Sequence[Any], V: Any, beta: Any) -> list[Any]:
    """beta W_ov* a."""
    top, other = best_output(V)
    rows = [[top if v == x else other for x in range(len(a))] for v in range(len(a) + 1)]
    return [dot(row, a) * beta for row in rows]


def normalised(A: Sequence[Any]) -> list[Any]:
    return [A_x / total(A) for A_x in A]


class Sentence:
    """A generic sentence with m different tokens."""

    def __init__(self, c: Certificate, m: int) -> None:
        self.m, self.V, self.beta = m, c.field.draw(), c.field.draw()
        self.A, self.P = c.field.draws(m), c.field.draws(m + 1)
        self.a, self.p = normalised(self.A), normalised(self.P)

    def slope(self, x: int) -> Any:
        """Derivative of the loss in the score of x: dA_x = A_x."""
        A = [Dual(A_y, A_y if y == x else 0) for y, A_y in enumerate(self.A)]
        return loss_slope(logits(normalised(A), self.V, self.beta), self.P, 0)


def symbols(name: str, count: int) -> list[Polynomial]:
    return Polynomial.variables(" ".join(f"{name}{i}" for i in range(count)))


def read_tokens(c: Certificate) -> int:
    """The number of different tokens in the longest sentence."""
    largest = c.parameters.integer("tokens", 2, 24)
    c.afford(5 * largest**4, "derivatives")
    return largest


def in_words(largest: int) -> str:
    return f"all scores, counts, beta > 0, V; 2..{largest} different tokens"


def descent(A: Sequence[Any], P: Sequence[Any]) -> Any:
    """-dl/d(score of 0), times sum(A)^2 sum(P) / beta."""
    return A[0] * total(A[y] * (total(P) - P[0] + P[y]) for y in range(1, len(A)))


def optimal_token(c: Certificate) -> str:
    """NT3: minus the derivative is at least beta a_0 a_1 p_1 > 0."""
    largest = read_tokens(c)
    for m in range(2, largest + 1):
        s = Sentence(c, m)
        scaled = descent(s.A, s.P) * s.beta / (total(s.A) * total(s.A) * total(s.P))
        c.zero(s.slope(0) + scaled, f"derivative in the score of the optimal token, {m} tokens")
        A, P = symbols("A", m), symbols("P", m + 1)
        c.demand((descent(A, P) - A[0] * A[1] * P[1]).nowhere_negative, f"{m} tokens: the derivative may be positive")
    return in_words(largest)


def slack(A: Sequence[Any], P: Sequence[Any]) -> Any:
    """(dl/d(score of x) - beta a_x p_x) sum(A) sum(P) / (beta a_x), the same for every x other than 0."""
    return A[0] * total(P) - dot(A, P[: len(A)])


def check_sign_lemma(c: Certificate, s: Sentence) -> None:
    for x in range(1, s.m):
        rise = s.beta * s.a[x] * (s.p[x] + slack(s.A, s.P) / (total(s.A) * total(s.P)))
        c.zero(s.slope(x) - rise, f"derivative in the score of token {x}, {s.m} tokens")
    A, P, D = symbols("A", s.m), symbols("P", s.m + 1), symbols("D", s.m)
    dominance = [A[0] - A_y - D_y for A_y, D_y in zip(A, D, strict=True)]  # brackets that are 0, where D >= 0
    rewritten = slack(A, P) - dot(P[1 : s.m], dominance[1:])
    c.demand(rewritten.nowhere_negative, f"{s.m} tokens: below beta a_x p_n(x) in spite of dominance")


def sign_lemma(c: Certificate) -> str:
    """NT4."""
    largest = read_tokens(c)
    for m in range(2, largest + 1):
        check_sign_lemma(c, Sentence(c, m))
    return f"{in_words(largest)}; a_optimal >= a_x"


def correlation_lemma(c: Certificate) -> str:
    """NT5: for a sentence with m tokens, then for all sentences together.

    By NT4 each sentence X has G_x >= 0 for x other than 0; with these, -G = sum_x G_x (e_0 - e_x), in the column of its
    query. Hence -grad L = sum_i h_i v_i with h_i = pi(X) G_x >= 0 and v_i = e_0 - e_x, and <v_i, W> >= 1 is a margin:
    <-grad L, W> >= sum_i h_i. And |grad L|^2 = sum_ij h_i h_j <v_i, v_j> <= 2 (sum_i h_i)^2, since <v_i, v_j> <= 2.
    """
    largest = read_tokens(c)
    for m in range(2, largest + 1):
        s = Sentence(c, m)
        check_sign_lemma(c, s)
        G = [s.slope(x) for x in range(m)]
        c.zero(-G[0] - total(G[1:]), f"-G = sum G_x (e_0 - e_x) at the optimal token, {m} tokens")
    # two pairs involve four tokens at most, and two queries
    pairs = list(product(permutations(range(4), 2), range(2)))
    c.demand(all(inner_product(v, w) <= 2 for v, w in product(pairs, repeat=2)), "two pairs have a larger product")
    return f"{in_words(largest)}, any number of sentences; a_optimal >= a_x in each"


def inner_product(v: tuple[tuple[int, ...], int], w: tuple[tuple[int, ...], int]) -> int:
    """Of e_a - e_b in one column of W_kq with e_a' - e_b' in another, or in the same."""
    (a, b), (a_, b_) = v[0], w[0]
    return int(v[1] == w[1]) * ((a == a_) - (a == b_) - (b == a_) + (b == b_))


def above_floor(A: Sequence[Any], v: int) -> Any:
    """(z_v - z_0 + beta) sum(A) / beta; v = m is a row that no token of the sentence leads to."""
    return total(A) - A[0] + (A[v] if v < len(A) else 0)


def infimum(c: Certificate) -> str:
    """NT7i: no logit is ever less than beta below that of n(0), so that a loss is at least log(1 + (V-1) e^-beta).

    It comes as near as you like: the order of a query has no cycle, so that there is a W_kq with integer scores in
    which the optimal token of each sentence leads by at least 1. At its multiples c W_kq, with y = e^-c, the others
    weigh a power of y, and as y -> 0 every logit is exactly beta below, in all sentences at once.
    """
    largest = read_tokens(c)
    for m in range(2, largest + 1):
        s = Sentence(c, m)
        z, A = logits(s.a, s.V, s.beta), symbols("A", m)
        far = logits(normalised([Series.monomial(A_x, int(x > 0), 1) for x, A_x in enumerate(s.A)]), s.V, s.beta)
        for v in range(1, m + 1):
            gap = above_floor(s.A, v) * s.beta / total(s.A)
            c.zero(z[v] - z[0] + s.beta - gap, f"logit {v} less that of the next token, {m} tokens")
            c.demand(above_floor(A, v).nowhere_negative, f"logit {v} may be lower, {m} tokens")
            c.zero(far[v][0] - far[0][0] + s.beta, f"limit of logit {v}, {m} tokens")
    return in_words(largest)


def exp_loss(V: Any, y: Any) -> Any:
    """exp(loss) of a collocation at s W_ov*, with y = e^-s and s = eta t / |W_ov*|."""
    return 1 + (V - 1) * y


def feed_forward_ray(c: Certificate) -> str:
    """NT6, column by column of W_ov: one for each collocation x, and all alike.

    The column w of W_ov* has margin 1 over each of the V - 1 other tokens and is the combination of these pairs with
    duals 1/V > 0, whose sum is |w|^2. So every w' with margins >= 1 has <w', w> >= sum of duals = |w|^2: w is the
    shortest, and the only one. At s W_ov* every column of -grad is kappa w with the same kappa = V B / Z > 0: a step of
    length eta leads from s to s + eta / |W_ov*|, the first one from s = 0.
    """
    V = c.field.draw()
    (top, other), dual = best_output(V), 1 / V
    c.zero(top - other - 1, "margin of a column of W_ov*")
    c.zero(top - dual * (V - 1), "combination of pairs, at the token that follows")
    c.zero(other + dual, "combination of pairs, at another token")
    c.zero(dual * (V - 1) - (top * top + other * other * (V - 1)), "dual value (V-1)/V and squared norm")
    A, B = c.field.draws(2)  # exponentials of the logits s top and s other
    P = [A, B, B * (V - 2)]  # the token that follows; another one; the rest
    Z = total(P)
    kappa = V * B / Z
    for v, w_v in ((0, top), (1, other)):
        z = [Dual(0, int(i == v)) for i in range(3)]
        c.zero(loss_slope(z, P, 0) + kappa * w_v, f"gradient on the ray, row {v}")
    c.zero(Z / A - exp_loss(V, B / A), "exp of the loss")  # where B / A = exp(s (other - top)) = e^-s
    return "all V, N, step sizes and times; equal weights"
