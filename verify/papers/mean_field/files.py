"""The file `matrices`: H and F of the finite model, in rationals."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from verify.files import MOST_SHOWN, Number, parse_json, read_text
from verify.printing import shown
from verify.settings import parse_rational

Rows = list[list[Fraction]]
MOST_K, MOST_M = 6, 16
LARGEST_FILE = 1_000_000  # bytes: two matrices of 6 x 16 entries take some thousand


def read_matrices(path: str) -> tuple[Rows, Rows]:
    """H and F, of the same size, H of full rank; ValueError with one line on the first thing that is wrong."""
    document = parse_json(read_text(path, LARGEST_FILE))
    if not isinstance(document, dict) or set(document) != {"H", "F"}:
        raise ValueError('must be an object with the keys "H" and "F"')
    H, F = (_rows(key, document[key]) for key in "HF")
    k, m = len(H), len(H[0])
    if not k <= m <= MOST_M or k > MOST_K:
        raise ValueError(f"H is {k} x {m}; must be k x m with k from 1 to {MOST_K} and m from k to {MOST_M}")
    if (k, m) != (len(F), len(F[0])):
        raise ValueError(f"H is {k} x {m}, but F is {len(F)} x {len(F[0])}")
    if _rank(H) < k:
        raise ValueError(f"H is singular (rank {_rank(H)}); its {k} rows must be independent")
    return H, F


def _rows(key: str, rows: Any) -> Rows:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
        raise ValueError(f"{key} must be a list of rows, each a list")
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"the rows of {key} have different lengths")
    return [[_entry(f"{key}[{i}][{j}]", x) for j, x in enumerate(row)] for i, row in enumerate(rows)]


def _entry(where: str, x: Any) -> Fraction:
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


def _rank(rows: Rows) -> int:
    """By elimination."""
    rest, rank = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((row for row in rest if row[column] != 0), None)
        if pivot is not None:
            rest.remove(pivot)
            rest = [[x - y * (row[column] / pivot[column]) for x, y in zip(row, pivot, strict=True)] for row in rest]
            rank += 1
    return rank
