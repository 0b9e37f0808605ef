"""The colours of all figures: those of Okabe and Ito, which people tell apart who do not see red or green."""

INK, MUTED, GRID, FIRST, SECOND = "#1a1b1e", "#6a6c72", "#c9cbd1", "#0072b2", "#d55e00"
THIRD, FOURTH, FIFTH, SIXTH = "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
CURVES = FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, INK
MARKERS = "osD^vPX"  # one for each of the curves, for those who see no colour at all
