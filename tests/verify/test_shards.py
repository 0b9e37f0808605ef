"""The store of finished shards: named by all that the result depends on, read back to the last bit or not at all."""

from __future__ import annotations

import json
import math
import os
import pickle
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from tests.full_disk import room_for
from verify import shards as module
from verify.command import write_file
from verify.papers.sub_ngrams.engines import Options, get_engine
from verify.papers.sub_ngrams.gradient.shards import GradientShard
from verify.settings import UsageError
from verify.shards import Store, compute, content_of, digest, result_in

LAW = NGramLaw(2, 2)
Q5 = Configuration((1,), Fraction(5))
EXACT = GradientShard(LAW, Q5, 6, "type_classes", Options())
SAMPLED = GradientShard(LAW, Q5, 6, "monte_carlo", Options(samples=1000, device="cpu"))

entries = st.one_of(st.fractions(), st.floats(allow_nan=False))


def blocks(numbers: st.SearchStrategy[float | Fraction]) -> st.SearchStrategy[list[object]]:
    def lists(inner: st.SearchStrategy[object]) -> st.SearchStrategy[list[object]]:
        return st.lists(inner, min_size=2, max_size=2)

    return lists(lists(lists(lists(numbers))))


@given(blocks(entries), blocks(st.floats(min_value=0)), st.none() | st.floats(0.5, 0.99))
def test_what_is_written_is_read_to_the_last_bit(values: list[object], errors: list[object], level: float) -> None:
    M = ScoreBlocks.from_nested(values, errors, level)
    again = result_in(content_of(SAMPLED, M), SAMPLED)
    assert again == M and repr(again) == repr(M)  # repr also tells 0.0 from -0.0, and a float from a fraction


@given(blocks(st.fractions(-1, 1)))
def test_exact_numbers_are_read_as_they_were_written(values: list[object]) -> None:
    M = ScoreBlocks.from_nested(values)
    assert result_in(content_of(EXACT, M), EXACT) == M


def test_nan_survives_too() -> None:
    nan = [[[[math.nan] * 2] * 2] * 2] * 2
    M = ScoreBlocks.from_nested(nan, nan)
    assert repr(result_in(content_of(SAMPLED, M), SAMPLED)) == repr(M)


@pytest.mark.parametrize(
    "other",
    [
        replace(EXACT, T=7),
        replace(EXACT, law=NGramLaw(2, 2, Fraction(1, 2))),
        replace(EXACT, law=NGramLaw(2, 2, initial="dirichlet")),
        replace(EXACT, law=NGramLaw(2, 3)),
        replace(EXACT, law=NGramLaw(3, 2)),
        replace(EXACT, configuration=Configuration((), Fraction(5))),
        replace(EXACT, configuration=Configuration((1,), Fraction(7, 2))),
        replace(EXACT, configuration=Configuration((1,), 5.0)),  # a float q takes other arithmetic
        replace(EXACT, configuration=Configuration((1,), math.inf)),
        replace(EXACT, engine="enumeration"),
    ],
)
def test_another_problem_has_another_digest(other: GradientShard) -> None:
    assert other.digest != EXACT.digest


@pytest.mark.parametrize("change", [{"seed": 1}, {"samples": 1001}, {"level": 0.95}, {"interval": "student"}])
def test_options_count_for_the_engines_that_take_them(change: dict[str, object]) -> None:
    options = replace(SAMPLED.options, **change)  # type: ignore[arg-type]  # a field of Options each
    assert replace(SAMPLED, options=options).digest != SAMPLED.digest
    assert replace(EXACT, options=options).digest == EXACT.digest


def test_code_and_libraries_count(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, sampled = EXACT.digest, SAMPLED.digest
    monkeypatch.setattr(module, "float_libraries", lambda: {"torch": "0"})
    assert EXACT.digest == exact and SAMPLED.digest != sampled
    monkeypatch.setattr(module, "code_digest", lambda packages: "other")
    assert EXACT.digest != exact


def test_the_device_is_settled_before_the_shard_is_named() -> None:
    shard = GradientShard.resolve(LAW, Q5, 6, get_engine("closed_form"), Options())
    assert shard.options.device in ("cpu", "cuda")
    assert GradientShard.resolve(LAW, Q5, 6, get_engine("type_classes"), Options()).digest == EXACT.digest


def test_a_worker_with_other_code_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = pickle.loads(pickle.dumps((EXACT, EXACT.digest)))
    assert compute(*sent) == get_engine("type_classes").compute(LAW, Q5, 6)
    monkeypatch.setattr(module, "code_digest", lambda packages: "other")
    with pytest.raises(UsageError, match="another landscape-verifier"):
        compute(*sent)


class Folder:
    """A store, and what it complained about."""

    def __init__(self, path: Path) -> None:
        self.path, self.complaints = path, list[str]()
        self.store = Store(str(path), self.complaints.append)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "shards")


def test_the_store_reads_what_it_wrote_and_leaves_nothing_else_behind(folder: Folder) -> None:
    M = compute(EXACT, EXACT.digest)
    assert folder.store.read(EXACT) is None
    folder.store.write(EXACT, M)
    assert folder.store.read(EXACT) == M and folder.store.read(SAMPLED) is None
    assert [path.name for path in folder.path.iterdir()] == [f"{EXACT.digest}.json"]
    assert folder.complaints == []


