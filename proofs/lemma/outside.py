"""What a lemma finds outside of itself, and whether a run of it changes that: globals, defaults, variables of functions
around it, attributes of classes, objects and functions. It may answer by how often it was called, then.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from fractions import Fraction
from types import FrameType, FunctionType, ModuleType, NoneType
from typing import Any

import numpy as np

MOST = 100_000  # values that are looked at
PLAIN = (int, bool, float, complex, str, bytes, NoneType, Fraction, np.generic)
SEQUENCES = (list, tuple, set, frozenset, deque)
HOLDERS = (list, set, dict, deque)
GENERATORS = (np.random.Generator, np.random.RandomState)
LIBRARIES = ("numpy", "proofs", "verify", "numerics", "landscape_verifier", *sys.stdlib_module_names)


class HiddenError(Exception):
    """A state out of sight, as iterators and generators of random numbers have, or too much to look at."""


def outside(frame: FrameType) -> list[Any]:
    """What a function that begins to run may read, and is not its own."""
    code, inside = frame.f_code, frame.f_locals
    found = [frame.f_globals[name] for name in code.co_names if name in frame.f_globals]
    found += [inside[name] for name in code.co_freevars if name in inside]
    if any(_is(x, HOLDERS) or _is_own(type(x)) or hasattr(type(x), "__next__") for x in inside.values()):
        for function in gc.get_referrers(code):
            if type(function) is FunctionType:
                found += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return found


class Picture:
    """Of values and all that they hold, to compare with another one later. HiddenError where there is none."""

    def __init__(self) -> None:
        self.left = MOST

    def of(self, x: Any, above: tuple[int, ...] = ()) -> Any:
        self.left -= 1
        kind, within = type(x), (*above, id(x))
        if self.left < 0 or hasattr(kind, "__next__") or issubclass(kind, GENERATORS):
            raise HiddenError
        if issubclass(kind, PLAIN):
            return kind, repr(x)
        if id(x) in above:
            return id(x)
        if issubclass(kind, SEQUENCES):
            return kind, [self.of(y, within) for y in x]
        if issubclass(kind, dict):
            return kind, [(self.of(key, within), self.of(y, within)) for key, y in x.items()]
        if issubclass(kind, np.ndarray):
            return kind, x.shape, self.of(list(x.flat), within) if x.dtype == object else x.tobytes()
        if issubclass(kind, ModuleType):
            return id(x), [(name, id(y)) for name, y in vars(x).items()]
        return id(x), [(name, self.of(y, within)) for name, y in attributes(x)]


def attributes(x: Any) -> list[tuple[str, Any]]:
    """Of an object, a class or a function of somebody's own; none of what libraries have made."""
    kind = type(x)
    if not (kind is FunctionType or _is_own(x if issubclass(kind, type) else kind)):
        return []
    slots = [name for base in kind.__mro__ for name in vars(base).get("__slots__", ())]
    known = [(name, y) for name, y in getattr(x, "__dict__", {}).items() if not name.startswith("__")]
    return known + [(name, getattr(x, name)) for name in slots if name != "__dict__" and hasattr(x, name)]


def _is(x: Any, kinds: tuple[type, ...]) -> bool:
    """By its type alone: numbers of a run do not say what they are."""
    return issubclass(type(x), kinds)


def _is_own(kind: type) -> bool:
    return str(kind.__module__).partition(".")[0] not in LIBRARIES
