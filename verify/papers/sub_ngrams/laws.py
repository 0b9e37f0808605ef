"""The law of the data as settings: S, n, alpha, initial, or a kernel from a file."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, Start, StationaryStarts
from verify.files import read_text
from verify.printing import shown
from verify.rows import parse_rows, rational_rows
from verify.settings import LARGEST, Integer, Settings, bound_text, parse_integer, parse_rational

MOST_N, MOST_S = 12, 50
Rows = list[list[Fraction]]
MOST_ALPHA, LEAST_ALPHA = 1000, Fraction(1, LARGEST)
LARGEST_FILE = 2**24  # bytes


def _parse_alpha(value: object) -> object:
    """One parameter, or with commas one for every token."""
    if not isinstance(value, str):
        return value
    parsed = [parse_rational(word) for word in value.split(",")]
    if not all(isinstance(x, Fraction) and LEAST_ALPHA <= x <= MOST_ALPHA for x in parsed):
        raise ValueError
    return tuple(parsed) if len(parsed) > 1 else parsed[0]


Alpha = Annotated[Fraction | tuple[Fraction, ...], BeforeValidator(_parse_alpha)]


class LawSettings(Settings):
    """Keys that tell the law of the data."""

    n: Integer = Field(3, ge=1, le=MOST_N, description="{bounds}: a token depends on the n-1 before it")
    S: Integer = Field(2, ge=2, le=MOST_S, description="{bounds}, the size of the vocabulary")
    alpha: Alpha = Field(
        Fraction(1),
        description=f"a rational number above 0, from {bound_text(LEAST_ALPHA)} to {MOST_ALPHA}, the parameter of the "
        "Dirichlet prior; S of them, as in alpha=1,1/2, are an asymmetric one",
    )
    initial: Literal["uniform", "dirichlet", "stationary"] = Field(
        "uniform", description="uniform, dirichlet or stationary, the law of the first n-1 tokens"
    )
    kernel: str | None = Field(
        None,
        min_length=1,
        description="a file with one kernel for all sequences: S^(n-1) rows of S rational numbers, in JSON or as CSV",
    )

    @model_validator(mode="before")
    @classmethod
    def law_of_the_words(cls, values: Any) -> Any:
        """S and n are those of the file; several parameters are `alphas`. ValueError if what is given contradicts."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        if not values.get("kernel"):
            return values
        if values.get("alpha"):
            raise ValueError("kernel and alpha are both given: one kernel has no prior")
        law = read_kernel(values["kernel"], values.get("initial", "uniform"))
        for key, known in (("S", law.S), ("n", law.n)):
            given = values.setdefault(key, str(known))
            try:
                same = parse_integer(given) == known
            except ValueError:  # which the field of this key tells
                continue
            if not same:
                raise ValueError(f"kernel={values['kernel']}: a kernel with {key}={known}, not {key}={given}")
        if law.n > MOST_N or law.S > MOST_S:
            raise ValueError(f"kernel={values['kernel']}: S={law.S} n={law.n}: S up to {MOST_S} and n up to {MOST_N}")
        return values

    @model_validator(mode="after")
    def parameters_for_every_token(self) -> LawSettings:
        if isinstance(self.alpha, tuple):
            if len(self.alpha) != self.S:
                told = ",".join(map(str, self.alpha))
                raise ValueError(f"alpha={told}: one number, or one for each of the S={self.S} tokens")
            if self.initial == "dirichlet":
                raise ValueError("initial=dirichlet: with one alpha only; several take uniform or stationary")
        return self

    @field_serializer("alpha")
    def alpha_in_reports(self, alpha: Fraction | tuple[Fraction, ...]) -> Fraction | tuple[Fraction, ...] | None:
        return None if self.kernel is not None else alpha

    @cached_property
    def any_law(self) -> NGramLaw | Law:
        """The law of the data."""
        if self.kernel is not None:
            return read_kernel(self.kernel, self.initial)
        stationary = self.initial == "stationary"
        if isinstance(self.alpha, tuple):
            prior = DirichletLaw((self.alpha,), self.n)
            return StationaryStarts(prior) if stationary else prior
        if stationary:
            return StationaryStarts(NGramLaw(self.S, self.n, self.alpha))
        return NGramLaw(self.S, self.n, self.alpha, "dirichlet" if self.initial == "dirichlet" else "uniform")

    @property
    def law(self) -> NGramLaw:
        """The law of the data, for what knows no other than `NGramLaw`: ValueError if it is another."""
        law = self.any_law
        if not isinstance(law, NGramLaw):
            raise ValueError("for symmetric priors only: alpha=NUMBER, initial=uniform or dirichlet")
        return law

    @property
    def own_kernel(self) -> Rows | None:
        """The rows of the kernel in a file; None if there is none."""
        law = self.any_law
        return [list(row) for row in law.kernel] if isinstance(law, FixedKernel) else None

    @property
    def law_in_words(self) -> str:
        if self.kernel is not None:
            return f"the kernel of {shown(self.kernel)}"
        alpha = ",".join(map(str, self.alpha)) if isinstance(self.alpha, tuple) else str(self.alpha)
        return f"alpha={alpha}"


def read_kernel(path: str, initial: str) -> FixedKernel:
    """ValueError with one line that names the file and what is wrong."""
    try:
        document, start = parse_rows(read_text(path, LARGEST_FILE)), None
        if isinstance(document, dict):
            if not {"kernel"} <= set(document) <= {"kernel", "initial"}:
                raise ValueError('must be a list of rows, or an object with "kernel" and perhaps "initial"')
            start = document.get("initial")
            document = document["kernel"]
        rows = tuple(tuple(row) for row in rational_rows("kernel", document))
        if start is not None:
            if initial != "uniform":
                raise ValueError(f"holds the law of the first tokens: initial={initial} contradicts it")
            return FixedKernel(rows, tuple(rational_rows("initial", [start])[0]))
        if initial == "dirichlet":
            raise ValueError("initial=dirichlet has no prior to draw from: uniform or stationary")
        chosen: Start = "stationary" if initial == "stationary" else "uniform"
        return FixedKernel(rows, chosen)
    except ValueError as error:
        raise ValueError(f"kernel={shown(path)}: {error}") from None
