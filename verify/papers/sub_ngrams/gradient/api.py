"""What `python -m verify.gradient` does, for programs and notebooks (re-exported by landscape_verifier)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import Law
from proofs.sub_ngrams.score_blocks import Block, ScoreBlocks, parameter_norms
from verify.api import words_of
from verify.papers.sub_ngrams.engines import choose_engine
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.settings import refuse_what_cannot_fit
from verify.settings import UsageError, validate

OF_THE_COMMAND = ("format", "output", "executor", "workers", "shards", "budget", "bound")


@dataclass(frozen=True)
class PopulationGradient:
    """The population gradient at a configuration and a length: score blocks M_ab = dL/dW_ab.

    law, configuration, T
               the problem
    engine     that computed it: in the place of transfer, where that would only estimate, a more exact one that is as
               fast
    blocks     all M_ab, with their errors
    """

    law: NGramLaw | Law
    configuration: Configuration
    T: int
    engine: str
    blocks: ScoreBlocks
    parametrisation: Literal["factorised", "merged"]

    def __getitem__(self, key: tuple[Literal["M"], int, int]) -> Block:
        """M_ab as ["M", a, b]: rows are the query token at lag a, columns the key token at lag b. KeyError if none."""
        match key:
            case ("M", a, b) if (a, b) in self.blocks.blocks:
                return self.blocks[a, b]
        raise KeyError(f'{key}: blocks are ["M", a, b] with lags a, b from 0 to {self.law.n - 1}')

    @property
    def exact(self) -> bool:
        """Whether entries are Fractions; otherwise floats, off by at most `error`."""
        return self.blocks.exact

    @property
    def error(self) -> float:
        """The largest error of an entry; 0 where they are exact."""
        return 0.0 if self.exact else self.blocks.error

    @property
    def level(self) -> float | None:
        """Of confidence, where errors are half-widths of intervals; None where they are bounds or estimates."""
        return self.blocks.level

    @property
    def norms(self) -> dict[str, float] | None:
        """Norms of the gradient in the parameters, and in total; None at c = inf, where they diverge."""
        return parameter_norms(self.blocks, self.configuration, self.parametrisation)


OF_THE_LAW = ("S", "n", "alpha", "initial", "kernel")


def gradient(law: NGramLaw | Law | None = None, **settings: Any) -> PopulationGradient:
    """The population gradient at one length and scale, by any engine; shows no progress.

    law       of the data: FixedKernel, DirichletLaw, Mixture, StationaryStarts, NGramLaw, or one of your own (see the
              protocol Law); by default what S, n, alpha, initial and kernel say
    settings  as on the command line (`python -m verify.gradient --help`): k=2, n=3, T=8, q="5" (or c=1.5), S, alpha,
              engine. T is 32 by default, and c infinite. Where it is computed and shown is the command's alone

    UsageError, with the text of the command line, for settings that cannot be, and for lists of T, q or c.
    """
    if law is not None:
        doubled = [key for key in OF_THE_LAW if key in settings]
        if doubled:
            raise UsageError(f"law and {doubled[0]} are both given: the law says it")
        settings = {**settings, "S": law.S, "n": law.n}
    given = validate(GradientSettings, words_of(settings, OF_THE_COMMAND, "verify.gradient"))
    if not given.T:
        given = given.model_copy(update={"T": (32,)})
    law = law or given.any_law
    refuse_what_cannot_fit(given, law)
    configurations = given.configurations(given.T[0])
    if len(given.T) > 1 or len(configurations) > 1:
        raise UsageError("T, q and c: one of each; for lists call gradient once for each, or python -m verify.gradient")
    T, (configuration,) = given.T[0], configurations
    engine = choose_engine(law, configuration, T, name=given.engine, options=given.options)
    blocks = engine.compute(law, configuration, T, given.options)
    return PopulationGradient(law, configuration, T, engine.name, blocks, given.parametrisation)
