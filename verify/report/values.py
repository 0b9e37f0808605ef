"""Details of a finding as they are read: tables where they are tables, numbers with a few digits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup, escape

from verify.printing import FRACTION, printable, read_fraction
from verify.report.mathml import statement_html

LINE = 88  # letters of a line of JSON
SHORT = 60  # letters of a value that stands beside its name
DIGITS = 5  # of a floating-point number
BALL = re.compile(r"\[(-?[0-9.]+(?:e[+-]?[0-9]+)?)? ?\+/- ([0-9.]+(?:e[+-]?[0-9]+)?)\]")
BALL_DIGITS = 10
LONGEST_ENTRY = 12  # letters of an entry of a matrix
LONGEST = 24  # letters of a fraction that is shown exactly


def is_flat(value: Any) -> bool:
    """Whether the value is one number, word or truth value."""
    return value is None or isinstance(value, bool | int | float | str)


def is_short(value: Any) -> bool:
    """Whether the value is flat, or a small list of such."""
    return is_flat(value) or (isinstance(value, list) and all(map(is_flat, value)) and len(compact(value)) <= SHORT)


def is_pairs(value: Any) -> bool:
    """Whether the value is a mapping to short values: a table of two columns."""
    return isinstance(value, dict) and bool(value) and all(map(is_short, value.values()))


def rows(value: Any) -> list[dict[str, Any]]:
    """The rows of a list of mappings, or of a mapping to mappings, with the same keys and short values in the end.

    Mappings inside of them bring columns of their own. Empty where the value is no such table.
    """
    if isinstance(value, dict) and value and all(isinstance(row, dict) and "" not in row for row in value.values()):
        value = [{"": key, **row} for key, row in value.items()]
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return []
    found = [_flattened(row) for row in value]
    same = all(row.keys() == found[0].keys() for row in found)
    return found if same and all(is_short(item) for row in found for item in row.values()) else []


def _flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in row.items():
        if isinstance(item, dict) and is_pairs(item):
            flat |= {f"{key}: {inner}": value for inner, value in item.items()}
        else:
            flat[key] = item
    return flat


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


def rounded(value: Any) -> str:
    """A number with a few digits, and a fraction too long to read as about how large it is; text as it is."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, str) and (ball := BALL.fullmatch(value)):
        return f"{float(ball[1] or 0):.{BALL_DIGITS}g} +/- {float(ball[2]):.2g}"
    if isinstance(value, str) and len(value) > LONGEST and FRACTION.fullmatch(value):
        return f"about {_decimal(read_fraction(value))}"
    return str(value)


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
            number = not isinstance(entry, str) or FRACTION.fullmatch(entry) is not None
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
