"""Engine `derivation`, and the identities behind the closed form (sub-n-grams/gradient; claims SN1, SN2).

The literal network, differentiated by sympy, is compared with the closed form of the gradient. Sequences are taken one
at a time and stand for their relabellings: network, closed form and configuration treat all tokens alike. The two
parts of the network are joined by the chain rule dl/dtheta = sum_j dl/dz_j dz_j/dtheta, the only step that is not
sympy's; so the identities in the logits hold for all logits, and those in the parameters for all dl/dz_j.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import sympy
from sympy.polys.domains import QQ, ZZ
from sympy.polys.fields import field
from sympy.polys.rings import ring

from proofs.identities import Identities, decide, limit_at_infinity
from proofs.rationals import to_fraction
from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.law import NGramLaw, Word
from proofs.sub_ngrams.laws import Law, every_sequence
from proofs.sub_ngrams.literal_network import (
    Entry,
    Window,
    configuration_values,
    factorised_entries,
    factorised_logit,
    factorised_slopes,
    log_probability_derivative,
    merged_entries,
    merged_slopes,
    one_hot,
    score_derivative,
    softmax_slopes,
    window,
)
from proofs.sub_ngrams.score import rational_root, row_slopes
from proofs.sub_ngrams.score_blocks import ParameterGradient, ScoreBlocks, parameter_gradient

ClosedForm = Callable[[Sequence[int], int, Sequence[Any], Sequence[Any]], Any]
ChainRule = Callable[[ScoreBlocks, Configuration], ParameterGradient]


def closed_form(x: Sequence[int], j: int, E: Sequence[Any], P: Sequence[Any]) -> Any:
    """g_j = rho a_j - P(x_j) a_j / p(x_j) with E_j = exp(z_j); E and P from any field."""
    Z, N = sum(E), sum(E_i for E_i, s in zip(E, x, strict=True) if s == x[j])
    return sum(P[s] for s in set(x)) * E[j] / Z - P[x[j]] * E[j] / N


def score_identity(S: int, T: int, g: ClosedForm = closed_form) -> Identities:
    """Claim SN1: dl/dz_j = g_j as rational functions of all exp(z_i) and all P_s, for every sequence of length T."""
    _, *symbols = field([f"E{j}" for j in range(T)] + [f"P{s}" for s in range(S)], ZZ)
    E, P = symbols[:T], symbols[T:]
    return decide(
        f"dl/dz_j = g_j for all z and P, S={S} T={T}",
        (
            (f"x={x} j={j}", score_derivative(x, j, E, P) - g(x, j, E, P))
            for x in sequences_up_to_relabelling(S, T)
            for j in range(T)
        ),
    )


def merged_identity(S: int, n: int, T: int) -> Identities:
    """Claim SN1, second half: dl/dW_ab[v, v'] = sum_j g_j 1{x_{T-a} = v} 1{x_{j-b} = v'} for every W (and every g)."""
    _, *g = ring([f"g{j}" for j in range(T)], ZZ)
    W = sympy.symbols(f"W:{(n * S) ** 2}")

    def residuals() -> Iterator[tuple[str, Any]]:
        for x in sequences_up_to_relabelling(S, T):
            query = one_hot(window(x, T - 1, n), S)
            jacobian = [merged_slopes(S, n)(W, query, one_hot(window(x, j, n), S)) for j in range(T)]
            M = score_sums(x, g, S, n)
            for i, (_, (a, b, v, w)) in enumerate(merged_entries(S, n)):
                yield f"x={x} W_{a}{b}[{v},{w}]", _chain(g, jacobian, i) - M[a][b][v][w]

    return decide(
        f"dl/dW_ab[v,v'] = sum_j g_j 1{{x_(T-a)=v}} 1{{x_(j-b)=v'}} for all W, S={S} n={n} T={T}", residuals()
    )


def exponent_identity(S: int, n: int, T: int, lags: tuple[int, ...], heads: Heads = "padded") -> Identities:
    """At the configuration the literal network's logits are z_j = m_j c, so that position j has weight q^m_j."""
    configuration = Configuration(lags, Fraction(2), heads)  # the value of q plays no part
    _, root_c, *anything = ring(["root_c", *(f"y{s}" for s in range(S))], QQ)
    logits = _at(factorised_logit(S, n), S, n, configuration, root_c, anything)
    return decide(
        f"z_j = m_j c for all c, S={S} n={n} T={T} lags={lags}, {heads} heads",
        (
            (f"x={x} z_{j}", z - QQ(configuration.matches(x, j), configuration.unit) * root_c**2)
            for x in sequences_up_to_relabelling(S, T)
            for j, z in enumerate(logits(x))
        ),
    )


