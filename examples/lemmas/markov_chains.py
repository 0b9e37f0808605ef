"""Lemmas on Markov chains and on counting in them.

Sources: Levin, Peres and Wilmer, Markov Chains and Mixing Times (2009); Kelly, Reversibility and Stochastic Networks
(1979); Cover and Thomas, Elements of Information Theory (2006); Blackwell and MacQueen (1973) for urns.
"""

from landscape_verifier import control, kernels, lemma, math, rationals, stochastic


@lemma("MC1", "two steps are a kernel again", over={"tau": kernels(S=3, n=2)})
def rows(tau):
    """The rows of tau^2 sum to 1."""
    return (tau @ tau).sum(axis=1) == 1


@lemma("MC2", "stationary distribution of two states", over={"tau": kernels(S=2, n=2)})
def two_states(tau):
    """pi = (tau_10, tau_01) / (tau_01 + tau_10) is stationary."""
    a, b = tau[0, 1], tau[1, 0]
    return [
        (b * tau[0, 0] + a * tau[1, 0]) / (a + b) == b / (a + b),
        (b * tau[0, 1] + a * tau[1, 1]) / (a + b) == a / (a + b),
    ]


@lemma("MC3", "contraction of two states", over={"tau": kernels(S=2, n=2), "mu": stochastic(2, 2)})
def contraction(tau, mu):
    """A step multiplies the difference of two distributions by 1 - tau_01 - tau_10."""
    after = mu @ tau
    return after[0] - after[1] == (1 - tau[0, 1] - tau[1, 0]) * (mu[0] - mu[1])


@lemma("MC4", "stationary distribution of three states", over={"tau": kernels(S=3, n=2)})
def tree_theorem(tau):
    """The sums over rooted trees, of products along the edges, are stationary up to a factor."""

    def trees(i, j, k):
        return tau[j, i] * tau[k, i] + tau[j, k] * tau[k, i] + tau[k, j] * tau[j, i]

    weights = [trees(0, 1, 2), trees(1, 2, 0), trees(2, 0, 1)]
    return [sum(weights[i] * tau[i, j] for i in range(3)) == weights[j] for j in range(3)]


@control("MC5c", "every chain is reversible", over={"tau": kernels(S=3, n=2)})
def kolmogorov(tau):
    """Both ways round a cycle of three states are equally likely."""
    return tau[0, 1] * tau[1, 2] * tau[2, 0] == tau[0, 2] * tau[2, 1] * tau[1, 0]


@lemma("MC6", "chi-squared falls along a step", over={"tau": kernels(S=2, n=2), "mu": stochastic(2, 2)})
def data_processing(tau, mu):
    """The chi-squared divergence of two distributions does not rise when both make a step."""

    def chi_squared(p, q):
        return ((p - q) ** 2 / q).sum()

    after = mu @ tau
    return chi_squared(after[0], after[1]) <= chi_squared(mu[0], mu[1])


@lemma("MC7", "an urn is a martingale", over={"counts": rationals(3, positive=True)})
def urn(counts):
    """After one more draw from Polya's urn each colour's share is on average what it was."""
    total = counts.sum()
    stays, grows = counts[0] / (total + 1), (counts[0] + 1) / (total + 1)
    share = counts[0] / total
    return share * grows + (1 - share) * stays == share


@lemma("MC8", "Gibbs' inequality", over={"p": stochastic(2, 3)})
def gibbs(p):
    """The relative entropy of two distributions is not negative."""
    return sum(x * math.log(x / y) for x, y in zip(p[0], p[1], strict=True)) >= 0


@control("MC9c", "relative entropy is symmetric", over={"p": stochastic(2, 2)})
def symmetric(p):
    """It is the same in both directions."""
    return sum(x * math.log(x / y) - y * math.log(y / x) for x, y in zip(p[0], p[1], strict=True)) == 0


@lemma("MC10", "a walk ends", over={"start": rationals(low=0, high=5)})
def walk_ends(start):
    """Steps of 1 to the left come from start to 0 or below in less than start + 1 steps."""
    place, steps = start, 0
    while place > 0:
        place, steps = place - 1, steps + 1
    return steps < start + 1
