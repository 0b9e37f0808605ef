"""Numbers that a lemma is called with, which write down what it does with them.

A run of the lemma leaves a straight program: steps, each from earlier ones, and comparisons of two of them. What its
numbers know of themselves is their `World`: nothing at all for symbols (None), else exact or enclosed values. Whatever
a number cannot answer without knowing more ends the run, and stays the reason: an exception that the lemma swallows
changes nothing (`Recording.ended`).
"""

from __future__ import annotations

import numbers
import operator
import sys
import time
from collections.abc import Callable
from contextvars import ContextVar
from fractions import Fraction
from functools import partial
from types import FrameType
from typing import Any, NoReturn, Protocol

import numpy as np

MOST_STEPS = 100_000
MOST_POWER = 10_000  # exponents beyond are typing errors
OPERATORS = ("+", "-", "*", "/")
NEUTRAL = {name: ("rational", Fraction(int(name in "*/"))) for name in OPERATORS}  # x + 0 = x, x * 1 = x
FUNCTIONS = ("exp", "log", "sqrt")
SEVERAL = "several comparisons are returned as a list, or joined by &"
IN_FRACTIONS = (
    "forward",
    "reverse",
    "__eq__",
    "_richcmp",
    "__pow__",
)  # where Fraction asks for the kind of its partner

Step = tuple[Any, ...]  # ("entry", argument, i), ("rational", x), (operator, i, j), ("^", i, n), (function, i)
Relation = tuple[str, int, int]


class AttemptEndedError(BaseException):
    """What was asked of a number it cannot tell. Not an Exception, so that nothing that handles errors takes it."""


class PrecisionError(BaseException):
    """Balls overlap: more bits would tell. Not an Exception, so that a lemma does not handle it."""


class UndefinedError(ZeroDivisionError):
    """Here the lemma says nothing: a division by 0, the logarithm of a negative number."""


class World(Protocol):
    """What the numbers of a run know."""

    exact: bool

    def constant(self, x: Fraction) -> Any: ...
    def operate(self, name: str, a: Any, b: Any) -> Any: ...
    def apply(self, name: str, a: Any) -> Any: ...
    def decide(self, relation: str, a: Any, b: Any) -> bool: ...


# The run that is going on: functions of plain numbers that have no rational value belong to it.
CURRENT: ContextVar[Recording | None] = ContextVar("run", default=None)


class Recording:
    """One run: `steps`, in the order in which they were made, each once; and why it ended early, if it did.

    branches  comparisons that the lemma has asked for on its way, and the answers
    peeked    whether it has asked its numbers for anything else
    world     what the numbers know; None: nothing
    deadline  on time.monotonic, after which the next step ends the run
    imprecise whether balls have overlapped where an answer was needed
    """

    def __init__(self, world: World | None = None, deadline: float = float("inf")) -> None:
        self.world, self.deadline, self.ended = world, deadline, ""
        self.steps, self.values, self.places = list[Step](), list[Any](), dict[Step, int]()
        self.comparisons, self.branches = 0, list[tuple[Relation, bool]]()
        self.peeked = self.imprecise = False

    def end(self, reason: str) -> NoReturn:
        self.ended = self.ended or reason
        raise AttemptEndedError(reason)

    def entry(self, argument: str, i: int, value: Any = None) -> Number:
        """The i-th number of an argument."""
        return self._add(("entry", argument, i), lambda: value)

    def constant(self, x: Fraction) -> Number:
        return self._add(("rational", x), lambda: self.world and self.world.constant(x))

    def operate(self, name: str, a: Any, b: Any) -> Any:
        left, right = self.read(a), self.read(b)
        if left is None or right is None:
            return NotImplemented
        if name == "/" and self.steps[right] == ("rational", Fraction(0)):
            raise UndefinedError("division by 0")
        if self.steps[right] == NEUTRAL[name]:
            return Number(self, left)
        if name in "+*" and self.steps[left] == NEUTRAL[name]:
            return Number(self, right)
        world = self.world
        return self._add(
            (name, left, right), lambda: world and world.operate(name, self.values[left], self.values[right])
        )

    def power(self, a: Number, exponent: Any) -> Any:
        if type(exponent) in (Number, Statement, bool) or not isinstance(exponent, numbers.Integral):
            self.end(f"has an exponent that is no whole number ({_kind(exponent)}); lv.math has sqrt and exp")
        n, place, world = int(exponent), self.read(a), self.world
        assert place is not None, "a number"
        if abs(n) > MOST_POWER:
            self.end(f"has an exponent beyond {MOST_POWER}")
        if n < 0:
            return self.operate("/", 1, self.power(a, -n))
        if n < 2:
            return a if n else self.constant(Fraction(1))
        return self._add(("^", place, n), lambda: world and world.operate("^", self.values[place], n))

    def apply(self, name: str, a: Number) -> Number:
        place, world = self.read(a), self.world
        assert place is not None, "a number"
        return self._add((name, place), lambda: world and world.apply(name, self.values[place]))

    def compare(self, relation: str, a: Any, b: Any) -> Any:
        left, right = self.read(a), self.read(b)
        if left is None or right is None:
            return NotImplemented
        self.comparisons += 1
        return Statement(self, ((relation, left, right),))

    def read(self, x: Any) -> int | None:
        """Where a number stands in this run; None for arrays, which take it from here."""
        kind = type(x)
        if kind is Number:
            if x._run is not self:
                self.end("computes with a number that it has kept from an earlier run")
            return int(x._place)
        if kind is int or kind is Fraction:
            return int(self.constant(Fraction(x))._place)
        if kind is Statement or isinstance(x, bool | np.bool_):
            self.end("computes with a comparison as with a number")
        if isinstance(x, numbers.Integral):  # numpy's
            return self.read(int(x))
        if isinstance(x, float | np.floating):
            self.end(f"mixes numbers with the float {x!r}; a Fraction is exact")
        if isinstance(x, np.ndarray):
            return None
        return self.end(f"mixes numbers with {_kind(x)}")

    def holds(self, relation: Relation) -> bool:
        name, i, j = relation
        assert self.world is not None, "numbers with values"
        return self.world.decide(name, self.values[i], self.values[j])

    def peek(self, place: int, what: str) -> Fraction:
        """The exact value; the run ends where there is none."""
        if self.world is None:
            self.end(f"asks a symbol for {what}")
        if not self.world.exact:
            self.end(f"asks an enclosed number for {what}")
        self.peeked = True
        value: Fraction = self.values[place]
        return value

    def noted(self, work: Callable[[], Any]) -> Any:
        """What it returns. That it has ended the run, or needs more bits, is kept even if the lemma handles it."""
        try:
            return work()
        except AttemptEndedError as ended:
            self.ended = self.ended or str(ended)
            raise
        except PrecisionError:
            self.imprecise = True
            raise

    def _add(self, step: Step, value: Callable[[], Any]) -> Number:
        if self.ended:
            raise AttemptEndedError(self.ended)
        place = self.places.get(step)
        if place is None:
            if len(self.steps) >= MOST_STEPS:
                self.end(f"takes more than {MOST_STEPS} steps")
            if time.monotonic() > self.deadline:
                self.end("takes longer than its share of the time")
            known = self.noted(value)
            place = self.places[step] = len(self.steps)
            self.steps.append(step)
            self.values.append(known)
        return Number(self, place)


