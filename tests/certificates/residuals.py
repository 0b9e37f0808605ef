"""How far a certificate with a witness is from being true: in double precision, by other formulas than the checker's.

0, up to rounding, for a true one; inf for one of another form. So a test knows which of the changes it makes to a
certificate leave it true, and need not believe the checker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np

from proofs.next_token.dataset import Dataset, Sentence
from proofs.next_token.max_margin import MarginProblem, attention_problems, feed_forward_problems, gap
from proofs.next_token.max_margin_solver import solve
from tests.certificates.next_token import Entry

Array = np.ndarray
Parts = tuple[dict[str, Any], dict[str, Any]]  # parameters and witness


def residual(entry: Entry) -> float:
    """Of a certificate of a claim in FORMS."""
    try:
        return max(FORMS[entry["claim"]]((entry["parameters"], entry["witness"])))
    except (ValueError, LookupError, TypeError):  # a part is missing, or of another size, or the data not realizable
        return math.inf


def need(holds: bool) -> None:
    if not holds:
        raise ValueError


def numbers(rows: Any, *shape: int) -> Array:
    """Rationals, as strings; -1 stands for any size."""
    found = np.vectorize(lambda x: float(Fraction(x)), otypes=[float])(np.array(rows, dtype=object))
    need(found.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, found.shape, strict=True)))
    return np.asarray(found)


def off(*differences: Any) -> float:
    return max(float(np.abs(x).max(initial=0.0)) for x in differences)


# --- next-token ---


def dataset(of: dict[str, Any]) -> Dataset:
    sentences = tuple(Sentence(tuple(s["tokens"]), s["next"]) for s in of["sentences"])
    return Dataset("changed", tuple(map(str, range(of["V"]))), sentences)


def columns(problems: dict[int, MarginProblem], found: Sequence[dict[str, Any]]) -> Iterator[float]:
    """W* is unique, and so is the number of pairs; duals are judged by what they add up to."""
    need([column["column"] for column in found] == list(problems))
    for column, problem in zip(found, problems.values(), strict=True):
        need(column.keys() == {"column", "solution", "duals"})
        w, duals = numbers(column["solution"], problem.size), numbers(column["duals"], len(problem.pairs))
        yield off(w - np.array([float(x) for x in solve(problem).solution]))
        combination = np.zeros(problem.size)
        for (a, b), dual in zip(sorted(problem.pairs), duals, strict=True):
            combination[a], combination[b] = combination[a] + dual, combination[b] - dual
        yield off(combination - w, np.minimum(duals, 0))


def max_margin(parts: Parts) -> Iterator[float]:
    given, found = (part["datasets"] for part in parts)
    need(len(given) == len(found) > 0)
    for data, layers in zip(map(dataset, given), found, strict=True):
        need(layers.keys() == {"W_ov", "W_kq"})
        yield from columns(dict(sorted(feed_forward_problems(data).items())), layers["W_ov"])
        yield from columns(dict(sorted(attention_problems(data).items())), layers["W_kq"])


def extended_order(parts: Parts) -> Iterator[float]:
    given, found = (part["datasets"] for part in parts)
    need(len(given) == len(found) > 0)
    for data, layers in zip(map(dataset, given), found, strict=True):
        need(layers.keys() == {"W_kq"})
        yield from columns(dict(sorted(attention_problems(data).items())), layers["W_kq"])


def beaten_above(parts: Parts) -> Iterator[float]:
    (data,) = map(dataset, parts[0]["datasets"])
    problems = dict(sorted(attention_problems(data).items()))
    yield from columns(problems, parts[1]["W_kq"])
    highest = [
        max(gap((*solve(problem).solution, Fraction(0)), (b, problem.size)) for _, b in problem.pairs)
        for q, problem in problems.items()
        if len(data.seen(q)) < data.V
    ]
    yield 0.0 if max(highest, default=0) > 0 else math.inf


# --- mean-field ---


class At:
    """H and F, and what the page makes of them by way of the pseudoinverse."""

    def __init__(self, H: Array, F: Array) -> None:
        need(np.linalg.matrix_rank(H) == len(H))
        self.A, self.P = H @ H.T, np.linalg.pinv(H) @ H
        self.Q = np.eye(H.shape[1]) - self.P
        self.M, self.Z = np.linalg.inv(self.A) @ H @ F.T, F @ self.Q @ F.T
        self.gradient, self.loss = -self.M @ F @ self.Q, float(np.trace(self.Z)) / 2


def target(parts: Parts) -> tuple[int, int, Array, Array, Array]:
    """k, m, F, eigenvalues and eigenvectors."""
    k, m = parts[0]["k"], parts[0]["m"]
    values = numbers(parts[1]["eigenvalues"], k)
    need(len(set(values)) == k and min(values) > 0)
    return k, m, numbers(parts[0]["F"], k, m), values, numbers(parts[1]["eigenvectors"], k, k)


def saddles(parts: Parts, least: int, keys: set[str]) -> Iterator[tuple[dict[str, Any], list[int], Array, At]]:
    k, m, F, _, _ = target(parts)
    points = parts[1]["points"]
    every = [list(S) for size in range(least, min(k, m - k) + 1) for S in combinations(range(k), size)]
    need(sorted(point["S"] for point in points) == sorted(every))
    for point in points:
        need(point.keys() == keys)
        H = numbers(point["H"], k, m)
        yield point, point["S"], H, At(H, F)


def spectral(F: Array, values: Array, U: Array) -> float:
    return off(U @ U.T - np.eye(len(U)), F @ F.T - U.T @ np.diag(values) @ U)


def part(U: Array, S: list[int], weights: Array) -> Array:
    return np.asarray(U[S].T @ np.diag(weights[S]) @ U[S])


def classification(parts: Parts) -> Iterator[float]:
    k, m, F, values, U = target(parts)
    yield spectral(F, values, U)
    for point, S, _, at in saddles(parts, 0, {"S", "H", "loss", "unseen"}):
        yield off(at.gradient, at.Z - part(U, S, values), at.loss - float(Fraction(point["loss"])))
        basis = np.vstack([U @ F, numbers(point["unseen"], m - k, m)])
        lengths = np.linalg.norm(basis, axis=1, keepdims=True)
        need(lengths.min() > 0)
        basis = basis / lengths
        inside = basis[[*(j for j in range(k) if j not in S), *range(k, k + len(S))]]
        yield off(basis @ basis.T - np.eye(m), inside @ at.Q)


def negative_curvature(parts: Parts) -> Iterator[float]:
    k, _, F, values, U = target(parts)
    yield spectral(F, values, U)
    for point, S, _, at in saddles(parts, 1, {"S", "H", "R", "curvature"}):
        R = numbers(point["R"], k, k)
        yield off(at.gradient, at.Z - part(U, S, values), R.T @ R - part(U, S, np.ones(k)), at.M.T @ R)
        curvature = -np.trace(at.Z @ R.T @ np.linalg.inv(at.A) @ R @ at.Z)
        yield off(curvature - float(Fraction(point["curvature"])))


def saddle(parts: Parts) -> Iterator[float]:
    k, m = parts[0]["k"], parts[0]["m"]
    at = At(numbers(parts[1]["H"], k, m), numbers(parts[1]["F"], k, m))
    need(Fraction(parts[1]["loss"]) > 0)
    yield off(at.gradient, at.loss - float(Fraction(parts[1]["loss"])))


def critical_values(parts: Parts) -> Iterator[float]:
    """The mantissa of an eigenvalue has more bits than a double: it is asked of 40 digits."""
    import mpmath

    k, m = parts[0]["k"], parts[0]["m"]
    F, listed = numbers(parts[0]["F"], k, m), parts[1]["eigenvalues"]
    need(all(x.keys() == {"mantissa", "exponent", "times"} for x in listed) and bool(parts[1]["points"]))
    context = mpmath.MPContext()
    context.dps = 40
    exact = context.matrix([[context.fraction(*Fraction(x).as_integer_ratio()) for x in row] for row in parts[0]["F"]])
    spectrum = sorted(x for x in context.eigsy(exact * exact.T, eigvals_only=True) if x > 1e-20)
    said = [(x["mantissa"], x["exponent"]) for x in listed for _ in range(x["times"])]
    need(len(said) == len(spectrum) and len(set(said)) == len(listed) and all(2**63 <= n < 2**64 for n, _ in said))
    need(all(n == context.floor(x / context.mpf(2) ** e) for (n, e), x in zip(said, spectrum, strict=True)))
    values = np.array([float(x["mantissa"]) * 2.0 ** x["exponent"] for x in listed])
    for point in parts[1]["points"]:
        need(point.keys() == {"H", "missed"} and len(point["missed"]) == len(listed))
        need(all(0 <= n <= x["times"] for n, x in zip(point["missed"], listed, strict=True)))
        H = numbers(point["H"], k, m)
        at = At(H, F)
        leading = [int(np.flatnonzero(row)[0]) for row in H]
        need(sorted(set(leading)) == leading)
        yield off(H[:, leading] - np.eye(k))  # reduced row echelon form
        yield off(at.gradient, 2 * at.loss - float(np.dot(point["missed"], values)))


def law(of: dict[str, Any], k: int) -> tuple[Array, Array, Array]:
    need(of.keys() == {"h", "f", "weights"})
    weights = numbers(of["weights"], -1)
    need(min(weights) >= 0)
    return numbers(of["h"], k, len(weights)), numbers(of["f"], k, len(weights)), weights


class Prompts:
    """The setting of an in-context control: moments, and L_n(W) in closed form (MF16), without noise."""

    def __init__(self, parts: Parts) -> None:
        self.k = k = parts[0]["k"]
        w = parts[1]
        (h, f, p), (g, e, q) = (law(w[key], k) for key in ("prompt", "query"))
        chances = numbers(w["chances"], -1)
        tasks = numbers(w["tasks"], k, len(chances))
        need(min(chances) >= 0)
        self.far = off(p.sum() - 1, q.sum() - 1, chances.sum() - 1)
        self.apart = off(h - f, g - e)
        self.V = tasks * chances @ tasks.T
        self.prompt, self.query = (h, f, p), (g, e, q)

    def terms(self, V: Array, share: float, prompt: Any, query: Any) -> tuple[Array, Array, Array, float]:
        """K, A_q, B_p^T V B_q and tr(V S_q); share = 1/n."""
        (h, f, p), (g, e, q) = prompt, query
        B = f * p @ h.T
        C = h * (p * np.einsum("ij,ik,kj->j", f, V, f)) @ h.T
        return (
            (1 - share) * B.T @ V @ B + share * C,
            g * q @ g.T,
            B.T @ V @ (e * q @ g.T),
            float(np.trace(V @ (e * q @ e.T))),
        )

    def loss(self, W: Array, share: float, prompt: Any, query: Any) -> float:
        K, A, G, constant = self.terms(self.V, share, prompt, query)
        return constant / 2 - float(np.trace(G.T @ W)) + float(np.trace(K @ W @ A @ W.T)) / 2

    def slope(self, W: Array, V: Array, share: float) -> float:
        K, A, G, _ = self.terms(V, share, self.prompt, self.query)
        return off(K @ W @ A - G) / off(K) / off(A)


def said(parts: Parts, *expected: float) -> float:
    losses = numbers(parts[1]["losses"], len(expected))
    return off((losses - expected) / (1 + np.abs(expected)))


def depends_on_length(parts: Parts) -> Iterator[float]:
    s = Prompts(parts)
    W = numbers(parts[1]["W"], s.k, s.k)
    yield s.far
    yield said(parts, *(s.loss(W, share, s.prompt, s.query) for share in (1.0, 0.5)))


def shifted(parts: Parts) -> Iterator[float]:
    s = Prompts(parts)
    W = numbers(parts[1]["W"], s.k, s.k)
    need(Fraction(parts[1]["losses"][0]) == 0 < Fraction(parts[1]["losses"][1]))
    yield max(s.far, s.apart)
    yield said(parts, *(s.loss(W, 0.0, law, law) for law in (s.query, s.prompt)))


def best_for_one_covariance(parts: Parts) -> Iterator[float]:
    s = Prompts(parts)
    W, better = (numbers(parts[1][key], s.k, s.k) for key in ("W", "better"))
    yield s.far
    yield max(s.slope(W, np.eye(s.k), 1.0), s.slope(better, s.V, 1.0))


def best_for_one_length(parts: Parts) -> Iterator[float]:
    s = Prompts(parts)
    W, better = (numbers(parts[1][key], s.k, s.k) for key in ("W", "better"))
    yield s.far
    yield max(s.slope(W, s.V, 1.0), s.slope(better, s.V, 0.5))


def stays(parts: Parts) -> Iterator[float]:
    p, w = parts
    points, weights = numbers(w["points"], p["m"], p["inputs"]), numbers(w["w"], p["neurons"], p["inputs"])
    need(p["neurons"] >= p["k"])
    z = weights @ points.T
    H = numbers(w["a"], p["neurons"], p["k"]).T @ (z / (1 + np.abs(z))) / p["neurons"]
    at = At(H, numbers(w["F"], p["k"], p["m"]))
    need(Fraction(w["loss"]) > 0)
    yield off(at.gradient, at.loss - float(Fraction(w["loss"])))


FORMS: dict[str, Callable[[Parts], Iterator[float]]] = {
    "NT7m": max_margin,
    "NT9m": extended_order,
    "NT9c": beaten_above,
    "MF6": classification,
    "MF6c": saddle,
    "MF7": negative_curvature,
    "MF9c": saddle,
    "MF15": critical_values,
    "MF16c": depends_on_length,
    "MF16l": best_for_one_length,
    "MF16v": best_for_one_covariance,
    "MF17c": shifted,
    "MF18z": stays,
}
