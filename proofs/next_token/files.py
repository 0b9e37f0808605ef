"""What dataset files say: plain text, or the same in JSON.

    # a comment                                  {"vocabulary": ["the", "cat", "sat", "down"],
    vocabulary the cat sat down                   "sentences": [
    the -> cat                                      {"tokens": ["the"], "next": "cat"},
    cat -> sat                                      {"tokens": ["cat"], "next": "sat", "weight": "3/2"},
    cat the -> sat * 3/2                            ...]}

A line is `tokens -> next token`, then perhaps `* weight`. Tokens, `->` and `*` stand between white space, so that
tokens such as C#, [BOS], x->y and f*x are words like any other. `#` begins a comment at the start of a line or after
white space. What text cannot hold (a token ->, #tag, or with a space in it), JSON can.
The vocabulary may be left out (then it consists of the tokens that occur), and may be a number (then the tokens are
0, 1, ...).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.next_token.dataset import MAX_VOCABULARY, Dataset, DatasetError, Sentence

MAX_NAME = 40  # characters of a token's name
MAX_WEIGHT = 10**6  # the least is 1 over it
COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
NUMBER = r"\d{1,20}(/\d{1,20}|(\.\d{1,20})?([eE][+-]?\d)?)"


@dataclass(frozen=True)
class _Line:
    tokens: tuple[str, ...]
    next: str
    weight: str
    source: str


def parse_text(text: str, name: str) -> Dataset:
    """The dataset that a text in the format above describes."""
    vocabulary: tuple[str, ...] | None = None
    lines: list[_Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        words, source = COMMENT.sub("", line).split(), f"line {number}"
        if not words:
            continue
        if words[0] == "vocabulary" and "->" not in words:
            if vocabulary is not None:
                raise DatasetError(f"{name}: {source}: the vocabulary is given twice")
            vocabulary = tuple(words[1:])
        else:
            lines.append(_line(words, f"{name}: {source}", source))
    return _build(name, vocabulary, lines)


def _line(words: list[str], where: str, source: str) -> _Line:
    """`tokens -> next token`, perhaps `* weight`. An arrow within a word counts where none stands by itself: a->b."""
    shown = short(" ".join(words))
    if "->" not in words:
        words = " ".join(words).replace("->", " -> ").split()
    arrow = words.index("->") if "->" in words else 0
    tokens, (following, *rest) = words[:arrow], words[arrow + 1 :] or [""]
    if words.count("->") != 1 or not following or (rest and (len(rest) != 2 or rest[0] != "*")):
        raise DatasetError(f"{where}: {shown}: not of the form `tokens -> next token * weight`")
    if not rest and re.fullmatch(rf".+\*[+-]?{NUMBER}", following):
        raise DatasetError(f"{where}: {short(following)}: a weight needs white space on both sides of its *")
    return _Line(tuple(tokens), following, rest[1] if rest else "1", source)


def from_json(document: Any, name: str) -> Dataset:
    """The dataset that JSON in the format above describes: objects, lists, and all numbers as the words in the file."""
    _check_keys(document, {"sentences"}, {"sentences", "vocabulary"}, name)
    if not isinstance(document["sentences"], list):
        raise DatasetError(f"{name}: sentences must be a list")
    vocabulary = document.get("vocabulary")
    if isinstance(vocabulary, str) and vocabulary.isdecimal():
        vocabulary = [vocabulary]
    if vocabulary is not None:
        vocabulary = _words(vocabulary, f"{name}: vocabulary")
    lines = []
    for number, item in enumerate(document["sentences"], 1):
        source = f"sentence {number}"
        _check_keys(item, {"tokens", "next"}, {"tokens", "next", "weight"}, f"{name}: {source}")
        following, weight = item["next"], item.get("weight", "1")
        if not isinstance(following, str) or not isinstance(weight, str):
            raise DatasetError(f"{name}: {source}: next is a token, weight a number")
        lines.append(_Line(_words(item["tokens"], f"{name}: {source}: tokens"), following, weight, source))
    return _build(name, vocabulary, lines)


def _check_keys(item: object, needed: set[str], known: set[str], where: str) -> None:
    if not isinstance(item, dict) or not needed <= item.keys() <= known:
        raise DatasetError(f"{where}: must be an object with the keys {', '.join(sorted(known))}")


def _words(items: object, where: str) -> tuple[str, ...]:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise DatasetError(f"{where} must be a list of tokens")
    return tuple(str(item) for item in items)


def _build(name: str, vocabulary: tuple[str, ...] | None, lines: Iterable[_Line]) -> Dataset:
    lines = list(lines)
    names = _vocabulary(name, vocabulary, lines)
    index = {word: number for number, word in enumerate(names)}
    sentences = []
    for line in lines:
        if not line.tokens:
            raise DatasetError(f"{name}: {line.source}: an empty sentence before {short(line.next)}")
        for word in (*line.tokens, line.next):
            if word not in index:
                raise DatasetError(f"{name}: {line.source}: token {short(word)} is not in the vocabulary")
        tokens = tuple(index[word] for word in line.tokens)
        weight = _weight(line.weight, f"{name}: {line.source}")
        sentences.append(Sentence(tokens, index[line.next], weight, line.source))
    if not sentences:
        raise DatasetError(f"{name}: no sentences")
    return Dataset(name, names, tuple(sentences))


def _vocabulary(name: str, given: tuple[str, ...] | None, lines: list[_Line]) -> tuple[str, ...]:
    """The given one; else the tokens that occur: numbers by size, words in the order of occurrence."""
    if given is not None and len(given) == 1 and given[0].isdecimal():
        if len(given[0]) > len(str(MAX_VOCABULARY)):
            raise DatasetError(f"{name}: a vocabulary of {short(given[0])} tokens; at most {MAX_VOCABULARY}")
        given = tuple(map(str, range(int(given[0]))))
    if given is None:
        given = tuple(dict.fromkeys(word for line in lines for word in (*line.tokens, line.next)))
        if all(re.fullmatch(r"\d{1,9}", word) for word in given):
            given = tuple(sorted(given, key=int))
    return named_tokens(name, given)


def named_tokens(name: str, given: Iterable[str]) -> tuple[str, ...]:
    """The words as a vocabulary; DatasetError if one cannot be a token, stands twice, or if there are too many."""
    given = tuple(given)
    if len(given) > MAX_VOCABULARY:
        raise DatasetError(f"{name}: a vocabulary of {len(given)} tokens; at most {MAX_VOCABULARY}")
    counts = Counter(given)
    looks: dict[str, str] = {}
    for word in given:
        if not word or len(word) > MAX_NAME or not word.isprintable() or counts[word] > 1:
            rule = f"a token has 1 to {MAX_NAME} printable characters, and stands here once"
            raise DatasetError(f"{name}: vocabulary: {short(word)}: {rule}")
        twin = looks.setdefault(unicodedata.normalize("NFC", word), word)
        if twin != word:
            raise DatasetError(f"{name}: vocabulary: {twin!a} and {word!a} are one word in two encodings")
    return given


def _weight(word: str, where: str) -> Fraction:
    """A positive rational: 2, 3/2, 0.25, 1e-3."""
    try:
        weight = Fraction(word) if re.fullmatch(NUMBER, word) else None
    except ZeroDivisionError:
        weight = None
    if weight is None:
        raise DatasetError(f"{where}: weight {short(word)}: a weight is a positive number such as 2, 3/2 or 0.25")
    if not Fraction(1, MAX_WEIGHT) <= weight <= MAX_WEIGHT:
        raise DatasetError(f"{where}: a weight is from 1/{MAX_WEIGHT} to {MAX_WEIGHT}, not {weight}")
    return weight


def short(word: str) -> str:
    """The word in a message: long ones cut, unprintable ones as Python writes them."""
    word = word if len(word) <= MAX_NAME else f"{word[:MAX_NAME]}..."
    return word if word.isprintable() and word else repr(word)
