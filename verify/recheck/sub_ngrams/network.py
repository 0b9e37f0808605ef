"""The two-layer network and its gradient (SN1, SN2), its estimator (SN3), the sufficient condition (SN4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

from verify.printing import shown
from verify.recheck.arithmetic import Dual, Field, Polynomial, Series, total
from verify.recheck.certificate import Certificate, Fields, RejectedError, array, bits


def read_size(f: Fields) -> tuple[int, int, int]:
    """(S, n, T) with T >= n."""
    n = f.integer("n", 1, 12)
    return f.integer("S", 2, 50), n, f.integer("T", n, 1000)


def read_lags(f: Fields, n: int) -> tuple[int, ...]:
    lags = tuple(f.integers("lags", 1, max(1, n - 1)))
    return increasing(lags, n, f.where)


def increasing(lags: tuple[int, ...], n: int, where: str) -> tuple[int, ...]:
    if list(lags) != sorted(set(lags)) or any(not 1 <= lag < n for lag in lags):
        raise RejectedError(f"{where}.lags: {list(lags)} are not increasing numbers from 1 to n-1")
    return lags


def braces(values: Iterable[Any]) -> str:
    """A set: what is named twice counts once."""
    return "{" + ",".join(dict.fromkeys(map(shown, values))) + "}"


def score(x: Sequence[int], E: Sequence[Any], P: Sequence[Any]) -> list[Any]:
    """g_j = rho a_j - P(x_j) a_j / p(x_j), where a = E / sum E."""
    Z, held = total(E), {s: total(E_j for E_j, x_j in zip(E, x, strict=True) if x_j == s) for s in set(x)}
    rho = total(P[s] for s in held)
    return [E_j * rho / Z - E_j * P[s] / held[s] for E_j, s in zip(E, x, strict=True)]


def loss_slope(x: Sequence[int], E: Sequence[Any], P: Sequence[Any]) -> Any:
    """Derivative of -sum_s P_s log p(s) over the tokens of x, with p(s) the part of E on s: E are dual numbers."""
    Z, slope = total(E), 0
    for s in sorted(set(x)):
        p = Dual.of(total(E_j for E_j, x_j in zip(E, x, strict=True) if x_j == s) / Z)
        slope = slope - p.tangent * P[s] / p.value
    return slope


def score_identity(c: Certificate) -> str:
    """SN1. dl/dz_j for all logits: E_j = exp(z_j) are variables with dE_j = E_j dz_j. Then dl/dW for all W."""
    S, n, T = read_size(c.parameters)
    c.afford(10 * S**T * T * (T + n * n * min(T, S * S)), "derivatives of every sequence")
    F = c.field
    W = {index: F.draw() for index in product(range(n), range(n), range(S), range(S))}  # exp(W_ab[v, v'])
    for x in product(range(S), repeat=T):
        E, P = F.draws(T), F.draws(S)
        for j, g_j in enumerate(score(x, E, P)):
            moved = [Dual(E_i, E_i if i == j else 0) for i, E_i in enumerate(E)]
            c.zero(loss_slope(x, moved, P) - g_j, f"dl/dz_{j} at x={x}")
        reads = [[(a, b, x[T - 1 - a], x[j - b]) for a, b in product(range(n), repeat=2) if j >= b] for j in range(T)]
        E = [product_of((W[index] for index in row), F) for row in reads]
        g = score(x, E, P)
        for index in {index for row in reads for index in row}:
            # W has count copies of this entry in z_j, so that d exp(z_j) = count exp(z_j) dW
            moved = [Dual(E_j, E_j * row.count(index)) for E_j, row in zip(E, reads, strict=True)]
            predicted = total(g_j for g_j, row in zip(g, reads, strict=True) if index in row)
            c.zero(loss_slope(x, moved, P) - predicted, f"dl/dW_{index} at x={x}")
    return f"all W, z, P; S={S}, n={n}, T={T}, every sequence"


def product_of(numbers: Iterable[Any], F: Field) -> Any:
    result = F.one
    for x in numbers:
        result = result * x
    return result


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """sum a_i b_i; terms with an exact 0 are left out, which keeps one-hot vectors cheap."""
    return total(x * y for x, y in zip(a, b, strict=True) if not (is_exact_zero(x) or is_exact_zero(y)))


def is_exact_zero(x: Any) -> bool:
    return isinstance(x, int | Fraction) and x == 0


def configuration(S: int, n: int, lags: tuple[int, ...], root_c: Any) -> dict[tuple[Any, ...], Any]:
    """The factorised parameters at the Lambda-gram (sub-n-grams/configuration): Q, K, V by their indices.

    Slot l compares the query's component l-1 with the key's component l. V^(h) = I for the heads l and l-1.
    """
    tokens, streams = range(S), range(n)
    active = {*lags, *(lag - 1 for lag in lags)} - {0}
    theta: dict[tuple[Any, ...], Any] = {}
    for stream, v, slot, i in product(streams, tokens, streams, tokens):
        theta["Q", stream, v, slot, i] = root_c if slot in lags and stream == slot - 1 and v == i else 0
        theta["K", stream, v, slot, i] = root_c if slot in lags and stream == slot and v == i else 0
    for h, v, i in product(range(1, n), tokens, tokens):
        theta["V", h, v, i] = int(h in active and v == i)
    return theta


def predicted_gradient(M: Any, S: int, n: int, lags: tuple[int, ...], root_c: Any) -> dict[tuple[Any, ...], Any]:
    """The chain rule of SN2: what is not listed is 0. M(a, b, v, w) is an entry of the score block M_ab."""
    active = {*lags, *(lag - 1 for lag in lags)} - {0}
    found: dict[tuple[Any, ...], Any] = {}
    for stream, lag, v, i in product({0} | active, lags, range(S), range(S)):
        found["Q", stream, v, lag, i] = M(stream, lag, v, i) * root_c
        found["K", stream, v, lag, i] = M(lag - 1, stream, i, v) * root_c
    for h, v, i in product(active, range(S), range(S)):
        key = [M(h - 1, h, i, v)] if h in lags else []
        query = [M(h, h + 1, v, i)] if h + 1 in lags else []
        found["V", h, v, i] = total(key + query) * root_c * root_c
    return found


def chain_rule(c: Certificate) -> str:
    """SN2, with c and q = e^c independent variables, and every P."""
    S, n, T = read_size(c.parameters)
    lags, kinds = read_lags(c.parameters, n), read_heads(c.parameters)
    for heads in kinds:
        check_chain_rule(c, S, n, T, lags, heads)
    check_saturation(c, n, T)
    return f"{' and '.join(kinds)} heads; all c, q, P; S={S}, n={n}, T={T}, lags {braces(lags)}, every sequence"


def read_heads(f: Fields) -> list[str]:
    """What first-layer heads read where position t-h does not exist: "padded", 0; "literal", the mean of t tokens."""
    kinds = array(f.any("heads"), f"{f.where}.heads")
    if kinds not in (["padded"], ["literal"], ["padded", "literal"]):
        raise RejectedError(f"{f.where}.heads: {shown(kinds)} are not padded, literal, or both in this order")
    return kinds


def chain_rule_cost(S: int, n: int, T: int) -> int:
    """Operations: derivatives of the logit for every pair of windows, and sums of them for every sequence."""
    by_scores, by_values = 2 * (n * S) ** 2, (n - 1) * S * S
    pairs = min(T * S**T, 2 * S ** (2 * n))
    each = by_scores * n * S * (S + 1) + by_values * (n * S) ** 2
    cost: int = 2 * pairs * each + 3 * S**T * T * (by_scores + by_values) + n * T**3 * 50
    return cost


def check_chain_rule(c: Certificate, S: int, n: int, T: int, lags: tuple[int, ...], heads: str) -> None:
    """The network with these heads, differentiated in every entry of Q, K, V at the configuration; and in the rows of A
    in which literal heads average."""
    c.afford(chain_rule_cost(S, n, T) * (2 if heads == "literal" else 1), "derivatives of every sequence")
    F = c.field
    root_c, q, P = F.draw(), F.draw(), F.draws(S)
    theta = configuration(S, n, lags, root_c)
    inactive = set(range(1, n)) - {*lags, *(lag - 1 for lag in lags)}
    anything = F.draws(S)  # what inactive heads read: their positional logits play no part
    literal = heads == "literal"
    every_column = list(product(range(n), range(S)))

    def stream(window: tuple[int | None, ...], theta: dict[tuple[Any, ...], Any]) -> list[list[Any]]:
        """X = [e_x; y^(1); ...]: component h is what head h reads, times V^(h); None: there is no such position."""
        return stream_of([what_head_reads(window, h, S, literal) for h in range(n)], theta)

    def stream_of(reads: list[list[Any]], theta: dict[tuple[Any, ...], Any]) -> list[list[Any]]:
        components = [reads[0]]
        for h in range(1, n):
            read = anything if h in inactive else reads[h]
            components.append([dot(read, [theta["V", h, v, i] for v in range(S)]) for i in range(S)])
        return components

    def logit(
        query: tuple[int | None, ...],
        key: tuple[int | None, ...],
        theta: dict[tuple[Any, ...], Any],
        columns: Iterable[tuple[int, int]],
    ) -> Any:
        """<X_T Q, X_j K>, the part of it that these columns of Q and K have."""
        return product_of_streams(stream(query, theta), stream(key, theta), theta, columns)

    def product_of_streams(
        X: list[list[Any]],
        Y: list[list[Any]],
        theta: dict[tuple[Any, ...], Any],
        columns: Iterable[tuple[int, int]],
    ) -> Any:
        z = list[Any]()
        for slot, i in columns:
            left = total(dot(X[a], [theta["Q", a, v, slot, i] for v in range(S)]) for a in range(n))
            right = total(dot(Y[b], [theta["K", b, v, slot, i] for v in range(S)]) for b in range(n))
            z.append(left * right)
        return total(z)

    @cache
    def slope(query: tuple[int | None, ...], key: tuple[int | None, ...], entry: tuple[Any, ...]) -> Any:
        columns = every_column if entry[0] == "V" else [entry[3:]]  # the column in which an entry of Q or K stands
        return Dual.of(logit(query, key, {**theta, entry: Dual(theta[entry], 1)}, columns)).tangent

    @cache
    def slopes_in_row(query: tuple[int | None, ...], key: tuple[int | None, ...], h: int) -> list[Any]:
        """dz_t/dA^(h)_{t,i} for i = 1..t, of the key at t <= h: by dual numbers through e^A / sum e^A, all e^A = 1."""
        tokens = [token for token in reversed(key) if token is not None]  # all up to t
        found = []
        for k in range(len(tokens)):
            E = [Dual(F.one, int(i == k)) for i in range(len(tokens))]
            reads: list[list[Any]] = [what_head_reads(key, b, S, literal) for b in range(n)]
            reads[h] = [
                total(E_i / total(E) for E_i, token in zip(E, tokens, strict=True) if token == s) for s in range(S)
            ]
            z = product_of_streams(stream(query, theta), stream_of(reads, theta), theta, every_column)
            found.append(Dual.of(z).tangent)
        return found

    unit = math.lcm(*range(1, max(lags, default=1) + 1)) if literal else 1  # q stands for its root of this degree
    for x in product(range(S), repeat=T):
        windows = [tuple(x[j - b] if j >= b else None for b in range(n)) for j in range(T)]
        m = [total(what_head_reads(w, lag, S, literal)[x[T - lag]] for lag in lags) for w in windows]
        for j in range(T):
            c.zero(
                logit(windows[-1], windows[j], theta, every_column) - root_c * root_c * m[j], f"z_{j} = m_j c at x={x}"
            )
        E = [q ** int(unit * m_j) for m_j in m]
        g = score(x, E, P)

        reads_of = [[what_head_reads(window, b, S, literal) for window in windows] for b in range(n)]

        def M(a: int, b: int, v: int, w: int, x: Any = x, g: list[Any] = g, reads_of: Any = reads_of) -> Any:
            if x[T - 1 - a] != v:
                return 0
            return dot(g, [reads[w] for reads in reads_of[b]])

        predicted = predicted_gradient(M, S, n, lags, root_c)
        for entry in theta:
            dz = [slope(windows[-1], window, entry) for window in windows]
            c.zero(
                total([g_j * d for g_j, d in zip(g, dz, strict=True) if not is_exact_zero(d)])
                - predicted.get(entry, 0),
                f"dl/d{entry} at x={x}",
            )
        for t, h in ((row, head) for head in range(1, n) for row in range(1, head + 1) if literal):
            slopes = slopes_in_row(windows[-1], windows[t - 1], h)
            for i, (slope_i, due) in enumerate(zip(slopes, predicted_row(x, h, t, lags), strict=True)):
                c.zero(g[t - 1] * (slope_i - root_c * root_c * due), f"dl/dA^({h})_({t},{i + 1}) at x={x}")


def predicted_row(x: Sequence[int], h: int, t: int, lags: tuple[int, ...]) -> list[Fraction]:
    """dl/dA^(h)_{t,i} / (c g_t), i = 1..t, in a row t <= h of a literal head."""
    holds = [int(x[i] == x[len(x) - h]) for i in range(t)]
    return [Fraction(t * hold - sum(holds), t * t) if h in lags else Fraction(0) for hold in holds]


def what_head_reads(window: tuple[int | None, ...], h: int, S: int, literal: bool) -> list[Any]:
    """As weights of the tokens, given x_t, x_(t-1), ..., None where there is none: then 0, or the mean of the rest."""
    if window[h] is not None or not literal:
        return [int(window[h] == s) for s in range(S)]
    there = [token for token in window if token is not None]
    return [Fraction(there.count(s), len(there)) for s in range(S)]


def check_saturation(c: Certificate, n: int, T: int) -> None:
    """A soft head's weights, e^A = r on position t-h and 1 elsewhere: as r -> infinity their derivatives vanish."""
    for t, h in ((row, head) for row in range(2, T + 1) for head in range(1, min(n, row))):
        E = [Series.monomial(Fraction(1), int(i != t - 1 - h), 1) for i in range(t)]  # divided by r, in y = 1/r
        for k in range(t):
            Z, dZ = total(E), E[k]
            for i in range(t):
                derivative = (E[i] if i == k else 0 * E[i]) / Z - E[i] * dZ / (Z * Z)
                c.zero(derivative[0], f"derivative of weight {i} of row {t} of head {h} in A_{k}")


