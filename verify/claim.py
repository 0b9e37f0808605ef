"""Claims, findings and verdicts: what every paper's checks are made of."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import urljoin

from proofs.formal import FormalTheorem, formal_theorems
from proofs.identities import Identities


class Verdict(StrEnum):
    """What came of a check."""

    VERIFIED = "VERIFIED"  # a positive test succeeded on every instance in the scope
    REFUTED = "REFUTED"  # there is a counterexample, and it was checked a second time
    UNDECIDED = "UNDECIDED"  # neither: too little time, precision, or nothing to check
    SKIPPED = "SKIPPED"  # a claim that this one rests on did not come out as expected
    ERROR = "ERROR"  # the check itself failed


class Evidence(StrEnum):
    """What a verdict, or a step of a proof, rests on, strongest first. The first and the last are for steps alone."""

    FORMAL = "formal"  # proved for all sizes at once, and the proof checked by Coq
    PROOF = "proof"  # an identity for all values in the stated scope
    EXACT = "exact"  # exact rationals at the listed instances
    ENCLOSURE = "enclosure"  # a rigorous interval
    STATISTICAL = "statistical"  # a confidence interval, its level stated
    NUMERIC = "numeric"  # floats agree, with an estimated error
    WRITTEN = "written"  # proved on a page for people; no program has checked it


NO_VERDICT = (Evidence.FORMAL, Evidence.WRITTEN)  # what no run of a check finds out


@dataclass(frozen=True)
class Step:
    """A step in the proof of a claim's general form.

    text      what it says, in a line
    evidence  what it rests on
    where     its anchor on the page with the derivation
    theorem   of Coq, for evidence `formal`
    """

    text: str
    evidence: Evidence
    where: str = ""
    theorem: str = ""


def weakest(grades: Iterable[Evidence]) -> Evidence | None:
    """The one of these grades that stands last in the scale; None if there is none."""
    return max(grades, key=list(Evidence).index, default=None)


@dataclass(frozen=True)
class Counterexample:
    """Values at which a claim fails, and a second, separate computation that says whether it does fail there."""

    values: Mapping[str, Any]
    recheck: Callable[[], bool]


@dataclass(frozen=True)
class Certificate:
    """What `verify.replay` needs to come to the same verdict, trusting nobody (see verify.recheck).

    parameters  restate the claim: for which S, n, T, kernels, ... it is settled
    witness     what convinces: exact values, a counterexample, a solution; empty where the statement is enough
    Whole numbers, strings, Fractions, and lists and dictionaries of these; no floats.
    """

    parameters: Mapping[str, Any]
    witness: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What a check found out. Make one with `decide`.

    scope        the set the verdict speaks about ("S=2, n=3, every q"), never more than was checked
    instances    how many instances were checked; with 0, nothing was
    found        the number that decides, as a person reads it
    predicted    what the theory says this number is
    details      further values for the JSON output: strings for exact numbers, no timings
    footnote     lines of text for below the table
    certificate  for evidence `proof` and `exact`: what another program needs to check the verdict
    reason       for UNDECIDED, SKIPPED and ERROR: what was tried and what is missing
    """

    verdict: Verdict
    scope: str
    evidence: Evidence | None = None
    instances: int = 0
    found: str = ""
    predicted: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    footnote: str = ""
    certificate: Certificate | None = None
    reason: str = ""


NOTHING = "nothing to check"  # how every reason begins where a claim says nothing at these settings


def undecided(reason: str, *, scope: str = "", found: str = "", details: Mapping[str, Any] | None = None) -> Finding:
    """Neither verified nor refuted: `reason` says what was tried and what is missing."""
    return Finding(Verdict.UNDECIDED, scope, found=found, details=details or {}, reason=reason)


def too_dear(seconds: float, run: Run, *, what: str, scope: str = "") -> Finding:
    """Not even started: `what` would take about so many seconds, more than `run` grants a claim."""
    told = f"{seconds:.0f}" if seconds < 1e5 else f"{seconds:.0e}"
    return undecided(
        f"{what} would take about {told} s, a claim may take {run.seconds:.0f} s: a larger budget=SECONDS allows more",
        scope=scope,
    )


SHARE = 1 / 5  # of a claim's time, for what can be chosen


