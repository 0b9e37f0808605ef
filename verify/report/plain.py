"""Values as JSON: rationals as strings, nothing that JSON cannot hold, keys sorted, no timings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from fractions import Fraction
from typing import Any

from verify.printing import fraction_text, printable
from verify.settings import Settings


def plain(value: Any) -> Any:
    """The value in dictionaries, lists, strings, numbers. Non-finite floats become the strings inf, -inf, nan."""
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, Fraction):
        return fraction_text(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | Set):
        return [plain(item) for item in (sorted(value) if isinstance(value, Set) else value)]
    number = float(value)
    return number if math.isfinite(number) else str(number)


def settings_as_plain(settings: Settings) -> dict[str, Any]:
    """The settings that the result depends on."""
    values: dict[str, Any] = plain(settings.model_dump(exclude={"format", "output", "budget", "certificate"}))
    return values


def dumps(value: Any) -> str:
    text = json.dumps(plain(value), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return printable(text, keep="\n", escape=lambda character: json.dumps(character)[1:-1]) + "\n"
