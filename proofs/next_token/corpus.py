"""Plain text as training data: what makes it unrealizable, and a realizable part of it.

A line is a sentence, its words stand between white space. Every word but the first follows a context, the words before
it, and weighs as often as that is so in the text. And every word is paired with its successors: word -> successor is a
context of one word, wherever in a line it stands. So `the cat sat` gives the -> cat, cat -> sat and the cat -> sat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from proofs.next_token.dataset import MAX_LENGTH, MAX_SENTENCES, Dataset, DatasetError, Sentence
from proofs.next_token.files import named_tokens, short


@dataclass(frozen=True)
class Corpus:
    """The words of a text, and its distinct contexts with the word that follows: one word first, then longer ones."""

    name: str
    vocabulary: tuple[str, ...]
    contexts: tuple[Sentence, ...]


@dataclass(frozen=True)
class Part:
    """A realizable dataset, and the contexts of the corpus that are not in it, each with what it conflicts with."""

    dataset: Dataset
    dropped: tuple[tuple[Sentence, str], ...]

    @property
    def told(self) -> str:
        """How much of the corpus this is, in a line."""
        left = [sentence for sentence, _ in self.dropped]
        count = len(self.dataset.sentences) + len(left)
        weight = sum(s.weight for s in self.dataset.sentences)
        share = float(100 * weight / (weight + sum(s.weight for s in left)))
        return f"{count - len(left)} of {count} contexts, {share:.3g} % of the weight"

    def conflicts(self, most: int) -> str:
        """The first so many conflicts, in a line."""
        shown = [f"{self.dataset.show(sentence)}: {why}" for sentence, why in self.dropped[:most]]
        return "; ".join([*shown, *(["..."] if len(self.dropped) > most else [])])


def parse_corpus(text: str, name: str) -> Corpus:
    """DatasetError with one line if there are too many words or contexts, or none."""
    counts: Counter[tuple[tuple[str, ...], str]] = Counter()
    first: dict[tuple[tuple[str, ...], str], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = tuple(line.split())
        if len(words) > MAX_LENGTH + 1:
            raise DatasetError(f"{name}: line {number}: {len(words)} words; at most {MAX_LENGTH + 1}")
        singles = [((x,), y) for x, y in pairwise(words)]
        prefixes = [(words[:end], words[end]) for end in range(2, len(words))]
        for context in (*singles, *prefixes):
            counts[context] += 1
            first.setdefault(context, number)
    if not counts:
        raise DatasetError(f"{name}: no line of two words or more")
    if len(counts) > MAX_SENTENCES:
        raise DatasetError(f"{name}: {len(counts)} contexts; at most {MAX_SENTENCES}")
    vocabulary = named_tokens(name, dict.fromkeys(w for tokens, following in counts for w in (*tokens, following)))
    index = {word: i for i, word in enumerate(vocabulary)}
    contexts = [
        Sentence(tuple(index[w] for w in tokens), index[following], Fraction(count), f"line {first[tokens, following]}")
        for (tokens, following), count in counts.items()
    ]
    return Corpus(name, vocabulary, tuple(sorted(contexts, key=lambda sentence: len(sentence.tokens) > 1)))


def realizable_part(corpus: Corpus) -> Part:
    """Of the contexts of one word those of the largest total weight for which n is a function and injective; then the
    longer ones, the heaviest first, each if it fits to those before.

    None that is dropped could be added. That no other part weighs more is said of the contexts of one word alone.
    DatasetError if nothing is left that attention can learn.
    """
    pairs = [s for s in corpus.contexts if len(s.tokens) == 1]
    following = _assignment(len(corpus.vocabulary), pairs)
    kept = {s.query: s for s in pairs if following.get(s.query) == s.next}
    before = {s.next: s for s in kept.values()}
    word = corpus.vocabulary.__getitem__

    def shown(s: Sentence) -> str:
        return f"{' '.join(short(word(x)) for x in s.tokens)} -> {short(word(s.next))} ({s.source})"

    chosen = list(kept.values())
    dropped = [
        (s, f"conflicts with {shown(kept.get(s.query) or before[s.next])}") for s in pairs if kept.get(s.query) != s
    ]
    orders: dict[int, dict[tuple[int, int], Sentence]] = {}
    for s in sorted(corpus.contexts[len(pairs) :], key=lambda s: -s.weight):  # stable: the first of equal weight first
        order = orders.setdefault(s.query, {})
        why = _misfit(s, kept, before, order, word)
        if isinstance(why, Sentence):
            dropped.append((s, f"the order of query {short(word(s.query))} would have a cycle with {shown(why)}"))
        elif why:
            dropped.append((s, why))
        else:
            chosen.append(s)
            best = before[s.next].query
            order.update({(best, x): s for x in s.counts if x != best})
    return Part(Dataset(corpus.name, corpus.vocabulary, tuple(chosen)), tuple(dropped))


def _misfit(
    s: Sentence,
    kept: Mapping[int, Sentence],
    before: Mapping[int, Sentence],
    order: Mapping[tuple[int, int], Sentence],
    word: Callable[[int], str],
) -> str | Sentence:
    """Why a longer context does not fit; the sentence that it makes a cycle with; or nothing."""
    for x in s.counts:
        if x not in kept:
            return f"no successor of {short(word(x))} is kept"
    if s.next not in before or before[s.next].query not in s.counts:
        return f"none of its words has the successor {short(word(s.next))}"
    best = before[s.next].query
    beaten = {x for x in s.counts if x != best}
    return next((order[pair] for pair in _above(best, order) if pair[0] in beaten), "")


def _above(token: int, order: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs (a, b) of an order on paths down to this token."""
    found, wanted, seen = [], [token], {token}
    while wanted:
        below = wanted.pop()
        for a, b in order:
            if b == below:
                found.append((a, b))
                if a not in seen:
                    seen.add(a)
                    wanted.append(a)
    return found


def _assignment(V: int, pairs: Iterable[Sentence]) -> dict[int, int]:
    """The matching of words and successors of the largest total weight."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment  # only where there is a corpus

    weights = np.zeros((V, V))
    for s in pairs:
        weights[s.query, s.next] = float(s.weight)
    rows, columns = linear_sum_assignment(weights, maximize=True)
    return {int(x): int(y) for x, y in zip(rows, columns, strict=True) if weights[x, y] > 0}
