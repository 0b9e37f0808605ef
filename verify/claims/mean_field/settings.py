"""The settings of the mean-field paper."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

from verify.settings import CheckSettings, Integer, UsageError, parse_rational

Rows = list[list[Fraction]]
LARGEST_FILE = 1_000_000  # characters: two matrices of 6 x 16 entries take some thousand


class MeanFieldSettings(CheckSettings):
    """Keys of `paper=mean-field`: k outputs and m >= k features of the finite model."""

    paper: Literal["mean-field"] = Field("mean-field", description="mean-field")
    k: Integer = Field(3, ge=1, le=6, description="a whole number from 1 to 6, the number of outputs")
    m: Integer = Field(6, ge=1, le=16, description="a whole number from k to 16, the number of features")
    instances: Integer = Field(4, ge=1, le=1000, description="a whole number from 1 to 1000: random models per claim")
    matrices: str | None = Field(
        None, min_length=1, description='a JSON file {"H": [["1/2", ...], ...], "F": ...} of two k x m matrices'
    )

    @model_validator(mode="after")
    def rules_between_keys(self) -> MeanFieldSettings:
        if self.m < self.k:
            raise ValueError(f"m={self.m}: m must be a whole number from k={self.k} to 16")
        self.given_matrices()
        return self

    def given_matrices(self) -> tuple[Rows, Rows] | None:
        """H and F from the file `matrices`; ValueError with one line on the first thing that is wrong with it."""
        if self.matrices is None:
            return None
        name = f"matrices={self.matrices}"
        try:
            with open(self.matrices, encoding="utf-8") as file:
                text = file.read(LARGEST_FILE + 1)
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None
        if len(text) > LARGEST_FILE:
            raise ValueError(f"{name}: larger than {LARGEST_FILE} characters")
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{name}: not JSON (line {error.lineno}: {error.msg})") from None
        except RecursionError:
            raise ValueError(f"{name}: brackets within brackets without end") from None
        except ValueError:  # Python reads no whole number of more than 4300 digits
            raise ValueError(f"{name}: a number has too many digits") from None
        if not isinstance(data, dict) or set(data) != {"H", "F"}:
            raise ValueError(f'{name}: must be an object with the keys "H" and "F"')
        H, F = (self._rows(name, key, data[key]) for key in "HF")
        if _rank(H) < self.k:
            raise ValueError(f"{name}: H is singular (rank {_rank(H)}); its {self.k} rows must be independent")
        return H, F

    def _rows(self, name: str, key: str, rows: Any) -> Rows:
        """The rows of one matrix of the file."""
        if not isinstance(rows, list) or not rows or not all(isinstance(row, list) and row for row in rows):
            raise ValueError(f"{name}: {key} must be a list of rows, each a list")
        widths = {len(row) for row in rows}
        if len(widths) > 1:
            raise ValueError(f"{name}: the rows of {key} have different lengths")
        if (len(rows), *widths) != (self.k, self.m):
            raise ValueError(f"{name}: {key} is {len(rows)} x {len(rows[0])}, but k={self.k} m={self.m}")
        return [[_entry(f"{name}: {key}[{i}][{j}]", x) for j, x in enumerate(row)] for i, row in enumerate(rows)]


def _entry(where: str, x: Any) -> Fraction:
    """One entry: a rational number as a string, or a whole number."""
    if isinstance(x, int) and not isinstance(x, bool):
        return Fraction(x)
    try:
        number = parse_rational(x)
    except ValueError:
        number = None
    if not isinstance(number, Fraction):
        raise ValueError(f'{where} = {json.dumps(x)}: must be a rational number as a string, like "7/2"')
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


def headline(settings: MeanFieldSettings) -> str:
    parts = [f"k={settings.k}", f"m={settings.m}", f"{settings.instances} random models per claim"]
    return "  ".join(parts + ([f"and {settings.matrices}"] if settings.matrices else []))


def refuse_what_cannot_run(settings: MeanFieldSettings) -> None:
    """UsageError if the device is not there."""
    if settings.device == "cuda":
        from numerics.device import resolve_device  # here, so that settings and help do not import torch

        try:
            resolve_device(settings.device)
        except ValueError as error:
            raise UsageError(str(error)) from None
