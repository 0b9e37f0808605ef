"""Engine `transfer` under the laws that it knows: `NGramLaw`, one kernel, and mixtures of these (sub-n-grams/laws)."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Executor

import torch

from numerics.sub_ngrams.annealed import annealed_transfer, within_floats
from numerics.sub_ngrams.closed_form import by_row
from numerics.sub_ngrams.monte_carlo import weighted
from numerics.sub_ngrams.sequences import UNIT_ROUNDOFF, table
from numerics.sub_ngrams.transfer import transfer
from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.laws import FixedKernel, Law, components
from proofs.sub_ngrams.score_blocks import ScoreBlocks

TOLERANCE = 1e-12  # of one kernel, where none is asked for


def transfer_under(
    law: NGramLaw | Law,
    configuration: Configuration,
    T: int,
    *,
    tolerance: float | None = None,
    relative: float = 0.0,
    level: float = 0.99,
    minutes: float = 0.5,
    seed: int = 0,
    executor: Executor | None = None,
    device: torch.device | None = None,
    needed: Collection[tuple[int, int]] | None = None,
) -> ScoreBlocks:
    """The population gradient at length T >= n, with the error of every entry; options as in `annealed_transfer`.

    Of a mixture, the mean of the parts, whose intervals, where they are statistical, hold all at once. Raises
    ValueError for a law that is none of these.
    """
    parts = list(components(law))
    below = 1 - (1 - level) / len(parts)
    found = []
    for weight, part in parts:
        if type(part) is FixedKernel:
            found.append((weight, one_kernel(part, configuration, T, tolerance or TOLERANCE, device)))
        elif type(part) is NGramLaw:
            each = annealed_transfer(
                part,
                configuration,
                T,
                tolerance=tolerance,
                relative=relative,
                level=below,
                minutes=minutes / len(parts),
                seed=seed,
                executor=executor,
                device=device,
                needed=needed,
            )
            found.append((weight, each))
        else:
            raise ValueError(f"transfer knows NGramLaw, FixedKernel and mixtures of these, not {type(part).__name__}")
    if len(found) == 1:
        return found[0][1]
    return weighted(found, level if any(blocks.level for _, blocks in found) else None)


def one_kernel(
    law: FixedKernel, configuration: Configuration, T: int, tolerance: float, device: torch.device | None = None
) -> ScoreBlocks:
    """Under one kernel. Beside the error of `transfer`: entries become floats, which changes the law of a sequence by
    at most (S + 2) u in total variation with every token, u the unit roundoff."""
    configuration, beyond = within_floats(configuration, T)
    kernels = table(law.kernel, device or torch.device("cpu"))[None]
    found = transfer(kernels, law, configuration, T, tolerance=tolerance)
    error = found.error + beyond + 2 * (T + 2) * (law.S + 2) * UNIT_ROUNDOFF
    rows = by_row(found.rows[0].tolist(), configuration)
    return ScoreBlocks.from_nested(
        found.blocks[0].tolist(),
        torch.full_like(found.blocks[0], error).tolist(),
        rows=rows,
        row_errors={key: [error] * len(row) for key, row in rows.items()},
    )
