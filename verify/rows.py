"""Rows of rational numbers in files that people hand in: matrices, kernels."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

from verify.files import MOST_SHOWN, Number, parse_json
from verify.printing import shown
from verify.settings import parse_rational

Rows = list[list[Fraction]]


def parse_rows(text: str) -> Any:
    """A JSON document; or, where the text does not begin like one, lines of rationals with commas or blanks between."""
    if text.lstrip()[:1] in ("[", "{"):
        return parse_json(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return [[word for word in re.split(r"[,;\s]+", line.strip()) if word] for line in lines]


def rational_rows(key: str, rows: Any) -> Rows:
    """Rows of equal length. ValueError with one line on the first thing that is wrong; `key` is their name in it."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise ValueError(f"{key} must be a list of rows, each a list")
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"the rows of {key} have different lengths")
    return [[rational_entry(f"{key}[{i}][{j}]", x) for j, x in enumerate(row)] for i, row in enumerate(rows)]


def rational_entry(where: str, x: Any) -> Fraction:
    """A rational number as a string, or a whole number: other numbers in JSON are mostly rounded ones."""
    exact = isinstance(x, str) and not (isinstance(x, Number) and any(letter in x for letter in ".eE"))
    number, why = None, ""
    try:
        number = parse_rational(str(x)) if exact else None
    except ValueError as error:
        why = f"; {error}" if str(error) else ""
    if not isinstance(number, Fraction):
        told = shown(str(x) if isinstance(x, Number) else json.dumps(x), MOST_SHOWN)
        raise ValueError(f'{where} = {told}: must be a rational number as a string, like "7/2"{why}')
    return number
