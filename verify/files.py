"""Files that people hand in: read, decoded, parsed as JSON, in the same way whatever they hold.

Datasets, matrices, trajectories and certificates all come through here. What is wrong with a file is said in one line,
FileError; the caller adds which file it is. The standard library alone, so that verify.replay can read with it too;
proofs and numerics parse what has been read here.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from typing import Any, NoReturn

from verify.printing import shown

DEEPEST = 20  # brackets within brackets, in JSON
LONGEST_WHOLE = 4000  # digits of a whole number; from 4300 on Python itself reads none
MOST_SHOWN = 40  # characters of the file in a message
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks

# A string, or a run of brackets. A string that never ends is one too, or the search would begin anew at each quote.
_STRING_OR_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]+|[\]}]+', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


class FileError(ValueError):
    """What is wrong with a file, in one line."""


class UnreadableError(FileError):
    """There is no such file, or none that can be read."""


class BrokenJSONError(FileError):
    """The text is no JSON at all."""


class Number(str):
    """A number in JSON, as it is written: of any size, and exact."""

    __slots__ = ()


def read_text(path: str | os.PathLike[str], most: int) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    return decode(read_bytes(path, most))


def read_bytes(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of a file of at most so many bytes. Folders, pipes and devices, which may never end, are refused."""
    try:
        status, content = os.stat(path), b""
        regular = stat.S_ISREG(status.st_mode)
        if regular and status.st_size <= most:
            with open(path, "rb") as file:
                content = file.read(most + 1)  # it may have grown, or have no size, as in /proc
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        raise UnreadableError(f"cannot be read ({getattr(error, 'strerror', error)})") from None
    if not regular:
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
        raise UnreadableError(f"cannot be read ({kind})")
    if max(len(content), status.st_size) > most:
        raise FileError(f"larger than {most} bytes")
    return content


def decode(content: bytes) -> str:
    """The text that the bytes are in UTF-8."""
    if content.startswith(UTF_16):
        raise FileError("text in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"not text in UTF-8 (line {_line(content, error.start)})") from None
    if "\0" in text:
        raise FileError(f"not text (line {_line(content, content.index(0))} holds a null byte)")
    return text


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def parse_json(text: str, number: Callable[[str], Any] = Number) -> Any:
    """What a text in JSON holds. Numbers are what `number` makes of them, by default the word itself.

    A key that is given twice, NaN, Infinity, half a surrogate pair and more than DEEPEST brackets within brackets are
    errors.
    """
    check_depth(text)
    try:
        document = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=number, parse_int=number
        )
    except json.JSONDecodeError as error:
        raise BrokenJSONError(f"not JSON (line {error.lineno}: {error.msg})") from None
    if r"\ud" in text.lower():
        _check_surrogates(document)
    return document


def whole(word: str) -> int:
    """A number of a file in which all numbers are whole."""
    if len(word) > LONGEST_WHOLE:
        raise FileError(f"{shown(word, MOST_SHOWN)}: a number of more than {LONGEST_WHOLE} digits")
    try:
        return int(word)
    except ValueError:
        raise FileError(f"{shown(word, MOST_SHOWN)}: not a whole number") from None


def check_depth(text: str) -> None:
    """BrokenJSONError for brackets within brackets beyond what any file of ours has; Python's reader would give up."""
    depth = 0
    for match in _STRING_OR_BRACKETS.finditer(text):
        if text[match.start()] != '"':
            length = match.end() - match.start()
            depth += length if text[match.start()] in "[{" else -length
            if depth > DEEPEST:
                raise BrokenJSONError(f"more than {DEEPEST} brackets within brackets")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FileError(f"the key {shown(key, MOST_SHOWN)} is given twice")
        found[key] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise BrokenJSONError(f"not JSON ({word} is no number)")


def _check_surrogates(document: Any) -> None:
    rest = [document]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item, *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, str) and _SURROGATE.search(item):
            raise FileError(f"{shown(item, MOST_SHOWN)}: half a surrogate pair is no character")
