"""`verify.replay` cannot be stopped: whatever is in a file, every certificate gets its line, within bounded work."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.certificates.test_replay import HERE, ROOT, entries, get, leaves, put, signed
from verify import replay
from verify.recheck import certificate
from verify.recheck.certificate import Budget, DeclinedError, RejectedError
from verify.recheck.registry import rechecks

NAMED = {entry["claim"]: entry for _, entry in entries(HERE / "valid" / "sub-n-grams.json")}
GOOD = [NAMED["SN8"], NAMED["SN5"]]
DIGITS = 9000


def document(certificates: str, paper: str = "sub-n-grams") -> bytes:
    head = f'"schema": "{replay.SCHEMA}", "version": "0", "paper": "{paper}"'
    return f'{{{head}, "certificates": [{certificates}]}}'.encode()


def among_good(bad: str) -> bytes:
    return document(f"{json.dumps(GOOD[0])}, {bad}, {json.dumps(GOOD[1])}")


def claimed(claim: str, verdict: str, parameters: Any, witness: Any = None) -> dict[str, Any]:
    statement = rechecks()[paper_of(claim)].STATEMENTS[claim]
    parts = {"claim": claim, "statement": statement, "verdict": verdict, "parameters": parameters}
    return signed({**parts, "witness": witness or {}})


def paper_of(claim: str) -> str:
    return next(paper for paper, known in rechecks().items() if claim in known.STATEMENTS)


def lines(content: bytes, limit: float = replay.LIMIT) -> list[str]:
    return [f"{outcome}  {line}" for outcome, line in replay.outcomes(replay.parse(content), limit)]


def long_fraction(rng: Random) -> str:
    """In lowest terms: the denominator is a power of ten, the numerator is divisible by neither 2 nor 5."""
    return f"3{''.join(rng.choices('0123456789', k=DIGITS))}1/1{'0' * DIGITS}"


# --- one bad certificate never hides the next ---

BROKEN = {
    "a number": "1",
    "null": "null",
    "a string": '"[[["',
    "a list": "[[[]], {}]",
    "no syntax": '{"claim" "SN5"}',
    "other brackets": '{"claim": "SN5"]',
    "a comma too many": '{"claim": "SN5",}',
    "an escape that is none": '{"claim": "\\q"}',
    "a line break in a string": '{"claim": "a\nb"}',
    "a key twice": '{"claim": "SN5", "claim": "SN5"}',
    "a float": '{"claim": 1.5}',
    "not a number": '{"claim": NaN}',
    "infinity": '{"witness": {"limit": -Infinity}}',
    "a long number": '{"claim": ' + "9" * 5000 + "}",
    "a long number below": '{"parameters": {"S": ' + "9" * 5000 + "}}",
    "nested": "[" * 25 + "]" * 25,
    "deeply nested": '{"witness": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "a lone surrogate": '{"claim": "\\ud800"}',
    "quotes in quotes": '{"claim": "\\"]}\\\\"}',
    "an unknown claim": '{"claim": "SN99"}',
}


@pytest.mark.parametrize("bad", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_with_one_certificate_ends_there(bad: str) -> None:
    found = lines(among_good(bad))
    assert [line.split()[0] for line in found] == ["accepted", "rejected", "accepted"]
    assert "certificate 2: " in found[1] and found[1].isprintable() and len(found[1]) < 700


@pytest.mark.parametrize("error", [MemoryError, OverflowError, RecursionError, KeyError, ValueError, AssertionError])
def test_a_check_that_breaks_off_ends_its_certificate_alone(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(c: object) -> str:
        raise error("a\nb")

    monkeypatch.setitem(rechecks()["sub-n-grams"].CLAIMS, ("SN4", "VERIFIED"), breaks)
    found = lines(among_good(json.dumps(NAMED["SN4"])))
    assert [line.split()[0] for line in found] == ["accepted", "declined", "accepted"]
    assert error.__name__ in found[1] and found[1].isprintable()


# --- bounded work ---


def shapes(count: int, size: int) -> dict[str, Any]:
    return claimed("SN4", "VERIFIED", {"shapes": [[size] * 3] * count})


HUGE: dict[str, dict[str, Any]] = {
    "2,000 shapes of 50x50x50": shapes(2000, 50),
    **{
        f"{claim}, T=1000, n=1": claimed(claim, "VERIFIED", {"S": 2, "n": 1, "T": 1000, **lags})
        for claim, lags in {
            "SN1": {},
            "SN2": {"lags": [], "heads": ["padded", "literal"]},
            "SN7": {"lags": []},
            "SN8": {"lags": []},
        }.items()
    },
    "SN3, S=12, T=100": claimed(
        "SN3", "VERIFIED", {"S": 12, "n": 1, "lags": [], "q": ["2"], "first T": 1, "last T": 100}, {"instances": 1}
    ),
    "SN10, S=12, T=60": claimed(
        "SN10", "VERIFIED", {"S": 12, "n": 1, "T": [60], "alpha": "1", "initial": "uniform"}, {"probabilities": ["1"]}
    ),
    "SN5, S=12, n=12": claimed("SN5", "VERIFIED", {"S": 12, "n": 12, "lags": [1], "kernels": "every positive kernel"}),
    "SN3c, x of 400,000 tokens": claimed(
        "SN3c", "REFUTED", {"S": 12, "n": 2, "lags": [1], "q": "2"}, {"x": [0, 1] * 200_000}
    ),
    "MF1": claimed("MF1", "VERIFIED", {"k": 100, "m": 1000}),
    "MF9, m=1000": claimed("MF9", "VERIFIED", {"k": 1, "m": 1000}),
    "MF12": claimed("MF12", "VERIFIED", {"k": 30, "points": 1000}),
    "NT1": claimed("NT1", "VERIFIED", {"tokens": 24, "logits": 24, "sentences": [[0] * 50_000]}),
}


@pytest.mark.parametrize("entry", HUGE.values(), ids=HUGE)
def test_what_is_too_large_is_declined_before_it_starts(entry: dict[str, Any]) -> None:
    budget = Budget(replay.LIMIT)
    with pytest.raises(DeclinedError, match=r"steps, more than limit=1.0e\+08 leaves"):
        replay.replay(paper_of(entry["claim"]), entry, budget)
    assert budget.spent < replay.LIMIT / 10  # what reading it takes, and little more


def test_every_kernel_counts() -> None:
    kernels = [[["1/3", "2/3"]] * 4] * 5000
    many = claimed("SN13", "VERIFIED", {"S": 2, "n": 3, "sets": [[1, 2]], "kernels": kernels})
    with pytest.raises(DeclinedError, match=r"score blocks: .* leaves"):
        replay.replay("sub-n-grams", many)


def test_the_limit_is_for_the_whole_file() -> None:
    """Many certificates that are cheap one by one."""
    entry = shapes(50, 5)
    budget = Budget(replay.LIMIT)
    replay.replay("sub-n-grams", entry, budget)
    fitting, asked = int(1e7 // budget.spent), 40
    assert 2 < fitting < asked
    found = lines(document(", ".join([json.dumps(entry)] * asked)), 1e7)
    assert [line.split()[0] for line in found] == ["accepted"] * fitting + ["declined"] * (asked - fitting)
    assert "limit=1.0e+07 leaves" in found[-1]


def test_a_file_holds_so_many_certificates_and_values() -> None:
    for content in (document(", ".join(["{}"] * (replay.MOST + 1))), document("[" + "1," * replay.MOST_VALUES + "1]")):
        with pytest.raises(RejectedError, match="more than"):
            replay.parse(content)
    assert len(replay.parse(document(", ".join(["{}"] * replay.MOST)))) == replay.MOST


FLOODS = {
    "brackets": b"[" * replay.LARGEST,
    "a certificate of brackets": among_good("[" * 3_900_000 + "]" * 3_900_000),
    "empty lists": among_good("[" + "[]," * 1_400_000 + "[]]"),
    "escapes": among_good('"' + "\\\\" * 3_900_000 + '"'),
    "wide letters": among_good('"' + "\U0001f600" * 1_900_000 + '"'),
    "keys": among_good("{" + ",".join(f'"{i:x}":1' for i in range(700_000)) + "}"),
}


@pytest.mark.parametrize("content", FLOODS.values(), ids=FLOODS)
def test_reading_takes_bounded_memory(content: bytes, tmp_path: Path) -> None:
    assert len(content) <= replay.LARGEST
    path = tmp_path / "flood.json"
    path.write_bytes(content)

    def little_memory() -> None:  # not by its peak afterwards: that counts this process before the exec
        resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))

    with replayed(path, stdout=subprocess.PIPE, preexec_fn=little_memory) as process:
        out = process.communicate()[0].decode()
    assert process.returncode == 1 and "broke off" not in out and "memory" not in out.lower()
    if content.startswith(b"{"):
        assert [line.split()[0] for line in out.splitlines()] == ["accepted", "rejected", "accepted", "2"]


# --- numbers of many digits ---

RATIONALS = [
    (path.stem, paper, entry, leaf)
    for path in sorted((HERE / "valid").glob("*.json"))
    for paper, entry in entries(path)
    for leaf in list(leaves(entry))
    if leaf[0] == "witness" and isinstance(get(entry, leaf), str)
]


def sample() -> list[Any]:
    """Two leaves of every certificate."""
    chosen: dict[tuple[str, str], list[Any]] = {}
    for stem, paper, entry, leaf in RATIONALS:
        chosen.setdefault((stem, entry["claim"]), []).append((paper, entry, leaf))
    return [
        pytest.param(*case, id=f"{stem}-{claim}-{'.'.join(map(str, case[2]))}")
        for (stem, claim), cases in chosen.items()
        for case in (cases[0], cases[-1])
    ]


COMPUTED_WITH = (  # so that long numbers may be declined
    *("MF6", "MF6c", "MF7", "MF9c", "MF15", "MF16c", "MF16l", "MF16v", "MF17c", "MF18z", "SN12c", "SN23c"),
)


@pytest.mark.parametrize(("paper", "entry", "leaf"), sample())
def test_a_witness_with_a_long_wrong_number_is_rejected(
    paper: str, entry: dict[str, Any], leaf: tuple[Any, ...]
) -> None:
    for wrong in (long_fraction(Random(0)), "-" + "9" * DIGITS):
        with pytest.raises((RejectedError, DeclinedError)) as caught:
            replay.replay(paper, put(entry, leaf, wrong))
        assert len(str(caught.value)) < 400
        assert caught.type is RejectedError or (entry["claim"] in COMPUTED_WITH and "steps" in str(caught.value))


@pytest.mark.parametrize("claim", ["SN8", "SN4c"])
def test_a_long_number_that_is_only_compared_is_rejected(claim: str) -> None:
    leaf = {"SN8": ("witness", "limit"), "SN4c": ("witness", "gradient")}[claim]
    for wrong in (long_fraction(Random(1)), "7" * certificate.LONGEST, "-" + "9" * 4299, "9" * 4301):
        with pytest.raises(RejectedError, match="it is"):
            replay.replay("sub-n-grams", put(NAMED[claim], leaf, wrong))


@pytest.mark.parametrize("claim", ["SN8", "SN10"])
def test_a_long_number_that_is_computed_is_no_obstacle_to_a_no(claim: str) -> None:
    """The true value has thousands of digits too, and stands in the message."""
    alpha = "3" * 2600 + "/1" + "0" * 2600
    law = {"S": 2, "n": 2, "alpha": alpha, "initial": "uniform"}
    wrong = {
        "SN8": claimed("SN8", "REFUTED", {**law, "T": 3, "lags": [1]}, {**NAMED["SN8"]["witness"], "limit": "1/7"}),
        "SN10": claimed("SN10", "VERIFIED", {**law, "T": [3]}, {"probabilities": ["1/7"]}),
    }[claim]
    with pytest.raises(RejectedError, match="it is about"):
        replay.replay("sub-n-grams", wrong)


def test_long_numbers_in_true_statements_are_no_obstacle() -> None:
    """The bound of SN3 holds for every q; the numbers that the scope shows are short."""
    q = "1" + "0" * DIGITS
    parameters = {"S": 2, "n": 2, "lags": [], "q": [q], "first T": 2, "last T": 4}
    accepted = replay.replay("sub-n-grams", claimed("SN3", "VERIFIED", parameters, {"instances": 28}))
    assert f"q in {{about 1.0000e+{DIGITS}}}" in accepted[2]


# --- what is printed ---


def test_foreign_keys_and_values_are_cut_and_escaped() -> None:
    witness, verdict = GOOD[0]["witness"], ("verdict",)
    for text in ("k" * 10_000, "a\naccepted  SN1 VERIFIED    exact", "\u202etceje", "\x1b[1A\x1b[2K", "\x85", "\ud800"):
        for bad in ({**GOOD[0], text: 1}, {**GOOD[0], "witness": {**witness, text: 1}}, put(GOOD[0], verdict, text)):
            _, line, _ = lines(among_good(json.dumps(bad)))
            assert (
                line.startswith(("rejected  SN8: ", "rejected  certificate 2: "))
                and line.isprintable()
                and len(line) < 400
            )
            assert "  " not in line[len("rejected  ") :]


def replayed(path: Path, **streams: Any) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONIOENCODING": streams.pop("encoding", "utf-8")}
    return subprocess.Popen(
        [sys.executable, "-m", "verify.replay", str(path)], cwd=ROOT, env=env, stderr=subprocess.PIPE, **streams
    )


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Good, bad, good; the scope of MF12 is not ASCII."""
    good = next(entry for _, entry in entries(HERE / "valid" / "mean-field.json") if entry["claim"] == "MF12")
    path = tmp_path / "mixed\u202e.json"
    path.write_bytes(document(f"{json.dumps(good)}, 1, {json.dumps(good)}", "mean-field"))
    return path


