"""`verify.replay`: accepts what is true, and nothing else; needs nothing but Python."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import replay
from verify.check import main as check
from verify.new import contents
from verify.recheck.certificate import DeclinedError, RejectedError, digest
from verify.recheck.registry import rechecks
from verify.registry import papers

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VALID = sorted((HERE / "valid").glob("*.json"))
QUICK = 1e8


def entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(item["paper"], item["entry"]) for item in replay.read(str(path))]


CERTIFICATES = [
    pytest.param(paper, entry, id=f"{path.stem}-{entry['claim']}") for path in VALID for paper, entry in entries(path)
]


def outcome(paper: str, entry: Any, limit: float = QUICK) -> str:
    return next(replay.outcomes([{"paper": paper, "entry": entry}], limit))[0]


def signed(entry: dict[str, Any]) -> dict[str, Any]:
    """The certificate with the digest that belongs to it."""
    parts = [entry[key] for key in ("claim", "statement", "verdict", "parameters")]
    return {**entry, "digest": digest(*parts)}


@pytest.mark.parametrize(("paper", "entry"), CERTIFICATES)
def test_what_the_tool_has_written_is_accepted(paper: str, entry: dict[str, Any]) -> None:
    claim, grade, scope = replay.replay(paper, entry)
    assert claim == f"{entry['claim']} {entry['verdict']}" and scope
    assert grade == "exact" or int(grade.rpartition("-")[2]) >= 60


LISTED = [paper for paper in rechecks() if paper != "lemmas"]  # those of lemmas: tests/lemma/test_certificates


@pytest.mark.parametrize("paper", LISTED)
def test_statements_are_those_of_the_claims(paper: str) -> None:
    claims = {claim.id: claim.statement for claim in papers()[paper].claims}
    known = rechecks()[paper]
    assert known.STATEMENTS.items() <= claims.items()
    assert {claim for claim, _ in known.CLAIMS} == known.STATEMENTS.keys()


def test_the_papers_of_this_project_have_rechecks() -> None:
    assert rechecks().keys() == {"sub-n-grams", "mean-field", "next-token", "lemmas"}
    assert set(LISTED) == {paper for path in VALID for paper, _ in entries(path)}


def test_replay_needs_the_standard_library_only() -> None:
    """Run by a Python without site-packages, from a copy that holds nothing but the checker."""
    program = (
        "import sys, importlib.abc\n"
        "STANDARD = [], ['replay'], ['recheck'], ['files'], ['printing'], ['by_path']\n"
        "class Blocked(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top != 'verify' and top not in sys.stdlib_module_names: raise ImportError(name)\n"
        "        if top == 'verify' and name.split('.')[1:2] not in STANDARD:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from verify.replay import main\n"
        "sys.exit(main(sys.argv[2:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(ROOT), str(VALID[0])],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 rejected" in done.stdout


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values that are no object and no list."""
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


