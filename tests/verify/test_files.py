"""The one reader of files: sizes, encodings, byte order marks, JSON as it should be; one line for what is wrong.

And that every kind of file goes through it: what one kind refuses, all do, in the same words.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.test_fuzz_files import KINDS
from verify.files import (
    DEEPEST,
    LONGEST_WHOLE,
    BrokenJSONError,
    FileError,
    Number,
    UnreadableError,
    decode,
    parse_json,
    read_bytes,
    whole,
)
from verify.recheck.certificate import DeclinedError, RejectedError
from verify.settings import UsageError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text".encode("utf-16"), "text in UTF-16; save it as UTF-8"),
        ("text".encode("utf-16-le"), "not text (line 1 holds a null byte)"),
        ("text".encode("utf-32-be"), "not text (line 1 holds a null byte)"),
        ("a\nb\ncafé".encode("latin-1"), "not text in UTF-8 (line 3)"),
        (b"\n\xed\xa0\x80", "not text in UTF-8 (line 2)"),  # half a surrogate pair, encoded
        (b"a\n\0", "not text (line 2 holds a null byte)"),
        (b"\x1f\x8b\x08", "not text in UTF-8 (line 1)"),
    ],
)
def test_what_is_no_text(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=rf"^{re.escape(message)}$"):
        decode(content)


def test_text() -> None:
    assert decode("\ufeffé\r\n".encode()) == "é\r\n"
    assert decode(b"") == ""
    assert decode("\ufeff\ufeff".encode()) == "\ufeff"  # one mark is a mark, the second is a letter


def test_what_cannot_be_read(tmp_path: Path) -> None:
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"12345")
    os.mkfifo(pipe)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert read_bytes(file, 5) == b"12345"
    for path, message in (
        (tmp_path / "none", "cannot be read (No such file or directory)"),
        (tmp_path, "cannot be read (a folder)"),
        (pipe, "cannot be read (a pipe or a device)"),
        (Path("/dev/zero"), "cannot be read (a pipe or a device)"),
        (file / "below", "cannot be read (Not a directory)"),
        (tmp_path / "circle", "cannot be read (Too many levels of symbolic links)"),
        (tmp_path / ("x" * 300), "cannot be read (File name too long)"),
        ("a\0b", "cannot be read (embedded null byte)"),
    ):
        with pytest.raises(UnreadableError, match=rf"^{re.escape(message)}$"):
            read_bytes(path, 100)
    for most in (0, 4):
        with pytest.raises(FileError, match=rf"^larger than {most} bytes$"):
            read_bytes(file, most)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_a_file_that_says_it_has_no_size() -> None:
    assert read_bytes("/proc/self/status", 10**6).startswith(b"Name:")
    with pytest.raises(FileError, match=r"^larger than 4 bytes$"):
        read_bytes("/proc/self/status", 4)


def test_what_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "file").touch()
    monkeypatch.setattr("builtins.open", refuse)  # the administrator may read every file
    with pytest.raises(UnreadableError, match=r"^cannot be read \(Permission denied\)$"):
        read_bytes(tmp_path / "file", 10)


DEEP = "[" * DEEPEST + "]" * DEEPEST


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON (line 1: Expecting value)"),
        ('{"a": 1,\n]', "not JSON (line 2: "),
        ("[1] 2", "not JSON (line 1: Extra data)"),
        ("[NaN]", "not JSON (NaN is no number)"),
        ("[-Infinity]", "not JSON (-Infinity is no number)"),
        ('"', "not JSON (line 1: Unterminated string"),
        ('["a\tb"]', "not JSON (line 1: Invalid control character"),
        ("\ufeff[]", "not JSON (line 1: "),  # a second byte order mark
        (f"[{DEEP}]", "more than 20 brackets within brackets"),
        ('{"a":' * 10**5, "more than 20 brackets within brackets"),
        ("[" * 10**7, "more than 20 brackets within brackets"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key c is given twice"),
        (r'{"a": 1, "\u0061": 2}', "the key a is given twice"),
        ('{"": 1, "": 2}', "the key '' is given twice"),
        (r'{"\n\u202e": 1, "\n\u202e": 2}', r"the key \n\u202e is given twice"),
        (f'{{"{"k" * 99}": 1, "{"k" * 99}": 2}}', f"the key {'k' * 40}... (99 characters) is given twice"),
        (r'["\ud800"]', r"\ud800: half a surrogate pair is no character"),
        (r'{"a": [{"\uDFFF": 1}]}', r"\udfff: half a surrogate pair is no character"),
    ],
)
def test_what_is_not_json_as_it_should_be(text: str, message: str) -> None:
    with pytest.raises(FileError, match=rf"^{re.escape(message)}") as caught:
        parse_json(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 120
    broken = "given twice" not in message and "surrogate" not in message
    assert isinstance(caught.value, BrokenJSONError) == broken


def test_json() -> None:
    assert parse_json(f'["{"[" * 99}\\"{"{" * 99}", {DEEP[1:-1]}]')[0] == "[" * 99 + '"' + "{" * 99
    assert parse_json(rf"[[], []{', []' * 100}]") == [[] for _ in range(102)]
    assert parse_json(r'["\ud83d\ude00", "\\ud800"]') == ["\U0001f600", r"\ud800"]
    digits = "9" * 5000
    assert parse_json(f"[1.50, -0, 1e999, {digits}]") == ["1.50", "-0", "1e999", digits]
    assert all(isinstance(x, Number) for x in parse_json("[1, 2.5]"))
    assert parse_json("[1, -2]", whole) == [1, -2] and isinstance(parse_json("1", whole), int)


def test_quotes_that_never_end_take_no_longer() -> None:
    """A search that begins anew at every quote would take hours."""
    with pytest.raises(BrokenJSONError):
        parse_json('"' + r"\"" * 10**6)


@pytest.mark.parametrize("word", ["1.0", "1e3", "-0.5", "9" * (LONGEST_WHOLE + 1)])
def test_numbers_that_are_not_whole_or_too_long(word: str) -> None:
    with pytest.raises(
        FileError, match=r"^[-0-9.e]+( \(4001 characters\))?: (not a whole number|a number of more than 4000 digits)$"
    ):
        parse_json(f"[{word}]", whole)


def test_the_longest_whole_number() -> None:
    assert parse_json("-" + "9" * (LONGEST_WHOLE - 1), whole) == 1 - 10 ** (LONGEST_WHOLE - 1)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


def depth(value: Any) -> int:
    if isinstance(value, dict | list):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


@given(values, st.booleans())
def test_what_json_writes_is_read(value: Any, plain: bool) -> None:
    try:
        assert parse_json(json.dumps(value, ensure_ascii=plain), int) == value
    except FileError:
        assert depth(value) > DEEPEST


@given(st.text(alphabet='[]{}",:\\u0123d8 \n\ufeffn') | st.text())
def test_any_text_is_json_for_python_too_or_one_line(text: str) -> None:
    try:
        told = ""
        assert parse_json(text) == json.loads(text, parse_int=str, parse_float=str)
    except FileError as error:
        told = str(error)
    assert "\n" not in told


@given(st.binary())
def test_any_bytes_are_text_or_one_line(content: bytes) -> None:
    try:
        told = ""
        assert decode(content).encode() == content.removeprefix(b"\xef\xbb\xbf")
    except FileError as error:
        told = str(error)
    assert "\n" not in told


# --- every kind of file ---

TEXTS, ALL = ("dataset", "matrices", "certificates"), tuple(KINDS)


def refusal(kind: str, path: Path) -> str:
    """What the reader of this kind says; "" if it reads the file."""
    try:
        KINDS[kind][1](path)
    except (UsageError, RejectedError, DeclinedError, UnreadableError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]".encode("utf-16"), "text in UTF-16; save it as UTF-8"),
        (b"{}\0", "not text (line 1 holds a null byte)"),
        (b"\n\xff", "not text in UTF-8 (line 2)"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key c is given twice"),
        (b"[" * 10**6, "more than 20 brackets within brackets"),
        (b'{"H": [NaN]}', "not JSON (NaN is no number)"),
        (rb'{"H": "\ud800"}', r"\ud800: half a surrogate pair is no character"),
        (b'{"H": 1,', "not JSON (line 1: "),
    ],
)
def test_texts_are_refused_alike(kind: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content)
    assert message in refusal(kind, path)


@pytest.mark.parametrize("kind", TEXTS)
def test_texts_are_read_alike(kind: str, tmp_path: Path) -> None:
    path, content = tmp_path / "file", KINDS[kind][0]()
    for same in (content, b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r\n"), b"\n\n" + content + b"\n\n"):
        path.write_bytes(same)
        assert refusal(kind, path) == ""


@pytest.mark.parametrize("kind", ALL)
def test_what_cannot_be_read_is_told_alike(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    assert "cannot be read (a folder)" in refusal(kind, tmp_path)
    assert "cannot be read (a pipe or a device)" in refusal(kind, tmp_path / "pipe")
    assert "cannot be read (a pipe or a device)" in refusal(kind, Path("/dev/zero"))
    for missing in ("none", "circle"):
        told = refusal(kind, tmp_path / missing)
        assert "cannot be read (" in told or "neither a file nor one of named" in told
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**40)  # without a block on the disk; nothing can read that much
    assert re.search(r"larger than \d+ bytes", refusal(kind, tmp_path / "large"))
