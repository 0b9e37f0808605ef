"""The page of a check: everything is there, links lead somewhere, nothing is loaded, nothing runs."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape

from tests.verify.report_sample import DETAILS, page, results
from verify.check import main
from verify.claim import Claim, Evidence, Finding, Result, Run, Verdict
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.registry import papers
from verify.report import check_html as module
from verify.report.claim_graph import HEIGHT, WIDTH, Drawing, draw_graph
from verify.report.glossary import GRADES, TERMS, TRUST, VERDICTS, explained_in, symbols_in
from verify.report.mathml import statement_html
from verify.report.values import compact, matrix_html, rounded, source_html, typeset
from verify.settings import UsageError, validate

VOID = {"meta", "wbr", "br", "link", "img", "hr", "input"}
LOADS = {"src", "srcset", "data", "poster", "action", "background", "xlink:href"}


class Page(HTMLParser):
    """Elements with their attributes, the text of each article, and tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.article = ""
        self.texts: Counter[str] = Counter()
        self.said: dict[str, str] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.elements.append((tag, named))
        if tag == "article":
            self.article = named["id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)
        if tag == "article":
            self.article = ""

    def handle_data(self, data: str) -> None:
        self.said[self.article] = self.said.get(self.article, "") + data

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: page(name) for name in papers()}


