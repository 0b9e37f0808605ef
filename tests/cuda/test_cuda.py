"""The same numbers on CUDA as on the CPU. Skipped where there is no CUDA; `python -m benchmarks gpu` runs them."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
import torch

from numerics.device import resolve_device
from numerics.mean_field.finite import loss, random_orthonormal
from numerics.sub_ngrams.annealed import annealed_transfer
from numerics.sub_ngrams.autograd import autograd, parameter_gradients
from numerics.sub_ngrams.closed_form import closed_form
from numerics.sub_ngrams.levels import TestSet as LevelTestSet
from numerics.sub_ngrams.monte_carlo import monte_carlo
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.population_gradient import population_gradient
from numerics.sub_ngrams.recording import Recording, resume, save
from numerics.sub_ngrams.sampling import chains, draw_kernels, polya_urn
from numerics.sub_ngrams.sequences import enumerate_sequences
from numerics.sub_ngrams.training import Recipe, Trainer
from numerics.sub_ngrams.trajectory import TrajectoryError
from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CASES = [
    (NGramLaw(2, 3), Configuration((1,), math.inf), 8),
    (NGramLaw(3, 2, Fraction(1, 3)), Configuration((1,), Fraction(5)), 6),
    (NGramLaw(2, 2, initial="dirichlet"), Configuration((), 1.0), 7),
]
ENGINES = {"closed_form": closed_form, "autograd": autograd}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_engines_over_all_sequences(name: str, case: int) -> None:
    on_cpu, on_cuda = (ENGINES[name](*CASES[case], device=device) for device in (CPU, CUDA))
    assert on_cuda.difference(on_cpu) <= on_cpu.error + on_cuda.error


@pytest.mark.parametrize(
    ("method", "law", "T"),
    [("gauss", NGramLaw(2, 2), 8), ("lattice", NGramLaw(2, 2), 1000), ("sobol", NGramLaw(3, 2), 100)],
)
@pytest.mark.parametrize("q", [math.inf, Fraction(7)])
def test_transfer(method: str, law: NGramLaw, T: int, q: Fraction | float) -> None:
    """The same nodes on both devices, so that only roundings differ."""
    configuration = Configuration((1,), q)
    on_cpu, on_cuda = (
        annealed_transfer(law, configuration, T, method=method, minutes=0.05, device=device) for device in (CPU, CUDA)
    )
    assert on_cuda.difference(on_cpu) <= min(1e-9, on_cpu.error + on_cuda.error)


def test_transfer_given_kernels() -> None:
    law, configuration = NGramLaw(3, 2), Configuration((1,), math.inf)
    kernels = draw_kernels(law, 50, torch.Generator().manual_seed(0))
    on_cpu, on_cuda = (transfer(kernels.to(device), law, configuration, 10**6) for device in (CPU, CUDA))
    assert on_cuda.blocks.device.type == "cuda"
    assert (on_cuda.blocks.cpu() - on_cpu.blocks).abs().max() <= on_cpu.error + on_cuda.error


@pytest.mark.parametrize("case", range(len(CASES)))
def test_monte_carlo(case: int) -> None:
    found, again = (monte_carlo(*CASES[case], samples=200_000, seed=3, level=1 - 1e-6, device=CUDA) for _ in range(2))
    assert found == again
    assert found.difference(closed_form(*CASES[case])) <= found.error


@pytest.mark.parametrize("drawn", ["urn", "kernels"])
@pytest.mark.parametrize("initial", ["uniform", "dirichlet"])
def test_sequences_have_their_probabilities(drawn: str, initial: str) -> None:
    law, T, count = NGramLaw(2, 3, Fraction(1, 2), initial=initial), 5, 2**18
    generator = torch.Generator(CUDA).manual_seed(1)
    if drawn == "urn":
        x, _ = polya_urn(law, T, count, generator)
    else:
        x = chains(law, draw_kernels(law, count, generator), T, generator)
    assert x.device.type == "cuda"
    place = torch.tensor([2**t for t in reversed(range(T))], device=CUDA)
    seen = (x * place).sum(1).bincount(minlength=2**T).cpu() / count
    due = torch.tensor([float(law.probability(word)) for word in product(range(2), repeat=T)])
    assert ((seen - due).abs() <= 6 * (due * (1 - due) / count).sqrt()).all()


@pytest.mark.parametrize("parametrisation", ["factorised", "merged"])
@pytest.mark.parametrize("epsilon", [0.0, 1e-6])
def test_gradients_of_the_network(parametrisation: str, epsilon: float) -> None:
    law, T = NGramLaw(2, 3), 7
    network = Network.random(law, T, torch.Generator().manual_seed(0), parametrisation=parametrisation)
    on_cpu = parameter_gradients(network, law, T, epsilon=epsilon)
    on_cuda = parameter_gradients(network.to(CUDA), law, T, epsilon=epsilon)
    for name, value in on_cuda.items():
        assert value.device.type == "cuda"
        assert (value.cpu() - on_cpu[name]).abs().max() <= 1e-13


def test_population_gradient_of_a_module() -> None:
    law, T = NGramLaw(2, 2), 6

    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.W = torch.nn.Parameter(torch.randn(2, 2, generator=generator, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.W[x].mean(1), -1)

    on_cpu, on_cuda = (population_gradient(Own().to(device), law, T, epsilon=1e-6) for device in (CPU, CUDA))
    assert on_cuda["W"].device.type == "cuda"
    assert (on_cuda["W"].cpu() - on_cpu["W"]).abs().max() <= 1e-13


@pytest.mark.parametrize("optimiser", ["gd", "adamw"])
def test_training_on_all_sequences(optimiser: str) -> None:
    recipe = Recipe(NGramLaw(2, 2), 6, optimiser=optimiser, batch=None, start=1)
    on_cpu, on_cuda = Trainer(recipe, CPU), Trainer(recipe, CUDA)
    for _ in range(10):
        assert abs(on_cpu.step() - on_cuda.step()) <= 1e-9
    for name, value in on_cuda.network.named_parameters():
        assert value.device.type == "cuda"
        assert (value.cpu() - dict(on_cpu.network.named_parameters())[name]).abs().max() <= 1e-7


@pytest.mark.parametrize("targets", ["predictive", "transition"])
def test_a_run_is_taken_up_where_it_stopped_and_only_there(targets: str, tmp_path: Path) -> None:
    recipe = Recipe(NGramLaw(2, 3), 8, batch=16, targets=targets)
    whole, first = Trainer(recipe, CUDA), Trainer(recipe, CUDA)
    losses = [whole.step() for _ in range(80)]  # beyond the batches drawn at once
    for _ in range(30):
        first.step()
    recording = Recording()
    recording.add(first, losses[30])
    save(tmp_path / "run.npz", recording, first, "recipe")
    content = (tmp_path / "run.npz").read_bytes()
    second = Trainer(recipe, CUDA)
    resume(content, second, "recipe")
    assert [second.step() for _ in range(50)] == pytest.approx(losses[30:], rel=1e-9)
    with pytest.raises(TrajectoryError, match="another device than cpu"):
        resume(content, Trainer(recipe, CPU), "recipe")


def test_losses_on_a_test_set() -> None:
    law, T = NGramLaw(2, 3), 8
    tests = LevelTestSet.draw(law, T, 500, 1e-8, torch.Generator().manual_seed(0))
    network = Network.random(law, T, torch.Generator().manual_seed(1))
    on_cpu = tests.mean_loss(network)
    assert tests.to(CUDA).mean_loss(network.to(CUDA)) == pytest.approx(on_cpu, rel=1e-12)


def test_enumeration_of_sequences() -> None:
    law, T = NGramLaw(3, 3, Fraction(1, 7), initial="dirichlet"), 7
    for a, b in zip(
        enumerate_sequences(law, T, batch=500, device=CPU),
        enumerate_sequences(law, T, batch=500, device=CUDA),
        strict=True,
    ):
        assert torch.equal(a.x, b.x.cpu())
        assert (a.P - b.P.cpu()).abs().max() <= 1e-14 and (a.weight - b.weight.cpu()).abs().max() <= 1e-14


def test_mean_field_networks() -> None:
    U, target = (random_orthonormal((2, 4), torch.Generator().manual_seed(s), CUDA) for s in (0, 1))
    assert loss(U, target).device.type == "cuda"
    assert float(loss(U, target)) == pytest.approx(float(loss(U.cpu(), target.cpu())), rel=1e-12)


def test_auto_takes_cuda() -> None:
    assert resolve_device("auto").type == "cuda"


def run(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"verify.{command}", *words], capture_output=True, text=True, timeout=300, check=False
    )


CHECKS = [
    "k=1 n=2 S=2 T=4,6",
    "k=2 n=3 engine=closed_form select=SN1,SN4,SN8,SN14",
    "paper=mean-field k=2 m=3",
    "paper=next-token",
]


@pytest.mark.parametrize("line", CHECKS)
def test_check_has_the_same_verdicts(line: str) -> None:
    verdicts = []
    for device in ("cpu", "cuda"):
        done = run("check", *line.split(), f"device={device}", "format=json", "seed=1", "budget=200")
        assert done.returncode == 0, done.stderr[-2000:]
        verdicts.append({claim["id"]: claim["verdict"] for claim in json.loads(done.stdout)["claims"]})
    assert verdicts[0] == verdicts[1]


@pytest.mark.parametrize("engine", ["autograd", "closed_form", "transfer", "monte_carlo"])
def test_gradient(engine: str) -> None:
    line = f"k=2 n=3 T=8 engine={engine} format=json seed=2".split()
    found = []
    for device in ("cpu", "cuda"):
        done = run("gradient", *line, f"device={device}")
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout))
    assert found[0].keys() == found[1].keys()


def test_train(tmp_path: Path) -> None:
    words = f"n=2 S=2 T=8 device=cuda batch=16 every=5 test_samples=64 checkpoint={tmp_path / 'run.npz'}".split()
    for steps in (20, 40):
        done = run("train", *words, f"steps={steps}")
        assert done.returncode == 0, done.stderr[-2000:]
    assert "resumed from" in done.stderr
    other = [word.replace("device=cuda", "device=cpu") for word in words]
    assert run("train", *other, "steps=60").returncode == 2