def spoil(content: str, how: str) -> bytes:
    stored = json.loads(content)
    if how == "cut":
        return content[: len(content) // 2].encode()
    if how == "empty":
        return b""
    if how == "bytes":
        return b"\xff\xfe" + content.encode()
    if how == "a number":
        stored["result"]["blocks"]["0,0"][0][0] = "1/3"
    elif how == "a digest":
        stored["sha256"] = "0" * 64
    elif how == "the key":
        stored["key"]["T"] = 7
    elif how == "two numbers exchanged":
        first = stored["result"]["blocks"]["0,0"]
        assert first[0] != first[1]
        first.reverse()
    elif how == "a list":
        return b"[]"
    elif how == "nested":
        return b"[" * 100_000
    else:  # the digest is right, the shape is not
        result = stored["result"]
        if how == "a row less":
            result["blocks"]["0,0"].pop()
        elif how == "a row longer":
            result["blocks"]["0,0"][0].append("1")
        elif how == "a block less":
            del result["blocks"]["0,0"]
        elif how == "a block more":
            result["blocks"]["2,2"] = result["blocks"]["0,0"]
        elif how == "a word":
            result["blocks"]["0,0"][0][0] = "word"
        elif how == "null":
            result["blocks"]["0,0"][0][0] = None
        elif how == "a division by 0":
            result["blocks"]["0,0"][0][0] = "1/0"
        elif how == "a long number":
            result["blocks"]["0,0"][0][0] = "9" * 5000
        elif how == "a float":
            result["blocks"]["0,0"][0][0] = 0.5
        elif how == "a truth value":
            result["blocks"]["0,0"][0][0] = True
        elif how == "errors":
            result["errors"] = result["blocks"]
        elif how == "a level":
            result["level"] = 0.5
        stored["sha256"] = digest(result)
    return json.dumps(stored).encode()


DAMAGE = (
    "cut", "empty", "bytes", "a list", "nested", "a number", "two numbers exchanged", "a digest", "the key",
    "a row less", "a row longer", "a block less", "a block more", "a word", "null", "a division by 0", "a long number",
    "a float", "a truth value", "errors", "a level",
)  # fmt: skip


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_told_and_not_read(folder: Folder, how: str) -> None:
    M = compute(EXACT, EXACT.digest)
    folder.store.write(EXACT, M)
    path = folder.store.path(EXACT)
    content = path.read_text()
    path.write_bytes(spoil(content, how))
    assert folder.store.read(EXACT) is None
    [complaint] = folder.complaints
    assert path.name in complaint and "damaged" in complaint and "\n" not in complaint
    folder.store.write(EXACT, M)
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("part", "value"),
    [("errors", None), ("level", "0.99"), ("level", 1.5), ("level", True), ("level", [0.5]), ("errors", "negative")],
)
def test_floats_without_their_errors_are_damaged(folder: Folder, part: str, value: object) -> None:
    """The digest fits: somebody has made it fit. Without errors they would pass for exact."""
    M = compute(SAMPLED, SAMPLED.digest)
    folder.store.write(SAMPLED, M)
    path = folder.store.path(SAMPLED)
    assert folder.store.read(SAMPLED) == M
    stored = json.loads(path.read_text())
    if value == "negative":
        stored["result"]["errors"]["0,0"][0][0] = -1.0
    else:
        stored["result"][part] = value
    stored["sha256"] = digest(stored["result"])
    path.write_text(json.dumps(stored))
    assert folder.store.read(SAMPLED) is None and "damaged" in folder.complaints[0]


def test_every_flipped_bit_is_noticed(folder: Folder) -> None:
    """But for those that leave the same JSON: blanks, and digits that a float does not tell apart."""
    M = compute(EXACT, EXACT.digest)
    folder.store.write(EXACT, M)
    path, rng = folder.store.path(EXACT), Random(0)
    content = path.read_bytes()
    for _ in range(300):
        i, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        path.write_bytes(content[:i] + bytes([content[i] ^ bit]) + content[i + 1 :])
        assert folder.store.read(EXACT) in (None, M)


def test_what_is_no_file_is_not_read(folder: Folder) -> None:
    """A pipe would keep its reader waiting for ever."""
    path = folder.store.path(EXACT)
    os.mkfifo(path)
    assert folder.store.read(EXACT) is None
    path.unlink()
    path.mkdir()
    assert folder.store.read(EXACT) is None
    assert all("cannot be read" in line for line in folder.complaints) and len(folder.complaints) == 2


def test_a_full_disk_leaves_nothing_behind(folder: Folder) -> None:
    with room_for(100):
        folder.store.write(EXACT, compute(EXACT, EXACT.digest))
    assert list(folder.path.iterdir()) == []
    [complaint] = folder.complaints
    assert "cannot be written" in complaint


def test_a_full_disk_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    write_file(str(path), b"before")
    with room_for(100), pytest.raises(UsageError, match="cannot be written"):
        write_file(str(path), b"x" * 1000)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_shard_is_not_taken(folder: Folder) -> None:
    other = replace(EXACT, T=7)
    folder.store.write(other, compute(other, other.digest))
    folder.store.path(other).rename(folder.store.path(EXACT))
    assert folder.store.read(EXACT) is None and len(folder.complaints) == 1


def test_what_cannot_be_written_is_told_and_not_lost(folder: Folder) -> None:
    folder.path.rmdir()
    folder.store.write(EXACT, compute(EXACT, EXACT.digest))
    [complaint] = folder.complaints
    assert "cannot be written" in complaint


def test_a_folder_that_cannot_be_one_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for name in (file, tmp_path / "no" / "where"):
        with pytest.raises(UsageError, match="shards="):
            Store(str(name), print)
