"""python -m verify.replay FILE: checks certificates. Standard library only; trusts nothing that the file says.

A certificate names a claim, a verdict, the parameters and a witness. The statement is written down again from the
claim's id and the parameters (see verify.recheck), and what it needs is computed again; the file can only be wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from verify.files import FileError, UnreadableError, decode, parse_json, read_bytes, whole
from verify.recheck import mean_field, next_token, sub_ngrams
from verify.recheck.certificate import Certificate, DeclinedError, Fields, RejectedError, digest

SCHEMA = "landscape-verifier/certificates/1"
LARGEST = 64_000_000  # bytes of a file
LIMIT = 1e8  # elementary steps of one check
LEAST_CERTAINTY = 40  # an acceptance has a probability of error below 2^-40

PAPERS = {"sub-n-grams": sub_ngrams, "mean-field": mean_field, "next-token": next_token}
STATEMENTS = {name: paper.STATEMENTS for name, paper in PAPERS.items()}
CLAIMS = {name: paper.CLAIMS for name, paper in PAPERS.items()}

HELP = f"""python -m verify.replay FILE [limit=STEPS]
Checks the certificates that python -m verify.check ... certificate=FILE has
written, with Python's standard library alone. One line for each: accepted,
rejected (and where it is wrong), or declined (it would take more than limit
elementary steps; default {LIMIT:.0e}).
exact         decided by exact arithmetic
error < 2^-k  identities, evaluated modulo a random prime at random points
              that are drawn anew in every run: a false one is accepted with
              less than this probability
exit status
  0    all accepted
  1    something rejected
  2    usage
  3    nothing rejected, but something declined
"""


def read(path: str) -> list[Any]:
    """The certificates in a file; RejectedError if it is not one of ours, UnreadableError if there is none."""
    try:
        return parse(read_bytes(path, LARGEST))
    except UnreadableError:
        raise
    except FileError as error:
        raise RejectedError(str(error)) from None


def parse(content: bytes) -> list[Any]:
    """Strict JSON, without floats."""
    try:
        document = parse_json(decode(content), whole)
    except FileError as error:
        raise RejectedError(f"not JSON as it should be: {error}") from None
    top = Fields(document, "file")
    top.text("schema", (SCHEMA,))
    top.text("version")
    paper = top.text("paper", tuple(CLAIMS))
    entries = [{"paper": paper, "entry": entry} for entry in _list(top.any("certificates"))]
    top.finish()
    return entries


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise RejectedError("file.certificates: not a list of certificates")
    return value


def replay(paper: str, entry: Any, limit: float = LIMIT) -> tuple[str, str, str]:
    """Checks one certificate: (claim and verdict, how sure, scope). RejectedError or DeclinedError otherwise."""
    top = Fields(entry, "certificate")
    claim = top.text("claim", tuple(STATEMENTS[paper]))
    statement = top.text("statement", (STATEMENTS[paper][claim],))
    verdict = top.text("verdict", ("VERIFIED", "REFUTED"))
    parameters, witness = top.any("parameters"), top.any("witness")
    if top.text("digest") != digest(claim, statement, verdict, parameters):
        raise RejectedError("digest: does not belong to this claim, statement, verdict and parameters")
    top.finish()
    check = CLAIMS[paper].get((claim, verdict))
    if check is None:
        raise RejectedError(f"verdict: nothing is known that makes {claim} {verdict}")
    certificate = Certificate(parameters, witness, limit)
    try:
        scope = check(certificate)
    except ZeroDivisionError:
        raise RejectedError("something is divided by 0") from None
    except ValueError as error:  # Python prints no number of more than 4300 digits
        raise DeclinedError(f"{error}") from None
    certificate.parameters.finish()
    certificate.witness.finish()
    if certificate.certainty < LEAST_CERTAINTY:
        raise DeclinedError(f"too large to be decided at random points (certainty 2^-{certificate.certainty})")
    return f"{claim} {verdict}", certificate.grade, scope


def outcomes(entries: Sequence[Any], limit: float) -> Iterator[tuple[str, str]]:
    """(outcome, line) for every certificate."""
    for number, item in enumerate(entries, 1):
        entry = item["entry"]
        name = entry.get("claim") if isinstance(entry, dict) else None
        label = name if isinstance(name, str) and name in STATEMENTS[item["paper"]] else f"certificate {number}"
        try:
            what, grade, scope = replay(item["paper"], entry, limit)
            yield "accepted", f"{what:<15} {grade:<16} {scope}"
        except RejectedError as reason:
            yield "rejected", printable(f"{label}: {reason}")
        except DeclinedError as reason:
            yield "declined", printable(f"{label}: {reason}")


def printable(text: str) -> str:
    """Without what could move the cursor of a terminal: the message may quote the file."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def main(words: Sequence[str]) -> int:
    """Reads the file, prints a line for each certificate and a summary; returns the exit status."""
    if any(word in ("-h", "--help", "help") for word in words):
        sys.stdout.write(HELP)
        return 0
    limits = [word.removeprefix("limit=") for word in words if word.startswith("limit=")]
    files = [word for word in words if not word.startswith("limit=")]
    try:
        (path,), limit = files, float(limits[-1]) if limits else LIMIT
    except ValueError:
        print("verify.replay: give one file, and limit=STEPS if need be; see --help", file=sys.stderr)
        return 2
    try:
        entries = read(path)
    except UnreadableError as error:
        print(f"verify.replay: {printable(f'{path}: {error}')}", file=sys.stderr)
        return 2
    except RejectedError as reason:
        print(f"rejected  {printable(f'{path}: {reason}')}")
        return 1
    count = {"accepted": 0, "rejected": 0, "declined": 0}
    for outcome, line in outcomes(entries, limit):
        count[outcome] += 1
        print(f"{outcome}  {line}", flush=True)
    print(", ".join(f"{number} {outcome}" for outcome, number in count.items()))
    return 1 if count["rejected"] else 3 if count["declined"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("verify.replay: interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
