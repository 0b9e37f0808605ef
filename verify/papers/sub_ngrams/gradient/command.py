"""python -m verify.gradient k=2 n=3 T=32: one population gradient, by any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.score_blocks import Block, ScoreBlocks, norm_errors, parameter_norms
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
from verify.executors import Outcome, run_shards
from verify.papers.sub_ngrams.engines import ENGINES, SMALL, choose_engine, get_engine
from verify.papers.sub_ngrams.gradient.bound import GradientBound, largest_sizes
from verify.papers.sub_ngrams.gradient.norms import NormPoint
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.gradient.shards import GradientShard
from verify.papers.sub_ngrams.settings import LOG_T, SubNGramProblem, headline, refuse_what_cannot_fit
from verify.printing import fraction_text, log
from verify.report.plain import dumps, settings_as_plain
from verify.settings import UsageError, read_words, validate
from verify.shards import Store
from verify.uncertain import with_error

SCHEMA = "landscape-verifier/gradient/1"
SETTINGS = GradientSettings
DEFAULT_LENGTHS = (32,)
LONGEST_FRACTION = 24  # characters; blocks with longer ones are printed as decimals

HELP = """python -m verify.gradient [KEY=VALUE ...]
The population gradient at a configuration; for example: python -m verify.gradient k=2 n=3 T=8 q=5 engine=enumeration
Block a,b is dL/dW_ab: rows are the query token at lag a, columns the key token at lag b. With heads=literal there is \
also the gradient in the rows of A where heads average.
T, q and c take lists, computed in parallel; of several points output=FILE.svg or FILE.png draws a picture. With \
shards=FOLDER a list that was stopped, by Ctrl-C, by budget=SECONDS or by an accident, goes on from there when the \
same command is given again. A single point of engine=transfer is shared by all cores with executor=processes.
exit status
  0    all computed
  2    usage
  3    the budget ended before all were
  4    workers died, or internal error
  130  Ctrl-C
