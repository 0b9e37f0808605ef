"""The notation of statements: read without losing a sign, formulas told from words, scripts where they belong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.registry import papers
from verify.report.mathml import statement_html
from verify.report.notation import ALSO_WORDS, FUNCTIONS, SYMBOLS, Formula, read_statement

CLAIMS = [claim for paper in papers().values() for claim in paper.claims]
TEXTS = {claim.id: " // ".join([claim.title, claim.statement, *claim.assumptions]) for claim in CLAIMS}


def formulas(text: str) -> list[str]:
    return [piece.text for piece in read_statement(text) if isinstance(piece, Formula)]


def parsed(text: str) -> Element:
    return fromstring(f"<p>{statement_html(text)}</p>".replace("<wbr>", "<wbr/>"))


def skeleton(text: str) -> str:
    """The MathML of one formula without its attributes and spaces, tags for what is not a leaf."""

    def walk(element: Element) -> str:
        inside = "".join(map(walk, element)) or (element.text or "")
        return inside if element.tag in ("mi", "mn", "mo", "mspace") else f"<{element.tag}>{inside}</{element.tag}>"

    (formula,) = parsed(text)
    return "".join(map(walk, formula))


def times(piece: Formula) -> Iterator[str]:
    """The signs of a formula, with × for each x that is one."""
    places = {token.start - piece.tokens[0].start for token in piece.tokens if token.kind == "times"}
    yield from ("×" if i in places else sign for i, sign in enumerate(piece.text))


def signs(text: str) -> str:
    """What has to be seen of a text: symbols in place of names; grouping, scripts and roots are shown by place."""
    names = sorted((name for name in SYMBOLS if name.isalnum()), key=len, reverse=True)
    for piece in read_statement(text):
        if isinstance(piece, Formula):
            written = "".join(times(piece))
            shown = re.sub("|".join(names), lambda match: SYMBOLS[match[0]], written)
            for sign in ("..", "->", "<=", ">=", "!=", "'", "°", "-"):
                shown = shown.replace(sign, SYMBOLS[sign])
            text = text.replace(piece.text, re.sub(r"\.(?!\d)", "·", shown), 1)
    return re.sub(r"[\s(){}_^√<>⟨⟩]", "", text)


@pytest.mark.parametrize("id", TEXTS)
def test_no_sign_of_a_statement_is_lost(id: str) -> None:
    text = TEXTS[id]
    pieces = read_statement(text)
    assert "".join(piece if isinstance(piece, str) else piece.text for piece in pieces) == text
    root = parsed(text)
    alternatives = [formula.get("alttext", "") for formula in root.iter("math")]
    assert re.sub(r"\s", "", "".join(alternatives)) == re.sub(r"\s", "", "".join(formulas(text)))
    assert re.sub(r"[\s(){}<>⟨⟩]", "", "".join(root.itertext())) == signs(text)


def test_no_exponent_is_left_to_guess() -> None:
    """x^3/2 is half of x^3; who means the other writes x^(3/2), and who means this one x^3 / 2."""
    for claim in CLAIMS:
        for text in (TEXTS[claim.id], claim.mathematics):
            assert not re.search(r"\^-?[0-9]+/[0-9]", text), claim.id


@pytest.mark.parametrize("id", TEXTS)
def test_words_stay_words(id: str) -> None:
    """In formulas there are letters, known names, products and differentials of letters, and indices; no word."""
    known = {*SYMBOLS, *FUNCTIONS, *ALSO_WORDS}
    for formula in read_statement(TEXTS[id]):
        if isinstance(formula, Formula):
            for before, token in zip((None, *formula.tokens), formula.tokens, strict=False):
                index = before is not None and before.text in ("_", "°")
                product = re.fullmatch(r"[A-Z]{2}|d[a-zA-Z]|d(mu|pi|beta)", token.text)
                assert token.kind != "word"
                assert token.kind != "name" or len(token.text) == 1 or token.text in known or index or product, (
                    token.text
                )


@pytest.mark.parametrize("id", TEXTS)
def test_formulas_are_not_left_in_the_prose(id: str) -> None:
    """Outside formulas there is no sign that only formulas have; file=NAME words apart."""
    for piece in read_statement(TEXTS[id]):
        if isinstance(piece, str):
            prose = re.sub(r"[a-z]+=[A-Z]+|validation/", "", piece)
            assert not re.search(r"[_^<>{}°]|->", prose), piece
            assert not set(re.findall(r"[A-Za-z]+", prose)) & {"theta", "lambda", "eta", "infinity", "sqrt", "Lambda"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("For one sequence, dl/dz_j = rho a_j.", ["dl/dz_j = rho a_j"]),
        ("positions j with x_{T-a} = v and x_{j-b} = v'.", ["j", "x_{T-a} = v", "x_{j-b} = v'"]),
        ("a sub-sigma-algebra G (i) p_theta(s) = E[tau | G] and", ["sigma", "G", "p_theta(s) = E[tau | G]"]),
        ("a set S, pi symmetric in a, particles (a, w)", ["S", "pi", "a", "(a, w)"]),
        ("A tight pair; the least of A.", ["A"]),
        ("k-gram losses, max-margin, t-h, G-measurable, 1..n-1", ["k", "t-h", "G", "1..n-1"]),
        ("sum to 0, sum_x a_x, sum omega_i, the infimum inf_W L", ["sum_x a_x", "sum omega_i", "inf_W L"]),
        ("margins >= 1 and duals", [">= 1"]),
        ("<-grad L, W> >= |grad L| / sqrt 2", ["<-grad L, W> >= |grad L| / sqrt 2"]),
        ("2L < r_low and W > 0", ["2L < r_low", "W > 0"]),
        ("half of DS-A, MF2 and 3 of 4; [D] Over |R|_op <= 1", ["|R|_op <= 1"]),
        ("M_0,1, literal heads, c_1,c_2", ["M_0,1", "c_1", "c_2"]),
        ("2-gram+ -0.005, k-gram+", ["-0.005", "k"]),
        ("a k x m matrix, where x has x_1", ["k x m", "x", "x_1"]),
        ("at every step, with a D and a C that are known, and in a, b", ["D", "C", "a", "b"]),
        ("of a D, where sigma a D and q = a D", ["D", "sigma a D", "q = a D"]),
        ("trajectory=FILE, under validation/, and/or the network's output", []),
    ],
)  # fmt: skip
def test_formulas_begin_and_end_where_they_should(text: str, expected: list[str]) -> None:
    assert formulas(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x_{T-a}", "<msub>x<mrow>T−a</mrow></msub>"),
        ("R_1^2", "<msubsup>R12</msubsup>"),
        ("e^c_A", "<msup>e<msub>cA</msub></msup>"),
        ("e^-c", "<msup>e<mrow>−c</mrow></msup>"),
        ("e^(-eta t)", "<msup>e<mrow>−ηt</mrow></msup>"),
        ("W_ov* = 0", "<msubsup>Wov∗</msubsup>=0"),
        ("|MZ|_*", "|MZ<msub>|∗</msub>"),
        ("(dL/ds)^2", "(dL/ds<msup>)2</msup>"),
        ("Sigma_°mu", "<msub>Σ<mrow>∘μ</mrow></msub>"),
        ("Sigma_mumu^-1", "<msubsup>Σ<mrow>μμ</mrow><mrow>−1</mrow></msubsup>"),
        ("mu' + mu°", "<msup>μ′</msup>+<msup>μ∘</msup>"),
        ("e^-<v_i, rho>", "<msup>e<mrow>−⟨<msub>vi</msub>,ρ⟩</mrow></msup>"),
        ("sqrt(z^3/6) + sqrt 2", "<msqrt><msup>z3</msup>/6</msqrt>+<msqrt>2</msqrt>"),
        ("sum_{h,v} P(h,v)^2", "<msub>∑<mrow>h,v</mrow></msub>P(h,v<msup>)2</msup>"),
        ("d^2L/dmu^2(theta)", "<msup>d2</msup>L/d<msup>μ2</msup>(θ)"),
        ("M_0,1", "<msub>M<mrow>0,1</mrow></msub>"),
        ("m = +-0.0580", "m=±0.0580"),
        ("c_A -> oo", "<msub>cA</msub>→∞"),
        ("Q_{k-1} x K_0", "<msub>Q<mrow>k−1</mrow></msub>×<msub>K0</msub>"),
        ("S x S", "S×S"),
        ("<= 0.9 x bound", "≤0.9×"),
        ("x <= x_1", "x≤<msub>x1</msub>"),
        ("(log T)^(3/2)", "(logT<msup>)<mrow>3/2</mrow></msup>"),
        ("QK^T != T1", "Q<msup>KT</msup>≠T1"),
    ],
)
def test_scripts_stand_where_the_notation_puts_them(text: str, expected: str) -> None:
    assert skeleton(text).replace("*", "∗") == expected


def test_a_minus_is_a_sign_or_a_difference() -> None:
    forms = {text: [mo.get("form") for mo in parsed(text).iter("mo") if mo.text == "−"] for text in ("x - y", "x = -y")}
    assert forms == {"x - y": ["infix"], "x = -y": ["prefix"]}


def test_a_space_between_factors_stays() -> None:
    """dL/dH H^T is not dL/dHH^T."""
    assert len(list(parsed("dL/dH H^T").iter("mspace"))) == 1
    assert not list(parsed("dL/dHH^T").iter("mspace"))


def test_long_formulas_can_break_before_their_relations() -> None:
    long = "D^2 L[RF,RF] = tr(M^T R Z R^T M) - tr(Z R^T A^-1 R Z) + 2 tr(M^T R M^T R Z)"
    lines = [formula.get("alttext") for formula in parsed(long).iter("math")]
    assert lines == ["D^2 L[RF,RF]", "= tr(M^T R Z R^T M)", "- tr(Z R^T A^-1 R Z)", "+ 2 tr(M^T R M^T R Z)"]
    assert len(list(parsed("c -> infinity").iter("math"))) == 1


def test_claims_and_origins_are_marked_in_the_prose() -> None:
    html = str(statement_html("[D] SN3 and SN30 hold for x_SN3.", ["SN3"]))
    assert html.count('<a href="#SN3">SN3</a>') == 1 and "SN30</a>" not in html
    assert html.startswith('<span class="origin">[D]</span>')


def test_hostile_statements_are_escaped() -> None:
    html = str(statement_html('<script>alert("x_1")</script> & x_<b>'))
    assert "<script" not in html and "<b>" not in html and "&lt;script&gt;" in html


@given(st.text("aAxT  ()[]{}<>|_^-+*/=.,;:'°#&\"0279\nθ", max_size=60) | st.text(max_size=20))
def test_any_text_is_read_to_its_end(text: str) -> None:
    pieces = read_statement(text)
    assert "".join(piece if isinstance(piece, str) else piece.text for piece in pieces) == text
    html = str(statement_html(text))
    assert html.count("<math") == html.count("</math>")
    if not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", text):  # no place in XML
        parsed(text)


def test_a_value_stands_apart_from_the_name_before_it() -> None:
    """Not as if the value were an exponent's end, or a factor."""
    assert '<mspace width="0.6em" /><mn>2.6</mn>' in str(statement_html("at theta_k^+ 2.6"))
    assert '<mspace width="0.1667em" /><mi>D</mi>' in str(statement_html("T D 0.57"))
