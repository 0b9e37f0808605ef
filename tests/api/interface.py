"""The public interface as lines of text. `python -m tests.api.interface` prints them, for interface.txt."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel

import landscape_verifier
import landscape_verifier.testing

PLAIN = (str, int, float, tuple, Fraction, enum.Enum, type(None))


def lines() -> list[str]:
    return [line for module in (landscape_verifier, landscape_verifier.testing) for line in described(module)]


def described(module: ModuleType) -> Iterator[str]:
    """Every public name of a module, and what a program can do with it."""
    for name in module.__all__:
        yield from entries(f"{module.__name__}.{name}", getattr(module, name))


def entries(name: str, thing: Any) -> Iterator[str]:
    if isinstance(thing, ModuleType):
        for key in thing.__all__:
            yield from entries(f"{name}.{key}", getattr(thing, key))
    elif isinstance(thing, type) and issubclass(thing, enum.Enum):
        yield f"{name}: " + ", ".join(f"{member.name}={member.value}" for member in thing)
    elif isinstance(thing, type) and issubclass(thing, BaseModel):
        for key, field in thing.model_fields.items():
            yield f"{name}.{key} = {field.default!r}"
    elif isinstance(thing, type) and issubclass(thing, Exception):
        yield f"{name} is an {thing.__bases__[0].__name__}"
    elif isinstance(thing, type):
        yield f"{name}{signature(thing)}"
        if dataclasses.is_dataclass(thing):
            yield f"{name}: " + ", ".join(field.name for field in dataclasses.fields(thing))
        yield from members(name, thing)
    elif callable(thing) and get_origin(thing) is None:
        yield f"{name}{signature(thing)}"
    elif isinstance(thing, str):
        yield f"{name}: str"  # the version, which changes
    elif not get_args(thing):
        yield f"{name}: a strategy of hypothesis"
    else:  # a type that is read from a word
        yield f"{name}: {plain(thing)}"


def plain(kind: Any) -> str:
    """A type without what says how it is read."""
    if hasattr(kind, "__metadata__"):
        return plain(get_args(kind)[0])
    if get_origin(kind) is tuple:
        return f"tuple[{plain(get_args(kind)[0])}, ...]"
    if isinstance(kind, UnionType):
        return " | ".join(map(plain, get_args(kind)))
    return str(kind.__name__)


def members(name: str, thing: type) -> Iterator[str]:
    """Methods and properties that the class itself defines."""
    fields = getattr(thing, "__dataclass_fields__", {})
    for key, value in vars(thing).items():
        if isinstance(value, property | staticmethod | classmethod):
            function = value.fget if isinstance(value, property) else value.__func__
            yield f"{name}.{key}{signature(function)} [{type(value).__name__}]"
        elif (
            inspect.isfunction(value)
            and key not in fields
            and (not key.startswith("_") or key in ("__getitem__", "_repr_html_"))
        ):
            yield f"{name}.{key}{signature(value)}"


def signature(thing: Any) -> str:
    """As it is written, but for defaults that are more than a plain value."""
    found = inspect.signature(thing)
    parameters = [
        part if part.default is part.empty or isinstance(part.default, PLAIN) else part.replace(default=...)
        for part in found.parameters.values()
    ]
    return re.sub(r"(: |-> )(['\"])(.*?)\2", r"\1\3", str(found.replace(parameters=parameters))).replace(
        "Ellipsis", "..."
    )


if __name__ == "__main__":
    print("\n".join(lines()))