def put(entry: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Another entry, which shares with this one what is not on the path."""
    changed, (key, *rest) = entry.copy(), path
    changed[key] = put(entry[key], tuple(rest), value) if rest else value
    return changed


def get(entry: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        entry = entry[key]
    return entry


def wrong_values(value: Any) -> list[Any]:
    """What one might put in the place of a number or a word."""
    if isinstance(value, int):
        return [value + 1, value - 1, -value - 1, True, str(value), float(value), None, [value], 10**30]
    try:
        x = Fraction(value)
    except (ValueError, ZeroDivisionError):
        return [value + " ", value[:-1], value.upper() + "x", 0, None, {"": value}]
    return [
        str(x + 1), str(-x if x else x - 1), str(x + Fraction(1, 10**9)), f"{2 * x.numerator}/{2 * x.denominator}",
        float(x), "nan", "1e400", f"{value} ", "1/0", None,
    ]  # fmt: skip


def mutations(entry: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every leaf changed in every way; every field left out, or one too many; swapped neighbours in lists."""
    for path in leaves(entry):
        for value in wrong_values(get(entry, path)):
            yield f"{path} -> {value!r}", put(entry, path, value)
    for where in ((), ("parameters",), ("witness",)):
        fields = get(entry, where)
        for key in fields:
            shorter = {other: fields[other] for other in fields if other != key}
            yield f"without {(*where, key)}", put(entry, where, shorter) if where else shorter
        longer = {**fields, "extra": 1}
        yield f"more in {where}", put(entry, where, longer) if where else longer


def mutants(paper: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in VALID:
        for _, entry in entries(path) if path.stem in (paper, f"{paper}-in-context") else []:
            for label, mutant in mutations(entry):
                yield f"{entry['claim']} {label}", mutant


@pytest.mark.parametrize("paper", LISTED)
def test_no_mutated_certificate_is_accepted(paper: str) -> None:
    """Each field changed, and nothing else: the digest, or the check, notices. With digests that fit: see
    test_false_certificates.
    """
    tried, accepted = 0, []
    for label, mutant in mutants(paper):
        tried += 1
        if outcome(paper, mutant) == "accepted":
            accepted.append(label)
    assert tried >= 2000 and not accepted


@pytest.mark.parametrize(("paper", "entry"), CERTIFICATES)
def test_no_certificate_serves_another_claim(paper: str, entry: dict[str, Any]) -> None:
    """Claim, statement and digest of another claim, or the other verdict; the witness and parameters stay."""
    known = rechecks()[paper]
    for claim, verdict in known.CLAIMS:
        if (claim, verdict) != (entry["claim"], entry["verdict"]) and not same_statement(entry, claim, verdict):
            other = {**entry, "claim": claim, "statement": known.STATEMENTS[claim], "verdict": verdict}
            assert outcome(paper, other) == "rejected"
            assert outcome(paper, signed(other)) == "rejected", (claim, verdict)


def same_statement(entry: dict[str, Any], claim: str, verdict: str) -> bool:
    """Whether these parameters make a true statement of the other claim too, which needs no witness of its own."""
    both = {entry["claim"], claim} == {"SN3", "SN3c"} and entry["parameters"]["lags"] == []  # both sides are 0
    saddle = {entry["claim"], claim} == {"MF6c", "MF9c"} and verdict == entry["verdict"]  # one saddle refutes both
    # each is decided anew from the law, T, c and beta: slopes and gains
    frequency = {entry["claim"], claim} <= {"SN25a", "SN25c", "SN25d", "SN25f"}
    return saddle or frequency or (verdict == "VERIFIED" and (entry["witness"] == {} or both))


def test_a_false_statement_with_a_fitting_digest_is_rejected() -> None:
    """The invalid certificates beside this file: each claims something that is not so."""
    files = sorted((HERE / "invalid").glob("*.json"))
    assert len(files) >= 10
    for path in files:
        for paper, entry in entries(path):
            assert entry["digest"] == signed(entry)["digest"], path.name
            assert outcome(paper, entry) == "rejected", path.name


@pytest.mark.parametrize("path", sorted((HERE / "malformed").iterdir()), ids=lambda path: path.name)
def test_malformed_files_end_in_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main([str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("rejected") and printed.out.count("\n") <= 2 and not printed.err


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    assert replay.main([str(path)]) == 1
    assert "larger than" in capsys.readouterr().out


@pytest.mark.parametrize("paper", ["no-such-paper", "", "../../mean-field", "sub-n-grams ", "\x1b[2J" + "x" * 10_000])
def test_a_paper_without_recheck_is_declined_certificate_by_certificate(
    paper: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(VALID[0].read_text()) | {"paper": paper}
    path = tmp_path / "certificates.json"
    path.write_text(json.dumps(document))
    assert replay.main([str(path)]) == 3
    *lines, summary = capsys.readouterr().out.splitlines()
    assert len(lines) == len(document["certificates"])
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"declined  certificate {number}: no recheck installed for ")
        assert line.isprintable() and len(line) < 250 and paper[-9:] in line
    assert summary == f"0 accepted, 0 rejected, {len(lines)} declined"


def test_without_recheck_what_cannot_be_read_is_still_rejected() -> None:
    """Declined is what nobody here can judge; what is no certificate is none of any paper."""
    for broken in (b'{"claim": 1.5}', b'{"claim": "XY1", "claim": "XY1"}', b'{"claim" "XY1"}'):
        content = (
            b'{"schema": "%s", "version": "0", "paper": "no-such-paper", "certificates": [{"claim": "XY1"}, %s]}'
            % (replay.SCHEMA.encode(), broken)
        )
        assert [found for found, _ in replay.outcomes(replay.parse(content), QUICK)] == ["declined", "rejected"]


def test_what_is_too_large_is_declined_with_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    path = VALID[0]
    assert replay.main([str(path), "limit=10"]) == 3
    printed = capsys.readouterr().out
    assert "declined" in printed and "steps" in printed and "accepted" in printed


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ([], 2, "one file"),
        (["no/such/file.json"], 2, "No such file"),
        (["a", "b"], 2, "one file"),
        ([str(VALID[0]), "limit=many"], 2, "one file"),
        ([str(VALID[0]), "recheck=a", "recheck=b"], 2, "one file"),
        ([str(VALID[0]), "recheck=no/such.py"], 2, "verify.replay: recheck=no/such.py: FileNotFoundError: there is no"),
        ([str(VALID[0]), f"recheck={__file__}"], 2, "defines no PAPER"),
        (["--help"], 0, "accepted"),
    ],
)
def test_usage(words: list[str], status: int, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main(words) == status
    printed = capsys.readouterr()
    assert text in printed.out + printed.err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_rejected(content: bytes) -> None:
    with pytest.raises(RejectedError):
        replay.parse(content)


@given(st.data())
def test_any_json_in_the_place_of_any_part_is_rejected(data: st.DataObject) -> None:
    paper, entry = data.draw(st.sampled_from([(p.values[0], p.values[1]) for p in CERTIFICATES]))
    path = data.draw(st.sampled_from([*leaves(entry), ("parameters",), ("witness",)]))
    value = data.draw(JSON)
    if value != get(entry, path) or type(value) is not type(get(entry, path)):
        changed = put(entry, path, value)
        for mutant in [changed] if path == ("digest",) else [changed, signed(changed)]:
            try:
                replay.replay(paper, mutant)
            except (RejectedError, DeclinedError):
                continue
            assert path[0] == "parameters", f"accepted {path} -> {value!r}"  # another true statement, with its digest


def test_the_document_is_read_again_as_it_was_written() -> None:
    """Strings with brackets and quotes do not count as depth."""
    document = json.loads(VALID[0].read_text())
    document["version"] = '[[[[[[[[[[[[[[[[[[[[[[[[[ \\" "'
    assert len(replay.parse(json.dumps(document).encode())) == len(document["certificates"])


def test_random_order_of_keys_changes_nothing() -> None:
    paper, entry = entries(VALID[0])[0]
    keys = list(entry)
    Random(0).shuffle(keys)
    assert outcome(paper, {key: entry[key] for key in keys}) == "accepted"


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_files_follow_the_json_schema(path: Path) -> None:
    schema = json.loads((ROOT / "verify" / "certificates.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    document = json.loads(path.read_text())
    jsonschema.validate(document, schema)
    jsonschema.validate({**document, "paper": "no-such-paper"}, schema)  # anybody's
    for broken in (
        put(document, ("certificates", 0, "digest"), "0"),
        put(document, ("certificates", 0, "claim"), "no id"),
        {**document, "schema": "x"},
        {**document, "paper": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_a_message_does_not_repeat_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(VALID[0].read_text())
    document["certificates"][0]["\x1b[2J"] = 1
    document["certificates"][1]["verdict"] = "\x1b[31m\u2028"
    path = tmp_path / "file.json"
    path.write_text(json.dumps(document))
    assert replay.main([str(path)]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\u2028" not in printed and "\\x1b[2J" in printed


def test_what_is_not_certain_enough_is_declined(monkeypatch: pytest.MonkeyPatch) -> None:
    """SN1 is decided at random points, SN8 exactly."""
    named = {entry["claim"]: entry for _, entry in entries(HERE / "valid" / "sub-n-grams.json")}
    monkeypatch.setattr(replay, "LEAST_CERTAINTY", 200)
    assert outcome("sub-n-grams", named["SN1"]) == "declined"
    assert outcome("sub-n-grams", named["SN8"]) == "accepted"


@pytest.mark.parametrize("place", ["parameters", "witness"])
def test_a_field_that_no_check_reads_is_rejected(place: str) -> None:
    """Even with the digest that belongs to it: what is not checked must not be accepted."""
    for claim in ("SN4c", "SN5", "SN8"):
        entry = next(e for _, e in entries(HERE / "valid" / "sub-n-grams.json") if e["claim"] == claim)
        assert outcome("sub-n-grams", signed(put(entry, (place, "for all S"), 1))) == "rejected"


@pytest.mark.parametrize("number", ["2.0", "NaN", "1e400", "-Infinity"])
def test_numbers_that_are_not_whole_are_named(number: str) -> None:
    with pytest.raises(RejectedError, match=rf"{number}(: not a whole number| is no number)"):
        replay.parse(f'{{"schema": {number}}}'.encode())


def test_a_recheck_by_its_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a paper that nothing is installed for; where it says no, that is heard, and other papers have their own."""
    for name, text in contents("own-paper").items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    file, recheck = str(tmp_path / "certificates.json"), tmp_path / "own_paper_recheck.py"
    try:
        assert check([f"paper={tmp_path / 'own_paper_package'}", f"certificate={file}"]) == 0
        assert replay.main([file]) == 3
        assert "no recheck installed for own-paper" in capsys.readouterr().out
        assert replay.main([file, f"recheck={recheck}"]) == 0
        assert "2 accepted" in capsys.readouterr().out
        assert replay.main([str(VALID[0]), f"recheck={recheck}"]) == 0
        recheck.write_text(recheck.read_text().replace("return curvature * w**2 / 2", "return curvature * w**3 / 2"))
        assert replay.main([file, f"recheck={recheck}"]) == 1
    finally:
        for name in [name for name in sys.modules if name.startswith(("own_paper_package", "own_paper_recheck"))]:
            del sys.modules[name]
