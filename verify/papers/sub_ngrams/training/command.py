"""python -m verify.train n=3 S=3: a training run of the literal network against the predicted plateaus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from verify.command import (
    INTERRUPTED,
    UNFINISHED,
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
from verify.papers.sub_ngrams.training.settings import FEWEST_RECORDS, TrainSettings
from verify.printing import log, shown
from verify.report.plain import dumps, settings_as_plain
from verify.settings import read_words, validate

if TYPE_CHECKING:
    from numerics.sub_ngrams.trajectory import Trajectory

SETTINGS = TrainSettings
HELP = """python -m verify.train [KEY=VALUE ...]
Trains the network and compares its plateaus with the k-gram losses; for example:
    python -m verify.train n=3 S=3 seed=0 output=run.svg
    python -m verify.train preset=paper runs=5 checkpoint=run.npz output=run.svg
output=FILE.svg or FILE.png is the plot; format=json prints all numbers. A run with a checkpoint that was stopped, by \
Ctrl-C, by its budget, or killed, goes on from there when it is started again. Claim SN15 is checked on the run by
    python -m verify.check select=SN15 trajectory=FILE.npz
exit status
  0    trained and reported, also where the budget ended the training early
  2    usage
  3    the budget ended before there was anything to report
  4    internal error
  130  Ctrl-C; what was trained until then is reported, if there are records enough
"""


def main(words: Sequence[str]) -> int:
    """Trains, analyses, reports. Ctrl-C ends the training early, not the report."""
    if asks_for_help(words):
        emit_help(f"{HELP}\nkeys\n{key_help(TrainSettings)}")
        return 0
    settings = validate(TrainSettings, read_words(words))
    check_output(settings.output, kinds=kinds_of(settings.format, pictures=True))
    check_output(settings.checkpoint, key="checkpoint")
    # only here: a usage error is told at once
    from numerics.sub_ngrams.stages import analyse
    from numerics.threads import one_thread
    from verify.papers.sub_ngrams.training.plot import training_figure
    from verify.papers.sub_ngrams.training.report import training_entry, training_text
    from verify.papers.sub_ngrams.training.run import train
    from verify.report.picture import write_picture

    with Progress() as progress, one_thread():
        recording, trainer, interrupted = train(settings, progress)
        if len(recording.networks) < FEWEST_RECORDS:
            log(nothing_to_report(settings, trainer.steps, interrupted))
            return INTERRUPTED if interrupted else UNFINISHED
        trajectory = recording.trajectory
        beside = [] if interrupted else train_beside(settings, progress)
        stages = analyse(
            trajectory,
            settings.law,
            epsilon=settings.epsilon,
            test_samples=settings.test_samples,
            gradient_samples=settings.gradient_samples,
            seed=settings.seed,
            progress=progress.doing,
        )
    output = settings.output
    if output is not None and is_picture(output):
        write_picture(training_figure(trajectory, stages, batch=settings.batch, beside=beside), output)
        output = None
    if settings.format == "json":
        emit(dumps(training_entry(settings_as_plain(settings), trajectory, stages)), output)
    else:
        emit(training_text(headline(settings), trajectory, stages), output)
    return INTERRUPTED if interrupted else 0


def train_beside(settings: TrainSettings, progress: Progress) -> list[Trajectory]:
    """The runs of the further seeds, each with a checkpoint of its own; as far as a budget for each, or Ctrl-C, let
    them come.
    """
    from verify.papers.sub_ngrams.training.run import train

    found = []
    for seed in range(settings.seed + 1, settings.seed + settings.runs):
        checkpoint = settings.checkpoint and settings.checkpoint.removesuffix(".npz") + f"-seed{seed}.npz"
        progress.done(f"seed {seed}")
        again = settings.model_copy(update={"seed": seed, "checkpoint": checkpoint})
        recording, _, interrupted = train(again, progress)
        found.append(recording.trajectory)
        if interrupted:
            break
    return found


def nothing_to_report(settings: TrainSettings, steps: int, interrupted: bool) -> str:
    """Why there is no report, and how to come to one."""
    why = "interrupted" if interrupted else f"budget={settings.budget:g} s is used up"
    remedy = "give a larger budget, or checkpoint=FILE.npz to go on later"
    if settings.checkpoint:
        remedy = f"{shown(settings.checkpoint)} keeps the run, the same command goes on from there"
    return (
        f"verify.train: {why} at step {steps}: a report needs {FEWEST_RECORDS} records, every={settings.every} steps "
        f"apart; {remedy}"
    )


def headline(settings: TrainSettings) -> str:
    source = f"batch {settings.batch}" if settings.gradient == "batch" else "exact population gradient"
    return (
        f"sub-n-grams   n={settings.n}  S={settings.S}  T={settings.T}  alpha={settings.alpha}  seed={settings.seed}   "
        f"{settings.optimiser}  learning rate {settings.learning_rate:g}  {source}"
    )


if __name__ == "__main__":
    run_command("verify.train", main)
