"""The checker of the next-token paper: identities that are changed are rejected; derivatives are those of the network.

Identities have no witness that could be false. Instead the statement is changed: a sign, a term, a condition.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations, product
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.certificates.next_token import Entry, named, outcome, sealed
from verify.recheck.next_token import STATEMENTS, aligned, attention


@pytest.fixture(name="named", scope="module")
def named_certificates() -> dict[str, Entry]:
    return named()


def add(f: Callable[..., Any], *where: int) -> Callable[..., Any]:
    """The function, its result 1 larger (at one entry)."""

    def changed(*arguments: Any) -> Any:
        result = f(*arguments)
        if not where:
            return result + 1
        at = result
        for i in where[:-1]:
            at = at[i]
        at[where[-1]] = at[where[-1]] + 1
        return result

    return changed


def negated(f: Callable[..., Any]) -> Callable[..., Any]:
    def changed(*arguments: Any) -> Any:
        result = f(*arguments)
        return [[-x for x in row] if isinstance(row, list) else -row for row in result]

    return changed


def without_mean(s: attention.Sentence) -> list[list[Any]]:
    """-X diag phi X^T W_ov^T r x_L^T."""
    read = attention.pulled_back(s)
    return [[-s.masses[x] * read[x] * int(q == s.query) for q in range(s.d)] for x in range(s.d)]


def in_every_column(s: attention.Sentence) -> list[list[Any]]:
    """The right column, for every query."""
    return [[row[s.query]] * s.d for row in stated_by_scores(s)]


def wrong_for(tokens: list[int]) -> Callable[[attention.Sentence], list[list[Any]]]:
    """-r c^T for all sentences but one."""
    stated = attention.stated_by_output
    return lambda s: (negated(stated) if list(s.tokens) == tokens else stated)(s)


stated_by_scores = attention.stated_by_scores
by_scores = attention.Sentence.by_scores
slope = aligned.Sentence.slope
HALF = Fraction(1, 2)
above_floor = aligned.above_floor
logits, best_output, descent, slack = aligned.logits, aligned.best_output, aligned.descent, aligned.slack


def leaning(s: attention.Sentence) -> list[list[Any]]:
    """Derivatives that move a score for another query, and keep the sums of columns."""
    rows = by_scores(s)
    other = (s.query + 1) % s.d
    rows[0][other], rows[1][other] = rows[0][other] + 1, rows[1][other] - 1
    return rows


def pushed_up(s: aligned.Sentence, x: int) -> Any:
    """The derivatives of a loss whose optimal token falls."""
    return -slope(s, x)


def below(s: aligned.Sentence, x: int) -> Any:
    """Derivatives as far below beta a_x p_x as they are above it."""
    return 2 * (s.beta * s.a[x] * s.p[x]) - slope(s, x)


def less_for_the_rest(A: Any, P: Any) -> Any:
    """What the tokens outside the sentence take away, and more."""
    return 2 * A[0] * P[len(A)]


def with_less_descent(s: aligned.Sentence, x: int) -> Any:
    taken = s.A[1] * less_for_the_rest(s.A, s.P) * s.beta
    return slope(s, x) + taken / (aligned.total(s.A) * aligned.total(s.A) * aligned.total(s.P))


def with_less_slack(s: aligned.Sentence, x: int) -> Any:
    taken = s.a[x] * less_for_the_rest(s.A, s.P) * s.beta
    return slope(s, x) - taken / (aligned.total(s.A) * aligned.total(s.P))


FALSE_STATEMENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "+ r c^T": ("NT1", {"attention.stated_by_output": negated(attention.stated_by_output)}, "dl/dW_ov[0,0]"),
    "+ X (diag ...)": ("NT1", {"attention.stated_by_scores": negated(stated_by_scores)}, "dl/dW_kq[0,"),
    "diag phi alone": ("NT1", {"attention.stated_by_scores": without_mean}, "dl/dW_kq[0,"),
    "all queries": ("NT1", {"attention.stated_by_scores": in_every_column}, "dl/dW_kq[0,0]"),
    "g_y - g_x": ("NT1", {"attention.stated_in_masses": negated(attention.stated_in_masses)}, "in masses[0,0]"),
    "one by position": ("NT1", {"attention.stated_by_output": wrong_for([1, 0, 0])}, "sentence [1, 0, 0]"),
    "one of any counts": ("NT1", {"attention.stated_by_output": wrong_for([0, 1, 2, 3])}, "sentence [0, 1, 2, 3]"),
    "p for r": ("NT1", {"attention.residual": negated(attention.residual)}, "dl/dW_ov"),
    "a sum in W_ov": (
        "NT2",
        {"attention.Sentence.by_output": add(attention.Sentence.by_output, 0, 0)},
        "column 0 of dl/dW_ov",
    ),
    "a sum in W_kq": ("NT2", {"attention.Sentence.by_scores": add(by_scores, 0, 1)}, "column 1 of dl/dW_kq"),
    "another query": ("NT2", {"attention.Sentence.by_scores": leaning}, "dl/dW_kq[0,2], 2 tokens"),
    "seen scores": ("NT2", {"attention.unseen": lambda s: [(0, s.query)]}, "dl/dW_kq[0,1]"),
    "less descent": ("NT3", {"aligned.descent": lambda A, P: descent(A, P) - A[0] * A[1] * P[-1]}, "derivative in"),
    "W_ov = -beta W_ov*": ("NT3", {"aligned.logits": lambda a, V, beta: logits(a, V, -beta)}, "derivative in"),
    "it rises": (
        "NT3",
        {"aligned.Sentence.slope": pushed_up, "aligned.descent": lambda A, P: -descent(A, P)},
        "the derivative may be positive",
    ),
    "the rest takes descent": (
        "NT3",
        {
            "aligned.Sentence.slope": with_less_descent,
            "aligned.descent": lambda A, P: descent(A, P) - A[1] * less_for_the_rest(A, P),
        },
        "the derivative may be positive",
    ),
    "the rest takes slack": (
        "NT4",
        {
            "aligned.Sentence.slope": with_less_slack,
            "aligned.slack": lambda A, P: slack(A, P) - less_for_the_rest(A, P),
        },
        "in spite of dominance",
    ),
    "it stands still": (
        "NT3",
        {"aligned.Sentence.slope": lambda s, x: 0 * slope(s, x), "aligned.descent": lambda A, P: 0 * descent(A, P)},
        "the derivative may be positive",
    ),
    "no more slack": ("NT4", {"aligned.slack": add(slack)}, "derivative in the score of token 1"),
    "1/V off": ("NT4", {"aligned.best_output": lambda V: (1 - 1 / V, 1 / V)}, "derivative in"),
    "it falls": (
        "NT4",
        {"aligned.Sentence.slope": below, "aligned.slack": lambda A, P: -slack(A, P)},
        "in spite of dominance",
    ),
    "the sum of G": (
        "NT5",
        {"aligned.Sentence.slope": lambda s, x: slope(s, x) + int(x == 0)},
        "-G = sum G_x (e_0 - e_x)",
    ),
    "no sign lemma": ("NT5", {"aligned.slack": lambda A, P: 2 * slack(A, P)}, "derivative in the score"),
    "|v|^2 = 3": ("NT5", {"aligned.inner_product": lambda v, w: 3 if v == w else 0}, "a larger product"),
    "e_n(x)": ("NT6", {"aligned.best_output": lambda V: (1 + 0 / V, 0 / V)}, "at the token that follows"),
    "2 W_ov*": ("NT6", {"aligned.best_output": lambda V: tuple(2 * w for w in best_output(V))}, "margin"),
    "V e^-s": ("NT6", {"aligned.exp_loss": lambda V, y: 1 + V * y}, "exp of the loss"),
    "other gradient": ("NT6", {"aligned.loss_slope": lambda z, P, n: -attention.loss_slope(z, P, n)}, "on the ray"),
    "2 beta": ("NT7i", {"aligned.logits": lambda a, V, beta: logits(a, V, 2 * beta)}, "logit 1 less"),
    "lower still": (
        "NT7i",
        {
            "aligned.logits": lambda a, V, beta: logits(a, V, 2 * beta),
            "aligned.above_floor": lambda A, v: aligned.total(A) - 2 * A[0] + (2 * A[v] if v < len(A) else 0),
        },
        "logit 1 may be lower",
    ),
    "rows of no token": (
        "NT7i",
        {"aligned.above_floor": lambda A, v: above_floor(A, v) + (A[0] if v == len(A) else 0)},
        "logit 2 less that of the next token, 2 tokens",
    ),
    "not that low": (
        "NT7i",
        {
            "aligned.logits": lambda a, V, beta: logits(a, V, beta / 2),
            "aligned.above_floor": lambda A, v: aligned.total(A) - HALF * A[0] + (HALF * A[v] if v < len(A) else 0),
        },
        "limit of logit 1",
    ),
}


@pytest.mark.parametrize("change", FALSE_STATEMENTS)
def test_changed_statements_are_rejected(named: dict[str, Entry], change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id, patches, reason = FALSE_STATEMENTS[change]
    for name, replacement in patches.items():
        monkeypatch.setattr(f"verify.recheck.next_token.{name}", replacement)
    assert outcome(named[id]).startswith(f"rejected {id}: ")
    assert reason in outcome(named[id])


@pytest.mark.parametrize("m", [2, 4])
@pytest.mark.parametrize("id", ["NT1", "NT2", "NT3", "NT4", "NT5", "NT7i"])
def test_every_size_is_checked(named: dict[str, Entry], id: str, m: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that is false for sentences with m tokens only, the fewest and the most."""
    room = "verify.recheck.next_token"
    monkeypatch.setattr(f"{room}.attention.stated_by_output", wrong_for(list(range(m))))
    monkeypatch.setattr(f"{room}.attention.Sentence.by_scores", lambda s: leaning_for(m, s))
    monkeypatch.setattr(f"{room}.aligned.Sentence.slope", lambda s, x: slope(s, x) + int(s.m == m))
    monkeypatch.setattr(f"{room}.aligned.above_floor", lambda A, v: above_floor(A, v) * (1 + int(len(A) == m)))
    parameters = {**named[id]["parameters"], **({"sentences": [[1, 0, 0]]} if id == "NT1" else {})}
    found = outcome(sealed(named[id], parameters=parameters))
    assert found.startswith(f"rejected {id}: ")
    assert (f"sentence {list(range(m))}" if id == "NT1" else f"{m} tokens") in found


