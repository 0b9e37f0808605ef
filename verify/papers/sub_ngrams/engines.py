"""The engines of the sub-n-grams paper by name: one quantity, several independent ways (sub-n-grams/computing)."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.settings import UsageError, did_you_mean

TOKENS_IN_SECONDS = 20_000_000  # that sampling draws in some seconds
MIN_SAMPLES = 1000  # below, a confidence interval tells little


@dataclass(frozen=True)
class Options:
    """What a float engine may be told; exact engines have no use for it."""

    seed: int = 0
    device: str = "auto"
    level: float = 0.99  # confidence level of statistical errors
    interval: str = "bernstein"  # or "student", which holds at large sample sizes only
    tolerance: float | None = None  # absolute error aimed at, where an engine refines; None: 1e-3/T
    minutes: float = 0.5  # of one core, roughly, that an engine may take to refine
    samples: int | None = None  # sequences that a statistical engine draws; None: so many that it takes some seconds


@dataclass(frozen=True)
class Engine:
    """A way to compute score blocks.

    function  "module:function", called as function(law, configuration, T, **the options in `takes`) -> ScoreBlocks;
              a name, so that only the engine that runs is imported
    exact     whether its entries are exact rationals
    work      a rough count of elementary steps for (law, configuration, T); the engine refuses beyond `limit`
    limit     what can be done in about a minute
    unit      what `work` counts, for the message
    parts     whether the function takes `executor`, on which it computes in parts; the result does not depend on it
    most_grams  different n-grams of the law that it keeps counts of, at most
    least     seconds that it takes at least, where that is not a matter of `work`
    """

    name: str
    summary: str
    function: str
    exact: bool
    work: Callable[[NGramLaw, Configuration, int], float]
    limit: float
    unit: str
    takes: tuple[str, ...] = ()
    parts: bool = False
    most_grams: float = math.inf
    least: Callable[[NGramLaw, Configuration, int, Options], float] | None = None

    def seconds(self, law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
        """Of one core, within a small factor; of an engine that refines its result, what it takes at least."""
        if self.least is not None:
            return self.least(law, configuration, T, options)
        return 60 * self.work(law, configuration, T) / self.limit

    def obstacle(self, law: NGramLaw, configuration: Configuration, T: int) -> str | None:
        """Why this engine cannot take the problem, in one line; None if it can."""
        if self.exact and not configuration.exact:
            return f"engine={self.name} needs a rational q: give q=... or c=inf instead of c=..."
        if law.S**law.n > self.most_grams:
            grams, most = _rounded(float(law.S) ** law.n), _rounded(self.most_grams)
            return f"engine={self.name} would keep counts of {grams} n-grams (limit {most})"
        work = self.work(law, configuration, T)
        if not work <= self.limit:
            return f"engine={self.name} would need about {_rounded(work)} {self.unit} (limit {_rounded(self.limit)})"
        return None

    def refuse(self, law: NGramLaw, configuration: Configuration, T: int) -> None:
        """UsageError, naming engines that can, if this engine cannot take the problem."""
        obstacle = self.obstacle(law, configuration, T)
        if obstacle:
            raise UsageError(obstacle + _instead(self, law, configuration, T))

    def compute(
        self,
        law: NGramLaw,
        configuration: Configuration,
        T: int,
        options: Options | None = None,
        executor: Executor | None = None,
    ) -> ScoreBlocks:
        """The population gradient, in parts if an executor is given. UsageError if the problem does not fit this
        engine."""
        self.refuse(law, configuration, T)
        module, function = self.function.split(":")
        run: Callable[..., ScoreBlocks] = getattr(importlib.import_module(module), function)
        given = self._given(law, options or Options(), T)
        if self.parts:
            given["executor"] = executor
        return run(law, configuration, T, **given)

    def _given(self, law: NGramLaw, options: Options, T: int) -> dict[str, Any]:
        given = {name: getattr(options, name) for name in self.takes}
        if "device" in given:
            given["device"] = importlib.import_module("numerics.device").resolve_device(options.device)
        if "samples" in given:
            given["samples"] = _samples(law, T, options)
        return given


def _sequences(law: NGramLaw, configuration: Configuration, T: int) -> float:
    return float(law.S) ** T if T * math.log(law.S) < 700 else math.inf  # the largest float is some e^709


MOST_GRAMS = 4096  # different n-grams whose counts make up a type; even counting the types takes long beyond
MOST_URNS = 2**25  # numbers, of one sequence: 256 MB


def _classes(law: NGramLaw, configuration: Configuration, T: int) -> float:
    if law.S**law.n > MOST_GRAMS or T >= 2**16:  # counts are packed into 16 bits
        return math.inf
    module: Any = importlib.import_module("proofs.sub_ngrams.markov_types")
    return float(min(module.estimated_classes(law.S, law.n, T), 10**18))


def _seconds(law: NGramLaw, configuration: Configuration, T: int) -> float:
    """Of the transfer engine, as measured: lattices over the kernel's free parameters if they are few, else Sobol
    points, so many at least that there is an error."""
    return max(30.0, _fewest_points(law)) if not few_parameters(law) else 8 if law.alpha >= 1 else 25


def _fewest_points(law: NGramLaw) -> float:
    """Seconds of the transfer engine for so many Sobol points that there is an error."""
    contexts = float(law.S) ** (law.n - 1)
    return (2 * law.S + 1) * (0.18 + 6e-5 * contexts**2 * law.n * law.S)


def few_parameters(law: NGramLaw) -> bool:
    """Whether the kernel has so few that the transfer engine averages over it by lattices."""
    return float(law.S) ** (law.n - 1) * (law.S - 1) <= 4


def _transfer_seconds(law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
    return _fewest_points(law) if not few_parameters(law) else 1.0


def _samples(law: NGramLaw, T: int, options: Options) -> int:
    return options.samples or max(MIN_SAMPLES, TOKENS_IN_SECONDS // max(T, law.S**law.n))


def _monte_carlo_seconds(law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every token is drawn from S urns; every n-gram is compared at the lags in use, and holds a token at n lags."""
    grams, passes = float(law.S) ** law.n, 3 + len(configuration.lags)
    return _samples(law, T, options) * (3e-9 * T * law.S + grams * (3e-8 * passes + 3e-10 * law.n * law.S))