def gradient_without_lags(c: Certificate) -> str:
    """SN7 and SN8 where Lambda is empty, so that Q = K = 0: a critical point, whatever c and P are."""
    S, n, T = read_size(c.parameters)
    c.demand(c.parameters.any("lags") == [], "parameters.lags: there are lags")
    check_chain_rule(c, S, n, T, (), "padded")
    return f"no lags: every derivative in Q, K, V is 0; all c, P; S={S}, n={n}, T={T}, every sequence"


def distance_and_bound(x: Sequence[int], q: Fraction, lags: tuple[int, ...]) -> tuple[Fraction, Fraction] | None:
    """sum_s |p_theta(s) - N(h,s)/N(h)| and (T - N(h)) / (q N(h)); None where the context has not occurred."""
    T = len(x)
    m = [sum(j >= lag and x[j - lag] == x[T - lag] for lag in lags) for j in range(T)]
    matched = [x[j] for j in range(T) if m[j] == len(lags)]
    if not matched:
        return None
    weights, N = [q**m_j for m_j in m], len(matched)
    distance = Fraction(0)
    for s in set(x):
        p = Fraction(sum(w for w, x_j in zip(weights, x, strict=True) if x_j == s)) / sum(weights)
        distance += abs(p - Fraction(matched.count(s), N))
    return distance, Fraction(T - N) / (q * N)


