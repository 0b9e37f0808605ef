"""What a claim says about one instance: decided by one computation and, where it fails, again by another.

A `Condition` is one such thing, and `judge` the verdict on all of them. Whatever is found a second time is found from
the values in `at` alone, in plain Fractions: by `proofs.mean_field.witness`, or by the formulas of `verify.recheck`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from random import Random
from typing import Any

from flint import arb, ctx, fmpq, fmpq_mat

from proofs.mean_field import identities, in_context
from proofs.mean_field.assignments import assignment, remainder, size_of
from proofs.mean_field.enclosures import PRECISION, Number
from proofs.mean_field.rational_functions import DIFFERENCES, Generic
from proofs.mean_field.words import Trace
from proofs.rational_matrix import fractions, to_fmpq
from proofs.rationals import to_fraction
from verify.claim import Certificate, Counterexample, Evidence, Finding, Verdict, decide
from verify.recheck.mean_field.matrices import Matrix

INTERVALS = f"intervals of {PRECISION} bits do not tell the two sides apart, and they are not rational numbers"
SMALL = Generic(2, 3)  # where identities are checked a second time, as rational functions of all entries
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Condition:
    """One thing that a claim says about one instance.

    holds    True, False, or None where that could not be decided
    at       the instance, and what the claim says of it: whole numbers, Fractions, and lists and dictionaries of these
    fails    whether the claim fails at such values, found again from nothing but them
    missing  why `holds` is None
    """

    name: str
    holds: bool | None
    at: Values
    fails: Callable[[Values], bool]
    missing: str = INTERVALS

    @property
    def counterexample(self) -> Counterexample:
        return Counterexample({"condition": self.name, **self.at}, lambda: self.fails(self.at))


def condition(
    name: str, holds: bool | None, fails: Callable[[Values], bool], missing: str = INTERVALS, **at: Any
) -> Condition:
    return Condition(name, holds, plain(at), fails, missing)


def equal(name: str, claimed: Any, found: Any, again: Callable[[Values], Any], **at: Any) -> Condition:
    """That the claim gives what was found; `again` finds it another time. Exact numbers, or matrices of them."""
    values = plain({**at, "claimed": claimed, "found": found})
    return Condition(name, values["claimed"] == values["found"], values, lambda at: bool(at["claimed"] != again(at)))


def at_most(x: Any, y: Any) -> bool | None:
    """Whether x <= y; None where these intervals (or exact numbers) do not say."""
    with ctx.workprec(PRECISION):
        x, y = (to_fmpq(z) if isinstance(z, int | Fraction) else z for z in (x, y))
        return True if x <= y else False if x > y else None


def or_equal(decided: bool | None, attained: Callable[[], bool]) -> bool | None:
    """x <= y, and where intervals leave that open, whether x = y exactly."""
    return True if decided is None and attained() else decided


def both(*parts: bool | None) -> bool | None:
    """Whether all of these hold; None where that hangs on one that was not decided."""
    return False if False in parts else None if None in parts else True


def either(*parts: bool | None) -> bool | None:
    """Whether one of these holds; None where that hangs on one that was not decided."""
    return True if True in parts else None if None in parts else False


def residual(conditions: Iterable[Condition]) -> Fraction:
    """The largest difference between what was claimed and what was found."""
    pairs = [(c.at["claimed"], c.at["found"]) for c in conditions if "claimed" in c.at and "found" in c.at]
    return max((abs(x - y) for pair in pairs for x, y in zip(*map(flat, pair), strict=True)), default=Fraction(0))


def judge(
    conditions: Sequence[Condition],
    *,
    evidence: Evidence,
    scope: str,
    instances: int,
    found: str,
    predicted: str,
    details: Mapping[str, Any] | None = None,
    certificate: Certificate | None = None,
) -> Finding:
    """VERIFIED where all conditions hold, REFUTED where one fails; otherwise one was not decided, and says why."""
    failed = next((c for c in conditions if c.holds is False), None)
    undecided = next((c for c in conditions if c.holds is None), None)
    return decide(
        bool(conditions) and all(c.holds is True for c in conditions),
        evidence=evidence,
        scope=scope,
        instances=instances,
        found=f"fails: {failed.name}" if failed else found,
        predicted=predicted,
        counterexample=failed.counterexample if failed else None,
        details=details,
        certificate=None if failed else certificate,
        undecided=f"{undecided.name}: {undecided.missing}" if undecided else "no condition was looked at",
    )


def refuted(
    rule: Condition,
    *,
    evidence: Evidence,
    scope: str,
    found: str,
    predicted: str,
    certificate: Certificate | None = None,
) -> Finding:
    """The verdict on a control, with a certificate of what refutes it."""
    finding = judge([rule], evidence=evidence, scope=scope, instances=1, found=found, predicted=predicted)
    return replace(finding, found=found, certificate=certificate) if finding.verdict is Verdict.REFUTED else finding


# --- identities for every k and m ---


def proved(*names: str) -> list[Condition]:
    """That these identities hold for every k and m. What words leave of one is evaluated at random matrices."""
    return [_proved(name) for name in names]


def _proved(name: str) -> Condition:
    difference = (identities.IDENTITIES | in_context.IDENTITIES)[name]()
    if difference.is_zero:
        return condition(f"identity {name}", True, _does_not_vanish, words=[], matrices={}, trace=False)
    matrices, words = assignment(difference.algebra, Random(name)), remainder(difference)
    used = {letter.removesuffix("'") for word, _ in words for letter in word}
    return condition(
        f"identity {name}",
        None if size_of(difference, matrices) == 0 else False,
        _does_not_vanish,
        "not proved symbolically, and not refuted at random matrices",
        words=words,
        matrices={letter: matrices[letter] for letter in sorted(used)},
        trace=isinstance(difference, Trace),
    )


def _does_not_vanish(at: Values) -> bool:
    """Whether the sum of these words, or of their traces, is not 0."""
    matrices = {letter: Matrix(rows) for letter, rows in at["matrices"].items()}
    letters = matrices | {f"{letter}'": X.T for letter, X in matrices.items()}
    products = [reduce(lambda x, y: x * y, [letters[x] for x in word]) * c for word, c in at["words"]]
    if at["trace"]:
        return sum((product.trace() for product in products), Fraction(0)) != 0
    return bool(products) and not reduce(lambda x, y: x + y, products).is_zero


def proved_small(*names: str) -> list[Condition]:
    """That these identities hold as rational functions of all entries at k = 2, m = 3.

    One that does not is false at almost all matrices: it is for the conditions at single models to refute it.
    """
    missing = "the residual at k=2, m=3 is not the zero function, but no model was found where it is not 0"
    return [
        condition(f"identity {name} at k=2, m=3", DIFFERENCES[name](SMALL).is_zero or None, lambda at: False, missing)
        for name in names
    ]


# --- values, as they are kept ---


def plain(x: Any) -> Any:
    """The same in whole numbers and Fractions."""
    if isinstance(x, fmpq_mat):
        return fractions(x)
    if isinstance(x, fmpq):
        return to_fraction(x)
    if isinstance(x, Mapping):
        return {key: plain(value) for key, value in x.items()}
    return [plain(value) for value in x] if isinstance(x, list | tuple) else x


def flat(x: Any) -> list[Any]:
    """The numbers in a number, or in lists of them."""
    return [number for value in x for number in flat(value)] if isinstance(x, list) else [x]


def ends(x: Number) -> list[Fraction]:
    """Lower and upper end of an interval, or of a single number."""
    return [lower(x), upper(x)] if isinstance(x, arb) else [to_fraction(x)] * 2


def lower(x: arb) -> Fraction:
    """The lower end of a finite interval, rounded down where it has more than PRECISION bits."""
    with ctx.workprec(PRECISION):
        return _exactly(x.lower())


def upper(x: arb) -> Fraction:
    """The upper end of a finite interval, rounded up where it has more than PRECISION bits."""
    with ctx.workprec(PRECISION):
        return _exactly(x.upper())


def middle(x: arb) -> Fraction:
    return _exactly(x.mid())


def _exactly(x: arb) -> Fraction:
    mantissa, exponent = (int(part) for part in x.man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent
