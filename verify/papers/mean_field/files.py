"""The file `matrices`: H and F of the finite model, in rationals."""

from __future__ import annotations

from verify.files import parse_json, read_text
from verify.rows import Rows, rational_rows

MOST_K, MOST_M = 6, 16
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
    if _rank(H) < k:
        raise ValueError(f"H is singular (rank {_rank(H)}); its {k} rows must be independent")
    return H, F


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
