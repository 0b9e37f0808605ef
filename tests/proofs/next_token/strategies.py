"""Hypothesis strategies for realizable datasets."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from proofs.next_token.dataset import Dataset
from proofs.next_token.examples import from_optimal

weights = st.sampled_from([Fraction(1), Fraction(2), Fraction(1, 3), Fraction(7, 2)])


@st.composite
def datasets(draw: st.DrawFn, max_V: int = 6, max_sentences: int = 6, max_repeats: int = 2) -> Dataset:
    """Realizable: every query ranks all tokens, and the highest token of a sentence is optimal."""
    V = draw(st.integers(3, max_V))
    n = draw(st.permutations(range(V)))
    sentences = []
    rankings: dict[int, list[int]] = {}
    for _ in range(draw(st.integers(1, max_sentences))):
        query = draw(st.integers(0, V - 1))
        ranking = rankings.setdefault(query, draw(st.permutations(range(V))))
        others = draw(
            st.lists(st.sampled_from([x for x in range(V) if x != query]), min_size=1, max_size=3, unique=True)
        )
        tokens = [x for x in others for _ in range(draw(st.integers(1, max_repeats)))]
        tokens = [*draw(st.permutations(tokens)), query]
        sentences.append((tokens, min(set(tokens), key=ranking.index), draw(weights)))
    return from_optimal("drawn", n, sentences, [draw(weights) for _ in range(V)])


def relabelled(dataset: Dataset, permutation: list[int]) -> Dataset:
    """The same dataset with token x called permutation[x]."""
    n = [0] * dataset.V
    collocation_weights = [Fraction(1)] * dataset.V
    for x, n_x in dataset.n.items():
        n[permutation[x]] = permutation[n_x]
        collocation_weights[permutation[x]] = dataset.collocation_weights[x]
    sentences = [
        ([permutation[x] for x in s.tokens], permutation[dataset.optimal(s)], s.weight) for s in dataset.longer
    ]
    return from_optimal("relabelled", n, sentences, collocation_weights)
