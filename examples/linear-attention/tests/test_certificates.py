"""The recheck accepts what the claims write, and says no to anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import linear_attention
import linear_attention_recheck
import pytest
from linear_attention import PAPER

from verify.recheck.certificate import Budget, Certificate, DeclinedError, RejectedError

Entry = dict[str, Any]


def write(folder: Path, *words: str) -> dict[str, Entry]:
    """As python -m verify.check certificate=FILE writes them."""
    package, file = Path(linear_attention.__file__).parent, folder / "certificates.json"
    command = [sys.executable, "-m", "verify.check", f"paper={package}", f"certificate={file}", *words]
    subprocess.run(command, check=True, capture_output=True)
    return {entry["claim"]: entry for entry in json.loads(file.read_text())["certificates"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Entry]:
    return write(tmp_path_factory.mktemp("certificates"), "D=2")


def replayed(entry: Entry, limit: float = 1e8) -> str:
    c = Certificate(entry["parameters"], entry["witness"], Budget(limit))
    scope = linear_attention_recheck.CLAIMS[entry["claim"], entry["verdict"]](c)
    c.parameters.finish()
    c.witness.finish()
    return scope


def test_every_claim_has_one_that_is_accepted(written: dict[str, Entry]) -> None:
    assert list(written) == [claim.id for claim in PAPER.claims]
    for entry in written.values():
        assert replayed(entry)


def changed(entry: Entry, change: Callable[[Entry], Any]) -> Entry:
    copy: Entry = json.loads(json.dumps(entry))
    change(copy)
    return copy


def swap_roots(entry: Entry) -> None:
    entry["witness"]["roots"].reverse()


def other_point(entry: Entry) -> None:
    entry["witness"]["points"][-1]["at"][0] = "7/5"


def other_inertia(entry: Entry) -> None:
    entry["witness"]["points"][0]["inertia"] = [0, 10, 0]


def missing_set(entry: Entry) -> None:
    del entry["witness"]["points"][-1]


def repeated_set(entry: Entry) -> None:
    entry["witness"]["points"].append(entry["witness"]["points"][-1])


def no_minimum(entry: Entry) -> None:
    points = entry["witness"]["points"]
    entry["witness"]["points"] = [p for p in points if p["heads"] == "separate" or p["inertia"][0] > 0]


def at_the_minimum(entry: Entry) -> None:
    """D=2, eigenvalues 2, 1, N=4: a = 4/13, 1/2."""
    entry["witness"] = {"at": ["1", "1", "4/13", "0", "0", "1/2", "1", "0", "0", "1"], "loss": "33/52"}


def strict(entry: Entry) -> None:
    """Only the smaller eigenvalue learned."""
    entry["witness"] = {"at": ["1", "0", "0", "1/2", "0", "0", "0", "1", "0", "0"], "loss": "5/4"}


def witness(key: str, value: Any) -> Callable[[Entry], Any]:
    return lambda entry: entry["witness"].update({key: value})


def parameter(key: str, value: Any) -> Callable[[Entry], Any]:
    return lambda entry: entry["parameters"].update({key: value})


@pytest.mark.parametrize(
    ("id", "change", "reason"),
    [
        ("LA1", parameter("D", 1), "not a whole number from 2"),
        ("LA1", parameter("N", 3), "not part of this certificate"),
        ("LA2", parameter("D", "2"), "not a whole number"),
        ("LA2c", witness("loss", "1"), "it is 9/8"),
        ("LA2c", parameter("N", 5), "it is 9/10"),
        ("LA2c", parameter("eigenvalues", ["1", "2"]), "not positive and falling"),
        ("LA2c", parameter("eigenvalues", ["2", "0"]), "not positive and falling"),
        ("LA3", parameter("heads", 0), "not a whole number from 1"),
        ("LA3c", witness("slope", "1"), "it is -1"),
        ("LA4", parameter("heads", 1), "fewer than D"),
        ("LA5", other_point, "at: K is no K_S"),
        ("LA5", other_inertia, "inertia: it is"),
        ("LA5", missing_set, "some kind of point is missing"),
        ("LA5", repeated_set, "for the second time"),
        ("LA5", no_minimum, "some kind of point is missing"),
        ("LA5", parameter("N", 3), "at: K is no K_S"),
        ("LA5c", at_the_minimum, "a global minimum"),
        ("LA5c", strict, "1 negative eigenvalues"),
        ("LA5c", witness("loss", "1"), "loss: it is"),
        ("LA5c", parameter("N", 3), "loss: it is|no fixed point"),
        ("LA6", swap_roots, "not around the cube root"),
        ("LA6", parameter("u_0", "3"), "beyond a/2"),
        ("LA6", parameter("u_0", "0"), "beyond a/2"),
        ("LA6", parameter("N", 5), "not around the cube root"),
    ],
)
def test_a_wrong_one_is_rejected(
    id: str, change: Callable[[Entry], Any], reason: str, written: dict[str, Entry]
) -> None:
    with pytest.raises(RejectedError, match=reason):
        replayed(changed(written[id], change))


@pytest.mark.parametrize(
    ("id", "module", "name"),
    [
        ("LA1", "loss", "INPUTS"),
        ("LA2", "loss", "INPUTS"),
        ("LA2", "loss", "twice_loss"),
        ("LA2", "loss", "scales"),
        ("LA3", "fixed_points", "slope"),
        ("LA3", "fixed_points", "scales"),
        ("LA4", "fixed_points", "slope"),
        ("LA4", "fixed_points", "scales"),
        ("LA6", "order", "scales"),
    ],
)
def test_a_false_identity_is_rejected(
    id: str, module: str, name: str, written: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What holds for all values is written down once more in the recheck: changed there, it does not pass."""
    room = getattr(linear_attention_recheck, module)
    right = getattr(room, name)
    wrong = {
        "INPUTS": {0: Fraction(1, 3), 1: Fraction(1, 3), -1: Fraction(1, 3)},
        "twice_loss": lambda lam, nu, K: right(lam, nu, K) + nu,
        "slope": lambda lam, nu, K: right(lam, nu, [list(column) for column in zip(*K, strict=True)]),
        "scales": lambda lam, nu: [x + nu * x for x in lam],
    }
    monkeypatch.setattr(room, name, wrong[name])
    with pytest.raises(RejectedError):
        replayed(written[id])


