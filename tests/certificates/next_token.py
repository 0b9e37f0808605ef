"""True certificates of the next-token paper, and what the tests do with them."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

from tests.certificates.completeness import without_certificate
from verify import replay
from verify.papers.next_token import PAPER
from verify.papers.next_token.settings import NextTokenSettings
from verify.recheck.certificate import digest
from verify.recheck.next_token import STATEMENTS
from verify.report.certificates import certificates_json
from verify.runner import run_claims
from verify.settings import validate

Entry = dict[str, Any]

EXACT_CLAIMS = [claim for claim in PAPER.claims if claim.id in STATEMENTS]


def certified(*ids: str, **words: str) -> dict[str, Entry]:
    """The certificates of these claims (of all), as they stand in a file of certificates."""
    claims = [claim for claim in EXACT_CLAIMS if not ids or claim.id in ids]
    results = run_claims(claims, validate(NextTokenSettings, words))
    assert without_certificate(results) == []
    items = replay.parse(certificates_json(PAPER, results).encode())
    return {item["entry"]["claim"]: item["entry"] for item in items}


def outcome(entry: Entry) -> str:
    (found,) = replay.outcomes([{"paper": "next-token", "entry": entry}], replay.LIMIT)
    return " ".join(found)


def sealed(entry: Entry, **changes: Any) -> Entry:
    """The entry with some fields replaced, and the digest that goes with them."""
    forged = {**copy.deepcopy(entry), **changes}
    forged["digest"] = digest(forged["claim"], forged["statement"], forged["verdict"], forged["parameters"])
    return forged


@cache
def named() -> dict[str, Entry]:
    """Those of the default settings. Not to be changed."""
    return certified()