@pytest.fixture(params=papers())
def paper(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def html(paper: str, pages: dict[str, str]) -> str:
    return pages[paper]


def test_every_claim_is_there_with_all_that_was_found(paper: str, html: str) -> None:
    read = Page(html)
    ids = [claim.id for claim in papers()[paper].claims]
    for claim in papers()[paper].claims:
        said = read.said[claim.id]
        for text in (claim.statement, *claim.assumptions):
            assert statement_html(text, [id for id in ids if id != claim.id]) in html
        for text in (claim.id, claim.statement, "131/4032", "not 0", f"select={claim.id}"):
            assert text in said, (claim.id, text)
        assert any(verdict in said for verdict in Verdict)
        for other in claim.requires:
            assert f'href="#{other}"' in html
    evidence = {result.finding.evidence for result in results(paper)} - {None}
    assert all(GRADES[grade] in html for grade in evidence if grade is not None)


def test_tags_match_and_links_lead_somewhere(html: str) -> None:
    read = Page(html)
    assert read.wrong == [] and read.open == []
    ids = read.attributes("id")
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    targets = set(read.attributes("href"))
    inside = {target for target in targets if not target.startswith("https://arxiv.org/abs/")}
    assert len(targets - inside) == 1, "the paper"
    assert inside and all(target.startswith("#") and target[1:] in ids for target in inside)
    for name in ("aria-labelledby", "clip-path"):
        assert all(value.removeprefix("url(#").rstrip(")") in ids for value in read.attributes(name))


def test_nothing_is_loaded_and_nothing_runs(html: str) -> None:
    read = Page(html)
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not LOADS & {name for _, attributes in read.elements for name in attributes}
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    links = re.sub(r'<a href="https://arxiv.org/abs/[\d.]+">', "", html)  # what a click leads to, and nothing loads
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\((?!#)", links)


def test_headings_and_landmarks_are_in_order(html: str) -> None:
    read = Page(html)
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(second <= first + 1 for first, second in itertools.pairwise(levels))
    tags = [tag for tag, _ in read.elements]
    assert tags.count("main") == 1 and ("html", {"lang": "en"}) in read.elements
    assert tags.index("a") < tags.index("main") and '<a class="skip" href="#claims">' in html
    assert all("aria-label" in attributes for tag, attributes in read.elements if attributes.get("role") == "img")


def test_the_same_results_give_the_same_page_without_times(paper: str, html: str) -> None:
    assert page(paper) == html
    assert "98765" not in html  # the seconds of the sample


def test_only_the_foot_depends_on_the_environment(pages: dict[str, str]) -> None:
    other = page("next-token", environment="python 3.99\nanother machine\n")
    same = set(pages["next-token"].splitlines())
    differing = [line for line in other.splitlines() if line not in same]
    assert differing and all("python 3.99" in line or "another machine" in line for line in differing)


def test_plots_are_drawn_where_details_carry_a_series(pages: dict[str, str]) -> None:
    plotted = [claim.id for paper in papers().values() for claim in paper.claims if claim.plot]
    assert {"SN7", "SN15", "MF6"} < set(plotted)
    for id in plotted:
        (html,) = (text for text in pages.values() if f'<article id="{id}"' in text)
        article = html.split(f'<article id="{id}"')[1].split("</article>")[0]
        assert article.count("<figure>") == 1 and "<figcaption>" in article
        drawn = article.split("<figure>")[1].split("</figure>")[0]
        assert drawn.count("<text") >= 4, "letters of a plot are text"
        assert "var(--ink)" in drawn and "var(--first)" in drawn
        assert not re.search("#[0-9a-f]{6}", drawn), "a colour that does not follow the page"
    without = page("sub-n-grams", results("sub-n-grams", {id: {"details": {}} for id in DETAILS if id != "MF6"}))
    assert "<figure>" not in without


def test_hostile_text_stays_text() -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

    def check(settings: object, run: Run) -> Finding:
        raise AssertionError

    claim = Claim("ZZ1", bad, f"{bad} where x_1 = {bad}", "", check, assumptions=(bad,), requires=("ZZ0",))
    details = {bad: bad, "deep": {bad: [{bad: bad}, {bad: bad}]}, "counterexample": {bad: [[bad, bad]], "x": bad}}
    finding = Finding(Verdict.REFUTED, bad, Evidence.EXACT, 1, bad, bad, details, bad)
    html = page("sub-n-grams", [Result(claim, Verdict.VERIFIED, finding, 0.0)], command=bad, environment=bad)
    read = Page(html)
    assert read.wrong == [] and not {"script", "img"} & {tag for tag, _ in read.elements}
    assert not read.attributes("onerror")
    assert read.said["ZZ1"].count("<script>alert(1)</script>") >= 10


def test_a_verdict_that_was_not_expected_is_said_first(pages: dict[str, str]) -> None:
    traceback = ["Traceback (most recent call last):", "ZeroDivisionError: division by zero"]
    changes = {
        "SN5": {"verdict": Verdict.REFUTED, "details": {"counterexample": {"kernel": [["1/2", "1/2"]]}}},
        "SN6": {"verdict": Verdict.SKIPPED, "evidence": None, "scope": "rests on SN5, not as expected"},
        "SN12": {"verdict": Verdict.ERROR, "evidence": None, "details": {"traceback": traceback}},
        "SN15": {"verdict": Verdict.UNDECIDED, "evidence": None},
    }
    html = page("sub-n-grams", results("sub-n-grams", changes))
    summary = html.split("<article")[0]
    assert f"<strong>{len(papers()['sub-n-grams'].claims) - 4} of" in summary
    for id, change in changes.items():
        verdict = str(change["verdict"])
        assert re.search(f'<a href="#{id}">{id}</a> {verdict}, expected VERIFIED', summary)
        assert VERDICTS[Verdict(verdict)] in summary
        assert re.search(f'<a href="#{id}" class="box {verdict.lower()} surprise"[^>]*not as expected', summary)
    assert "Traceback (most recent call last):\nZeroDivisionError" in html
    assert "Counterexample" in html.split('<article id="SN5"')[1].split("</article>")[0]
    assert "not as expected" not in pages["sub-n-grams"].split("<article")[0]


def test_a_claim_that_rests_on_one_outside_the_run_says_so() -> None:
    html = page("sub-n-grams", [result for result in results("sub-n-grams") if result.claim.id == "SN6"])
    assert "SN2 (not checked in this run)" in html and 'href="#SN2"' not in html


def test_every_grade_and_verdict_is_explained() -> None:
    assert set(GRADES) == set(TRUST) == set(Evidence) and set(VERDICTS) == set(Verdict)
    assert len({*GRADES.values(), *VERDICTS.values()}) == len(GRADES) + len(VERDICTS)


def test_values_are_shown_in_full() -> None:
    value = {"a": [[1, 2], ["1/3", None]], "b": {"c": list(range(100)), "d": [{"e": "x" * 90}, 1.5]}}
    assert json.loads(compact(value)) == value


# --- what a reader looks for ---


def test_scope_stands_next_to_what_was_found_and_symbols_come_last(html: str) -> None:
    for article in re.findall("<article.*?</article>", html, re.S):
        facts = re.findall("<dt>([A-Z][a-z ]+)</dt>", article.split("<details>")[0])
        facts = [fact for fact in facts if fact not in ("Found", "Predicted")]
        assert facts[0] == "Scope", facts
        assert "Symbols" not in facts[:-1]


def test_claims_with_nothing_to_check_are_told_apart(pages: dict[str, str]) -> None:
    known = papers()["sub-n-grams"]
    empty = {"verdict": Verdict.UNDECIDED, "evidence": None, "reason": "nothing to check: no lag"}
    summary = page("sub-n-grams", results("sub-n-grams", {"SN5": empty, "SN6": empty})).split("<article")[0]
    told = re.search(
        r"claims came out as expected; 2 of them had nothing to check at these settings\s*\((.*?)\)", summary
    )
    assert told and re.findall("#(SN[0-9]+)", told[1]) == ["SN5", "SN6"]
    assert "nothing to check at these settings" not in pages["sub-n-grams"].split("<article")[0]
    assert len(known.claims) > 2


def test_the_list_has_the_grade_of_the_general_form_beside_that_of_the_run(pages: dict[str, str]) -> None:
    every = results("sub-n-grams")
    contents = pages["sub-n-grams"].split('<ol class="contents">')[1].split("</ol>")[0]
    lines = dict(re.findall(r'<li><a href="#(\w+)">.*?<span class="grade">(.*?)</span></li>', contents))
    assert set(lines) == {result.claim.id for result in every}
    for result in every:
        grades = [grade for grade in (result.evidence, result.general) if grade is not None]
        assert re.findall(">(\\w+)</a>", lines[result.claim.id]) == list(dict.fromkeys(grades)), result.claim.id


def test_theorems_on_a_part_of_a_claim_are_called_so() -> None:
    whole = page("sub-n-grams", results("sub-n-grams", {"SN2": {"scope": "padded and literal heads"}}))
    article = whole.split('<article id="SN2"')[1].split("</article>")[0]
    assert "is this part" in article and "gradient_in_Q" in article and "In general" not in article


def test_the_page_says_how_to_check_it_again_and_what_is_one_s_own(html: str) -> None:
    again = html.split('<h2 id="again">')[1].split("</section>")[0]
    for command in ("make check", "pip install .", "verify.check my_lemmas.py", "verify.stationary", "verify new NAME"):
        assert command in again
    assert "docs/" in again and "proofs/coq/" in again


def test_derivations_are_links_where_the_paper_has_an_address() -> None:
    known = replace(papers()["sub-n-grams"], pages="https://example.org/docs/")
    assert '<a href="https://example.org/docs/mathematics/' in page("sub-n-grams", paper=known)
    assert "<code>mathematics/sub-n-grams/limits#sn7</code>" in page("sub-n-grams")


# --- the graph ---


@pytest.mark.parametrize("name", papers())
def test_the_graph_has_layers_and_no_line_crosses_a_box(name: str) -> None:
    claims = papers()[name].claims
    requires = {claim.id: claim.requires for claim in claims}
    controls = {claim.id: claim.controls for claim in claims if claim.control}
    drawing = draw_graph(requires, controls)
    assert set(drawing.boxes) == set(requires)
    drawn = [id for id in requires if controls.get(id) not in requires]
    assert set(drawing.lines) == {(other, id) for id in drawn for other in requires[id] if other in drawn}
    assert set(drawing.ties) == {(other, id) for id, other in controls.items() if other in requires}
    for (x, y, _), (u, v, width) in itertools.combinations(drawing.boxes.values(), 2):
        assert abs(x - u) >= width or abs(y - v) >= HEIGHT, "boxes overlap"
    for (first, second), path in drawing.lines.items():
        (x, y, _), (u, v, _) = drawing.boxes[first], drawing.boxes[second]
        assert u > x and path.startswith(f"M{x + WIDTH:g} {y + HEIGHT / 2:g}")
        assert path.endswith(f"{u:g} {v + HEIGHT / 2:g}")
        assert not crossed(drawing, points(path), but=(first, second))
    for first, second in drawing.ties:
        (x, y, _), (u, v, _) = drawing.boxes[first], drawing.boxes[second]
        assert 0 < u - x < WIDTH / 4 and v > y, "a control stands below its claim"


def crossed(drawing: Drawing, places: list[tuple[float, float]], but: tuple[str, ...]) -> list[str]:
    """The boxes that a line passes through."""
    return [
        id
        for id, (left, top, width) in drawing.boxes.items()
        if id not in but and any(left < x < left + width and top < y < top + HEIGHT for x, y in places)
    ]


def points(path: str) -> list[tuple[float, float]]:
    """Points along a path of M, C and H, close to each other."""
    found = []
    x = y = 0.0
    for letter, numbers in re.findall(r"([MCH])([^MCH]*)", path):
        values = [float(number) for number in numbers.split()]
        if letter == "M":
            x, y = values
        elif letter == "H":
            found += [(x + (values[0] - x) * i / 20, y) for i in range(21)]
            x = values[0]
        else:
            a, b, c, d, u, v = values
            for t in (i / 20 for i in range(21)):
                r = 1 - t
                found.append(
                    (
                        r**3 * x + 3 * r * r * t * a + 3 * r * t * t * c + t**3 * u,
                        r**3 * y + 3 * r * r * t * b + 3 * r * t * t * d + t**3 * v,
                    )
                )
            x, y = u, v
    return found


def test_a_line_over_several_layers_bends_around_what_is_between() -> None:
    drawing = draw_graph({"A": (), "B": ("A",), "C": ("B",), "D": ("A", "C")}, {})
    assert crossed(drawing, points(drawing.lines["A", "D"]), but=("A", "D")) == []
    level = drawing.boxes["B"][1] + HEIGHT / 2
    straight = [(x, level) for x, _ in points(drawing.lines["A", "D"])]  # the control: a straight line crosses a box
    assert "B" in crossed(drawing, straight, but=("A", "D"))


def test_graphs_without_lines_or_claims_are_drawn() -> None:
    assert draw_graph({"A": (), "B": ("elsewhere",)}, {}).lines == {}
    assert draw_graph({"A": ()}, {}).boxes.keys() == {"A"}


def test_controls_of_a_claim_outside_the_run_stand_alone() -> None:
    drawing = draw_graph({"A1c": ()}, {"A1c": "A1"})
    assert drawing.boxes == {"A1c": (0.0, 0.0, WIDTH)} and not drawing.ties


def test_every_control_belongs_to_a_claim(paper: str) -> None:
    claims = {claim.id: claim for claim in papers()[paper].claims}
    for claim in claims.values():
        assert bool(claim.controls) == claim.control
        if claim.control:
            assert claim.controls in claims and not claims[claim.controls].control, claim.id


# --- the glossary and values ---


def test_symbols_are_explained_where_they_are_used_and_link_to_the_glossary(paper: str, html: str) -> None:
    read, known = Page(html), papers()[paper]
    assert {"dl", "dt", "dd"} <= {tag for tag, _ in read.elements}
    for claim in known.claims:
        article = html.split(f'<article id="{claim.id}"')[1].split("</article>")[0]
        linked, own = explained_in([claim.statement], known, claim.id)
        assert all(f"here {statement_html(meaning)}" in article for meaning in own.values())
        for symbol in linked:
            assert f'href="#{module.anchor(symbol)}"' in article, (claim.id, symbol)
    used = {s for c in known.claims for s in explained_in([c.title, c.statement], known, c.id)[0]}
    assert len(used) > 15 and used <= {s for s in known.symbols if f'id="{module.anchor(s)}"' in html}
    assert all(statement_html(meaning) in html for symbol, meaning in known.symbols.items() if symbol in used)
    explained = [*GRADES.values(), *TRUST.values(), *VERDICTS.values(), *TERMS.values()]
    assert all(str(escape(meaning)) in html for meaning in explained)
    ids = [claim.id for claim in known.claims]
    assert known.model and all(statement_html(part, ids) in html for part in known.model)


def test_the_glossary_leads_back_to_the_claims_and_folds_long_lists(html: str) -> None:
    symbols = html.split('<section class="glossary"')[1].split("<h3>Grades")[0]
    lengths = set()
    for entry in re.findall(r"<dd>.*?</dd>", symbols, re.DOTALL):
        where = entry.partition('class="where"')[2]
        ids = re.findall(r'<a href="#([A-Z]{2}\d+[a-z]?)">', where)
        assert (f"<summary>in {len(ids)} claims</summary>" in where) == (len(ids) > 8)
        lengths.add(len(ids))
    assert min(lengths) <= 1 and max(lengths) > 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the block M_{0,1}[0][0]", ["M_ab"]),
        ("dl/dz_j = rho a_j", ["l", "z_j", "a_j", "rho"]),
        ("theta_k^+ and theta_k", ["theta_k", "theta_k^+"]),
        ("in Q_1 x K_0", ["Q", "K"]),
        ("c_A and c_l at x_{T-a}", ["c_A", "c", "x_t"]),
        ("weights do not move", []),
    ],
)
def test_symbols_are_found_in_their_context(text: str, expected: list[str]) -> None:
    assert sorted(symbols_in([text], papers()["sub-n-grams"].symbols)) == sorted(expected)


@pytest.mark.parametrize(
    ("paper", "text", "there", "missing"),
    [
        ("next-token", "[D] dl/dW_ov = -r c^T", {"A^T"}, {"T", "D"}),
        ("next-token", "from t = 8 to T", {"T"}, {"A^T"}),
        ("mean-field", "[F] H H^T = I. [D] the rest", {"A^T", "H"}, {"D"}),
        ("sub-n-grams", "all S^T sequences", {"S", "T"}, set()),
    ],
)
def test_marks_of_origin_and_transposes_are_no_symbols(
    paper: str, text: str, there: set[str], missing: set[str]
) -> None:
    found = set(symbols_in([text], papers()[paper].symbols))
    assert there <= found and not missing & found


def test_symbols_that_a_cold_reader_needs_are_in_the_glossary() -> None:
    symbols = papers()["sub-n-grams"].symbols
    for symbol in ("theta_k", "q", "rho", "M_ab", "Lambda", "lag", "tau", "c", "P", "p"):
        assert len(symbols[symbol].split()) >= 5, symbol


def test_no_caret_stays_outside_of_code(paper: str) -> None:
    known = papers()[paper]
    texts = [text for c in known.claims for text in (c.title, c.statement, *c.assumptions, *(s.text for s in c.steps))]
    texts += [*known.symbols, *known.symbols.values(), *known.model, "(1 - eta curvature)^2", "S^|Lambda| of 100%^2"]
    for text in texts:
        seen = re.sub(r'alttext="[^"]*"|<code>.*?</code>', "", str(statement_html(text)))
        assert not re.search(r"[\^_]", seen), text


def test_tables_have_heads_and_numbers_few_digits() -> None:
    assert rounded(0.123456789) == "0.12346" and rounded("1" * 60 + "/" + "3" * 60) == "about 0.33333"
    assert rounded("131/4032") == "131/4032" and rounded(10**20) == str(10**20)
    assert rounded("[0.19714724519892 +/- 1.38e-26]") == "0.1971472452 +/- 1.4e-26"
    assert "≈" not in matrix_html([["1/2", "1/2"]]) and "≈" in matrix_html([["1/2", "1234567/12345678"]])
    assert "10" in typeset(5.1e-13) and "e-13" not in re.sub("alttext=.*?>", "", typeset(5.1e-13))
    for table in re.findall("<table.*?</table>", page("sub-n-grams"), re.S):
        assert ("<thead>" in table and 'scope="col"' in table) or 'scope="row"' in table


def test_the_source_links_to_the_paper_where_its_number_is_known() -> None:
    link = '<a href="https://arxiv.org/abs/2508.12837">arXiv 2508.12837</a>'
    assert source_html("A, B, arXiv 2508.12837") == f"A, B, {link}"
    assert source_html('A <b>, arXiv x"y') == "A &lt;b&gt;, arXiv x&#34;y" and source_html("none") == "none"


# --- colours ---


def luminance(colour: str) -> float:
    """Of #rgb or #rrggbb (WCAG 2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_enough_in_light_in_dark_and_on_paper() -> None:
    css = (Path(module.__file__).parent / "templates" / "check.css").read_text()
    schemes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    assert len(schemes) == 3 and all(len(scheme) == len(schemes[0]) for scheme in schemes)
    text = [("ink", "ground"), ("ink", "panel"), ("ink", "no-ground"), ("muted", "ground"), ("muted", "panel")]
    text += [("link", "ground"), ("good", "ground"), ("bad", "ground")]
    text += [(name, f"{name}-ground") for name in ("good", "no", "open", "bad")]
    for scheme in schemes:
        for first, second in text:
            assert contrast(scheme[first], scheme[second]) >= 4.5, (first, second)
        for curve in ("first", "second"):
            assert contrast(scheme[curve], scheme["ground"]) >= 3, curve
    assert contrast("#777777", "#ffffff") < 4.5  # the control: the best known grey that is not enough


# --- the command ---


def test_the_command_writes_the_page_to_a_file_or_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["paper=next-token", "select=NT7m", "dataset=DS-A", "format=html"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    command = f"python -m verify.check {' '.join(words)}"
    assert printed.startswith("<!doctype html>") and command in printed
    assert "python -m verify.check paper=next-token dataset=DS-A select=NT7m<" in printed
    file = tmp_path / "report.html"
    assert main([*words, f"output={file}"]) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text() == printed.replace(command, f"{command} output={file}")


def test_the_program_prints_it_without_warnings() -> None:
    words = ["verify.check", "paper=next-token", "select=NT6", "format=html"]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    finished = subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, env=environment, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert Page(finished.stdout).wrong == [] and '<article id="NT6"' in finished.stdout


def test_other_commands_have_no_such_page() -> None:
    with pytest.raises(UsageError, match="format must be table or json"):
        validate(GradientSettings, {"format": "html"})