def chain_rule(
    S: int, n: int, T: int, lags: tuple[int, ...], rule: ChainRule = parameter_gradient, heads: Heads = "padded"
) -> Identities:
    """Claim SN2: the gradient in every entry of every Q_a, K_b, V^(h) is what `rule` makes of the score blocks.

    For all c and all g: with SN1 and `exponent_identity`, identities in q and P.
    """
    configuration = Configuration(lags, Fraction(2), heads)  # the value of q plays no part
    _, root_c, *symbols = ring(["root_c", *(f"g{j}" for j in range(T)), *(f"y{s}" for s in range(S))], QQ)
    g, anything = symbols[:T], symbols[T:]
    slopes = _at(factorised_slopes(S, n), S, n, configuration, root_c, anything)

    def residuals() -> Iterator[tuple[str, Any]]:
        for x in sequences_up_to_relabelling(S, T):
            jacobian = slopes(x)
            predicted = rule(_score_blocks(x, g, configuration, S, n), configuration)
            for i, (entry, value) in enumerate(every_entry(predicted, S, n, root_c)):
                yield f"x={x} {entry}", _chain(g, jacobian, i) - value

    return decide(
        f"dl/d(Q, K, V) = chain rule for all c, q and P, S={S} n={n} T={T} lags={lags}, {heads} heads", residuals()
    )


def averaging_rows(S: int, n: int, T: int, lags: tuple[int, ...], rule: ChainRule = parameter_gradient) -> Identities:
    """Claim SN2, positional logits of literal heads: dl/dA^(h)_{t,i} in the rows t <= h, which average, is what `rule`
    makes of the scores, for all c and g. It is 0 but for h in Lambda and t >= 2. The other rows: `saturation`."""
    configuration = Configuration(lags, Fraction(2), "literal")
    _, root_c, *g = ring(["root_c", *(f"g{j}" for j in range(T))], QQ)
    slopes = _row_slopes_at(S, n, configuration, root_c)

    def residuals() -> Iterator[tuple[str, Any]]:
        for x in sequences_up_to_relabelling(S, T):
            predicted = rule(_score_blocks(x, g, configuration, S, n), configuration).A
            for h in range(1, n):
                for t in range(1, h + 1):
                    row = predicted[h, t][0] if (h, t) in predicted else [0] * t
                    dz = slopes(x, h, t)
                    for i in range(t):
                        yield f"x={x} A^({h})_{t},{i + 1}", g[t - 1] * dz[i] - row[i] * root_c**2

    return decide(f"dl/dA = chain rule in rows t <= h for all c, q and P, S={S} n={n} T={T} lags={lags}", residuals())


def saturation(n: int, T: int) -> Identities:
    """Claim SN2, positional logits: the weights of a soft head, logit c_A = log r on position t-h, saturate as r -> oo.

    All their derivatives in A are rational functions of r; the residual is the limit. The logits z are polynomials in
    these weights, and abs(dl/dz_j) <= 1 by SN1, so dl/dA vanishes with them. Only rows with t > h have a position t-h:
    before, a padded head reads 0, whatever A is; a literal head averages over its row and does not saturate.
    """
    r = sympy.Symbol("r", positive=True)
    F, _ = field([r], ZZ)

    def residuals() -> Iterator[tuple[str, Any]]:
        for t in range(2, T + 1):
            for i, k, h in product(range(t), range(t), range(1, min(n, t))):
                slope = F.from_expr(softmax_slopes(t, t - 1 - h)[i][k])
                yield f"t={t} h={h} d weight {i}/d A {k}", limit_at_infinity(slope.numer, slope.denom)

    return decide(f"d(first-layer weights)/dA -> 0 as c_A -> oo, heads 1..{n - 1}, rows up to {T}", residuals())


