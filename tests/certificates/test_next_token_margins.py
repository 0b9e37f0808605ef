"""NT7m has a witness: every number in it counts."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.certificates.next_token import Entry, certified, named, outcome, sealed
from verify.check import parse_request
from verify.registry import get_paper
from verify.report.certificates import entry
from verify.runner import run_claims
from verify.settings import read_words

WORDS = "the -> cat\ncat -> sat\nsat -> down\ncat the -> sat * 3/2\nsat the cat -> down\nthe sat -> down\n"


@pytest.fixture(name="named", scope="module")
def named_certificates() -> dict[str, Entry]:
    return named()


@pytest.fixture(scope="module")
def from_file(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    """NT7m alone: the other claims depend on the data by the length of sentences only."""
    path: Path = tmp_path_factory.mktemp("data") / "mine.txt"
    path.write_text(WORDS)
    return certified("NT7m", dataset=str(path))["NT7m"]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every number and string."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    result = copy.deepcopy(value)
    at = result
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return result


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutations(leaf: Any) -> list[Any]:
    """Other numbers, other ways to write this number, and other types."""
    if isinstance(leaf, int):
        return [leaf + 1, leaf - 1, str(leaf), [leaf], None]
    number = Fraction(leaf)
    others = {number + 1, number - Fraction(1, 3), -number, number / 2, 1 / number if number else number + 2} - {number}
    doubled = f"{2 * number.numerator}/{2 * number.denominator}"
    return [*map(str, others), doubled, f"+{leaf}", f"{leaf}.0", "", int(number), None]


def test_every_leaf_of_the_witness_counts(named: dict[str, Entry]) -> None:
    """W* is unique, and a change of one dual alone changes the combination of pairs: no other witness is valid.

    With DS-C and DS-D only, whose problems are the hard ones.
    """
    parameters, witness = ({"datasets": named["NT7m"][part]["datasets"][2:]} for part in ("parameters", "witness"))
    entry = sealed(named["NT7m"], parameters=parameters, witness=witness)
    assert outcome(entry).startswith("accepted")
    paths = list(leaves(entry["witness"]))
    assert len(paths) > 100
    for path in paths:
        for new in mutations(at(entry["witness"], path)):
            forged = {**entry, "witness": replaced(entry["witness"], path, new)}
            assert outcome(forged).startswith("rejected"), (path, new)


def test_no_part_of_the_witness_can_be_left_out(from_file: Entry) -> None:
    entry = from_file
    parents = {path[:depth] for path in leaves(entry["witness"]) for depth in range(1, len(path) + 1)}
    for path in parents:
        witness = copy.deepcopy(entry["witness"])
        del at(witness, path[:-1])[path[-1]]
        assert outcome({**entry, "witness": witness}).startswith("rejected"), path


def test_nothing_may_be_added(from_file: Entry) -> None:
    """To any object, at any depth."""
    for part in ("parameters", "witness"):
        objects = {path[:depth] for path in leaves(from_file[part]) for depth in range(len(path))}
        for path in objects:
            if isinstance(at(from_file[part], path), dict):
                changed = replaced(from_file[part], (*path, "more"), 1)
                assert "more: not part" in outcome(sealed(from_file, **{part: changed})), path


def dataset_of(V: int, n: list[int], longer: list[tuple[list[int], int]]) -> dict[str, Any]:
    """Parameters with one dataset: n[x] follows x, and n[optimal] a longer sentence."""
    sentences: list[dict[str, Any]] = [{"tokens": [x], "next": n_x} for x, n_x in enumerate(n)]
    sentences += [{"tokens": tokens, "next": n[best]} for tokens, best in longer]
    return {"datasets": [{"V": V, "sentences": sentences}]}


def ray(V: int, n: list[int]) -> list[dict[str, Any]]:
    """W_ov*, with its duals."""
    top, other = str(Fraction(V - 1, V)), str(Fraction(-1, V))
    return [
        {
            "column": x,
            "solution": [top if v == n_x else other for v in range(V)],
            "duals": [str(Fraction(1, V))] * (V - 1),
        }
        for x, n_x in enumerate(n)
    ]


def claimed(named: dict[str, Entry], parameters: Any, W_kq: list[tuple[int, str, str]], **layers: Any) -> str:
    """The outcome for one dataset and a W_kq given by column, solution and duals as words."""
    n = [sentence["next"] for sentence in parameters["datasets"][0]["sentences"] if len(sentence["tokens"]) == 1]
    columns = [{"column": q, "solution": w.split(), "duals": duals.split()} for q, w, duals in W_kq]
    witness = {"datasets": [{"W_ov": ray(parameters["datasets"][0]["V"], n), "W_kq": columns, **layers}]}
    return outcome(sealed(named["NT7m"], parameters=parameters, witness=witness))


PAIR = dataset_of(3, [1, 2, 0], [([0, 1], 0)])  # query 1: 0 > 1
CHAIN = dataset_of(3, [1, 2, 0], [([1, 0, 2], 0), ([1, 2], 1)])  # query 2: 0 > 1, 0 > 2, 1 > 2
SQUARE = dataset_of(4, [1, 2, 3, 0], [([0, 2, 3], 0), ([1, 2, 3], 1)])  # query 3: 0 and 1 > 2 and 3


def test_solutions_worked_out_by_hand(named: dict[str, Entry]) -> None:
    assert claimed(named, PAIR, [(1, "1/2 -1/2 0", "1/2")]).startswith("accepted")
    assert claimed(named, CHAIN, [(2, "1 0 -1", "1 0 1")]).startswith("accepted")
    assert claimed(named, SQUARE, [(3, "1/2 1/2 -1/2 -1/2", "1/4 1/4 1/4 1/4")]).startswith("accepted")


def test_the_smallest_and_the_largest_vocabulary(named: dict[str, Entry]) -> None:
    for V in (1, 2, 24, 25):
        solution = " ".join(["1/2", "-1/2", *["0"] * (V - 2)])
        found = claimed(named, dataset_of(V, [1, 0], [([0, 1], 0)]), [(1, solution, "1/2")])
        assert found.startswith("accepted" if V in (2, 24) else "rejected NT7m: parameters.datasets[0]"), V


def test_queries_that_order_nothing_have_no_column(named: dict[str, Entry]) -> None:
    parameters = dataset_of(3, [1, 2, 0], [([0, 1], 0), ([2, 2], 2)])
    assert claimed(named, parameters, [(1, "1/2 -1/2 0", "1/2")]).startswith("accepted")
    assert claimed(named, parameters, [(1, "1/2 -1/2 0", "1/2"), (2, "0 0 0", "")]).startswith("rejected")


def test_a_sentence_that_says_less_than_another_changes_nothing(named: dict[str, Entry]) -> None:
    """The pair 0 > 2 once more, then the pairs of CHAIN."""
    parameters = dataset_of(3, [1, 2, 0], [([0, 2], 0), ([1, 0, 2], 0), ([1, 2], 1)])
    assert claimed(named, parameters, [(2, "1 0 -1", "1 0 1")]).startswith("accepted")


def test_long_lists_of_datasets_are_cut() -> None:
    for draws, cut in ((6, False), (7, True)):
        words = ["dataset=random", "V=6", f"draws={draws}", "select=NT7m"]
        settings, claims = parse_request(get_paper("next-token"), read_words(words))
        (result,) = run_claims(claims, settings)
        scope = outcome(entry(result))
        assert f"of {draws} datasets" in scope  # all different
        assert scope.partition("= ")[2].count(",") == (6 if cut else 5) and scope.endswith(", ...") == cut


def test_duals_of_one_solution_may_differ(named: dict[str, Entry]) -> None:
    """Where pairs depend on each other, as in a square, other duals >= 0 prove the same solution."""
    assert claimed(named, SQUARE, [(3, "1/2 1/2 -1/2 -1/2", "1/2 0 0 1/2")]).startswith("accepted")
    assert "-1/4 is negative" in claimed(named, SQUARE, [(3, "1/2 1/2 -1/2 -1/2", "3/4 -1/4 -1/4 3/4")])


@pytest.mark.parametrize(
    ("parameters", "W_kq", "reason"),
    [
        (PAIR, [(1, "1 -1 0", "1")], "their sum is not |w|^2 = 2"),
        (PAIR, [(1, "1/2 -1/2 1", "1/2")], "not the combination"),
        (PAIR, [(1, "0 0 0", "0")], "the margin of 0 over 1 is 0"),
        (PAIR, [(1, "-1/2 1/2 0", "1/2")], "the margin of 0 over 1 is -1"),
        (PAIR, [(1, "1/2 -1/2 0", "-1/2")], "negative"),
        (PAIR, [(1, "1/2 -1/2", "1/2")], "not 3 numbers"),
        (PAIR, [(1, "1/2 -1/2 0", "1/2 0")], "not one for each of 1 pairs"),
        (PAIR, [(0, "1/2 -1/2 0", "1/2")], "the turn of 1"),
        (PAIR, [], "not one column for each"),
        (PAIR, [(1, "1/2 -1/2 0", "1/2"), (2, "0 0 0", "")], "not one column for each"),
        (CHAIN, [(2, "1 0 -1", "0 1 1")], "not the combination"),
        (CHAIN, [(2, "1/2 0 -1/2", "0 1/2 0")], "the margin of 0 over 1 is 1/2"),
        (CHAIN, [(2, "3/2 0 -3/2", "0 3/2 0")], "their sum is not"),
        (CHAIN, [(2, "2 1 -3", "0 2 1")], "their sum is not"),
    ],
)
def test_false_solutions_are_rejected(
    named: dict[str, Entry], parameters: Any, W_kq: list[tuple[int, str, str]], reason: str
) -> None:
    found = claimed(named, parameters, W_kq)
    assert found.startswith("rejected NT7m: ")
    assert reason in found


def test_negative_duals_would_prove_a_longer_solution(named: dict[str, Entry]) -> None:
    """Feasible, a combination of its pairs, |w|^2 = 8 the sum of its duals: and (1, 0, -1) is shorter."""
    assert "-4 is negative" in claimed(named, CHAIN, [(2, "2 0 -2", "6 -4 6")])


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        (dataset_of(3, [1, 1, 0], [([0, 1], 0)]), "not injective"),
        (dataset_of(3, [1, 2], [([0, 2], 0)]), "a token without collocation"),
        (dataset_of(3, [1, 2, 0], [([1, 1], 1)]), "no sentence holds two different tokens"),
        (dataset_of(3, [1, 2, 0], []), "no sentence holds two different tokens"),
        (dataset_of(3, [1, 2, 0], [([], 0)]), "no token is followed by 1"),
        ({"datasets": []}, "not one for each dataset"),
    ],
)
def test_datasets_that_are_not_realizable_are_rejected(named: dict[str, Entry], parameters: Any, reason: str) -> None:
    witness = {"datasets": [{"W_ov": [], "W_kq": []} for _ in parameters["datasets"]]}
    found = outcome(sealed(named["NT7m"], parameters=parameters, witness=witness))
    assert found.startswith("rejected") and reason in found


def test_a_sentence_without_its_optimal_token_is_rejected(named: dict[str, Entry]) -> None:
    parameters = copy.deepcopy(PAIR)
    parameters["datasets"][0]["sentences"][-1]["next"] = 0  # which follows token 2
    assert "no token is followed by 0" in claimed(named, parameters, [(1, "1/2 -1/2 0", "1/2")])


@pytest.mark.parametrize("token", [-1, 3, 4, "0"])
@pytest.mark.parametrize("where", [("tokens", 0), ("next",)])
def test_tokens_outside_the_vocabulary_are_rejected(
    named: dict[str, Entry], token: int | str, where: tuple[Any, ...]
) -> None:
    for number in (0, 3):  # a collocation, and the longer sentence
        parameters = replaced(PAIR, ("datasets", 0, "sentences", number, *where), token)
        found = outcome(sealed(named["NT7m"], parameters=parameters))
        assert f"sentences[{number}].{where[0]}: {token} is not a whole number from 0 to 2" in found


def test_a_second_next_token_is_rejected(named: dict[str, Entry]) -> None:
    parameters = copy.deepcopy(PAIR)
    parameters["datasets"][0]["sentences"].append({"tokens": [0], "next": 2})
    assert "a second next token" in claimed(named, parameters, [(1, "1/2 -1/2 0", "1/2")])


def test_an_order_with_a_cycle_has_no_solution(named: dict[str, Entry]) -> None:
    parameters = dataset_of(3, [1, 2, 0], [([0, 1, 2], 0), ([1, 0, 2], 1)])  # query 2: 0 > 1 > 0
    for w in ("1 0 -1", "0 1 -1", "1 1 -2", "0 0 0"):
        assert claimed(named, parameters, [(2, w, "1 1 1 1")]).startswith("rejected")


def test_the_witness_of_another_dataset_is_rejected(named: dict[str, Entry]) -> None:
    """DS-C with the optimal token of one sentence exchanged."""
    parameters = copy.deepcopy(named["NT7m"]["parameters"])
    sentence = parameters["datasets"][2]["sentences"][-1]
    assert sentence == {"tokens": [2, 3], "next": 3}
    sentence["next"] = 4
    assert outcome(sealed(named["NT7m"], parameters=parameters)).startswith("rejected")
