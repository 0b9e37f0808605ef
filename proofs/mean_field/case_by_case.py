"""The loss in context as its definition has it: over all tasks, prompts, queries and label noises (MF16)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

Rows = Sequence[Sequence[Fraction]]
Law = Sequence[tuple[Fraction, Any]]  # probabilities and outcomes
ZERO = Fraction(0)


def in_context_loss(prompt: Law, query: Law, tasks: Law, W: Rows, n: int, noise: Fraction = ZERO) -> Fraction:
    """L_n(W) over all tasks v, prompts x_1..x_n, queries and label noises, example by example.

    A law is a list of outcomes with their probabilities: (h(x), f°(x)) for prompt and query, v for tasks.
    """
    signs = (noise, -noise) if noise else (ZERO,)
    examples = [(p / len(signs), h, f, sign) for p, (h, f) in prompt for sign in signs]
    total = ZERO
    for (chance, v), *drawn in product(tasks, *[examples] * n):
        read = [ZERO] * len(W)
        for p, h, f, sign in drawn:
            chance, y = chance * p, (dot(v, f) + sign) / n
            read = [r + y * x for r, x in zip(read, h, strict=True)]
        for p, (h, f) in query:
            predicted = sum((r * dot(row, h) for r, row in zip(read, W, strict=True)), ZERO)
            total += chance * p * (dot(v, f) - predicted) ** 2 / 2
    return total


def dot(x: Sequence[Fraction], y: Sequence[Fraction]) -> Fraction:
    return sum((p * q for p, q in zip(x, y, strict=True)), ZERO)
