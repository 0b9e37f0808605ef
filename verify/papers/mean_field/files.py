"""The file `matrices`: H and F of the finite model, in rationals."""

from __future__ import annotations

import math
from fractions import Fraction

from verify.files import parse_json, read_text
from verify.printing import fraction_text, number_shown
from verify.rows import Rows, rational_rows

MOST_K, MOST_M = 6, 16
LARGEST = 10**50  # of an entry other than 0 and of its inverse
MOST_DIGITS = 200  # of each entry over the common denominator: what a claim computes takes time with this
LARGEST_FILE = 1_000_000  # bytes: two matrices of 6 x 16 entries take some thousand


def read_matrices(path: str) -> tuple[Rows, Rows]:
    """H and F, of the same size, H of full rank; ValueError with one line on the first thing that is wrong."""
    document = parse_json(read_text(path, LARGEST_FILE))
    if not isinstance(document, dict) or set(document) != {"H", "F"}:
        raise ValueError('must be an object with the keys "H" and "F"')
    H, F = (rational_rows(key, document[key]) for key in "HF")
    k, m = len(H), len(H[0])
    if not k <= m <= MOST_M or k > MOST_K:
        raise ValueError(f"H is {k} x {m}; must be k x m with k from 1 to {MOST_K} and m from k to {MOST_M}")
    if (k, m) != (len(F), len(F[0])):
        raise ValueError(f"H is {k} x {m}, but F is {len(F)} x {len(F[0])}")
    for key, rows in (("H", H), ("F", F)):
        _require_bearable(key, rows)
    if _rank(H) < k:
        raise ValueError(f"H is singular (rank {_rank(H)}); its {k} rows must be independent")
    return H, F


def _require_bearable(key: str, rows: Rows) -> None:
    """ValueError where an entry is too large or too small, or all of them together have too many digits."""
    for i, row in enumerate(rows):
        for j, x in enumerate(row):
            if x != 0 and not Fraction(1, LARGEST) <= abs(x) <= LARGEST:
                raise ValueError(f"{key}[{i}][{j}] = {number_shown(x, 20)}: must be 0 or from 1e-50 to 1e50 in size")
    entries = [x for row in rows for x in row]
    common = math.lcm(*(x.denominator for x in entries))
    digits = max(len(fraction_text(n)) for n in (Fraction(common), *(abs(x) * common for x in entries)))
    if digits > MOST_DIGITS:
        raise ValueError(f"{key} over its common denominator has numbers of {digits} digits; at most {MOST_DIGITS}")


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
