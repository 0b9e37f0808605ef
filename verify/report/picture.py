"""Figures as files: the same bytes for the same figure."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.figure import Figure

PNG_DPI = 150


def picture(figure: Figure, format: str) -> bytes:
    """The figure as SVG or PNG, without dates and with fixed identifiers."""
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "landscape-verifier"}):
        metadata = {"Date": None} if format == "svg" else {"Software": None}
        figure.savefig(buffer, format=format, dpi=PNG_DPI, metadata=metadata)
    return buffer.getvalue()
