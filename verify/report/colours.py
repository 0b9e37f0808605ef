"""The colours of figures in reports."""

INK, MUTED, GRID, FIRST, SECOND = "#1a1b1e", "#6a6c72", "#c9cbd1", "#1b5e9b", "#b3541e"
