"""What a report explains besides its claims: verdicts, grades of evidence, and the symbols of each statement."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from verify.claim import Evidence, Paper, Verdict
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
    Verdict.UNDECIDED: "neither: too little time or precision, or nothing to check; as expected where these settings "
    "leave nothing",
    Verdict.SKIPPED: "a claim that this one rests on did not come out as expected",
    Verdict.ERROR: "the check itself failed",
}
TRUST = {  # what would have to be wrong for such a verdict, or step, to be false
    Evidence.FORMAL: "Wrong only if Coq is, or the axioms that the theorem uses (none, or the classical ones of the "
    "real numbers), or if the theorem does not say what the claim says. A check does not compile the proofs, make "
    "formal does, so no verdict is formal: the word stands beside a verdict where the general form of the claim is "
    "proved, as far as the theorems named there say.",
    Evidence.PROOF: "Wrong only if the algebra of sympy or FLINT is, or the code here that turns the statement into "
    "polynomials. The scope says which letters stand for every value and which sizes are fixed; a rounded number "
    "beside such a verdict is an example. Where there is a certificate, a second program checks it, of Python's "
    "standard library alone.",
    Evidence.EXACT: "Wrong only if the rational arithmetic of Python or FLINT is, or the code here that does the "
    "sums; it says nothing about other instances. Where there is a certificate, a second program checks it.",
    Evidence.ENCLOSURE: "Wrong only if the interval arithmetic of Arb (a part of FLINT) is, or the code here that "
    "puts the intervals together.",
    Evidence.STATISTICAL: "Wrong by bad luck, too. The confidence level, or by how many standard errors numbers have "
    "to differ, stands in the claim, in its scope or numbers, or in what it computes (under Check it again); chance "
    "alone exceeds four standard errors in fewer than 7 of 100,000 cases. Trusted are the random generator, "
    "floating-point numbers, and that means of many draws are normal.",
    Evidence.NUMERIC: "Wrong if the floating-point numbers of numpy, scipy or torch are further off than the "
    "estimate of their error.",
    Evidence.WRITTEN: "Wrong if the derivation, on the page named as origin, has a mistake that its readers have not "
    "seen.",
}
TERMS = {
    "scope": "what a verdict speaks about: the values and instances that were checked, and nothing beyond",
    "instances": "how many single tests the verdict counts: identities, inequalities, or comparisons of two numbers. "
    "Tables may show a part of them, or several numbers of one",
    "control": "a claim that is false on purpose and has to come out REFUTED: it shows that the check can say no",
    "found, predicted": "the numbers that decide a claim, and what the theory says that they are; for a control, what "
    "it says instead of the statement",
    "0.95(6)": "0.95 with an error of 6 in its last digit, that is 0.06; a number after +/- is an error, too: "
    "estimated, or a standard error where the grade is statistical",
    "rests on": "claims that have to come out as expected before this one is checked",
    "in general": "the grade of the claim for all sizes at once: that of the weakest step of its proof; it stands "
    "after the grade of the verdict, as in proof, formal",
    "certificate": "a file with all that a second, much smaller program needs to come to the same verdict",
}


WORD = re.compile(r"(?<!\w)[^\W\d_]\w*[^\W\d_](?!\w)")  # one letter alone is an article, or a mark of origin
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


def explained_in(texts: Iterable[str], paper: Paper, id: str) -> tuple[list[str], dict[str, str]]:
    """The symbols in these texts of a claim that mean what the paper's glossary says, and those to which the claim
    gives a meaning of its own, with it; where its statement says what that is they are in neither.
    """
    own = paper.own.get(id, {})
    found = symbols_in(texts, {**paper.symbols, **own})
    return [name for name in found if name not in own], {name: own[name] for name in found if own.get(name)}


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
                if token.kind == "name" and i not in lowered and not _is_differential(piece.tokens, i):
                    raised = i > 0 and piece.tokens[i - 1].text == "^" and token.text == "T"
                    yield [TRANSPOSE, "T"] if raised else list(reversed(_longer(piece.tokens, i)))
        else:
            for word in WORD.findall(piece):
                yield [word, word.removesuffix("s")]


def _is_differential(tokens: Sequence[Token], i: int) -> bool:
    """Whether a d stands before what it is of, with a space between: d log p; d(g) is a function."""
    after = tokens[i + 1] if i + 1 < len(tokens) else None
    return tokens[i].text == "d" and after is not None and after.kind == "name" and not after.touches(tokens[i])


def _longer(tokens: Sequence[Token], i: int) -> list[str]:
    """The name at i, without the d of a differential; then with each of the marks and indices that touch it."""
    names, end = [DIFFERENTIAL.sub("", tokens[i].text)], i + 1
    while end < len(tokens) and tokens[end].touches(tokens[end - 1]) and tokens[end].text in ("_", "^", "*", "°"):
        inner = end + 1 if tokens[end].text in ("_", "^") else end
        last = script_end(tokens, inner)
        names.append(names[-1] + normal("".join(token.text for token in tokens[end : last + 1])))
        end = last + 1
    return names