def _enumeration_seconds(law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every position of every sequence is compared at the lags in use, and holds a token at n lags."""
    return 1.8e-5 * _sequences(law, configuration, T) * T * (law.n + len(configuration.lags))


def _class_seconds(law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every n-gram of a class is compared at the lags in use, and holds a token at n lags."""
    grams = float(law.S) ** law.n
    return _classes(law, configuration, T) * (6e-5 + 3.5e-7 * grams * (law.n + len(configuration.lags)))


def _derivation_seconds(law: NGramLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Of the network once, in all of its parameters, and of every sequence."""
    return float(5e-3 * (law.n * law.S) ** 3 + 5e-3 * law.S**T)


def _tokens(law: NGramLaw, configuration: Configuration, T: int) -> float:
    return float(T)


ENGINES: Mapping[str, Engine] = {
    engine.name: engine
    for engine in (
        Engine(
            "enumeration",
            "all S^T sequences in exact rationals, standard library only",
            "proofs.sub_ngrams.enumeration:enumeration",
            exact=True,
            work=_sequences,
            limit=2e5,
            unit="sequences",
            least=_enumeration_seconds,
        ),
        Engine(
            "derivation",
            "sympy differentiates the literal network, sequence by sequence",
            "proofs.sub_ngrams.derivation:derivation",
            exact=True,
            work=_sequences,
            limit=300,
            unit="sequences",
            least=_derivation_seconds,
        ),
        Engine(
            "type_classes",
            "sequences with equal n-gram counts at once, exact, polynomial in T",
            "proofs.sub_ngrams.type_classes:type_classes",
            exact=True,
            work=_classes,
            limit=2e6,
            unit="classes",
            most_grams=MOST_GRAMS,
            least=_class_seconds,
        ),
        Engine(
            "autograd",
            "torch differentiates the literal network on all S^T sequences",
            "numerics.sub_ngrams.autograd:autograd",
            exact=False,
            work=_sequences,
            limit=2e6,
            unit="sequences",
            takes=("device",),
        ),
        Engine(
            "closed_form",
            "the closed form on all S^T sequences, in floats",
            "numerics.sub_ngrams.closed_form:closed_form",
            exact=False,
            work=_sequences,
            limit=2e7,
            unit="sequences",
            takes=("device",),
        ),
        Engine(
            "transfer",
            "powers of killed chains at cost O(log T), averaged over kernels by quadrature: any T",
            "numerics.sub_ngrams.annealed:annealed_transfer",
            exact=False,
            work=_seconds,
            limit=600,
            unit="seconds",
            takes=("seed", "device", "level", "tolerance", "minutes"),
            parts=True,
            least=_transfer_seconds,
        ),
        Engine(
            "monte_carlo",
            "closed form on sampled sequences, with confidence intervals",
            "numerics.sub_ngrams.monte_carlo:monte_carlo",
            exact=False,
            work=_tokens,
            limit=1e5,
            unit="tokens a sequence",
            takes=("seed", "device", "level", "samples", "interval"),
            most_grams=MOST_URNS,
            least=_monte_carlo_seconds,
        ),
    )
}


def get_engine(name: str) -> Engine:
    """The engine of this name; UsageError with the nearest names otherwise."""
    if name not in ENGINES:
        raise UsageError(f"engine={name}: unknown engine{did_you_mean(name, ('auto', *ENGINES))}")
    return ENGINES[name]


def choose_engine(
    law: NGramLaw, configuration: Configuration, T: int, *, name: str = "auto", exact: bool = False
) -> Engine:
    """The engine of this name; for "auto" the most exact one that the problem fits, cheapest first."""
    if name != "auto":
        return get_engine(name)
    for engine in (ENGINES[name] for name in PREFERENCE):
        if (engine.exact or not exact) and engine.obstacle(law, configuration, T) is None:
            return engine
    smaller = "S or n" if max(law.n, 2) == T else "T, S or n"
    raise UsageError(f"T={T}: no engine reaches S={law.S} n={law.n} T={T}; give a smaller {smaller}")


def reached(law: NGramLaw, configuration: Configuration, T: int, *, exact: bool = False) -> bool:
    """Whether `choose_engine` finds one."""
    engines = (ENGINES[name] for name in PREFERENCE)
    return any((e.exact or not exact) and e.obstacle(law, configuration, T) is None for e in engines)


PREFERENCE = ("type_classes", "closed_form", "transfer", "monte_carlo")


def _instead(engine: Engine, law: NGramLaw, configuration: Configuration, T: int) -> str:
    able = [e.name for e in ENGINES.values() if e is not engine and e.obstacle(law, configuration, T) is None]
    return f"; engines that can: {', '.join(able)}" if able else "; no engine can: give a smaller problem"


def _rounded(x: float) -> str:
    return f"{x:.0f}" if x < 1e6 else f"{x:.1g}"
