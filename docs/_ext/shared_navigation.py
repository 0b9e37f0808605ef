"""One navigation tree for all pages of source code at one depth, which differ in nothing that it shows.

The theme resolves the whole tree of contents anew on each of hundreds of them: more than half of the time of a build.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SOURCE = "_modules/"  # where sphinx.ext.viewcode puts them; no tree of contents has an entry there


class Shared:
    """The trees of one build, by the depth of the page, on which relative links depend, and what is asked of them."""

    def __init__(self) -> None:
        self.trees: dict[Any, str] = {}

    def put(self, app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
        """The handler of the event that a page is about to be written."""
        if not page.startswith(SOURCE):
            return
        resolve = context["toctree"]

        def tree(**wanted: Any) -> str:
            key = page.count("/"), *sorted(wanted.items())
            if key not in self.trees:
                self.trees[key] = resolve(**wanted)
            return self.trees[key]

        context["toctree"] = tree


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", Shared().put, priority=400)  # before the theme's, which has 500
    return {"parallel_read_safe": True, "parallel_write_safe": True}
