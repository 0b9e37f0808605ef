"""SN15 on recorded runs: which file, under which law, with which headline; and losses that belong to the parameters."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from numerics.sub_ngrams.frequency import corrected_level
from numerics.sub_ngrams.frequency_network import saturated_network
from numerics.sub_ngrams.levels import TestSet
from numerics.sub_ngrams.network import Network
from numerics.sub_ngrams.recorded_losses import evenly, find_contradiction, loss_with_errors
from numerics.sub_ngrams.sampling import chains, draw_kernels
from numerics.sub_ngrams.sequences import words
from numerics.sub_ngrams.trajectory import Trajectory
from proofs.sub_ngrams.law import NGramLaw
from verify import check, train
from verify.claim import Run, Verdict
from verify.papers.sub_ngrams import PAPER, plateaus, refuse_what_cannot_run
from verify.papers.sub_ngrams.recorded import PACKAGED
from verify.papers.sub_ngrams.settings import SubNGramSettings
from verify.report.plain import settings_as_plain
from verify.settings import UsageError, validate


def loaded(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def settings(path: Path | None = None, **given: str) -> SubNGramSettings:
    file = {} if path is None else {"trajectory": str(path)}
    return validate(SubNGramSettings, {"select": "SN15"} | file | given)


def at_steps(steps: tuple[int, ...], arrays: dict[str, Any]) -> dict[str, Any]:
    """The packaged run with fewer snapshots, and with what its provenance says of its losses."""
    kept = {name: x for name, x in arrays.items() if name.partition("/")[0] in map(str, steps)}
    return {"hist": arrays["hist"], "test_samples": np.array(8192), **kept}


@pytest.fixture(scope="module")
def few() -> dict[str, Any]:
    return at_steps((0, 640, 4096), loaded(PACKAGED))


@pytest.fixture(scope="module")
def finding() -> Any:
    return plateaus.plateaus_at_k_grams(settings(), Run())


def test_the_recorded_trajectory_passes_the_bigram(finding: Any) -> None:
    assert finding.verdict == Verdict.VERIFIED and finding.instances == 2
    assert [plateau["level"] for plateau in finding.details["plateaus"]] == ["2-gram+", "3-gram+"]
    assert all(abs(plateau["relative"]) < 0.1 for plateau in finding.details["plateaus"])
    assert all(
        plateau["loss"] < plain["loss"] - 0.01
        for plateau, plain in zip(finding.details["plateaus"], finding.details["levels"][1:3], strict=True)
    )  # below the k-gram levels: what the frequency term explains
    assert finding.details["conditions"] == dict.fromkeys(
        ("on a level", "nearest predictor", "in stages", "small gradient"), "holds"
    )
    for plateau in finding.details["plateaus"]:
        assert f"the loss changes by {plateau['drift']:+.4f} on it" in finding.footnote


def test_the_numbers_shown_are_those_that_decide(finding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last is how many standard errors the rule could ask for, to a digit."""
    for plateau in finding.details["plateaus"]:
        told = f"{plateau['error']:+.4f} nats, {plateau['relative']:+.2f} of the gap, at {plateau['level']}"
        assert told in finding.found
    shown = re.search(r"on (\d+)% .*; k = 2, 3; \|gradient\|\^2 smaller by ([\d.]+) standard errors$", finding.found)
    assert shown is not None and int(shown[1]) > 50
    for errors, condition in ((float(shown[2]) - 0.06, "holds"), (float(shown[2]) + 0.06, "undecided")):
        monkeypatch.setattr(plateaus, "ERRORS", errors)
        assert plateaus.plateaus_at_k_grams(settings(), Run()).details["conditions"]["small gradient"] == condition


def test_a_trajectory_that_is_none_of_it_is_refuted(tmp_path: Path) -> None:
    """The same networks in reverse: plateaus come in the wrong order, and the claim fails, twice."""
    arrays = loaded(PACKAGED)
    steps = sorted({int(name.split("/")[0]) for name in arrays if "/" in name})[::3]
    losses = dict(arrays["hist"].tolist())
    reversed_ = {"hist": np.array([[step, 2 - losses[other]] for step, other in zip(steps, steps[::-1], strict=True)])}
    for step, other in zip(steps, steps[::-1], strict=True):
        reversed_ |= {f"{step}/{name}": arrays[f"{other}/{name}"] for name in ("A1", "V", "Q", "Kt")}
    path = tmp_path / "reversed.npz"
    np.savez(path, **reversed_)
    found = plateaus.plateaus_at_k_grams(settings(path, alpha="1/2", initial="dirichlet"), Run())
    assert found.verdict == Verdict.REFUTED
    assert "in stages" in found.details["counterexample"]["failed"]


