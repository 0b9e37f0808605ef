"""The named datasets DS-A .. DS-D (mathematics/next-token), and random realizable ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

from proofs.next_token.dataset import Dataset, Sentence


def from_optimal(
    name: str,
    n: Sequence[int],
    sentences: Sequence[tuple[Sequence[int], int, int | Fraction]],
    collocation_weights: Sequence[int | Fraction] | None = None,
) -> Dataset:
    """A dataset over 0..V-1 in which n[x] follows x; sentences as (tokens, optimal token, weight)."""
    weights = collocation_weights if collocation_weights is not None else [1] * len(n)
    single = [Sentence((x,), n[x], Fraction(weights[x])) for x in range(len(n))]
    longer = [Sentence(tuple(tokens), n[optimal], Fraction(weight)) for tokens, optimal, weight in sentences]
    return Dataset(name, tuple(map(str, range(len(n)))), (*single, *longer))


def _unweighted(name: str, n: Sequence[int], sentences: Sequence[tuple[Sequence[int], int]]) -> Dataset:
    return from_optimal(name, n, [(tokens, optimal, 1) for tokens, optimal in sentences])


_PAIRS = [((q + 1) % 4, q) for q in range(4)]  # the sentence [q+1, q], in which q+1 is optimal

NAMED: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        _unweighted("DS-A", (1, 2, 3, 0), [(pair, pair[0]) for pair in _PAIRS]),
        from_optimal(
            "DS-B",
            (1, 2, 3, 0),
            [(pair, pair[0], weight) for pair, weight in zip(_PAIRS, (8, 4, 2, 1), strict=True)],
            (8, 4, 2, 1),
        ),
        _unweighted(
            "DS-C",
            (1, 2, 3, 4, 0),
            [
                ((2, 0), 2),
                ((3, 2, 0), 3),
                ((4, 1), 4),
                ((4, 3, 1), 4),
                ((0, 4), 0),
                ((0, 1, 4), 0),
                ((2, 3), 2),
            ],
        ),
        _unweighted("DS-D", (1, 2, 3, 0), [((0, 1, 3), 0), ((0, 2, 3), 0), ((2, 3), 2)]),
    )
}


# Tokens that occur several times, the optimal one most often or not, and weights that are not whole: the counts and
# weights of the gradient, which the named datasets leave at 1.
REPEATED = from_optimal(
    "repeated tokens",
    (1, 2, 3, 4, 0),
    [((0, 0, 1, 2), 0, Fraction(3, 2)), ((1, 3, 3, 3, 2), 1, 1), ((4, 4, 1, 1, 0, 1), 4, Fraction(2, 3))],
    (3, 1, 2, 1, 5),
)


def _trap(k: int) -> Dataset:
    """d_1, ..., d_k beat a, which beats b, which beats c_1, ..., c_k, each in a sentence of its own; query q."""
    a, b, q = k, k + 1, 2 * k + 2
    above = [((d, a, q), d) for d in range(k)]
    below = [((b, c, q), b) for c in range(k + 2, 2 * k + 2)]
    V = 2 * k + 3
    return _unweighted("trap", [(x + 1) % V for x in range(V)], [*above, *below, ((a, b, q), a)])


# Normalised descent never learns its last sentence (NT7b). With k = 3 it does where W_ov = 3 W_ov*.
TRAP = _trap(4)


# Tokens 0 and 1 beat each other with query 3, the one with weight 2; both beat 2 and 3 (NT16).
CONTRADICTION = Dataset(
    "contradiction",
    ("0", "1", "2", "3"),
    (
        *(Sentence((x,), (x + 1) % 4) for x in range(4)),
        Sentence((0, 1, 3), 1, Fraction(2)),
        Sentence((0, 1, 3), 2),
        Sentence((1, 2, 3), 2),
    ),
    cycles=True,
)


def random_dataset(
    seed: int, V: int, index: int = 0, max_sentences: int = 10, max_tokens: int = 4, sentences: int | None = None
) -> Dataset:
    """A realizable dataset over V >= 3 tokens, the same for the same arguments; with so many longer sentences, or with
    3 to max_sentences.

    Every query has a random ranking of all tokens, and the highest token of a sentence is optimal, so that the orders
    have no cycles. The optimal token occurs at least as often as every other (the count condition). Integer weights.
    """
    if V < 3:
        raise ValueError(f"V={V}: a random dataset needs at least 3 tokens")
    rng = random.Random(f"next-token {seed} {V} {index}")
    n = rng.sample(range(V), V)
    ranking = {q: rng.sample(range(V), V) for q in range(V)}
    longer: list[tuple[list[int], int, int | Fraction]] = []
    for _ in range(sentences or rng.randint(3, max_sentences)):
        query = rng.randrange(V)
        others = rng.sample([x for x in range(V) if x != query], rng.randint(1, min(max_tokens, V) - 1))
        optimal = min([*others, query], key=ranking[query].index)
        repeats = rng.randint(1, 2)  # the optimal token occurs this often, the others at most
        tokens = [x for x in others for _ in range(repeats if x == optimal else rng.randint(1, repeats))]
        rng.shuffle(tokens)
        times = repeats if query == optimal else rng.randint(1, repeats)
        longer.append(([*tokens, *[query] * times], optimal, rng.randint(1, 8)))
    return from_optimal(f"random-{index}", n, longer, [rng.randint(1, 8) for _ in range(V)])
