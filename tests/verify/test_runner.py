"""Order, skipping, endings and exit statuses of a run, on toy claims."""

from __future__ import annotations

import importlib
import math
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from verify.alarm import OutOfBudgetError
from verify.claim import (
    CLAIM_SECONDS,
    Claim,
    Counterexample,
    Evidence,
    Finding,
    Origin,
    Run,
    Verdict,
    decide,
    undecided,
)
from verify.runner import exit_status, run_claims, select_claims
from verify.settings import UsageError

LOG: list[str] = []


def true(settings: object, run: Run) -> Finding:
    LOG.append("true")
    return decide(True, evidence=Evidence.EXACT, scope="1", instances=1, found="1", predicted="1", undecided="")


def false(settings: object, run: Run) -> Finding:
    LOG.append("false")
    return decide(
        False,
        evidence=Evidence.EXACT,
        scope="1",
        instances=1,
        found="0",
        predicted="1",
        undecided="",
        counterexample=Counterexample({"x": 0}, lambda: True),
    )


def nan(settings: object, run: Run) -> Finding:
    return decide(
        math.nan <= 1, evidence=Evidence.NUMERIC, scope="1", instances=1, found="nan", predicted="0", undecided="nan"
    )


def crash(settings: object, run: Run) -> Finding:
    raise ZeroDivisionError("division by zero\nsecond line")


def silent_crash(settings: object, run: Run) -> Finding:
    raise AssertionError


def interrupt(settings: object, run: Run) -> Finding:
    raise KeyboardInterrupt


def endless(settings: object, run: Run) -> Finding:
    run.progress("counting")
    for _ in count():
        pass
    raise AssertionError


def deaf(settings: object, run: Run) -> Finding:
    """As where the exception is raised in a destructor, twice, and lost."""
    for _ in range(2):
        try:
            endless(settings, run)
        except OutOfBudgetError:
            LOG.append("lost")
    return endless(settings, run)


@pytest.fixture(autouse=True)
def empty_log() -> None:
    LOG.clear()


CHECKS = {check.__name__: check for check in (true, false, nan, crash, silent_crash, interrupt, endless, deaf)}


def claim(id: str, check: str, requires: tuple[str, ...] = (), control: bool = False) -> Claim:
    origin = Origin.CONTROL if control else Origin.DERIVED
    return Claim(id, id, f"{id}.", "", CHECKS[check], requires=requires, origin=origin)


def verdicts(*claims: Claim) -> list[Verdict]:
    return [result.verdict for result in run_claims(claims, None)]


def test_results_come_in_the_given_order_but_run_in_the_order_of_requires() -> None:
    assert verdicts(claim("B", "true", requires=("A",)), claim("A", "false", control=True)) == [
        Verdict.VERIFIED,
        Verdict.REFUTED,
    ]
    assert LOG == ["false", "true"]


def test_what_rests_on_a_surprise_is_skipped_and_says_so() -> None:
    results = run_claims([claim("A", "false"), claim("B", "true", requires=("A",))], None)
    assert results[1].verdict is Verdict.SKIPPED and "A" in results[1].finding.reason
    assert exit_status(results) == 1


def test_a_refuted_control_holds_nothing_up() -> None:
    assert verdicts(claim("A", "false", control=True), claim("B", "true", requires=("A",)))[1] is Verdict.VERIFIED


def test_a_claim_that_rests_on_one_not_selected_still_runs() -> None:
    assert verdicts(claim("B", "true", requires=("A",))) == [Verdict.VERIFIED]


@pytest.mark.parametrize("check", ["crash", "silent_crash"])
def test_an_exception_is_an_error_and_the_run_goes_on(check: str) -> None:
    results = run_claims([claim("A", check), claim("B", "true")], None)
    assert [result.verdict for result in results] == [Verdict.ERROR, Verdict.VERIFIED]
    assert "\n" not in results[0].finding.reason
    assert exit_status(results) == 4


def test_ctrl_c_keeps_what_is_finished() -> None:
    results = run_claims([claim("A", "true"), claim("B", "interrupt"), claim("C", "true")], None)
    assert [result.verdict for result in results] == [Verdict.VERIFIED, Verdict.UNDECIDED, Verdict.UNDECIDED]
    assert exit_status(results) == 3


def test_an_exhausted_budget_decides_nothing() -> None:
    results = run_claims([claim("A", "true")], None, budget=-1.0)
    assert results[0].verdict is Verdict.UNDECIDED and exit_status(results) == 3
    assert "budget=-1 s" in results[0].finding.reason


def test_a_budget_ends_a_claim_that_never_looks_at_the_clock() -> None:
    results = run_claims([claim("A", "true"), claim("B", "endless"), claim("C", "true")], None, budget=0.5)
    assert [result.verdict for result in results] == [Verdict.VERIFIED, Verdict.UNDECIDED, Verdict.UNDECIDED]
    assert results[1].finding.reason == "not finished while at counting: budget=0.5 s is used up"
    assert results[2].finding.reason == "not started: budget=0.5 s is used up"
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL  # nothing rings afterwards
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_an_alarm_that_is_swallowed_rings_again() -> None:
    results = run_claims([claim("A", "deaf")], None, budget=0.1)
    assert results[0].verdict is Verdict.UNDECIDED and len(LOG) > 1


def test_an_alarm_that_a_library_wraps_is_no_error_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """As flint does with what is raised in the integrand of acb.integral."""

    def wrapped(settings: object, run: Run) -> Finding:
        try:
            return endless(settings, run)
        except OutOfBudgetError as ending:
            raise SystemError("returned a result with an exception set") from ending

    monkeypatch.setitem(CHECKS, "true", wrapped)
    (result,) = run_claims([claim("A", "true")], None, budget=0.05)
    assert result.verdict is Verdict.UNDECIDED and "budget=0.05 s" in result.finding.reason


