"""Soft heads in the first layer (SN14c)."""

from __future__ import annotations

from itertools import pairwise

from verify.printing import shown
from verify.recheck.certificate import Certificate, bits
from verify.recheck.sub_ngrams.network import braces


def fixed_lag_weights(c: Certificate) -> str:
    """SN14c: lengths at which the lag weight r / (r + T - 1), r = e^c_A, does not rise, c_A being fixed."""
    lengths, powers = c.parameters.integers("T", 2, 10**6), c.parameters.rationals("e^c_A")
    c.demand(1 < len(lengths) == len(powers), "parameters.T: not two lengths, or not one e^c_A for each")
    c.demand(len(set(powers)) == 1, "parameters.e^c_A: not fixed")
    r = powers[0]
    c.demand(r > 0, "parameters.e^c_A: not above 0")
    c.afford(4 * len(lengths), "lag weights", bits(r))
    weights = [(T, r / (r + T - 1)) for T in lengths]
    falls = any(longer > T and not weight < other for (T, weight), (longer, other) in pairwise(weights))
    c.demand(falls, "parameters: from no length to a longer one the lag weight stays or falls")
    found = ", ".join(shown(weight) for _, weight in weights)
    return f"lag weights {found} at T in {braces(lengths)}, e^c_A = {shown(r)}"
