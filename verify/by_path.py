"""Modules of somebody else's, as their sources stand. Standard library only, as `verify.replay` takes it."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.metadata import EntryPoint
from pathlib import Path
from types import CodeType, ModuleType

from verify.printing import shown


class FromSource(SourceFileLoader):
    """Compiles the file each time: Python takes compiled code for that of any file of the same size and second."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


class SourcesOnly(MetaPathFinder):
    """Finds the modules of some packages as Python does, and has them compiled each time."""

    def __init__(self) -> None:
        self.packages: set[str] = set()

    def take(self, package: str) -> None:
        self.packages.add(package)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self.packages:
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec is not None and type(spec.loader) is SourceFileLoader:  # not one that does more, as that of pytest
            spec.loader = FromSource(spec.loader.name, spec.loader.path)
        return spec


SOURCES_ONLY = SourcesOnly()


def loaded(entry: EntryPoint) -> object:
    """What an installed package has registered, as its sources stand now."""
    SOURCES_ONLY.take(entry.module.partition(".")[0])
    return entry.load()


def imported(
    path: Path,
    defines: re.Pattern[str] | None = None,
    instead: Callable[[ModuleType], bool] = lambda module: False,
) -> ModuleType:
    """The module in a file, or the package in a folder, as it stands there now.

    defines  how it looks where PAPER is defined, if it has to have one; for a hint: FileNotFoundError or AttributeError
             name the files below `path` that look so. ImportError where a module of this name is there already
    instead  what may be there in the place of a PAPER
    """
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {shown(str(file))}{_hint(path, defines)}")
    name = path.resolve().name.removesuffix(".py")
    before = sys.modules.get(name)
    if before is not None and Path(str(getattr(before, "__file__", ""))).resolve() != file.resolve():
        raise ImportError(
            f"a module called {name} is imported already; give the file another name, or start Python anew"
        )
    for other in [other for other in sys.modules if other == name or other.startswith(f"{name}.")]:
        del sys.modules[other]
    folders = [str(path.resolve())] if path.is_dir() else None
    loader = FromSource(name, str(file.resolve()))
    spec = importlib.util.spec_from_file_location(
        name, file.resolve(), loader=loader, submodule_search_locations=folders
    )
    assert spec is not None, "a Python file"
    assert spec.loader is not None, "a Python file"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    SOURCES_ONLY.take(name)
    try:
        spec.loader.exec_module(module)
        if defines is not None and not hasattr(module, "PAPER") and not instead(module):
            raise AttributeError(f"{shown(str(file))} defines no PAPER{_hint(path, defines)}")
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _hint(path: Path, defines: re.Pattern[str] | None) -> str:
    """The files and folders in this one that look as if they were meant."""
    if defines is None:
        return ""
    inside = [*path.glob("*/__init__.py"), *path.glob("*.py")] if path.is_dir() else []
    likely = [file for file in sorted(inside) if defines.search(file.read_text(encoding="utf-8", errors="replace"))]
    names = [shown(str(file.parent if file.name == "__init__.py" else file)) for file in likely]
    return f"; did you mean {' or '.join(names)}?" if names else ""