def at_theta_2(T: int = 8) -> tuple[NGramLaw, Network, float]:
    """The network at theta_2^+, at n = 2, and its loss."""
    law = NGramLaw(2, 2, Fraction(1, 2))
    tests = TestSet.draw(law, T, 4096, 1e-8, torch.Generator().manual_seed(3))
    network = saturated_network(law, corrected_level(2, 2, tests).best, T)
    return law, network, tests.mean_loss(network)


def test_one_plateau_passes_nothing(tmp_path: Path) -> None:
    """A run that stays at theta_2^+: all that can be tested holds, on the one plateau that there is."""
    path = tmp_path / "flat.npz"
    _, network, loss = at_theta_2()
    steps = tuple(range(6))
    np.savez(path, **Trajectory(steps, (loss,) * 6, dict.fromkeys(steps, network)).arrays())
    found = plateaus.plateaus_at_k_grams(settings(path, alpha="1/2"), Run())
    assert found.instances == 1 and set(found.details["conditions"].values()) == {"holds", "not tested"}
    assert found.verdict == Verdict.UNDECIDED and found.reason == "a single plateau: nothing to pass through"


# --- keys of the file ---

SMALL = "n=2 S=2 T=6 batch=8 every=2 test_samples=64 gradient_samples=64 steps=8 alpha=3/7"


