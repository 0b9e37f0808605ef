"""python -m verify.replay FILE: checks certificates. Standard library only; trusts nothing that the file says.

A certificate names a claim, a verdict, the parameters and a witness. The statement is written down again from the
claim's id and the parameters (see verify.recheck), and what it needs is computed again; the file can only be wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from verify.files import FileError, UnreadableError, decode, parse_json, read_bytes, whole
from verify.printing import log, named, prepare_streams, shown, write_out
from verify.recheck.certificate import (
    Budget,
    Certificate,
    Check,
    DeclinedError,
    Fields,
    RejectedError,
    digest,
    reading_cost,
)
from verify.recheck.registry import Recheck, recheck_at, recheck_of

Find = Callable[[str], Recheck]
SCHEMA = "landscape-verifier/certificates/1"
LARGEST = 8_000_000  # bytes of a file
MOST_VALUES = 1_500_000  # in it: an empty list takes two bytes there, and seventy once it is read
MOST = 1000  # certificates in a file
KEYS = ("limit=", "recheck=")
LIMIT = 1e8  # elementary steps for all certificates of a file
LONGEST_SCOPE = 500  # characters
LEAST_CERTAINTY = 40  # an acceptance has a probability of error below 2^-40

HELP = f"""python -m verify.replay FILE [limit=STEPS] [recheck=PATH]
Checks the certificates that python -m verify.check ... certificate=FILE has
written, with Python's standard library alone. One line for each: accepted,
rejected (and where it is wrong), or declined (it would take more elementary
steps than limit leaves; default {LIMIT:.0e} for all together, ten seconds or so).
recheck=PATH is a file or folder that checks the certificates of its paper, in
place of the installed one.
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
    """Every certificate, or the RejectedError that stands for it; RejectedError where it is no file of ours."""
    try:
        text = decode(content)
        if text.count(",") > MOST_VALUES:
            raise FileError(f"more than {MOST_VALUES} values")
        frame, parts = taken_apart(text)
        document = parse_json(frame, whole)
    except FileError as error:
        raise RejectedError(f"not JSON as it should be: {error}") from None
    top = Fields(document, "file")
    top.text("schema", (SCHEMA,))
    top.text("version")
    paper, certificates = top.text("paper"), top.any("certificates")
    top.finish()
    if not isinstance(certificates, list) or not certificates:
        raise RejectedError("file.certificates: not a list of certificates")
    if len(certificates) > MOST:
        raise RejectedError(f"file.certificates: more than {MOST}")
    following = iter(parts)
    entries = [read_part(next(following)) if isinstance(item, dict) else item for item in certificates]
    return [{"paper": paper, "entry": entry} for entry in entries]


NAME = re.compile("[A-Za-z]{1,20}[0-9]{1,6}[a-z]{0,3}")  # of a claim that no recheck lists

SIGNS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
LEVEL = 3  # of brackets: { "certificates": [ { this one


def taken_apart(text: str) -> tuple[str, list[str]]:
    """The text with {} in the place of each certificate, and these: so what is wrong with one ends there."""
    depth, quoted, done, start = 0, False, 0, 0
    frame, parts = list[str](), list[str]()
    for match in SIGNS.finditer(text):
        sign = match[0]
        if sign == '"':
            quoted = not quoted
        elif quoted or sign[0] == "\\":
            continue
        elif sign in "[{":
            depth += 1
            if depth == LEVEL:
                start = match.start()
        else:
            depth -= 1
            if depth == LEVEL - 1:
                frame += [text[done:start], "{}"]
                done = match.end()
                parts.append(text[start:done])
    return "".join([*frame, text[done:]]), parts


def read_part(text: str) -> Any:
    """What a certificate holds, or the RejectedError that says why it cannot be read: without floats."""
    try:
        return parse_json(text, whole)
    except FileError as error:
        return RejectedError(f"not JSON as it should be: {error}")


