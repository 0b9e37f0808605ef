"""Evidence at drawn points: exact fractions, or balls that certainly hold the numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from proofs.lemma.recording import PrecisionError, Recording
from proofs.lemma.worlds import Balls, Fractions
from verify.lemma.draws import search
from verify.lemma.runs import Lemma, MissedError, Point, Program, at_point, plainly, recorded, relations_in

PRECISIONS = (64, 128, 256, 512)  # bits, one after the other
FAR = 4  # a point in so many is drawn from very large and very small numbers
FAILS_TWICE = 1024  # bits, at which a counterexample in balls is looked at again


@dataclass
class Drawn:
    """What came of the points.

    holds      where the lemma holds, each once
    within     of these: where balls could tell equal sides apart up to the tolerance alone
    undefined  how many points the lemma says nothing at
    open       how many points balls do not decide
    failing    a point at which it fails, as simple as could be found, or None
    """

    holds: list[Point] = field(default_factory=list)
    within: int = 0
    undefined: int = 0
    open: int = 0
    compared: bool = False
    failing: Point | None = None


def exactly(lemma: Lemma, *, count: int, seed: int, seconds: float) -> Drawn:
    """The lemma at drawn points, with fractions that write down what is done to them and with plain ones.

    MissedError where it leaves the fractions, or where the two do not agree.
    """
    drawn = Drawn()

    def fails(point: Point) -> bool:
        try:
            holds, run = at_point(lemma, Fractions(), point)
            again = plainly(lemma, point)
        except ZeroDivisionError:
            drawn.undefined += 1
            return False
        if holds is not again:
            raise MissedError("the lemma does not do the same with every kind of fractions, or not each time")
        return _noted(drawn, point, holds, run)

    drawn.failing = search(lemma.domains, fails, count=count, seed=seed, seconds=seconds)
    if drawn.failing is None:
        few, soon = -(-count // FAR), seconds / FAR
        drawn.failing = search(lemma.domains, fails, count=few, seed=seed, seconds=soon, far=True)
    return drawn


def enclosed(lemma: Lemma, *, count: int, seed: int, seconds: float) -> Drawn:
    """The lemma at drawn points in ball arithmetic. MissedError where it needs more than balls."""
    drawn = Drawn()

    def fails(point: Point) -> bool:
        try:
            holds, run, within = in_balls(lemma, point, PRECISIONS)
        except ZeroDivisionError:
            drawn.undefined += 1
            return False
        except PrecisionError:
            drawn.open += 1
            return False
        drawn.within += within and holds
        return _noted(drawn, point, holds, run)

    drawn.failing = search(lemma.domains, fails, count=count, seed=seed, seconds=seconds)
    return drawn


def in_balls(lemma: Lemma, point: Point, precisions: tuple[int, ...]) -> tuple[bool, Recording, bool]:
    """Whether it certainly holds, the run, and whether that took the tolerance; PrecisionError where balls overlap."""
    from flint import ctx

    for bits in precisions:
        with ctx.workprec(bits):
            world = Balls(None if lemma.tolerance is None else Fraction(lemma.tolerance))
            values = {name: [world.constant(x) for x in entries] for name, entries in point.items()}
            try:
                holds, run = at_point(lemma, world, values)
            except PrecisionError:
                if bits == precisions[-1]:
                    raise
            else:
                return holds, run, world.within
    raise PrecisionError("no precision")


def _noted(drawn: Drawn, point: Point, holds: bool, run: Recording) -> bool:
    drawn.compared = drawn.compared or run.comparisons > 0
    if holds and drawn.failing is None and point not in drawn.holds:
        drawn.holds.append(point)
    return not holds


def program_at(lemma: Lemma, point: Point) -> Program | None:
    """What is compared at this point, on the way and at last; None where the lemma asks its numbers for other things.

    It returns comparisons, or after some on its way a truth value, but not both.
    """
    run = Recording(Fractions())
    found = recorded(lemma, run, point)
    relations, answered = relations_in(found), any(type(item) is bool for item in found)
    if run.peeked or bool(relations) is answered or not (relations or run.branches):
        return None
    return Program(tuple(run.steps), relations, tuple(run.branches))