def how_many(most: int, seconds: float, run: Run, *, share: float = SHARE) -> int:
    """Of instances that take so many seconds each: `most`, or as many as this share of the claim's time allows, but one
    if that alone fits into all of it; else 0.
    """
    within = int(min(most, share * run.seconds / seconds))
    return within or int(seconds <= run.seconds)


def decide(
    holds: bool,
    *,
    evidence: Evidence,
    scope: str,
    instances: int,
    found: str,
    predicted: str,
    undecided: str,
    counterexample: Counterexample | None = None,
    details: Mapping[str, Any] | None = None,
    footnote: str = "",
    certificate: Certificate | None = None,
) -> Finding:
    """The one place where a verdict is given.

    VERIFIED needs `holds` to be True and at least one instance; REFUTED needs a counterexample whose recheck says True.
    Anything else (NaN comparisons included: write `holds=error <= bound`) is UNDECIDED, and says why: `undecided` is
    the reason where the positive test fails and there is no counterexample, or where there is no instance. ValueError
    for evidence that no run finds out.
    """
    if evidence in NO_VERDICT:
        raise ValueError(f"evidence {evidence}: no verdict of a run rests on that")
    facts = dict(details or {})
    verdict, reason = Verdict.UNDECIDED, undecided
    if not instances > 0:
        reason = undecided if undecided.startswith(NOTHING) else f"{NOTHING}: {undecided}" if undecided else NOTHING
    elif counterexample is not None:
        facts["counterexample"] = dict(counterexample.values)
        if counterexample.recheck() is True and holds is not True:
            verdict = Verdict.REFUTED
        else:
            reason = "a counterexample was found, but a second computation does not confirm it"
    elif holds is True:
        verdict = Verdict.VERIFIED
    if verdict is Verdict.UNDECIDED:
        certificate = None  # nothing to show
    else:
        reason = ""
    return Finding(verdict, scope, evidence, instances, found, predicted, facts, footnote, certificate, reason)


def from_identities(
    prove: Callable[[], Sequence[Identities]],
    scope: str,
    *,
    evidence: Evidence = Evidence.PROOF,
    certificate: Certificate | None = None,
) -> Finding:
    """A finding from polynomial identities, VERIFIED if all hold.

    Where one fails its residual is the counterexample, and `prove` is run a second time.
    """
    proofs = prove()
    failed = [proof for proof in proofs if proof.failed]
    sizes = Counter[str]()  # of several kernels the statement is the same
    for proof in proofs:
        sizes[proof.statement] += proof.checked
    checked = sizes.total()
    return decide(
        all(proof.hold for proof in proofs),
        evidence=evidence,
        scope=scope,
        instances=checked,
        found=f"{checked - sum(proof.failed for proof in failed)} of {checked} identities hold",
        predicted="all hold",
        undecided="one of the identities has no instance",
        counterexample=Counterexample(
            {"identity": failed[0].statement, "residual": failed[0].counterexample},
            lambda: any(proof.failed for proof in prove()),
        )
        if failed
        else None,
        details={"identities": dict(sizes)},
        certificate=certificate,
    )


CLAIM_SECONDS = 15.0  # of one core, for a claim that can choose, where no budget grants more


@dataclass(frozen=True)
class Run:
    """What a running check may use of its surroundings.

    progress  a sign of life: what is being done. If the run is interrupted, the last one is part of the reason
    seconds   how long the check may take, roughly: it chooses its instances accordingly, or is `too_dear`
    """

    progress: Callable[[str], None] = lambda text: None
    seconds: float = CLAIM_SECONDS


Check = Callable[[Any, Run], Finding]
Draw = Callable[[Any, Mapping[str, Any]], str]  # draws details into axes and returns the sentence below the figure


class Origin(StrEnum):
    """Where a statement comes from."""

    PAPER = "paper"
    DERIVED = "derived"
    STRENGTHENED = "strengthened"
    CONTROL = "control"

    @property
    def meaning(self) -> str:
        return ORIGINS[self]


ORIGINS = {
    Origin.PAPER: "as stated in a public text of the paper",
    Origin.DERIVED: "derived here from the paper's model",
    Origin.STRENGTHENED: "more than public texts of the paper state: constants, converses, further cases, derived here",
    Origin.CONTROL: "false on purpose, to see that the check can say no",
}


