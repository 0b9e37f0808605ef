"""The plain notation of statements, `dl/dz_j = rho a_j`, read into prose and formulas: words stay words.

The notation is linear. `_` lowers and `^` raises the name, number or group that follows; a trailing `'`, `*` or `°`
belongs to the name before it; a name is one letter, a Greek letter by its English name, or a function. What is none of
these is a word. Nothing is regrouped: a formula keeps every sign of its source, in its order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "chi2": "χ²", "omega": "ω", "Gamma": "Γ", "Lambda": "Λ", "Sigma": "Σ", "Pi": "Π", "infinity": "∞", "oo": "∞",
    "int": "∫", "iint": "∬", "sum": "∑", "sqrt": "√", "<=": "≤", ">=": "≥", "!=": "≠", "->": "→", "-": "−", "'": "′",
    "°": "∘", "+-": "±", "+/-": "±", "..": "…", ".": "·",
}  # fmt: skip
FUNCTIONS = {"log", "exp", "tr", "std", "diag", "grad", "Hess", "tanh", "sech", "cot", "id"}
ALSO_WORDS = {"sum", "inf", "sup", "lim", "max", "min"}  # mathematics only before mathematics: sum_s, inf_W L
RELATIONS = {"=", "<", ">", "<=", ">=", "!=", "->"}
CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}
ATTACHED = {"'", "*", "°"}

_KNOWN = "|".join(sorted({name for name in {*SYMBOLS, *FUNCTIONS, *ALSO_WORDS} if name.isalnum()}))
_TOKEN = re.compile(
    r"""(?P<word>\[[FD]\](?=\s)            # whose statement it is: found in the paper, or derived
        | [\w./-]*\w\.(?:csv|html|json|npz|py|txt|v)\b  # a file
        | \b(?!d?(?:"""
    + _KNOWN
    + r""")_)[a-z]{3,}(?:_\w+)+  # a name in code
        | (?<!\S)\((?:i|ii|iii|iv)\)(?=\s) # the parts of a condition
        | [A-Z]{2}\d+[a-z]?\b | [A-Z]{2}-[A-Z]\b  # a claim, a dataset
        | [^\W\d_]{2,}'s\b
        | (?<=-)[^\W\d_]{2,}\+(?=[\s,;:.)]|$))  # the plus of a name: 2-gram+
      | (?P<times>(?<=\d)x(?=\d))
      | (?P<number>\d+(?:\.\d+(?:\(\d+\))?)?(?:e[+-]?\d+\b)?)  # 0.95(5) has an error of 0.05
      | (?P<name>chi2 | [^\W\d_]+)
      | (?P<sign><= | >= | != | -> | \+/?-(?=[\s\d]) | \.\. | \S)""",
    re.VERBOSE,
)


@dataclass
class Token:
    """A piece of a statement between `start` and `end`. `formula` says that it is mathematics, not prose."""

    text: str
    kind: str  # word, number, name, sign, or the x between two numbers: times
    start: int
    end: int
    formula: bool = False

    def touches(self, other: Token | None) -> bool:
        """Whether nothing, not even a space, is between this token and one next to it."""
        return other is not None and (self.end == other.start or other.end == self.start)


@dataclass(frozen=True)
class Formula:
    """Neighbouring tokens of mathematics, and the text that they stand for."""

    tokens: tuple[Token, ...]
    text: str


def read_statement(text: str) -> list[str | Formula]:
    """The statement as prose and formulas that follow each other; their texts together are the statement."""
    tokens = [Token(match[0], str(match.lastgroup), *match.span()) for match in _TOKEN.finditer(text)]
    _find_angles(tokens)
    _find_infinities(tokens)
    for i, token in enumerate(tokens):
        if token.kind in ("number", "name"):
            token.formula = token.kind == "number" or _is_symbol(tokens, i)
    for script in _scripts(tokens):
        script.formula = True
    _mark_brackets(tokens)
    for i, token in enumerate(tokens):
        if token.kind in ("sign", "times") and not token.formula:
            token.formula = _is_operator(tokens, i)
    _find_products(tokens)
    return list(_pieces(text, tokens))


def closing(tokens: Sequence[Token], i: int) -> int | None:
    """Where the bracket that opens at i closes; None if it does not, or if there is none."""
    if not 0 <= i < len(tokens) or tokens[i].text not in CLOSING:
        return None
    depth = 0
    for j in range(i, len(tokens)):
        if tokens[j].kind == "sign" and tokens[j].text in CLOSING:
            depth += 1
        elif tokens[j].kind == "sign" and tokens[j].text in CLOSING.values():
            depth -= 1
            if depth == 0:
                return j if tokens[j].text == CLOSING[tokens[i].text] else None
    return None


def script_end(tokens: Sequence[Token], i: int) -> int:
    """The last token of what is raised or lowered and begins at i: one name, number or sign, a group, bars, or whole
    numbers with commas between them, all without spaces, that are one index: M_0,1.
    """
    if i < len(tokens) and tokens[i].text == "|":
        return next((j for j in range(i + 1, len(tokens)) if tokens[j].text == "|"), i)
    if i and tokens[i - 1].text == "_":
        while i + 2 < len(tokens) and _listed(tokens[i : i + 3]):
            i += 2
    end = closing(tokens, i)
    return i if end is None else end


def _listed(tokens: Sequence[Token]) -> bool:
    first, comma, second = tokens
    whole = first.text.isdigit() and second.text.isdigit()
    return whole and comma.text == "," and comma.touches(first) and comma.touches(second)


def _neighbours(tokens: Sequence[Token], i: int) -> tuple[Token | None, Token | None]:
    return tokens[i - 1] if i else None, tokens[i + 1] if i + 1 < len(tokens) else None


def _find_angles(tokens: list[Token]) -> None:
    """<u, v> is an inner product; a < b is not. Brackets touch what they hold on the inner side, relations do not."""
    for i, token in enumerate(tokens):
        if token.text == "<" and token.touches(_neighbours(tokens, i)[1]):
            for j in range(i + 1, len(tokens)):
                if tokens[j].text == ">" and tokens[j].touches(tokens[j - 1]):
                    token.text, tokens[j].text = "⟨", "⟩"
                    break


def _find_infinities(tokens: list[Token]) -> None:
    """inf is the infimum before what it is of, as in inf_W L, and infinity alone, after a relation or in a list."""
    for i, token in enumerate(tokens):
        before, after = _neighbours(tokens, i)
        ends = (before is None and after is None) or (
            before is not None and (before.text in RELATIONS or before.text in ",{(")
        )
        if token.text == "inf" and ends and (after is None or after.text != "_"):
            token.text = "infinity"


def _is_symbol(tokens: list[Token], i: int) -> bool:
    name = tokens[i].text
    _, after = _neighbours(tokens, i)
    attached = after is not None and after.touches(tokens[i]) and after.text in "_^("
    if name in ALSO_WORDS:
        return attached or (after is not None and after.kind == "name" and _is_symbol(tokens, i + 1))
    if name in SYMBOLS or name in FUNCTIONS:
        return True
    if len(name) == 1:
        return not _is_article(tokens, i)
    if re.fullmatch("[A-Z]{2}", name) or (
        name[0] == "d" and (name[1:] in SYMBOLS or re.fullmatch("d[a-np-zA-Z]", name))
    ):
        return True  # products, MZ; differentials, dl, dmu, but not the word do
    return attached and after is not None and after.text != "("


def _is_article(tokens: list[Token], i: int) -> bool:
    """`a` between spaces and before a word, or after a word and before a letter, with a D; `A` before a word at the
    start of a sentence.
    """
    token, (before, after) = tokens[i], _neighbours(tokens, i)
    if token.text not in ("a", "A") or after is None or after.touches(token):
        return False
    product = tokens[i + 2].text == "x" if i + 2 < len(tokens) else False  # a k x m matrix
    before_word = after.kind in ("name", "word") and (len(after.text) > 1 or _is_hyphenated(tokens, i + 1) or product)
    starts = before is None or before.text in (".", ":", "[F]", "[D]")
    if token.text == "A":
        return before_word and starts
    return not token.touches(before) and (before_word or (after.kind == "name" and _is_prose(before)))


def _is_prose(token: Token | None) -> bool:
    known = {*SYMBOLS, *FUNCTIONS, *ALSO_WORDS}
    return token is not None and token.kind in ("name", "word") and len(token.text) > 1 and token.text not in known


def _is_hyphenated(tokens: list[Token], i: int) -> bool:
    """Whether the letter at i is a part of a word, as in k-gram."""
    hyphen = tokens[i + 1] if i + 2 < len(tokens) and tokens[i + 1].touches(tokens[i]) else None
    return hyphen is not None and hyphen.text == "-" and tokens[i + 2].touches(hyphen) and len(tokens[i + 2].text) > 1


def _scripts(tokens: list[Token]) -> Iterator[Token]:
    """_ and ^ with what they lower and raise."""
    for i, token in enumerate(tokens):
        if token.text in ("_", "^"):
            j = i + 1
            if j < len(tokens) and tokens[j].text == "-":
                j += 1
            first = i - 1 if i and tokens[i].touches(tokens[i - 1]) else i
            yield from tokens[first : script_end(tokens, j) + 1]


def _mark_brackets(tokens: list[Token]) -> None:
    """Brackets around nothing but mathematics are mathematics, with the commas and stops in them; so are brackets that
    are raised or lowered to something, (1 - eta curvature)^2, where words stay words.
    """
    for i in range(len(tokens)):
        end = closing(tokens, i)
        if end is None:
            continue
        after = _neighbours(tokens, end)[1]
        if after is not None and after.text in "_^" and after.touches(tokens[end]):
            for inner in tokens[i : end + 1]:
                if inner.kind == "name" and not inner.formula and len(inner.text) > 1:
                    inner.kind = "word"
                inner.formula = True
        elif all(inner.formula or (inner.kind == "sign" and inner.text not in ";:") for inner in tokens[i + 1 : end]):
            for inner in tokens[i : end + 1]:
                inner.formula = True


def _is_operator(tokens: list[Token], i: int) -> bool:
    """Whether a sign outside brackets of mathematics is mathematics; - next to a word is a hyphen, / a stroke."""
    sign, (before, after) = tokens[i], _neighbours(tokens, i)
    if sign.kind == "times" or sign.text in RELATIONS or sign.text in ("+", "+-", "+/-", "|", ".."):
        return True
    if sign.text in ATTACHED:
        return before is not None and before.formula and sign.touches(before)
    if sign.text == "-" and not (sign.touches(before) and sign.touches(after)):
        return True
    if sign.text in ("-", "/"):
        return all(other is not None and (other.formula or other.text in "|([)]") for other in (before, after))
    return False


def _find_products(tokens: list[Token]) -> None:
    """x is a times sign between two formulas, with a space on either side, S x S, after a number, 0.9 x bound, and in a
    row of it: rows x columns x layers.
    """
    for i in range(1, len(tokens) - 1):
        before, x, after = tokens[i - 1 : i + 2]
        if x.text == "x" and not x.touches(before) and not x.touches(after):
            begins = _begins(after) and (after.formula or before.kind == "number")
            factors = before.formula and begins and _ends(before)
            words = all(other.kind == "name" and not other.formula for other in (before, after))
            if factors or (words and any(tokens[j].text == "x" for j in (i - 2, i + 2) if 0 <= j < len(tokens))):
                x.kind = "times"


def _ends(token: Token) -> bool:
    return token.kind in ("name", "number") or token.text in CLOSING.values() or token.text in ATTACHED


def _begins(token: Token) -> bool:
    return token.kind in ("name", "number") or token.text in CLOSING


def _pieces(text: str, tokens: list[Token]) -> Iterator[str | Formula]:
    at, i = 0, 0
    while i < len(tokens):
        end = i
        while end < len(tokens) and tokens[end].formula:
            end += 1
        run = tokens[i:end]
        power = any(token.kind == "number" and "e" in token.text for token in run)
        numbers = sum(token.kind == "number" for token in run)
        if power or any(token.kind in ("name", "times") for token in run) or numbers < len(run) > 1:
            if text[at : run[0].start]:
                yield text[at : run[0].start]
            at = run[-1].end
            yield Formula(tuple(run), text[run[0].start : at])
        i = max(end, i + 1)
    if text[at:]:
        yield text[at:]
