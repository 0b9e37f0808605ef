"""The rule of claim SN15. Fixed before the runs that it judges (sub-n-grams/training#judged-runs), and kept."""

from __future__ import annotations

QUARTER = 1 / 4  # of the local gap: how near a plateau's loss has to be to the level of its predictor
HALF = 1 / 2  # of the total variation to any other predictor: how near the plateau's predictor has to be
MOST = 1 / 2  # of the snapshots on a plateau: on more than so many the predictor is that near
ERRORS = 3.0  # standard errors by which a gradient has to be larger than another to be called larger

STAGE_RULE = (
    "A plateau is named by the predictor theta_k^+, k = 1..n, whose mean total variation to the network's predictions, "
    "over test sequences and the snapshots strictly inside the plateau, is the smallest. "
    f"(a) Its median loss is within {QUARTER:g} of the gap between the level of theta_k^+ and the next level of the "
    "corrected ladder on that side (where there is none, the one on the other side). "
    f"(b) On more than {MOST:g} of these snapshots the total variation to theta_k^+ is at most {HALF:g} of that to any "
    "other. "
    "(c) k increases from plateau to plateau. "
    "(d) The population gradient at the parameters averaged over these snapshots is smaller than at the first snapshot "
    f"of the run, and than the largest at a snapshot strictly inside the next jump, by {ERRORS:g} standard errors of "
    "the difference of squared norms; not tested on the last plateau. "
    "(e) What has no snapshot strictly inside a jump to be tested on is not tested, and does not fail."
)
