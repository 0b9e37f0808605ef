"""The settings of the mean-field paper."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from verify.papers.mean_field.files import MOST_K, MOST_M, read_matrices
from verify.rows import Rows
from verify.settings import CheckSettings, Integer


class MeanFieldSettings(CheckSettings):
    """Keys of `paper=mean-field`: k outputs and m >= k features of the finite model."""

    paper: Literal["mean-field"] = Field("mean-field", description="mean-field")
    k: Integer = Field(3, ge=1, le=MOST_K, description="{bounds}, the number of outputs")
    m: Integer = Field(6, ge=1, le=MOST_M, description=f"a whole number from k to {MOST_M}, the number of features")
    instances: Integer = Field(4, ge=1, le=1000, description="{bounds}: random models per claim, at most")
    activation: Literal["tanh", "sigmoid", "relu", "softsign"] = Field(
        "tanh", description="tanh, sigmoid, relu or softsign, of the networks whose training is followed"
    )
    inputs: Literal["gaussian", "uniform", "sphere"] = Field(
        "gaussian", description="gaussian, uniform or sphere, the law of x there, with covariance I"
    )
    matrices: str | None = Field(
        None, min_length=1, description='a JSON file {"H": [["1/2", ...], ...], "F": ...} of two k x m matrices'
    )

    @model_validator(mode="before")
    @classmethod
    def size_of_the_file(cls, values: Any) -> Any:
        """k and m are those of the file, unless they are given."""
        if not isinstance(values, dict) or not values.get("matrices"):
            return values
        try:
            H, _ = read_matrices(values["matrices"])
        except ValueError as error:
            raise ValueError(f"matrices={values['matrices']}: {error}") from None
        return {"k": len(H), "m": len(H[0])} | values

    @model_validator(mode="after")
    def rules_between_keys(self) -> MeanFieldSettings:
        if self.m < self.k:
            raise ValueError(f"m={self.m}: m must be a whole number from k={self.k} to {MOST_M}")
        if self.given is not None:
            H, _ = self.given
            if (len(H), len(H[0])) != (self.k, self.m):
                size = f"H is {len(H)} x {len(H[0])}"
                raise ValueError(f"matrices={self.matrices}: {size}, but k={self.k} m={self.m}")
        return self

    @cached_property
    def given(self) -> tuple[Rows, Rows] | None:
        """H and F from the file `matrices`."""
        return None if self.matrices is None else read_matrices(self.matrices)


def headline(settings: MeanFieldSettings) -> str:
    parts = [f"k={settings.k}", f"m={settings.m}", f"up to {settings.instances} random models per claim"]
    parts += [f"{key}={getattr(settings, key)}" for key in ("activation", "inputs") if key in settings.model_fields_set]
    return "  ".join(parts + ([f"and {settings.matrices}"] if settings.matrices else []))
