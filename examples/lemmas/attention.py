"""Lemmas on attention.

Sources: Vaswani et al. (2017); von Oswald et al., Transformers Learn In-Context by Gradient Descent (2023); Su et al.,
RoFormer (2021); Elhage et al., A Mathematical Framework for Transformer Circuits (2021).
"""

from landscape_verifier import control, datasets, lemma, math, orthogonal, rationals, stochastic


def softmax(logits):
    weights = math.exp(logits)
    return weights / weights.sum()


@lemma("AT1", "weights sum to 1", over={"logits": rationals(4)})
def normalised(logits):
    """Softmax weights sum to 1."""
    return softmax(logits).sum() == 1


@lemma("AT2", "softmax knows differences only", over={"logits": rationals(3)})
def shift(logits, c):
    """Adding one number to all logits changes no weight."""
    return softmax(logits + c) == softmax(logits)


@control("AT2c", "softmax knows ratios only", over={"logits": rationals(3)})
def scale(logits):
    """Doubling all logits changes no weight."""
    return softmax(2 * logits) == softmax(logits)


@lemma("AT3", "logarithms of weights", over={"logits": rationals(3)})
def log_softmax(logits):
    """log softmax(l)_i = l_i - log sum exp(l)."""
    return [math.log(softmax(logits)[i]) == logits[i] - math.log(math.exp(logits).sum()) for i in range(3)]


@lemma("AT4", "heads average", over={"logits": rationals(3), "values": rationals(3)})
def jensen(logits, values):
    """The squared output of a head is at most the average of squared values."""
    return (softmax(logits) @ values) ** 2 <= softmax(logits) @ values**2


@lemma("AT5", "the Jacobian of softmax", over={"p": stochastic(1, 4), "x": rationals(4)})
def jacobian(p, x):
    """diag(p) - p p^T is positive semidefinite."""
    return p[0] @ x**2 - (p[0] @ x) ** 2 >= 0


@lemma("AT6", "linear attention makes a step", over={"data": datasets(N=3, d=2), "query": rationals(2)})
def step_in_context(data, query, eta):
    """With keys x_i, values y_i and no softmax a head predicts what one step of gradient descent from 0 does."""
    X, y = data
    w = eta * X.T @ y / 3
    return eta * (y * (X @ query)).sum() / 3 == w @ query


@lemma(
    "AT7",
    "only the product of query and key counts",
    over={"Q": rationals(2, 2), "K": rationals(2, 2), "A": rationals(2, 2)},
)
def reparametrised(Q, K, A):
    """Scores stay where Q becomes Q A and K becomes K A^{-T}."""
    return (Q @ A) @ (K @ math.inverse(A).T).T == Q @ K.T


@lemma("AT8", "rotated queries and keys", over={"R": orthogonal(3), "q": rationals(3), "k": rationals(3)})
def rotary(R, q, k):
    """A rotation of queries and keys changes no score."""
    return (R @ q) @ (R @ k) == q @ k


@control("AT8c", "all rotations commute", over={"R": orthogonal(3), "P": orthogonal(3)})
def commute(R, P):
    """The order of two rotations does not matter."""
    return R @ P == P @ R


@lemma("AT9", "scores are bounded", over={"q": rationals(3), "k": rationals(3)})
def cauchy_schwarz(q, k):
    """A squared score is at most the product of squared norms."""
    return (q @ k) ** 2 <= (q @ q) * (k @ k)
