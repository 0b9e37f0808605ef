"""From `key=value` words to validated settings. Every error is one line that names the key, the value, the range."""

from __future__ import annotations

import difflib
import importlib
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal, Self, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from verify.printing import printable, shown

# Numbers as people write them, in ASCII. Much longer ones are typing errors, and make arithmetic explode.
MOST_SIGNS = 40
INTEGER = re.compile(r"[+-]?([0-9]+)(\.0*)?([eE]\+?[0-9]{1,3})?")
RATIONAL = re.compile(r"[+-]?([0-9./]+)([eE][+-]?[0-9]{1,3})?")
REAL = re.compile(r"[+-]?([0-9.]+)([eE][+-]?[0-9]{1,3})?")
LARGEST = 10**100  # of numbers that have no smaller bound of their own
MOST_SECONDS = 10**9  # some 30 years
MOST_SEED = 2**63 - 1
SIDES = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
KINDS = {int: "a whole number", Fraction: "a rational number", float: "a number"}
LONGEST_WORD = 4096  # characters, as of a path


class UsageError(Exception):
    """What the user typed cannot be done; the message says what to do instead. Exit status 2."""


def parse_integer(value: object) -> object:
    """Whole numbers, also written 1e9."""
    if not isinstance(value, str):
        return value
    _require_form(INTEGER, value)
    return int(Decimal(value))


def parse_rational(value: object) -> object:
    """Rationals: 7/2, 3, 0.25, 1e-3."""
    if not isinstance(value, str):
        return value
    _require_form(RATIONAL, value)
    try:
        return Fraction(value)
    except ZeroDivisionError:
        raise ValueError from None


def parse_real(value: object) -> object:
    """Real numbers; infinity only by its name, not as a number that is too large for a float."""
    if not isinstance(value, str):
        return value
    if value in ("inf", "oo"):
        return math.inf
    _require_form(REAL, value)
    if not math.isfinite(number := float(value)):
        raise ValueError
    return number


def _require_form(form: re.Pattern[str], value: str) -> None:
    match = form.fullmatch(value)
    if not match:
        raise ValueError
    if len(match[1]) > MOST_SIGNS:
        raise ValueError(f"at most {MOST_SIGNS} characters before an exponent, not {len(match[1])}")


def bound_text(bound: float | Fraction) -> str:
    """A bound as it is written in a description: 10^9, 1e-100, 0.001."""
    x = Fraction(bound)
    large = max(x.numerator, x.denominator)
    power = len(str(large)) - 1
    if large == 10**power >= 10**5 and min(x.numerator, x.denominator) == 1:
        return f"10^{power}" if x > 1 else f"1e-{power}"
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


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
    """The keys that every command shares.

    A field's description completes the sentence "KEY must be ...", see `requirement`; it is the help text and the error
    message.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    paper: str = Field("", description="the name of a paper, or the path of a file or folder that defines one")
    seed: Integer = Field(0, ge=0, le=MOST_SEED)
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto, cpu or cuda")
    format: Literal["table", "json"] = Field("table", description="table or json")
    output: str | None = Field(None, min_length=1, description="a file to write to, instead of standard output")
    budget: Real | None = Field(None, gt=0, le=MOST_SECONDS, description="a number of seconds {range}")

    @model_validator(mode="after")
    def device_is_there(self) -> Self:
        if self.device == "cuda":
            importlib.import_module("numerics.device").resolve_device(self.device)  # torch, only where it is needed
        return self


DASK = "dask:"
CLUSTER = re.compile(rf"{DASK}(?:tcp|tls)://(?:\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{{1,5}})")


def check_executor(name: str) -> str:
    """ValueError for anything but the name of an executor."""
    if name not in ("auto", "inline", "processes"):
        cluster = CLUSTER.fullmatch(name)
        if not cluster or not 0 < int(cluster[1]) < 2**16:
            raise ValueError
    return name


class ExecutorSettings(Settings):
    """Where work is done. Results do not depend on it, so reports leave these keys out."""

    executor: Annotated[str, AfterValidator(check_executor)] = Field(
        "auto",
        exclude=True,
        description="inline, processes, dask:tcp://HOST:PORT, or auto (processes for several points or many claims, or "
        "given workers)",
    )
    workers: Integer | None = Field(
        None, ge=1, le=1024, exclude=True, description="{bounds}, of processes (default: one a core)"
    )

    @model_validator(mode="after")
    def workers_are_processes(self) -> Self:
        if self.workers is not None and self.executor not in ("auto", "processes"):
            raise ValueError(f"workers={self.workers}: workers belong to executor=processes, not {self.executor}")
        return self


class CheckSettings(ExecutorSettings):
    """The keys of `python -m verify.check`, whatever the paper. A paper's settings extend this model."""

    select: Words = Field((), description="claim ids or prefixes, comma-separated")
    ignore: Words = Field((), description="claim ids or prefixes, comma-separated")
    format: Literal["table", "json", "html", "junit", "markdown"] = Field(  # type: ignore[assignment]  # more than other commands
        "table", description="table, json, html, junit or markdown"
    )
    certificate: str | None = Field(
        None, min_length=1, description="a file for certificates, which python -m verify.replay checks"
    )
    shards: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="a folder for decided claims, from which a check that was stopped goes on",
    )