"""


def main(words: Sequence[str]) -> int:
    """Computes and prints the score blocks and the norms of the parameter gradient for every T asked for."""
    if asks_for_help(words):
        engines = "".join(f"  {engine.name:<16} {engine.summary}\n" for engine in ENGINES.values())
        emit_help(f"{HELP}\nkeys\n{key_help(GradientSettings)}\nengines\n{engines}")
        return 0
    values = read_words(words)
    settings = validate(GradientSettings, values)
    if not settings.T:
        settings = settings.model_copy(update={"T": DEFAULT_LENGTHS})
    refuse_what_cannot_fit(settings)
    check_output(settings.output, kinds=kinds_of(settings.format, pictures=True))
    drawn = is_picture(settings.output)
    if drawn and any(configuration.at_limit for configuration in settings.configurations(settings.T[0])):
        raise UsageError("c=inf: norms diverge there, so there is nothing to draw; give finite c, as in c=1,2,logT")
    if settings.bound == "yes" and (settings.parametrisation == "merged" or settings.n < 2):
        raise UsageError("bound=yes: the bounds are of the factorised gradient, for n >= 2")
    with Progress() as progress:
        gradients, outcome = compute(settings, progress)
    if outcome.status:
        remedy = f"the same command{'' if settings.shards else ' with shards=FOLDER'} resumes"
        log(f"verify.gradient: {outcome.reason}; {remedy}")
        if not gradients:
            return outcome.status
    if settings.output is not None and drawn:
        from verify.papers.sub_ngrams.gradient.plot import gradient_figure  # matplotlib, only where it is needed
        from verify.report.picture import write_picture

        figure = gradient_figure(f"population gradient, {headline(settings)}", curves(settings, gradients))
        write_picture(figure, settings.output)
    elif settings.format == "json":
        entries = [gradient_entry(settings, gradient) for gradient in gradients]
        emit(dumps(entries if outcome.asked > 1 else entries[0]), settings.output)
    else:
        texts = [gradient_text(settings, gradient) for gradient in gradients]
        emit("\n".join([f"sub-n-grams   {headline(settings)}\n", *texts]), settings.output)
    return outcome.status


@dataclass(frozen=True)
class Gradient:
    """The population gradient at one length and configuration."""

    T: int
    configuration: Configuration
    engine: str
    M: ScoreBlocks


def compute(settings: GradientSettings, progress: Progress) -> tuple[list[Gradient], Outcome[ScoreBlocks]]:
    """One gradient for every length and scale of the settings, or as many as are finished, and what ended the run."""
    law, options = settings.any_law, settings.options
    shards = []
    for T in settings.T:
        for configuration in settings.configurations(T):
            engine = choose_engine(law, configuration, T, name=settings.engine, options=options)
            shards.append(GradientShard.resolve(law, configuration, T, engine, options))
    several = len(shards) > 1
    progress.doing(f"0 of {len(shards)} finished" if several else shards[0].name)

    def report(text: str) -> None:
        progress.doing(text)
        if several:
            progress.done(text)

    store = None if settings.shards is None else Store(settings.shards, progress.tell)
    outcome = run_shards(
        shards, settings.executor, workers=settings.workers, store=store, budget=settings.budget, progress=report
    )
    finished = sorted(outcome.finished.items())
    return [Gradient(shards[i].T, shards[i].configuration, shards[i].engine, M) for i, M in finished], outcome


def curves(settings: GradientSettings, gradients: Sequence[Gradient]) -> dict[str, list[NormPoint]]:
    """Norms against T, one curve for every scale asked for, all finite."""
    named = [c.replace(LOG_T, "log T") if isinstance(c, str) else f"{c:g}" for c in settings.c]
    labels = [f"q = {q}" for q in settings.q] or [f"c = {c}" for c in named]
    result: dict[str, list[NormPoint]] = {}
    for gradient in gradients:
        norms, errors = norms_with_errors(settings, gradient)
        assert norms is not None
        assert errors is not None
        bound = bound_of(settings, gradient)
        limit = None if bound is None else bound.norm
        point = NormPoint(gradient.T, gradient.configuration.c, norms["total"], errors["total"], limit)
        label = labels[settings.configurations(gradient.T).index(gradient.configuration)]
        result.setdefault(label, []).append(point)
    return result


Norms = dict[str, float] | None  # None at c = inf, where they diverge


def norms_with_errors(settings: SubNGramProblem, gradient: Gradient) -> tuple[Norms, Norms]:
    problem = gradient.M, gradient.configuration, settings.parametrisation
    return parameter_norms(*problem), norm_errors(*problem)


def bound_of(settings: GradientSettings, gradient: Gradient) -> GradientBound | None:
    if settings.bound == "no":
        return None
    return GradientBound.of(settings.any_law, gradient.configuration, gradient.T)


def scale(configuration: Configuration) -> str:
    return "c=inf" if configuration.at_limit else f"q={configuration.q} c={configuration.c:.6g}"


def gradient_entry(settings: GradientSettings, gradient: Gradient) -> dict[str, Any]:
    """The JSON object of the command line contract; parameter norms are null at c = inf, where they diverge."""
    M, configuration = gradient.M, gradient.configuration
    norms, norms_off = norms_with_errors(settings, gradient)
    entry = {
        "schema": SCHEMA,
        "settings": settings_as_plain(settings),
        "engine": gradient.engine,
        "T": gradient.T,
        "q": str(configuration.q),
        "c": configuration.c,
        "exact": M.exact,
        "heads": configuration.heads,
        "score_blocks": {f"{a},{b}": block for (a, b), block in sorted(M.blocks.items())},
        "positional_rows": {f"{h},{t}": row for (h, t), (row,) in sorted(M.rows.items())},
        "parameter_norms": norms,
        "parameter_norm_errors": norms_off,
        "error": 0 if M.exact else M.error,
    }
    if M.errors is not None:
        entry["errors"] = {f"{a},{b}": block for (a, b), block in sorted(M.errors.items())}
        entry["positional_row_errors"] = {f"{h},{t}": row for (h, t), (row,) in sorted((M.row_errors or {}).items())}
        entry["level"] = M.level
    bound = bound_of(settings, gradient)
    if bound is not None:
        one, two = largest_sizes(M, settings.n, configuration.lags)
        entry["bounds"] = {
            "used key lags": {"largest size": one, "bound": bound.type_one},
            "unused key lags": {"largest size": two, "bound": bound.type_two, "by": bound.how},
            "norm": None if norms is None else {"norm": norms["total"], "bound": bound.norm},
        }
    return entry


def gradient_text(settings: GradientSettings, gradient: Gradient) -> str:
    """Blocks as small matrices, then the norms of the parameter gradient."""
    M, configuration = gradient.M, gradient.configuration
    kind = "exact" if M.exact else f"error up to {M.error:.1e}" + (f" at level {M.level:g}" if M.level else "")
    instead = f" for {settings.engine}" if settings.engine not in ("auto", gradient.engine) else ""
    lines = [f"T={gradient.T}   {scale(configuration)}   engine {gradient.engine}{instead}   {kind}"]
    for (a, b), block in sorted(M.blocks.items()):
        rows = block_rows(block, None if M.exact or M.errors is None else M.errors[a, b])
        lines += [f"  M_{{{a},{b}}}  {rows[0]}", *(f"           {row}" for row in rows[1:])]
    for (h, t), block in sorted(M.rows.items()):
        (row,) = block_rows(block, None if M.exact or M.row_errors is None else M.row_errors[h, t])
        lines.append(f"  dL/dA^({h}), row {t}, / c  {row}")
    lines += missed(settings, gradient)
    norms, errors = norms_with_errors(settings, gradient)
    if norms is None or errors is None:
        lines.append("  norms of the parameter gradient: unbounded at c=inf (claim SN8); give a finite c or q")
    else:
        lines.append(
            "  norms  " + "  ".join(f"{name} {with_error(value, errors[name])}" for name, value in norms.items())
        )
    bound = bound_of(settings, gradient)
    if bound is not None:
        one, two = largest_sizes(M, settings.n, configuration.lags)
        lines.append(f"  sizes  used key lags {one:.3g}, bound {bound.type_one:.3g}   "
                     f"unused ones {two:.3g}, bound {bound.type_two:.3g} ({bound.how})")  # fmt: skip
        if norms is not None and bound.norm is not None:
            factor = f", {bound.norm / norms['total']:.2g} times the norm" if norms["total"] > 0 else ""
            lines.append(f"  bound  {bound.norm:.3g} of the norm in total{factor}")
    return "\n".join(lines) + "\n"


def missed(settings: GradientSettings, gradient: Gradient) -> list[str]:
    """A line if the tolerance asked for is not reached: in which block it is missed most, and in how many."""
    M, options = gradient.M, settings.options
    if M.errors is None or settings.tolerance is None or "tolerance" not in get_engine(gradient.engine).takes:
        return []
    ratios = {}
    for ab, errors in M.errors.items():
        size = max(abs(float(x)) for row in M[ab] for x in row)
        aim = options.tolerance or options.relative * max(size, SMALL / gradient.T)
        ratios[ab] = max(float(x) for row in errors for x in row) / aim
    count, (a, b) = sum(ratio > 1 for ratio in ratios.values()), max(ratios, key=lambda ab: ratios[ab])
    if not count:
        return []
    blocks = f"{count} of {len(ratios)} blocks, by a factor of {ratios[a, b]:.2g} in M_{{{a},{b}}}"
    return [
        f"  tolerance={settings.tolerance} is missed in {blocks}; more minutes= help, unless rounding is what is left"
    ]


def block_rows(block: Block, errors: Block | None) -> list[str]:
    """Aligned rows: fractions where they are short, else decimals; as many digits as the errors leave."""
    if errors is None:
        cells = [[fraction_text(Fraction(x)) for x in row] for row in block]
        if max(len(cell) for row in cells for cell in row) > LONGEST_FRACTION:
            cells = [[f"{float(x):.10g}" for x in row] for row in block]
    else:
        pairs = (zip(*rows, strict=True) for rows in zip(block, errors, strict=True))
        cells = [[with_error(float(x), float(error)) for x, error in row] for row in pairs]
    width = max(len(cell) for row in cells for cell in row)
    return ["  ".join(cell.rjust(width) for cell in row) for row in cells]


if __name__ == "__main__":
    run_command("verify.gradient", main)