def derivation(law: NGramLaw | Law, configuration: Configuration, T: int) -> ScoreBlocks:
    """The population gradient in W, and in the averaging rows of A, from the differentiated network, over all sequences
    of length T >= n.

    q is rational, with literal heads as `configuration.exact` says, or inf: then every dl/dz_j is a rational function
    of the root of q, whose limit is taken.
    """
    if not configuration.exact:
        raise ValueError(f"q={configuration.q!r}: this engine needs a rational q with rational weights, or inf")
    S, n = law.S, law.n
    _, root_c = ring(["root_c"], QQ)
    root = ring(["root"], ZZ)[1] if configuration.at_limit else _rational(rational_root(configuration))
    logits = _at(factorised_logit(S, n), S, n, configuration, root_c, [0] * S)
    dz_dA = _row_slopes_at(S, n, configuration, root_c)

    @cache
    def slope(here: tuple[int, int], others: tuple[tuple[int, int], ...]) -> Fraction:
        """d log p(s) / dz_j at q, at q = inf its limit: of the position j `here`, a pair (m_j, whether it holds s), and
        the others, in any order, as p(s) is symmetric in the positions."""
        m, holds = zip(here, *others, strict=True)
        numerator, denominator = log_probability_derivative(T, 0)([root**m_j for m_j in m], holds)
        if configuration.at_limit:
            return limit_at_infinity(numerator, denominator)
        return to_fraction(numerator) / to_fraction(denominator)

    scores: defaultdict[tuple[Window, Window], Fraction] = defaultdict(Fraction)  # by windows of the query and the key
    rows = {(h, t): [Fraction(0)] * t for h, t in configuration.averaging_rows}
    for x, probability, P in every_sequence(law, T):
        m = [int(configuration.unit * z.coeff(root_c**2)) if z != 0 else 0 for z in logits(x)]
        g = [Fraction(0)] * T
        for s in set(x):
            pairs = [(m_j, int(token == s)) for m_j, token in zip(m, x, strict=True)]
            for j in range(T):
                g[j] -= P[s] * slope(pairs[j], tuple(sorted(pairs[:j] + pairs[j + 1 :])))
        for j in range(T):
            scores[window(x, T - 1, n), window(x, j, n)] += probability * g[j]
        for (h, t), row in rows.items():
            for i, dz in enumerate(dz_dA(x, h, t)):
                if dz != 0:
                    row[i] += probability * g[t - 1] * to_fraction(dz.coeff(root_c**2))
    zero = [0] * (n * S) ** 2  # z is linear in W
    totals = [Fraction(0)] * (n * S) ** 2
    for (query, key), score in scores.items():
        slopes = merged_slopes(S, n)(zero, one_hot(query, S), one_hot(key, S, configuration.heads))
        totals = [total + score * dz if dz else total for total, dz in zip(totals, slopes, strict=True)]
    M = dict(zip((index for _, index in merged_entries(S, n)), totals, strict=True))
    tokens = range(S)
    blocks = {
        (a, b): tuple(tuple(M[a, b, v, w] for w in tokens) for v in tokens) for a, b in product(range(n), repeat=2)
    }
    return ScoreBlocks(blocks, rows={key: (tuple(row),) for key, row in rows.items()})


def score_sums(x: Sequence[int], g: Sequence[Any], S: int, n: int, heads: Heads = "padded") -> Any:
    """sum_j g_j 1{x_{T-a} = v} (weight of v' in what head b reads at j), indexed [a][b][v][v'], of one sequence; g from
    any ring."""
    M: Any = [[[[0] * S for _ in range(S)] for _ in range(n)] for _ in range(n)]
    for j in range(len(x)):
        reads = one_hot(window(x, j, n), S, heads)
        for a, b, v in product(range(n), range(n), range(S)):
            if reads[b * S + v]:
                M[a][b][x[len(x) - 1 - a]][v] += _times(g[j], reads[b * S + v])
    return M


