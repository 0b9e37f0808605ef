"""Dataset files: what they mean, and one clear line for what they cannot mean."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.next_token.dataset import Dataset, DatasetError, Sentence
from proofs.next_token.files import from_json, parse_text
from tests.proofs.next_token.strategies import datasets
from verify.files import FileError, parse_json
from verify.papers.next_token.files import LARGEST_FILE, parse_dataset, read_dataset

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
    assert content(from_json(parse_json(json.dumps(JSON)), "f")) == expected


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
    assert content(from_json(parse_json(json.dumps({"vocabulary": dataset.V, "sentences": items})), "f")) == content(
        dataset
    )


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
        ("vocabulary a a\na -> a", "vocabulary: a: a token has 1 to 40 printable characters, and stands here once"),
        ("vocabulary 1001\n0 -> 1", "a vocabulary of 1001 tokens; at most 1000"),
        (f"vocabulary {'9' * 5000}\n0 -> 1", "a vocabulary of 9999"),
        ("a b c", "line 1: a b c: not of the form"),
        ("a -> b -> c", "not of the form"),
        ("a -> b c", "not of the form"),
        ("a -> ", "not of the form"),
        ("a -> b *", "not of the form"),
        ("a -> b * 2 * 2", "not of the form"),
        ("a -> b *2", "not of the form"),
        ("a -> b*2", "line 1: b*2: a weight needs white space on both sides of its *"),
        ("a -> b*-1/2", "b*-1/2: a weight needs white space"),
        ("a -> #b", "not of the form"),
        ("a\u2028-> b", "line 1: a: not of the form"),
        ("caf\u00e9 -> b\nb -> cafe\u0301", r"'caf\xe9' and 'cafe\u0301' are one word in two encodings"),
        ("a\u200b -> b", "a token has 1 to 40 printable characters"),
        ("-> b", "line 1: an empty sentence before b"),
        ("vocabulary a b\na -> c", "line 2: token c is not in the vocabulary"),
        ("a -> b\nb -> a\na b -> b * nan", "line 3: weight nan"),
        ("a -> b\nb -> a\na b -> b * -1", "weight -1"),
        ("a -> b\nb -> a\na b -> b * 1/0", "weight 1/0"),
        ("a -> b\nb -> a\na b -> b * 1e99", "weight 1e99"),
        ("a -> b\nb -> a\na b -> b * 1000001", "line 3: a weight is from 1/1000000 to 1000000, not 1000001"),
        ("a -> b\nb -> a\na b -> b * 1/1000001", "to 1000000, not 1/1000001"),
        ("a -> b\nb -> a\na b -> b * 0", "not 0"),
        ("a -> b\nb -> a\na b -> b * " + "9" * 5000, "weight 9999"),
        ("a -> b\nc -> b", "a -> b (line 1) and c -> b (line 2): the collocation map is not injective"),
        ("a -> b\nb -> a\na b -> a\nb a b -> b", "query b has the cycle"),
        ("a" * 41 + " -> b", "a token has 1 to 40 printable characters"),
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
        ("[]", "must be an object with the keys sentences, vocabulary"),
        ("{}", "must be an object with the keys"),
        ('{"sentences": {}}', "sentences must be a list"),
        ('{"sentences": [], "other": 1}', "must be an object with the keys"),
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
        ('{"vocabulary": ["a", "b", "\\n"], "sentences": [' + SENTENCE + "]}", "printable characters"),
        ('{"vocabulary": ["a"], "sentences": [' + SENTENCE + "]}", "token b is not in the vocabulary"),
    ],
)
def test_broken_json(text: str, message: str) -> None:
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        from_json(parse_json(text), "f")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_broken_files(tmp_path: Path) -> None:
    for name, raw, message in (
        ("binary", b"\xff\xfe\x00", "text in UTF-16"),
        ("huge", b"#" * (LARGEST_FILE + 1), "larger than"),
    ):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(FileError, match=message):
            read_dataset(tmp_path / name)


def read(text: str, name: str = "f.txt") -> list[tuple[tuple[str, ...], str, Fraction]]:
    """The sentences in words."""
    dataset = parse_dataset(text, name)
    word = dataset.vocabulary.__getitem__
    return [(tuple(map(word, s.tokens)), word(s.next), s.weight) for s in dataset.sentences]


TOKENS = ["C#", "[BOS]", "{x}", "*", "x->y", "-->", "f*x", "**", '"', "a:b", "[1]", "{", "]", "vocabulary", "caf\u00e9"]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_with_signs_in_them(token: str) -> None:
    """Each at each place, weights and comments beside it."""
    text = f"{token} -> b  # {token}\nb -> {token} * 2\n\tb {token}  -> {token} # * 3\r\n"
    expected = [((token,), "b", 1), (("b",), token, 2), (("b", token), token, 1)]
    assert read(text) == expected
    assert read(f"# {token}\n\n{text}") == expected
    assert read(f"vocabulary b {token}  other#word\n{text}") == expected


def test_the_files_that_went_wrong() -> None:
    assert parse_dataset("the -> C#\ncat -> sat\ncat the -> sat\n", "f").vocabulary == ("the", "C#", "cat", "sat")
    two = parse_dataset("the -> C#\ncat -> C\ncat the -> C\n", "f")  # C# is not C: n is injective
    assert two.vocabulary == ("the", "C#", "cat", "C") and len(two.sentences) == 3
    assert parse_dataset("[BOS] -> cat\ncat -> sat\ncat [BOS] -> sat\n", "f").vocabulary == ("[BOS]", "cat", "sat")


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
    lambda word: not word.startswith("#") and word not in ("->", "*") and not re.search(r"\*[+-]?\d", word)
)


@given(words, words)
def test_any_words_are_tokens(a: str, b: str) -> None:
    if normalize("NFC", a) != normalize("NFC", b):
        sentences = [((a,), b, 1), ((b,), a, Fraction(1, 3)), ((a, b), a, 7)]
        text = f"{a} -> {b}\n{b} -> {a} * 1/3#0\n{a}\u3000{b} -> {a} * 7 #\n"
        with pytest.raises(DatasetError, match="weight 1/3#0"):
            read(text)
        assert read(text.replace("3#0", "3 #0")) == sentences


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\f"])
def test_ends_of_lines(end: str) -> None:
    assert len(read(end.join(["a -> b", "# c", "b\t->\ta", "a b -> b"]))) == 3


def test_which_reading() -> None:
    """A file is JSON by its name, or as a whole; where both readings fail, both are told."""
    document = json.dumps(JSON)
    for name, text in (("f.json", document), ("f", document), ("f.txt", f"\n {document}\n")):
        assert read(text, name) == [(("the",), "cat", 1), (("cat",), "sat", 1), (("cat", "the"), "sat", Fraction(3, 2))]
    for name, text, message in (
        ("f.JSON", "[BOS] -> cat\n", r"^not JSON \(line 1: "),
        ("f", document[:-1], r"^f: line 1: .* not of the form .* \(read as text; as JSON: not JSON \(line 1: "),
        ("f", "[]", "^f: must be an object with the keys sentences, vocabulary"),
        ("f", '{"sentences": [], "sentences": []}', "^the key sentences is given twice"),
    ):
        with pytest.raises((FileError, DatasetError), match=message) as caught:
            read(text, name)
        assert "\n" not in str(caught.value)
    assert read("[NaN] -> a\na -> [NaN]\na [NaN] -> a\n")[0] == (("[NaN]",), "a", 1)
    assert read(f"{'{' * 30} -> a\na -> b\na {'{' * 30} -> b\n")[1] == (("a",), "b", 1)


def outcome(parse: Callable[[str, str], Dataset], text: str) -> str:
    """The message of the error, or the name; any other exception fails the test."""
    try:
        return parse(text, "f").name
    except (DatasetError, FileError) as error:
        return str(error)


@given(st.text(alphabet='ab01 ->*#/[]{}"\n', max_size=60))
def test_any_text_is_a_dataset_or_one_line(text: str) -> None:
    assert "\n" not in outcome(parse_dataset, text)


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
    assert "\n" not in outcome(parse_dataset, json.dumps(value))
