"""What the pages name exists: claims, functions, files, pages, and the words of every command."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, blocks
from verify.__main__ import COMMANDS
from verify.check import get_paper, parse_request
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.papers.sub_ngrams.settings import refuse_what_cannot_fit
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.registry import papers
from verify.settings import UsageError, read_words, validate

CLAIMS = {claim.id for paper in papers().values() for claim in paper.claims}
PREFIX = "|".join(sorted({id.rstrip("abcdefghijklmnopqrstuvwxyz").rstrip("0123456789") for id in CLAIMS}))  # SN|MF|...
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}


def outside_tutorial(page: Path) -> str:
    """The text of a page without four-backtick blocks, which show Markdown as an example."""
    return re.sub(r"^````.*?^````", "", TEXTS[page], flags=re.M | re.S)


# --- claims ---


def test_every_claim_has_one_section_with_an_anchor_and_a_box() -> None:
    mathematics = "\n".join(outside_tutorial(page) for page in PAGES if "mathematics" in page.parts)
    anchors = Counter(re.findall(rf"^\(((?:{PREFIX.lower()})\w+)\)=\n#+ (\w+): ", mathematics, re.M))
    boxes = Counter(re.findall(r"^```\{claim\} (\w+)\n```$", mathematics, re.M))
    assert anchors == Counter((id.lower(), id) for id in CLAIMS)
    assert boxes == Counter(CLAIMS)


def test_boxes_and_anchors_are_on_no_other_page() -> None:
    for page in PAGES:
        if "mathematics" not in page.parts:
            assert not re.search(rf"^```\{{claim\}}|^\((?:{PREFIX.lower()})\d", outside_tutorial(page), re.M), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_to_claims_are_right(page: Path) -> None:
    for text, target in re.findall(rf"\[(\w+)\]\(#((?:{PREFIX.lower()})\w+)\)", outside_tutorial(page)):
        assert text in CLAIMS and text.lower() == target
    for id in re.findall(rf"\b(?:{PREFIX})\d+[a-z]*\b", outside_tutorial(page)):
        assert id in CLAIMS, id


# --- code and files ---


def resolve(name: str) -> object:
    """The module, function, class or member of this dotted name; AttributeError or ImportError if there is none."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError as error:
            if error.name is not None and not name.startswith(error.name):
                raise  # the module is there, and something that it imports is not
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise ModuleNotFoundError(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_names_of_the_code_exist(page: Path) -> None:
    for name in re.findall(r"\{py:(?:func|class|mod|meth|attr)\}`~?([\w.]+)`", TEXTS[page]):
        resolve(name)


def test_a_name_that_does_not_exist_is_found_out() -> None:
    for name in ("proofs.sub_ngrams.no_such_module", "verify.claim.no_such_function", "no_such_package"):
        with pytest.raises((ModuleNotFoundError, AttributeError)):
            resolve(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_files_that_a_page_shows_or_links_exist(page: Path) -> None:
    shown = re.findall(r"\{(?:figure|literalinclude|download)\}[ `]([\w./-]+)", outside_tutorial(page))
    linked = re.findall(r"\]\(([\w./-]+\.\w+)(?:#[\w-]+)?\)", outside_tutorial(page))
    for name in shown + linked:
        assert (page.parent / name).is_file(), name
    for name in re.findall(r"`((?:docs|verify|proofs|numerics|tests|validation|benchmarks)/[\w./-]+)`", TEXTS[page]):
        assert (ROOT / name).exists() or "PAPER" in name or "descent" in name, name  # the tutorial's own


def test_every_page_is_in_one_table_of_contents() -> None:
    entries: Counter[Path] = Counter()
    for page in PAGES:
        for toctree in re.findall(r"^```\{toctree\}\n(.*?)^```", TEXTS[page], re.M | re.S):
            for line in toctree.splitlines():
                if line.strip() and not line.startswith(":"):
                    entries[(page.parent / f"{line.strip()}.md").resolve()] += 1
    assert entries == Counter(page.resolve() for page in PAGES if page != DOCS / "index.md")


def packages() -> set[str]:
    return {
        info.name
        for room in ("verify", "proofs", "numerics")
        for info in [*pkgutil.walk_packages([str(ROOT / room)], f"{room}."), pkgutil.ModuleInfo(None, room, True)]  # type: ignore[arg-type]  # no finder is needed
        if info.ispkg
    }


def test_the_reference_lists_every_package_once() -> None:
    reference = "\n".join(TEXTS[page] for page in PAGES if page.parent.name == "api")
    assert Counter(re.findall(r"^```\{modules\} ([\w.]+)$", reference, re.M)) == Counter(packages())


# --- commands ---


def commands(page: Path) -> list[list[str]]:
    """The words after `python -m` of every command in a console block of the page."""
    found = []
    for block in blocks(page):
        if block.language == "console":
            lines = re.findall(r"^\$ python -m (verify[^\n;]*)", block.code, re.M)
            found += [shlex.split(line) for line in lines]
    return found


EVERY_COMMAND = [
    (page, words)
    for page in PAGES
    for words in commands(page)
    if page not in (DOCS / "extending.md", DOCS / "lemmas.md")  # test_tutorial and test_lemmas_page run these
]


def understood(module: str, words: list[str]) -> None:
    """UsageError unless the words mean something to the command. Nothing is run, and no file need exist."""
    values = {key: value for key, value in read_words(words).items() if key != "trajectory"}
    if module == "verify.check":
        parse_request(get_paper(values.get("paper", "sub-n-grams")), values)
    elif module == "verify.gradient":
        refuse_what_cannot_fit(validate(GradientSettings, values))
    elif module == "verify.stationary":
        validate(StationarySettings, values)
    elif module == "verify.train":
        validate(TrainSettings, values)
    else:
        raise UsageError(module)


@pytest.mark.parametrize(
    ("page", "words"), EVERY_COMMAND, ids=lambda part: " ".join(part) if isinstance(part, list) else ""
)
def test_commands_on_the_pages_are_understood(page: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # pages name files from the root of the repository
    module, *rest = words
    if module == "verify":
        assert not rest or rest[0] in COMMANDS
    elif module == "verify.replay":
        assert len([word for word in rest if "=" not in word]) == 1
    else:
        understood(module, rest)


def test_there_are_commands_and_a_wrong_one_is_found_out() -> None:
    assert len(EVERY_COMMAND) >= 12
    for wrong in (["verify.check", "k=4", "n=3"], ["verify.gradient", "engin=transfer"], ["verify.train", "steps=0"]):
        with pytest.raises(UsageError):
            understood(wrong[0], wrong[1:])
