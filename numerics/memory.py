"""How much freed memory the process keeps for its next tensors."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

# Options of mallopt in glibc's malloc.h, and bytes: the largest block that comes from the heap (no more is accepted),
# how much free memory the heap keeps at its top, and by how much it grows
_OPTIONS = {-3: 2**25, -1: 2**28, -2: 2**25}


@cache
def keep_memory() -> None:
    """From now on memory of freed tensors, up to 256 MiB, is used again without a visit to the system.

    glibc gives blocks of some 100 KiB back as soon as they are freed. In series of short operations every tensor would
    then cost a page fault per 4 KiB, which takes several times as long as a sum or a product of its entries. Nothing
    happens with another C library, or where the user has set malloc's options in the environment.
    """
    chosen = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.getenv("GLIBC_TUNABLES", "")
    if platform.libc_ver()[0] == "glibc" and not chosen:
        libc = ctypes.CDLL(None)
        for option, value in _OPTIONS.items():
            libc.mallopt(option, value)