@pytest.fixture
def own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A recording of verify.train, which carries its law."""
    path = tmp_path / "run.npz"
    assert train.main([*SMALL.split(), f"checkpoint={path}", "format=json"]) == 0
    capsys.readouterr()
    return path


def test_n_S_and_the_law_are_those_of_the_file(own: Path) -> None:
    for given in ({}, {"n": "2"}, {"S": "2", "alpha": "3/7", "initial": "uniform"}):
        chosen = settings(own, **given)
        assert PAPER.headline(chosen) == "k=2  n=2  S=2  alpha=3/7  lags {1}  initial uniform  trajectory run.npz"
        plain = settings_as_plain(chosen)
        assert [plain[key] for key in ("k", "n", "S", "alpha", "initial")] == [2, 2, 2, "3/7", "uniform"]
    chosen = settings(PACKAGED)  # known by its digest
    assert PAPER.headline(chosen).startswith("k=2  n=3  S=3  alpha=1/2  lags {1}  initial dirichlet")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": "3"}, "a run with n=2, not n=3"),
        ({"n": "3", "k": "3"}, "a run with n=2, not n=3"),
        ({"S": "3"}, "a run with S=2, not S=3"),
        ({"alpha": "1"}, "a run with alpha=3/7, not alpha=1"),
        ({"alpha": "0.43"}, "a run with alpha=3/7, not alpha=43/100"),
        ({"initial": "dirichlet"}, "a run with initial=uniform, not initial=dirichlet"),
        ({"k": "3"}, "k=3: k must be a whole number from 1 to n=2"),
        ({"n": "two"}, "n=two: n must be a whole number"),
        ({"alpha": "0"}, "a run with alpha=3/7, not alpha=0"),
    ],
)
def test_other_keys_than_those_of_the_file_are_refused(own: Path, given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(own, **given)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_every_report_has_the_headline_of_the_file(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {}
    for kind in ("table", "json", "html", "junit"):
        assert check.main(["select=SN15", f"trajectory={own}", f"format={kind}"]) in (0, 1, 3)
        texts[kind] = capsys.readouterr().out
    assert "k=2  n=2  S=2  alpha=3/7" in texts["table"]
    assert "k = 2 , n = 2 , S = 2 , α =" in " ".join(re.sub(r"<[^>]+>", " ", texts["html"]).split())
    assert "k=2  n=2  S=2  alpha=3/7" in texts["junit"] and '<property name="k" value="2" />' in texts["junit"]
    assert json.loads(texts["json"])["settings"]["k"] == 2


def test_what_the_file_does_not_say_is_given(tmp_path: Path, own: Path) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, **{name: x for name, x in loaded(own).items() if name != "recipe"})
    chosen = settings(path, alpha="2")
    assert (chosen.n, chosen.alpha, chosen.initial) == (2, 2, "uniform")
    assert chosen.recorded is not None and chosen.recorded.law(chosen) == NGramLaw(2, 2, Fraction(2))


RECIPES: list[Any] = [
    "[" * 10**5, "{}", "[]", "1", "", '{"alpha": "1", "alpha": "2"}', np.array(["a", "b"]), np.array(3.5),
    *(
        {"alpha": "1/2", "initial": "uniform", "epsilon": 1e-8, "test_samples": 64} | {key: value}
        for key, value in (
            ("alpha", "1e999999999"), ("alpha", "0"), ("alpha", 5e299), ("alpha", None), ("alpha", "1/0"),
            ("initial", "other"), ("initial", [1]), ("epsilon", "x"), ("epsilon", -1), ("epsilon", math.nan),
            ("test_samples", 0), ("test_samples", "many"), ("test_samples", 10**5000),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_damaged_recipes(tmp_path: Path, own: Path, recipe: Any) -> None:
    path = tmp_path / "damaged.npz"
    if isinstance(recipe, dict):
        number = recipe["test_samples"]
        recipe = json.dumps({**recipe, "test_samples": 0}).replace(
            '"test_samples": 0', '"test_samples": ' + ("1" + "0" * 5000 if number == 10**5000 else json.dumps(number))
        )
    np.savez(path, **loaded(own) | {"recipe": np.array(recipe)})
    with pytest.raises(UsageError, match=r"damaged\.npz: its array `recipe` is damaged$"):
        settings(path)


def test_files_that_cannot_be_used(tmp_path: Path, few: dict[str, Any]) -> None:
    bad, large = tmp_path / "bad.npz", tmp_path / "large.npz"
    bad.write_text("no")
    rng = np.random.default_rng(0)
    wide = {
        "A1": rng.normal(size=(1, 4, 4)),
        "V": np.ones((1, 60, 60)),
        "Q": np.ones((120, 2)),
        "Kt": np.ones((2, 120)),
    }
    np.savez(large, hist=few["hist"], **{f"{step}/{name}": x for step in (0, 64) for name, x in wide.items()})
    for path, message in (
        (bad, "not an .npz file"),
        (large, "S=60 n=2: S up to 50 and n up to 12"),
        (tmp_path / "missing.npz", "cannot be read (No such file or directory)"),
        (tmp_path, "cannot be read (a folder)"),
    ):
        with pytest.raises(UsageError) as caught:
            settings(path)
        assert str(caught.value) == f"trajectory={path}: {message}"


# --- losses of the parameters, and recorded ones ---


def transposed(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda arrays: {key: x.swapaxes(-1, -2) if key.endswith(name) else x for key, x in arrays.items()}


def exchanged(arrays: dict[str, Any]) -> dict[str, Any]:
    names = {"640": "4096", "4096": "640"}
    return {"/".join([names.get(key.partition("/")[0], key.partition("/")[0]), *key.split("/")[1:]]): x
            for key, x in arrays.items()}  # fmt: skip


def with_losses(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda arrays: arrays | {"hist": np.column_stack([arrays["hist"][:, 0], change(arrays["hist"][:, 1])])}


WRONG = {
    "K for its transpose": transposed("Kt"),
    "Q transposed": transposed("Q"),
    "V transposed": transposed("V"),
    "A transposed": transposed("A1"),
    "Q and K exchanged": lambda a: {
        (key[:-1] + "Kt" if key.endswith("/Q") else key[:-2] + "Q" if key.endswith("Kt") else key): x.T
        if key.endswith(("/Q", "Kt"))
        else x
        for key, x in a.items()
    },
    "logits divided by sqrt d": lambda a: {key: 3 * x if key.endswith("/Q") else x for key, x in a.items()},
    "heads in the other order": lambda a: {key: x[::-1] if key.endswith("A1") else x for key, x in a.items()},
    "steps mixed up": exchanged,
    "losses in bits": with_losses(lambda x: x / math.log(2)),
    "sums over the batch": with_losses(lambda x: 8192 * x),
    "numbers that overflow": lambda a: {key: x * 1e200 if key.endswith(("Q", "Kt")) else x for key, x in a.items()},
}
LAW = {"alpha": "1/2", "initial": "dirichlet"}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_losses_that_contradict_the_parameters(tmp_path: Path, few: dict[str, Any], change: Any) -> None:
    path = tmp_path / "run.npz"
    np.savez(path, **few)
    refuse_what_cannot_run(settings(path, **LAW))
    np.savez(path, **change({key: x.astype(float) for key, x in few.items()}))
    both = r"the loss of its parameters is (\d+\.\d{4}|nan), the recorded one \d+\.\d{4}, more than .* apart"
    with pytest.raises(UsageError, match=rf"step \d+: {both}"):
        refuse_what_cannot_run(settings(path, **LAW))


def test_another_law_contradicts_the_losses(tmp_path: Path, few: dict[str, Any]) -> None:
    path = tmp_path / "run.npz"
    np.savez(path, **few)
    with pytest.raises(UsageError, match=r"another law than alpha=2 initial=dirichlet \(.* over 8192 sequences\)$"):
        refuse_what_cannot_run(settings(path, alpha="2", initial="dirichlet"))
    np.savez(path, **{name: x for name, x in few.items() if name != "test_samples"})
    with pytest.raises(UsageError, match=r"mean over 1000 sequences; if it is fewer, .* an array test_samples\)$"):
        refuse_what_cannot_run(settings(path, alpha="100", initial="dirichlet"))


def test_the_packaged_run_and_recordings_of_our_own_are_sound(own: Path) -> None:
    refuse_what_cannot_run(settings(PACKAGED))
    refuse_what_cannot_run(settings(own))


# the recordings below: n = 2, so that a chain's kernel is quickly drawn
LITTLE = NGramLaw(2, 2, Fraction(1, 2))
T, RECORDINGS, SEQUENCES = 8, 60, 200


def recorded_loss(network: Network, kind: str, generator: torch.Generator) -> float:
    """A test loss as somebody may have measured it: by the posterior, the sequence's own kernel, or a drawn token."""
    if kind == "predictive":
        return TestSet.draw(LITTLE, T, SEQUENCES, 1e-8, generator).mean_loss(network)
    kernel = draw_kernels(LITTLE, SEQUENCES, generator)
    x = chains(LITTLE, kernel, T, generator)
    P = kernel[torch.arange(SEQUENCES), words(x[:, -1:], 1, 2)[:, 0]]
    if kind == "drawn":
        P = torch.nn.functional.one_hot(torch.multinomial(P, 1, generator=generator)[:, 0], 2).double()
    return TestSet(x, P, 1e-8).mean_loss(network)


