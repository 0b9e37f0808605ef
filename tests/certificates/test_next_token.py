"""Certificates of the next-token paper: all there, accepted, and rejected as soon as anything in them is false."""

import copy
import math
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify import replay
from verify.claim import Verdict
from verify.claims.next_token import PAPER
from verify.claims.next_token.settings import NextTokenSettings
from verify.recheck.certificate import digest
from verify.recheck.next_token import CLAIMS, STATEMENTS, aligned, attention
from verify.report.certificates import EXACT, certificates_json, without_certificate
from verify.runner import run_claims
from verify.settings import validate

Entry = dict[str, Any]

WORDS = "the -> cat\ncat -> sat\nsat -> down\ncat the -> sat * 3/2\nsat the cat -> down\nthe sat -> down\n"

CLAIMS_HERE = [claim for claim in PAPER.claims if claim.id in STATEMENTS]


def certified(*ids: str, **words: str) -> dict[str, Entry]:
    """The certificates of these claims (of all), as they stand in a file of certificates."""
    claims = [claim for claim in CLAIMS_HERE if not ids or claim.id in ids]
    results = run_claims(claims, validate(NextTokenSettings, words))
    assert without_certificate(results) == []
    items = replay.parse(certificates_json(PAPER, results).encode())
    return {item["entry"]["claim"]: item["entry"] for item in items}


def outcome(entry: Entry) -> str:
    (found,) = replay.outcomes([{"paper": "next-token", "entry": entry}], replay.LIMIT)
    return " ".join(found)


def sealed(entry: Entry, **changes: Any) -> Entry:
    """The entry with some fields replaced, and the digest that goes with them."""
    forged = {**copy.deepcopy(entry), **changes}
    forged["digest"] = digest(forged["claim"], forged["statement"], forged["verdict"], forged["parameters"])
    return forged


@pytest.fixture(scope="module")
def named() -> dict[str, Entry]:
    return certified()


