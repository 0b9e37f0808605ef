"""Points of a lemma's domains: drawn by hypothesis, which also makes a counterexample as simple as it can."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from random import Random
from typing import Any

from proofs.lemma.domains import Domain, Sign
from verify.lemma.runs import MissedError, Point

LARGE = 1000
FAR = tuple(Fraction(10) ** digits for digits in (-12, -9, -6, 6, 9, 12))
SHRINKING = 0.5  # of the seconds, for making a counterexample simpler


def search(
    domains: Mapping[str, Domain],
    fails: Callable[[Point], bool],
    *,
    count: int,
    seed: int,
    seconds: float,
    far: bool = False,
) -> Point | None:
    """A simple point at which `fails` says True, among `count` drawn ones; None if there is none in the time.

    What `fails` raises ends the search, and is raised. MissedError where its answers are not the same each time.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, find, settings
    from hypothesis.errors import HypothesisException, NoSuchExample

    end, raised, failing = time.monotonic() + seconds, list[BaseException](), list[Point]()

    def condition(point: Point) -> bool:
        if raised or time.monotonic() > end + (SHRINKING * seconds if failing else 0):
            return False
        try:
            failed = fails(point)
        except (KeyboardInterrupt, MemoryError):
            raise
        except Exception as error:
            raised.append(error)
            return False
        if failed:
            failing.append(point)
        return failed

    how = settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    collecting = gc.isenabled()
    gc.disable()  # hypothesis measures collections, and an alarm that rings in there is lost
    try:
        found: Point | None = find(points(domains, far=far), condition, settings=how, random=Random(seed))
    except NoSuchExample:
        found = None
    except HypothesisException:
        found = failing[-1] if failing else None
    finally:
        if collecting:
            gc.enable()
    if raised:
        raise raised[0]
    if found is None and failing:
        raise MissedError("the lemma does not answer the same each time")
    return found


def points(domains: Mapping[str, Domain], *, far: bool = False) -> Any:
    """A strategy of hypothesis for entries of all arguments; with `far` some are very large, or very near 0."""
    from hypothesis import strategies as st

    small = {"max_denominator": 8}
    power = st.sampled_from(FAR)
    powers, negative = ([power], [power.map(lambda x: -x)]) if far else ([], [])
    of = {
        Sign.FREE: st.one_of(
            st.integers(-3, 3).map(Fraction),
            st.fractions(-9, 9, **small),
            st.integers(-LARGE, LARGE).map(Fraction),
            *powers,
            *negative,
        ),
        Sign.POSITIVE: st.one_of(
            st.integers(1, 4).map(Fraction),
            st.fractions(Fraction(1, 8), 9, **small),
            st.integers(1, LARGE).map(Fraction),
            *powers,
        ),
        Sign.NONNEGATIVE: st.one_of(
            st.integers(0, 3).map(Fraction),
            st.fractions(0, 9, **small),
            st.integers(0, LARGE).map(Fraction),
            *powers,
        ),
        Sign.UNIT: st.one_of(st.sampled_from([Fraction(0), Fraction(1)]), st.fractions(0, 1, **small)),
    }

    def entries(domain: Domain) -> Any:
        way = domain.ways["draw"]
        parameters = st.tuples(*(of[sign] for sign in way.signs))
        return st.builds(way.entries, parameters, st.integers(0, domain.cases - 1))

    return st.fixed_dictionaries({name: entries(domain) for name, domain in domains.items()})
