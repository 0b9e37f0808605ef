"""Max-margin solutions of both layers (NT7m), by their optimality conditions in rationals; the order of tokens in them.

A column of either layer is: minimise |w|^2 subject to w[a] - w[b] >= 1 for every pair (a, b). Duals alpha >= 0 with
w = sum alpha (e_a - e_b) and sum alpha = |w|^2 show that a feasible w is the only optimum: any feasible w' has
|w'| |w| >= <w', w> = sum alpha (w'[a] - w'[b]) >= sum alpha = |w|^2, with equality for w' = w alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from verify.printing import shown
from verify.recheck.certificate import Certificate, Fields, growth

Pair = tuple[int, int]
Problems = dict[int, list[Pair]]  # column -> its pairs, sorted


class Dataset:
    """Collocations n and, for each query, the pairs x >_q x'. RejectedError (by demand) if it is not realizable."""

    def __init__(self, c: Certificate, f: Fields) -> None:
        self.V = f.integer("V", 2, 24)
        c.afford(20 * self.V**2, "datasets")
        where, n, longer = f.where, dict[int, int](), list[tuple[list[int], int]]()
        for sentence in f.objects("sentences"):
            tokens, following = sentence.integers("tokens", 0, self.V - 1), sentence.integer("next", 0, self.V - 1)
            sentence.finish()
            if len(tokens) == 1:
                c.demand(n.setdefault(tokens[0], following) == following, f"{sentence.where}: a second next token")
            else:
                longer.append((tokens, following))
        f.finish()
        c.demand(len(set(n.values())) == len(n), f"{where}: the collocation map is not injective")
        orders: dict[int, set[Pair]] = {}
        for tokens, following in longer:
            c.demand(all(x in n for x in tokens), f"{where}: {tokens}: a token without collocation")
            best = next((x for x in tokens if n[x] == following), None)
            if best is None:
                c.demand(False, f"{where}: {tokens}: no token is followed by {following}")
            else:
                orders.setdefault(tokens[-1], set()).update((best, x) for x in tokens if x != best)
        c.demand(any(orders.values()), f"{where}: no sentence holds two different tokens")
        self.feed_forward: Problems = {x: [(n[x], v) for v in range(self.V) if v != n[x]] for x in sorted(n)}
        self.attention: Problems = {q: sorted(order) for q, order in sorted(orders.items()) if order}

    @property
    def name(self) -> str:
        """Equal for datasets that set the same problems."""
        return repr((self.V, self.feed_forward, self.attention))


def max_margin(c: Certificate) -> str:
    """NT7m: the columns of W_ov* and W_kq*; those that have no pair are 0."""
    datasets = [Dataset(c, f) for f in c.parameters.objects("datasets")]
    found = c.witness.objects("datasets")
    c.demand(bool(datasets) and len(found) == len(datasets), "witness.datasets: not one for each dataset")
    norms, columns = dict[str, Fraction](), dict[str, int]()
    for data, f in zip(datasets, found, strict=True):
        check_layer(c, data.V, data.feed_forward, f.objects("W_ov"), f"{f.where}.W_ov")
        norms[data.name] = check_layer(c, data.V, data.attention, f.objects("W_kq"), f"{f.where}.W_kq")
        f.finish()
        columns[data.name] = len(data.feed_forward) + len(data.attention)
    listed = ", ".join(map(shown, list(norms.values())[:6])) + ", ..." * (len(norms) > 6)
    return f"{sum(columns.values())} columns of {len(columns)} datasets; |W_kq*|^2 = {listed}"


def extended_order(c: Certificate) -> str:
    """NT9m: W_kq* is optimal, and so the only one; and where its entries are. Where a query orders nothing it is 0."""
    datasets = [Dataset(c, f) for f in c.parameters.objects("datasets")]
    found = c.witness.objects("datasets")
    c.demand(bool(datasets) and len(found) == len(datasets), "witness.datasets: not one for each dataset")
    c.afford(sum(data.V * (len(pairs) + data.V) for data in datasets for pairs in data.attention.values()), "order")
    entries = dict[str, int]()
    for data, f in zip(datasets, found, strict=True):
        columns = f.objects("W_kq")
        f.finish()
        check_layer(c, data.V, data.attention, columns, f"{f.where}.W_kq")
        for pairs, column in zip(data.attention.values(), columns, strict=True):
            check_order(c, column.rationals("solution"), pairs, column.where)
        entries[data.name] = data.V * len(data.attention)
    return f"{sum(entries.values())} pairs of token and query in {len(entries)} datasets"


