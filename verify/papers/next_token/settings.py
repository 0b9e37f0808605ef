"""The settings of the next-token paper."""

from __future__ import annotations

import math
import os
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from proofs.next_token.corpus import Part, realizable_part
from proofs.next_token.dataset import MAX_SENTENCES, MAX_VOCABULARY, Dataset, DatasetError
from proofs.next_token.examples import NAMED, random_dataset
from verify.files import FileError
from verify.papers.next_token.files import read_corpus, read_dataset
from verify.settings import CheckSettings, Integer, Real

WORDS = ("named", *NAMED, "random")
ROOT = math.sqrt(20)  # of d = V = 20, the width of the paper's experiment
PRESETS: dict[str, dict[str, str]] = {  # keys in the place of the defaults
    "paper": {
        "dataset": "random",
        "V": "20",
        "draws": "4",
        "sentences": "10",
        "eta0": f"{0.2 / ROOT:.6g}",
        "eta": f"{0.05 / ROOT:.6g}",
        "T": "60000",
        "T1": "400",
    }
}
SHOWN_CONFLICTS = 3


class NextTokenSettings(CheckSettings):
    """Keys of `paper=next-token`: the data (dataset, or corpus; V, draws, sentences and seed if random), then how it is
    trained.
    """

    paper: Literal["next-token"] = Field("next-token", description="next-token")
    preset: Literal["paper"] | None = Field(
        None,
        description="paper: size and both step sizes of the paper's experiment, on random data ("
        + " ".join(f"{key}={value}" for key, value in PRESETS["paper"].items())
        + "); keys that are given go before",
    )
    dataset: str = Field("named", min_length=1, description=f"{', '.join(WORDS)}, or a file; named means DS-A to DS-D")
    corpus: str | None = Field(
        None, min_length=1, description="a file of plain text, a sentence a line, in the place of `dataset`"
    )
    unrealizable: Literal["refuse", "drop"] = Field(
        "refuse", description="refuse or drop: what becomes of a corpus in which contexts conflict"
    )
    V: Integer = Field(8, ge=3, le=MAX_VOCABULARY, description="{bounds}, the vocabulary of dataset=random")
    draws: Integer = Field(8, ge=1, le=100, description="{bounds}, how many datasets dataset=random draws")
    sentences: Integer | None = Field(
        None, ge=3, le=MAX_SENTENCES // 2, description="{bounds}, in each of them (default: 3 to 10)"
    )
    eta: Real = Field(
        0.5, ge=1e-3, le=10, description="{bounds}, the step size of stage 2, and of stage 1 without eta0"
    )
    eta0: Real | None = Field(
        None, ge=1e-3, le=10, description="{bounds}, the step size of stage 1, and of joint training"
    )
    beta: Real = Field(3.0, ge=0.1, le=100, description="{bounds}, the scale of the frozen first stage")
    T: Integer = Field(5_000, ge=100, le=1_000_000, description="{bounds}, steps of training")
    T1: Integer = Field(40, ge=1, le=100_000, description="{bounds}, steps of stage 1 in NT11")

    @model_validator(mode="before")
    @classmethod
    def fill_in_preset(cls, given: Any) -> Any:
        """The preset's values for keys that are not given; none that go with random data beside other data."""
        chosen = given.get("preset") if isinstance(given, dict) else None
        if chosen not in PRESETS:
            return given
        other = "corpus" in given or given.get("dataset", "random") != "random"
        drawn = ("dataset", "V", "draws", "sentences") if other else ()
        return {**{key: value for key, value in PRESETS[chosen].items() if key not in drawn}, **given}

    @model_validator(mode="after")
    def rules_between_keys(self) -> NextTokenSettings:
        for key in ("V", "draws", "sentences"):
            if key in self.model_fields_set and (self.corpus or self.dataset != "random"):
                other = f"corpus={self.corpus}" if self.corpus else self.dataset
                raise ValueError(f"{key}={getattr(self, key)}: {key} goes with dataset=random, not {other}")
        if self.corpus is not None and "dataset" in self.model_fields_set:
            raise ValueError(
                f"corpus={self.corpus}: corpus stands in the place of dataset={self.dataset}; leave one out"
            )
        if self.corpus is None and self.unrealizable == "drop":
            raise ValueError("unrealizable=drop: unrealizable goes with corpus=FILE")
        if self.dataset not in WORDS and not os.path.exists(self.dataset):
            raise ValueError(f"dataset={self.dataset}: neither a file nor one of {', '.join(WORDS)}")
        try:
            _ = self.datasets
        except (DatasetError, FileError) as error:
            source = f"corpus={self.corpus}" if self.corpus else f"dataset={self.dataset}"
            raise ValueError(f"{source}: {error}") from None
        return self

    @property
    def first_eta(self) -> float:
        """The step size of stage 1."""
        return self.eta if self.eta0 is None else self.eta0

    @cached_property
    def part(self) -> Part | None:
        """What is taken of the corpus; None without one. DatasetError if some is dropped that may not be."""
        if self.corpus is None:
            return None
        part = realizable_part(read_corpus(self.corpus))
        if part.dropped and self.unrealizable == "refuse":
            raise DatasetError(
                f"not realizable; unrealizable=drop takes {part.told}. Conflicts: {part.conflicts(SHOWN_CONFLICTS)}"
            )
        return part

    @cached_property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets that the claims are checked on."""
        if self.part is not None:
            return (self.part.dataset,)
        if self.dataset == "named":
            return tuple(NAMED.values())
        if self.dataset in NAMED:
            return (NAMED[self.dataset],)
        if self.dataset == "random":
            return tuple(random_dataset(self.seed, self.V, i, sentences=self.sentences) for i in range(self.draws))
        return (read_dataset(self.dataset),)


def headline(settings: NextTokenSettings) -> str:
    data = f"dataset {settings.dataset}"
    if settings.part is not None:
        data = f"corpus {settings.part.dataset.name}"
        if settings.part.dropped:
            data += f" ({settings.part.told}; dropped: {settings.part.conflicts(SHOWN_CONFLICTS)})"
    elif settings.dataset == "random":
        data = f"{settings.draws} random datasets  V={settings.V}  seed={settings.seed}"
    eta0 = f"  eta0={settings.eta0:g}" if settings.eta0 is not None else ""
    return f"{data}{eta0}  eta={settings.eta:g}  beta={settings.beta:g}  T={settings.T}  T1={settings.T1}"