def test_standard_output_in_ascii_changes_no_outcome(mixed: Path) -> None:
    process = replayed(mixed, stdout=subprocess.PIPE, encoding="ascii")
    out, err = process.communicate()
    assert process.returncode == 1 and not err
    assert [line.split()[0] for line in out.decode("ascii").splitlines()] == ["accepted", "rejected", "accepted", "2"]


def test_a_reader_that_leaves_changes_no_exit_status(mixed: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = replayed(mixed, stdout=writing)
    os.close(writing)
    assert process.communicate()[1] == b"" and process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_ends_in_one_line(mixed: Path) -> None:
    with open("/dev/full", "wb") as full:
        process = replayed(mixed, stdout=full)
        err = process.communicate()[1].decode()
    assert process.returncode == 2 and err.count("\n") == 1 and "cannot be written" in err


def test_the_name_of_the_file_is_foreign_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x\naccepted  SN1 VERIFIED"
    assert replay.main([str(path)]) == 2
    path.write_bytes(b"{}")
    assert replay.main([str(path)]) == 1
    assert replay.main(["a\0b"]) == 2
    printed = capsys.readouterr()
    assert "x\\naccepted \\x20SN1" in printed.err and "x\\naccepted \\x20SN1" in printed.out
    assert len(printed.err.splitlines()) == 2 and len(printed.out.splitlines()) == 1


@pytest.mark.parametrize("word", ["limit=0", "limit=-1", "limit=nan", "limit=", "limit=1e"])
def test_a_limit_is_a_number_above_0(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([str(HERE / "valid" / "sub-n-grams.json"), word]) == 2
    assert "limit=STEPS" in capsys.readouterr().err


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert len(replay.parse(b"\xef\xbb\xbf" + document(json.dumps(GOOD[0])))) == 1
