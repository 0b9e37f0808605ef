"""Modules of somebody else's are read as their sources stand, whatever Python has kept of them."""

from __future__ import annotations

import os
import py_compile
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from verify.by_path import SOURCES_ONLY, imported, loaded

NAME = "same_size_and_second"


@pytest.fixture
def forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(SOURCES_ONLY, "packages", set())
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
        del sys.modules[name]


def by_path(folder: Path) -> object:
    file = folder / NAME
    return imported(file if file.is_dir() else file.with_suffix(".py"))


def by_entry_point(folder: Path) -> object:
    return loaded(EntryPoint("any", NAME, "any"))


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("read", [by_path, by_entry_point])
@pytest.mark.parametrize(
    "sources",
    [
        {f"{NAME}.py": "VALUE = 1"},
        {f"{NAME}/__init__.py": "VALUE = 1"},
        {f"{NAME}/__init__.py": f"from {NAME}.part import VALUE", f"{NAME}/part.py": "VALUE = 1"},
        {f"{NAME}/__init__.py": f"from {NAME}.inner import VALUE", f"{NAME}/inner/__init__.py": "VALUE = 1"},
    ],
)
def test_a_change_that_keeps_size_and_second_is_seen(
    read: Callable[[Path], object], sources: dict[str, str], tmp_path: Path
) -> None:
    """Python takes compiled code for that of a source of the same size and second, as scripts write them."""
    for value in (1, 2):
        for name, text in sources.items():
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text.replace("1", str(value)))
            os.utime(file, (10**9, 10**9))
            if value == 1:
                py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
        forget()
        module = read(tmp_path)
        assert isinstance(module, ModuleType) and value == module.VALUE


@pytest.mark.usefixtures("forgotten")
def test_other_modules_are_found_as_ever(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.py").write_text("VALUE = 1\n")
    by_path(tmp_path)
    assert SOURCES_ONLY.find_spec("json", None) is None
    assert SOURCES_ONLY.find_spec(f"{NAME}_of_another", None) is None
    assert SOURCES_ONLY.find_spec(f"{NAME}.nothing", [str(tmp_path)]) is None
