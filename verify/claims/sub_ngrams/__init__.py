"""Claims about "Learning In-context n-grams with Transformers: Sub-n-grams Are Near-stationary Points"."""

from verify.claim import Claim, Paper, Verdict
from verify.claims.sub_ngrams.settings import SubNGramSettings, check_headline, refuse_what_cannot_fit


def refuse_what_cannot_run(settings: SubNGramSettings) -> None:
    """UsageError if a claim could not be checked as asked for."""
    if settings.recorded is not None:
        from verify.claims.sub_ngrams.recorded import refuse_contradiction  # torch, only where it is needed

        refuse_contradiction(settings.recorded, settings)
    refuse_what_cannot_fit(settings)


def _control_unless_no_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set else Verdict.VERIFIED


def _control_unless_full_context(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.full_context else Verdict.REFUTED


def _needs_a_lag_to_drop(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.n > 1 else Verdict.UNDECIDED


def _needs_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if settings.lag_set else Verdict.UNDECIDED


def _control_needs_lags(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if settings.lag_set else Verdict.UNDECIDED


def _has_an_unused_lag(settings: SubNGramSettings) -> bool:
    return settings.n > 1 and not settings.full_context


def _needs_an_unused_lag(settings: SubNGramSettings) -> Verdict:
    return Verdict.VERIFIED if _has_an_unused_lag(settings) else Verdict.UNDECIDED


def _control_needs_an_unused_lag(settings: SubNGramSettings) -> Verdict:
    return Verdict.REFUTED if _has_an_unused_lag(settings) else Verdict.UNDECIDED


_HERE = "verify.claims.sub_ngrams"

PAPER = Paper(
    name="sub-n-grams",
    title="Learning In-context n-grams with Transformers: Sub-n-grams Are Near-stationary Points",
    source="Varre, Yüce, Flammarion, ICML 2025, arXiv 2508.12837",
    settings=SubNGramSettings,
    headline=check_headline,
    refuse=refuse_what_cannot_run,
    claims=(
        Claim(
            "SN0",
            "engines agree",
            "Every engine gives the same population gradient, within the error that it reports; the rules that "
            "average over kernels give the moments of the prior; the norms in Q, K, V are those of the literal "
            "network's gradient; Monte Carlo's intervals are as wide as the spread of the sequences asks for.",
            f"{_HERE}.agreement:engines_agree",
        ),
        Claim(
            "SN1",
            "gradient of the score",
            "For one sequence, dl/dz_j = rho a_j - P(x_j) a_j / p(x_j), and dl/dW_ab[v,v'] sums it over the positions "
            "j with x_{T-a} = v and x_{j-b} = v'.",
            f"{_HERE}.identities:score_identity",
        ),
        Claim(
            "SN2",
            "chain rule to Q, K, V",
            "At a configuration with padded heads (hard ones, which read 0 where position t-h does not exist) the "
            "gradient in Q, K, V consists of the score blocks M_{a,l} and M_{l-1,b} for lags l in Lambda, times "
            "sqrt(c) for Q and K and c for V; every other entry is 0, and the weights of a saturated head do not "
            "move with its logits.",
            f"{_HERE}.identities:chain_rule",
            requires=("SN1",),
            assumptions=("padded heads in the first layer",),
        ),
        Claim(
            "SN3",
            "configuration = estimator",
            "Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= 2 (T - N(h)) / (q N(h)).",
            f"{_HERE}.identities:estimator_bound",
        ),
        Claim(
            "SN3c",
            "half that bound (control)",
            "Where the context h has occurred, sum_s |p_theta(s) - N(h,s)/N(h)| <= (T - N(h)) / (q N(h)).",
            f"{_HERE}.identities:estimator_half_bound",
            control=True,
            expected=_control_unless_no_lags,
        ),
        Claim(
            "SN4",
            "sufficient condition",
            "On a finite probability space, if for a partition G (i) p_theta(s) = E[tau(s|u) | G] and (ii) d log "
            "p_theta(s) is G-measurable, then the derivative -E sum_s tau(s|u) d log p_theta(s) of the population "
            "loss is 0. That a configuration of the network meets (i) and (ii) is no part of this claim.",
            f"{_HERE}.identities:sufficient_condition_holds",
        ),
        Claim(
            "SN4c",
            "without condition (ii) (control)",
            "On a finite probability space, if p_theta(s) = E[tau(s|u) | G] for a partition G, then the derivative "
            "-E sum_s tau(s|u) d log p_theta(s) of the population loss is 0.",
            f"{_HERE}.identities:without_measurability",
            control=True,
        ),
        Claim(
            "SN5",
            "stationary at infinite length",
            "At T = infinity and then c -> infinity, given a kernel with positive entries, every score block that "
            "the factorised gradient sees is 0.",
            f"{_HERE}.limits:stationary_at_infinite_length",
            requires=("SN2",),
            assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
        ),
        Claim(
            "SN6",
            "scale at infinite length",
            "At T = infinity, given a kernel with positive entries, the gradient in Q and K is O(sqrt(c) e^-c), and "
            "in V it is O(c e^-c).",
            f"{_HERE}.limits:scale_at_infinite_length",
            requires=("SN2", "SN5"),
        ),
        Claim(
            "SN7",
            "gradient falls along c = log T",
            "Along c = log T the whole factorised population gradient tends to 0 as T grows. Decided is that "
            "upper bounds of its norm fall from each length in the scope to the next, the last below the first norm; "
            "and without lags that it is 0.",
            f"{_HERE}.limits:gradient_vanishes",
            requires=("SN0", "SN2"),
            assumptions=("padded heads in the first layer",),
        ),
        Claim(
            "SN8",
            "c -> infinity at fixed T (control)",
            "At fixed T the factorised population gradient tends to 0 as c -> infinity.",
            f"{_HERE}.limits:large_norm_suffices",
            requires=("SN2",),
            control=True,
            expected=_control_unless_no_lags,
        ),
        Claim(
            "SN9",
            "merged parametrisation (control)",
            "With W = QK^T itself as the parameter, the population gradient tends to 0 as T -> infinity, then "
            "c -> infinity.",
            f"{_HERE}.limits:merged_is_stationary",
            requires=("SN1",),
            control=True,
            expected=_control_unless_full_context,
        ),
        Claim(
            "SN10",
            "the loss itself is infinite",
            "At every length T >= n the next token is absent from x with positive probability, so that the "
            "population loss is +infinity for every theta.",
            f"{_HERE}.loss:infinite_at_finite_length",
        ),
        Claim(
            "SN11",
            "loss ladder",
            "For each kernel in the scope, and so for almost every one, the entropy H(next token | lags Lambda) of "
            "its stationary chain falls strictly along nested lag sets; each gap is a conditional mutual "
            "information.",
            f"{_HERE}.loss:ladder",
            expected=_needs_a_lag_to_drop,
        ),
        Claim(
            "SN12",
            "what an unused lag brings",
            "At T = infinity, then c = infinity, given a kernel with positive entries, the first non-zero "
            "derivative in the parameters that build the feature of an unused lag is their mixed one: -sum_{h,v} "
            "P(h,v)^2/P(h) chi2(tau(.|v,h) from tau(.|h)), which is negative unless the next token is independent "
            "of that lag given h. Other directions, Q_{k-1} x K_0 among them, may leave sooner.",
            f"{_HERE}.escape:first_escape",
            requires=("SN2", "SN5"),
            assumptions=("lag weights as coordinates", "T -> infinity before c -> infinity"),
            expected=_needs_an_unused_lag,
        ),
        Claim(
            "SN12c",
            "for every kernel (control)",
            "The coefficient of SN12 is strictly negative for every kernel with positive entries.",
            f"{_HERE}.escape:always_negative",
            control=True,
            expected=_control_needs_an_unused_lag,
        ),
        Claim(
            "SN13",
            "other sets of lags",
            "SN3 holds for every set of lags, SN5 and SN6 for those in the scope, not only for contiguous ones.",
            f"{_HERE}.variants:every_lag_set",
            requires=("SN2", "SN3"),
            assumptions=("padded heads in the first layer", "T -> infinity before c -> infinity"),
        ),
        Claim(
            "SN14",
            "soft heads, c_A = 2 log T",
            "With soft heads in the first layer, of logit c_A = 2 log T on the position t-h, the lag weight e^c_A / "
            "(e^c_A + T - 1) rises with T, and the mean distance of the network's output from that of padded hard "
            "heads falls to less than half, from the first length in the scope to the last.",
            f"{_HERE}.variants:growing_soft_heads",
            expected=_needs_lags,
        ),
        Claim(
            "SN14c",
            "soft heads, c_A fixed (control)",
            "With soft heads in the first layer, of fixed logit c_A on the position t-h, the lag weight e^c_A / "
            "(e^c_A + T - 1) rises with T, and the mean distance of the network's output from that of padded hard "
            "heads falls to less than half, from the first length in the scope to the last.",
            f"{_HERE}.variants:fixed_soft_heads",
            control=True,
            expected=_control_needs_lags,
        ),
        Claim(
            "SN15",
            "a run passes the k-grams",
            "The recorded run passes through plateaus at k-gram losses, k increasing; there the parameters are "
            "nearest the k-gram configuration and the population gradient is smaller than at the start; between "
            "plateaus the gradient in the attention logits is larger than on either.",
            f"{_HERE}.training:plateaus_at_k_grams",
            assumptions=("one recorded run: trajectory=FILE, by default the packaged one",),
        ),
    ),
)
