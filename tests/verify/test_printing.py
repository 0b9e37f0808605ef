"""Foreign text on its way to a person: it moves no cursor, turns no line around, and passes for no line of ours."""

from __future__ import annotations

import io
import json
import sys
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.report_sample import results
from verify.claim import Result, Verdict
from verify.command import Progress, run_command
from verify.printing import MOST_MARKS, log, named, printable, shown, trace
from verify.registry import papers
from verify.report.check_html import check_html
from verify.report.check_json import check_json
from verify.report.check_junit import check_junit
from verify.report.check_table import GAP, check_table, widths
from verify.settings import UsageError, read_words

MARKS_OF_DIRECTION = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u3164\u2800\uffa0\U000e0041\ufffe\x7f\x9b\t\0\x1b\ud800"
)
HOSTILE = MARKS_OF_DIRECTION + LINE_BREAKS + INVISIBLE


@pytest.mark.parametrize("character", HOSTILE, ids=ascii)
def test_what_is_no_visible_sign_is_escaped(character: str) -> None:
    for text in (character, f"a{character}b", character * 3):
        assert printable(text) == text.replace(character, ascii(character)[1:-1])
    assert printable(f"a{character}", keep=character) == f"a{character}"


SEEN = ("naïve café", "cafe\u0301", "Θ → 3·10⁻², ½ ≤ ∞", "語彙", "слово", "שלום", "हिन्दी", "\U0001f600", "~ [b]x[/]")


@pytest.mark.parametrize("text", SEEN)
def test_letters_of_all_scripts_stay(text: str) -> None:
    assert printable(text) == text == shown(text)


def test_accents_belong_to_a_letter_and_are_few() -> None:
    assert printable("\u0301x") == "\\u0301x" and printable("1\u0301") == "1\\u0301"
    assert printable("e" + "\u0301" * 5) == "e" + "\u0301" * MOST_MARKS + "\\u0301" * (5 - MOST_MARKS)


@given(st.text(max_size=60))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    once = printable(text)
    assert once.isprintable() and printable(once) == once and len(once.splitlines()) <= 1
    assert "  " not in shown(text)
    if all(" " <= c <= "~" for c in text):
        assert once == text


def test_foreign_text_cannot_pass_for_a_row_of_ours() -> None:
    """Rows hold two spaces in a row; a terminal may break a long line anywhere."""
    assert shown("x   accepted  SN1 VERIFIED") == "x \\x20 accepted \\x20SN1 VERIFIED"
    assert shown("y" * 101) == "y" * 100 + "... (101 characters)" and shown("y" * 100) == "y" * 100


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"), (Fraction(-3, 7), "-3/7"), (0, "0"), (True, "True"), (None, "NoneType"), ([1] * 1000, "list"),
        (10**5000, "about 1.0000e+5000"), (-(10**200), "about -1.0000e+200"),
        (Fraction(-7, 10**9000), "about -7.0000e-9000"),
    ],
    ids=lambda value: "",
)  # fmt: skip
def test_values_are_shown_in_few_characters(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_number_by_its_size_only_where_asked() -> None:
    assert shown(0, 0) == "0" and shown(250_000_000, 0) == "about 2.5000e+8"


def test_an_exception_says_its_message_in_one_line() -> None:
    try:
        try:
            raise KeyError("first\naccepted  SN1")
        except KeyError:
            raise ValueError("second\x1b[2J\nTraceback") from None
    except ValueError as error:
        only = trace(error)
    assert only[0].startswith("Traceback") and only[-1] == named(ValueError("second\x1b[2J\nTraceback"))
    assert "\\x1b[2J\\nTraceback" in only[-1] and all(line.isprintable() for line in only)
    assert not any("first" in line for line in only)
    try:
        try:
            raise KeyError("first")
        except KeyError as before:
            raise ValueError from before
    except ValueError as error:
        both = trace(error)
    assert "KeyError: 'first'" in both and both[-1] == "ValueError: no message"
    assert both.index("KeyError: 'first'") < both.index("which led to:")


def test_standard_error_gets_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    log("one\x1b[2J\u202e\ntwo")
    with Progress() as progress:
        progress.tell("three\n[red]four")
        progress.done("five\x85")
    assert capsys.readouterr().err == "one\\x1b[2J\\u202e\ntwo\nthree\\n[red]four\nfive\\x85\n"


@pytest.mark.parametrize("error", [UsageError("no\nsuch\u202e"), RuntimeError("no\nsuch\u202e")])
def test_every_ending_of_a_command_is_printable(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def main(words: object) -> int:
        raise error

    with pytest.raises(SystemExit):
        run_command("verify.x", main)
    lines = capsys.readouterr().err.splitlines()
    assert any("no\\nsuch\\u202e" in line for line in lines) and all(line.isprintable() for line in lines)


@pytest.mark.parametrize("character", HOSTILE, ids=ascii)
def test_words_that_are_not_printable_are_refused_in_a_line_that_is(character: str) -> None:
    with pytest.raises(UsageError, match="printable characters") as caught:
        read_words([f"output=a{character}b"])
    assert str(caught.value).isprintable()


PAPER = papers()["sub-n-grams"]
SETTINGS = PAPER.settings()


def hostile_results() -> list[Result]:
    bad = {"verdict": Verdict.ERROR, "found": HOSTILE, "scope": HOSTILE, "predicted": HOSTILE, "reason": HOSTILE,
           "footnote": HOSTILE, "details": {HOSTILE: HOSTILE, "traceback": [HOSTILE]}}  # fmt: skip
    return results(PAPER.name, {"SN1": bad})


def test_no_report_holds_what_is_not_printable() -> None:
    found = hostile_results()
    reports = {
        "table": check_table(PAPER, SETTINGS, found, width=200, colour=False, again=lambda id: HOSTILE),
        "narrow": check_table(PAPER, SETTINGS, found, width=60, colour=False, again=lambda id: HOSTILE),
        "json": check_json(SETTINGS, found),
        "junit": check_junit(PAPER, SETTINGS, found),
        "html": check_html(
            PAPER, SETTINGS, found, command=HOSTILE, command_for=lambda id: HOSTILE, environment=HOSTILE
        ),
    }
    for name, text in reports.items():
        assert not set(text) & (set(HOSTILE) - {"\n"}), name
        assert "202e" in text, name
    told = next(claim for claim in json.loads(reports["json"])["claims"] if claim["id"] == "SN1")
    assert told["scope"] == HOSTILE  # to the letter, in JSON's own escapes
    ElementTree.fromstring(reports["junit"].encode())


def test_a_stream_that_lacks_letters_or_is_closed_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(buffer, "ascii", errors="backslashreplace"))
    log("Θ")
    assert buffer.getvalue() == b"\\u0398\n"


@pytest.mark.parametrize("width", [110, 120, 200])
def test_a_table_breaks_no_word_that_it_has_room_for(width: int) -> None:
    words = "eta=0.0349..0.209; trigram_S3_T32_alpha0.5.npz: as many words as there need to be"
    row = ["NT12", "norm at every step of the run", "REFUTED, as due", "numeric", "at most 1 times a bound", "1", words]
    found = widths([row], width)
    if width == 200:
        assert found == [None] * 7
    else:
        kept = [n for n in found if n is not None]
        assert len(kept) == 7 and sum(kept) + 6 * GAP <= width
        assert all(len(word) <= n for cell, n in zip(row, kept, strict=True) for word in cell.split(" ") if n != 4)
    assert widths([[*row[:-1], "x" * width]], width) == [None] * 7, "where there is no room for it"
