"""The directive `modules`: the reference of every module of a package, so that none is forgotten."""

import importlib
import pkgutil

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx


def modules_of(package: str) -> list[str]:
    """The package and its modules, not those of packages inside it."""
    path = importlib.import_module(package).__path__
    names = sorted(info.name for info in pkgutil.iter_modules(path) if not info.ispkg and info.name != "__main__")
    return [package, *(f"{package}.{name}" for name in names)]


class Modules(Directive):
    """```{modules} proofs.sub_ngrams``` documents what this package and its modules define."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        lines = []
        for name in modules_of(self.arguments[0]):
            lines += [f"```{{rubric}} {name}", "```", "", "```{eval-rst}", f".. automodule:: {name}", "```", ""]
        container = nodes.container()
        self.state.nested_parse(StringList(lines, source=self.arguments[0]), self.content_offset, container)
        return container.children


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("modules", Modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