@dataclass(frozen=True)
class Plot:
    """A figure of what a claim has found, drawn where its details hold all that it needs."""

    needs: tuple[str, ...]
    draw: Draw


@dataclass(frozen=True)
class Claim:
    """A statement of a paper, or of this project about it, that can come out true or false. Made by `@claim`.

    id           prefix of the paper and number, "SN7"
    title        a few words for the table
    statement    the claim itself, in full: the first paragraph of the check's docstring
    mathematics  what is computed, in a line or two: the rest of it
    check        (settings, run) -> Finding; it is the claim that is called so
    requires     ids of claims that this one rests on
    assumptions  what has to be granted
    expected     the verdict that theory predicts, where it depends on the settings
    vacuous      why there is nothing to check at these settings; "" where there is something. The check is not called
                 where it gives a reason, and UNDECIDED is expected there
    origin       where the statement comes from
    reference    the page with its derivation, and the place there: a link, or a path in its documentation
    plot         a figure of the finding, or None
    steps        of the proof of its general form, where a verdict speaks of instances
    beside       the claim that a control belongs to, where that is not the one with its number
    shares       a name for what it computes, kept for other claims that compute the same and give the same name: where
                 claims are checked in several processes, these follow each other in one
    """

    id: str
    title: str
    statement: str
    mathematics: str
    check: Check
    requires: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    expected: Callable[[Any], Verdict] | None = None
    vacuous: Callable[[Any], str] | None = None
    origin: Origin = Origin.DERIVED
    reference: str = ""
    plot: Plot | None = None
    steps: tuple[Step, ...] = ()
    beside: str = ""
    shares: str = ""

    @property
    def controls(self) -> str:
        """The id of the claim that this is a control of; "" if it is none."""
        return (self.beside or self.id.rstrip("abcdefghijklmnopqrstuvwxyz")) if self.control else ""

    @property
    def control(self) -> bool:
        """Whether this is false on purpose (for most settings): it must come out REFUTED."""
        return self.origin is Origin.CONTROL

    def expected_verdict(self, settings: Any) -> Verdict:
        if self.vacuous is not None and self.vacuous(settings):
            return Verdict.UNDECIDED
        if self.expected is not None:
            return self.expected(settings)
        return Verdict.REFUTED if self.control else Verdict.VERIFIED

    def __call__(self, settings: Any, run: Run) -> Finding:
        why = self.vacuous(settings) if self.vacuous is not None else ""
        return undecided(f"{NOTHING}: {why}", scope=why) if why else self.check(settings, run)


def claim(
    id: str,
    title: str,
    *,
    requires: Sequence[str] = (),
    assumptions: Sequence[str] = (),
    expected: Callable[[Any], Verdict] | None = None,
    vacuous: Callable[[Any], str] | None = None,
    origin: Origin = Origin.DERIVED,
    reference: str = "",
    page: str = "",
    plot: Plot | None = None,
    steps: Sequence[Step] = (),
    beside: str = "",
    shares: str = "",
) -> Callable[[Check], Claim]:
    """Makes a claim of its check, a function (settings, run) -> Finding whose docstring begins with the statement.

    The arguments are those of `Claim`; `page` is the page whose anchor, the id in small letters, is the reference where
    no other is given. ValueError if there is no docstring, or if the id is no letters and a number.
    """
    if not ID.fullmatch(id):
        raise ValueError(f"claim id {id!r}: must be letters, a number and perhaps a letter, as in SN7 or SN7c")

    anchor = f"{page}#{id.lower()}" if page else ""

    def decorate(check: Check) -> Claim:
        paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(check) or "").split("\n\n")]
        if not paragraphs[0]:
            raise ValueError(f"claim {id}: its check has no docstring, whose first paragraph is the statement")
        facts = (
            tuple(requires),
            tuple(assumptions),
            expected,
            vacuous,
            origin,
            reference or anchor,
            plot,
            tuple(steps),
            beside,
            shares,
        )
        return Claim(id, title, paragraphs[0], " ".join(paragraphs[1:]), check, *facts)

    return decorate


def claims_on(page: str) -> partial[Callable[[Check], Claim]]:
    """`claim` for claims whose derivations are on this page."""
    return partial(claim, page=page)