def _times(g: Any, weight: Fraction | int) -> Any:
    """The product in the field of g."""
    return g if weight == 1 else g * weight.numerator / weight.denominator


def _score_blocks(x: Sequence[int], g: Sequence[Any], configuration: Configuration, S: int, n: int) -> ScoreBlocks:
    """Of one sequence."""
    rows = row_slopes(x, g, configuration)
    return ScoreBlocks.from_nested(score_sums(x, g, S, n, configuration.heads), rows=rows)


def every_entry(gradient: ParameterGradient, S: int, n: int, root_c: Any) -> Iterator[tuple[Entry, Any]]:
    """The gradient in every entry of Q, K and V with its scale, those that the chain rule leaves out being 0."""
    for name, index in factorised_entries(S, n):
        if name == "V":
            h, v, i = index
            value = gradient.V[h][v][i] * root_c**2 if h in gradient.V else 0
        else:
            stream, v, slot, i = index
            blocks = gradient.Q if name == "Q" else gradient.K
            value = blocks[stream, slot][v][i] * root_c if (stream, slot) in blocks else 0
        yield (name, index), value


def sequences_up_to_relabelling(S: int, T: int) -> Iterator[Word]:
    """Every sequence whose tokens appear for the first time in the order 0, 1, 2, ..."""
    for x in product(range(S), repeat=T):
        if all(s <= max(x[:t], default=-1) + 1 for t, s in enumerate(x)):
            yield x


def _at(
    function: Callable[..., Any], S: int, n: int, configuration: Configuration, root_c: Any, anything: Sequence[Any]
) -> Callable[[Word], list[Any]]:
    """x -> its values for every j, of `factorised_logit` or `factorised_slopes` at the configuration; the same windows
    are computed once.

    Active heads are hard. The positional logits of inactive heads play no part: they read the vector `anything`.
    """
    values = configuration_values(S, n, configuration, root_c)
    inactive = set(range(1, n)) - set(configuration.active_heads)

    @cache
    def reads(tokens: Window) -> list[Any]:
        vectors = [_rational(weight) for weight in one_hot(tokens, S, configuration.heads)]
        return [anything[i % S] if i // S in inactive else entry for i, entry in enumerate(vectors)]

    @cache
    def value(query: Window, key: Window) -> Any:
        return function(values, reads(query), reads(key))

    return lambda x: [value(window(x, len(x) - 1, n), window(x, j, n)) for j in range(len(x))]


def _row_slopes_at(S: int, n: int, configuration: Configuration, root_c: Any) -> Callable[[Word, int, int], list[Any]]:
    """(x, h, t) -> [dz_t/dA^(h)_{t,i} for i = 1..t], at the configuration, of a row t <= h: it has no position t-h, and
    all its logits are 0. No other z depends on it, as t < T."""
    values = configuration_values(S, n, configuration, root_c)

    def slopes(x: Word, h: int, t: int) -> list[Any]:
        query = one_hot(window(x, len(x) - 1, n), S)
        key = [_rational(weight) for weight in one_hot(window(x, t - 1, n), S, configuration.heads)]

        def z(read: Sequence[int]) -> Any:
            """With this vector in the place of what head h reads; z is linear in it, up to a constant."""
            return factorised_logit(S, n)(values, query, [*key[: h * S], *read, *key[(h + 1) * S :]])

        dz_dweight = [z([int(x[i] == v) for v in range(S)]) - z([0] * S) for i in range(t)]
        return [
            sum(dz * _rational(to_fraction(slope[k])) for dz, slope in zip(dz_dweight, softmax_slopes(t), strict=True))
            for k in range(t)
        ]

    return slopes


def _rational(x: int | Fraction) -> Any:
    """As a coefficient of sympy's rings."""
    return x if isinstance(x, int) else QQ(x.numerator, x.denominator)


def _chain(g: Sequence[Any], jacobian: Sequence[Sequence[Any]], i: int) -> Any:
    """sum_j g_j dz_j/dparameter_i."""
    return sum(g_j * dz[i] for g_j, dz in zip(g, jacobian, strict=True) if dz[i] != 0)
