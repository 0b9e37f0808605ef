"""What the page says that an engine takes at most is what it takes."""

from __future__ import annotations

import re
from pathlib import Path

from verify.papers.sub_ngrams.engines import ENGINES

PAGE = Path(__file__).parents[2] / "docs" / "engines.md"


def test_the_table_gives_the_limits_of_the_engines() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", table, re.MULTILINE)
    said = {name: (float(limit.split()[0]), limit.partition(" ")[2]) for name, limit in rows}
    assert said == {name: (engine.limit, engine.unit) for name, engine in ENGINES.items()}
