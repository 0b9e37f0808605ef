"""The notebook of the documentation runs from top to bottom, and is stored without outputs."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

from tests.docs.pages import DOCS, ROOT

NOTEBOOK = nbformat.read(DOCS / "start.ipynb", as_version=4)


def test_it_runs_and_prints_the_counterexample() -> None:
    done = NotebookClient(
        NOTEBOOK.copy(), timeout=120, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    ).execute()
    outputs = "".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in done.cells
        for output in cell.get("outputs", [])
    )
    assert "Fraction(131, 4032)" in outputs
    assert "SN8 REFUTED" in outputs


def test_it_is_stored_without_outputs() -> None:
    code = [cell for cell in nbformat.read(DOCS / "start.ipynb", as_version=4).cells if cell.cell_type == "code"]
    assert code and all(cell.outputs == [] and cell.execution_count is None for cell in code)
