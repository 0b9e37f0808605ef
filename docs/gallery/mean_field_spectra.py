"""The Hessian's spectrum at every kind of critical point, computed and predicted (claim MF6)."""

from __future__ import annotations

from itertools import combinations

import torch
from gallery import Comparison, Exhibit, show
from mean_field_figures import spectrum_picture

from numerics.mean_field.finite import critical_rows, eigenvalue_target, gradient, hessian, loss

EIGENVALUES = [3.0, 2.0, 0.5]
ROUNDING = 1e-12  # the largest eigenvalue is 3, and matrices have 24 rows


def main(m: int = 8) -> Exhibit:
    F = eigenvalue_target(EIGENVALUES, m, torch.Generator().manual_seed(0))
    comparisons = []
    for size in range(1, len(EIGENVALUES) + 1):
        for missed in combinations(range(len(EIGENVALUES)), size):
            H = critical_rows(F, missed)
            name = "missed " + ", ".join(f"{EIGENVALUES[i]:g}" for i in missed)
            lowest = float(torch.linalg.eigvalsh(hessian(H, F))[0])
            values = [EIGENVALUES[i] for i in missed]
            assert float(gradient(H, F).abs().max()) <= ROUNDING
            comparisons += [
                Comparison(f"loss, {name}", float(loss(H, F)), sum(values) / 2, ROUNDING, "rounding"),
                Comparison(f"lowest eigenvalue, {name}", lowest, -max(values), ROUNDING, "rounding"),
            ]
    return Exhibit(spectrum_picture(F), comparisons)


if __name__ == "__main__":
    show(__file__, main())
