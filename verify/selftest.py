"""python -m verify selftest: whether this installation computes what it should. Needs no clone, only the package."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import verify
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify import replay
from verify.check import get_paper, understand
from verify.command import Progress, asks_for_help, emit, emit_help, run_command
from verify.engines import ENGINES
from verify.printing import shown
from verify.report.certificates import certificates_json
from verify.runner import run_claims
from verify.settings import UsageError, read_words

HELP = """python -m verify selftest
Checks an installation in under a minute: exact reference values, engines against each other, a claim that is false on \
purpose, certificates, the recorded training run, claims of every paper. One line for each step.
exit status
  0    every step is ok
  1    a step failed
  2    usage
  4    internal error
  130  Ctrl-C
"""

# Population gradients at S=2, alpha=1, T=8, from brute force (design of sub-n-grams, section 6), as (same, different)
# token: the blocks are symmetric under relabelling.
REFERENCE: dict[tuple[int, int, Fraction | float], dict[tuple[int, int], tuple[str, str]]] = {  # by n, k, q
    (2, 1, math.inf): {(0, 0): ("953/40320", "-953/40320")},
    (2, 2, Fraction(5)): {
        (0, 0): ("257/40320", "-257/40320"),
        (0, 1): ("5875853/1139458320", "-1371334567/957144988800"),
        (1, 0): ("319/20160", "-319/20160"),
        (1, 1): ("87348119/127619331840", "831220303/273469996800"),
    },
    (3, 2, Fraction(5)): {
        (0, 0): ("7549/967680", "-7549/967680"),
        (0, 1): ("59985833/6077111040", "-8917413143/1531431982080"),
        (1, 0): ("6943/193536", "-6943/193536"),
        (1, 1): ("-3608493337/11485739865600", "14314605467/3281639961600"),
    },
    (3, 2, math.inf): {
        (0, 0): ("-7717/1209600", "7717/1209600"),
        (0, 1): ("131/4032", "-105083/4233600"),
        (1, 0): ("10681/172800", "-10681/172800"),
        (1, 1): ("-33091/3386880", "2009/115200"),
    },
}
REFERENCE_LENGTH = 8


class StepError(Exception):
    """A step came out otherwise than it should; the message says what it found."""


def main(words: Sequence[str]) -> int:
    """Runs the steps in turn, prints a line for each, and returns 1 if one failed."""
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    if words:
        raise UsageError(f"{shown(words[0])}: selftest takes no words")
    emit(f"landscape-verifier {verify.__version__} in {Path(verify.__file__).parent}\n", None)
    failed = 0
    with Progress() as progress:
        for name, step in STEPS.items():
            progress.doing(name)
            start = time.monotonic()
            try:
                outcome, found = "ok", step()
            except Exception as error:  # whatever a step raises is a failure of the installation
                reason = str(error) if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
                outcome, found, failed = "failed", shown(reason, most=300), failed + 1
            emit(f"{outcome:<6}  {name:<22}  {found}  ({time.monotonic() - start:.1f} s)\n", None)
    emit(f"{len(STEPS) - failed} of {len(STEPS)} ok\n", None)
    return 1 if failed else 0


def reference_values() -> str:
    """The exact engines against the table above."""
    entries = 0
    for (n, k, q), table in REFERENCE.items():
        problem = NGramLaw(2, n), Configuration.k_gram(k, q), REFERENCE_LENGTH
        for name in EXACT_ENGINES:
            blocks = ENGINES[name].compute(*problem)
            for ab, (same, different) in table.items():
                rows = ((Fraction(same), Fraction(different)), (Fraction(different), Fraction(same)))
                if blocks[ab] != rows or not blocks.exact:
                    raise StepError(f"{name} at n={n} k={k} q={q}: block {ab} is {blocks[ab]}, not {rows}")
                entries += 4
    return f"{entries} entries by {' and '.join(EXACT_ENGINES)}"


EXACT_ENGINES = ("enumeration", "type_classes")


def claims(paper: str, *words: str) -> Callable[[], str]:
    """A step: the claims that the words select come out as expected."""

    def step() -> str:
        settings, chosen = understand(get_paper(paper), read_words(words))
        results = run_claims(chosen, settings)
        for result in results:
            if not result.as_expected:
                found = f"{result.finding.found} {result.finding.reason or result.finding.scope}"
                raise StepError(f"{result.claim.id} is {result.verdict}, expected {result.expected}: {found}")
        return ", ".join(f"{result.claim.id} {result.verdict}" for result in results)

    return step


def certificates() -> str:
    """Certificates of a proof and of a counterexample, replayed; with a wrong number in it one must be rejected."""
    settings, chosen = understand(get_paper("sub-n-grams"), read_words(["k=2", "n=3", "select=SN5,SN8"]))
    written = certificates_json(get_paper("sub-n-grams"), run_claims(chosen, settings))
    found = []
    for text in (written, written.replace('"131/4032"', '"131/4033"')):
        found += list(replay.outcomes(replay.parse(text.encode()), replay.LIMIT))
    outcomes = [outcome for outcome, _ in found]
    if outcomes != ["accepted", "accepted", "accepted", "rejected"]:
        raise StepError("; ".join(f"{outcome} {line}" for outcome, line in found))
    return "SN5 and SN8 accepted, SN8 with a wrong number rejected"


STEPS: dict[str, Callable[[], str]] = {
    "reference values": reference_values,
    "engines agree": claims("sub-n-grams", "select=SN0"),
    "exact proof, control": claims("sub-n-grams", "k=2", "n=2", "select=SN5,SN8"),
    "certificates": certificates,
    "recorded training run": claims("sub-n-grams", "select=SN15"),
    "mean-field": claims("mean-field", "select=MF1,MF6c,MF12"),
    "next-token": claims("next-token", "select=NT2,NT4c"),
}


if __name__ == "__main__":
    run_command("verify.selftest", main)
