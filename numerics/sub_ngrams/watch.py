"""What a module computes, operation by operation: nothing in single precision, and the logarithm of what it returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

DOUBLE = (torch.float64, torch.complex128)
ABOVE_ZERO = 2.0**-200  # in the place of a number that underflowed; its square does not underflow
_WITH_A_LOGARITHM = {torch.ops.aten._softmax.default, torch.ops.aten.exp.default}
_EXPONENTIALS = {
    torch.ops.aten.exp.default,
    torch.ops.aten.exp_.default,
    torch.ops.aten.sigmoid.default,
    torch.ops.aten.sigmoid_.default,
    torch.ops.aten._softmax.default,
}


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch
    """While it is entered, every operation of torch, forward and backward, passes through here.

    Raises ValueError, naming the operation, when it takes a number in single precision or half, or rounds one to it.
    Whole numbers are as good as integers there: masks, positions and counts by `torch.ones` or `.float()`.

    originals    tensors that no operation may take, with their names: the module is run with others in their place
    underflows   switched off, exponentials of finite numbers that come out as 0 are set to `ABOVE_ZERO`
    """

    underflows = True
    paused = False

    def __init__(self, originals: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch
        self._names = {id(tensor): name for name, tensor in originals.items()}
        self._last: tuple[Any, Tensor, tuple[Any, ...], tuple[int, int]] | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch loads its compiler, for seconds

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if self.paused:
            return func(*args, **(kwargs or {}))
        given = list(_tensors([args, kwargs]))
        for tensor in given:
            if id(tensor) in self._names:
                raise ValueError(
                    f"the module computes with its parameter {self._names[id(tensor)]!r} by another way than the "
                    "attribute (a list, a closure), so that its gradient cannot be told"
                )
            if _is_single(tensor) and not _whole(tensor):
                raise ValueError(_single(func, tensor))
        raised = args[0].isfinite() if func in _EXPONENTIALS and not self.underflows else None
        result = func(*args, **(kwargs or {}))
        if raised is not None:
            result.masked_fill_(raised & (result == 0), ABOVE_ZERO)
        for tensor in _tensors(result):
            if _is_single(tensor) and str(func).startswith(("aten.empty", "aten.new_empty")):
                tensor.zero_()  # what memory happens to hold is no number that was computed
            elif _is_single(tensor) and not all(map(_whole, given)):
                raise ValueError(_single(func, tensor))  # a double that is rounded may come out whole
        if func in _WITH_A_LOGARITHM and not result.is_inference():
            self._last = func, result, args, (result._version, args[0]._version)
        return result

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Within, operations are not the module's: nothing is looked at."""
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def log_of(self, p: Tensor) -> Tensor | None:
        """log p without a detour over p, where p (B x S) is what the last softmax or exp gave; None where it is not.

        There p may have underflowed, and its logarithm has not.
        """
        if self._last is None or self._last[1] is not p:
            return None
        func, _, (z, *dim), versions = self._last
        softmax = func is torch.ops.aten._softmax.default
        if versions != (p._version, z._version):  # changed in place since
            return None
        log_p: Tensor = torch.log_softmax(z, dim[0]) if softmax else z
        return log_p


def _is_single(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and tensor.dtype not in DOUBLE


def _whole(tensor: Tensor) -> bool:
    """Whether all entries are whole numbers below those that the type rounds, or infinite."""
    if not tensor.is_floating_point():
        return not tensor.is_complex()
    x, most = tensor.detach().double(), 2 / torch.finfo(tensor.dtype).eps
    return bool(((x.round() == x) & ((x.abs() < most) | x.isinf())).all())


def _single(func: Any, tensor: Tensor) -> str:
    precision = str(tensor.dtype).removeprefix("torch.")
    return (
        f"the module computes in {precision} ({func}): must be float64 throughout (dtype=torch.float64 where it makes "
        "tensors, no .float())"
    )


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from _tensors(part)
    elif isinstance(tree, dict):
        yield from _tensors(list(tree.values()))
