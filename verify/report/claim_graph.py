"""Which claim rests on which, in layers from left to right: where the boxes stand and how the lines run.

A control stands right below the claim that it controls; what it rests on itself is not drawn. Lengths are in em.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

WIDTH, HEIGHT = 12.4, 2.9  # of a box, which holds two lines of a title
COLUMN, ROW = 14.8, 3.4  # from box to box
INDENT = 1.0  # of a control
SWEEPS = 8  # of the ordering: it settles within a few


@dataclass(frozen=True)
class Drawing:
    """Left upper corner and width of each box by id; an SVG path for each (required, dependent) pair, and for each
    (claim, control) pair; and the size of it all.
    """

    boxes: dict[str, tuple[float, float, float]]
    lines: dict[tuple[str, str], str]
    ties: dict[tuple[str, str], str]
    width: float
    height: float


def draw_graph(requires: Mapping[str, Sequence[str]], controls: Mapping[str, str], *, columns: int = 4) -> Drawing:
    """Every id of `requires` as a box, a line for each id that it names among them; `controls`: control -> its claim.

    A claim stands one layer to the right of the last that it rests on. Lines over several layers bend through places
    of their own, so that they pass no box. Claims without any line stand below, in `columns` or more.
    """
    below: dict[str, list[str]] = {id: [] for id in requires if controls.get(id) not in requires}
    for id in requires:
        if id not in below:
            below[controls[id]].append(id)
    edges = [(other, id) for id in below for other in requires[id] if other in below]
    linked = {id for edge in edges for id in edge}
    depth = _depths({id: [a for a, b in edges if b == id] for id in below if id in linked})
    layers: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for id in depth:
        layers[depth[id]].append(id)
    routes = {}
    for a, b in edges:
        between = range(depth[a] + 1, depth[b])
        places = [f"{a} to {b}, layer {layer}" for layer in between]
        for place, layer in zip(places, between, strict=True):
            layers[layer].append(place)
        routes[a, b] = [a, *places, b]
    sizes = {name: 1 + len(below.get(name, ())) for layer in layers for name in layer}
    rows = _rows(layers, [step for route in routes.values() for step in pairwise(route)], sizes)
    at = {name: (layer * COLUMN, rows[name] * ROW) for layer, names in enumerate(layers) for name in names}
    end = max((y + ROW * sizes[name] for name, (_, y) in at.items()), default=0.0)
    heights = [end] * max(columns, len(layers))
    for id in (id for id in below if id not in linked):
        column = heights.index(min(heights))
        at[id] = (column * COLUMN, heights[column])
        heights[column] += ROW * (1 + len(below[id]))
    boxes: dict[str, tuple[float, float, float]] = {}
    ties = {}
    for id in below:
        x, y = at[id]
        boxes[id] = x, y, WIDTH
        for i, control in enumerate(below[id], 1):
            boxes[control] = x + INDENT, y + i * ROW, WIDTH - INDENT
            ties[id, control] = f"M{x + INDENT / 2:g} {y + HEIGHT:g}V{y + i * ROW + HEIGHT / 2:g}H{x + INDENT:g}"
    return Drawing(
        {id: boxes[id] for id in requires},
        {edge: _path([at[name] for name in route]) for edge, route in routes.items()},
        ties,
        max(x + width for x, _, width in boxes.values()),
        max(y for _, y, _ in boxes.values()) + HEIGHT,
    )


def _depths(requires: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Lines on the longest way to each box, in the order of `requires`."""
    depth: dict[str, int] = {}
    for id in TopologicalSorter(requires).static_order():
        depth[id] = 1 + max((depth[other] for other in requires[id]), default=-1)
    return {id: depth[id] for id in requires}


def _rows(layers: Sequence[list[str]], steps: Sequence[tuple[str, str]], sizes: Mapping[str, int]) -> dict[str, float]:
    """Rows, 0 the top: layers are ordered by the mean row of their neighbours, to and fro (Sugiyama's method)."""
    neighbours: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for a, b in steps:
        neighbours[a].append(b)
        neighbours[b].append(a)
    tallest = max((sum(sizes[name] for name in layer) for layer in layers), default=0)
    row = {name: float(i) for layer in layers for i, name in enumerate(layer)}
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wish = {name: sum(row[other] for other in neighbours[name]) / len(neighbours[name]) for name in layer}
            layer.sort(key=lambda name: wish[name])  # stable: ties keep the order of the claims
            row |= _spread([wish[name] for name in layer], layer, sizes, tallest)
    return row


def _spread(wishes: Sequence[float], names: Sequence[str], sizes: Mapping[str, int], tallest: int) -> dict[str, float]:
    """Whole rows, in the given order, each near its wish, below those before it and all above `tallest`."""
    free, left = 0, sum(sizes[name] for name in names)
    rows = {}
    for name, wish in zip(names, wishes, strict=True):
        rows[name] = float(min(max(round(wish), free), tallest - left))
        free, left = int(rows[name]) + sizes[name], left - sizes[name]
    return rows


def _path(corners: Sequence[tuple[float, float]]) -> str:
    """A curve through the places that leaves each box on its right and reaches it on its left."""
    (x, y), *rest = [(x, y + HEIGHT / 2) for x, y in corners]
    path, x = f"M{x + WIDTH:g} {y:g}", x + WIDTH
    for i, (to_x, to_y) in enumerate(rest):
        middle = (x + to_x) / 2
        path += f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
        x, y = to_x, to_y
        if i < len(rest) - 1:
            x = to_x + WIDTH
            path += f"H{x:g}"
    return path