def _kind(x: Any) -> str:
    return "a symbol" if type(x) is Number else f"a {type(x).__name__}"


def _forward(name: str) -> Callable[[Number, Any], Any]:
    return lambda self, other: self._run.operate(name, self, other)


def _reverse(name: str) -> Callable[[Number, Any], Any]:
    return lambda self, other: self._run.operate(name, other, self)


def _relation(name: str) -> Callable[[Number, Any], Any]:
    return lambda self, other: self._run.compare(name, self, other)


def _peek(what: str, read: Callable[[Fraction], Any]) -> Callable[[Number], Any]:
    return lambda self: read(self._run.peek(self._place, what))


def _step_down(name: str, function: Callable[[Fraction, Any], Any]) -> Callable[[Number, Any], Any]:
    def method(self: Number, other: Any) -> Any:
        second = self._run.read(other)
        assert second is not None, "no array"
        found = function(self._run.peek(self._place, name), self._run.peek(second, name))
        return self._run.constant(Fraction(found))

    return method


class Number:
    """An element of the run: it has the four operations and whole powers, and no more than a Fraction has."""

    __slots__ = ("_place", "_run")

    def __init__(self, run: Recording, place: int) -> None:
        self._run, self._place = run, place

    __add__, __radd__ = _forward("+"), _reverse("+")
    __sub__, __rsub__ = _forward("-"), _reverse("-")
    __mul__, __rmul__ = _forward("*"), _reverse("*")
    __truediv__, __rtruediv__ = _forward("/"), _reverse("/")
    __eq__, __ne__ = _relation("=="), _relation("!=")  # a statement, no truth value
    __lt__, __le__, __gt__, __ge__ = _relation("<"), _relation("<="), _relation(">"), _relation(">=")

    def __pow__(self, exponent: Any) -> Any:
        return self._run.power(self, exponent)

    def __rpow__(self, base: Any) -> NoReturn:
        self._run.end("has a number of its own in an exponent; lv.math has exp")

    def __neg__(self) -> Any:
        return self._run.operate("-", 0, self)

    def __pos__(self) -> Number:
        return self

    # --- by these names numpy calls them, as in np.exp(x) ---

    def exp(self) -> Number:
        return self._run.apply("exp", self)

    def log(self) -> Number:
        return self._run.apply("log", self)

    def sqrt(self) -> Number:
        return self._run.apply("sqrt", self)

    # --- what needs a value ---

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __abs__(self) -> Any:
        return self if self >= 0 else -self

    def __float__(self) -> float:
        self._run.end("turns a number into a float")

    def __complex__(self) -> complex:
        self._run.end("turns a number into a complex one")

    __int__ = __trunc__ = _peek("its whole part", int)
    __floor__, __ceil__ = _peek("its floor", lambda x: x.__floor__()), _peek("its ceiling", lambda x: x.__ceil__())
    __hash__ = _peek("its hash", hash)  # a set or dictionary needs the value
    __str__ = __repr__ = _peek("its text", str)
    __mod__, __floordiv__ = _step_down("%", operator.mod), _step_down("//", operator.floordiv)

    def __index__(self) -> int:
        return operator.index(self._run.peek(self._place, "a whole number"))  # type: ignore[arg-type]  # TypeError, as for any Fraction

    def __round__(self, digits: int | None = None) -> Any:
        return round(self._run.peek(self._place, "its rounded value"), digits)

    def __format__(self, how: str) -> str:
        return format(self._run.peek(self._place, "its text"), how)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def _reversed(self, *others: Any) -> NoReturn:
        self._run.end("takes a remainder by a number of its own")

    __rmod__ = __rfloordiv__ = __rdivmod__ = _reversed

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what libraries ask of everything
            raise AttributeError(name)
        return getattr(self._run.peek(self._place, f".{name}"), name)

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> type:
        caller: FrameType | None = sys._getframe(1)
        while caller is not None and caller.f_globals.get("__name__") == "abc":
            caller = caller.f_back
        inside = caller is not None and caller.f_globals.get("__name__") == "fractions"
        if inside and caller is not None and caller.f_code.co_name in IN_FRACTIONS:
            return Number
        self._run.peek(self._place, "its type")
        return Fraction

    def __copy__(self) -> Number:
        return self

    def __deepcopy__(self, memo: Any) -> Number:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        self._run.end("stores a number")


