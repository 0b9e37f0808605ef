"""Which claim rests on which, in layers from left to right: where the nodes stand and how the lines run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

COLUMN, ROW = 64.0, 30.0  # from node to node
WIDTH, HEIGHT = 49.0, 22.0  # of a node
MARGIN = 4.0
SWEEPS = 8  # of the ordering: it settles within a few


@dataclass(frozen=True)
class Drawing:
    """Centres of the nodes by id, one SVG path for each (required, dependent) pair, and the size of it all."""

    nodes: dict[str, tuple[float, float]]
    lines: dict[tuple[str, str], str]
    width: float
    height: float


def draw_graph(requires: Mapping[str, Sequence[str]], *, columns: int = 4) -> Drawing:
    """Every id of `requires` as a node, a line for each id that it names among them.

    A claim stands one layer to the right of the last that it rests on. Lines over several layers bend through places
    of their own, so that they pass no node. Claims without any line stand below, `columns` or more to a row.
    """
    edges = [(other, id) for id, others in requires.items() for other in others if other in requires]
    linked = {id for edge in edges for id in edge}
    depth = _depths({id: [a for a, b in edges if b == id] for id in requires if id in linked})
    layers: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for id in depth:
        layers[depth[id]].append(id)
    routes = {}
    for a, b in edges:
        places = [f"{a} to {b}, layer {layer}" for layer in range(depth[a] + 1, depth[b])]
        for place, layer in zip(places, range(depth[a] + 1, depth[b]), strict=True):
            layers[layer].append(place)
        routes[a, b] = [a, *places, b]
    heights = _heights(layers, [step for route in routes.values() for step in pairwise(route)])
    at = {
        name: (MARGIN + WIDTH / 2 + layer * COLUMN, MARGIN + HEIGHT / 2 + heights[name] * ROW)
        for layer, names in enumerate(layers)
        for name in names
    }
    below = 1 + max(heights.values(), default=-1)
    columns = max(columns, len(layers))
    alone = [id for id in requires if id not in linked]
    gap = ROW / 2 if linked and alone else 0.0
    for i, id in enumerate(alone):
        y = MARGIN + HEIGHT / 2 + gap + (below + i // columns) * ROW
        at[id] = (MARGIN + WIDTH / 2 + i % columns * COLUMN, y)
    return Drawing(
        {id: at[id] for id in requires},
        {edge: _path([at[name] for name in route]) for edge, route in routes.items()},
        max(x for x, _ in at.values()) + WIDTH / 2 + MARGIN,
        max(y for _, y in at.values()) + HEIGHT / 2 + MARGIN,
    )


def _depths(requires: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Lines on the longest way to each node, in the order of `requires`."""
    depth: dict[str, int] = {}
    for id in TopologicalSorter(requires).static_order():
        depth[id] = 1 + max((depth[other] for other in requires[id]), default=-1)
    return {id: depth[id] for id in requires}


def _heights(layers: Sequence[list[str]], steps: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Rows, 0 the top: layers are ordered by the mean row of their neighbours, to and fro (Sugiyama's method)."""
    neighbours: dict[str, list[str]] = {name: [] for layer in layers for name in layer}
    for a, b in steps:
        neighbours[a].append(b)
        neighbours[b].append(a)
    tallest = max((len(layer) for layer in layers), default=0)
    row = {name: float(i) for layer in layers for i, name in enumerate(layer)}
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wish = {name: sum(row[other] for other in neighbours[name]) / len(neighbours[name]) for name in layer}
            layer.sort(key=lambda name: wish[name])  # stable: ties keep the order of the claims
            row |= _spread([wish[name] for name in layer], layer, tallest)
    return row


def _spread(wishes: Sequence[float], names: Sequence[str], tallest: int) -> dict[str, float]:
    """Whole rows, in the given order, each near its wish, at least one apart and all below `tallest`."""
    rows: list[int] = []
    for i, wish in enumerate(wishes):
        room = tallest - (len(wishes) - i)
        rows.append(min(max(round(wish), rows[-1] + 1 if rows else 0), room))
    return {name: float(row) for name, row in zip(names, rows, strict=True)}


def _path(places: Sequence[tuple[float, float]]) -> str:
    """A curve through the places that leaves each node on its right and reaches it on its left."""
    (x, y), *rest = places
    path, x = f"M{x + WIDTH / 2:g} {y:g}", x + WIDTH / 2
    for i, (to_x, to_y) in enumerate(rest):
        end = to_x - WIDTH / 2
        middle = (x + end) / 2
        path += f"C{middle:g} {y:g} {middle:g} {to_y:g} {end:g} {to_y:g}"
        x, y = end, to_y
        if i < len(rest) - 1:
            x = to_x + WIDTH / 2
            path += f"H{x:g}"
    return path
