"""Details of a finding as they are read: tables where they are tables, numbers with a few digits."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal, localcontext
from fractions import Fraction
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup, escape

from verify.printing import FRACTION, printable, read_fraction
from verify.report.mathml import statement_html
from verify.report.notation import SYMBOLS

LINE = 88  # letters of a line of JSON
MANY = 24  # numbers that are listed one by one
MOST_COLUMNS = 8  # of a matrix between brackets
CODE = re.compile("[A-Za-z]+(_[A-Za-z0-9]+)+")  # a name in code
PREPOSITIONS = {"of", "in", "at", "to", "by", "on"}
LAGS = re.compile(r"(?<=\blags)[ =]\(([0-9, ]*?),?\)")  # as identities are called
TOKENS = re.compile("0[0-9]+")
INFINITE = {"inf": "infinity", "-inf": "-infinity"}
ENCLOSED = 15  # digits of the middle of an enclosure
DIGITS = 5  # of a floating-point number
BALL = re.compile(r"\[(-?[0-9.]+(?:e[+-]?[0-9]+)?)? ?\+/- ([0-9.]+(?:e[+-]?[0-9]+)?)\]")
BALL_DIGITS = 10
LONGEST_ENTRY = 12  # letters of an entry of a matrix
LONGEST = 24  # letters of a fraction that is shown exactly


def is_flat(value: Any) -> bool:
    """Whether the value is one number, word or truth value."""
    return value is None or isinstance(value, bool | int | float | str)


def is_matrix(value: Any) -> bool:
    """Whether the value is a list of equally long lists of flat values."""
    if not isinstance(value, list) or not value or not all(isinstance(row, list) and row for row in value):
        return False
    return len({len(row) for row in value}) == 1 and all(is_flat(item) for row in value for item in row)


def readable(value: Any) -> Any:
    """What the page shows of a text: line breaks stay, in code and in what the browser folds."""
    return printable(value, keep="\n") if isinstance(value, str) and not isinstance(value, Markup) else value


def typeset(value: Any) -> Markup:
    """A short value: numbers rounded, formulas and lists as formulas, words as words."""
    if isinstance(value, list):
        return Markup(", ").join(map(typeset, value)) if value else Markup("none")
    return statement_html(readable(rounded(value)))


def summary(value: list[Any]) -> Markup:
    """A list; of many numbers how many they are, and between what: rounding leaves nothing to see in 80 eigenvalues."""
    numbers = [item for item in value if isinstance(item, float)]
    if len(numbers) < len(value) or len(value) <= MANY:
        return typeset(value)
    return statement_html(f"{len(value)} numbers, from {rounded(min(numbers))} to {rounded(max(numbers))}")


def name_html(name: str) -> Markup:
    """The name of a value: names in code as words, W_ov_squared_norm is the squared norm of W_ov."""
    return typeset(": ".join(_words(part) if CODE.fullmatch(part) else part for part in name.split(": ")))


def _words(name: str) -> str:
    """With a space for each _, but where it lowers a letter or two."""
    said, *rest = name.split("_")
    for before, part in itertools.pairwise([said, *rest]):
        lowers = (len(before) == 1 or before in SYMBOLS) and len(part) <= 2 and part not in PREPOSITIONS
        said += ("_" if lowers else " ") + part
    return said


def rounded(value: Any) -> str:
    """A number with a few digits, and a fraction too long to read as about how large it is; text as it is.

    A word of digits that starts with 0 is a sequence of tokens, and no number.
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if not isinstance(value, str):
        return str(value)
    if ball := BALL.fullmatch(value):
        return f"{float(ball[1] or 0):.{BALL_DIGITS}g} +/- {float(ball[2]):.2g}"
    if len(value) > LONGEST and is_fraction(value):
        return f"about {_decimal(read_fraction(value))}"
    if "**" in value:
        return (
            value.replace("**", "^").replace("*", " ") if len(value) <= LINE else f"an expression of {len(value)} signs"
        )
    return INFINITE.get(value, LAGS.sub(r" {\1}", value))


def is_fraction(text: str) -> bool:
    return FRACTION.fullmatch(text) is not None and not TOKENS.fullmatch(text)


def enclosure(value: Mapping[str, Any]) -> Markup | None:
    """Bounds called lower and upper as their middle and how far from it they are; None where the value is no such."""
    ends = [value.get(name) for name in ("lower", "upper")]
    if len(value) != 2 or not all(isinstance(end, str) and FRACTION.fullmatch(end) for end in ends):
        return None
    lower, upper = (read_fraction(str(end)) for end in ends)
    with localcontext(prec=ENCLOSED):
        middle = Decimal((lower + upper).numerator) / Decimal((lower + upper).denominator * 2)
    radius = max(abs(Fraction(middle) - end) for end in (lower, upper))
    with localcontext(
        prec=2, rounding=ROUND_CEILING
    ):  # the middle is rounded, and nothing outside is said to be inside
        error = Decimal(radius.numerator) / Decimal(radius.denominator)
    return statement_html(f"{middle} +/- {float(error):g}")


def _decimal(x: Fraction) -> str:
    try:
        return f"{float(x):.{DIGITS}g}"
    except OverflowError:
        return "1e308 or more"


def matrix_html(value: list[list[Any]]) -> Markup:
    """A matrix between brackets; with a sign before it if its entries are too long to be shown exactly."""
    exact = all(len(str(entry)) <= LONGEST_ENTRY for row in value for entry in row)
    math = Element("math", alttext=json.dumps(value, ensure_ascii=False))
    line = SubElement(math, "mrow")
    if not exact:
        SubElement(line, "mo").text = "≈"
    SubElement(line, "mo", form="prefix", stretchy="true").text = "["
    table = SubElement(line, "mtable")
    for row in value:
        cells = SubElement(table, "mtr")
        for entry in row:
            number = not isinstance(entry, str) or is_fraction(entry)
            text = _decimal(read_fraction(entry)) if isinstance(entry, str) and number and not exact else rounded(entry)
            cell = SubElement(SubElement(cells, "mtd"), "mn" if number else "mtext")
            cell.text = readable(text).replace("-", "−") if number else readable(text)
    SubElement(line, "mo", form="postfix", stretchy="true").text = "]"
    return Markup(tostring(math, encoding="unicode"))


def compact(value: Any, indent: int = 0) -> str:
    """The value as JSON, on one line where it fits; numbers that stand together are one line in any case."""
    line = json.dumps(value, ensure_ascii=False)
    parts = value.values() if isinstance(value, Mapping) else value
    if is_flat(value) or indent + len(line) <= LINE or all(map(is_flat, parts)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, Mapping):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {compact(item, indent + 2)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(inner + compact(item, indent + 2) for item in value) + "\n" + " " * indent + "]"


def source_html(source: str) -> Markup:
    """Where a paper appeared, with a link to its text where that is on arXiv."""
    before, known, number = source.partition("arXiv ")
    digits = number.replace(".", "")
    if not known or not digits.isdigit():
        return escape(source)
    return Markup('{}<a href="https://arxiv.org/abs/{}">arXiv {}</a>').format(before, number, number)