def estimator_bound(c: Certificate) -> str:
    """SN3.

    A polynomial inequality proves it for every S, T, q >= 1 and Lambda; then every short sequence is gone through.
    With L lags write Y = q^(L-1). The N positions that match everywhere weigh q Y each; the U others weigh at most Y,
    R together, D = U Y - R >= 0. Then |p(s) - N_s/N| = |N R_s - N_s R| / (N (q Y N + R)), whose sum over s is at most
    2 N R / (N (q Y N + R)). That this is at most 2 U / (q N) says that a polynomial in q, Y, N, U, R, D is >= 0.
    """
    check_estimator_bound(c)
    return f"every S, T, q, lags; by exhaustion {check_short_sequences(c, 2)}"


def half_bound_without_lags(c: Certificate) -> str:
    """SN3c where Lambda is empty: both sides are 0, on every short sequence."""
    c.demand(c.parameters.any("lags") == [], "parameters.lags: there are lags")
    return check_short_sequences(c, 1)


def check_short_sequences(c: Certificate, constant: int) -> str:
    """The bound with this constant on every sequence of the lengths asked for; says which these are."""
    S, n = c.parameters.integer("S", 2, 50), c.parameters.integer("n", 1, 12)
    lags, qs = read_lags(c.parameters, n), c.parameters.rationals("q")
    first, last = c.parameters.integer("first T", n, 100), c.parameters.integer("last T", n, 100)
    c.demand(bool(qs) and all(q >= 1 for q in qs), "parameters.q: not all at least 1")
    each = 4 * last + min(S, last) * (last + 8)
    c.afford(len(qs) * 2 * S**last * each // 2, "sequences", len(lags) * bits(qs))
    matched = 0
    for q, T in product(qs, range(first, last + 1)):
        for x in product(range(S), repeat=T):
            pair = distance_and_bound(x, q, lags)
            if pair is not None:
                matched += 1
                beyond = f"x={x}, q={shown(q)}: the distance {shown(pair[0])} is larger than the bound"
                c.demand(pair[0] <= constant * pair[1], beyond)
    c.demand(matched == c.witness.integer("instances", 1, 10**9), f"witness.instances: there are {matched}")
    return f"S={S}, lags {braces(lags)}, T={first}..{last}, q in {braces(qs)}"


def check_estimator_bound(c: Certificate) -> None:
    q, Y, N, N_s, U, R, R_s, D = Polynomial.variables("q Y N N_s U R R_s D")
    c.zero((q * Y * N_s + R_s) * N - N_s * (q * Y * N + R) - (N * R_s - N_s * R), "p(s) - N_s/N")
    slack = 2 * U * (q * Y * N + R) - 2 * R * q * N
    rewritten = slack - 2 * q * N * (U * Y - R - D)  # the bracket is 0
    c.demand(rewritten.nowhere_negative, "the bound of SN3: a coefficient is negative")


def estimator_counterexample(c: Certificate) -> str:
    """SN3c: one sequence beyond half the bound."""
    n = c.parameters.integer("n", 1, 12)
    lags, q = read_lags(c.parameters, n), c.parameters.rational("q")
    S = c.parameters.integer("S", 2, 50)
    x = c.witness.integers("x", 0, S - 1)
    c.demand(q >= 1 and len(x) >= n, "witness.x: too short, or q below 1")
    c.afford(len(x) * (S + 4), "sequence", len(lags) * bits(q))
    pair = distance_and_bound(x, q, lags)
    c.demand(pair is not None and pair[0] > pair[1], "witness.x: is within the bound")
    return f"one sequence: x={x}, q={shown(q)}, lags {braces(lags)}"


def gradient_of_space(weight: Any, tau: Any, dlogp: Any) -> Any:
    """-E sum_s tau(s) d log p(s), times the total weight: [atom][outcome], [atom][outcome][token]."""
    return -total(
        weight[g][o] * t * d
        for g in range(len(weight))
        for o in range(len(weight[g]))
        for t, d in zip(tau[g][o], dlogp[g][o], strict=True)
    )


def conditional(weights: Sequence[Any], taus: Sequence[Sequence[Any]]) -> list[Any]:
    """E[tau(s) | atom]."""
    return [dot(weights, column) / total(weights) for column in zip(*taus, strict=True)]


def sufficient_condition(c: Certificate) -> str:
    """SN4 on generic finite spaces. d log p = y - sum_s p y with free y: so is all with sum_s p d log p = 0."""
    shapes = c.parameters.integer_rows("shapes", 1, 50)
    c.demand(bool(shapes) and all(len(shape) == 3 for shape in shapes), "parameters.shapes: not triples")
    c.afford(sum(20 * atoms * outcomes * S for atoms, outcomes, S in shapes), "spaces")
    F = c.field
    for atoms, outcomes, S in shapes:
        weight = [F.draws(outcomes) for _ in range(atoms)]
        tau = [[F.distribution(S) for _ in range(outcomes)] for _ in range(atoms)]
        p = [conditional(weight[g], tau[g]) for g in range(atoms)]  # condition (i)
        dlogp = []
        for g in range(atoms):
            y = F.draws(S)
            dlogp.append([[y_s - dot(p[g], y) for y_s in y]] * outcomes)  # condition (ii)
        c.zero(gradient_of_space(weight, tau, dlogp), f"gradient on {atoms} x {outcomes} x {S}")
    return "generic spaces, atoms x outcomes x tokens: " + ", ".join("x".join(map(str, shape)) for shape in shapes)


def without_measurability(c: Certificate) -> str:
    """SN4c: a space with condition (i), without (ii), whose gradient is not 0."""
    weight = c.witness.matrix("weight")
    tau, p, dlogp = c.witness.matrices("tau"), c.witness.matrix("p"), c.witness.matrices("dlogp")
    atoms, outcomes, S = len(weight), len(weight[0]), len(p[0])
    same = all(len(x) == atoms for x in (tau, p, dlogp)) and all(
        len(block) == outcomes and len(block[0]) == S for block in (*tau, *dlogp)
    )
    c.demand(same, "witness: the shapes do not fit")
    size = atoms * outcomes * S
    c.afford(10 * size, "sums over the space", size * bits(weight, tau, p, dlogp))
    c.demand(all(w > 0 for row in weight for w in row), "witness.weight: not positive")
    c.demand(sum(w for row in weight for w in row) == 1, "witness.weight: it does not sum to 1")
    c.demand(all(t > 0 for block in tau for row in block for t in row), "witness.tau: not positive")
    c.demand(all(sum(row) == 1 for block in tau for row in block), "witness.tau: rows do not sum to 1")
    for g in range(atoms):
        c.demand(p[g] == conditional(weight[g], tau[g]), f"witness.p[{g}]: not the conditional expectation of tau")
        for row in dlogp[g]:
            c.demand(dot(p[g], row) == 0, f"witness.dlogp[{g}]: not the derivative of a normalised prediction")
    gradient = gradient_of_space(weight, tau, dlogp)
    c.demand(gradient == c.witness.rational("gradient") != 0, f"witness.gradient: it is {shown(gradient)}")
    return f"one space: {atoms} atoms, {outcomes} outcomes, {S} tokens; gradient {shown(gradient)}"
