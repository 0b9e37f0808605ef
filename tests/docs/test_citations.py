"""Every reference in the code leads somewhere: to a page of the mathematics, an anchor there, or a claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from verify.registry import papers

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "mathematics"
SOURCES = sorted(
    path
    for folder in ("landscape_verifier", "verify", "numerics", "proofs", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__)
)
PREFIXES = "|".join(paper.prefix for paper in papers().values())
CLAIM = re.compile(rf"(?<![\w\"'.])(?:{PREFIXES})\d+[a-z]?(?![\w\"'])")  # in prose
PAGE = re.compile(r"\b(?:mathematics/)?((?:sub-n-grams/[a-z][a-z-]*)|(?<=mathematics/)[a-z][a-z-]*)(?:#([\w-]+))?")
LOST = re.compile(r"\b[Dd]esign\b|\b[AB]3\.\d|\bsection [0-9A]")  # pages that are not in this repository
CLAIMS = {claim.id: claim for paper in papers().values() for claim in paper.claims}


def anchors(page: Path) -> set[str]:
    """Labels, and headings as links write them."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r"^\(([\w-]+)\)=$", text, re.MULTILINE))


def leads_nowhere(page: str, anchor: str | None) -> str:
    """What is wrong with a reference; "" if nothing."""
    file = PAGES / f"{page}.md"
    if not file.is_file():
        return f"there is no page {page}"
    return "" if not anchor or anchor in anchors(file) else f"{page} has no anchor {anchor}"


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_the_reference_of_a_claim(claim) -> None:  # type: ignore[no-untyped-def]  # a fixture value
    page, _, anchor = claim.reference.partition("#")
    assert page.startswith("mathematics/") and anchor == claim.id.lower()
    assert leads_nowhere(page.removeprefix("mathematics/"), anchor) == ""


def test_references_in_the_code() -> None:
    wrong, pages, claims = [], 0, 0
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        wrong += [f"{name}: {found[0]}" for found in LOST.finditer(text) if "tests" not in name.parts]
        for found in PAGE.finditer(text):
            pages += 1
            problem = leads_nowhere(found[1], found[2])
            wrong += [f"{name}: {found[0]}: {problem}"] if problem else []
        if "tests" not in name.parts:
            for found in CLAIM.finditer(text):
                claims += 1
                wrong += [] if found[0] in CLAIMS else [f"{name}: there is no claim {found[0]}"]
    assert wrong == []
    assert pages > 40 and claims > 100  # and it has seen them; those of claims are made of page and id, see above


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(sub-n-grams/gradient)", "sub-n-grams/gradient"),
        ("mathematics/mean-field#mf6", "mean-field"),
        ("paper=sub-n-grams", None),
        ("verify/papers/sub_ngrams/limits", None),
    ],
)
def test_what_reads_as_a_reference(text: str, found: str | None) -> None:
    match = PAGE.search(text)
    assert (match and match[1]) == found


def test_a_reference_that_leads_nowhere_is_seen() -> None:
    assert leads_nowhere("sub-n-grams/gradients", None) and leads_nowhere("sub-n-grams/gradient", "sn99")
    assert leads_nowhere("sub-n-grams/gradient", "sn1") == ""
