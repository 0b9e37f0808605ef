"""python -m verify.gradient k=2 n=3 T=32: one population gradient, by any engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proofs.sub_ngrams.score_blocks import Block, ScoreBlocks, parameter_norms
from verify.claims.sub_ngrams.settings import SubNGramSettings, headline, refuse_what_cannot_fit
from verify.command import Progress, asks_for_help, check_output, emit, key_help, run_command
from verify.engines import ENGINES, Engine, choose_engine
from verify.report.plain import dumps, settings_as_plain
from verify.settings import read_words, validate

SCHEMA = "landscape-verifier/gradient/1"
DEFAULT_LENGTHS = (32,)

HELP = """python -m verify.gradient [KEY=VALUE ...]
The population gradient at a configuration; for example: python -m verify.gradient k=2 n=3 T=8 q=5 engine=enumeration
Block a,b is dL/dW_ab: rows are the query token at lag a, columns the key token at lag b.
"""


def main(words: Sequence[str]) -> int:
    """Computes and prints the score blocks and the norms of the parameter gradient for every T asked for."""
    if asks_for_help(words):
        engines = "".join(f"  {engine.name:<16} {engine.summary}\n" for engine in ENGINES.values())
        emit(f"{HELP}\nkeys\n{key_help(SubNGramSettings)}\n\nengines\n{engines}", None)
        return 0
    values = read_words(words)
    settings = validate(SubNGramSettings, values)
    if not settings.T:
        settings = settings.model_copy(update={"T": DEFAULT_LENGTHS})
    refuse_what_cannot_fit(settings)
    check_output(settings.output)
    law, configuration = settings.law, settings.configuration()
    entries, texts = [], [f"sub-n-grams   {headline(settings)}   {scale(settings)}\n"]
    with Progress() as progress:
        for T in settings.T:
            engine = choose_engine(law, configuration, T, name=settings.engine)
            progress.doing(f"T={T} by {engine.name}")
            M = engine.compute(law, configuration, T, settings.options)
            entries.append(gradient_entry(settings, engine, T, M))
            texts.append(gradient_text(settings, engine, T, M))
    if settings.format == "json":
        emit(dumps(entries[0] if len(entries) == 1 else entries), settings.output)
    else:
        emit("\n".join(texts), settings.output)
    return 0


def scale(settings: SubNGramSettings) -> str:
    configuration = settings.configuration()
    return "c=inf" if configuration.at_limit else f"q={configuration.q} c={configuration.c:.6g}"


def gradient_entry(settings: SubNGramSettings, engine: Engine, T: int, M: ScoreBlocks) -> dict[str, Any]:
    """The JSON object of the command line contract; parameter norms are null at c = inf, where they diverge."""
    entry = {
        "schema": SCHEMA,
        "settings": settings_as_plain(settings) | {"T": T},
        "engine": engine.name,
        "T": T,
        "exact": M.exact,
        "score_blocks": {f"{a},{b}": block for (a, b), block in sorted(M.blocks.items())},
        "parameter_norms": parameter_norms(M, settings.configuration(), settings.parametrisation),
        "error": 0 if M.exact else M.error,
    }
    if M.errors is not None:
        entry["errors"] = {f"{a},{b}": block for (a, b), block in sorted(M.errors.items())}
        entry["level"] = M.level
    return entry


def gradient_text(settings: SubNGramSettings, engine: Engine, T: int, M: ScoreBlocks) -> str:
    """Blocks as small matrices, then the norms of the parameter gradient."""
    kind = "exact" if M.exact else f"error up to {M.error:.1e}" + (f" at level {M.level:g}" if M.level else "")
    lines = [f"T={T}   engine {engine.name}   {kind}"]
    for (a, b), block in sorted(M.blocks.items()):
        rows = block_rows(block)
        lines += [f"  M_{{{a},{b}}}  {rows[0]}", *(f"           {row}" for row in rows[1:])]
    norms = parameter_norms(M, settings.configuration(), settings.parametrisation)
    if norms is None:
        lines.append("  norms of the parameter gradient: unbounded at c=inf (claim SN8); give a finite c or q")
    else:
        lines.append("  norms  " + "  ".join(f"{name} {value:.6g}" for name, value in norms.items()))
    return "\n".join(lines) + "\n"


def block_rows(block: Block) -> list[str]:
    """Aligned rows: fractions where they are short, else decimals."""
    cells = [[str(x) for x in row] for row in block]
    if max(len(cell) for row in cells for cell in row) > 24:
        cells = [[f"{float(x):.10g}" for x in row] for row in block]
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


if __name__ == "__main__":
    run_command("verify.gradient", main)
