"""Figures as files: the same bytes for the same figure."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from verify.command import write_file

PNG_DPI = 200


def picture(figure: Figure, format: str) -> bytes:
    """The figure as SVG or PNG, without dates and with fixed identifiers."""
    buffer = io.BytesIO()
    fix_layout(figure)
    with matplotlib.rc_context({"svg.hashsalt": "landscape-verifier"}):
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        figure.savefig(buffer, format=format, dpi=PNG_DPI, metadata=metadata)
    return buffer.getvalue()


def write_picture(figure: Figure, output: str) -> None:
    """The figure in a file, SVG or PNG by its name. UsageError if it cannot be written."""
    write_file(output, picture(figure, output.rpartition(".")[2].lower()))


def fix_layout(figure: Figure) -> None:
    """Lays the figure out and rounds where its parts stand: the solver's last digits differ from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for part in figure.subfigs:
        part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), 4))
    for axes in figure.axes:
        axes.set_position([round(float(x), 4) for x in axes.get_position().bounds])  # type: ignore[arg-type]  # four numbers
