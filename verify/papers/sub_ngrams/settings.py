"""The settings of the sub-n-grams paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from proofs.sub_ngrams.configuration import Configuration, Heads
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from verify.papers.sub_ngrams.engines import Options, choose_engine, get_engine
from verify.papers.sub_ngrams.laws import MOST_N, MOST_S, LawSettings
from verify.settings import (
    LARGEST,
    CheckSettings,
    Integer,
    Integers,
    Rational,
    Real,
    bound_text,
    parse_integer,
    parse_rational,
    parse_real,
    split_list,
)

if TYPE_CHECKING:
    from verify.papers.sub_ngrams.recorded import Recorded


def _split_bases(value: object) -> object:
    words = split_list(value)
    if isinstance(words, list) and "T" in words:
        raise ValueError("q = T is written c=logT")
    return words


def _parse_scale(value: object) -> object:
    along = ALONG_T.fullmatch(value) if isinstance(value, str) else None
    if along:
        times = parse_rational(along[1] or "1")
        if not (isinstance(times, Fraction) and 0 < times <= MOST_LOGS):
            raise ValueError(f"multiples of log T are above 0, at most {MOST_LOGS}")
        return LOG_T if times == 1 else f"{times}*{LOG_T}"
    c = parse_real(value)
    if isinstance(c, float) and not (MIN_C <= c <= MAX_C or c == math.inf):
        raise ValueError
    return c


def _parse_tolerance(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = value.removesuffix("%")
    number = parse_real(text)
    if not (isinstance(number, float) and 0 < number < (1 if text == value else 100)):
        raise ValueError
    return number if text == value else f"{number:g}%"


MOST_KERNELS, FEWEST_KERNELS = 3_200_000, 65_536
KERNEL_ENTRIES = 100_000_000  # of all kernels of a quadrature together
MIN_C, MAX_C = 1e-6, 700.0  # q = e^c is rounded to a float; that changes c by 1e-16, and has to exist
MOST_SAMPLES = 10**9
MOST_MINUTES = 10_000
Lengths = Annotated[tuple[Annotated[Integer, Field(ge=2, le=LARGEST)], ...], BeforeValidator(split_list)]
Bases = Annotated[tuple[Annotated[Rational, Field(gt=1, le=LARGEST)], ...], BeforeValidator(_split_bases)]
MOST_LOGS = 3  # then q = T^r has a logarithm below MAX_C for every T
LOG_T = "logT"  # the path c = log T, that is q = T
ALONG_T = re.compile(rf"(?:([0-9./]+)\*)?{LOG_T}")  # c = r log T, that is q = T^r
Tolerance = Annotated[float | str, BeforeValidator(_parse_tolerance)]  # absolute, or with %
Scale = Annotated[float | Annotated[str, Field(pattern=ALONG_T.pattern)], BeforeValidator(_parse_scale)]
Scales = Annotated[tuple[Scale, ...], BeforeValidator(split_list)]


def _q_of(c: float | str, T: int) -> Fraction | float:
    if isinstance(c, str):
        times = Fraction((ALONG_T.fullmatch(c) or [c, None])[1] or 1)
        return Fraction(T) ** int(times) if times.denominator == 1 else math.exp(times * math.log(T))
    return math.exp(c) if c < math.inf else math.inf


class SubNGramProblem(LawSettings):
    """What a population gradient depends on: the law (S, n, alpha, initial), the configuration (k or lags, c or q)."""

    paper: Literal["sub-n-grams"] = Field("sub-n-grams", description="sub-n-grams")
    k: Integer | None = Field(None, ge=1, description="a whole number from 1 to n: of the k-gram, lags 1..k-1")
    T: Lengths = Field(
        (),
        description=f"a whole number from n (and 2) to {bound_text(LARGEST)}, "
        "the length of the sequences, or a list of them: T=8,16,32",
    )
    lags: Integers | None = Field(
        None, description="different whole numbers from 1 to n-1, that are read: lags=2 or lags=1,3"
    )
    q: Bases = Field(
        (),
        description=f"a rational number above 1, to {bound_text(LARGEST)} (q = e^c), or a list of them: q=7/2,10",
    )
    c: Scales = Field(
        (), description=f"a number from {MIN_C:g} to {MAX_C:g}, inf, logT or 2*logT, or a list of them: c=1,2,inf"
    )
    parametrisation: Literal["factorised", "merged"] = Field(
        "factorised", description="factorised (the network has Q and K) or merged (their product W)"
    )
    heads: Heads = Field(
        "padded",
        description="padded or literal: whether first-layer heads read 0 or the mean so far where a lag does not exist",
    )
    samples: Integer | None = Field(
        None, ge=2, le=MOST_SAMPLES, description="{bounds}: sequences that monte_carlo draws"
    )
    tolerance: Tolerance | None = Field(
        None,
        description="a number above 0, below 1: the absolute error that transfer aims at (default 1e-3/T); or as 1%: "
        "relative to the largest entry of a block, or to 1e-3/T where that is more",
    )
    minutes: Real = Field(
        0.5, gt=0, le=MOST_MINUTES, description="{bounds}: minutes of one core that transfer may take, roughly"
    )
    engine: str = Field("auto", description="auto, or the name of an engine")

    @model_validator(mode="after")
    def rules_between_keys(self) -> SubNGramProblem:
        if self.k is not None and self.lags is not None:
            raise ValueError("k and lags are both given: give one of them (k means lags 1..k-1)")
        if self.k is not None and self.k > self.n:
            raise ValueError(f"k={self.k}: k must be a whole number from 1 to n={self.n}")
        if self.lags is not None and (
            len(set(self.lags)) < len(self.lags) or not all(1 <= lag < self.n for lag in self.lags)
        ):
            given = ",".join(map(str, self.lags))
            raise ValueError(f"lags={given}: lags must be different whole numbers from 1 to n-1={self.n - 1}")
        if self.q and self.c:
            raise ValueError("q and c are both given: give one of them (q = e^c)")
        for T in self.T:
            if max(self.n, 2) > T:
                most = bound_text(LARGEST)
                raise ValueError(f"T={T}: T must be a whole number from {max(self.n, 2)} (T >= n={self.n}) to {most}")
        return self

    @property
    def lag_set(self) -> tuple[int, ...]:
        """Lambda, from `lags`, or from `k` (by default 2, or 1 where n = 1)."""
        if self.lags is not None:
            return tuple(sorted(self.lags))
        return tuple(range(1, self.k if self.k is not None else min(2, self.n)))

    @property
    def gram(self) -> int | None:
        """k where Lambda = {1..k-1}, however it was given; None for other lags."""
        k = len(self.lag_set) + 1
        return k if self.lag_set == tuple(range(1, k)) else None

    @field_serializer("k")
    def k_in_reports(self, k: int | None) -> int | None:
        return self.gram

    @field_serializer("lags")
    def lags_in_reports(self, lags: tuple[int, ...] | None) -> tuple[int, ...]:
        return self.lag_set

    def configurations(self, T: int) -> list[Configuration]:
        """The configurations asked for at length T, by default the limit c = inf alone; where the settings leave the
        choice, of padded heads."""
        qs: list[Fraction | float] = [*self.q, *(_q_of(c, T) for c in self.c)]
        return [Configuration(self.lag_set, q, self.kinds_of_heads[0]) for q in qs or [math.inf]]

    @property
    def kinds_of_heads(self) -> tuple[Heads, ...]:
        return (self.heads,)

    @property
    def options(self) -> Options:
        relative, absolute = 0.0, None
        if isinstance(self.tolerance, str):
            relative = float(self.tolerance.removesuffix("%")) / 100
        else:
            absolute = self.tolerance
        given = Options(self.seed, self.device, samples=self.samples, minutes=self.minutes)
        return replace(given, tolerance=absolute, relative=relative)

    def enumerable_length(self, sequences: int) -> int:
        """The largest T >= n with at most so many sequences (n itself where S^n is larger)."""
        return max(self.n, int(math.log(sequences, self.S) + 1e-9))

    def quadrature_points(self) -> int:
        """Kernels of a quadrature over the prior that takes a second or two."""
        return max(FEWEST_KERNELS, min(MOST_KERNELS, int(KERNEL_ENTRIES / self.S**self.n)))

    @property
    def full_context(self) -> bool:
        """Whether Lambda holds every lag that the law depends on."""
        return len(self.lag_set) == self.n - 1


class SubNGramSettings(CheckSettings, SubNGramProblem):
    """Keys of `paper=sub-n-grams`."""

    heads: Heads | Literal["both"] = Field(  # type: ignore[assignment]  # more than other commands
        "both",
        description="padded, literal or both: of the first-layer heads that SN0, SN2 and SN7 look at, which read 0 or "
        "the mean so far where a lag does not exist",
    )
    trajectory: str | None = Field(
        None,
        min_length=1,
        description="an .npz file of a recorded training run (SN15); S, n and its law are the file's",
    )

    @model_validator(mode="before")
    @classmethod
    def keys_of_the_file(cls, values: Any) -> Any:
        """The keys that the trajectory knows are those of the file; ValueError if others are given."""
        if not isinstance(values, dict) or not values.get("trajectory"):
            return values
        from verify.papers.sub_ngrams.recorded import read_recorded  # torch, only where it is needed

        path = values["trajectory"]
        keys = read_recorded(Path(path)).keys
        parse: dict[str, Callable[[object], object]] = {"S": parse_integer, "n": parse_integer, "alpha": parse_rational}
        for key, known in keys.items():
            try:
                given = parse.get(key, str)(values.get(key, known))
            except ValueError:  # which the field of this key tells
                continue
            if given != known:
                raise ValueError(f"trajectory={path}: a run with {key}={known}, not {key}={given}")
        if keys["n"] > MOST_N or keys["S"] > MOST_S:
            raise ValueError(f"trajectory={path}: S={keys['S']} n={keys['n']}: S up to {MOST_S} and n up to {MOST_N}")
        return {**keys, **values}

    @property
    def kinds_of_heads(self) -> tuple[Heads, ...]:
        return ("padded", "literal") if self.heads == "both" else (self.heads,)

    @cached_property
    def recorded(self) -> Recorded | None:
        """The trajectory, if one is given."""
        if self.trajectory is None:
            return None
        from verify.papers.sub_ngrams.recorded import read_recorded  # torch, only where it is needed

        return read_recorded(Path(self.trajectory))


def braces(items: Iterable[object]) -> str:
    """A set as it is written on paper."""
    return "{" + ", ".join(map(str, items)) + "}"


def refuse_what_cannot_fit(settings: SubNGramProblem, law: NGramLaw | Law | None = None) -> None:
    """UsageError if the engine does not exist, or cannot take one of the lengths asked for (under another law than that
    of the settings, if one is given)."""
    law = law or settings.any_law
    if settings.engine != "auto":
        get_engine(settings.engine)
    for T in settings.T:
        for configuration in settings.configurations(T):
            engine = choose_engine(law, configuration, T, name=settings.engine)
            engine.refuse(law, configuration, T)


def refuse_what_cannot_run(settings: SubNGramSettings) -> None:
    """UsageError if a claim could not be checked as asked for."""
    if settings.recorded is not None:
        from verify.papers.sub_ngrams.recorded import refuse_contradiction  # torch, only where it is needed

        refuse_contradiction(settings.recorded, settings)
    refuse_what_cannot_fit(settings)


def headline(settings: SubNGramProblem) -> str:
    name = "" if settings.gram is None else f"k={settings.gram}"
    parts = [name, f"n={settings.n}", f"S={settings.S}", settings.law_in_words, f"lags {braces(settings.lag_set)}"]
    heads = "literal heads" if settings.heads == "literal" else ""
    return "  ".join(part for part in [*parts, f"initial {settings.initial}", heads] if part)


def check_headline(settings: SubNGramSettings) -> str:
    file = [] if settings.trajectory is None else [f"trajectory {Path(settings.trajectory).name}"]
    return "  ".join([headline(settings), *file])
