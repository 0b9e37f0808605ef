"""A law that an engine does not know is never computed as another one: every public function of the paper is called
with a subclass of `NGramLaw` and refuses it, or uses no more of it than S and n.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import numerics.sub_ngrams
import proofs.sub_ngrams
from landscape_verifier.testing import assert_engines_agree
from numerics.sub_ngrams.frequency import Corrected
from numerics.sub_ngrams.hessian import spectrum
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.sampling import polya_urn
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.enumeration import enumeration
from proofs.sub_ngrams.law import NGramLaw
from verify.papers.sub_ngrams.engines import ENGINES, Options
from verify.papers.sub_ngrams.gradient.shards import GradientShard
from verify.settings import UsageError


class Coin(NGramLaw):
    """Fair coins: another law with the S, n and alpha of `NGramLaw`."""

    def probability(self, x: Any) -> Fraction:
        return Fraction(1, self.S) ** len(x)

    def predictive(self, x: Any) -> tuple[Fraction, ...]:
        return (Fraction(1, self.S),) * self.S


LAW, COIN, T = NGramLaw(2, 2), Coin(2, 2), 4
CONFIGURATION = Configuration((1,), Fraction(3))
HALVES = torch.full((1, 2, 2), 0.5, dtype=torch.float64)
WORDS = torch.zeros(1, T, dtype=torch.int64)

# what a parameter of this name may be, at S = n = 2
ARGUMENTS: dict[str, Callable[[], Any]] = {
    "law": lambda: COIN,
    "configuration": lambda: CONFIGURATION,
    "T": lambda: T,
    "a": lambda: 0,
    "b": lambda: 0,
    "at_most": lambda: 1000,
    "batch": lambda: 8,
    "allowed": lambda: lambda value: 1e-3,
    "c": lambda: 1.0,
    "contexts": lambda: torch.zeros(1, T, dtype=torch.int64),
    "corrected": lambda: Corrected((1.0,), 1.0),
    "count": lambda: 8,
    "degree": lambda: 3,
    "depths": lambda: (0.0, 10.0),
    "device": lambda: torch.device("cpu"),
    "by_end": lambda: torch.zeros(1, 2, 2, 2, dtype=torch.float64),
    "edges": lambda: HALVES,
    "error": lambda: torch.zeros(2, 2, 2),
    "key": lambda: 1,
    "level": lambda: None,
    "M": lambda: enumeration(LAW, CONFIGURATION, T),
    "query": lambda: 0,
    "spectrum": lambda: spectrum(ARGUMENTS["network"](), LAW, T),
    "value": lambda: torch.zeros(2, 2, 2),
    "ends": lambda: {(0, 0): 2, (0, 1): 2},
    "entries": dict,
    "epsilon": lambda: 0.0,
    "f": lambda: lambda nodes: nodes.weights,
    "field": lambda: Fraction,
    "generator": lambda: torch.Generator().manual_seed(0),
    "gradient_samples": lambda: 8,
    "grams": lambda: torch.zeros(1, 4, dtype=torch.float64),
    "integrand": lambda: lambda kernel: [kernel[0][0]],
    "k": lambda: 2,
    "kernel": lambda: {(s,): [Fraction(1, 2)] * 2 for s in range(2)},
    "kernels": lambda: HALVES,
    "length": lambda: T,
    "lags": lambda: (1,),
    "minutes": lambda: 0.5,
    "module": lambda: Network.random(LAW, T, torch.Generator().manual_seed(0)),
    "network": lambda: Network.random(LAW, T, torch.Generator().manual_seed(0)),
    "label": lambda: lambda word: word,
    "order": lambda: 2,
    "P": lambda: (Fraction(1, 2),) * 2,
    "probability": lambda: Fraction(1, 4),
    "part": lambda: "all",
    "r": lambda: Fraction(1),
    "samples": lambda: 8,
    "scales": lambda: (1.0,),
    "size": lambda: 0.1,
    "seed": lambda: 0,
    "step": lambda: 0.5,
    "tau": lambda: HALVES,
    "test_samples": lambda: 8,
    "tests": lambda: TestSet(*polya_urn(LAW, T, 8, torch.Generator().manual_seed(0)), 0.0),
    "tolerance": lambda: 1e-3,
    "trajectory": lambda: SimpleNamespace(shape=(2, 2, T), networks={0: None}, steps=[0], losses=[1.0]),
    "u": lambda: np.full((2, 1), 0.5),
    "weights": lambda: [Fraction(1)] * 2,
    "x": lambda: WORDS,
}

# S and n of the law are all they use
SIZES = {
    "autograd.error_bound",
    "flow.small_start",
    "frequency.corrected_ladder",
    "frequency_network.padded_network",
    "frequency_network.saturated_network",
    "hessian.configuration_network",
    "hessian.feature_directions",
    "hessian.free_columns",
    "hessian.predicted_eigenvalues",
    "infinite_length.taylor",
    "levels.ladder",
    "network.Network.at_configuration",
    "prior_rules.dimension",
    "network.Network.initial",
    "network.Network.random",
    "relabelling.all_ends",
    "relabelling.representatives",
    "relabelling.same_and_different",
    "relabelling.score_blocks",
    "transfer.gather_blocks",
    "transfer.transitions",
    "type_classes.blocks",
}


# what they compute is right for every law, by its own functions: see test_laws
ANY = {
    "autograd.autograd",
    "autograd.error_bound",
    "autograd.parameter_gradients",
    "closed_form.closed_form",
    "closed_form.most_in_sum",
    "derivation.derivation",
    "enumeration.enumeration",
    "flow.everything",
    "hessian.spectrum",
    "laws.components",
    "laws.every_sequence",
    "laws.require_consistent",
    "population_gradient.population_gradient",
    "population_gradient.population_loss",
    "sequences.enumerate_sequences",
}
ANNOTATIONS = {"NGramLaw", "NGramLaw | Law", "Chains", "Law"}
REFUSED = "the law is a Coin: must be|knows .*, not Coin|Coin has no method sample"


class Sizes:
    """No more of a law than its sizes."""

    S, n, contexts = LAW.S, LAW.n, LAW.contexts


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """All public functions, classes and static methods of the paper with a parameter that is a law."""
    for package in (proofs.sub_ngrams, numerics.sub_ngrams):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                if getattr(value, "__module__", None) != module.__name__ or name.startswith("_"):
                    continue
                if inspect.isclass(value) and issubclass(value, Exception):
                    continue
                functions = {name: value} if callable(value) else {}
                if inspect.isclass(value):
                    statics = (key for key, member in vars(value).items() if isinstance(member, staticmethod))
                    functions |= {f"{name}.{key}": getattr(value, key) for key in statics}
                for label, function in functions.items():
                    parameters = inspect.signature(function).parameters
                    if any(str(parameter.annotation) in ANNOTATIONS for parameter in parameters.values()):
                        yield f"{info.name}.{label}", function


PUBLIC = dict(public())


def call(function: Callable[..., Any], **given: object) -> object:
    parameters = inspect.signature(function).parameters
    due = [
        name for name, value in parameters.items() if value.default is value.empty or name in {"samples", "generator"}
    ]
    result = function(**{name: ARGUMENTS[name]() for name in due} | given)
    return list(result) if inspect.isgenerator(result) else result


def test_the_list_is_whole() -> None:
    assert {"enumeration.enumeration", "type_classes.type_classes", "monte_carlo.monte_carlo"} <= PUBLIC.keys()
    assert PUBLIC.keys() >= SIZES and len(PUBLIC) > 50


@pytest.mark.parametrize("label", sorted(PUBLIC.keys() - SIZES - ANY))
def test_another_law_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match=REFUSED):
        call(PUBLIC[label])


@pytest.mark.parametrize("label", sorted(SIZES))
def test_the_others_use_sizes_alone(label: str) -> None:
    call(PUBLIC[label], law=Sizes())


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_knows_another_law_or_refuses_it(name: str) -> None:
    engine = ENGINES[name]
    options = Options(samples=1000, minutes=0.01, device="cpu")
    if name in ("enumeration", "derivation", "autograd", "closed_form"):
        assert engine.compute(COIN, CONFIGURATION, T, options).difference(enumeration(COIN, CONFIGURATION, T)) <= 1e-12
    else:
        with pytest.raises(UsageError, match=f"engine={name} knows .*, not Coin; engines that can: enumeration"):
            engine.compute(COIN, CONFIGURATION, T, options)
    assert engine.compute(LAW, CONFIGURATION, T, options)[0, 0]


def test_what_stands_above_the_engines_refuses_too() -> None:
    for function in (
        lambda: GradientShard.resolve(COIN, CONFIGURATION, T, ENGINES["type_classes"], Options(device="cpu")),
    ):
        with pytest.raises(ValueError, match="the law is a Coin: results of laws of one's own cannot be kept apart"):
            function()
    assert_engines_agree((COIN, CONFIGURATION, T))


def test_the_other_law_has_another_gradient() -> None:
    assert enumeration(COIN, CONFIGURATION, T)[0, 1] != enumeration(LAW, CONFIGURATION, T)[0, 1]


def test_a_module_under_another_law() -> None:
    """Against the sum over all sequences, by torch's own derivatives."""
    from numerics.sub_ngrams.population_gradient import population_gradient

    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(2, 2), nn.Flatten(), nn.Linear(2 * T, 2), nn.Softmax(1)).double()
    found = population_gradient(module, COIN, T)
    every = torch.cartesian_prod(*[torch.arange(2)] * T)
    (-module(every).log() / 2).sum(1).mean().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(found[name], parameter.grad, atol=1e-12)
