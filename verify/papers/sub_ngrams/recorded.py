"""The recorded run of claim SN15: the file `trajectory`, or the packaged one, and the law of its data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proofs.sub_ngrams.law import NGramLaw
from verify.files import FileError, parse_json, read_bytes
from verify.papers.sub_ngrams.training.settings import TrainSettings
from verify.settings import UsageError

if TYPE_CHECKING:  # whose keys are filled in from here
    from numerics.sub_ngrams.trajectory import Trajectory
    from verify.papers.sub_ngrams.settings import SubNGramSettings

FOLDER = Path(__file__).parent / "trajectories"
PACKAGED = FOLDER / "trigram_S3_T32_alpha0.5.npz"
MOST_SNAPSHOTS = 160  # of a trajectory: evenly chosen, so that the check takes seconds
LARGEST_LAW, LARGEST_T = 2**15, 2**12  # of S^n and T: a gigabyte of urns, and of tokens, for the test sequences
EPSILON = 1e-8  # in the loss, where the file does not say
FEW_TEST_SAMPLES = 1000  # sequences behind a recorded loss, where the file does not say: at least so many
TRAINING = ("optimiser", "learning_rate", "weight_decay", "gradient", "batch", "targets", "seed")  # keys of a recipe
LOSS_SEED = 303  # added to the seed: a stream of its own


@dataclass(frozen=True)
class Recorded:
    """A trajectory, with what is known of the law of its data and of its losses.

    known         of alpha, initial, epsilon: what the file itself says, or its entry in trajectories/provenance.json
    test_samples  how many sequences each recorded loss is the mean of, if known
    training      how the run was trained, in words; "" where the file does not say
    """

    path: Path
    trajectory: Trajectory
    known: Mapping[str, Any]
    test_samples: int | None
    training: str = ""

    @property
    def keys(self) -> dict[str, Any]:
        """Keys of a check that are those of the file."""
        S, n, _ = self.trajectory.shape
        return {"S": S, "n": n} | {key: self.known[key] for key in ("alpha", "initial") if key in self.known}

    @property
    def epsilon(self) -> float:
        return float(self.known.get("epsilon", EPSILON))

    def law(self, settings: SubNGramSettings) -> NGramLaw:
        """As the file says; what it does not say is as in the settings."""
        S, n, _ = self.trajectory.shape
        alpha, initial = self.known.get("alpha", settings.alpha), self.known.get("initial", settings.initial)
        return NGramLaw(S, n, alpha, initial)


def read_recorded(path: Path) -> Recorded:
    """ValueError, in one line, for a file that cannot be read, or is no trajectory, or a too large one."""
    from numerics.sub_ngrams.trajectory import (
        LARGEST_FILE,
        TrajectoryError,
        parse_trajectory,
        read_arrays,
        recorded_test_samples,
    )

    try:
        content = read_bytes(path, LARGEST_FILE)
        arrays = read_arrays(content)
        trajectory = parse_trajectory(arrays)
        known = _known(content, arrays)
        test_samples = recorded_test_samples(arrays) or known.get("test_samples")
    except (FileError, TrajectoryError) as error:
        raise ValueError(f"trajectory={path}: {error}") from None
    S, n, T = trajectory.shape
    if S**n > LARGEST_LAW or T > LARGEST_T:
        raise ValueError(
            f"trajectory={path}: S={S} n={n} T={T}: S^n up to {LARGEST_LAW} and T up to {LARGEST_T} can be checked"
        )
    return Recorded(path, thinned(trajectory, MOST_SNAPSHOTS), known, test_samples, known.get("training", ""))


def thinned(trajectory: Trajectory, most: int) -> Trajectory:
    """At most so many of its networks, evenly chosen."""
    from numerics.sub_ngrams.recorded_losses import evenly
    from numerics.sub_ngrams.trajectory import Trajectory

    kept = evenly(list(trajectory.networks), most)
    return Trajectory(trajectory.steps, trajectory.losses, {step: trajectory.networks[step] for step in kept})


def _known(content: bytes, arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is known of the law of the data: from the file, or by the file's digest."""
    from numerics.sub_ngrams.trajectory import TrajectoryError

    if "recipe" in arrays:
        try:
            recipe = parse_json(str(arrays["recipe"]))
            said = TrainSettings.model_validate(
                {key: recipe[key] for key in ("alpha", "initial", "epsilon", "test_samples")}
            )
            training = ", ".join(f"{key}={recipe[key]}" for key in TRAINING if key in recipe)
        except (ValueError, LookupError, TypeError):
            raise TrajectoryError("its array `recipe` is damaged") from None
    else:
        register = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
        entry = register.get(hashlib.sha256(content).hexdigest())
        if entry is None:
            return {}
        training = str(entry.pop("training", ""))
        said = TrainSettings.model_validate({key: value for key, value in entry.items() if key != "file"})
    law = {key: getattr(said, key) for key in ("alpha", "initial", "epsilon", "test_samples")}
    return law | {"training": training}


def refuse_contradiction(recorded: Recorded, settings: SubNGramSettings) -> None:
    """UsageError if the recorded losses are not those of the recorded parameters under the law."""
    import torch

    from numerics.sub_ngrams.recorded_losses import find_contradiction

    law, samples = recorded.law(settings), recorded.test_samples or FEW_TEST_SAMPLES
    found = find_contradiction(
        recorded.trajectory,
        law,
        recorded.epsilon,
        test_samples=samples,
        generator=torch.Generator().manual_seed(settings.seed + LOSS_SEED),
    )
    if found is not None:
        assumed = "" if recorded.test_samples else "; if it is fewer, the file has to say so in an array test_samples"
        raise UsageError(
            f"trajectory={recorded.path}: step {found.step}: the loss of its parameters is {found.loss:.4f}, the "
            f"recorded one {found.recorded:.4f}, more than {found.tolerance:.4f} apart: parameters in another "
            f"convention, or another law than alpha={law.alpha} initial={law.initial} (the recorded loss taken as a "
            f"mean over {samples} sequences{assumed})"
        )
