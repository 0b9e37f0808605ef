"""The engines of the sub-n-grams paper by name: one quantity, several independent ways (sub-n-grams/computing)."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import DirichletLaw, FixedKernel, Law, StationaryStarts, components
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify.settings import UsageError, did_you_mean

AnyLaw = NGramLaw | Law
TOKENS_IN_SECONDS = 20_000_000  # that sampling draws in some seconds
SMALL = 1e-3  # in units of 1/T: the error aimed at by default, and the least size that a relative one refers to
LARGEST_ROOT = 60  # degree of the root of q of which powers are still numbers of moderate size
MIN_SAMPLES = 1000  # below, a confidence interval tells little


@dataclass(frozen=True)
class Options:
    """What a float engine may be told; exact engines have no use for it."""

    seed: int = 0
    device: str = "auto"
    level: float = 0.99  # confidence level of statistical errors
    interval: str = "bernstein"  # or "student", which holds at large sample sizes only
    tolerance: float | None = None  # absolute error aimed at, where an engine refines; None: 1e-3/T, times `relative`
    relative: float = (
        0.0  # to the largest entry of a block: the error aimed at where that is more than the absolute one
    )
    minutes: float = 0.5  # of one core, roughly, that an engine may take to refine
    needed: frozenset[tuple[int, int]] | None = None  # the blocks that the tolerance is meant for; None: all
    samples: int | None = None  # sequences that a statistical engine draws; None: so many that it takes some seconds


@dataclass(frozen=True)
class Laws:
    """Laws by what an engine has to know of them; a law that is not among them is never computed as another one."""

    names: str
    know: Callable[[AnyLaw], bool]

    def obstacle(self, law: AnyLaw) -> str | None:
        """What is not known, of a mixture in its parts."""
        unknown = [type(part).__name__ for _, part in components(law) if not self.know(part)]
        return f"knows {self.names}, not {unknown[0]}" if unknown else None


def _is_one_of(*types: type) -> Callable[[AnyLaw], bool]:
    return lambda part: type(part) in types  # a subclass may have probabilities of its own


GIVEN = (NGramLaw, FixedKernel, DirichletLaw)
RATIONAL = Laws("laws with rational probabilities", lambda part: type(part) is not StationaryStarts)
COUNTED = Laws("NGramLaw, FixedKernel and DirichletLaw", _is_one_of(*GIVEN))
CHAINS = Laws("NGramLaw and FixedKernel", _is_one_of(NGramLaw, FixedKernel))
DRAWN = Laws(
    "the given laws, and those with a method sample",
    lambda part: type(part) in (*GIVEN, StationaryStarts) or callable(getattr(part, "sample", None)),
)
MOST_OWN = 2e5  # sequences of a law of one's own, whose functions are called for each


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
    laws      which laws it knows, and mixtures of them
    least     seconds that it takes at least, where that is not a matter of `work`
    """

    name: str
    summary: str
    function: str
    exact: bool
    work: Callable[[AnyLaw, Configuration, int], float]
    limit: float
    unit: str
    takes: tuple[str, ...] = ()
    parts: bool = False
    most_grams: float = math.inf
    laws: Laws = field(default_factory=lambda: RATIONAL)
    least: Callable[[AnyLaw, Configuration, int, Options], float] | None = None

    def seconds(self, law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
        """Of one core, within a small factor; of an engine that refines its result, what it takes at least."""
        if self.least is not None:
            return self.least(law, configuration, T, options)
        return 60 * self.work(law, configuration, T) / self.limit

    def obstacle(self, law: AnyLaw, configuration: Configuration, T: int) -> str | None:
        """Why this engine cannot take the problem, in one line; None if it can."""
        if self.exact and not configuration.exact:
            if isinstance(configuration.q, Fraction):
                unit, lags = configuration.unit, ",".join(map(str, configuration.lags))
                root = f"whose root of degree {unit} is rational"
                example = f", as q={2**unit}" if unit <= LARGEST_ROOT else ""
                return f"engine={self.name} needs, with literal heads and lags {lags}, a q {root}{example}, or c=inf"
            return f"engine={self.name} needs a rational q: give q=... or c=inf instead of c=..."
        unknown = self.laws.obstacle(law)
        if unknown:
            return f"engine={self.name} {unknown}"
        if law.S**law.n > self.most_grams:
            grams, most = _rounded(float(law.S) ** law.n), _rounded(self.most_grams)
            return f"engine={self.name} would keep counts of {grams} n-grams (limit {most})"
        work, limit = self.work(law, configuration, T), self.limit
        if self.unit == "sequences" and COUNTED.obstacle(law):
            limit = min(limit, MOST_OWN)
        if not work <= limit:
            return f"engine={self.name} would need about {_rounded(work)} {self.unit} (limit {_rounded(limit)})"
        return None

    def refuse(self, law: AnyLaw, configuration: Configuration, T: int) -> None:
        """UsageError, naming engines that can, if this engine cannot take the problem."""
        obstacle = self.obstacle(law, configuration, T)
        if obstacle:
            raise UsageError(obstacle + _instead(self, law, configuration, T))

    def compute(
        self,
        law: AnyLaw,
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

    def _given(self, law: AnyLaw, options: Options, T: int) -> dict[str, Any]:
        given = {name: getattr(options, name) for name in self.takes}
        if "device" in given:
            given["device"] = importlib.import_module("numerics.device").resolve_device(options.device)
        if "samples" in given:
            given["samples"] = _samples(law, T, options)
        return given


def _sequences(law: AnyLaw, configuration: Configuration, T: int) -> float:
    return float(law.S) ** T if T * math.log(law.S) < 700 else math.inf  # the largest float is some e^709


MOST_GRAMS = 4096  # different n-grams whose counts make up a type; even counting the types takes long beyond
MOST_URNS = 2**25  # numbers, of one sequence: 256 MB


def _classes(law: AnyLaw, configuration: Configuration, T: int) -> float:
    if law.S**law.n > MOST_GRAMS or T >= 2**16:  # counts are packed into 16 bits
        return math.inf
    module: Any = importlib.import_module("proofs.sub_ngrams.markov_types")
    each = 1 if type(law) is NGramLaw else math.factorial(min(law.S, 20))  # relabellings, unless all are alike
    return float(min(each * module.estimated_classes(law.S, law.n, T), 10**18))


def _seconds(law: AnyLaw, configuration: Configuration, T: int) -> float:
    """Of the transfer engine, as measured: lattices over the kernel's free parameters if they are few, else Sobol
    points, so many at least that there is an error."""
    return sum(_seconds_of_part(part) for _, part in components(law))


def _seconds_of_part(law: AnyLaw) -> float:
    if not isinstance(law, NGramLaw):
        return _fewest_points(law) / 16  # one kernel
    return max(30.0, _fewest_points(law)) if not few_parameters(law) else 8 if law.alpha >= 1 else 25


def _fewest_points(law: AnyLaw) -> float:
    """Seconds of the transfer engine for so many Sobol points that there is an error."""
    contexts = float(law.S) ** (law.n - 1)
    return (2 * law.S + 1) * (0.18 + 6e-5 * contexts**2 * law.n * law.S)


def few_parameters(law: AnyLaw) -> bool:
    """Whether the kernel has so few that the transfer engine averages over it by lattices."""
    return float(law.S) ** (law.n - 1) * (law.S - 1) <= 4


def _transfer_seconds(law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
    sampled = any(isinstance(part, NGramLaw) and not few_parameters(part) for _, part in components(law))
    return _fewest_points(law) if sampled else 1.0


def _samples(law: AnyLaw, T: int, options: Options) -> int:
    return options.samples or max(MIN_SAMPLES, TOKENS_IN_SECONDS // max(T, law.S**law.n))


def _monte_carlo_seconds(law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every token is drawn from S urns; every n-gram is compared at the lags in use, and holds a token at n lags."""
    grams, passes = float(law.S) ** law.n, 3 + len(configuration.lags)
    return _samples(law, T, options) * (3e-9 * T * law.S + grams * (3e-8 * passes + 3e-10 * law.n * law.S))


def _enumeration_seconds(law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every position of every sequence is compared at the lags in use, and holds a token at n lags."""
    return 1.8e-5 * _sequences(law, configuration, T) * T * (law.n + len(configuration.lags))


def _class_seconds(law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Every n-gram of a class is compared at the lags in use, and holds a token at n lags."""
    grams = float(law.S) ** law.n
    return _classes(law, configuration, T) * (6e-5 + 3.5e-7 * grams * (law.n + len(configuration.lags)))


def _derivation_seconds(law: AnyLaw, configuration: Configuration, T: int, options: Options) -> float:
    """Of the network once, in all of its parameters, and of every sequence."""
    return float(5e-3 * (law.n * law.S) ** 3 + 5e-3 * law.S**T)


def _tokens(law: AnyLaw, configuration: Configuration, T: int) -> float:
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
            "proofs.sub_ngrams.relabelled_classes:type_classes_under",
            exact=True,
            work=_classes,
            limit=2e6,
            unit="classes",
            most_grams=MOST_GRAMS,
            laws=COUNTED,
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
            "numerics.sub_ngrams.given_law:transfer_under",
            exact=False,
            work=_seconds,
            limit=600,
            unit="seconds",
            takes=("seed", "device", "level", "tolerance", "relative", "minutes", "needed"),
            parts=True,
            laws=CHAINS,
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
            laws=DRAWN,
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
    law: AnyLaw,
    configuration: Configuration,
    T: int,
    *,
    name: str = "auto",
    exact: bool = False,
    options: Options | None = None,
) -> Engine:
    """The engine of this name; for "auto" the most exact one that the problem fits, cheapest first. With options, the
    engine that `handed_over` says in its place."""
    if name != "auto":
        engine = get_engine(name)
        return engine if options is None else handed_over(engine, law, configuration, T, options)
    for engine in (ENGINES[name] for name in PREFERENCE):
        if (engine.exact or not exact) and engine.obstacle(law, configuration, T) is None:
            return engine
    smaller = "S or n" if max(law.n, 2) == T else "T, S or n"
    raise UsageError(f"T={T}: no engine reaches S={law.S} n={law.n} T={T}; give a smaller {smaller}")


def handed_over(engine: Engine, law: AnyLaw, configuration: Configuration, T: int, options: Options) -> Engine:
    """In the place of transfer, where it would estimate an average over kernels and not compute it, an engine that is
    exact or has bounds, if one needs no more time than transfer takes as a rule, or may take; else the engine itself.
    """
    if engine.name != "transfer" or engine.obstacle(law, configuration, T) is not None:
        return engine
    annealed: Any = importlib.import_module("numerics.sub_ngrams.annealed")
    priors = [part for _, part in components(law) if isinstance(part, NGramLaw)]
    minutes = options.minutes / len(list(components(law)))
    if all(annealed.gauss_reaches(part, T, minutes) for part in priors):
        return engine
    most = min(engine.work(law, configuration, T), 60 * options.minutes)
    for other in (ENGINES[name] for name in PREFERENCE[: PREFERENCE.index(engine.name)]):
        able = other.obstacle(law, configuration, T) is None
        if able and other.seconds(law, configuration, T, options) <= most:
            return other
    return engine


def reached(law: AnyLaw, configuration: Configuration, T: int, *, exact: bool = False) -> bool:
    """Whether `choose_engine` finds one."""
    engines = (ENGINES[name] for name in PREFERENCE)
    return any((e.exact or not exact) and e.obstacle(law, configuration, T) is None for e in engines)


PREFERENCE = ("type_classes", "closed_form", "transfer", "monte_carlo")


def _instead(engine: Engine, law: AnyLaw, configuration: Configuration, T: int) -> str:
    able = [e.name for e in ENGINES.values() if e is not engine and e.obstacle(law, configuration, T) is None]
    return f"; engines that can: {', '.join(able)}" if able else "; no engine can: give a smaller problem"


def _rounded(x: float) -> str:
    return f"{x:.0f}" if x < 1e6 else f"{x:.1g}"
