"""The settings of `python -m verify.train`."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

from proofs.sub_ngrams.law import NGramLaw
from verify.report.plain import plain
from verify.settings import LARGEST, MOST_SECONDS, Integer, Rational, Real, Settings

MOST_STEPS = 10**7
MOST_ALPHA, LEAST_ALPHA = 1000, Fraction(1, LARGEST)
FEWEST_RECORDS = 3  # of the network, from which plateaus can be told
LARGEST_RECORDING = 2**29  # bytes: a recording is kept in memory and written as one file
LARGEST_SEQUENCES = 2**16  # all S^T of them are one batch
LARGEST_BATCH_TOKENS = 2**22
LARGEST_LAW = 2**14  # S^n: each of some thousand sequences drawn at once keeps as many urns
MOST_RUNS = 16
PRESETS: dict[str, dict[str, str]] = {  # keys in the place of the defaults
    "paper": {"S": "5", "n": "3", "T": "32", "alpha": "1/2", "initial": "dirichlet", "steps": "8192"}
}


class TrainSettings(Settings):
    """Keys of `python -m verify.train`. The law is (S, n, alpha, initial); the rest is the recipe of the run."""

    preset: Literal["paper"] | None = Field(
        None,
        description="paper: the setting of the paper's experiment and length enough for every stage ("
        + " ".join(f"{key}={value}" for key, value in PRESETS["paper"].items())
        + "); keys that are given go before",
    )
    n: Integer = Field(3, ge=2, le=12)
    S: Integer = Field(3, ge=2, le=50, description="{bounds}, the size of the vocabulary")
    T: Integer = Field(32, ge=2, le=4096, description="a whole number from n to 4096, the length of the sequences")
    alpha: Rational = Field(Fraction(1, 2), ge=LEAST_ALPHA, le=MOST_ALPHA)
    initial: Literal["uniform", "dirichlet"] = Field("uniform", description="uniform or dirichlet")
    steps: Integer = Field(4096, ge=1, le=MOST_STEPS, description="{bounds}: steps of the optimiser")
    every: Integer = Field(32, ge=1, le=MOST_STEPS, description="{bounds}: steps between two records")
    optimiser: Literal["adamw", "gd"] = Field("adamw", description="adamw or gd (plain gradient descent)")
    learning_rate: Real = Field(1e-2, gt=0, le=100)
    weight_decay: Real = Field(1e-4, ge=0, le=1)
    gradient: Literal["batch", "exact"] = Field(
        "batch", description="batch (fresh sequences) or exact (all S^T sequences with their probabilities)"
    )
    batch: Integer = Field(128, ge=1, le=2**16, description="{bounds}: sequences a step")
    targets: Literal["predictive", "transition"] = Field(
        "transition",
        description="transition (the row of the sequence's own kernel) or predictive (its mean given the sequence)",
    )
    epsilon: Real = Field(1e-8, gt=0, le=1, description="{bounds}: the loss has log(p + epsilon)")
    start: Integer | None = Field(
        None, ge=1, description="a whole number k from 1 to n: start near the k-gram configuration (default: at random)"
    )
    noise: Real = Field(0.01, ge=0, le=10, description="{bounds}: standard deviation around `start`")
    c: Real = Field(3.0, gt=0, le=100, description="{bounds}: scale of Q and K at `start`")
    c_A: Real = Field(6.0, ge=0, le=100, description="{bounds}: logit of the heads at `start`")  # noqa: N815  # the name on the page
    test_samples: Integer = Field(4096, ge=64, le=2**16, description="{bounds}: sequences for losses")
    runs: Integer = Field(
        1,
        ge=1,
        le=MOST_RUNS,
        description=f"a whole number from 1 to {MOST_RUNS}: so many runs, of seed, seed+1, ...; the first is analysed, "
        "the losses of the others are drawn beside it, and kept in checkpoints with -seedN in their names",
    )
    gradient_samples: Integer = Field(
        2048, ge=64, le=2**16, description="{bounds}: sequences for the population gradient"
    )
    checkpoint: str | None = Field(
        None, min_length=1, description="an .npz file that keeps the run, and that it is resumed from"
    )
    save_seconds: Real = Field(
        5.0, gt=0, le=MOST_SECONDS, description="a number of seconds {range}, between two writings of `checkpoint`"
    )

    @model_validator(mode="before")
    @classmethod
    def fill_in_preset(cls, given: Any) -> Any:
        """The preset's values for keys that are not given."""
        chosen = given.get("preset") if isinstance(given, dict) else None
        return {**PRESETS[chosen], **given} if chosen in PRESETS else given

    @model_validator(mode="after")
    def rules_between_keys(self) -> TrainSettings:
        records = self.steps // self.every + 1 + (self.steps % self.every > 0)
        if records < FEWEST_RECORDS:
            raise ValueError(
                f"steps={self.steps}: with every={self.every} there are {records} records, a report needs "
                f"{FEWEST_RECORDS}; give more steps, or a smaller every"
            )
        if self.n > self.T:
            raise ValueError(f"T={self.T}: T must be a whole number from n={self.n} to 4096")
        if self.start is not None and self.start > self.n:
            raise ValueError(f"start={self.start}: start must be a whole number from 1 to n={self.n}")
        if self.gradient == "exact" and self.S**self.T > LARGEST_SEQUENCES:
            raise ValueError(
                f"gradient=exact needs all S^T = {self.S}^{self.T} sequences at once, at most {LARGEST_SEQUENCES}; "
                "give a smaller T, or gradient=batch"
            )
        if self.gradient == "batch" and self.batch * self.T > LARGEST_BATCH_TOKENS:
            raise ValueError(f"batch={self.batch}: batch times T={self.T} must be at most {LARGEST_BATCH_TOKENS}")
        if self.S**self.n > LARGEST_LAW:
            raise ValueError(f"S={self.S} n={self.n}: S^n must be at most {LARGEST_LAW} for training")
        size = (
            8 * ((self.n - 1) * (self.T**2 + self.S**2) + 2 * (self.n * self.S) ** 2) * (self.steps // self.every + 2)
        )
        if size > LARGEST_RECORDING:
            raise ValueError(
                f"every={self.every}: the records of {self.steps} steps would take {size / 1e9:.1f} GB, at most "
                f"{LARGEST_RECORDING / 1e9:.1f}; give a larger every, or a smaller T"
            )
        if self.checkpoint is not None and not self.checkpoint.endswith(".npz"):
            raise ValueError(f"checkpoint={self.checkpoint}: give a file name that ends in .npz")
        return self

    @property
    def law(self) -> NGramLaw:
        return NGramLaw(self.S, self.n, self.alpha, self.initial)

    @property
    def recipe_text(self) -> str:
        """All that the recorded run depends on but its length, so that a run can be taken up and made longer."""
        rest = {"format", "output", "budget", "checkpoint", "steps", "gradient_samples", "save_seconds"}
        rest |= {"preset", "runs"}
        return json.dumps(plain(self.model_dump(exclude=rest)), sort_keys=True)
