"""Statements as HTML with their formulas in presentation MathML; the plain text of each formula is its `alttext`."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup, escape

from verify.report.notation import (
    ALSO_WORDS,
    ATTACHED,
    CLOSING,
    FUNCTIONS,
    RELATIONS,
    SYMBOLS,
    Formula,
    Token,
    closing,
    read_statement,
    script_end,
)

THIN, MEDIUM = "0.1667em", "0.2778em"  # where the source has a space between factors; around a spaced bar
APART = "0.6em"  # before a number that follows a name: a value, as in "theta_k^+ 2.6", and no factor
UNBROKEN = 20  # letters that fit on a line of a telephone, whatever follows them
UNBROKEN_LIST = 40  # the same for a list in brackets
BIG = {"sum", "int", "iint"}
PLUS = {"+", "-", "+-", "+/-"}
AFTER = re.compile(r"(?:[,.;:)]|-\w+\+?)+")  # what stays on the line of the formula before it
INDEX_WORDS = {"op", "ov", "kq"}  # indices that are words though they are short: set upright, like longer ones
_GREEK = "|".join(sorted((name for name in SYMBOLS if name.isalpha()), key=len, reverse=True))


PARTS = re.compile(r"(\b[A-Z]{2}\d+[a-z]?\b|\[[FD]\]|\S*\w_\w[^\s:;,]*)")  # claims, origins, names in code


def statement_html(text: str, links: Collection[str] = ()) -> Markup:
    """The statement: formulas as MathML, prose escaped, and in it a link to each claim whose id is in `links`."""
    html: list[Markup] = []
    before: Formula | None = None
    for piece in [*read_statement(text), ""]:
        tail = AFTER.match(piece) if before is not None and isinstance(piece, str) else None
        if before is not None:
            html.append(formula_html(before, tail[0] if tail else ""))
        if isinstance(piece, str):
            html.append(_prose(piece[tail.end() :] if tail else piece, links))
        before = piece if isinstance(piece, Formula) else None
    return Markup("").join(html)


def _prose(text: str, links: Collection[str]) -> Markup:
    words = []
    for word in PARTS.split(text):
        if word in links:
            words.append(Markup('<a href="#{0}">{0}</a>').format(word))
        elif word in ("[F]", "[D]"):
            words.append(Markup('<span class="origin">{}</span>').format(word))
        elif "_" in word:
            words.append(Markup("<code>{}</code>").format(word))
        else:
            words.append(escape(word))
    return Markup("").join(words)


def formula_html(formula: Formula, tail: str = "") -> Markup:
    """A <math>; several for a long formula, between which a line may break: browsers break no line inside <math>.

    They do break it after one, so that the comma that follows, `tail`, is held to it.
    """
    lines = []
    for tokens, elements in _Reader(formula.tokens).lines(can_break=len(formula.text) > UNBROKEN):
        source = slice(tokens[0].start - formula.tokens[0].start, tokens[-1].end - formula.tokens[0].start)
        line = Element("math", alttext=formula.text[source])
        line.extend(elements)
        lines.append(Markup(tostring(line, encoding="unicode")))
    if tail:
        lines[-1] = Markup('<span class="unbroken">{}{}</span>').format(lines[-1], tail)
    return Markup("<wbr>").join(lines)


class _Reader:
    """Reads tokens from left to right. It regroups nothing: scripts sit on the sign before them, as in TeX."""

    def __init__(self, tokens: Sequence[Token], in_script: bool = False) -> None:
        self.tokens = tokens
        self.in_script = in_script
        self.i = 0

    def lines(self, can_break: bool) -> list[tuple[Sequence[Token], list[Element]]]:
        """The formula cut before relations and spaced + and - that are in no bracket, and between the entries of a long
        list: tokens and elements of each.
        """
        lines: list[tuple[int, list[Element]]] = [(0, [])]
        depth = 0
        long = can_break and self.tokens[-1].end - self.tokens[0].start > UNBROKEN_LIST
        while self.i < len(self.tokens):
            token = self.tokens[self.i]
            listed = long and depth == 1 and self.tokens[self.i - 1].text == ","
            if can_break and self.spaced_before(self.i) and (listed or (depth == 0 and self.is_infix(self.i))):
                lines.append((self.i, []))
            depth += (token.text in CLOSING) - (token.text in CLOSING.values())
            lines[-1][1].extend(self.atom())
        ends = [first for first, _ in lines[1:]] + [len(self.tokens)]
        return [(self.tokens[first:end], elements) for (first, elements), end in zip(lines, ends, strict=True)]

    def row(self) -> list[Element]:
        elements = []
        while self.i < len(self.tokens):
            elements += self.atom()
        return elements

    def atom(self) -> list[Element]:
        """The next name, number, sign or root with its scripts."""
        first = self.i
        self.i += 1
        token = self.tokens[first]
        if token.text == "sqrt" and self.i < len(self.tokens):
            elements = [_element("msqrt", self.under_root())]
        elif token.kind == "sign":
            elements = [self.operator(first)]
        else:
            elements = _plain(token)
        elements[-1] = self.with_scripts(elements[-1])
        if self.spaced_before(first) and not (self.brings_space(first) or self.brings_space(first - 1)):
            # a product; dL/dH H^T is not dL/dHH^T
            elements.insert(0, Element("mspace", width=APART if token.kind == "number" else THIN))
        return elements

    def under_root(self) -> list[Element]:
        """The inside of sqrt(...), or one atom: sqrt 2."""
        end = closing(self.tokens, self.i)
        if end is None:
            return self.atom()
        inner = self.tokens[self.i + 1 : end]
        self.i = end + 1
        return _Reader(inner, self.in_script).row()

    def with_scripts(self, base: Element) -> Element:
        lowered: list[Element] = []
        raised: list[Element] = []
        while self.i < len(self.tokens) and self.tokens[self.i].touches(self.tokens[self.i - 1]):
            sign = self.tokens[self.i].text
            if sign in ATTACHED:
                raised.append(_leaf("mo", SYMBOLS.get(sign, sign)))
                self.i += 1
            elif sign in ("_", "^") and self.i + 1 < len(self.tokens) and not (sign == "_" and lowered):
                self.i += 1
                (lowered if sign == "_" else raised).extend(self.script(sign))
            else:
                break
        if lowered and raised:
            return _element("msubsup", [base, _row(lowered), _row(raised)])
        if lowered or raised:
            return _element("msub" if lowered else "msup", [base, _row(lowered or raised)])
        return base

    def script(self, sign: str) -> list[Element]:
        """After _ or ^: a sign of its own, then a group, or one name or number; an exponent may have an index."""
        elements = []
        if self.tokens[self.i].text == "-" and self.i + 1 < len(self.tokens):
            elements.append(_leaf("mo", SYMBOLS["-"], form="prefix"))
            self.i += 1
        token = self.tokens[self.i]
        end = closing(self.tokens, self.i)
        if end is not None:
            inner = self.tokens[self.i : end + 1] if token.text == "⟨" else self.tokens[self.i + 1 : end]
            self.i = end + 1
            return elements + _Reader(inner, in_script=True).row()
        if token.text == "|":
            inner = self.tokens[self.i : script_end(self.tokens, self.i) + 1]
            self.i += len(inner)
            return elements + _Reader(inner, in_script=True).row()
        end = script_end(self.tokens, self.i) if sign == "_" else self.i
        while self.i <= end:
            elements += _plain(self.tokens[self.i])
            self.i += 1
        following = self.tokens[self.i] if self.i < len(self.tokens) else None
        if token.text == "°" and following is not None and following.touches(token) and following.text not in "_^":
            return elements + self.script(sign)  # Sigma_°mu: a list of indices without commas
        if sign == "^" and following is not None and following.text == "_" and following.touches(token):
            elements[-1] = self.with_scripts(elements[-1])  # e^c_A
        return elements

    def operator(self, i: int) -> Element:
        """The sign with the space around it: none in scripts, as in TeX, and none around bars and / that touch."""
        text = self.tokens[i].text
        shown = SYMBOLS.get(text, text)
        if text in CLOSING or text in CLOSING.values():
            return _leaf("mo", shown, stretchy="false", form="prefix" if text in CLOSING else "postfix")
        if self.in_script:
            return _leaf("mo", shown, stretchy="false", lspace="0", rspace="0")
        if text in ("|", "/", ".."):
            space = (MEDIUM if text == "|" else THIN) if self.brings_space(i) else "0"
            return _leaf("mo", shown, stretchy="false", lspace=space, rspace=space)
        if text in RELATIONS or text in PLUS:
            infix = self.is_infix(i)
            # prose already leaves a space before a formula that starts with a relation
            first = {"lspace": "0"} if i == 0 and infix else {}
            return _leaf("mo", shown, form="infix" if infix else "prefix", **first)
        return _leaf("mo", shown)

    def spaced_before(self, i: int) -> bool:
        return 0 < i < len(self.tokens) and not self.tokens[i].touches(self.tokens[i - 1])

    def brings_space(self, i: int) -> bool:
        """Whether the sign at i has the space around it that it needs."""
        text = self.tokens[i].text
        bar = text in ("|", "/") and self.spaced_before(i) and self.spaced_before(i + 1)
        plus = text in PLUS and not (i > 0 and self.tokens[i - 1].text in ("^", "_"))  # theta_k^+ has a script
        return bar or plus or text in RELATIONS or text in BIG or text in (",", "..")

    def is_opening(self, i: int) -> bool:
        """Whether what follows the token at i starts a term."""
        text = self.tokens[i].text
        return text in RELATIONS or text in CLOSING or text in PLUS or text in (",", "/")

    def is_infix(self, i: int) -> bool:
        """Whether the sign at i is a relation, or the + or - between two terms; -z, = -z and (-z have none."""
        text = self.tokens[i].text
        if text in RELATIONS or text not in PLUS:
            return text in RELATIONS
        after_bar = i > 0 and self.tokens[i - 1].text == "|" and not self.spaced_before(i)
        return i > 0 and not self.is_opening(i - 1) and not after_bar


def _plain(token: Token) -> list[Element]:
    """A token as it is, without space around it."""
    if token.kind == "name":
        return _name(token.text)
    if token.kind == "number":
        return [_number(token.text)]
    if token.kind == "word":
        return [_leaf("mtext", token.text)]
    if token.kind == "times":
        return [_leaf("mo", "×", lspace="0", rspace="0")]  # where there are spaces they are put in besides
    return [_leaf("mi" if token.text == "°" else "mo", SYMBOLS.get(token.text, token.text), lspace="0", rspace="0")]


def _number(text: str) -> Element:
    """5.1e-13 as 5.1 · 10 to the power -13."""
    digits, _, power = text.partition("e")
    if not power:
        return _leaf("mn", digits)
    exponent = int(power)
    sign = [_leaf("mo", SYMBOLS["-"], form="prefix", lspace="0", rspace="0")] if exponent < 0 else []
    raised = _element("msup", [_leaf("mn", "10"), _row([*sign, _leaf("mn", str(abs(exponent)))])])
    return raised if digits == "1" else _row([_leaf("mn", digits), _leaf("mo", "·", lspace=THIN, rspace=THIN), raised])


def _name(text: str) -> list[Element]:
    """A symbol, a function or an index that is a word as one element; products and differentials letter by letter."""
    if text in BIG:
        return [_leaf("mo", SYMBOLS[text])]
    if text in SYMBOLS:
        return [_letter(text)]
    if text in FUNCTIONS | ALSO_WORDS | INDEX_WORDS or not re.fullmatch(f"d?(?:{_GREEK})+|..?", text):
        return [_leaf("mi", text, mathvariant="normal")]
    return [_letter(name) for name in re.findall(f"{_GREEK}|.", text)]


def _letter(name: str) -> Element:
    shown = SYMBOLS.get(name, name)
    upright = name in SYMBOLS and not name.islower()  # capital Greek letters, as in TeX
    return _leaf("mi", shown, **({"mathvariant": "normal"} if upright or shown == "∞" else {}))


def _leaf(tag: str, text: str, **attributes: str) -> Element:
    element = Element(tag, attributes)
    element.text = text
    return element


def _element(tag: str, children: Collection[Element]) -> Element:
    element = Element(tag)
    element.extend(children)
    return element


def _row(elements: list[Element]) -> Element:
    return elements[0] if len(elements) == 1 else _element("mrow", elements)
