"""Datasets in files: plain text, or the same in JSON.

    # a comment                                  {"vocabulary": ["the", "cat", "sat", "down"],
    vocabulary the cat sat down                   "sentences": [
    the -> cat                                      {"tokens": ["the"], "next": "cat"},
    cat -> sat                                      {"tokens": ["cat"], "next": "sat", "weight": "3/2"},
    cat the -> sat * 3/2                            ...]}

A line is `tokens -> next token`, then perhaps `* weight`. The vocabulary may be left out (then it consists of the
tokens that occur), and may be a number (then the tokens are 0, 1, ...).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from proofs.next_token.dataset import MAX_VOCABULARY, Dataset, DatasetError, Sentence

MAX_BYTES = 1_000_000
MAX_NAME = 40  # characters of a token's name


@dataclass(frozen=True)
class _Line:
    tokens: tuple[str, ...]
    next: str
    weight: str
    source: str


def read_dataset(path: str | Path) -> Dataset:
    """The dataset in the file; DatasetError with one line that says what is wrong, and where."""
    name = Path(path).name
    try:
        with open(path, "rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise DatasetError(f"{path}: larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: not text in UTF-8") from None
    return parse_json(text, name) if text.lstrip().startswith(("{", "[")) else parse_text(text, name)


def parse_text(text: str, name: str) -> Dataset:
    """The dataset that a text in the format above describes."""
    vocabulary: tuple[str, ...] | None = None
    lines: list[_Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line, source = raw.partition("#")[0].strip(), f"line {number}"
        if not line:
            continue
        head, arrow, tail = line.partition("->")
        words = head.split()
        if not arrow and words[0] == "vocabulary":
            if vocabulary is not None:
                raise DatasetError(f"{name}: {source}: the vocabulary is given twice")
            vocabulary = tuple(words[1:])
            continue
        following, star, weight = tail.partition("*")
        if not arrow or "->" in tail or len(following.split()) != 1 or (star and not weight.strip()):
            raise DatasetError(f"{name}: {source}: {_short(line)}: not of the form `tokens -> next token * weight`")
        lines.append(_Line(tuple(words), following.strip(), weight.strip() or "1", source))
    return _build(name, vocabulary, lines)


def parse_json(text: str, name: str) -> Dataset:
    """The dataset that a JSON text describes. Unknown and duplicate keys, NaN and Infinity are errors."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, times in Counter(key for key, _ in pairs).items():
            if times > 1:
                raise DatasetError(f"{name}: the key {_short(key)} is given twice")
        return dict(pairs)

    def constant(word: str) -> NoReturn:
        raise DatasetError(f"{name}: {word} is not a number that a dataset can hold")

    try:  # numbers stay words, so that none can be huge or inexact
        data = json.loads(
            text, object_pairs_hook=unique, parse_constant=constant, parse_float=_Number, parse_int=_Number
        )
    except json.JSONDecodeError as error:
        raise DatasetError(f"{name}: line {error.lineno}: broken JSON: {error.msg}") from None
    except RecursionError:
        raise DatasetError(f"{name}: broken JSON: nested too deeply") from None
    _check_keys(data, {"sentences"}, {"sentences", "vocabulary"}, name)
    if not isinstance(data["sentences"], list):
        raise DatasetError(f"{name}: sentences must be a list")
    vocabulary = data.get("vocabulary")
    if isinstance(vocabulary, _Number):
        vocabulary = [vocabulary]
    if vocabulary is not None:
        vocabulary = _words(vocabulary, f"{name}: vocabulary")
    lines = []
    for number, item in enumerate(data["sentences"], 1):
        source = f"sentence {number}"
        _check_keys(item, {"tokens", "next"}, {"tokens", "next", "weight"}, f"{name}: {source}")
        following, weight = item["next"], item.get("weight", "1")
        if not isinstance(following, str) or not isinstance(weight, str):
            raise DatasetError(f"{name}: {source}: next is a token, weight a number")
        lines.append(_Line(_words(item["tokens"], f"{name}: {source}: tokens"), following, weight, source))
    return _build(name, vocabulary, lines)


class _Number(str):
    """A number of a JSON text, as it was written."""


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
            raise DatasetError(f"{name}: {line.source}: an empty sentence before {_short(line.next)}")
        for word in (*line.tokens, line.next):
            if word not in index:
                raise DatasetError(f"{name}: {line.source}: token {_short(word)} is not in the vocabulary")
        tokens = tuple(index[word] for word in line.tokens)
        weight = _weight(line.weight, f"{name}: {line.source}")
        sentences.append(Sentence(tokens, index[line.next], weight, line.source))
    if not sentences:
        raise DatasetError(f"{name}: no sentences")
    return Dataset(name, names, tuple(sentences))


def _vocabulary(name: str, given: tuple[str, ...] | None, lines: list[_Line]) -> tuple[str, ...]:
    """The given one; else the tokens that occur: numbers by size, words in the order of occurrence."""
    if given is not None and len(given) == 1 and re.fullmatch(r"\d{1,3}", given[0]):
        given = tuple(map(str, range(int(given[0]))))
    if given is None:
        given = tuple(dict.fromkeys(word for line in lines for word in (*line.tokens, line.next)))
        if all(re.fullmatch(r"\d{1,9}", word) for word in given):
            given = tuple(sorted(given, key=int))
    if len(given) > MAX_VOCABULARY:
        raise DatasetError(f"{name}: a vocabulary of {len(given)} tokens; at most {MAX_VOCABULARY}")
    for word in given:
        if not word or len(word) > MAX_NAME or not word.isprintable() or given.count(word) > 1:
            raise DatasetError(f"{name}: vocabulary: {_short(word)}: different words of 1 to {MAX_NAME} characters")
    return given


def _weight(word: str, where: str) -> Fraction:
    """A positive rational: 2, 3/2, 0.25, 1e-3."""
    if re.fullmatch(r"\d{1,20}(/\d{1,20}|(\.\d{1,20})?([eE][+-]?\d)?)", word):
        try:
            return Fraction(word)
        except ZeroDivisionError:
            pass
    raise DatasetError(f"{where}: weight {_short(word)}: a weight is a positive number such as 2, 3/2 or 0.25")


def _short(word: str) -> str:
    word = word if len(word) <= MAX_NAME else f"{word[:MAX_NAME]}..."
    return word if word.isprintable() and word else repr(word)
