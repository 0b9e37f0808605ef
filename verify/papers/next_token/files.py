"""Which of the two ways of writing a dataset (see proofs.next_token.files) a file is read as."""

from __future__ import annotations

from pathlib import Path

from proofs.next_token.corpus import Corpus, parse_corpus
from proofs.next_token.dataset import Dataset, DatasetError
from proofs.next_token.files import from_json, parse_text
from verify.files import BrokenJSONError, parse_json, read_text

LARGEST_FILE = 1_000_000  # bytes


def read_dataset(path: str | Path) -> Dataset:
    """The dataset in a file. FileError or DatasetError with one line that says what is wrong, and where."""
    return parse_dataset(read_text(path, LARGEST_FILE), Path(path).name)


def read_corpus(path: str | Path) -> Corpus:
    """The contexts of a plain text. FileError or DatasetError with one line."""
    return parse_corpus(read_text(path, LARGEST_FILE), Path(path).name)


def parse_dataset(text: str, name: str) -> Dataset:
    """JSON if the name ends in .json, or if all of the text is an object or list of JSON: tokens may have brackets."""
    if name.lower().endswith(".json"):
        return from_json(parse_json(text), name)
    no_json = ""
    if text.lstrip().startswith(("{", "[")):
        try:
            return from_json(parse_json(text), name)
        except BrokenJSONError as error:
            no_json = f" (read as text; as JSON: {error})"
    try:
        return parse_text(text, name)
    except DatasetError as error:
        raise DatasetError(f"{error}{no_json}") from None
