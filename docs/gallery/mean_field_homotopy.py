"""Down from the saddles along the homotopy to the target, with the predicted curvature (claim MF7)."""

from __future__ import annotations

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import homotopy_picture

from numerics.mean_field.finite import critical_rows, eigenvalue_target, loss, orthonormalise

EIGENVALUES = [3.0, 2.0, 0.5]
STEP = 1e-3  # of the second difference; its error is O(STEP^2), and rounding 1e-16/STEP^2


def main(m: int = 8) -> Exhibit:
    F = eigenvalue_target(EIGENVALUES, m, torch.Generator().manual_seed(0))
    left, _, _ = torch.linalg.svd(F)
    k = len(EIGENVALUES)
    comparisons = []
    for missed, eigenvalue in enumerate(EIGENVALUES):
        H = critical_rows(F, (missed,))
        R = torch.zeros(k, k, dtype=F.dtype)
        R[k - 1] = left[:, missed]  # the spare row of H turns to the missed direction
        s = torch.tensor([-STEP, 0.0, STEP], dtype=F.dtype)[:, None, None]
        before, at, after = loss(orthonormalise((1 - s) * H + s * (R @ F)), F).tolist()
        curvature = (before - 2 * at + after) / STEP**2
        comparisons.append(
            Comparison(f"d2L/ds2, missed {eigenvalue:g}", curvature, -(eigenvalue**2), 100 * STEP**2 * eigenvalue**2,
                       "100 step^2, relative")
        )  # fmt: skip
    return Exhibit(homotopy_picture(F), comparisons)


if __name__ == "__main__":
    show(__file__, main())
