"""The trainer: one step is the optimiser's formula on the population gradient, and a run can be taken up anywhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numerics.sub_ngrams.autograd import parameter_gradients
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.recording import DIGEST, Recording, _digest, resume, save
from numerics.sub_ngrams.sequences import predictive
from numerics.sub_ngrams.symmetries import distances, nearest
from numerics.sub_ngrams.training import AHEAD, Batches, Recipe, Trainer
from numerics.sub_ngrams.trajectory import TrajectoryError
from proofs.sub_ngrams.law import NGramLaw
from tests.full_disk import room_for

LAW = NGramLaw(2, 3, Fraction(1, 2))
SMALL = Recipe(LAW, 6, batch=4, seed=3)
CPU = torch.device("cpu")

RECIPES = {
    "authors": SMALL,
    "predictive": dataclasses.replace(SMALL, targets="predictive"),
    "transition, dirichlet": dataclasses.replace(
        SMALL, targets="transition", law=dataclasses.replace(LAW, initial="dirichlet")
    ),
    "gradient descent": dataclasses.replace(SMALL, optimiser="gd", learning_rate=0.1),
    "exact": dataclasses.replace(SMALL, batch=None),
    "near the bigram": dataclasses.replace(SMALL, start=2),
}


def parameters(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in trainer.network.named_parameters()}


def run(trainer: Trainer, steps: int) -> list[float]:
    return [trainer.step() for _ in range(steps)]


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("stop", [0, 3, AHEAD, AHEAD + 5])
def test_a_run_taken_up_goes_on_bit_for_bit(name: str, stop: int) -> None:
    recipe = RECIPES[name]
    whole, first, second = Trainer(recipe), Trainer(recipe), Trainer(recipe)
    run(whole, stop)
    run(first, stop)
    second.restore(first.state())
    assert second.steps == stop
    assert run(second, 5) == run(whole, 5)
    for key, value in parameters(whole).items():
        assert torch.equal(value, parameters(second)[key])


def test_exact_gradient_descent_follows_the_population_gradient() -> None:
    """theta - rate * (g + decay theta), g by the engine that gathers all sequences batch by batch."""
    recipe = dataclasses.replace(RECIPES["exact"], optimiser="gd", learning_rate=0.3, weight_decay=0.2)
    trainer = Trainer(recipe)
    before = parameters(trainer)
    g = parameter_gradients(trainer.network, LAW, recipe.T, epsilon=recipe.epsilon, batch=7)
    trainer.step()
    for name, value in parameters(trainer).items():
        expected = before[name] - 0.3 * (g[name] + 0.2 * before[name])
        assert float((value - expected).abs().max()) <= 1e-14  # some dozen roundings of numbers below 10


def test_first_adamw_step_has_the_size_of_the_rate() -> None:
    """b1 = 0: theta (1 - rate decay) - rate g / (|g| + 1e-8)."""
    recipe = RECIPES["exact"]
    trainer = Trainer(recipe)
    before = parameters(trainer)
    g = parameter_gradients(trainer.network, LAW, recipe.T, epsilon=recipe.epsilon)
    trainer.step()
    for name, value in parameters(trainer).items():
        size = g[name].abs()
        clear = size > 1e-6  # where rounding in g does not decide the sign
        expected = before[name] * (1 - 1e-2 * 1e-4) - 1e-2 * g[name] / (size + 1e-8)
        assert clear.any() and float((value - expected)[clear].abs().max()) <= 1e-9


def test_loss_falls_on_the_exact_objective() -> None:
    losses = run(Trainer(RECIPES["exact"]), 60)
    assert losses[-1] < losses[0] - 0.01


def test_batches_are_fresh_and_targets_are_unbiased() -> None:
    """E[row of the kernel | x] is the predictive: the mean difference is 0 within 5 standard errors, token by token."""
    recipe = dataclasses.replace(SMALL, batch=4000, targets="transition")
    stream = Batches(recipe, CPU)
    first = stream.current()
    stream.advance()
    second = stream.current()
    assert not torch.equal(first.x, second.x)
    assert float((first.P.sum(1) - 1).abs().max()) < 1e-12
    gap = first.P - predictive(LAW, first.x)
    for token in range(2):
        chosen = gap[first.x[:, -1] == token, 0]
        assert float(chosen.mean().abs()) < 5 * float(chosen.std()) / len(chosen) ** 0.5
    product = gap[:, 0] * (predictive(LAW, first.x)[:, 0] - 0.5)  # the row of another context would not follow x
    assert float(product.mean().abs()) < 5 * float(product.std()) / 4000**0.5
    assert float(gap.abs().mean()) > 0.01  # and it is not the predictive itself


@pytest.mark.parametrize("name", RECIPES)
def test_a_step_that_is_broken_off_leaves_no_trace(name: str) -> None:
    """`differentiate` as often as one likes: the run goes on, and is stored, as if it had not been called."""
    whole, broken = Trainer(RECIPES[name]), Trainer(RECIPES[name])
    for _ in range(AHEAD + 2):
        stored = broken.state()
        broken.differentiate()
        taken_up = Trainer(RECIPES[name])
        taken_up.restore(stored)
        assert broken.step() == whole.step() == taken_up.step()
        a, b, c = (trainer.state() for trainer in (whole, broken, taken_up))
        assert all(torch.equal(a[key], b[key]) and torch.equal(a[key], c[key]) for key in a)


def test_start_near_a_configuration() -> None:
    network = Trainer(dataclasses.replace(SMALL, start=3, noise=1e-3, c_A=30.0)).network
    near = nearest(distances(network))
    assert near.k == 3 and near.relative < 0.1 and abs(near.c - 3.0) < 0.3


def test_seeds_matter_and_repeat() -> None:
    assert run(Trainer(SMALL), 3) == run(Trainer(SMALL), 3)
    assert run(Trainer(SMALL), 3) != run(Trainer(dataclasses.replace(SMALL, seed=4)), 3)


# --- on disk ---


def recorded(path: Path, steps: int) -> tuple[Recording, Trainer]:
    trainer, recording = Trainer(SMALL), Recording()
    tests = TestSet.draw(LAW, 6, 64, 1e-8, torch.Generator().manual_seed(0))
    for _ in range(steps):
        recording.add(trainer, tests.mean_loss(trainer.network))
        trainer.step()
    save(path, recording, trainer, "recipe 1")
    return recording, trainer


@pytest.mark.parametrize("steps", [1, 5])
def test_a_file_brings_back_recording_and_trainer(tmp_path: Path, steps: int) -> None:
    path = tmp_path / "run.npz"
    recording, trainer = recorded(path, steps)
    again = Trainer(SMALL)
    found = resume(path.read_bytes(), again, "recipe 1")
    assert (found.steps, found.losses) == (recording.steps, recording.losses)
    assert run(again, 4) == run(trainer, 4)
    for step, network in recording.networks.items():
        for name, value in network.named_parameters():
            assert torch.equal(value, found.networks[step].get_parameter(name))
    assert list(tmp_path.iterdir()) == [path]  # no temporary file is left


def signed(arrays: dict[str, Any]) -> dict[str, Any]:
    """With the digest that belongs to them."""
    parts = {name: np.asanyarray(values) for name, values in arrays.items() if name != DIGEST}
    return parts | {DIGEST: np.array(_digest(parts))}


def kept(path: Path) -> dict[str, Any]:
    recorded(path, 4)
    with np.load(path) as file:
        return dict(file)


def test_files_that_cannot_be_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    arrays = kept(path)
    with pytest.raises(TrajectoryError, match="other settings"):
        resume(path.read_bytes(), Trainer(SMALL), "recipe 2")
    del arrays["recipe"]
    np.savez(path, **arrays)
    with pytest.raises(TrajectoryError, match="no array called recipe"):
        resume(path.read_bytes(), Trainer(SMALL), "recipe 1")


M, V, STEP = "resume/optimiser/0/exp_avg", "resume/optimiser/0/exp_avg_sq", "resume/optimiser/0/step"
DAMAGE: dict[str, dict[str, Callable[[Any], Any]]] = {  # arrays and what becomes of them; None: they are left out
    "a parameter less": {"resume/parameter/Q": lambda x: None},
    "a parameter of another shape": {"resume/parameter/Q": lambda x: np.zeros((2, 2))},
    "a parameter that is no number": {"resume/parameter/Q": lambda x: x * np.nan},
    "words for numbers": {"resume/parameter/Q": lambda x: x.astype(str)},
    "another generator": {"resume/batches/generator": lambda x: np.zeros_like(x)},
    "a generator of floats": {"resume/batches/generator": lambda x: x.astype(float)},
    "more batches used than there are": {"resume/batches/used": lambda x: x + 1000},
    "less than no batch used": {"resume/batches/used": lambda x: x * 0 - 1},
    "a moment less": {M: lambda x: None},
    "a moment of another shape": {M: lambda x: x[:1]},
    "a moment that is infinite": {M: lambda x: x + np.inf},
    "a square below 0": {V: lambda x: -np.abs(x) - 1},
    "squares that are no numbers": {V: lambda x: x * np.nan},
    "many steps of the optimiser": {STEP: lambda x: np.zeros((3, 3), np.float32)},
    "less than no step": {"resume/steps": lambda x: x * 0 - 5},
    "infinite steps": {"resume/steps": lambda x: np.array(np.inf)},
    "many numbers of steps": {"resume/steps": lambda x: np.arange(3)},
    "a record from the future": {"hist": lambda x: np.vstack([x, [1000.0, 0.5]])},
    "losses that are no numbers": {"hist": lambda x: x * np.nan},
    "recorded networks of another length": {f"{step}/A1": (lambda x: np.zeros((2, 7, 7))) for step in range(4)},
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_checkpoint_damaged_on_purpose_is_damaged(how: str, tmp_path: Path) -> None:
    """By its digest; and where somebody has made that fit, because the run could not go on from there."""
    path = tmp_path / "run.npz"
    arrays = kept(path)
    for name, change in DAMAGE[how].items():
        new = change(arrays.pop(name))
        arrays |= {} if new is None else {name: new}
    for content, reason in ((arrays, "does not have its digest"), (signed(arrays), "")):
        np.savez(path, **content)
        with pytest.raises(TrajectoryError, match="damaged checkpoint") as caught:
            resume(path.read_bytes(), Trainer(SMALL), "recipe 1")
        assert reason in str(caught.value) and "delete it" in str(caught.value)


def test_values_exchanged_are_noticed(tmp_path: Path) -> None:
    """Nothing but the digest can tell."""
    path = tmp_path / "run.npz"
    arrays = kept(path)
    np.savez(path, **signed(arrays))
    resume(path.read_bytes(), Trainer(SMALL), "recipe 1")
    arrays["resume/parameter/Q"] = arrays["resume/parameter/Q"][::-1]
    np.savez(path, **arrays)
    with pytest.raises(TrajectoryError, match="digest"):
        resume(path.read_bytes(), Trainer(SMALL), "recipe 1")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "harm",))

    path = tmp_path / "run.npz"
    arrays = kept(path)
    np.savez(path, **arrays | {"resume/steps": np.array([Harm()], dtype=object)})
    with pytest.raises(TrajectoryError):
        resume(path.read_bytes(), Trainer(SMALL), "recipe 1")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("optimiser", ["adamw", "gd"])
def test_a_run_goes_on_from_any_step(optimiser: Any, tmp_path: Path) -> None:
    for steps in (0, 3):
        recipe = dataclasses.replace(SMALL, optimiser=optimiser)
        trainer = Trainer(recipe)
        run(trainer, steps)
        recording = Recording()
        tests = TestSet.draw(LAW, 6, 64, 1e-8, torch.Generator().manual_seed(0))
        recording.add(trainer, tests.mean_loss(trainer.network))
        save(tmp_path / "run.npz", recording, trainer, "recipe")
        again = Trainer(recipe)
        resume((tmp_path / "run.npz").read_bytes(), again, "recipe")
        assert again.steps == steps and run(again, 3) == run(trainer, 3)


def test_a_full_disk_keeps_the_checkpoint_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    recording, trainer = recorded(path, 2)
    before = path.read_bytes()
    with room_for(1000), pytest.raises(OSError, match=r"[Ff]ile"):
        save(path, recording, trainer, "recipe 1")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
