"""What is probed: a module at each length, and a law; as workers find them again, and as they are told apart."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import KNOWN, Mixture, StationaryStarts
from verify.by_path import imported
from verify.papers.sub_ngrams.gradient.shards import described
from verify.printing import named, shown
from verify.settings import UsageError

if TYPE_CHECKING:
    from torch import nn

    from numerics.sub_ngrams.own_module import Output, OwnModule, Positions
    from proofs.sub_ngrams.laws import Law

MESSAGE = 400  # characters of what is wrong with a module
BATCH_TOKENS, BATCH_WORK = 2**13, 2**28  # of a batch: tokens, and tokens times parameters; what the module remembers
#                                          of them is most of the memory
PROBES = 16  # sequences whose losses tell modules apart, and laws
SEED = 0  # of these


@dataclass(frozen=True)
class InFile:
    """What stands in a file under a name: "FILE.py:NAME". Every process reads the file itself."""

    file: str
    name: str

    @staticmethod
    def read(key: str, text: str) -> InFile:
        """UsageError unless there is such a file, which holds this name."""
        file, colon, name = text.rpartition(":")
        if not colon or not file or not name.isidentifier():
            raise UsageError(f"{key}={shown(text)}: {key} must be FILE.py:NAME")
        place = InFile(file, name)
        place.get(key)
        return place

    def get(self, key: str) -> Any:
        try:
            module = _module(self.file, Path(self.file).read_bytes())
        except Exception as error:
            raise UsageError(f"{key}={shown(str(self))}: {named(error, MESSAGE)}") from error
        if not hasattr(module, self.name):
            raise UsageError(f"{key}={shown(str(self))}: the file has no {shown(self.name)}")
        return getattr(module, self.name)

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


@cache
def _module(file: str, content: bytes) -> Any:
    """The module; once, as long as the file stays the same."""
    return imported(Path(file))


@dataclass(frozen=True)
class Look:
    """What is seen of a module and a law at one length.

    fingerprint  tells apart modules and laws that are not the same there: by all parameters and buffers, and the losses
                 of some sequences
    shapes       of the parameters that require a gradient, by name
    S            the size of the vocabulary
    """

    fingerprint: str
    shapes: Mapping[str, tuple[int, ...]]
    S: int


@dataclass(frozen=True)
class Problem:
    """A module for each length, a law, and how the module is asked.

    build  T -> the module, or the same for every T; itself, or where it stands
    law    itself, or where it stands: a law, or a function without arguments that makes one
    batch  sequences that the module gets at a time; by default a number of tokens decides
    """

    build: Callable[[int], nn.Module] | InFile
    law: NGramLaw | Law | InFile
    returns: Output = "probabilities"
    positions: Positions = "last"
    epsilon: float = 0.0
    batch: int | None = None
    device: str = "cpu"

    @property
    def the_law(self) -> NGramLaw | Law:
        if not isinstance(self.law, InFile):
            return self.law
        found: Any = self.law.get("law_from")
        made: Any = found() if inspect.isroutine(found) or inspect.isclass(found) else found
        law: NGramLaw | Law = made
        return law

    def batch_at(self, T: int, parameters: int) -> int:
        """Sequences that the module gets at a time."""
        return self.batch or max(1, min(BATCH_TOKENS, BATCH_WORK // (parameters + 1)) // T)

    @contextmanager
    def asking(self, T: int) -> Iterator[tuple[OwnModule, NGramLaw | Law]]:
        """The module at this length ready to be asked. UsageError, in one line, for whatever goes wrong in it."""
        import torch

        from numerics.sub_ngrams.own_law import shortest
        from numerics.sub_ngrams.own_module import asking
        from numerics.sub_ngrams.probe import differentiable_twice

        try:
            law = self.the_law
            build = self.build.get("model") if isinstance(self.build, InFile) else self.build
            with (
                asking(
                    build(T),
                    law.S,
                    self.returns,
                    self.epsilon,
                    positions=self.positions,
                    shortest=shortest(law),
                    device=torch.device(self.device),
                ) as own,
                differentiable_twice(),
            ):
                yield own, law
        except UsageError:
            raise
        except ValueError as error:
            raise UsageError(f"T={T}: {shown(str(error).replace('output=', 'returns='), MESSAGE)}") from error
        except Exception as error:
            raise UsageError(f"T={T}: the module fails: {named(error, MESSAGE)}") from error

    def look(self, T: int) -> Look:
        """At the module and the law at this length. UsageError, see `asking`."""
        import torch

        from numerics.sub_ngrams.own_law import chosen
        from numerics.sub_ngrams.population_gradient import losses

        with self.asking(T) as (own, law):
            if law.n > T:
                raise UsageError(f"T={T}: sequences have at least n={law.n} tokens")
            whole = hashlib.sha256(repr((law.S, law.n, T)).encode())
            for name, value in [*own.parameters.items(), *own.frozen.items(), *own.buffers.items()]:
                whole.update(f"{name} {tuple(value.shape)} {value.dtype} {value.requires_grad}".encode())
                whole.update(value.detach().cpu().contiguous().numpy().tobytes())
            generator = torch.Generator().manual_seed(SEED)
            x = torch.randint(law.S, (PROBES, T), generator=generator).to(own.device)
            with own.watch.pause():
                batch = chosen(law, x, own.positions)
            each = [losses(own, batch.x, batch.P)[0]] if len(batch.x) else []
            for tensor in (batch.x, batch.P, *each):
                whole.update(tensor.detach().cpu().contiguous().numpy().tobytes())
            for place in (self.build, self.law):
                if isinstance(place, InFile):
                    whole.update(Path(place.file).read_bytes())
            if type(law) not in (NGramLaw, StationaryStarts):
                whole.update(repr([str(law.probability(word)) for word in x.tolist()]).encode())
            shapes = {name: tuple(value.shape) for name, value in own.parameters.items()}
        if not shapes:
            raise UsageError(f"T={T}: no parameter of the module requires a gradient")
        return Look(whole.hexdigest(), shapes, law.S)

    @property
    def key(self) -> dict[str, Any]:
        """Of results, beside the fingerprint."""
        law = self.law
        known = type(law) in (*KNOWN, Mixture, StationaryStarts)  # others, by the fingerprint alone
        own = {"law": described(law)} if known and not isinstance(law, InFile) else {}
        asked = {"returns": self.returns, "positions": self.positions, "epsilon": self.epsilon, "batch": self.batch}
        return own | asked | {"device": self.device}
