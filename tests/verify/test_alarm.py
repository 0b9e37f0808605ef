"""The budget ends work at once, but for a library's import under way, and lets no other import follow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import verify.alarm as module
from verify.alarm import Alarm, OutOfBudgetError

LATE = "while not ALARM.late: pass\nfinished = True\n"  # ends once it has rung


@pytest.fixture
def alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Alarm:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("library_a", "library_b", "ours"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = Alarm(0.01)
    monkeypatch.setattr("builtins.ALARM", found, raising=False)
    monkeypatch.setattr(module, "OURS", ("ours",))
    return found


def test_a_library_is_imported_to_its_end_and_no_other_after_it(tmp_path: Path, alarm: Alarm) -> None:
    (tmp_path / "library_a.py").write_text(LATE)
    (tmp_path / "library_b.py").write_text("raise AssertionError('imported')\n")

    def work() -> None:
        import library_a  # noqa: F401  # type: ignore[import-not-found]
        import library_b  # noqa: F401  # type: ignore[import-not-found]

    with pytest.raises(OutOfBudgetError), alarm:
        alarm.guard(work)
    assert sys.modules["library_a"].finished
    assert "library_b" not in sys.modules


def test_a_library_imports_its_own_parts_to_the_end(tmp_path: Path, alarm: Alarm) -> None:
    (tmp_path / "library_a.py").write_text(LATE.replace("finished", "import library_b\nfinished"))
    (tmp_path / "library_b.py").write_text("finished = True\n")

    def work() -> None:
        import library_a  # noqa: F401  # type: ignore[import-not-found]

        while True:
            pass

    with pytest.raises(OutOfBudgetError), alarm:
        alarm.guard(work)
    assert sys.modules["library_a"].finished and sys.modules["library_b"].finished


def test_half_an_import_of_ours_is_left_and_made_good_by_the_next(tmp_path: Path, alarm: Alarm) -> None:
    (tmp_path / "ours.py").write_text("import library_a\nwhile ALARM.armed: pass\nfinished = True\n")
    (tmp_path / "library_a.py").write_text(LATE)

    def work() -> None:
        import ours  # noqa: F401  # type: ignore[import-not-found]

    with pytest.raises(OutOfBudgetError), alarm:
        alarm.guard(work)
    assert sys.modules["library_a"].finished and "ours" not in sys.modules
    work()
    assert sys.modules["ours"].finished


def test_modules_are_found_as_before_afterwards(alarm: Alarm) -> None:
    before = list(sys.meta_path)
    with alarm:
        pass
    assert sys.meta_path == before


@pytest.mark.parametrize("paper", ["sub-n-grams", "mean-field", "next-token"])
def test_nothing_dear_is_imported_before_the_budget_begins(paper: str) -> None:
    code = (
        "import sys; from verify.check import get_paper, parse_request; "
        f"parse_request(get_paper({paper!r}), {{}}); "
        "print([name for name in ('torch', 'sympy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_of_two_alarms_that_one_rings_whose_time_comes_first() -> None:
    """And says whose time is up; for an inner one of more time than is left, that is the outer one."""

    def forever() -> None:
        while True:
            pass

    outer, inner = Alarm(0.05), Alarm(100)

    def work() -> None:
        with inner:
            inner.guard(forever)

    with pytest.raises(OutOfBudgetError, match=r"budget=0\.05 s"), outer:
        outer.guard(work)
    assert outer.rang and not inner.rang
    outer, inner = Alarm(100), Alarm(0.05)
    with pytest.raises(OutOfBudgetError, match=r"budget=0\.05 s"), outer:
        outer.guard(work)
    assert inner.rang and not outer.rang


def test_no_alarm_rings_within_what_measures_collections() -> None:
    """Python prints what is raised there, and goes on; the alarm rings again."""
    alarm = Alarm(100)
    with alarm:
        alarm.armed = True

        def gc_callback() -> None:
            alarm._ring(0, sys._getframe())

        gc_callback()
        assert not alarm.rang
        with pytest.raises(OutOfBudgetError):
            alarm._ring(0, sys._getframe())