def check_order(c: Certificate, w: Sequence[Fraction], pairs: Sequence[Pair], where: str) -> None:
    """Unseen tokens at 0, those that none beats not below, those that beat none not above; margins are at least 1."""
    better, worse = {a for a, _ in pairs}, {b for _, b in pairs}
    for x, entry in enumerate(w):
        c.demand(x in better | worse or entry == 0, f"{where}.solution: the unseen token {x} is at {shown(entry)}")
        c.demand(x in worse or entry >= 0, f"{where}.solution: token {x}, beaten by none, is at {shown(entry)}")
        c.demand(x in better or entry <= 0, f"{where}.solution: token {x}, which beats none, is at {shown(entry)}")
    c.demand(all(w[a] - w[b] >= 1 for a, b in pairs), f"{where}.solution: a margin is below 1")


def beaten_above_unseen(c: Certificate) -> str:
    """NT9c, refuted: in the only optimum a token that another one beats is above 0, where the unseen tokens are."""
    datasets = [Dataset(c, f) for f in c.parameters.objects("datasets")]
    c.demand(len(datasets) == 1, "parameters.datasets: not one")
    data, columns = datasets[0], c.witness.objects("W_kq")
    c.afford(sum(data.V * (len(pairs) + data.V) for pairs in data.attention.values()), "order")
    check_layer(c, data.V, data.attention, columns, "witness.W_kq")
    above = [
        (b, q, entry)
        for (q, pairs), column in zip(data.attention.items(), columns, strict=True)
        for b, entry in enumerate(column.rationals("solution"))
        if entry > 0 and any(b == worse for _, worse in pairs) and unseen_token(data.V, pairs) is not None
    ]
    c.demand(bool(above), "witness.W_kq: no beaten token is above 0 beside an unseen one")
    b, q, entry = above[0]
    return f"W_kq*[{b},{q}] = {shown(entry)}, above the unseen tokens, though another token beats {b}"


def unseen_token(V: int, pairs: Sequence[Pair]) -> int | None:
    """A token that no pair of the query holds."""
    return next((x for x in range(V) if all(x not in pair for pair in pairs)), None)


def check_layer(c: Certificate, V: int, problems: Problems, columns: Sequence[Fields], where: str) -> Fraction:
    """|W*|^2 of a layer, all of whose columns are optimal."""
    c.demand(len(columns) == len(problems), f"{where}: not one column for each token or query")
    return sum((check_column(c, V, q, problems[q], f) for q, f in zip(problems, columns, strict=True)), Fraction(0))


def check_column(c: Certificate, V: int, q: int, pairs: Sequence[Pair], f: Fields) -> Fraction:
    """|w|^2 of one column; its duals stand in the order of the sorted pairs."""
    c.demand(f.integer("column", 0, V - 1) == q, f"{f.where}.column: it is the turn of {q}")
    w, duals = f.rationals("solution"), f.rationals("duals")
    f.finish()
    c.demand(len(w) == V, f"{f.where}.solution: not {V} numbers")
    c.demand(len(duals) == len(pairs), f"{f.where}.duals: not one for each of {len(pairs)} pairs")
    c.afford(4 * (V + len(pairs)), "optimality conditions", growth([w, duals]))
    combination, squared_norm = [Fraction(0)] * V, sum((x * x for x in w), Fraction(0))
    for (a, b), dual in zip(pairs, duals, strict=True):
        c.demand(w[a] - w[b] >= 1, f"{f.where}.solution: the margin of {a} over {b} is {shown(w[a] - w[b])}")
        c.demand(dual >= 0, f"{f.where}.duals: {shown(dual)} is negative")
        combination[a] += dual
        combination[b] -= dual
    c.demand(w == combination, f"{f.where}.solution: not the combination of its pairs with these duals")
    c.demand(sum(duals) == squared_norm, f"{f.where}.duals: their sum is not |w|^2 = {shown(squared_norm)}")
    return squared_norm
