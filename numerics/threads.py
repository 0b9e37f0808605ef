"""How many threads torch uses on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Within this block (or decorated function) torch works on one thread; afterwards as before.

    For thousands of small operations: where cores are shared, threads that wait for each other make them many times
    slower, and where they are not, there is nothing to gain.
    """
    import torch  # here, so that checks can be decorated without it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
