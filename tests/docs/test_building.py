"""What the build of the pages leaves out of its work, and what it links to."""

from __future__ import annotations

from typing import Any

import pytest
from docutils.nodes import document
from docutils.utils import new_document
from sphinx.addnodes import pending_xref

from tests.docs.pages import DOCS


@pytest.fixture(autouse=True)
def extensions_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "_ext")


def test_pages_of_source_code_share_a_tree_where_links_are_the_same() -> None:
    from shared_navigation import Shared

    shared, resolved = Shared(), list[tuple[str, Any]]()

    def tree_of(page: str, **wanted: Any) -> str:
        def resolve(**asked: Any) -> str:
            resolved.append((page, asked))
            return f"tree of {page}"

        context = {"toctree": resolve}
        shared.put(None, page, "page.html", context, None)
        return context["toctree"](**wanted)

    assert tree_of("_modules/a/b", collapse=False) == "tree of _modules/a/b" == tree_of("_modules/a/c", collapse=False)
    assert tree_of("_modules/a", collapse=False) == "tree of _modules/a"  # another depth: ../ instead of ../../
    assert tree_of("_modules/a/d", collapse=True) == "tree of _modules/a/d"
    assert tree_of("api/verify", collapse=False) == "tree of api/verify"  # where the page itself is marked
    assert tree_of("api/claims", collapse=False) == "tree of api/claims"
    assert len(resolved) == 5


def test_a_name_in_an_annotation_is_not_that_of_anything_else() -> None:
    """Path of pathlib was linked to a class of ours with this name: Sphinx searched for names that end so."""
    from imported_names import complete

    page: document = new_document("page")
    here: dict[str, Any] = {"refdomain": "py", "py:module": "numerics.sub_ngrams.network", "refspecific": False}
    page += [pending_xref(reftarget="Path", **here), pending_xref(reftarget="NGramLaw", **here)]
    complete(None, page)
    of_another, ours = page.findall(pending_xref)
    assert of_another["reftarget"] == "Path" and "refspecific" not in of_another
    assert ours["reftarget"] == "proofs.sub_ngrams.law.NGramLaw" and "refspecific" not in ours
