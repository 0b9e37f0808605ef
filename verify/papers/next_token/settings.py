"""The settings of the next-token paper."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from proofs.next_token.dataset import Dataset, DatasetError
from proofs.next_token.examples import NAMED, random_dataset
from verify.files import FileError
from verify.papers.next_token.files import read_dataset
from verify.settings import CheckSettings, Integer, Real

WORDS = ("named", *NAMED, "random")


class NextTokenSettings(CheckSettings):
    """Keys of `paper=next-token`: the data (dataset; V, draws and seed if random), then how it is trained."""

    paper: Literal["next-token"] = Field("next-token", description="next-token")
    dataset: str = Field("named", min_length=1, description=f"{', '.join(WORDS)}, or a file; named means DS-A to DS-D")
    V: Integer = Field(8, ge=3, le=16, description="{bounds}, the vocabulary of dataset=random")
    draws: Integer = Field(8, ge=1, le=100, description="{bounds}, how many datasets dataset=random draws")
    eta: Real = Field(0.5, ge=1e-3, le=10, description="{bounds}, the step size of both stages")
    beta: Real = Field(3.0, ge=0.1, le=100, description="{bounds}, the scale of the frozen first stage")
    T: Integer = Field(5_000, ge=100, le=1_000_000, description="{bounds}, steps of training")
    T1: Integer = Field(40, ge=1, le=1000, description="{bounds}, steps of stage 1 in NT11")

    @model_validator(mode="after")
    def rules_between_keys(self) -> NextTokenSettings:
        for key in ("V", "draws"):
            if key in self.model_fields_set and self.dataset != "random":
                raise ValueError(f"{key}={getattr(self, key)}: {key} goes with dataset=random, not {self.dataset}")
        if self.dataset not in WORDS and not os.path.exists(self.dataset):
            raise ValueError(f"dataset={self.dataset}: neither a file nor one of {', '.join(WORDS)}")
        try:
            _ = self.datasets
        except (DatasetError, FileError) as error:
            raise ValueError(f"dataset={self.dataset}: {error}") from None
        return self

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets that the claims are checked on."""
        if self.dataset == "named":
            return tuple(NAMED.values())
        if self.dataset in NAMED:
            return (NAMED[self.dataset],)
        if self.dataset == "random":
            return tuple(random_dataset(self.seed, self.V, index) for index in range(self.draws))
        return (read_dataset(self.dataset),)


def headline(settings: NextTokenSettings) -> str:
    data = f"dataset {settings.dataset}"
    if settings.dataset == "random":
        data = f"{settings.draws} random datasets  V={settings.V}  seed={settings.seed}"
    return f"{data}  eta={settings.eta:g}  beta={settings.beta:g}  T={settings.T}  T1={settings.T1}"
