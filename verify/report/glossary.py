"""What a report explains besides its claims: verdicts, grades of evidence, and the symbols of each statement."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from verify.claim import Evidence, Verdict
from verify.report.notation import SYMBOLS, Formula, Token, read_statement, script_end

GRADES = {
    Evidence.FORMAL: "Proved for all sizes at once, and the proof checked by Coq.",
    Evidence.PROOF: "Proved for all values in the scope, by exact algebra.",
    Evidence.EXACT: "Exact rational numbers at each instance in the scope; no rounded number decides.",
    Evidence.ENCLOSURE: "Interval arithmetic: the true number certainly lies in the interval found.",
    Evidence.STATISTICAL: "Rests on random samples: a confidence interval, which may miss.",
    Evidence.NUMERIC: "Rests on floating-point numbers with estimated errors: support, not proof.",
    Evidence.WRITTEN: "Proved in writing, for people to judge: no program has checked it.",
}
VERDICTS = {
    Verdict.VERIFIED: "a positive test succeeded on every instance in the scope",
    Verdict.REFUTED: "there is a counterexample, and a second computation confirms it",
    Verdict.UNDECIDED: "neither: too little time or precision, or nothing to check",
    Verdict.SKIPPED: "a claim that this one rests on did not come out as expected",
    Verdict.ERROR: "the check itself failed",
}
TERMS = {
    "scope": "what a verdict speaks about: the values and instances that were checked, and nothing beyond",
    "control": "a claim that is false on purpose and has to come out REFUTED: it shows that the check can say no",
    "found, predicted": "the number that decides a claim, and what the theory says that it is",
    "rests on": "claims that have to come out as expected before this one is checked",
    "in general": "the grade of the claim for all sizes at once: that of the weakest step of its proof",
}


ORIGIN = re.compile(r"\[[FD]\]")  # marks of sentences, no symbols
TRANSPOSE = "A^T"  # the symbol for it in papers that transpose; in others a raised T is T
DIFFERENTIAL = re.compile(f"^d(?=(?:.|{'|'.join(name for name in SYMBOLS if name.isalpha())})$)")


def symbols_in(texts: Iterable[str], symbols: Collection[str]) -> list[str]:
    """Those of the symbols that the texts use, in the order of `symbols`.

    A name with its indices is the symbol of just these indices, or else of letters that stand for any, M_{0,1} is M_ab,
    or else the symbol without index, Q_1 is Q.
    """
    known = {normal(symbol): symbol for symbol in symbols}
    general: dict[str, list[str]] = {}
    for name, symbol in known.items():
        base, _, index = name.partition("_")
        if re.fullmatch("[a-z]+", index):
            general.setdefault(base, []).append(symbol)
    found = set()
    for text in texts:
        for *indexed, bare in occurrences(text):
            same = [known[name] for name in indexed if name in known]
            like = general.get(bare, []) if any("_" in name for name in indexed) else []
            if same:
                found.add(same[0])
            elif len(like) == 1:
                found.add(like[0])
            elif bare in known:
                found.add(known[bare])
    return [symbol for symbol in symbols if symbol in found]


def normal(symbol: str) -> str:
    """Without brackets and commas of indices: M_{a,b} is M_ab."""
    return re.sub(r"[{}(),\s]", "", symbol)


def occurrences(text: str) -> Iterator[list[str]]:
    """For every name in the text what it may be called, with all of its indices first, without any last.

    Names that are indices themselves, the l of M_{a,l}, are none. A raised T may be that of a transpose.
    """
    for piece in read_statement(text):
        if isinstance(piece, Formula):
            lowered = {
                j
                for i, token in enumerate(piece.tokens)
                if token.text == "_"
                for j in range(i + 1, script_end(piece.tokens, i + 1) + 1)
            }
            for i, token in enumerate(piece.tokens):
                if token.kind == "name" and i not in lowered:
                    raised = i > 0 and piece.tokens[i - 1].text == "^" and token.text == "T"
                    yield [TRANSPOSE, "T"] if raised else list(reversed(_longer(piece.tokens, i)))
        else:
            for word in re.findall(r"[^\W\d_]+", ORIGIN.sub("", piece)):
                yield [word, word.removesuffix("s")]


def _longer(tokens: Sequence[Token], i: int) -> list[str]:
    """The name at i, without the d of a differential; then with each of the marks and indices that touch it."""
    names, end = [DIFFERENTIAL.sub("", tokens[i].text)], i + 1
    while end < len(tokens) and tokens[end].touches(tokens[end - 1]) and tokens[end].text in ("_", "^", "*", "°"):
        inner = end + 1 if tokens[end].text in ("_", "^") else end
        last = script_end(tokens, inner)
        names.append(names[-1] + normal("".join(token.text for token in tokens[end : last + 1])))
        end = last + 1
    return names
