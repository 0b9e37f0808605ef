"""Claims about "Transformers Learn Nonlinear Features In Context" (mean-field dynamics on the attention landscape).

Every statement says whose it is: [F] as found in the paper, [D] derived for this project in the finite model.
"""

from verify.claim import Claim, Paper, Verdict
from verify.claims.mean_field.settings import MeanFieldSettings, headline


def _needs_a_saddle(settings: MeanFieldSettings) -> Verdict:
    """With m = k every full-rank H has loss 0, and there is nothing to check."""
    return Verdict.VERIFIED if settings.m > settings.k else Verdict.UNDECIDED


def _control_unless_no_saddle(settings: MeanFieldSettings) -> Verdict:
    return Verdict.REFUTED if settings.m > settings.k else Verdict.VERIFIED


_HERE = "verify.claims.mean_field"
_FINITE = "finite model: m orthonormal features, H of full rank k"

PAPER = Paper(
    name="mean-field",
    title="Transformers Learn Nonlinear Features In Context: Nonconvex Mean-field Dynamics on the Attention Landscape",
    source="Kim, Suzuki, ICML 2024, arXiv 2402.01258",
    settings=MeanFieldSettings,
    headline=headline,
    claims=(
        Claim(
            "MF1",
            "loss at the best attention",
            "[F] L(mu) = inf_W L_TF(mu, W) = E|zeta|^2 / 2. [D] L(H) = |F (I - P)|^2 / 2 = tr(Z) / 2, attained at "
            "W = (H H^T)^-1, and L_TF(H, W) - L(H) = |F H^T (W - (H H^T)^-1) H|^2 / 2.",
            f"{_HERE}.identities:loss",
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF2",
            "gradient",
            "[D] dL/dH = - M F (I - P) with M = (H H^T)^-1 H F^T; dL/dmu(theta) = <dL/dH, H_theta>.",
            f"{_HERE}.identities:gradient",
            requires=("MF1",),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF3",
            "second derivatives",
            "[D] D^2 L[E,E] = |F H^+ E Q|^2 - |H^+ E Q F^T|^2 + 2 tr(F H^+ E H^+ E Q F^T); its last term vanishes at "
            "critical points; polarised, it is the second variation d^2L/dmu^2(theta, theta').",
            f"{_HERE}.identities:second_derivatives",
            requires=("MF2",),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF3n",
            "variations of a neural network",
            "[D] For a network of particles (a, w) the first variation, and the second along (id + eps v)_# mu, are "
            "int v^T Hess(dL/dmu) v + iint v^T d d' (d^2L/dmu^2) v', as the formulas of MF2 and MF3 give them.",
            f"{_HERE}.numeric:particle_variations",
            requires=("MF2", "MF3"),
        ),
        Claim(
            "MF4",
            "invariances",
            "[D] L(G H) = L(H) for invertible G, <dL/dH, G H> = 0, and dL/dH H^T = 0.",
            f"{_HERE}.identities:invariances",
            requires=("MF2",),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF5",
            "homotopy to the target",
            "[F] The homotopy mu_s = (1-s) mu + s R_# mu°. [D] Along H_s = (1-s) H + s R F: dL/ds = - tr(R^T M Z) and "
            "d^2L/ds^2 = D^2 L[RF,RF] + 2 dL/ds, with D^2 L[RF,RF] = tr(M^T R Z R^T M) - tr(Z R^T A^-1 R Z) + "
            "2 tr(M^T R M^T R Z); and M Z = 0 exactly where dL/dH = 0.",
            f"{_HERE}.identities:homotopy",
            requires=("MF2", "MF3"),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF5b",
            "best homotopy",
            "[D] Over |R|_op <= 1 the steepest -dL/ds is the nuclear norm of M Z, at the polar factor of M Z.",
            f"{_HERE}.identities:best_homotopy",
            requires=("MF5",),
            assumptions=(_FINITE,),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF6",
            "critical points",
            "[D] H is critical exactly where, for a set S of eigenvalues of Sigma_°°, its row space holds the "
            "eigenvectors v_j, j not in S, and |S| directions that F does not see; then L = (sum of lambda_i in S) / 2 "
            "and, for H H^T = I, the Hessian has the eigenvalues g_a - g_b and k^2 zeros. [F] There is no spurious "
            "local minimum, and a critical point that is not global has L >= r_low / 2.",
            f"{_HERE}.landscape:classification",
            requires=("MF3", "MF5"),
            assumptions=(_FINITE, "different eigenvalues"),
        ),
        Claim(
            "MF6n",
            "critical points found at random",
            "[D] Critical points found from random starts have L within k |M^T A| |M Z| / r_low of a value of MF6.",
            f"{_HERE}.numeric:critical_search",
            requires=("MF6",),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF6c",
            "only global minima (control)",
            "Every critical point is a global minimum.",
            f"{_HERE}.landscape:no_saddle_control",
            control=True,
            expected=_control_unless_no_saddle,
        ),
        Claim(
            "MF7",
            "negative curvature at saddles",
            "[F] At a critical point that is not global, d^2L/ds^2 <= - 4 L^2 / (k R_1^2) along the homotopy for a "
            "suitable R. [D] With R a partial isometry from range(Z) to ker(M^T) and R_1^2 = |A|_op, exactly "
            "d^2L/ds^2 = - tr(Z R^T A^-1 R Z) <= - tr(Z^2) / |A| <= - 4 L^2 / (k |A|); the last bound is attained.",
            f"{_HERE}.landscape:negative_curvature",
            requires=("MF5", "MF6"),
            assumptions=(_FINITE, "the paper's normalisation of R is our reading"),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF8",
            "slope or curvature everywhere",
            "[D] At every H with Z != 0, for R = u v^T (v top eigenvector of Z, u least left singular vector of M, "
            "z = lambda_max(Z)): D^2 L[RF,RF] <= - z^2/|A| + 3 |MZ|^2/z; so |MZ| >= sqrt(z^3 / (6 |A|)), or the "
            "curvature is at most - z^2 / (2 |A|).",
            f"{_HERE}.inequalities:strict_saddle_dichotomy",
            requires=("MF5",),
            assumptions=(_FINITE,),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF9",
            "no saddle below r_low/2",
            "[D] Where 2L < r_low: |MZ|_* >= 2L sqrt((r_low - 2L) / |A|) and |dL/dH|^2 >= 2L (r_low - 2L) / |A|.",
            f"{_HERE}.inequalities:below_the_first_saddle",
            requires=("MF5",),
            assumptions=(_FINITE,),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF9c",
            "such a bound at every level (control)",
            "There is c > 0 with |dL/dH|^2 >= c L at every H of full rank.",
            f"{_HERE}.landscape:dominated_loss_control",
            control=True,
            expected=_control_unless_no_saddle,
        ),
        Claim(
            "MF10",
            "flow of the features",
            "[D] dH/dt = -dL/dH conserves H H^T; for H H^T = I it is Oja's flow, row space of H_t = row space of "
            "H_0 e^{t F^T F}. L -> 0 exactly where H_0 F^T is invertible, at rate e^{-2 r_low t} for generic starts, "
            "and L_t <= L_0 e^{-2 (r_low - 2 L_0) t} where 2 L_0 < r_low; otherwise L >= r_low / 2 for ever.",
            f"{_HERE}.dynamics:feature_flow",
            requires=("MF4", "MF9"),
            assumptions=(_FINITE, "H H^T = I"),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF10n",
            "the flow, integrated",
            "[D] Integrated numerically, dH/dt = -dL/dH conserves H H^T, follows the closed form of MF10, and leaves a "
            "saddle from distance delta after (1/lambda) log cot(delta).",
            f"{_HERE}.numeric:integrated_flow",
            requires=("MF10",),
            expected=_needs_a_saddle,
        ),
        Claim(
            "MF10t",
            "training lingers above saddles",
            "[D] Networks trained jointly with the attention matrix linger just above critical values of MF6; the same "
            "networks at the best attention matrix do not linger. [F] Joint training resembles two-timescale training; "
            "[D] the more so the faster the attention matrix learns.",
            f"{_HERE}.numeric:training",
            requires=("MF6",),
            assumptions=("one seed, small networks",),
        ),
        Claim(
            "MF11",
            "flow of the attention matrix",
            "[F] (Lemma 3.1) For fixed mu, dW/dt = -dL_TF/dW converges linearly to some W with Sigma_°mu W = Sigma_°mu "
            "Sigma_mumu^-1. [D] dL_TF/dW = B^T B (W A - I); the limit is A^-1 + Pi_ker(B) (W_0 - A^-1), the rate the "
            "least nonzero eigenvalue of B^T B times the least of A.",
            f"{_HERE}.attention:attention_flow",
            requires=("MF1",),
            assumptions=(_FINITE,),
        ),
        Claim(
            "MF12",
            "prompts of finite length",
            "[F] |L^n - L| = O(sqrt(log k / n)). [D] L^n(W) = tr(S°)/2 - tr(B^T B W) + tr(S_n W A W^T)/2 with "
            "S_n = (1 - 1/n) B^T B + C/n + (sigma^2/n) A, least at S_n^-1 B^T B A^-1. Without noise 0 <= L^n - L <= "
            "tr((C - B^T B) A^-1) / (2n), and for invertible B the ratio of the two tends to 1; at a saddle with B = 0 "
            "L^n can be flat to fourth order.",
            f"{_HERE}.prompts:finite_prompts",
            requires=("MF1",),
            assumptions=("prompts drawn independently, label noise of variance sigma^2 in the prompt",),
        ),
        Claim(
            "MF13",
            "saddle of the Wasserstein flow",
            "[D] For f° = tanh(x_1) and one neuron tanh(x_2), the first variation vanishes everywhere, L = r_low / 2, "
            "and turning the neuron to x_1 has second variation - c^4 / E tanh^2 < 0, c = E sech^2.",
            f"{_HERE}.particles:particle_saddle",
            requires=("MF3",),
        ),
        Claim(
            "MF13n",
            "that saddle, by autograd",
            "[D] The loss of that network, integrated by quadrature and differentiated by autograd, has this second "
            "derivative.",
            f"{_HERE}.numeric:particle_saddle",
            requires=("MF13",),
        ),
        Claim(
            "MF14",
            "improvement by birth and death",
            "[D] For mu = (1-gamma) mu' + gamma pi, pi symmetric in a, dmu°/dpi <= R_4, m_2 = int |a|^2 dmu°: -dL/dt "
            "along the Wasserstein flow is at least 2 gamma / (R_4 m_2) (dL/ds)^2 for every |R| <= 1; output weights "
            "alone give that much, and can give no more.",
            f"{_HERE}.particles:improvement",
            requires=("MF5",),
        ),
    ),
)
