"""One sentence's loss and its derivatives, for all W_ov and W_kq (NT1, NT2).

l = -log p_n, p = softmax(W_ov c), c = X phi, phi = softmax(X^T W_kq x_L) with one-hot tokens, the columns of X. The
exponentials of scores and logits are no rational functions: independent variables E[x][q] and P[v] stand for
exp(W_kq[x, q]) and exp((W_ov c)_v), and dE = E dW_kq, dP = P dz. What holds for all of them holds for exponentials.
The loss of a dataset is a positive combination of such losses, and so are its derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.recheck.arithmetic import Dual, total
from verify.recheck.certificate import Certificate

Matrix = Sequence[Sequence[Any]]


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    return total(x * y for x, y in zip(a, b, strict=True))


def loss_slope(z: Sequence[Any], P: Sequence[Any], n: int) -> Any:
    """Derivative of log sum_v exp(z_v) - z_n, where P_v stands for exp(z_v)."""
    dz = [Dual.of(z_v).tangent for z_v in z]
    return dot(P, dz) / total(P) - dz[n]


def attention(tokens: Sequence[int], counts: Sequence[Any], E: Matrix) -> list[Any]:
    """phi, one weight per position; the query is the last token. A position may stand for `counts` equal ones."""
    weights = [k * E[x][tokens[-1]] for x, k in zip(tokens, counts, strict=True)]
    return [w / total(weights) for w in weights]


def average(tokens: Sequence[int], phi: Sequence[Any], d: int) -> list[Any]:
    """c = X phi, the attention that each of the d tokens of the vocabulary has."""
    return [total(phi_j for phi_j, x_j in zip(phi, tokens, strict=True) if x_j == x) for x in range(d)]


class Sentence:
    """A sentence under generic weights. W_ov has a row for every logit, a column for each of the d tokens."""

    def __init__(self, c: Certificate, tokens: Sequence[int], counts: Sequence[Any], d: int, logits: int) -> None:
        self.tokens, self.counts, self.d, self.query = tokens, counts, d, tokens[-1]
        self.W = [c.field.draws(d) for _ in range(logits)]
        self.E = [c.field.draws(d) for _ in range(d)]
        self.P = c.field.draws(logits)
        self.phi = attention(tokens, counts, self.E)
        self.masses = average(tokens, self.phi, d)

    def slope(self, W: Matrix, E: Matrix) -> Any:
        """Derivative of the loss in the direction in which W and E move; row 0 belongs to the next token."""
        mix = average(self.tokens, attention(self.tokens, self.counts, E), self.d)
        return loss_slope([dot(row, mix) for row in W], self.P, 0)

    def by_output(self) -> list[list[Any]]:
        """dl/dW_ov, entry by entry."""
        return [[self.slope(moved(self.W, v, x, 1), self.E) for x in range(self.d)] for v in range(len(self.W))]

    def by_scores(self) -> list[list[Any]]:
        """dl/dW_kq, entry by entry."""
        tokens = range(self.d)
        return [[self.slope(self.W, moved(self.E, x, q, self.E[x][q])) for q in tokens] for x in tokens]


def moved(M: Matrix, i: int, j: int, tangent: Any) -> list[list[Any]]:
    """M, with a tangent at entry (i, j)."""
    rows = [list(row) for row in M]
    rows[i][j] = Dual(rows[i][j], tangent)
    return rows


def residual(s: Sentence) -> list[Any]:
    """r = e_n - p."""
    return [int(v == 0) - P_v / total(s.P) for v, P_v in enumerate(s.P)]


def stated_by_output(s: Sentence) -> list[list[Any]]:
    """-r c^T."""
    return [[-r_v * mass for mass in s.masses] for r_v in residual(s)]


def pulled_back(s: Sentence) -> list[Any]:
    """W_ov^T r."""
    r = residual(s)
    return [dot([row[x] for row in s.W], r) for x in range(s.d)]


def stated_by_scores(s: Sentence) -> list[list[Any]]:
    """-X (diag phi - phi phi^T) X^T W_ov^T r x_L^T."""
    read = [pulled_back(s)[x] for x in s.tokens]  # X^T W_ov^T r
    spread = [phi_j * read_j - phi_j * dot(s.phi, read) for phi_j, read_j in zip(s.phi, read, strict=True)]
    column = average(s.tokens, spread, s.d)
    return [[-column[x] * int(q == s.query) for q in range(s.d)] for x in range(s.d)]


def stated_in_masses(s: Sentence) -> list[Any]:
    """a_x sum_y a_y (g_x - g_y) with g = -W_ov^T r: the column of the query."""
    a, g = s.masses, [-x for x in pulled_back(s)]
    return [a[x] * total(a[y] * (g[x] - g[y]) for y in range(s.d)) for x in range(s.d)]


def read_sizes(c: Certificate) -> tuple[int, int]:
    """(the number of different tokens in the longest sentence, logits)."""
    return c.parameters.integer("tokens", 2, 24), c.parameters.integer("logits", 2, 24)


def cost(positions: int, d: int, logits: int) -> int:
    """Steps that all derivatives of one sentence take."""
    return (d + logits) * d * (5 * d * logits + d * positions + positions**2 + 20 * positions)


def of_all_counts(c: Certificate, m: int, logits: int) -> Sentence:
    """A sentence with the tokens 0, ..., m-1, as often as you like; the vocabulary has one token more."""
    return Sentence(c, range(m), c.field.draws(m), m + 1, logits)


def gradients(c: Certificate) -> str:
    """NT1: some sentences position by position, then all with a given number of different tokens."""
    largest, logits = read_sizes(c)
    explicit = c.parameters.integer_rows("sentences", 0, 23)
    c.demand(all(explicit), "parameters.sentences: one is empty")
    costs = [cost(len(tokens), max(tokens) + 2, logits) for tokens in explicit]
    c.afford(sum(costs) + sum(cost(m, m + 1, logits) for m in range(2, largest + 1)), "derivatives of every entry")
    for tokens in explicit:
        check_gradients(c, Sentence(c, tokens, [1] * len(tokens), max(tokens) + 2, logits))
    for m in range(2, largest + 1):
        check_gradients(c, of_all_counts(c, m, logits))
    listed = ", ".join("[" + ",".join(map(str, tokens)) + "]" for tokens in explicit)
    return f"all W_ov, W_kq, counts; 2..{largest} different tokens, {logits} logits; by position {listed}"


def check_gradients(c: Certificate, s: Sentence) -> None:
    by_output, by_scores = s.by_output(), s.by_scores()
    for label, found, stated in (
        ("dl/dW_ov", by_output, stated_by_output(s)),
        ("dl/dW_kq", by_scores, stated_by_scores(s)),
        ("dl/dW_kq in masses", [[row[s.query]] for row in by_scores], [[G_x] for G_x in stated_in_masses(s)]),
    ):
        for i, (row, formula) in enumerate(zip(found, stated, strict=True)):
            for j, (x, y) in enumerate(zip(row, formula, strict=True)):
                c.zero(x - y, f"{label}[{i},{j}], sentence {list(s.tokens)}")


def conserved(c: Certificate) -> str:
    """NT2: sums of columns, and entries of tokens and queries that the sentence does not have."""
    largest, logits = read_sizes(c)
    c.afford(sum(cost(m, m + 1, logits) for m in range(2, largest + 1)), "derivatives of every entry")
    for m in range(2, largest + 1):
        s = of_all_counts(c, m, logits)
        by_output, by_scores = s.by_output(), s.by_scores()
        for x in range(s.d):
            c.zero(total(row[x] for row in by_output), f"column {x} of dl/dW_ov, {m} tokens")
            c.zero(total(row[x] for row in by_scores), f"column {x} of dl/dW_kq, {m} tokens")
        for x, q in unseen(s):
            c.zero(by_scores[x][q], f"dl/dW_kq[{x},{q}], {m} tokens")
    return f"all W_ov, W_kq, counts; 2..{largest} different tokens and one unseen, {logits} logits"


def unseen(s: Sentence) -> list[tuple[int, int]]:
    """Entries (x, q) of W_kq for which the sentence does not hold x together with the query q."""
    return [(x, q) for x in range(s.d) for q in range(s.d) if q != s.query or x not in s.tokens]
