"""A module that somebody else wrote, asked for next-token probabilities: in double, without a trace left in it, and
refused where an answer does not depend on its sequence and its parameters alone.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.func import functional_call

from numerics.sub_ngrams.watch import Watch
from numerics.sub_ngrams.without_trace import left_as_it_was, random_numbers_left, random_states

Output = Literal["probabilities", "log_probabilities", "logits"]
Positions = Literal["last", "all"]

ROW_SUM_TOLERANCE = 1e-6  # tells probabilities from logits or counts; no verdict rests on it
SAME = 1e-10  # two answers for one sequence agree so far, relative to 1 + |log p|: rounding stays below
SMALL = 2.0**-10  # size of other parameters, at which nothing underflows, and of changes
SINGLES = 4  # sequences that are also asked for one by one
SEED = 0  # of the company in which sequences are asked for again, and of other parameters
LEAST_NORMAL = sys.float_info.min


class OwnModule:
    """The module with copies of its parameters and buffers, in float64, in place of its own; see `asking`.

    parameters  those that require a gradient, by name
    """

    def __init__(
        self,
        module: nn.Module,
        S: int,
        output: Output,
        epsilon: float,
        positions: Positions = "last",
        shortest: int = 1,
        device: torch.device | None = None,
    ) -> None:
        self.module, self.S, self.output, self.epsilon = module, S, output, epsilon
        self.positions, self.shortest = positions, shortest
        named = dict(module.named_parameters())
        free = {name: value for name, value in named.items() if value.requires_grad}
        self.device = device or next(iter(named.values())).device
        self.parameters = {name: _double(value, self.device).requires_grad_() for name, value in free.items()}
        self.frozen = {name: _double(value, self.device) for name, value in named.items() if name not in free}
        self.buffers = {name: _double(value, self.device) for name, value in module.named_buffers()}
        self.watch = Watch(free)
        self.converted = sorted({str(value.dtype) for value in named.values() if value.is_floating_point()} - _DOUBLE)
        self.generator = torch.Generator().manual_seed(SEED)

    def log_probabilities(self, x: Tensor, *, again: bool = True) -> Tensor:
        """log(p + epsilon) for every sequence and token: B x S, -inf where p = 0 whatever the parameters are; with
        positions "all" B x R x S, after the first `shortest`, ..., T tokens.

        Every sequence is asked for a second time in other company, but for again=False; ValueError if the answer is
        another there.
        """
        found = self._ask(x)
        with torch.no_grad():
            if again:
                self._require_same_elsewhere(x, found.detach())
            self._require_zero_by_construction(x, torch.isneginf(found.detach()))
        return found

    @torch.no_grad()
    def require_no_hidden_path(self, names: Iterable[str], batches: Iterable[Tensor]) -> None:
        """ValueError if an answer moves with these parameters, to which torch has found no path."""
        moved = {name: self.parameters[name] + self._noise(self.parameters[name]) for name in names}
        for x in batches if moved else ():
            if bool(_different(self._ask(x), self._ask(x, moved)).any()):
                raise ValueError(
                    f"the output changes with {', '.join(moved)}, and torch finds no gradient path to it: no_grad, "
                    "detach, .data, .item() or numpy inside the module hide it"
                )

    def at(self, x: Tensor, others: Mapping[str, Tensor]) -> Tensor:
        """log(p + epsilon) with others in the place of some parameters, where p need not sum to 1 any more."""
        return self._ask(x, others, checked=False)

    def _ask(self, x: Tensor, others: Mapping[str, Tensor] | None = None, *, checked: bool = True) -> Tensor:
        """log(p + epsilon) at these parameters, or with others in the place of some."""
        values = self.parameters | self.frozen | self.buffers | dict(others or {})
        before = random_states(self.device)
        try:
            answer = functional_call(self.module, values, (x.clone(),))
        except RuntimeError as error:
            if not self.converted:
                raise
            raise ValueError(
                f"the module has parameters in {', '.join(self.converted)} and does not run in float64, in which the "
                f"gradient is computed: {error}"
            ) from error
        if any(not torch.equal(a, b) for a, b in zip(before, random_states(self.device), strict=True)):
            raise ValueError("the module draws random numbers: module.eval() turns dropout off")
        answer = self._checked_shape(answer, x)
        if checked:
            self._require_kind(self._picked(answer.detach()))
        log_p = self._log(answer)
        return torch.logaddexp(log_p, log_p.new_tensor(math.log(self.epsilon))) if self.epsilon else log_p

    def _checked_shape(self, answer: object, x: Tensor) -> Tensor:
        (B, T), S = x.shape, self.S
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        wide = f"{B} x {T} x {S} tensor"
        due = {"last": f"{B} x {S} tensor, or a {wide}", "all": wide}[self.positions]
        if not isinstance(answer, Tensor) or shape not in ([(B, T, S)] + [(B, S)] * (self.positions == "last")):
            raise ValueError(f"the module returns {shape} for {B} sequences: must be a {due}")
        if answer.dtype != torch.float64:
            raise ValueError(f"the module returns {answer.dtype}: must be float64")
        return answer

    def _picked(self, answer: Tensor) -> Tensor:
        """The positions that are asked for."""
        if answer.dim() == 2:
            return answer
        return answer[:, -1] if self.positions == "last" else answer[:, self.shortest - 1 :]

    def _require_kind(self, values: Tensor) -> None:
        """ValueError unless these numbers are what `output` says."""
        if self.output == "logits":
            if not bool(((values < math.inf).all(-1) & (values > -math.inf).any(-1)).all()):
                raise ValueError("the module returns inf or NaN, or a row of -inf: logits must be below inf")
        elif self.output == "log_probabilities":
            if not bool((values.logsumexp(-1).abs() <= ROW_SUM_TOLERANCE).all()):
                raise ValueError("the module returns rows that do not sum to 1 after exp: must be log-probabilities")
        elif not bool((torch.isfinite(values) & (values >= 0)).all()):
            raise ValueError(
                "the module returns negative or non-finite numbers: must be probabilities, not logits (output='logits')"
            )
        elif not bool(((values.sum(-1) - 1).abs() <= ROW_SUM_TOLERANCE).all()):
            raise ValueError("the module returns rows that do not sum to 1: must be probabilities")

    def _log(self, answer: Tensor) -> Tensor:
        """Of the probabilities, at the positions that are asked for."""
        if self.output == "logits":
            return torch.log_softmax(self._picked(answer), -1)
        if self.output == "log_probabilities":
            return self._picked(answer).clone()
        log_p = self.watch.log_of(answer)
        return self._log_of_probabilities(self._picked(answer)) if log_p is None else self._picked(log_p)

    def _log_of_probabilities(self, p: Tensor) -> Tensor:
        vanishing = p.detach() < LEAST_NORMAL
        if not self.epsilon and bool((vanishing & (p.detach() > 0)).any()):
            raise ValueError(f"the module returns probabilities below {LEAST_NORMAL:.3g}: {UNDERFLOW}")
        return p.masked_fill(vanishing, 1.0).log().masked_fill(vanishing, -math.inf)

    def _require_same_elsewhere(self, x: Tensor, found: Tensor) -> None:
        for rows, answers in self._in_other_company(x):
            different = rows[_different(answers, found[rows])]
            if len(different):
                again = bool(_different(self._ask(x), found).any())
                raise ValueError(
                    f"the module answers differently for the sequence {x[different[0]].tolist()} "
                    f"{'when asked again' if again else 'beside other sequences'}: must take each sequence by itself "
                    "(module.eval() turns off dropout and statistics of the batch)"
                )

    def _in_other_company(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows of x and the answers for them: in two smaller batches, in another order, between two strangers; the
        first few also alone."""
        before, after = torch.randint(self.S, (2, 1, x.shape[1]), generator=self.generator).to(x.device)
        order = torch.randperm(len(x), generator=self.generator).to(x.device)
        for rows in torch.split(order, len(x) // 2 + 1):
            yield rows, self._ask(torch.cat([before, x[rows], after]))[1:-1]
        for row in torch.split(order[:SINGLES], 1):
            try:
                yield row, self._ask(x[row])
            except (RuntimeError, ValueError, IndexError) as error:
                raise ValueError(f"the module does not answer for one sequence by itself: {error}") from error

    def _require_zero_by_construction(self, x: Tensor, zero: Tensor) -> None:
        """ValueError where p = 0, but not at other parameters, small and of the same signs, without underflow."""
        rows = zero.flatten(1).any(1).nonzero().flatten()
        if not len(rows):
            return
        small = {
            name: torch.copysign(self._noise(value), value)
            for name, value in (self.parameters | self.frozen).items()
            if value.is_floating_point()
        }
        self.watch.underflows = False
        try:
            positive = (zero[rows] & ~torch.isneginf(self._ask(x[rows], small))).nonzero()
        except ValueError as error:
            raise ValueError(f"whether p = 0 at all parameters cannot be told: at small ones {error}") from error
        self.watch.underflows = True
        if len(positive):
            i, *_, s = positive[0].tolist()
            raise ValueError(
                f"the module returns p = 0 for token {s} after {x[rows[i]].tolist()}, but not at other parameters, or "
                f"without underflow: {UNDERFLOW}"
            )

    def _noise(self, value: Tensor) -> Tensor:
        drawn = torch.randn(value.shape, generator=self.generator, dtype=torch.float64)
        return SMALL * drawn.to(value.device)


UNDERFLOW = (
    "underflow or rounding has taken its logarithm; let the module return log-probabilities or logits, and say "
    "output='log_probabilities' or output='logits'"
)
_DOUBLE = {"torch.float64"}


@contextmanager
def asking(
    module: nn.Module,
    S: int,
    output: Output,
    epsilon: float,
    *,
    positions: Positions = "last",
    shortest: int = 1,
    device: torch.device | None = None,
) -> Iterator[OwnModule]:
    """The module ready to be asked, whatever modes of torch the caller is in; it is left as it was.

    positions  "last": it is asked for the token after the whole sequence, and answers B x S (or B x T x S, of which the
               last position counts); "all": also after its first `shortest`, ..., T-1 tokens, and answers B x T x S
    device     where the copies of its parameters are; by default where they are themselves

    Raises ValueError for a module that cannot be asked so, and for arguments out of range.
    """
    if output not in get_args(Output):
        raise ValueError(f"output={output!r}: one of {', '.join(get_args(Output))}")
    if positions not in get_args(Positions):
        raise ValueError(f"positions={positions!r}: one of {', '.join(get_args(Positions))}")
    number = isinstance(epsilon, int | float) and not isinstance(epsilon, bool)
    if not number or not (epsilon == 0 or LEAST_NORMAL <= epsilon < math.inf):
        raise ValueError(f"epsilon={epsilon!r}: 0, or a number from {LEAST_NORMAL:.3g} up")
    _require_module(module)
    with torch.inference_mode(False), left_as_it_was(module):
        own = OwnModule(module, S, output, epsilon, positions, shortest, device)
        with random_numbers_left(own.device), own.watch:
            yield own


def _require_module(module: nn.Module) -> None:
    if not isinstance(module, nn.Module) or isinstance(module, torch.jit.ScriptModule):
        raise ValueError(f"the module is a {type(module).__name__}: must be a torch.nn.Module, and none of torch.jit")
    parameters = dict(module.named_parameters())
    if not parameters:
        raise ValueError("the module has no parameters")
    for name, value in parameters.items():
        if isinstance(value, nn.UninitializedParameter) or value.device.type == "meta":
            raise ValueError(f"parameter {name!r} has no values yet")
        if value.is_complex():
            raise ValueError(f"parameter {name!r} is complex: must be real")


def _double(value: Tensor, device: torch.device) -> Tensor:
    """A copy, in float64 if it is real."""
    return value.detach().to(device, torch.float64 if value.is_floating_point() else value.dtype, copy=True)


def _different(a: Tensor, b: Tensor) -> Tensor:
    """Which rows differ by more than rounding: B."""
    return ~((a == b) | ((a - b).abs() <= SAME * (1 + b.abs()))).flatten(1).all(1)
