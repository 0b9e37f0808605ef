"""Text on its way to a person. Standard library only, as `verify.replay` prints with it too.

Foreign text is all that this program has not made itself: words of the command line, names and contents of files, the
messages of exceptions, which quote them. It must not move a cursor, reverse a line, or pass for a line of ours.
"""

from __future__ import annotations

import io
import math
import os
import re
import sys
import traceback
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import TextIO

BLANK = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks that nobody sees
NOT_ASCII = re.compile("[ -~]?[^ -~]+")  # and the sign before it, which an accent may belong to
FRACTION = re.compile("-?[0-9]+(/[0-9]+)?")
MOST_MARKS = 2  # accents on one letter; the first mark of a text would sit on what stands before it
LONGEST_WORD = 100  # characters of foreign text in a message
LONGEST_LINE = 5000  # of a message, which may hold a path of 4096


def escaped(character: str) -> str:
    return ascii(character)[1:-1]


def printable(text: str, *, keep: str = "", escape: Callable[[str], str] = escaped) -> str:
    """The text with escapes for what is no visible sign: controls, line breaks, marks of direction, blanks of no width.

    keep  characters that stay as they are
    """

    def part(match: re.Match[str]) -> str:
        signs, marks = list[str](), MOST_MARKS
        for character in match[0]:
            kind = unicodedata.category(character)[0]
            marks = marks + 1 if kind == "M" else 0 if kind == "L" else MOST_MARKS
            seen = character.isprintable() and character not in BLANK and (kind != "M" or marks <= MOST_MARKS)
            signs.append(character if seen or character in keep else escape(character))
        return "".join(signs)

    return NOT_ASCII.sub(part, text)


def shown(value: object, most: int = LONGEST_WORD) -> str:
    """A foreign value as a part of a line: cut if it is long, and without two spaces in a row, as in our tables.

    Numbers of many digits by their size, other values than text and numbers by their type.
    """
    if isinstance(value, int | Fraction) and not isinstance(value, bool):
        return number_shown(Fraction(value), most)
    if not isinstance(value, str):
        return str(value) if isinstance(value, bool | float) else type(value).__name__
    text = printable(value[:most])
    while "  " in text:
        text = text.replace("  ", " \\x20", 1)
    return (text or "''") if len(value) <= most else f"{text}... ({len(value)} characters)"


def number_shown(x: Fraction, most: int = LONGEST_WORD) -> str:
    """As a fraction, or where it has more than `most` digits, about how large it is: Python refuses to print these."""
    sizes = [math.log10(part) if part else 0.0 for part in (abs(x.numerator), x.denominator)]
    if x == 0 or sum(sizes) < most:
        return str(x)
    exponent, rest = divmod(sizes[0] - sizes[1], 1)
    return f"about {'-' if x < 0 else ''}{10**rest:.4f}e{exponent:+.0f}"


def fraction_text(x: Fraction) -> str:
    """A number of ours with all of its digits, of which Python itself prints 4300 at most."""
    top, bottom = (str(Decimal(part)) for part in (x.numerator, x.denominator))
    return top if x.denominator == 1 else f"{top}/{bottom}"


def read_fraction(text: str) -> Fraction:
    """What `fraction_text` wrote."""
    if not FRACTION.fullmatch(text):
        raise ValueError("not a fraction")
    top, _, bottom = text.partition("/")
    return Fraction(int(Decimal(top)), int(Decimal(bottom or 1)))


def trace(error: BaseException) -> list[str]:
    """Where an exception comes from, in lines; what it says stands in one line, as it may quote foreign text."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [*trace(before), "which led to:"] if before else ["Traceback (most recent call last):"]
    lines += [line for entry in traceback.format_tb(error.__traceback__) for line in entry.splitlines()]
    return [*lines, named(error)]


def named(error: BaseException, most: int = 1000) -> str:
    """An exception as one line: its kind, and what it says."""
    return f"{type(error).__name__}: {shown(str(error) or 'no message', most)}"


# --- streams ---


def prepare_streams() -> None:
    """Makes writing possible where a stream is closed (`>&-`), or lacks a letter (it prints `?`)."""
    if sys.stdout is None or sys.stderr is None:
        nowhere = open(os.devnull, "w")  # noqa: SIM115  # open as long as the program runs
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def write_out(text: str) -> None:
    """Writes to standard output, at once. A reader that has left (`| head`) is no error; OSError for a full disk.

    In both cases nothing more is written.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise


def log(text: str) -> None:
    """Lines on standard error, at once. Where nobody listens any more the work goes on."""
    try:
        print(printable(text, keep="\n"), file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Sends the rest of the stream nowhere, so that Python does not notice at exit that its reader has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
