"""What every script of the gallery ends in: computed and predicted numbers side by side, and a picture."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from verify.report.legend import name_curves
from verify.report.picture import picture
from verify.report.style import SIZE, STYLE, TALL

__all__ = ["TALL", "Comparison", "Exhibit", "name_curves", "one_plot", "show"]

mpl.rcParams.update(STYLE)


@dataclass(frozen=True)
class Comparison:
    """A computed number beside the predicted one. `bound` is how far apart they may be, `why` where it comes from."""

    what: str
    computed: float
    predicted: float
    bound: float
    why: str

    @property
    def holds(self) -> bool:
        """A positive test: NaN does not pass."""
        return abs(self.computed - self.predicted) <= self.bound


@dataclass(frozen=True)
class Exhibit:
    figure: Figure
    comparisons: list[Comparison]

    @property
    def text(self) -> str:
        """One line per comparison, then where the bounds come from."""
        width = max(len(c.what) for c in self.comparisons)
        head = f"{'':<{width}}  {'computed':>14}  {'predicted':>14}  within\n"
        lines = "".join(
            f"{c.what:<{width}}  {c.computed:>14.9g}  {c.predicted:>14.9g}  {c.bound:.1e}"
            f"{'' if c.holds else '   NOT WITHIN'}\n"
            for c in self.comparisons
        )
        return f"{head}{lines}within: {'; '.join(dict.fromkeys(c.why for c in self.comparisons))}\n"


def one_plot() -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.add_subplot()


def show(script: str, exhibit: Exhibit) -> None:
    """Writes SCRIPT.svg and SCRIPT.txt, beside the script or in the folder that is given, and prints the text."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(script).parent
    name = Path(script).stem
    (folder / f"{name}.svg").write_bytes(picture(exhibit.figure, "svg"))
    (folder / f"{name}.txt").write_text(exhibit.text, encoding="utf-8")
    print(exhibit.text, end="")
    if not all(comparison.holds for comparison in exhibit.comparisons):
        sys.exit(f"{name}: computed and predicted numbers are too far apart")
