"""Draws the pictures of the next-token paper: python docs/gallery/next_token_figures.py [FOLDER]."""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from numerics.next_token.figures import direction_figure, loss_figure, score_figure
from proofs.next_token.examples import NAMED, from_optimal

# The sentences of DS-D and tokens that they do not hold. Token 1 is non-optimal, but W* gives it the score 0: it only
# falls like log t, the others linearly.
WIDER = from_optimal("DS-D, V = 6", (1, 2, 3, 4, 5, 0), [((0, 1, 3), 0, 1), ((0, 2, 3), 0, 1), ((2, 3), 2, 1)])


def main(folder: Path) -> None:
    figures = {
        "next_token_loss": loss_figure([NAMED["DS-A"], NAMED["DS-C"]]),
        "next_token_direction": direction_figure([NAMED["DS-B"], NAMED["DS-C"], NAMED["DS-D"]]),
        "next_token_scores": score_figure(WIDER),
    }
    for name, figure in figures.items():
        FigureCanvasAgg(figure)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120, metadata={"Software": ""})
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