@pytest.mark.parametrize("kind", ["predictive", "transition", "drawn"])
def test_sampling_alone_contradicts_nothing(kind: str) -> None:
    """Sound recordings of all kinds are accepted; moved by more than the tolerance they are not."""
    generator = torch.Generator().manual_seed(5)
    networks = {step: Network.random(LITTLE, T, generator, scale=2.0) for step in range(RECORDINGS)}
    losses = tuple(recorded_loss(network, kind, generator) for network in networks.values())

    def contradiction(losses: tuple[float, ...]) -> Any:
        run = Trajectory(tuple(networks), losses, networks)
        return find_contradiction(run, LITTLE, 1e-8, test_samples=SEQUENCES, generator=torch.Generator().manual_seed(6))

    assert contradiction(losses) is None
    found = contradiction((losses[0] + 10, *losses[1:]))
    assert found.step == 0 and found.recorded == losses[0] + 10
    largest = -math.log(1e-8) / 2  # standard deviation of numbers between 0 and -log epsilon
    assert 0 < found.tolerance < 6 * largest * math.sqrt(1 / SEQUENCES + 1 / 1024)
    moved = found.loss + 1.01 * found.tolerance, *losses[1:]
    assert contradiction(moved).step == 0 and contradiction((found.loss + 0.99 * found.tolerance, *losses[1:])) is None


def test_the_worst_step_is_told() -> None:
    generator = torch.Generator().manual_seed(5)
    network = Network.random(LITTLE, T, generator)
    loss = recorded_loss(network, "predictive", generator)
    run = Trajectory(tuple(range(5)), (loss, loss + 3, loss + 9, loss - 5, loss), dict.fromkeys(range(5), network))
    found = find_contradiction(run, LITTLE, 1e-8, test_samples=SEQUENCES, generator=generator)
    assert found is not None and found.step == 2 and found.recorded == loss + 9


def test_the_deviation_of_one_loss_is_that_of_a_drawn_token() -> None:
    """Against the losses on drawn tokens themselves; by the posterior they deviate less."""
    generator, count = torch.Generator().manual_seed(7), 40_000
    network = Network.random(LITTLE, T, generator)
    tests = TestSet.draw(LITTLE, T, count, 1e-8, generator)
    mean, error, single = loss_with_errors(network, tests)
    token = torch.multinomial(tests.P, 1, generator=generator)
    losses = -(tests.predictions(network).gather(1, token)[:, 0] + 1e-8).log()
    spread = ((losses - losses.mean()) ** 2).std() / math.sqrt(count)  # standard error of the variance
    assert abs(single**2 - float(losses.var())) < 4 * spread
    assert abs(mean - float(losses.mean())) < 4 * single / math.sqrt(count)
    assert error * math.sqrt(count) < 0.9 * single


def test_evenly_chosen_snapshots() -> None:
    assert evenly([1, 2, 3], 3) == [1, 2, 3]
    assert evenly(list(range(10)), 4) == [0, 3, 6, 9]
    assert evenly(list(range(10)), 2) == [0, 9]
