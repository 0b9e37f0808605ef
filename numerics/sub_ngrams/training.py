"""Training of the literal network on fresh sequences, step by step (sub-n-grams/training; claim SN15).

A run is a function of its recipe: the trainer's state, batches included, can be stored after any step and taken up
again.
On one device with one number of threads the steps that follow are then the same, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from numerics.device import at_once
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import chains, draw_kernels, polya_urn
from numerics.sub_ngrams.sequences import Batch, enumerate_sequences, words
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw, require_ngram_law

Optimiser = Literal["adamw", "gd"]
Targets = Literal["predictive", "transition"]

AHEAD = 64  # batches drawn at once: a step of the sampler costs about the same for one batch and for many
TOKENS_AHEAD = 2**20  # at most
ADAM = ("step", "exp_avg", "exp_avg_sq")  # what AdamW keeps for every parameter


@dataclass(frozen=True)
class Recipe:
    """What a run depends on.

    batch    sequences a step, drawn afresh; None: all S^T sequences with their exact weights
    targets  "predictive": the next token's law given x (its conditional expectation: same mean gradient, least noise);
             "transition": the row of the sequence's own kernel, as the authors take it
    epsilon  in the loss -sum_s P(s) log(p(s) + epsilon)
    start    None: the authors' random start; k: the k-gram configuration plus normal noise of standard deviation
             `noise`
    c, c_A   scales of the start near the k-gram configuration (`Network.at_configuration`)
    """

    law: NGramLaw
    T: int
    optimiser: Optimiser = "adamw"
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    batch: int | None = 128
    targets: Targets = "predictive"
    epsilon: float = 1e-8
    start: int | None = None
    noise: float = 0.01
    c: float = 3.0
    c_A: float = 6.0  # noqa: N815  # the name on the page
    seed: int = 0

    def __post_init__(self) -> None:
        require_ngram_law(self.law)


def initial_network(recipe: Recipe, device: torch.device) -> Network:
    """The network before the first step: drawn on the CPU, so that it is the same on every device."""
    generator = torch.Generator().manual_seed(recipe.seed)
    if recipe.start is None:
        return Network.initial(recipe.law, recipe.T, generator).to(device)
    configuration = Configuration.k_gram(recipe.start, math.exp(recipe.c))
    network = Network.at_configuration(recipe.law, configuration, recipe.T, c=recipe.c, c_A=recipe.c_A)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(recipe.noise * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return network.to(device)


class Batches:
    """The endless stream of batches, `AHEAD` drawn at once; its position can be stored and taken up again."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        assert recipe.batch is not None
        self.recipe, self.batch = recipe, recipe.batch
        self.generator = torch.Generator(device).manual_seed(recipe.seed + 1)  # another stream than the start's
        self.ahead = max(1, min(AHEAD, at_once(TOKENS_AHEAD, device) // (recipe.T * recipe.batch)))
        self.used = self.ahead
        self.before = self.generator.get_state()  # of the generator, before the present batches were drawn

    def current(self) -> Batch:
        """The next batch, again and again until `advance`."""
        if self.used == self.ahead:
            self.before, self.used = self.generator.get_state(), 0
            self.drawn = self._draw()
        rows = slice(self.used * self.batch, (self.used + 1) * self.batch)
        x, P = (values[rows] for values in self.drawn)
        return Batch(x, P, torch.full_like(P[:, 0], 1 / self.batch))

    def advance(self) -> None:
        self.used += 1

    def state(self) -> dict[str, Tensor]:
        before = self.generator.get_state() if self.used == self.ahead else self.before
        return {"generator": before, "used": torch.tensor(self.used)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.generator.set_state(state["generator"])
        self.before, self.used = state["generator"], int(state["used"])
        if not 0 <= self.used <= self.ahead:
            raise ValueError(f"{self.used} batches of {self.ahead} are used in the stored run")
        if self.used < self.ahead:
            self.drawn = self._draw()

    def _draw(self) -> tuple[Tensor, Tensor]:
        law, T, count = self.recipe.law, self.recipe.T, self.ahead * self.batch
        if self.recipe.targets == "predictive":
            return polya_urn(law, T, count, self.generator)
        tau = draw_kernels(law, count, self.generator)
        x = chains(law, tau, T, self.generator)
        final = words(x[:, T - law.n + 1 :], law.n - 1, law.S)[:, 0]
        return x, tau[torch.arange(count, device=x.device), final]


class Trainer:
    """A network under training. `step()` makes one step and returns the batch's loss before it."""

    def __init__(self, recipe: Recipe, device: torch.device | None = None) -> None:
        self.recipe, self.device, self.steps = recipe, device or torch.device("cpu"), 0
        self.network = initial_network(recipe, self.device)
        # in double precision, lists of tensors at once
        parameters, rate, decay = self.network.parameters(), recipe.learning_rate, recipe.weight_decay
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.AdamW(parameters, lr=rate, betas=(0.0, 0.999), weight_decay=decay, foreach=True)
            if recipe.optimiser == "adamw"
            else torch.optim.SGD(parameters, lr=rate, weight_decay=decay, foreach=True)
        )
        self.batches: Batches | None = None
        if recipe.batch is None:
            every = enumerate_sequences(recipe.law, recipe.T, batch=2**20, device=self.device)
            self.everything = Batch(*(torch.cat(parts) for parts in zip(*every, strict=True)))
        else:
            self.batches = Batches(recipe, self.device)

    def step(self) -> float:
        loss = self.differentiate()
        self.update()
        return loss

    def differentiate(self) -> float:
        """The loss of the next batch, and its gradient. May be broken off: until `update` the state is as before."""
        x, P, weight = self.everything if self.batches is None else self.batches.current()
        loss = (weight * self.network.losses(x, P, self.recipe.epsilon)).sum()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's backward has no annotations
        return float(loss.detach())

    def update(self) -> None:
        """The step along the gradient, after `differentiate`."""
        self.optimiser.step()
        if self.batches is not None:
            self.batches.advance()
        self.steps += 1

    def state(self) -> dict[str, Tensor]:
        """Everything that the next steps depend on, as named tensors on the CPU."""
        state: dict[str, Any] = {"steps": torch.tensor(self.steps)}
        state |= {f"parameter/{name}": value for name, value in self.network.named_parameters()}
        for i, values in self.optimiser.state_dict()["state"].items():
            state |= {f"optimiser/{i}/{name}": value for name, value in values.items() if value is not None}
        if self.batches is not None:
            state |= {f"batches/{name}": value for name, value in self.batches.state().items()}
        return {name: value.detach().cpu().clone() for name, value in state.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes up the run where `state()` was called. KeyError, ValueError if it is the state of another run."""
        with torch.no_grad():
            for name, parameter in self.network.named_parameters():
                if state[f"parameter/{name}"].shape != parameter.shape:
                    raise ValueError(f"{name} has shape {tuple(state[f'parameter/{name}'].shape)} in the stored run")
                parameter.copy_(state[f"parameter/{name}"])
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": self._moments(state)})
        if self.batches is not None:
            self.batches.restore({key: state[f"batches/{key}"] for key in ("generator", "used")})
        self.steps = int(state["steps"])
        if self.steps < 0:
            raise ValueError(f"{self.steps} steps in the stored run")

    def _moments(self, state: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
        """What the optimiser knows of every parameter. KeyError, ValueError if it cannot go on from that."""
        if self.recipe.optimiser == "gd" or int(state["steps"]) == 0:
            return {}
        moments: dict[int, dict[str, Tensor]] = {}
        for i, parameter in enumerate(self.network.parameters()):
            moments[i] = {name: state[f"optimiser/{i}/{name}"].clone() for name in ADAM}
            for name, values in moments[i].items():
                shape = () if name == "step" else parameter.shape
                least = -math.inf if name == "exp_avg" else 0.0
                if values.shape != shape or not bool((values.isfinite() & (values >= least)).all()):
                    raise ValueError(f"optimiser/{i}/{name} is not what it should be in the stored run")
        return moments