@pytest.fixture(scope="module")
def from_file(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    """NT7m alone: the other claims depend on the data by the length of sentences only."""
    path: Path = tmp_path_factory.mktemp("data") / "mine.txt"
    path.write_text(WORDS)
    return certified("NT7m", dataset=str(path))["NT7m"]


def test_statements_are_those_of_the_claims() -> None:
    assert {claim.id: claim.statement for claim in CLAIMS_HERE} == STATEMENTS
    assert set(CLAIMS) == {(claim.id, "VERIFIED") for claim in CLAIMS_HERE}


def test_every_claim_settled_exactly_has_a_certificate_that_is_accepted() -> None:
    """All claims of the paper: short training leaves many undecided, but none of these rests on it."""
    results = run_claims(PAPER.claims, validate(NextTokenSettings, {"dataset": "DS-A", "T": "100"}))
    exact = {r.claim.id for r in results if r.finding.evidence in EXACT and r.verdict is not Verdict.UNDECIDED}
    assert exact == set(STATEMENTS)
    assert without_certificate(results) == []
    found = list(replay.outcomes(replay.parse(certificates_json(PAPER, results).encode()), replay.LIMIT))
    assert [what for what, _ in found] == ["accepted"] * len(STATEMENTS)


def test_defaults_are_accepted(named: dict[str, Entry]) -> None:
    assert set(named) == set(STATEMENTS)
    assert {id: outcome(entry).split()[0] for id, entry in named.items()} == dict.fromkeys(STATEMENTS, "accepted")
    assert " 30 columns of 4 datasets; |W_kq*|^2 = 2, 2, 23/6, 2" in outcome(named["NT7m"])


def test_a_file_is_accepted(from_file: Entry) -> None:
    assert outcome(from_file).startswith("accepted") and "|W_kq*|^2 = 5/3" in outcome(from_file)


def test_random_datasets_are_accepted() -> None:
    entries = certified(dataset="random", V="12", draws="3", seed="11")
    assert all(outcome(entry).startswith("accepted") for entry in entries.values())


@given(seed=st.integers(0, 10**6), V=st.integers(3, 9))
def test_solutions_of_random_datasets_are_accepted(seed: int, V: int) -> None:
    words = {"dataset": "random", "V": str(V), "draws": "1", "seed": str(seed)}
    assert outcome(certified("NT7m", **words)["NT7m"]).startswith("accepted")


# What no certificate may get away with, whatever its claim.


@pytest.mark.parametrize("id", STATEMENTS)
def test_forged_frames_are_rejected(named: dict[str, Entry], id: str) -> None:
    entry = named[id]
    swapped = entry["statement"].replace("-", "+", 1) if "-" in entry["statement"] else entry["statement"] + "!"
    parameters = {**entry["parameters"], "more": 1}
    forgeries = {
        "certificate.statement": sealed(entry, statement=swapped),
        "nothing is known": sealed(entry, verdict="REFUTED"),
        "parameters.more: not part": sealed(entry, parameters=parameters),
        "digest": {**entry, "parameters": parameters},
        "witness.more: not part": sealed(entry, witness={**entry["witness"], "more": "1"}),
        "witness: not an object": sealed(entry, witness=[]),
    }
    for reason, forged in forgeries.items():
        assert outcome(forged).startswith("rejected"), reason
        assert reason in outcome(forged)


@pytest.mark.parametrize("id", [id for id in STATEMENTS if id not in ("NT6", "NT7m")])
def test_sizes_are_read_strictly(named: dict[str, Entry], id: str) -> None:
    for tokens in (1, 0, -3, 25, "4", 4.0, True, None, [4]):
        forged = sealed(named[id], parameters={**named[id]["parameters"], "tokens": tokens})
        assert outcome(forged).startswith("rejected"), tokens
    assert outcome(sealed(named[id], parameters={})).startswith("rejected")


def test_sentences_are_read_strictly(named: dict[str, Entry]) -> None:
    for sentences in ([[]], [[0, 24]], [[-1]], [0, 1], [["0"]], [[0, 1], []]):
        forged = sealed(named["NT1"], parameters={**named["NT1"]["parameters"], "sentences": sentences})
        assert outcome(forged).startswith("rejected"), sentences


@pytest.mark.parametrize("id", [id for id in STATEMENTS if id != "NT6"])
def test_every_check_counts_its_steps(named: dict[str, Entry], id: str) -> None:
    """NT6 alone costs the same always."""
    (found,) = replay.outcomes([{"paper": "next-token", "entry": named[id]}], 100)
    assert found[0] == "declined"


def test_what_takes_too_long_is_declined(named: dict[str, Entry]) -> None:
    parameters = {**named["NT1"]["parameters"], "sentences": [[*range(24)] * 50]}
    assert outcome(sealed(named["NT1"], parameters=parameters)).startswith("declined")


# Identities have no witness that could be false. Instead the statement is changed: a sign, a term, a condition.


def add(f: Callable[..., Any], *where: int) -> Callable[..., Any]:
    """The function, its result 1 larger (at one entry)."""

    def changed(*arguments: Any) -> Any:
        result = f(*arguments)
        if not where:
            return result + 1
        at = result
        for i in where[:-1]:
            at = at[i]
        at[where[-1]] = at[where[-1]] + 1
        return result

    return changed


def negated(f: Callable[..., Any]) -> Callable[..., Any]:
    def changed(*arguments: Any) -> Any:
        result = f(*arguments)
        return [[-x for x in row] if isinstance(row, list) else -row for row in result]

    return changed


def without_mean(s: attention.Sentence) -> list[list[Any]]:
    """-X diag phi X^T W_ov^T r x_L^T."""
    read = attention.pulled_back(s)
    return [[-s.masses[x] * read[x] * int(q == s.query) for q in range(s.d)] for x in range(s.d)]


def in_every_column(s: attention.Sentence) -> list[list[Any]]:
    """The right column, for every query."""
    return [[row[s.query]] * s.d for row in stated_by_scores(s)]


def wrong_for(tokens: list[int]) -> Callable[[attention.Sentence], list[list[Any]]]:
    """-r c^T for all sentences but one."""
    stated = attention.stated_by_output
    return lambda s: (negated(stated) if list(s.tokens) == tokens else stated)(s)


stated_by_scores = attention.stated_by_scores
by_scores = attention.Sentence.by_scores
slope = aligned.Sentence.slope
HALF = Fraction(1, 2)
logits, best_output, descent, slack = aligned.logits, aligned.best_output, aligned.descent, aligned.slack


def leaning(s: attention.Sentence) -> list[list[Any]]:
    """Derivatives that move a score for another query, and keep the sums of columns."""
    rows = by_scores(s)
    other = (s.query + 1) % s.d
    rows[0][other], rows[1][other] = rows[0][other] + 1, rows[1][other] - 1
    return rows


def pushed_up(s: aligned.Sentence, x: int) -> Any:
    """The derivatives of a loss whose optimal token falls."""
    return -slope(s, x)


def below(s: aligned.Sentence, x: int) -> Any:
    """Derivatives as far below beta a_x p_x as they are above it."""
    return 2 * (s.beta * s.a[x] * s.p[x]) - slope(s, x)


FALSE_STATEMENTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "+ r c^T": ("NT1", {"attention.stated_by_output": negated(attention.stated_by_output)}, "dl/dW_ov[0,0]"),
    "+ X (diag ...)": ("NT1", {"attention.stated_by_scores": negated(stated_by_scores)}, "dl/dW_kq[0,"),
    "diag phi alone": ("NT1", {"attention.stated_by_scores": without_mean}, "dl/dW_kq[0,"),
    "all queries": ("NT1", {"attention.stated_by_scores": in_every_column}, "dl/dW_kq[0,0]"),
    "g_y - g_x": ("NT1", {"attention.stated_in_masses": negated(attention.stated_in_masses)}, "in masses[0,0]"),
    "one by position": ("NT1", {"attention.stated_by_output": wrong_for([1, 0, 0])}, "sentence [1, 0, 0]"),
    "one of any counts": ("NT1", {"attention.stated_by_output": wrong_for([0, 1, 2, 3])}, "sentence [0, 1, 2, 3]"),
    "p for r": ("NT1", {"attention.residual": negated(attention.residual)}, "dl/dW_ov"),
    "a sum in W_ov": (
        "NT2",
        {"attention.Sentence.by_output": add(attention.Sentence.by_output, 0, 0)},
        "column 0 of dl/dW_ov",
    ),
    "a sum in W_kq": ("NT2", {"attention.Sentence.by_scores": add(by_scores, 0, 1)}, "column 1 of dl/dW_kq"),
    "another query": ("NT2", {"attention.Sentence.by_scores": leaning}, "dl/dW_kq[0,2], 2 tokens"),
    "seen scores": ("NT2", {"attention.unseen": lambda s: [(0, s.query)]}, "dl/dW_kq[0,1]"),
    "less descent": ("NT3", {"aligned.descent": lambda A, P: descent(A, P) - A[0] * A[1] * P[-1]}, "derivative in"),
    "W_ov = -beta W_ov*": ("NT3", {"aligned.logits": lambda a, V, beta: logits(a, V, -beta)}, "derivative in"),
    "it rises": (
        "NT3",
        {"aligned.Sentence.slope": pushed_up, "aligned.descent": lambda A, P: -descent(A, P)},
        "the derivative may be positive",
    ),
    "no more slack": ("NT4", {"aligned.slack": add(slack)}, "derivative in the score of token 1"),
    "1/V off": ("NT4", {"aligned.best_output": lambda V: (1 - 1 / V, 1 / V)}, "derivative in"),
    "it falls": (
        "NT4",
        {"aligned.Sentence.slope": below, "aligned.slack": lambda A, P: -slack(A, P)},
        "in spite of dominance",
    ),
    "the sum of G": (
        "NT5",
        {"aligned.Sentence.slope": lambda s, x: slope(s, x) + int(x == 0)},
        "-G = sum G_x (e_0 - e_x)",
    ),
    "no sign lemma": ("NT5", {"aligned.slack": lambda A, P: 2 * slack(A, P)}, "derivative in the score"),
    "|v|^2 = 3": ("NT5", {"aligned.inner_product": lambda v, w: 3 if v == w else 0}, "a larger product"),
    "e_n(x)": ("NT6", {"aligned.best_output": lambda V: (1 + 0 / V, 0 / V)}, "at the token that follows"),
    "2 W_ov*": ("NT6", {"aligned.best_output": lambda V: tuple(2 * w for w in best_output(V))}, "margin"),
    "V e^-s": ("NT6", {"aligned.exp_loss": lambda V, y: 1 + V * y}, "exp of the loss"),
    "other gradient": ("NT6", {"aligned.loss_slope": lambda z, P, n: -attention.loss_slope(z, P, n)}, "on the ray"),
    "2 beta": ("NT7i", {"aligned.logits": lambda a, V, beta: logits(a, V, 2 * beta)}, "logit 1 less"),
    "lower still": (
        "NT7i",
        {
            "aligned.logits": lambda a, V, beta: logits(a, V, 2 * beta),
            "aligned.above_floor": lambda A, v: aligned.total(A) - 2 * A[0] + (2 * A[v] if v < len(A) else 0),
        },
        "logit 1 may be lower",
    ),
    "not that low": (
        "NT7i",
        {
            "aligned.logits": lambda a, V, beta: logits(a, V, beta / 2),
            "aligned.above_floor": lambda A, v: aligned.total(A) - HALF * A[0] + (HALF * A[v] if v < len(A) else 0),
        },
        "limit of logit 1",
    ),
}