def leaning_for(m: int, s: attention.Sentence) -> list[list[Any]]:
    return leaning(s) if len(s.tokens) == m else by_scores(s)


def test_every_identity_has_two_false_statements() -> None:
    counts = [id for id, _, _ in FALSE_STATEMENTS.values()]
    assert all(counts.count(id) >= 2 for id in STATEMENTS if id not in ("NT7m", "NT9m", "NT9c"))


# The checker's network against automatic differentiation of the same network in floats.


class Floats:
    """Random numbers in place of a field's variables."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def draw(self) -> float:
        return self.random.uniform(0.5, 2)

    def draws(self, count: int) -> list[float]:
        return [self.draw() for _ in range(count)]


def network_loss(W_ov: torch.Tensor, W_kq: torch.Tensor, tokens: list[int]) -> torch.Tensor:
    X = torch.eye(W_kq.shape[0], dtype=torch.float64)[:, tokens]
    return -torch.log_softmax(W_ov @ X @ torch.softmax(X.T @ W_kq @ X[:, -1], 0), 0)[0]


@pytest.mark.parametrize("tokens", [[0, 1], [1, 0, 0], [2, 0, 2, 1, 1], [0]])
def test_derivatives_are_those_of_the_network(tokens: list[int]) -> None:
    surroundings: Any = SimpleNamespace(field=Floats(5))
    s = attention.Sentence(surroundings, tokens, [1] * len(tokens), 4, 3)
    W_ov = torch.tensor(s.W, dtype=torch.float64, requires_grad=True)
    W_kq = torch.tensor(s.E, dtype=torch.float64).log().requires_grad_()
    s.P = [math.exp(attention.dot(row, s.masses)) for row in s.W]
    network_loss(W_ov, W_kq, tokens).backward()
    assert W_ov.grad is not None and W_kq.grad is not None
    torch.testing.assert_close(torch.tensor(s.by_output(), dtype=torch.float64), W_ov.grad)
    torch.testing.assert_close(torch.tensor(s.by_scores(), dtype=torch.float64), W_kq.grad)


def test_derivatives_are_those_of_the_aligned_network() -> None:
    """Tokens 0, 1, 2 with counts 1, 1, 2 and n(x) = x, in a vocabulary of 6."""
    surroundings: Any = SimpleNamespace(field=Floats(6))
    s, V, tokens = aligned.Sentence(surroundings, 3), 6, [0, 1, 2, 2]
    scores = torch.zeros(V, V, dtype=torch.float64)
    scores[:3, 2] = torch.tensor([s.A[0], s.A[1], s.A[2] / 2], dtype=torch.float64).log()
    W_kq = scores.requires_grad_()
    W_ov = s.beta * (torch.eye(V, dtype=torch.float64) - 1 / V)
    s.V = V
    z = aligned.logits(s.a, V, s.beta)
    s.P = [math.exp(z_v) * (V - 3 if v == 3 else 1) for v, z_v in enumerate(z)]
    network_loss(W_ov, W_kq, tokens).backward()
    assert W_kq.grad is not None
    assert [s.slope(x) for x in range(3)] == pytest.approx(W_kq.grad[:3, 2].tolist(), rel=1e-12)


def test_inner_products_of_pairs() -> None:
    """Against the matrices themselves: 4 tokens by 2 queries."""
    pairs = [((a, b), q) for a, b in permutations(range(4), 2) for q in range(2)]

    def matrix(pair: tuple[tuple[int, ...], int]) -> list[int]:
        (a, b), q = pair
        return [(int(x == a) - int(x == b)) * int(column == q) for x in range(4) for column in range(2)]

    for v, w in product(pairs, repeat=2):
        assert aligned.inner_product(v, w) == sum(x * y for x, y in zip(matrix(v), matrix(w), strict=True))