def replay(paper: str, entry: Any, limit: float | Budget = LIMIT, find: Find = recheck_of) -> tuple[str, str, str]:
    """Checks one certificate: (claim and verdict, how sure, scope). RejectedError or DeclinedError otherwise.

    find  what checks the certificates of a paper, by its name
    """
    if isinstance(entry, RejectedError):
        raise entry
    known = find(paper)
    top = Fields(entry, "certificate")
    recorded = recorded_of(known)
    claim = top.text("claim", () if recorded else tuple(known.STATEMENTS))
    statement = top.text("statement", () if recorded else (known.STATEMENTS[claim],))
    verdict = top.text("verdict", ("VERIFIED", "REFUTED"))
    parameters, witness = top.any("parameters"), top.any("witness")
    if top.text("digest") != digest(claim, statement, verdict, parameters):
        raise RejectedError("digest: does not belong to this claim, statement, verdict and parameters")
    top.finish()
    if recorded and not NAME.fullmatch(claim):
        raise RejectedError(f"certificate.claim: {shown(claim)} is no id of a claim")
    check = recorded.get(verdict) if recorded else known.CLAIMS.get((claim, verdict))
    if check is None:
        raise RejectedError(f"verdict: nothing is known that makes {claim} {verdict}")
    budget = limit if isinstance(limit, Budget) else Budget(limit)
    budget.spend(reading_cost(entry), "reading")
    certificate = Certificate(parameters, witness, budget)
    try:
        scope = check(certificate)
    except ZeroDivisionError:
        raise RejectedError("something is divided by 0") from None
    certificate.parameters.finish()
    certificate.witness.finish()
    if certificate.certainty < LEAST_CERTAINTY:
        raise DeclinedError(f"too large to be decided at random points (certainty 2^-{certificate.certainty})")
    return f"{claim} {verdict}", certificate.grade, scope


def recorded_of(known: Recheck) -> dict[str, Check]:
    """The checks by verdict, of a recheck of claims that it does not list: what they compare is in the certificate."""
    found: dict[str, Check] = getattr(known, "RECORDED", {})
    return found


def lists(known: Recheck, claim: str) -> bool:
    """Whether this can be a claim of its paper, so that a line may name it."""
    return claim in known.STATEMENTS or bool(recorded_of(known) and NAME.fullmatch(claim))


def outcomes(entries: Sequence[Any], limit: float, find: Find = recheck_of) -> Iterator[tuple[str, str]]:
    """(outcome, line) for every certificate, whatever is in the others; the limit is for all of them together."""
    budget = Budget(limit)
    for number, item in enumerate(entries, 1):
        entry = item["entry"]
        name = entry.get("claim") if isinstance(entry, dict) else None
        label = f"certificate {number}"
        try:
            if isinstance(name, str) and lists(find(item["paper"]), name):
                label = name
            what, grade, scope = replay(item["paper"], entry, budget, find)
            yield "accepted", f"{what:<15} {grade:<16} {shown(scope, LONGEST_SCOPE)}"
        except RejectedError as reason:
            yield "rejected", f"{label}: {shown(str(reason), LONGEST_SCOPE)}"
        except DeclinedError as reason:
            yield "declined", f"{label}: {shown(str(reason), LONGEST_SCOPE)}"
        except Exception as error:  # no memory, or a mistake in a check: the others still have their turn
            yield "declined", f"{label}: the check broke off: {named(error, LONGEST_SCOPE)}"


def main(words: Sequence[str]) -> int:
    """Reads the file, prints a line for each certificate and a summary; returns the exit status."""
    prepare_streams()
    try:
        return report(words)
    except OSError as error:
        log(f"verify.replay: standard output: cannot be written ({error.strerror})")
        return 2


def report(words: Sequence[str]) -> int:
    """As `main`. OSError if nothing can be written."""
    if any(word in ("-h", "--help", "help") for word in words):
        write_out(HELP)
        return 0
    limits, rechecks = ([word.removeprefix(key) for word in words if word.startswith(key)] for key in KEYS)
    files = [word for word in words if not word.startswith(KEYS)]
    try:
        (path,), (limit,) = files, [float(text) for text in limits] or [LIMIT]
        if not limit > 0 or len(rechecks) > 1:
            raise ValueError
    except ValueError:
        log("verify.replay: give one file, limit=STEPS above 0 and one recheck=PATH if need be; see --help")
        return 2
    find = recheck_of
    if rechecks:
        try:
            given = recheck_at(rechecks[0])
        except ValueError as error:
            log(f"verify.replay: recheck={shown(rechecks[0])}: {error}")
            return 2
        find = lambda paper: given if paper == given.PAPER else recheck_of(paper)  # noqa: E731
    try:
        entries = read(path)
    except UnreadableError as error:
        log(f"verify.replay: {shown(path)}: {error}")
        return 2
    except RejectedError as reason:
        write_out(f"rejected  {shown(path)}: {shown(str(reason), LONGEST_SCOPE)}\n")
        return 1
    count = {"accepted": 0, "rejected": 0, "declined": 0}
    for outcome, line in outcomes(entries, limit, find):
        count[outcome] += 1
        write_out(f"{outcome}  {line}\n")
    write_out(", ".join(f"{number} {outcome}" for outcome, number in count.items()) + "\n")
    return 1 if count["rejected"] else 3 if count["declined"] else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        log("verify.replay: interrupted")
        sys.exit(130)