def _truth(function: Callable[..., Any]) -> Any:
    """What the function makes of a truth value. The run ends where there is none."""

    def method(self: Statement, *others: Any) -> Any:
        if self._run.world is None:
            self._run.end("computes with a comparison as with a truth value")
        return function(bool(self), *(bool(x) if type(x) is Statement else x for x in others))

    return method


class Statement:
    """One comparison, or several that are all said to hold. Decided once, by whoever made the run."""

    __slots__ = ("_relations", "_run")

    def __init__(self, run: Recording, relations: tuple[Relation, ...]) -> None:
        self._run, self._relations = run, relations

    def __bool__(self) -> bool:
        run = self._run
        if run.world is None:
            run.end(f"branches on a comparison of symbols (if, and, or, not, in, max, sorted, all); {SEVERAL}")
        for relation in self._relations:
            answer = run.noted(partial(run.holds, relation))
            run.branches.append((relation, answer))
            if not answer:
                return False
        return True

    def __and__(self, other: Any) -> Any:
        if type(other) is Statement:
            if other._run is not self._run:
                self._run.end("returns a comparison that it has kept from an earlier run")
            return Statement(self._run, self._relations + other._relations)
        if self._run.world is None:
            self._run.end(f"joins a comparison with {_kind(other)}")
        return self if other else bool(other)

    __rand__ = __and__

    def _used(self, *others: Any) -> NoReturn:
        self._run.end("computes with a comparison as with a number")

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> type:
        self._run.end("asks a comparison for its type")

    __eq__, __ne__, __or__, __xor__ = (
        _truth(operator.eq),
        _truth(operator.ne),
        _truth(operator.or_),
        _truth(operator.xor),
    )
    __lt__, __le__, __gt__, __ge__ = _truth(operator.lt), _truth(operator.le), _truth(operator.gt), _truth(operator.ge)
    __add__, __mul__, __hash__ = _truth(operator.add), _truth(operator.mul), _truth(hash)
    __int__, __index__ = _truth(int), _truth(operator.index)
    __ror__, __rxor__, __radd__, __rmul__ = __or__, __xor__, __add__, __mul__
    __invert__ = __sub__ = __rsub__ = __float__ = __str__ = __repr__ = _used


def relations_of(statement: Statement) -> tuple[Relation, ...]:
    return statement._relations


def statements(returned: Any, run: Recording) -> list[Statement | bool]:
    """What a lemma says that has returned this: comparisons, or truth values where numbers have them.

    Lists and arrays of them say all that is in them. The run ends for anything else, and where nothing is compared.
    """
    found, rest = list[Statement | bool](), [returned]
    while rest:
        item = rest.pop()
        if type(item) is Statement:
            if item._run is not run:
                run.end("returns a comparison that it has kept from an earlier run")
            found.append(item)
        elif type(item) is Number:
            run.end("returns a number: a lemma returns a comparison")
        elif isinstance(item, list | tuple | np.ndarray):
            rest += list(item.flat if isinstance(item, np.ndarray) else item)[::-1]
        elif isinstance(item, bool | np.bool_):
            if run.world is None:
                run.end(f"returns {bool(item)} without having compared symbols; {SEVERAL}")
            found.append(bool(item))
        else:
            run.end(f"returns {_kind(item) if item is not None else 'nothing'}: a lemma returns a comparison")
    if not found:
        run.end("returns no comparison")
    return found