def test_enumerations_that_are_too_long_are_declined(written: dict[str, Entry]) -> None:
    for id in ("LA1", "LA2"):
        with pytest.raises(DeclinedError, match="prompts"):
            replayed(changed(written[id], parameter("D", 6)))
    many = changed(written["LA2c"], parameter("eigenvalues", list("654321")))
    with pytest.raises(DeclinedError, match="prompts"):
        replayed(many)


def test_times_that_overlap_are_rejected(tmp_path: Path) -> None:
    """Of eigenvalues nearly equal, which are told apart at small u_0 only."""
    entry = write(tmp_path, "eigenvalues=2,199/100", "select=LA6")["LA6"]
    assert replayed(entry)
    with pytest.raises(RejectedError, match="the intervals of times overlap"):
        replayed(changed(entry, parameter("u_0", "1/4")))


def test_the_recheck_imports_nothing_that_made_the_certificates() -> None:
    told = "import linear_attention_recheck, sys; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    paths = [Path(linear_attention_recheck.__file__).parents[1], *map(Path, sys.path)]
    command = f"import sys; sys.path[:0] = {list(map(str, paths))!r}; {told}"
    finished = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    loaded = set(finished.stdout.split())
    assert "linear_attention_recheck" in loaded
    assert not loaded & {
        "linear_attention",
        "landscape_verifier",
        "flint",
        "sympy",
        "torch",
        "numpy",
        "numerics",
        "proofs",
    }
