"""Realizable datasets, and why others are not."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token.dataset import Dataset, DatasetError, Sentence
from proofs.next_token.examples import NAMED, from_optimal, random_dataset
from tests.proofs.next_token.strategies import datasets

CYCLE = (1, 2, 3, 0)


def test_named_orders() -> None:
    assert list(NAMED["DS-C"].order(0)) == [(2, 0), (3, 0), (3, 2)]
    assert list(NAMED["DS-D"].order(3)) == [(0, 1), (0, 2), (0, 3), (2, 3)]
    assert NAMED["DS-D"].queries == (3,)
    assert NAMED["DS-D"].seen(3) == {0, 1, 2, 3}
    assert NAMED["DS-D"].seen(0) == frozenset()


@given(datasets())
def test_every_sentence_puts_its_optimal_token_first(dataset: Dataset) -> None:
    for sentence in dataset.longer:
        best = dataset.optimal(sentence)
        assert dataset.n[best] == sentence.next
        assert best in sentence.tokens
        for x in set(sentence.tokens) - {best}:
            assert (best, x) in dataset.order(sentence.query)


@given(datasets(), st.data())
def test_reversing_a_pair_makes_a_cycle_that_names_both_sentences(dataset: Dataset, data: st.DataObject) -> None:
    query = data.draw(st.sampled_from([q for q in dataset.queries if dataset.order(q)]))
    better, worse = data.draw(st.sampled_from(sorted(dataset.order(query))))
    reverse = Sentence((better, worse, query), dataset.n[worse], source="the reverse")
    with pytest.raises(DatasetError, match="cycle") as caught:
        Dataset("d", dataset.vocabulary, (*dataset.sentences, reverse))
    message = str(caught.value)
    assert "the reverse" in message
    assert "\n" not in message
    chain = re.search(r"cycle ([^:]*):", message)
    assert chain is not None
    tokens = chain[1].split(" > ")
    assert tokens[0] == tokens[-1]
    assert len(message.split(";")) == len(tokens) - 1  # one reason per step


def test_longer_cycle() -> None:
    with pytest.raises(
        DatasetError, match=r"order of query 3 has the cycle (0 > 1 > 2 > 0|1 > 2 > 0 > 1|2 > 0 > 1 > 2)"
    ):
        from_optimal("d", CYCLE, [((0, 1, 3), 0, 1), ((1, 2, 3), 1, 1), ((2, 0, 3), 2, 1)])


def test_cycles_of_different_queries_do_not_mix() -> None:
    from_optimal("d", CYCLE, [((0, 1, 3), 0, 1), ((1, 0, 2), 1, 1)])


def collocations(n: dict[int, int]) -> tuple[Sentence, ...]:
    return tuple(Sentence((x,), n_x) for x, n_x in n.items())


PAIR = Sentence((0, 1), 1)  # under n(0) = 1, n(1) = 2


@pytest.mark.parametrize(
    ("vocabulary", "sentences", "message"),
    [
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((), 1)), "a sentence has 1 to 100 tokens, not 0"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0,) * 101, 1)), "not 101"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 3), 1)), "a 3 -> b: token 3 is not in the vocabulary"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, -1), 1)), "token -1 is not in the vocabulary"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 1), 7)), "token 7 is not in the vocabulary"),
        ("abc", (*collocations({0: 1}), Sentence((0,), 2), PAIR), "a -> b and a -> c: a token has one next token"),
        ("abc", (*collocations({0: 1, 1: 1}), PAIR), "a -> b and b -> b: the collocation map is not injective"),
        ("abc", (*collocations({0: 1}), PAIR), "a b -> b: no sentence of one token says what follows b"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 1), 0)), "no token of the sentence is followed by a"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 1), 1, Fraction(0))), "not 0"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 1), 1, Fraction(-2))), "not -2"),
        ("abc", (*collocations({0: 1, 1: 2}), Sentence((0, 0), 1)), "nothing to learn"),
        ("a", (Sentence((0,), 0),), "2 to 1000 different tokens, not 1"),
        ("aa", (Sentence((0,), 0),), "different tokens"),
        ("abc", (*collocations({0: 1, 1: 2}), *[PAIR] * 10_000), "10002 sentences; at most 10000"),
    ],
)
def test_what_is_not_a_dataset(vocabulary: str, sentences: tuple[Sentence, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        Dataset("d", tuple(vocabulary), sentences)
    assert "\n" not in str(caught.value)


def test_repeated_collocations_add_their_weights() -> None:
    sentences = (*collocations({0: 1, 1: 2}), Sentence((0,), 1, Fraction(5, 2)), PAIR)
    dataset = Dataset("d", ("a", "b", "c"), sentences)
    assert dataset.collocation_weights == {0: Fraction(7, 2), 1: Fraction(1)}


@given(st.integers(0, 10**6), st.integers(3, 12), st.integers(0, 3))
def test_random_datasets(seed: int, V: int, index: int) -> None:
    dataset = random_dataset(seed, V, index)
    assert dataset == random_dataset(seed, V, index)
    assert dataset.V == V
    for sentence in dataset.longer:  # the count condition
        assert sentence.counts[dataset.optimal(sentence)] == max(sentence.counts.values())


def test_random_datasets_differ() -> None:
    assert len({random_dataset(seed, 5, index).sentences for seed in range(5) for index in range(5)}) == 25
    with pytest.raises(ValueError, match="V=2"):
        random_dataset(0, 2)