ENTERED: list[AbstractContextManager[None]] = []


@pytest.mark.parametrize("error", [OutOfBudgetError("over"), KeyboardInterrupt(), ValueError("wrong"), None])
@pytest.mark.parametrize("outside", [False, True])
def test_modes_of_torch_do_not_outlive_a_claim(
    error: BaseException | None, outside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where an alarm rings in torch.no_grad().__enter__; also in a process that takes no gradients itself."""

    def interrupted(settings: object, run: Run) -> Finding:
        torch.set_grad_enabled(outside)
        torch.set_default_dtype(torch.float64)
        ENTERED.append(torch.inference_mode())
        ENTERED[-1].__enter__()
        if error is not None:
            raise error
        return true(settings, run)

    def modes() -> tuple[bool, bool, torch.dtype]:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()

    monkeypatch.setitem(CHECKS, "true", interrupted)
    with torch.no_grad() if outside else nullcontext():
        before = modes()
        (result,) = run_claims([claim("A", "true")], None)
        assert modes() == before
        assert (torch.ones(1, requires_grad=True) * 2).requires_grad is not outside
    assert modes() == (True, False, torch.float32)
    expected = {type(None): Verdict.VERIFIED, ValueError: Verdict.ERROR}.get(type(error), Verdict.UNDECIDED)
    assert result.verdict is expected


def test_torch_is_not_imported_for_its_modes() -> None:
    program = (
        "import sys\n"
        "import verify.runner\n"
        "from verify.torch_modes import torch_modes_kept\n"
        "with torch_modes_kept():\n"
        "    pass\n"
        "print('torch' in sys.modules)\n"
        "with torch_modes_kept():\n"
        "    import torch\n"
        "    torch.set_grad_enabled(False)\n"
        "print(torch.is_grad_enabled())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_an_import_is_not_broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_import_of_a_test.py").write_text("import time\ntime.sleep(0.4)\nFINISHED = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def check(*_: object) -> Finding:
        importlib.import_module("slow_import_of_a_test")
        return undecided("not looked at")

    monkeypatch.setitem(CHECKS, "true", check)
    run_claims([claim("A", "true")], None, budget=0.05)
    assert sys.modules.pop("slow_import_of_a_test").FINISHED is True


def test_without_a_budget_a_claim_is_granted_the_usual_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    granted: list[float] = []

    def ask(settings: object, run: Run) -> Finding:
        granted.append(run.seconds)
        return true(settings, run)

    monkeypatch.setitem(CHECKS, "true", ask)
    for budget in (None, 1.0, 10_000.0):
        run_claims([claim("A", "true")], None, budget=budget)
    assert granted[:2] == [CLAIM_SECONDS, CLAIM_SECONDS] and 4_900 < granted[2] <= 5_000


@pytest.mark.parametrize(
    ("check", "control", "status"),
    [
        ("true", False, 0),
        ("true", True, 1),
        ("false", False, 1),
        ("false", True, 0),
        ("nan", False, 3),
        ("nan", True, 3),
    ],
)
def test_exit_status_of_one_claim(check: str, control: bool, status: int) -> None:
    assert exit_status(run_claims([claim("A", check, control=control)], None)) == status


def test_a_wrong_verdict_outweighs_a_crash() -> None:
    assert exit_status(run_claims([claim("A", "crash"), claim("B", "false")], None)) == 1


CLAIMS = [claim("SN1", "true"), claim("SN1c", "true"), claim("SN10", "true"), claim("MF1", "true")]


@pytest.mark.parametrize(
    ("select", "ignore", "ids"),
    [
        ((), (), ["SN1", "SN1c", "SN10", "MF1"]),
        (("SN1",), (), ["SN1"]),
        (("SN",), (), ["SN1", "SN1c", "SN10"]),
        (("SN",), ("SN10",), ["SN1", "SN1c"]),
        ((), ("SN",), ["MF1"]),
    ],
)
def test_select_and_ignore(select: tuple[str, ...], ignore: tuple[str, ...], ids: list[str]) -> None:
    assert [claim.id for claim in select_claims(CLAIMS, select, ignore)] == ids


@pytest.mark.parametrize(("select", "ignore"), [(("XX",), ()), ((), ("XX",)), (("MF1",), ("MF1",))])
def test_a_selection_that_means_nothing_is_refused(select: tuple[str, ...], ignore: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        select_claims(CLAIMS, select, ignore)


def test_a_run_tells_what_it_is_doing_and_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(1000)  # one tick at every look
    monkeypatch.setattr("verify.runner.time.monotonic", lambda: next(clock))
    begun: list[str] = []
    finished: list[str] = []
    results = run_claims(
        [claim("A", "true"), claim("B", "crash")],
        None,
        progress=lambda claim, text: begun.append(claim.id),
        finished=lambda result: finished.append(f"{result.claim.id} {result.verdict}"),
    )
    assert begun == ["A", "B"] and finished == ["A VERIFIED", "B ERROR"]
    assert [result.seconds for result in results] == [1, 1]  # durations, not times of day


def test_a_claim_that_says_nothing_at_the_settings_is_as_expected() -> None:
    silent = replace(claim("A", "crash"), vacuous=lambda settings: "for symmetric priors only")
    results = run_claims([silent, claim("B", "true", requires=("A",))], None)
    assert [result.finding.verdict for result in results] == [Verdict.UNDECIDED, Verdict.VERIFIED]
    assert results[0].as_expected and results[0].finding.reason == "nothing to check: for symmetric priors only"
    assert exit_status(results) == 0
