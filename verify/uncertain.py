"""Numbers with their errors, as physicists write them."""

from __future__ import annotations

import math
import sys

PLAIN = range(-4, 6)  # powers of ten of numbers that are written without an exponent
FLOATS = 1e-15  # relative; no digits are shown beyond


def with_error(value: float, error: float) -> str:
    """0.00961686(3) or -4.02(3)e-06: the error, rounded up, in units of the last digit shown.

    An error that is not smaller than the number is written out: 3e-09 +- 6e-09; and an error of 0 not at all.
    """
    if error == 0:
        return f"{value:g}"
    if not 0 < error < abs(value) < math.inf or abs(value) < sys.float_info.min:
        return f"{value:.1g} +- {error:.1g}"
    power = math.floor(math.log10(abs(value)))
    unit = 10.0 ** (0 if power in PLAIN else power)
    mantissa, error = value / unit, max(error, FLOATS * abs(value)) / unit
    digits = max(0, -math.floor(math.log10(error)))
    if digits and math.ceil(error * 10**digits) == 10:
        digits -= 1
    text = f"{mantissa:.{digits}f}({math.ceil(error * 10**digits)})"
    return text if power in PLAIN else f"{text}e{power:+03d}"
