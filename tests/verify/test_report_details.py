"""Details of a finding on the page: tables with heads, nothing raw, numbers that differ where they differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from verify.registry import papers
from verify.report.details import details_html
from verify.report.plain import plain
from verify.report.values import enclosure, matrix_html, name_html, rounded, summary, typeset


def seen(html: object) -> str:
    """What a reader sees, with a bar between cells."""
    text = re.sub(r'alttext="[^"]*"|aria-label="[^"]*"', "", str(html))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", re.sub(r"</t[dh]>", "|", text))).strip()


def heads(html: object) -> list[str]:
    return [seen(head) for head in re.findall(r'<th scope="col">(.*?)</th>', str(html))]


def shown(value: Any, labels: dict[str, tuple[str, ...]] | None = None) -> str:
    return str(details_html(plain(value), labels or {}))


def test_mappings_of_mappings_and_lists_of_them_are_tables() -> None:
    assert heads(shown({"bounds": [{"T": 1, "norms": {"Q": 2.0}}]})) == ["T", "norms: Q"]
    assert heads(shown({"runs": {"DS-A": {"a": 1}, "DS-B": {"a": 2}}}, {"runs": ("runs", "dataset")})) == [
        "dataset",
        "a",
    ]
    uneven = shown({"rows": [{"T": 1}, {"S": 2}]})
    assert heads(uneven) == ["T", "S"] and "1|–|" in seen(uneven) and "–|2|" in seen(uneven)
    deep = shown({"shots": [{"step": 1, "near": [{"k": 1}, {"k": 2}]}]})
    assert heads(deep) == ["step", "near: 1: k", "near: 2: k"]


def test_entries_that_are_alike_are_one_table() -> None:
    html = shown({"k=1": {"slope": 1, "gain": 2}, "k=2": {"slope": 3, "gain": 4}, "rate": 5})
    assert heads(html) == ["", "slope", "gain"] and html.count("<table") == 1 and "rate" in seen(html)
    assert heads(shown({"DS-A": {"t": 1}, "DS-B": {"t": 2}})) == ["", "t"]


def test_few_rows_of_many_names_stand_beside_each_other() -> None:
    html = shown({"plateaus": [{f"a{i}": i for i in range(30)}] * 2})
    assert html.count("<tr>") == 30 and heads(html) == [] and html.count('scope="row"') == 30


def test_heads_and_parts_are_named_where_the_paper_says_so() -> None:
    labels = {
        "seen": ("chance of it", "T", "chance"),
        "gain": ("gain", "", "standard error"),
        "edges": ("e", "from", "to"),
    }
    assert heads(shown({"seen": {"3": "1/12"}}, labels)) == ["T", "chance"]
    assert "chance of it" in seen(shown({"seen": {"3": "1/12"}}, labels))
    assert "0.5, standard error 0.1" in seen(shown({"points": [{"gain": [0.5, 0.1]}]}, labels))
    assert heads(shown({"edges": [[0, 1], [1, 2]]}, labels)) == ["from", "to"]
    assert "<mtable" in shown({"kernel": [[0, 1], [1, 2]]}, labels), "the control: a matrix without a label"
    assert heads(shown({"identities": {"a = b": 3}})) == ["identity", "instances"]


def test_a_name_may_tell_its_columns() -> None:
    html = shown({"n: loss, its bound": {"1": [0.5, 0.75], "2": [0.25, 0.5]}})
    assert heads(html) == ["n", "loss", "its bound"] and "1|0.5|0.75|" in seen(html)
    assert heads(shown({"S: value, eigenvalues": {"[]": [1, 2, 3]}})) == ["S", "value, eigenvalues"]


def test_pairs_without_heads_say_themselves_what_they_are() -> None:
    html = shown({"degree": {"Q": -1, "K": -2}})
    assert "<thead>" not in html and html.count('scope="row"') == 2 and "of what" not in html


def test_nothing_is_raw_json() -> None:
    deep = {"a": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], "b": {"c": {"d": {"e": [1.5]}}, "f": []}, "g": [[1], [2, 3]]}
    html = shown(deep)
    assert "<pre" not in html and not re.search(r'[{}"]', seen(html))
    assert all(str(digit) in seen(html) for digit in range(1, 9))
    for empty in ({}, {"a": {}}, {"a": []}, {"a": [[]]}, {"a": [{}]}):
        assert "<pre" not in shown(empty)
    assert "<pre" in shown({"traceback": ["Traceback", "Error: x"]})


def test_words_of_digits_are_no_numbers() -> None:
    """A sequence of tokens, as a word, is not about 1e66."""
    assert rounded("0" * 30 + "1" * 30) == "0" * 30 + "1" * 30
    assert rounded("1" * 60) == "about 1.1111e+59" and rounded("0") == "0" and rounded("0/1") == "0/1"
    assert "mtext" in matrix_html([["010"]]) and "mtext" not in matrix_html([["10"]])


def test_infinity_products_and_sets_are_set() -> None:
    assert seen(typeset("inf")) == seen(typeset("oo")) == "∞" and seen(typeset("-inf")) == "−∞"
    assert seen(typeset("t0**2*t1")) == "t02t1" and "expression of 300 signs" in typeset("**" + "x" * 298)
    assert seen(typeset("z for all lags=(1,), and lags=(1, 2)")) == "z for all lags {1}, and lags {1,2}"
    assert seen(shown({"standard_error": 1, "near: total_time": 2})) == "standard error1near: total time2"
    names = {"W_ov_squared_norm": "Wov squared norm", "log_C_of_the_loss": "logC of the loss", "theta_k": "θk"}
    assert {name: seen(name_html(name)) for name in names} == names


def test_bounds_are_one_number_with_an_error_that_holds_them() -> None:
    lower, upper = Fraction(1, 3), Fraction(1, 3) + Fraction(1, 10**30)
    found = enclosure(plain({"lower": lower, "upper": upper}))
    alternative = re.sub(r"\s", "", "".join(re.findall('alttext="([^"]*)"', str(found))))
    middle, _, error = alternative.partition("+/-")
    assert abs(Fraction(middle) - lower) <= Fraction(error) and abs(Fraction(middle) - upper) <= Fraction(error)
    assert enclosure({"lower": "1"}) is None and enclosure({"lower": "1", "upper": "x"}) is None
    html = shown({"lower": lower, "upper": upper, "T": 3})
    assert "enclosure" in html and "lower" not in html and "0.333333333333333 ± " in seen(html).replace("±", " ± ")


def test_many_numbers_are_summed_up_and_few_are_not() -> None:
    many = [-0.087 + 1e-3 * i for i in range(80)]
    assert seen(summary(many)) == "80 numbers, from −0.087 to −0.008"
    assert seen(summary([1.5, 2.5])) == "1.5, 2.5" and seen(summary(["a"] * 40)).count("a") == 40


@pytest.mark.parametrize("name", papers())
def test_labels_name_something(name: str) -> None:
    """A label has a name in words, and parts that are not all empty."""
    for key, (called, *parts) in papers()[name].labels.items():
        assert called and (not parts or any(parts)), key


ROOT = Path(__file__).parents[2]
PLACES = ("verify/papers", "numerics", "proofs")  # whose folders of a paper's name write its details


def keys(node: ast.AST) -> Iterator[ast.expr | str | None]:
    """What may name a value: keys, also in pairs or with names of their own, arguments, and fields of records."""
    match node:
        case ast.Dict():
            yield from node.keys
        case ast.DictComp() | ast.Tuple(elts=[_, _]):
            yield node.key if isinstance(node, ast.DictComp) else node.elts[0]
        case ast.Subscript():
            yield node.slice
        case ast.Assign():
            yield node.value
        case ast.keyword():
            yield node.arg
        case ast.ClassDef():
            fields = (line.target for line in node.body if isinstance(line, ast.AnnAssign))
            yield from (field.id for field in fields if isinstance(field, ast.Name))


def pattern(key: ast.expr | str | None) -> str | None:
    """Of the texts that a key stands for: what is put into a text may be anything, but behind its beginning."""
    match key:
        case str() | ast.Constant(value=str()):
            return re.escape(key if isinstance(key, str) else str(key.value))
        case ast.JoinedStr(values=[ast.Constant(), *_] as parts):
            return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".*" for part in parts)
    return None


def written(name: str) -> re.Pattern[str]:
    """The keys that code of the paper of this name writes, leaving out where labels stand themselves."""
    folder = papers()[name].settings.__module__.split(".")[-2]
    folders = [ROOT / place / folder for place in PLACES]
    files = [path for folder in folders for path in folder.rglob("*.py") if path.name != "symbols.py"]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    return re.compile("|".join({found for node in nodes for key in keys(node) if (found := pattern(key))}))


@pytest.mark.parametrize("name", papers())
def test_every_label_is_one_of_something_that_is_written(name: str) -> None:
    """The code writes its key, and no label is left over from one that it wrote before."""
    found = written(name)
    assert [label for label in papers()[name].labels if not found.fullmatch(label)] == []
    assert not found.fullmatch("a key that nobody writes"), "the control"
