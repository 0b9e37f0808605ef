"""python -m verify claim SN7: one claim in full, without checking it."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from verify.claim import Claim, Paper, weakest
from verify.command import asks_for_help, emit, emit_help, run_command
from verify.printing import shown
from verify.registry import get_paper, papers
from verify.report.glossary import explained_in
from verify.settings import UsageError, did_you_mean, read_words

HELP = """python -m verify claim ID [paper=NAME]
What a claim says, what it rests on, where it comes from, and where its derivation and its check stand; for example:
    python -m verify claim SN7
exit status: 0, 2 usage
"""
WIDTH = 100
INDENT = 14


def main(words: Sequence[str]) -> int:
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    ids = [word for word in words if "=" not in word]
    values = read_words([word for word in words if "=" in word])
    if len(ids) != 1 or values.keys() - {"paper"}:
        raise UsageError("give the id of one claim, as in python -m verify claim SN7; ids: python -m verify")
    searched = list(papers().values()) if "paper" not in values else [get_paper(values["paper"])]
    for paper in searched:
        for claim in paper.claims:
            if claim.id == ids[0]:
                emit(explained(paper, claim), None)
                return 0
    known = [claim.id for paper in searched for claim in paper.claims]
    raise UsageError(f"{shown(ids[0])}: no claim has this id{did_you_mean(ids[0], known)}")


def explained(paper: Paper, claim: Claim) -> str:
    """All that is known of a claim beforehand."""
    titles = {other.id: f"{other.id} {other.title}" for other in paper.claims}
    facts = {
        "states": claim.statement,
        "computes": claim.mathematics,
        "granted": "; ".join(claim.assumptions),
        "rests on": "; ".join(titles.get(id, id) for id in claim.requires),
        "in general": weakest(step.evidence for step in claim.steps) or "",
        **{f"step {i}": f"{step.text}: {step.evidence}" for i, step in enumerate(claim.steps, 1)},
        "expected": expected_of(claim),
        "origin": claim.origin.meaning,
        "paper": f"{paper.title} ({paper.source}). {paper.provenance}".strip(),
        "derivation": paper.reference(claim),
        "check": place_of(claim),
        "try": f"python -m verify.check paper={paper.name} select={claim.id}",
    }
    lines = [f"{claim.id}   {claim.title}", ""]
    lines += [line for name, text in facts.items() if text for line in entry(name, text)]
    symbols, own = explained_in([claim.statement], paper, claim.id)
    meanings = {**{name: paper.symbols[name] for name in symbols}, **own}
    if meanings:
        lines += ["", "symbols", *(line for name, meaning in meanings.items() for line in entry(name, meaning))]
    return "\n".join(lines) + "\n"


def expected_of(claim: Claim) -> str:
    if claim.expected is not None:
        return "depends on the settings"
    verdict = replace(claim, vacuous=None).expected_verdict(None)
    return verdict if claim.vacuous is None else f"{verdict}, or UNDECIDED at settings where there is nothing to check"


def entry(name: str, text: str) -> list[str]:
    body = textwrap.wrap(text, WIDTH - INDENT, break_long_words=False, break_on_hyphens=False)
    return [f"  {name if i == 0 else '':<{INDENT - 2}}{line}" for i, line in enumerate(body)]


def place_of(claim: Claim) -> str:
    """The file and line of its check, from the folder that holds the package."""
    check = inspect.unwrap(claim.check)
    file = inspect.getsourcefile(check)
    if file is None:  # made by no file
        return ""
    depth = check.__module__.count(".") + 1
    place = Path(*Path(file).parts[-depth:])
    return f"{place}:{inspect.getsourcelines(check)[1]}"


if __name__ == "__main__":
    run_command("verify.claim", main)
