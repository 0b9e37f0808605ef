"""Dataset files: what they mean, and one clear line for what they cannot mean."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token.dataset import Dataset, DatasetError, Sentence
from proofs.next_token.files import MAX_BYTES, parse_json, parse_text, read_dataset
from tests.proofs.next_token.strategies import datasets

TEXT = """
# what follows what
vocabulary the cat sat down   # four tokens
the -> cat
cat -> sat
cat the -> sat * 3/2
"""
JSON = {
    "vocabulary": ["the", "cat", "sat", "down"],
    "sentences": [
        {"tokens": ["the"], "next": "cat"},
        {"tokens": ["cat"], "next": "sat", "weight": 1},
        {"tokens": ["cat", "the"], "next": "sat", "weight": "3/2"},
    ],
}


def content(dataset: Dataset) -> tuple[tuple[str, ...], list[tuple[tuple[int, ...], int, Fraction]]]:
    return dataset.vocabulary, [(s.tokens, s.next, s.weight) for s in dataset.sentences]


def test_text_and_json_say_the_same() -> None:
    expected = (("the", "cat", "sat", "down"), [((0,), 1, 1), ((1,), 2, 1), ((1, 0), 2, Fraction(3, 2))])
    assert content(parse_text(TEXT, "f")) == expected
    assert content(parse_json(json.dumps(JSON), "f")) == expected


def test_files(tmp_path: Path) -> None:
    for name, text in (("data.txt", TEXT), ("data.json", json.dumps(JSON, indent=1)), ("bom.txt", "\ufeff" + TEXT)):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert read_dataset(path).name == name
        assert read_dataset(path).V == 4


@given(datasets())
def test_round_trip(dataset: Dataset) -> None:
    def line(s: Sentence) -> str:
        return f"{' '.join(map(str, s.tokens))} -> {s.next} * {s.weight}"

    text = "\n".join([f"vocabulary {dataset.V}", *map(line, dataset.sentences)])
    items = [{"tokens": s.tokens, "next": s.next, "weight": str(s.weight)} for s in dataset.sentences]
    assert content(parse_text(text, "f")) == content(dataset)
    assert content(parse_json(json.dumps({"vocabulary": dataset.V, "sentences": items}), "f")) == content(dataset)


def test_vocabulary_when_left_out() -> None:
    assert parse_text("10 -> 9\n9 -> 2\n9 10 -> 2", "f").vocabulary == ("2", "9", "10")
    assert parse_text("x -> 9\n9 -> b\n9 x -> b", "f").vocabulary == ("x", "9", "b")


@pytest.mark.parametrize("weight", ["2", "3/2", "0.25", "1e-3", "2.5E2"])
def test_weights(weight: str) -> None:
    assert parse_text(f"a->b\nb->a\na b -> a * {weight}", "f").longer[0].weight == Fraction(weight)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no sentences"),
        ("vocabulary a b", "no sentences"),
        ("vocabulary a b\nvocabulary a b", "line 2: the vocabulary is given twice"),
        ("vocabulary a a\na -> a", "vocabulary: a: different words"),
        ("vocabulary 99\n0 -> 1", "a vocabulary of 99 tokens; at most 24"),
        ("a b c", "line 1: a b c: not of the form"),
        ("a -> b -> c", "not of the form"),
        ("a -> b c", "not of the form"),
        ("a -> ", "not of the form"),
        ("a -> b *", "not of the form"),
        ("-> b", "line 1: an empty sentence before b"),
        ("vocabulary a b\na -> c", "line 2: token c is not in the vocabulary"),
        ("a -> b\nb -> a\na b -> b * nan", "line 3: weight nan"),
        ("a -> b\nb -> a\na b -> b * -1", "weight -1"),
        ("a -> b\nb -> a\na b -> b * 1/0", "weight 1/0"),
        ("a -> b\nb -> a\na b -> b * 1e99", "weight 1e99"),
        ("a -> b\nb -> a\na b -> b * 0", "not 0"),
        ("a -> b\nb -> a\na b -> b * " + "9" * 5000, "weight 9999"),
        ("a -> b\nc -> b", "a -> b (line 1) and c -> b (line 2): the collocation map is not injective"),
        ("a -> b\nb -> a\na b -> a\nb a b -> b", "query b has the cycle"),
        ("a" * 41 + " -> b", "different words of 1 to 40 characters"),
    ],
)
def test_broken_text(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        parse_text(text, "f")
    assert str(caught.value).startswith("f: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


SENTENCE = '{"tokens": ["a"], "next": "b"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: broken JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "must be an object with the keys sentences, vocabulary"),
        ("{}", "must be an object with the keys"),
        ('{"sentences": {}}', "sentences must be a list"),
        ('{"sentences": [], "sentences": []}', "the key sentences is given twice"),
        ('{"sentences": [], "other": 1}', "must be an object with the keys"),
        ('{"sentences": NaN}', "NaN is not a number"),
        ('{"sentences": [{"tokens": ["a"], "next": "b", "weight": Infinity}]}', "Infinity is not a number"),
        ('{"sentences": [{"tokens": ["a"], "next": "b", "weight": 1e400}]}', "sentence 1: weight 1e400"),
        ('{"sentences": [{"tokens": ["a"], "next": "b", "weight": ' + "9" * 9999 + "}]}", "sentence 1: weight 999"),
        ('{"sentences": [{"tokens": ["a"], "next": "b", "weight": true}]}', "next is a token, weight a number"),
        ('{"sentences": [{"tokens": ["a"], "next": null}]}', "next is a token, weight a number"),
        ('{"sentences": [{"tokens": "a", "next": "b"}]}', "sentence 1: tokens must be a list of tokens"),
        ('{"sentences": [{"tokens": [["a"]], "next": "b"}]}', "must be a list of tokens"),
        ('{"sentences": [{"tokens": [], "next": "b"}]}', "sentence 1: an empty sentence before b"),
        ('{"sentences": [{"tokens": ["a"]}]}', "sentence 1: must be an object with the keys next, tokens, weight"),
        ('{"sentences": [3]}', "sentence 1: must be an object"),
        ('{"vocabulary": "ab", "sentences": []}', "vocabulary must be a list"),
        ('{"vocabulary": ["a", "b", "\\n"], "sentences": [' + SENTENCE + "]}", "different words"),
        ('{"vocabulary": ["a"], "sentences": [' + SENTENCE + "]}", "token b is not in the vocabulary"),
    ],
)
def test_broken_json(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        parse_json(text, "f")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_broken_files(tmp_path: Path) -> None:
    for name, raw, message in (
        ("binary", b"\xff\xfe\x00", "not text in UTF-8"),
        ("huge", b"#" * (MAX_BYTES + 1), "larger than"),
    ):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(DatasetError, match=message):
            read_dataset(tmp_path / name)
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_dataset(path)


def outcome(parse: Callable[[str, str], Dataset], text: str) -> str:
    """The message of the DatasetError, or the name; any other exception fails the test."""
    try:
        return parse(text, "f").name
    except DatasetError as error:
        return str(error)


@given(st.text(alphabet="ab01 ->*#/\n", max_size=60))
def test_any_text_is_a_dataset_or_one_line(text: str) -> None:
    assert "\n" not in outcome(parse_text, text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tokens", "next", "weight", "sentences", "vocabulary"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_json_is_a_dataset_or_one_line(value: object) -> None:
    assert "\n" not in outcome(parse_json, json.dumps(value))
