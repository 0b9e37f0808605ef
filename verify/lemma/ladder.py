"""Decides a lemma by the strongest evidence that can be had, and says why there is no stronger."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

from proofs.lemma.recording import FUNCTIONS, AttemptEndedError, PrecisionError
from verify.alarm import Alarm, OutOfBudgetError
from verify.claim import Counterexample, Evidence, Finding, Run, decide, undecided
from verify.lemma import certificate
from verify.lemma.instances import FAILS_TWICE, PRECISIONS, Drawn, enclosed, exactly, in_balls, program_at
from verify.lemma.proof import Proof, drawn_from, prove, scope
from verify.lemma.runs import Lemma, MissedError, Point, Program, plainly, symbolic
from verify.printing import number_shown

SHARE = 1 / 5  # of the seconds that the lemma is granted, for each kind of evidence
LOOK = 1.0  # seconds, for a look at a few points
FEW = 20  # points at which a proof is held against numbers
MOST_SHOWN = 12  # numbers of a counterexample in the table
DIGITS = 20  # of each

AnyFound = TypeVar("AnyFound")


def settle(lemma: Lemma, run: Run, *, count: int, seed: int) -> Finding:
    """What came of it. Raises what the lemma has raised, where nothing else is known of it."""
    seconds = run.seconds * SHARE
    missed = dict[str, MissedError]()
    attempts: dict[str, Callable[[], Finding]] = {
        "proof": lambda: by_proof(lemma, seconds, seed),
        "exact": lambda: by_fractions(lemma, count, seed, seconds, missed),
        "enclosure": lambda: by_balls(lemma, count, seed, seconds, missed),
        "numeric": lambda: by_floats(lemma, count, seed, seconds, missed),
    }
    for name, attempt in attempts.items():
        run.progress(f"by {name}")
        try:
            return within(seconds + LOOK, attempt)
        except MissedError as error:
            missed[name] = error
    raised = [error.error for error in missed.values() if error.error is not None]
    if raised and missed["exact"].error is not None:
        raise raised[-1]
    return undecided(why(missed), scope=drawn_from(lemma), details={"not reached": reasons(missed)})


def within(seconds: float, work: Callable[[], AnyFound]) -> AnyFound:
    """MissedError where it takes longer, or asks a number for what it cannot tell; alarms around it keep their time."""
    alarm = Alarm(seconds)
    try:
        with alarm:
            return alarm.guard(work)
    except (AttemptEndedError, PrecisionError) as ended:
        raise MissedError(f"the lemma {ended}") from None
    except OutOfBudgetError:
        if not alarm.rang:
            raise
        raise MissedError(f"it takes longer than its share of the time, {seconds:.1f} s") from None


def by_proof(lemma: Lemma, seconds: float, seed: int) -> Finding:
    proof = prove(lemma, seconds)
    _held_against_numbers(lemma, proof.program, seed)
    equal = sum(name in ("==", "!=") for name, _, _ in proof.program.relations)
    other = len(proof.program.relations) - equal
    counted = [(equal, "equality", "equalities"), (other, "inequality", "inequalities")]
    shown = certificate.written(lemma, proof.program)
    return decide(
        True,
        evidence=Evidence.PROOF,
        scope=scope(lemma, proof.program),
        instances=len(proof.program.relations),
        found=" and ".join(f"{n} {one if n == 1 else many}" for n, one, many in counted if n),
        predicted="hold",
        undecided="",
        details={"compared": shown, "sums": _sums(proof)} if proof.sums else {"compared": shown},
        certificate=certificate.of_proof(lemma, proof),
    )


def _sums(proof: Proof) -> list[str]:
    return [f"{len(found.terms)} terms that are nowhere negative" for _, found in proof.sums]


def _held_against_numbers(lemma: Lemma, program: Program, seed: int) -> None:
    """MissedError where the lemma does not hold for numbers as it does for symbols, or is defined nowhere."""
    look = enclosed if program.functions(FUNCTIONS) else exactly
    drawn = look(lemma, count=FEW, seed=seed, seconds=LOOK)
    if drawn.failing is not None:
        raise MissedError(
            f"it holds for symbols and not at {shown_point(drawn.failing)}: the two are not treated alike"
        )
    if not drawn.holds and not drawn.open:
        raise MissedError(f"it is undefined at each of {drawn.undefined} points drawn")


def by_fractions(lemma: Lemma, count: int, seed: int, seconds: float, missed: dict[str, MissedError]) -> Finding:
    drawn = exactly(lemma, count=count, seed=seed, seconds=seconds)
    if drawn.failing is not None:
        return _refuted(lemma, drawn.failing, missed)
    _compared(drawn)
    return decide(
        bool(drawn.holds),
        evidence=Evidence.EXACT,
        scope=f"{len(drawn.holds)} instances drawn: {drawn_from(lemma)}",
        instances=len(drawn.holds),
        found=f"holds at {len(drawn.holds)} points",
        predicted="no counterexample",
        undecided=f"it is undefined at each of {drawn.undefined} points drawn",
        details={"undefined": drawn.undefined, "not reached": reasons(missed)},
        footnote=footnote(missed),
        certificate=_certificate(lemma, drawn.holds),
    )


def _certificate(lemma: Lemma, points: Sequence[Point]) -> Any:
    """Of points, where the comparisons are the same at all of them."""
    try:
        return certificate.of_points(lemma, symbolic(lemma, time.monotonic() + LOOK), points) if points else None
    except MissedError:
        return None


def _refuted(lemma: Lemma, point: Point, missed: dict[str, MissedError]) -> Finding:
    program = program_at(lemma, point)

    def recheck() -> bool:
        """By nothing but Fractions, and where it is known what is compared by the arithmetic of replay."""
        return not plainly(lemma, point) and (
            program is None or program.functions(FUNCTIONS) or certificate.fails(lemma, program, point)
        )

    return decide(
        False,
        evidence=Evidence.EXACT,
        scope=f"one instance of {drawn_from(lemma)}",
        instances=1,
        found=f"fails at {shown_point(point)}",
        predicted="no counterexample",
        undecided="",
        counterexample=Counterexample(values_of(lemma, point), recheck),
        details={"compared": certificate.written(lemma, program) if program else ""},
        certificate=certificate.of_counterexample(lemma, program, point) if program else None,
    )


def by_balls(lemma: Lemma, count: int, seed: int, seconds: float, missed: dict[str, MissedError]) -> Finding:
    drawn = enclosed(lemma, count=count, seed=seed, seconds=seconds)
    if drawn.failing is not None:
        point = drawn.failing
        return decide(
            False,
            evidence=Evidence.ENCLOSURE,
            scope=f"one instance of {drawn_from(lemma)}",
            instances=1,
            found=f"fails at {shown_point(point)}",
            predicted="no counterexample",
            undecided="",
            counterexample=Counterexample(values_of(lemma, point), lambda: fails_in_balls(lemma, point)),
        )
    _compared(drawn)
    up_to = f", equal sides up to {lemma.tolerance:g}" if drawn.within else ""
    left = f"; {drawn.open} more stay open at {PRECISIONS[-1]} bits" if drawn.open else ""
    return decide(
        bool(drawn.holds),
        evidence=Evidence.ENCLOSURE,
        scope=f"{len(drawn.holds)} instances drawn: {drawn_from(lemma)}{up_to}{left}",
        instances=len(drawn.holds),
        found=f"holds at {len(drawn.holds)} points{up_to}",
        predicted="no counterexample",
        undecided=f"balls of {PRECISIONS[-1]} bits leave {drawn.open} points open, where sides may be equal (tolerance="
        f" grants a difference); undefined at {drawn.undefined}",
        details={"undefined": drawn.undefined, "open": drawn.open, "not reached": reasons(missed)},
        footnote=footnote(missed),
    )


def fails_in_balls(lemma: Lemma, point: Point) -> bool:
    """Whether it certainly fails there with more bits, too."""
    try:
        return in_balls(lemma, point, (FAILS_TWICE,))[0] is False
    except (PrecisionError, ZeroDivisionError, MissedError):
        return False


def by_floats(lemma: Lemma, count: int, seed: int, seconds: float, missed: dict[str, MissedError]) -> Finding:
    if lemma.tolerance is None:
        raise MissedError("floats decide nothing without a tolerance=, up to which sides may differ")
    from verify.lemma.floats import by_floats  # torch

    return by_floats(lemma, count=count, seed=seed, seconds=seconds, footnote=footnote(missed))


def _compared(drawn: Drawn) -> None:
    if drawn.holds and not drawn.compared:
        raise MissedError("it answers without having compared what it is given")


# --- in words ---


def reasons(missed: dict[str, MissedError]) -> dict[str, str]:
    return {name: error.reason for name, error in missed.items()}


def why(missed: dict[str, MissedError]) -> str:
    return "; ".join(f"no {name}: {reason}" for name, reason in reasons(missed).items())


def footnote(missed: dict[str, MissedError]) -> str:
    return why(missed)


def values_of(lemma: Lemma, point: Point) -> dict[str, Any]:
    """As the JSON output has them: numbers as words, matrices by rows."""
    found = dict[str, Any]()
    for name, entries in point.items():
        shape, words = lemma.domains[name].shape, [str(x) for x in entries]
        if len(shape) == 2:
            found[name] = [words[i : i + shape[1]] for i in range(0, len(words), shape[1])]
        else:
            found[name] = words if shape else words[0]
    return found


def shown_point(point: Point) -> str:
    """The point in a line, as far as a table has room for it."""
    if sum(len(entries) for entries in point.values()) > MOST_SHOWN:
        return "a point that the details show"
    return ", ".join(f"{name} = {_shown(entries)}" for name, entries in point.items())


def _shown(entries: Sequence[Fraction]) -> str:
    words = [number_shown(x, DIGITS) for x in entries]
    return words[0] if len(words) == 1 else f"({', '.join(words)})"
