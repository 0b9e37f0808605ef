"""LA3: fixed points of merged heads; LA3c: they do not learn one eigenvector at a time."""

from __future__ import annotations

from fractions import Fraction

import landscape_verifier as lv
from linear_attention.exact import Residuals, fraction, proved, rational, variables
from linear_attention.loss import GAUSSIAN, diagonal_loss_by_prompts
from linear_attention.model import Merged, learned, mu, slope, twice_loss
from linear_attention.settings import LinearAttentionSettings


@lv.claim("LA3", "merged heads: fixed points", requires=("LA2",), assumptions=(GAUSSIAN,), reference="README.md#la3")
def fixed_points(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """With K = sum_i v_i U_i the loss has two kinds of fixed points: K = 0, with every v_i = 0 and every U_i
    orthogonal to Lambda^2, and the global minima, where K = K*.

    dL/dU_i = v_i G and dL/dv_i = <U_i, G> with G = dL/dK. If some v_i is not 0, then G = 0, which K* alone solves:
    G_dd = lambda_d^2 (K_dd / a_d - 1), G_de = lambda_d lambda_e K_de / a_d. Else K = 0, and G = - Lambda^2.
    """
    D = settings.D
    return proved(
        lambda: gradients(D), f"every Lambda, N, v and U; D={D}, {D} heads", lv.Certificate({"D": D, "heads": D})
    )


def gradients(D: int) -> Residuals:
    names = Merged.names(D, D)
    symbols = variables([*names, *(f"lam{d}" for d in range(D)), "nu"])
    heads, lam, nu = Merged.of(symbols[: len(names)], D, D), symbols[len(names) : -1], symbols[-1]
    loss, scale = twice_loss(lam, nu, heads.K), mu(lam, nu)
    G, nothing = slope(lam, nu, heads.K), slope(lam, nu, [[0 * nu] * D for _ in range(D)])
    found = [
        (f"dL/d{name}", loss.derivative(i) - 2 * value)
        for i, (name, value) in enumerate(zip(names, heads.gradient(G), strict=True))
    ]
    for d in range(D):
        for e in range(D):
            K = heads.K[d][e]
            predicted = lam[d] * lam[d] * (scale[d] * K - 1) if d == e else lam[d] * scale[d] * lam[e] * K
            found.append((f"G_{d + 1}{e + 1}", G[d][e] - predicted))
            found.append((f"G_{d + 1}{e + 1} at K = 0", nothing[d][e] + (lam[d] * lam[d] if d == e else 0)))
    return found


@lv.claim(
    "LA3c",
    "merged heads: any set (control)",
    requires=("LA3",),
    assumptions=(GAUSSIAN,),
    origin=lv.Origin.CONTROL,
    reference="README.md#la3c",
)
def any_set(settings: LinearAttentionSettings, run: lv.Run) -> lv.Finding:
    """Merged heads, too, have fixed points at K_S = sum_{d in S} a_d e_d e_d^T for every set S of eigenvectors.

    At K_S of the largest eigenvalue alone some v_i is not 0, and dL/dU_i = v_i G. G = 0 is looked for at one head with
    v = 1 and U = K_S; the last entry of G is - lambda_D^2.
    """
    lam, D = settings.spectrum, settings.D
    nu = Fraction(1, settings.N)
    names = Merged.names(1, D)
    landscape = twice_loss([*map(rational, lam)], rational(nu), Merged.of(variables(names), 1, D).K)
    K = learned(lam, nu, (0,))
    point = Merged([Fraction(1)], [K]).parameters
    entry = len(point) - 1  # U_DD
    found = fraction(landscape.derivative(entry)(*map(rational, point))) / 2
    return lv.decide(
        found == 0,
        evidence=lv.Evidence.EXACT,
        scope=f"S of the largest eigenvalue, {settings.said}, one head with v = 1",
        instances=1,
        found=f"dL/dU_{D}{D} = {found}",
        predicted="not 0",
        undecided="the slope is not 0 in one computation only",
        counterexample=None
        if found == 0
        else lv.Counterexample(
            {"v": 1, "U": [list(map(str, row)) for row in K], "slope": found},
            lambda: _slope_by_prompts(settings) != 0,
        ),
        certificate=lv.Certificate({"eigenvalues": lam, "N": settings.N}, {"slope": found}),
    )


def _slope_by_prompts(settings: LinearAttentionSettings) -> Fraction:
    """dL/dK_DD at K_S by a central difference, exact as L is quadratic, of enumerated losses."""
    lam, N = settings.spectrum, settings.N
    entries = [1 / mu(lam, Fraction(1, N))[0], *(Fraction(0) for _ in lam[1:])]
    right, left = (diagonal_loss_by_prompts(lam, [*entries[:-1], Fraction(step)], N) for step in (1, -1))
    return (right - left) / 2