AnySettings = TypeVar("AnySettings", bound=Settings)


def read_words(words: Sequence[str]) -> dict[str, str]:
    """`key=value` words as a dictionary; other programs' `--key=value`, `--key value` and `--json` are understood."""
    values: dict[str, str] = {}
    for word in undashed(words):
        if len(word) > LONGEST_WORD or printable(word) != word:
            raise UsageError(f"{shown(word)}: not an argument of at most {LONGEST_WORD} printable characters")
        key, equals, value = word.partition("=")
        if not equals or not key:
            near = f"did you mean {shown(word.lstrip('-'))}=VALUE?" if word.startswith("-") else "for example k=2 n=3"
            raise UsageError(f"{shown(word)}: not of the form key=value; {near}")
        if key in values:
            raise UsageError(f"{shown(word)}: {shown(key)} is given twice")
        values[key] = value
    return values


FORMATS = ("table", "json", "html", "junit", "markdown")


def undashed(words: Sequence[str]) -> list[str]:
    """The same words without dashes: --k 2 and --k=2 are k=2, --json is format=json."""
    result, left = [], list(words)
    while left:
        word = left.pop(0)
        name = word.removeprefix("--")
        if name in (word, ""):
            result.append(word)
        elif "=" in name:
            result.append(name)
        elif name in FORMATS:
            result.append(f"format={name}")
        elif left and "=" not in left[0] and not left[0].startswith("--"):
            result.append(f"{name}={left.pop(0)}")
        else:
            raise UsageError(f"{shown(word)}: a value is missing; for example {shown(name)}=VALUE")
    return result


def validate(model: type[AnySettings], values: dict[str, str]) -> AnySettings:
    """Settings of the given model; UsageError with one line on the first thing that is wrong."""
    for key, value in values.items():
        if key not in model.model_fields:
            known = did_you_mean(key.lstrip("-"), model.model_fields)
            alone = "; only python -m verify.check takes it" if key in CheckSettings.model_fields else known
            raise UsageError(f"{shown(f'{key}={value}')}: unknown key{alone}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # a rule between keys, which words its own message
            raise UsageError(shown(str(first["msg"]).removeprefix("Value error, "), most=400)) from None
        key = str(first["loc"][0])
        field = model.model_fields[key]
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        near = nearest(values[key], choices, cutoff=0.7)  # more than for names: gpu is not cpu
        hint = f"; did you mean {near}?" if near else ""
        reason = str(first["msg"]).partition("Value error, ")[2]
        why = f"; {reason}" if reason else ""
        raise UsageError(f"{shown(f'{key}={values[key]}')}: {key} must be {requirement(field)}{why}{hint}") from None


def requirement(field: FieldInfo) -> str:
    """What a key must be: the field's description, with what its type and its limits say in the place of {bounds}, or
    its limits alone in that of {range}. Without a description it is "{bounds}".
    """
    text = (field.description or "{bounds}").replace("{bounds}", f"{_kind(field)} {{range}}")
    return text.replace("{range}", _range(field)).rstrip()


def _kind(field: FieldInfo) -> str:
    types = {field.annotation, *get_args(field.annotation)}
    types |= {get_args(kind)[0] for kind in types if get_origin(kind) is Annotated}
    return next((name for known, name in KINDS.items() if known in types), "given")


def _range(field: FieldInfo) -> str:
    limits = {
        side: bound_text(getattr(limit, side)) for limit in field.metadata for side in SIDES if hasattr(limit, side)
    }
    if limits.keys() == {"ge", "le"}:
        return f"from {limits['ge']} to {limits['le']}"
    return ", ".join(f"{SIDES[side]} {bound}" for side, bound in limits.items())


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or all of them."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else f"; known: {', '.join(known)}"


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that the word is probably a misspelling of; capital letters do not matter. None: none is near."""
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold()[:100], names, n=1, cutoff=cutoff)
    return names[near[0]] if near else None
