"""The settings of the paper on linear attention."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal

from pydantic import Field, model_validator

import landscape_verifier as lv

MOST_D = 4
MOST_N = 10**9


class LinearAttentionSettings(lv.CheckSettings):
    """Keys of `paper=linear-attention`. There are as many heads as dimensions."""

    paper: Literal["linear-attention"] = Field("linear-attention", description="linear-attention")
    D: lv.Integer = Field(3, ge=2, le=MOST_D, description="{bounds}, the dimension of inputs")
    N: lv.Integer = Field(4, ge=1, le=MOST_N, description="{bounds}, of examples in a prompt")
    eigenvalues: lv.Rationals = Field(
        (), description=f"2 to {MOST_D} different rationals from 1/1000 to 1000, those of Lambda (default: D,..,2,1)"
    )

    @model_validator(mode="before")
    @classmethod
    def dimension_of_the_eigenvalues(cls, values: Any) -> Any:
        """D is the number of eigenvalues, unless it is given."""
        given = values.get("eigenvalues") if isinstance(values, dict) else None
        if not given:
            return values
        count = len([word for word in given.split(",") if word]) if isinstance(given, str) else len(given)
        return {"D": count} | values if 2 <= count <= MOST_D else values

    @model_validator(mode="after")
    def rules_between_keys(self) -> LinearAttentionSettings:
        told = f"eigenvalues={','.join(map(str, self.eigenvalues))}"
        if self.eigenvalues and not 2 <= len(self.eigenvalues) <= MOST_D:
            raise ValueError(f"{told}: eigenvalues must be 2 to {MOST_D} rationals, these are {len(self.eigenvalues)}")
        if self.eigenvalues and len(self.eigenvalues) != self.D:
            raise ValueError(f"{told}: {len(self.eigenvalues)} eigenvalues, but D={self.D}")
        if len(set(self.eigenvalues)) < len(self.eigenvalues):
            raise ValueError(f"{told}: eigenvalues must be different")
        if not all(Fraction(1, 1000) <= value <= 1000 for value in self.eigenvalues):
            raise ValueError(f"{told}: eigenvalues must be rationals from 1/1000 to 1000")
        return self

    @property
    def spectrum(self) -> tuple[Fraction, ...]:
        """The eigenvalues of Lambda, largest first."""
        return tuple(sorted(self.eigenvalues or map(Fraction, range(1, self.D + 1)), reverse=True))

    @property
    def said(self) -> str:
        """The instance, for the scope of a claim."""
        return f"eigenvalues {', '.join(map(str, self.spectrum))}, N={self.N}"


def headline(settings: LinearAttentionSettings) -> str:
    return f"D={settings.D}  {settings.said}  {settings.D} heads"
