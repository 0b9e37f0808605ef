"""Steps of `python -m verify selftest` that are more than claims."""

from __future__ import annotations

import math
from fractions import Fraction

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from verify import replay
from verify.check import parse_request
from verify.papers.sub_ngrams.engines import ENGINES
from verify.registry import get_paper
from verify.report.certificates import certificates_json
from verify.runner import run_claims
from verify.selftest import StepError
from verify.settings import read_words

# Population gradients at S=2, alpha=1, T=8, from brute force in another program, as (same, different)
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


def certificates() -> str:
    """Certificates of a proof and of a counterexample, replayed; with a wrong number in it one must be rejected."""
    settings, chosen = parse_request(get_paper("sub-n-grams"), read_words(["k=2", "n=3", "select=SN5,SN8"]))
    written = certificates_json(get_paper("sub-n-grams"), run_claims(chosen, settings))
    found = []
    for text in (written, written.replace('"131/4032"', '"131/4033"')):
        found += list(replay.outcomes(replay.parse(text.encode()), replay.LIMIT))
    outcomes = [outcome for outcome, _ in found]
    if outcomes != ["accepted", "accepted", "accepted", "rejected"]:
        raise StepError("; ".join(f"{outcome} {line}" for outcome, line in found))
    return "SN5 and SN8 accepted, SN8 with a wrong number rejected"
