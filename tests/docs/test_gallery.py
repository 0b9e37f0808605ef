"""Every script of the gallery: its computed numbers are within the stated bound of the predicted ones."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.figure import Figure

from tests.docs.pages import DOCS
from verify.report.legend import covered
from verify.report.picture import fix_layout
from verify.report.style import STYLE

GALLERY, ROOT = DOCS / "gallery", DOCS.parent
SCRIPTS = sorted(
    path.stem for path in GALLERY.glob("*.py") if path.stem != "gallery" and not path.stem.endswith("_figures")
)
MOST_LINES = 60

# Settings of a few seconds for the scripts that take longer: shorter lengths, fewer draws, the same bounds.
SMALL: dict[str, dict[str, Any]] = {
    "decay": {"lengths": (8, 1000, 10**6), "tolerance": 0.1},
    "bounds_at_every_length": {"powers": (1, 6)},
    "merged_against_factorised": {"lengths": (8, 16, 10**6)},
    "loss_ladder": {"lengths": (64, 1024), "sequences": 1000},
    "escape_race": {"lengths": (4, 16, 10**6), "kernels": 1000},
    "phase_diagram": {"lengths": (4, 8, 16), "powers": (1, 6, 26, 60)},
    "training_plateaus": {"test_samples": 2048, "gradient_samples": 512},
    "mean_field_saddles": {"steps": 800},
    "next_token_slopes": {"T": 2000},
    "next_token_direction": {"T": 4000},
    "next_token_joint": {"T": 2000},
}


@pytest.fixture(autouse=True)
def scripts_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(GALLERY)
    with matplotlib.rc_context(STYLE):
        yield


def load(name: str) -> Any:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_computed_and_predicted_numbers_agree(name: str) -> None:
    exhibit = load(name).main(**SMALL.get(name, {}))
    assert len(exhibit.comparisons) > 0
    assert [comparison for comparison in exhibit.comparisons if not comparison.holds] == []
    readable(exhibit.figure)


def readable(figure: Figure) -> None:
    """Laid out as in the file: axes have names, a legend covers nothing, no name is cut off at the edge."""
    fix_layout(figure)
    plots = [axes for axes in figure.axes if not axes.images]  # maps of attention have their names once for all
    assert all(axes.get_ylabel() for axes in plots), "an axis without a name"
    assert {axes: covered(axes) for axes in plots if covered(axes)} == {}
    names = [name for axes in plots for name in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)]
    legends = [legend for axes in plots if (legend := axes.get_legend())]
    for name in [*(name for name in names if name.get_text()), *legends]:
        box, room = name.get_window_extent(), figure.bbox.padded(1)
        assert room.containsx(box.x0) and room.containsx(box.x1), name
        assert room.containsy(box.y0) and room.containsy(box.y1), name


def test_one_style_for_all_figures() -> None:
    """Letters are set in one place, and legends are put by one function."""
    for path in [path for folder in (GALLERY, ROOT / "verify") for path in folder.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert '"font.' not in text or path.name == "style.py", path
        assert ".legend(" not in text or path.name == "legend.py", path


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_short_and_its_results_are_stored_beside_it(name: str) -> None:
    lines = (GALLERY / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES
    assert (GALLERY / f"{name}.svg").read_bytes().startswith(b"<?xml")
    stored = (GALLERY / f"{name}.txt").read_text(encoding="utf-8")
    assert "computed" in stored and "NOT WITHIN" not in stored


def test_a_picture_is_the_same_file_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery, script = load("gallery"), load("mean_field_prompts")
    contents = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
        monkeypatch.setattr("sys.argv", ["mean_field_prompts.py", str(folder)])
        gallery.show("mean_field_prompts.py", script.main())
        contents.append((folder / "mean_field_prompts.svg").read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize(("computed", "bound"), [(1.1, 0.05), (float("nan"), 0.05), (1.0, float("nan"))])
def test_a_comparison_can_fail(computed: float, bound: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = load("gallery")
    bad = gallery.Comparison("control", computed, 1.0, bound, "made up")
    assert not bad.holds
    monkeypatch.setattr("sys.argv", ["control.py", str(tmp_path)])
    figure = matplotlib.figure.Figure()
    with pytest.raises(SystemExit, match="too far apart"):
        gallery.show("control.py", gallery.Exhibit(figure, [bad]))
    assert "NOT WITHIN" in (tmp_path / "control.txt").read_text(encoding="utf-8")
