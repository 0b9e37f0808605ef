"""python -m verify.stationary model=my.py:build T=8,16,32,64 rate=1: is your network at a near-stationary point?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.command import (
    Progress,
    asks_for_help,
    check_output,
    emit,
    emit_help,
    is_picture,
    key_help,
    kinds_of,
    run_command,
)
from verify.papers.sub_ngrams.near_stationary.problem import InFile
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.printing import log
from verify.settings import UsageError, read_words, validate

SETTINGS = StationarySettings
HELP = """python -m verify.stationary model=FILE.py:NAME T=8,16,32,64 [KEY=VALUE ...]
Norms of the population gradient of a network of your own over lengths, and what you claim of them. FILE.py defines \
NAME(T), which makes a torch.nn.Module: int64 sequences (B x T) to next-token probabilities or logits (B x S or \
B x T x S). For example: python -m verify.stationary model=my.py:build n=3 S=2 T=8,16,32,64 returns=logits rate=1 \
output=my.svg
Where they are few enough, all sequences are taken with their weights. Else sequences are drawn until the relative \
half-width of the interval is error=, or samples= or budget= end it. With shards=FOLDER a stopped command goes on from \
there when it is given again.
exit status
  0    all done; what was claimed is VERIFIED
  1    a claim is REFUTED
  2    usage, or a module whose gradient cannot be told
  3    a claim is UNDECIDED, or the budget ended before all was done
  4    workers died, or internal error
  130  Ctrl-C
"""


def main(words: Sequence[str]) -> int:
    """The exit status."""
    if asks_for_help(words):
        emit_help(f"{HELP}\nkeys\n{key_help(StationarySettings)}")
        return 0
    settings = validate(StationarySettings, read_words(words))
    if settings.model is None:
        raise UsageError("model is missing: give model=FILE.py:NAME, a function T -> torch.nn.Module")
    check_output(settings.output, kinds=kinds_of(settings.format, pictures=True))
    from verify.papers.sub_ngrams.near_stationary.api import run  # torch, only where it is needed

    build = InFile.read("model", settings.model)
    law: Any = settings.any_law if settings.law_from is None else InFile.read("law_from", settings.law_from)
    named = settings.directions
    directions = None if named is None else InFile.read("directions", named).get("directions")
    about = f"n={settings.n}  S={settings.S}  {settings.law_in_words}  initial {settings.initial}"
    about = about if settings.law_from is None else f"law {settings.law_from}"
    with Progress() as progress:
        found = run(
            settings,
            build,
            law,
            directions,
            f"model {build}  {about}",
            tell=progress.done,
            doing=progress.doing,
            complain=progress.tell,
        )
    if found.status:
        remedy = f"the same command{'' if settings.shards else ' with shards=FOLDER'} resumes"
        log(f"verify.stationary: {found.reason}; {remedy}")
        if not found.points and found.curvature is None:
            return found.status
    if settings.output is not None and is_picture(settings.output):
        found.save(settings.output)
    else:
        text = {"table": found.to_text, "json": found.to_json, "html": found.to_html}[settings.format]()
        emit(text, settings.output)
    return found.exit_status


if __name__ == "__main__":
    run_command("verify.stationary", main)
