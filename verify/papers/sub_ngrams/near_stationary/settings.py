"""The settings of `python -m verify.stationary`: a module, a law, lengths, and what is claimed of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from verify.expressions import read_expression
from verify.papers.sub_ngrams.laws import LawSettings
from verify.settings import ExecutorSettings, Integer, Integers, Real, bound_text

MOST_T = 10**6
MOST_SAMPLES = 10**9
MOST_ENUMERATED = 2**24
MOST_EIGENVALUES = 20


def check_bound(text: str) -> str:
    """ValueError, with what is wrong, for anything but an expression in T."""
    read_expression(text, "T")
    return text


class StationarySettings(LawSettings, ExecutorSettings):
    """What is probed, how well, and where it is computed."""

    paper: Literal["sub-n-grams"] = Field("sub-n-grams", description="sub-n-grams")
    model: str | None = Field(
        None, min_length=1, description="FILE.py:NAME, a function that makes the module: T -> torch.nn.Module"
    )
    law_from: str | None = Field(
        None,
        min_length=1,
        description="FILE.py:NAME, a law of your own in the place of S, n, alpha, initial: with probability, "
        "predictive and sample, or a function that makes it",
    )
    directions: str | None = Field(
        None,
        min_length=1,
        description="FILE.py:NAME, a function T -> {name: {parameter: tensor}}: how much the gradient points there",
    )
    T: Integers = Field(
        (), description=f"a whole number from n (and 2) to {bound_text(MOST_T)}, or a list of them: T=8,16,32"
    )
    returns: Literal["probabilities", "log_probabilities", "logits"] = Field(
        "probabilities", description="probabilities, log_probabilities or logits: what the module returns"
    )
    positions: Literal["last", "all"] = Field(
        "last",
        description="last (the token after the sequence is predicted) or all (also those after its first n-1, n, ... "
        "tokens; the loss is their mean)",
    )
    epsilon: Real = Field(0.0, ge=0, lt=1, description="{bounds}, which is added to probabilities")
    error: Real = Field(0.05, gt=0, lt=1, description="{bounds}: the relative half-width of intervals that is aimed at")
    level: Real = Field(0.95, gt=0, lt=1, description="{bounds}: the chance that all intervals hold together")
    rate: Real | None = Field(
        None,
        ge=0,
        le=100,
        description="{bounds}: claims |grad| <= C T^-rate on the later half of the lengths, with the C of the "
        "earlier half",
    )
    bound: Annotated[str, AfterValidator(check_bound)] | None = Field(
        None, min_length=1, description="an expression in T, such as 3*log(T)/T: claims |grad| <= bound at all lengths"
    )
    enumerate: Integer = Field(
        2**16,
        ge=0,
        le=MOST_ENUMERATED,
        description="{bounds}: where there are at most so many sequences all are taken",
    )
    samples: Integer = Field(
        10**6,
        ge=1024,
        le=MOST_SAMPLES,
        description="{bounds}: sequences that are drawn at most, for each length",
    )
    batch: Integer | None = Field(
        None, ge=1, le=10**6, description="{bounds}: sequences that the module gets at a time"
    )
    hessian: Integer | None = Field(
        None,
        ge=2,
        le=MOST_T,
        description="{bounds}: a length at which the lowest eigenvalues of the Hessian are computed",
    )
    eigenvalues: Integer = Field(3, ge=1, le=MOST_EIGENVALUES, description="{bounds}: how many of them")
    curvature_samples: Integer = Field(
        4096, ge=64, le=MOST_SAMPLES, description="{bounds}: sequences that are drawn for the Hessian"
    )
    shards: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="a folder for finished parts, from which a stopped command goes on",
    )
    format: Literal["table", "json", "html"] = Field(  # type: ignore[assignment]  # one more than other commands
        "table", description="table, json or html"
    )

    @model_validator(mode="after")
    def rules_between_keys(self) -> StationarySettings:
        for T in self.T:
            if not 2 <= T <= MOST_T:
                raise ValueError(f"T={T}: T must be a whole number from 2 to {bound_text(MOST_T)}")
        if self.rate is not None and len(set(self.T)) < 2:
            raise ValueError("rate: compares later lengths with earlier ones; give several, as in T=8,16,32,64")
        if self.bound is not None:
            self._require_positive(self.bound)
        given = self.model_fields_set & {"S", "n", "alpha", "initial", "kernel"}
        if self.law_from is not None and given:
            raise ValueError(f"law_from and {', '.join(sorted(given))} are both given: the law says that itself")
        return self

    def _require_positive(self, bound: str) -> None:
        function = read_expression(bound, "T")
        for T in self.T:
            try:
                good = function(T) > 0
            except (ArithmeticError, ValueError):
                good = False
            if not good:
                raise ValueError(f"bound={bound}: must be a number above 0 at T={T}")

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.T)))
