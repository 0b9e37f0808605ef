"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)

BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?:\{code-block\} ?)?(?P<language>[\w-]*)\n"
    r"(?P<options>(?::[^\n]*\n)*)\n*(?P<code>.*?)^(?P=fence)$",
    re.M | re.S,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its caption if it has one, its text."""

    language: str
    caption: str
    code: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page that hold code, in order."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        caption = re.search(r":caption: (.*)", match["options"])
        found.append(Block(match["language"], caption[1] if caption else "", match["code"]))
    return found


def transcript(code: str) -> list[tuple[str, str]]:
    """A console session as (command, the output that the page shows) pairs."""
    steps: list[tuple[str, str]] = []
    for line in code.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        else:
            command, shown = steps[-1]
            steps[-1] = (command, f"{shown}{line}\n")
    return steps