ID = re.compile(r"([A-Za-z]+)([0-9]+)([a-z]*)")


def claims_of(*modules: ModuleType) -> tuple[Claim, ...]:
    """The claims that are defined in these modules, by number. ValueError if two have one id."""
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Claim)]
    unique = {id(claim): claim for claim in found}.values()
    ids = [claim.id for claim in unique]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two claims are called {next(id for id in ids if ids.count(id) > 1)}")
    return tuple(sorted(unique, key=lambda claim: place(claim.id)))


def place(id: str) -> tuple[str, int, str]:
    """Where a claim stands in a list."""
    match = ID.fullmatch(id)
    assert match is not None, "checked when the claim was made"
    return match[1], int(match[2]), match[3]


@dataclass(frozen=True)
class Result:
    """A claim, what was found, and whether that is what theory predicts."""

    claim: Claim
    expected: Verdict
    finding: Finding
    seconds: float

    @property
    def verdict(self) -> Verdict:
        return self.finding.verdict

    @property
    def as_expected(self) -> bool:
        return self.verdict == self.expected

    @property
    def evidence(self) -> Evidence | None:
        return self.finding.evidence

    @property
    def scope(self) -> str:
        return self.finding.scope

    @property
    def found(self) -> str:
        return self.finding.found

    @property
    def predicted(self) -> str:
        return self.finding.predicted

    @property
    def reason(self) -> str:
        return self.finding.reason

    @property
    def formal(self) -> tuple[FormalTheorem, ...]:
        """Theorems proved in Coq for all sizes: that the claim is true or, for a control, that it is not."""
        theorems = formal_theorems().get(self.claim.id, ()) if _true_to_theory(self) else ()
        return tuple(theorem for theorem in theorems if theorem.about in self.scope)

    @property
    def general(self) -> Evidence | None:
        """What the general form of the claim, all of it, rests on, for all sizes at once: its weakest step, if it has
        steps."""
        if not _true_to_theory(self):
            return None
        if self.claim.steps:
            return weakest(step.evidence for step in self.claim.steps)
        return Evidence.FORMAL if any(not theorem.part for theorem in self.formal) else None


def _true_to_theory(result: Result) -> bool:
    """Whether the claim came out true or, for a control, false."""
    return result.verdict is (Verdict.REFUTED if result.claim.control else Verdict.VERIFIED)


@dataclass(frozen=True)
class Paper:
    """All that a paper brings: one object, found by name (see verify.registry).

    name       for paper=NAME
    title, source
               of the paper
    prefix     that the ids of its claims begin with
    settings   a pydantic model that extends CheckSettings
    claims     see `claims_of`
    headline   one line that says at which parameters the claims are checked
    refuse     UsageError for what cannot be done, before anything runs
    commands   further commands: name -> words to try, what it does, "module:main"
    selftest   steps of `python -m verify selftest`: what is looked at -> words of python -m verify.check, or
               "module:function", which returns what it saw and raises if that is wrong
    overview   further lines for `python -m verify`
    symbols    of the statements: symbol -> its meaning
    own        where a letter means something else: id of a claim -> symbol -> what it means there, "" if the statement
               says so itself
    labels     of details in a report: name -> what it is called there, then the heads of its columns, the parts of its
               list, or the head of the names where it is a mapping of mappings
    model      what the claims are about, in a few sentences for a reader who has not seen the paper
    provenance where the statements come from, in one sentence
    pages      address that the references of its claims are relative to, as https://.../docs/; "" if they are paths
    recheck    the name under which verify.replay finds the rechecks, if that is not the paper's
    """

    name: str
    title: str
    source: str
    prefix: str
    settings: type[Any]
    claims: tuple[Claim, ...]
    headline: Callable[[Any], str] = lambda settings: ""
    refuse: Callable[[Any], None] = lambda settings: None
    commands: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    selftest: Mapping[str, str] = field(default_factory=dict)
    overview: tuple[str, ...] = ()
    symbols: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model: Sequence[str] = ()
    provenance: str = ""
    pages: str = ""
    recheck: str = ""

    def reference(self, claim: Claim) -> str:
        """The page with the derivation of one of its claims: a link where `pages` is one."""
        return urljoin(self.pages, claim.reference) if claim.reference else ""