@pytest.mark.parametrize("change", FALSE_STATEMENTS)
def test_changed_statements_are_rejected(named: dict[str, Entry], change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    id, patches, reason = FALSE_STATEMENTS[change]
    for name, replacement in patches.items():
        monkeypatch.setattr(f"verify.recheck.next_token.{name}", replacement)
    assert outcome(named[id]).startswith(f"rejected {id}: ")
    assert reason in outcome(named[id])


def test_every_identity_has_two_false_statements() -> None:
    counts = [id for id, _, _ in FALSE_STATEMENTS.values()]
    assert all(counts.count(id) >= 2 for id in STATEMENTS if id != "NT7m")


# The checker's network against automatic differentiation of the same network in floats.


class Floats:
    """Random numbers in place of a field's variables."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def draw(self) -> float:
        return self.random.uniform(0.5, 2)

    def draws(self, count: int) -> list[float]:
        return [self.draw() for _ in range(count)]


def network_loss(W_ov: torch.Tensor, W_kq: torch.Tensor, tokens: list[int]) -> torch.Tensor:
    X = torch.eye(W_kq.shape[0], dtype=torch.float64)[:, tokens]
    return -torch.log_softmax(W_ov @ X @ torch.softmax(X.T @ W_kq @ X[:, -1], 0), 0)[0]


@pytest.mark.parametrize("tokens", [[0, 1], [1, 0, 0], [2, 0, 2, 1, 1], [0]])
def test_derivatives_are_those_of_the_network(tokens: list[int]) -> None:
    surroundings: Any = SimpleNamespace(field=Floats(5))
    s = attention.Sentence(surroundings, tokens, [1] * len(tokens), 4, 3)
    W_ov = torch.tensor(s.W, dtype=torch.float64, requires_grad=True)
    W_kq = torch.tensor(s.E, dtype=torch.float64).log().requires_grad_()
    s.P = [math.exp(attention.dot(row, s.masses)) for row in s.W]
    network_loss(W_ov, W_kq, tokens).backward()
    assert W_ov.grad is not None and W_kq.grad is not None
    torch.testing.assert_close(torch.tensor(s.by_output(), dtype=torch.float64), W_ov.grad)
    torch.testing.assert_close(torch.tensor(s.by_scores(), dtype=torch.float64), W_kq.grad)


def test_derivatives_are_those_of_the_aligned_network() -> None:
    """Tokens 0, 1, 2 with counts 1, 1, 2 and n(x) = x, in a vocabulary of 6."""
    surroundings: Any = SimpleNamespace(field=Floats(6))
    s, V, tokens = aligned.Sentence(surroundings, 3), 6, [0, 1, 2, 2]
    scores = torch.zeros(V, V, dtype=torch.float64)
    scores[:3, 2] = torch.tensor([s.A[0], s.A[1], s.A[2] / 2], dtype=torch.float64).log()
    W_kq = scores.requires_grad_()
    W_ov = s.beta * (torch.eye(V, dtype=torch.float64) - 1 / V)
    s.V = V
    z = aligned.logits(s.a, V, s.beta)
    s.P = [math.exp(z_v) * (V - 3 if v == 3 else 1) for v, z_v in enumerate(z)]
    network_loss(W_ov, W_kq, tokens).backward()
    assert W_kq.grad is not None
    assert [s.slope(x) for x in range(3)] == pytest.approx(W_kq.grad[:3, 2].tolist(), rel=1e-12)


# NT7m has a witness: every number in it counts.


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


def test_long_lists_of_datasets_are_cut(named: dict[str, Entry]) -> None:
    for count, shown in ((6, "= 2, 2, 2, 2, 2, 2"), (7, "= 2, 2, 2, 2, 2, 2, ...")):
        parts = {part: {"datasets": named["NT7m"][part]["datasets"][:1] * count} for part in ("parameters", "witness")}
        assert outcome(sealed(named["NT7m"], **parts)).endswith(shown)


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
