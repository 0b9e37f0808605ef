"""The datasets of the claims, as a report shows them."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.next_token.dataset import Dataset, Sentence

MOST_DATASETS, MOST_SENTENCES = 9, 12  # that are shown, of each kind


def shown(datasets: Sequence[Dataset]) -> dict[str, object]:
    """Each dataset with its sentences, or how many there are, as details of a finding."""
    data = {
        dataset.name: {
            "V": dataset.V,
            "collocations": lines(dataset, dataset.collocations),
            "longer_sentences": lines(dataset, dataset.longer),
        }
        for dataset in [*datasets[: MOST_DATASETS - 1], datasets[-1]]
    }
    more = len(datasets) - len(data)
    return {"data": data, **({"datasets_not_shown": more} if more > 0 else {})}


def lines(dataset: Dataset, sentences: Sequence[Sentence]) -> list[str] | str:
    if len(sentences) > MOST_SENTENCES:
        return f"{len(sentences)} in all"
    return [line(dataset, sentence) for sentence in sentences]


def line(dataset: Dataset, sentence: Sentence) -> str:
    """The tokens of a sentence, if it has several, the optimal one and the next, and the weight where it is not 1."""
    names, tokens = dataset.vocabulary, [dataset.vocabulary[x] for x in sentence.tokens]
    before = f"[{', '.join(tokens)}]: " if len(tokens) > 1 else ""
    weight = f" (weight {sentence.weight})" if sentence.weight != 1 else ""
    return f"{before}{names[dataset.optimal(sentence)]} -> {names[sentence.next]}{weight}"
