"""One training run: resumed where its checkpoint stopped, stopped cleanly at Ctrl-C, or when the budget is spent."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch

from numerics.device import resolve_device
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.recording import Recording, resume, save
from numerics.sub_ngrams.stages import LEVEL_SEED
from numerics.sub_ngrams.training import Recipe, Trainer
from numerics.sub_ngrams.trajectory import LARGEST_FILE, TrajectoryError
from verify.alarm import Alarm, OutOfBudgetError
from verify.command import Progress
from verify.files import FileError, read_bytes
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.printing import shown
from verify.settings import UsageError
from verify.torch_modes import torch_modes_kept


class Interruption:
    """Whether Ctrl-C was pressed: the step under way is finished, so that the run can be stored and reported."""

    pressed = False

    def press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:  # a second time: at once
            raise KeyboardInterrupt
        self.pressed = True


@contextmanager
def catch_interruption() -> Iterator[Interruption]:
    interruption = Interruption()
    before = signal.signal(signal.SIGINT, interruption.press)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)


def recipe(settings: TrainSettings) -> Recipe:
    return Recipe(
        settings.law,
        settings.T,
        optimiser=settings.optimiser,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        batch=settings.batch if settings.gradient == "batch" else None,
        targets=settings.targets,
        epsilon=settings.epsilon,
        start=settings.start,
        noise=settings.noise,
        c=settings.c,
        c_A=settings.c_A,
        seed=settings.seed,
    )


@torch_modes_kept()
def train(settings: TrainSettings, progress: Progress) -> tuple[Recording, Trainer, bool]:
    """The recorded run, the trainer at its end, and whether Ctrl-C ended it."""
    device = resolve_device(settings.device)
    trainer = Trainer(recipe(settings), device)
    generator = torch.Generator().manual_seed(settings.seed + LEVEL_SEED)
    tests = TestSet.draw(settings.law, settings.T, settings.test_samples, settings.epsilon, generator).to(device)
    path = None if settings.checkpoint is None else Path(settings.checkpoint)
    recording = Recording()
    if path is not None and path.exists():
        try:
            recording = resume(read_bytes(path, LARGEST_FILE), trainer, settings.recipe_text)
        except (FileError, TrajectoryError) as error:
            raise UsageError(shown(f"checkpoint={path}: {error}", most=400)) from None
        progress.done(f"resumed from {path} at step {trainer.steps}")
    deadline = time.monotonic() + (settings.budget or float("inf"))
    saved = time.monotonic()
    with catch_interruption() as interruption, Alarm(settings.budget) as alarm:
        stop = False
        while not stop:
            try:
                due = trainer.steps % settings.every == 0 or trainer.steps == settings.steps
                if due and trainer.steps not in recording.networks:
                    loss = alarm.guard(lambda: tests.mean_loss(trainer.network))
                    recording.add(trainer, loss)
                    report_step(progress, trainer.steps, settings.steps, loss)
                stop = trainer.steps >= settings.steps or interruption.pressed or time.monotonic() > deadline
                if not stop:
                    alarm.guard(trainer.differentiate)
                    trainer.update()
            except OutOfBudgetError:  # in the middle of a step, or of a record
                stop = True
            if path is not None and (stop or time.monotonic() - saved > settings.save_seconds):
                store(path, recording, trainer, settings)
                saved = time.monotonic()
    return recording, trainer, interruption.pressed


def report_step(progress: Progress, step: int, steps: int, loss: float) -> None:
    text = f"step {step} of {steps}   test loss {loss:.4f}"
    progress.doing(text)
    if step * 8 // steps != max(0, step - 1) * 8 // steps or step == 0:
        progress.done(text)


def store(path: Path, recording: Recording, trainer: Trainer, settings: TrainSettings) -> None:
    try:
        save(path, recording, trainer, settings.recipe_text)
    except OSError as error:
        raise UsageError(f"checkpoint={path}: cannot be written ({error.strerror})") from None
