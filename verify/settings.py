"""From `key=value` words to validated settings. Every error is one line that names the key, the value, the range."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

MAX_DIGITS = 40  # of a number on the command line: longer ones are typing errors, and make arithmetic explode


class UsageError(Exception):
    """What the user typed cannot be done; the message says what to do instead. Exit status 2."""


def parse_integer(value: object) -> object:
    """Whole numbers, also written 1e9."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[+-]?\d{1,40}(\.0*)?([eE]\+?\d{1,2})?", value):
        raise ValueError
    return int(Decimal(value))


def parse_rational(value: object) -> object:
    """Rationals: 7/2, 3, 0.25, 1e-3."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[+-]?[\d./]{1,40}([eE][+-]?\d{1,2})?", value):
        raise ValueError
    try:
        return Fraction(value)
    except ZeroDivisionError:
        raise ValueError from None


def parse_real(value: object) -> object:
    """Real numbers, `inf` included, NaN not."""
    if not isinstance(value, str):
        return value
    try:
        number = math.inf if value in ("inf", "oo") else float(Decimal(value))
    except InvalidOperation:
        raise ValueError from None
    if math.isnan(number):
        raise ValueError
    return number


def split_list(value: object) -> object:
    """Comma-separated words; the empty word is the empty list."""
    return [word for word in value.split(",") if word] if isinstance(value, str) else value


Integer = Annotated[int, BeforeValidator(parse_integer)]
Rational = Annotated[Fraction, BeforeValidator(parse_rational)]
Real = Annotated[float, BeforeValidator(parse_real)]
Integers = Annotated[tuple[Integer, ...], BeforeValidator(split_list)]
Rationals = Annotated[tuple[Rational, ...], BeforeValidator(split_list)]
Words = Annotated[tuple[str, ...], BeforeValidator(split_list)]


class Settings(BaseModel):
    """The keys that every paper and command shares. A paper's settings extend this model.

    A field's description completes the sentence "KEY must be ..."; it is the help text and the error message.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    seed: Integer = Field(0, ge=0, lt=2**63, description="a whole number from 0")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    select: Words = Field((), description="claim ids or prefixes, comma-separated")
    ignore: Words = Field((), description="claim ids or prefixes, comma-separated")
    format: Literal["table", "json"] = Field("table", description="table or json")
    output: str | None = Field(None, min_length=1, description="a file to write to, instead of standard output")
    budget: Real | None = Field(None, gt=0, description="a number of seconds above 0")


AnySettings = TypeVar("AnySettings", bound=Settings)


def read_words(words: Sequence[str]) -> dict[str, str]:
    """`key=value` words as a dictionary."""
    values: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise UsageError(f"{word}: not a key=value word; for example k=2 n=3")
        if key in values:
            raise UsageError(f"{word}: {key} is given twice")
        values[key] = value
    return values


def validate(model: type[AnySettings], values: dict[str, str]) -> AnySettings:
    """Settings of the given model; UsageError with one line on the first thing that is wrong."""
    for key in values:
        if key not in model.model_fields:
            raise UsageError(f"{key}={values[key]}: unknown key{did_you_mean(key, model.model_fields)}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # a rule between keys, which words its own message
            raise UsageError(str(first["msg"]).removeprefix("Value error, ")) from None
        key = str(first["loc"][0])
        raise UsageError(f"{key}={values[key]}: {key} must be {model.model_fields[key].description}") from None


def did_you_mean(word: str, known: Any) -> str:
    """A hint for a misspelt name: the nearest known ones, or all of them."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
