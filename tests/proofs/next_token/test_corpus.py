"""Plain text: contexts, conflicts, and a realizable part to which nothing can be added."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token.corpus import Corpus, Part, parse_corpus, realizable_part
from proofs.next_token.dataset import DatasetError

TEXT = "the cat sat down\na dog ran away\nthe cat the dog ran\nthe dog sat down\nthe cat sat down\n"


def words(corpus: Corpus) -> dict[tuple[str, str], tuple[int, str]]:
    """Weight and place by context and next word."""
    name = corpus.vocabulary.__getitem__
    return {(" ".join(map(name, s.tokens)), name(s.next)): (int(s.weight), s.source) for s in corpus.contexts}


def test_contexts_are_counted() -> None:
    found = words(parse_corpus("a b c\n\n  a b\td\na b c\n", "f"))
    assert found == {
        ("a", "b"): (3, "line 1"),
        ("b", "c"): (2, "line 1"),
        ("b", "d"): (1, "line 3"),
        ("a b", "c"): (2, "line 1"),
        ("a b", "d"): (1, "line 3"),
    }


def test_a_realizable_text_is_kept_whole() -> None:
    part = realizable_part(parse_corpus("the cat sat down\nthe cat sat", "f"))
    assert part.dropped == () and part.conflicts(3) == ""
    assert part.told == "5 of 5 contexts, 100 % of the weight"
    assert part.dataset.V == 4 and len(part.dataset.longer) == 2


def test_conflicts_are_named() -> None:
    part = realizable_part(parse_corpus(TEXT, "f"))
    name = part.dataset.vocabulary.__getitem__
    why = {f"{' '.join(map(name, s.tokens))} -> {name(s.next)}": reason for s, reason in part.dropped}
    assert why["the -> dog"] == "conflicts with the -> cat (line 1)"
    assert why["dog -> sat"] == "conflicts with dog -> ran (line 2)"
    assert why["cat -> the"] == "conflicts with cat -> sat (line 1)"
    assert why["the cat -> the"] == "none of its words has the successor the"
    assert "the cat sat -> down" not in why
    assert part.told.startswith(f"{len(part.dataset.sentences)} of ")
    assert part.conflicts(1).endswith("; ...")


def test_a_cycle_is_named() -> None:
    """With query q, a before b in one line, b before a in the other; the first line has more weight."""
    lines = ["a x", "b y", "q z", "a b q x", "a b q x", "a b q y"]
    corpus = parse_corpus("\n".join(lines), "f")
    single = [s for s in corpus.contexts if len(s.tokens) == 1]
    kept = {("a", "x"), ("b", "y"), ("q", "z")}
    name = corpus.vocabulary.__getitem__
    chosen = [s for s in single if (name(s.tokens[0]), name(s.next)) in kept]
    longer = [s for s in corpus.contexts if len(s.tokens) == 3]
    part = realizable_part(replace(corpus, contexts=(*chosen, *longer)))
    ((dropped, reason),) = part.dropped
    assert name(dropped.next) == "y" and dropped.weight == 1
    assert reason == "the order of query q would have a cycle with a b q -> x (line 4)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line of two words or more"),
        ("one\ntwo\n", "no line of two words or more"),
        (" ".join(["w"] * 102), "line 1: 102 words; at most 101"),
        ("\n".join(f"a{i} b{i}" for i in range(501)), "a vocabulary of 1002 tokens; at most 1000"),
        (
            "\n".join(" ".join(f"{(i * j) % 900}" for j in range(1, 60)) for i in range(1, 300)),
            "contexts; at most 10000",
        ),
        ("x" * 41 + " y", "a token has 1 to 40 printable characters"),
        ("a\u200b b", "a token has 1 to 40 printable characters"),
        ("caf\u00e9 b\nb cafe\u0301", "are one word in two encodings"),
        ("a b", "attention has nothing to learn"),
    ],
)
def test_what_is_no_corpus(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        realizable_part(parse_corpus(text, "f"))
    assert str(caught.value).startswith("f: ") and "\n" not in str(caught.value) and len(str(caught.value)) < 300


def fits(part: Part, corpus: Corpus, i: int) -> bool:
    """Whether the i-th of the dropped contexts could be added."""
    more = (*part.dataset.sentences, part.dropped[i][0])
    try:
        replace(part.dataset, sentences=more)
    except DatasetError:
        return False
    return True


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=2, max_size=6), min_size=1, max_size=6))
def test_nothing_that_is_dropped_fits(lines: list[list[str]]) -> None:
    corpus = parse_corpus("\n".join(map(" ".join, lines)), "f")
    try:
        part = realizable_part(corpus)
    except DatasetError:
        return
    assert {*part.dataset.sentences} | {s for s, _ in part.dropped} == {*corpus.contexts}
    assert not any(fits(part, corpus, i) for i in range(len(part.dropped)))
    kept = sum((s.weight for s in part.dataset.collocations), Fraction(0))
    assert kept == heaviest(corpus)


def heaviest(corpus: Corpus) -> Fraction:
    """The largest weight of an injective map among the contexts of one word, by trying all."""
    best = {(frozenset[int](), frozenset[int]()): Fraction(0)}
    for s in corpus.contexts:
        if len(s.tokens) == 1:
            for (xs, ys), weight in list(best.items()):
                if s.query not in xs and s.next not in ys:
                    key = (xs | {s.query}, ys | {s.next})
                    best[key] = max(best.get(key, Fraction(0)), weight + s.weight)
    return max(best.values())
