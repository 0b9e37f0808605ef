"""Parts of the work as shards: checks and a pilot, all sequences from one to another, drawn ones, the curvature."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from numerics.sub_ngrams.curvature import Curvature, Kind, curvature, drawn_curvature
from numerics.sub_ngrams.monte_carlo import Moments
from numerics.sub_ngrams.own_law import AnyLaw, chosen, drawn, numbered
from numerics.sub_ngrams.own_module import OwnModule
from numerics.sub_ngrams.probe import Pilot, Sums, check, measure, pilot, rise, strange
from numerics.sub_ngrams.sequences import Batch
from verify.papers.sub_ngrams.near_stationary.problem import Problem
from verify.shards import Shard

AT_ONCE = 2**14  # sequences of all, whose probabilities are computed together

Part = Literal["check", "pilot", "all", "drawn"]


NOTHING = Pilot(torch.zeros(0, dtype=torch.float64), Moments())


@dataclass(frozen=True, eq=False)
class ProbeShard(Shard["Sums | Pilot"]):
    """Some sequences of one length.

    fingerprint  of the module and the law, see `Problem`
    part         "all": the sequences first, ..., first+count-1; "drawn": `count` drawn ones; "check": checks;
                 "pilot": and the lengths of single gradients
    first        also the number of a shard of drawn ones, within its stage
    direction    in which slopes are taken
    """

    given: Problem
    fingerprint: str
    T: int
    part: Part
    seed: int = 0
    stage: int = 0
    first: int = 0
    count: int = 0
    direction: Tensor | None = None

    code: ClassVar[tuple[str, ...]] = ("proofs", "numerics", "verify.papers.sub_ngrams")

    @property
    def name(self) -> str:
        counted = f"{self.count} sequences"
        what = {"check": "checked", "pilot": "pilot", "all": counted, "drawn": f"{counted} drawn"}
        return f"T={self.T} {what[self.part]}"

    @property
    def problem(self) -> dict[str, Any]:
        return {
            **self.given.key,
            "model": self.fingerprint,
            "T": self.T,
            "part": [self.part, self.seed, self.stage, self.first, self.count],
            "direction": None if self.direction is None else hashlib.sha256(_bytes(self.direction)).hexdigest(),
        }

    def compute(self, executor: Executor | None = None) -> Sums | Pilot:
        with self.given.asking(self.T) as (own, law):
            generator = torch.Generator(own.device).manual_seed(self._seed())
            if self.part in ("check", "pilot"):
                check(own, law, self.T, generator)
                return pilot(own, law, self.T, generator) if self.part == "pilot" else NOTHING
            direction = None if self.direction is None else self.direction.to(own.device)
            batch = self.given.batch_at(self.T, count_of(own))
            return measure(own, self._batches(own, law, generator), batch, direction)

    def _batches(self, own: OwnModule, law: AnyLaw, generator: torch.Generator) -> Iterator[Batch]:
        if self.part == "drawn":
            return drawn(law, self.T, self.count, own.positions, generator)
        return every(own, law, self.T, self.first, self.first + self.count)

    def _seed(self) -> int:
        """Another one for every shard of drawn sequences."""
        text = json.dumps([self.seed, self.T, self.part, self.stage, self.first, type(self).__name__])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")

    def encoded(self, result: Sums | Pilot) -> dict[str, Any]:
        if isinstance(result, Pilot):
            return {"longest": _text(result.longest), "squares": _of_moments(result.squares)}
        return {
            "gradient": _text(result.gradient),
            "sizes": _text(result.sizes),
            "weight": result.weight.hex(),
            "loss": result.loss.hex(),
            "losses": _of_moments(result.losses),
            "along": None if result.along is None else _of_moments(result.along),
        }

    def decoded(self, value: Any) -> Sums | Pilot:
        if self.part in ("check", "pilot"):
            return Pilot(_tensor(value["longest"]), _moments(value["squares"]))
        along = None if value["along"] is None else _moments(value["along"])
        losses = _moments(value["losses"])
        if (along is None) != (self.direction is None) or losses.count > self.count:
            raise ValueError("sums of another shard")
        weight, loss = (float.fromhex(value[key]) for key in ("weight", "loss"))
        return Sums(_tensor(value["gradient"]), _tensor(value["sizes"]), weight, loss, losses, along)


@dataclass(frozen=True, eq=False)
class RiseShard(ProbeShard):
    """How much losses rise in a direction, by their differences: the sum over all sequences with their weights, or over
    drawn ones, others than a ProbeShard draws."""

    @property
    def problem(self) -> dict[str, Any]:
        return {**super().problem, "rise": True}

    def compute(self, executor: Executor | None = None) -> float:  # type: ignore[override]
        assert self.direction is not None
        with self.given.asking(self.T) as (own, law):
            generator = torch.Generator(own.device).manual_seed(self._seed())
            batches = self._batches(own, law, generator)
            return rise(own, batches, self.given.batch_at(self.T, count_of(own)), self.direction.to(own.device))

    def encoded(self, result: float) -> Any:  # type: ignore[override]
        return result.hex()

    def decoded(self, value: Any) -> float:  # type: ignore[override]
        return float.fromhex(value)


def count_of(own: OwnModule) -> int:
    """Of parameters."""
    return sum(value.numel() for value in own.parameters.values())


def every(own: OwnModule, law: AnyLaw, T: int, first: int, last: int) -> Iterator[Batch]:
    """The sequences first, ..., last-1 of all."""
    ends = range(first, last, AT_ONCE)
    return (numbered(law, T, i, min(i + AT_ONCE, last), own.positions, own.device) for i in ends)


@dataclass(frozen=True, eq=False)
class CurvatureShard(Shard["Curvature"]):
    """The lowest eigenvalues of the Hessian at one length.

    size   S^T, if all sequences are taken; else None
    drawn  otherwise so many are drawn, and as many fresh ones
    count  of eigenvalues
    level  of the interval for the curvature, where sequences are drawn
    """

    given: Problem
    fingerprint: str
    T: int
    size: int | None
    drawn: int
    count: int
    level: float
    seed: int

    code: ClassVar[tuple[str, ...]] = ("proofs", "numerics", "verify.papers.sub_ngrams")

    @property
    def name(self) -> str:
        return f"T={self.T} curvature"

    @property
    def problem(self) -> dict[str, Any]:
        part = ["curvature", self.size, self.drawn, self.count, self.level, self.seed]
        return {**self.given.key, "model": self.fingerprint, "T": self.T, "part": part}

    def compute(self, executor: Executor | None = None) -> Curvature:
        with self.given.asking(self.T) as (own, law):
            batch = self.given.batch_at(self.T, count_of(own))
            T, positions, device, size = self.T, own.positions, own.device, self.size
            check(own, law, T, torch.Generator(device).manual_seed(self.seed))

            def some(stream: int, weight: float) -> Iterator[Batch]:
                generator = torch.Generator(device).manual_seed(2 * self.seed + stream)
                batches = drawn(law, T, self.drawn, positions, generator)
                return (Batch(x, P, weight * ones) for x, P, ones in batches)

            def others() -> Iterator[Batch]:
                generator = torch.Generator(device).manual_seed(self.seed)
                yield chosen(law, strange(law, T, generator), positions)

            if size is not None:
                return curvature(own, T, lambda: every(own, law, T, 0, size), self.count, batch, self.seed)
            return drawn_curvature(
                own,
                T,
                lambda: some(1, 1 / self.drawn),
                others,
                lambda: some(2, 1.0),
                self.level,
                self.count,
                batch,
                self.seed,
            )

    def encoded(self, result: Curvature) -> dict[str, Any]:
        return asdict(result)

    def decoded(self, value: Any) -> Curvature:
        lists = {key: tuple(map(float, value[key])) for key in ("eigenvalues", "errors", "slope")}
        low, high = lists["slope"]
        if value["kind"] not in get_args(Kind) or not low <= high or (value["kind"] == "saddle" and not high < 0):
            raise ValueError("no curvature")
        return Curvature(**{**value, **lists, "slope": (low, high)})


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().numpy().astype("<f8").tobytes()


def _text(tensor: Tensor) -> dict[str, Any]:
    return {"shape": list(tensor.shape), "float64": base64.b64encode(_bytes(tensor)).decode()}


def _tensor(value: dict[str, Any]) -> Tensor:
    flat = np.frombuffer(base64.b64decode(value["float64"], validate=True), dtype="<f8")
    return torch.from_numpy(flat.astype(np.float64).reshape(value["shape"]))


def _of_moments(moments: Moments) -> list[Any]:
    return [moments.count, _text(moments.mean), _text(moments.squares)]


def _moments(value: list[Any]) -> Moments:
    count, mean, squares = value
    if type(count) is not int:
        raise TypeError("a count")
    return Moments(count, _tensor(mean), _tensor(squares))
