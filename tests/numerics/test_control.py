"""Polynomials left out of what is sampled: their averages are right, they leave less to chance, or are not taken."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from numerics.sub_ngrams import control
from numerics.sub_ngrams.control import without_polynomials
from numerics.sub_ngrams.given_kernel import Gradient
from numerics.sub_ngrams.integration import SCRAMBLINGS
from numerics.sub_ngrams.kernel_rules import gauss
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

UNIGRAM, BIGRAM = (Configuration.k_gram(k, math.inf) for k in (1, 2))
SEEDS = list(range(SCRAMBLINGS))
OTHERS = list(range(100, 100 + SCRAMBLINGS))


def closed_forms(law, configuration, T=10**4):
    return [Gradient(law, configuration, T, torch.device("cpu"), part) for part in ("correction", "limit")]


def drawn(part, points=256):
    """Means over each sequence: [sequence, a, b, (same, different)]."""
    return part.drawn(OTHERS, 0, points).value / points


@pytest.mark.parametrize(
    ("law", "configuration"),
    [
        (NGramLaw(3, 3), BIGRAM),
        (NGramLaw(3, 2, Fraction(1, 2)), Configuration((1,), 3.0)),
        (NGramLaw(2, 3), Configuration((2,), math.inf)),
        (NGramLaw(4, 2), UNIGRAM),
    ],
)
def test_without_polynomials_the_same_average_with_less_chance(law, configuration):
    parts = closed_forms(law, configuration)
    controlled = without_polynomials(parts, 1e-9, 1.0, SEEDS)
    known = controlled.polynomial.sums(controlled.nodes, 1.0).value[0]
    before = torch.stack([drawn(part) for part in parts])
    after = torch.stack([drawn(part) for part in controlled.parts])
    change = before.sum(0) - (after.sum(0) + known)
    # the polynomial sampled, less its known average: within five standard errors of 0
    assert bool((change.mean(0).abs() <= 5 * change.std(0) / math.sqrt(SCRAMBLINGS) + 1e-12).all())
    assert float(known.abs().max()) > 1e-4
    for one, other, part in zip(*(x.var(1).flatten(1).sum(1) for x in (before, after)), controlled.parts, strict=True):
        assert torch.equal(one, other) if part.polynomial is None else float(other) < 0.8 * float(one)
    assert controlled.parts[1].polynomial is not None


def compared_degree(law, full, seconds):
    """The degree that is chosen, its average compared with that of the full rule; None if none is."""
    controlled = without_polynomials(closed_forms(law, BIGRAM), 1e-9, seconds, SEEDS)
    if controlled.polynomial is None:
        return None
    exact = torch.einsum("ig,iabk->gabk", full.weights, controlled.polynomial.given(full.kernels, 1.0)[0])
    found = controlled.polynomial.sums(controlled.nodes, 1.0).value
    assert float((found - exact).abs().max()) <= 1e-13 < 1e-4 < float(found.abs().max())
    assert len(controlled.nodes) < len(full) / 4
    return len(controlled.polynomial.polynomial)


def test_the_average_of_the_polynomial_is_that_of_the_full_rule():
    """With more time, of a higher degree. For alpha = 1 Sobol points do as well alone, in four dimensions."""
    law = NGramLaw(2, 3, Fraction(4))
    full, _ = gauss(law, 10)
    degrees = [compared_degree(law, full, seconds) for seconds in (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1.0)]
    degrees = [degree for degree in degrees if degree is not None]
    assert degrees == sorted(degrees) and set(degrees) == {5, 7, 9}


@pytest.mark.parametrize("place", range(4))
def test_so_is_that_of_every_degree(place, monkeypatch):
    """Also of those that do not pay at these costs."""
    law = NGramLaw(2, 3)
    monkeypatch.setattr(control, "DEGREES", control.DEGREES[place : place + 1])
    monkeypatch.setattr(control, "_least", lambda chances, parts, left: -sum(p.polynomial is not None for p in parts))
    monkeypatch.setattr(Gradient, "seconds", 1e-6)  # of every part, whatever is left to chance
    assert compared_degree(law, gauss(law, 10)[0], 1.0) == (3, 5, 7, 9)[place]


def test_polynomials_are_taken_where_they_pay():
    """Not where all is known well enough, nor where there is no time for an average; at k = n, M_inf = 0, not there."""
    law = NGramLaw(3, 3)
    for tolerance, seconds, some in ((1e-9, 1.0, True), (1.0, 1.0, False), (1e-9, 1e-5, False)):
        parts = closed_forms(law, BIGRAM)
        controlled = without_polynomials(parts, tolerance, seconds, SEEDS)
        assert (controlled.polynomial is not None) == (controlled.nodes is not None) == some
        assert (controlled.parts == parts) != some
        assert (0 < controlled.seconds < 0.3 * seconds) == some
    full_context = closed_forms(NGramLaw(2, 4, Fraction(4)), Configuration.k_gram(4, math.inf))
    correction, limit = without_polynomials(full_context, 1e-9, 1.0, SEEDS).parts
    assert float(drawn(limit, 16).abs().max()) <= 1e-12
    assert float(drawn(correction).var(0).sum()) < float(drawn(replace(correction, polynomial=None)).var(0).sum())
