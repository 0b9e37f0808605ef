"""The same result on every executor, and no finished shard lost, whatever ends the run."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proofs.sub_ngrams.configuration import Configuration
from proofs.sub_ngrams.law import NGramLaw
from proofs.sub_ngrams.score_blocks import ScoreBlocks
from verify import executors
from verify.alarm import Alarm
from verify.executors import GARBAGE, InlineExecutor, Outcome, Pool, in_processes, open_executor, run_all, run_shards
from verify.papers.sub_ngrams.engines import Options
from verify.papers.sub_ngrams.gradient.settings import GradientSettings
from verify.papers.sub_ngrams.gradient.shards import GradientShard
from verify.settings import UsageError, validate
from verify.shards import SameCode, Store, compute, digest

Q = [Fraction(3), Fraction(7, 2)]
EXACT = [
    GradientShard(NGramLaw(2, 2), Configuration((1,), q), T, "type_classes", Options()) for T in (4, 8, 12) for q in Q
]
FLOAT = [GradientShard(NGramLaw(2, 3), Configuration((1,), q), 8, "closed_form", Options(device="cpu")) for q in Q]
# its engine can compute it in parts
WHOLE = [
    GradientShard(
        NGramLaw(3, 2), Configuration((1,), Fraction(3)), 100, "transfer", Options(device="cpu", minutes=0.003)
    )
]
LIST = "k=2 n=2 T=4,8,12 q=3,7/2 format=json"
SLOW = "k=2 n=2 q=3 T=4,17 engine=enumeration format=json"  # T=17 would take a minute


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A scheduler and two worker processes, over TCP."""
    with local_cluster() as running:
        yield running


@contextmanager
def local_cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]  # distributed has no types
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=":0"
    ) as running:
        assert running.scheduler_address.startswith("tcp://127.0.0.1:")
        yield running


def command(words: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "verify.gradient", *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        **more,
    )


def run(words: str) -> tuple[int, str, str]:
    process = command(words)
    output, errors = process.communicate()
    return process.returncode, output, errors


def results(shards: list[GradientShard]) -> dict[int, ScoreBlocks]:
    return {i: compute(shard, shard.digest) for i, shard in enumerate(shards)}


def own_processes() -> list[Any]:
    """Of this test, not of the cluster, which lives in this process too."""
    return [process for process in multiprocessing.active_children() if "Dask" not in process.name]


# the same result everywhere


def test_the_same_bytes_with_every_executor_and_from_shards(cluster: Any, tmp_path: Path) -> None:
    ways = ["executor=inline", "executor=processes workers=2", f"executor=dask:{cluster.scheduler_address}", ""]
    outputs = []
    for way in [*ways, f"shards={tmp_path}", f"shards={tmp_path}"]:
        status, output, errors = run(f"{LIST} {way}")
        assert status == 0, errors
        outputs.append(output)
    assert "6 of 6 finished before" in errors
    assert len(json.loads(outputs[0])) == 6 and set(outputs) == {outputs[0]}


@pytest.mark.parametrize("name", ["inline", "processes", "dask"])
def test_results_are_equal_to_the_last_bit(name: str, request: pytest.FixtureRequest) -> None:
    if name == "dask":
        name = f"dask:{request.getfixturevalue('cluster').scheduler_address}"
    shards = [*EXACT, *FLOAT]
    outcome = run_shards(shards, name, workers=2 if name == "processes" else None)
    assert (outcome.status, outcome.reason, outcome.asked) == (0, "", len(shards))
    expected = results(shards)
    assert outcome.finished == expected
    assert {i: repr(M) for i, M in outcome.finished.items()} == {i: repr(M) for i, M in expected.items()}


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_a_single_shard_is_computed_in_parts(name: str, request: pytest.FixtureRequest) -> None:
    if name == "dask":
        name = f"dask:{request.getfixturevalue('cluster').scheduler_address}"
    outcome = run_shards(WHOLE, name, workers=2 if name == "processes" else None)
    assert outcome == run_shards(WHOLE) and outcome.status == 0
    assert repr(outcome.finished) == repr(results(WHOLE))


def test_the_parts_go_to_the_crew() -> None:
    class Counting(InlineExecutor):
        parts = 0

        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            self.parts += 1
            return super().submit(fn, *args, **kwargs)

    for shards, slots, parts in (
        (WHOLE, 2, range(3, 10**6)),
        (WHOLE, 1, [1]),
        (WHOLE * 2, 2, [2]),
        (FLOAT[:1], 2, [1]),
    ):
        pool, found = Counting(), dict[int, ScoreBlocks]()
        run_all(dict(enumerate(shards)), Pool(pool, partial(int, slots)), lambda: False, found.__setitem__, Alarm(None))
        assert found == results(shards)
        assert pool.parts in parts


def test_parts_are_refused_where_the_code_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = SameCode(InlineExecutor(), EXACT[0].code)
    assert list(pool.map(abs, [-1, 2])) == [1, 2]
    sent = []
    monkeypatch.setattr(pool.executor, "submit", lambda *work: sent.append(work))
    pool.submit(abs, -1)
    monkeypatch.setattr("verify.shards.code_digest", lambda packages: "another")
    ((work, *arguments),) = sent
    with pytest.raises(UsageError, match="another landscape-verifier"):
        work(*arguments)


def test_any_executor_of_the_standard_library_will_do() -> None:
    found: dict[int, ScoreBlocks] = {}
    with ThreadPoolExecutor(3) as threads:
        run_all(dict(enumerate(EXACT)), Pool(threads, lambda: 3), lambda: False, found.__setitem__, Alarm(None))
    assert found == results(EXACT)


def test_no_more_shards_are_handed_over_than_run_at_a_time() -> None:
    waiting: list[int] = []

    class Counting(InlineExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            waiting.append(1)
            return super().submit(fn, *args, **kwargs)

    most: list[int] = []

    def finish(i: int, M: ScoreBlocks) -> None:
        most.append(len(waiting))
        waiting.pop()

    run_all(dict(enumerate(EXACT)), Pool(Counting(), lambda: 2), lambda: False, finish, Alarm(None))
    assert len(most) == len(EXACT) and max(most) == 2


def test_auto_takes_processes_only_for_several_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 4)

    def kind(name: str, workers: int | None, shards: int) -> type[Executor]:
        with open_executor(name, workers, FLOAT[:1] * shards) as pool:
            return type(pool.executor)

    assert kind("auto", None, 1) is kind("auto", 1, 5) is kind("inline", None, 5) is InlineExecutor
    assert kind("auto", None, 2) is kind("processes", None, 1) is executors.UninterruptedProcessPool
    for shards, slots in ((FLOAT[:1] * 3, 3), (FLOAT[:1] * 30, 4), (FLOAT[:1], 1), (WHOLE, 4)):
        with open_executor("processes", None, shards) as pool:
            assert pool.slots() == slots


# what is finished is kept


class Counted:
    """A store in a folder, and the names of the shards that were computed."""

    def __init__(self, folder: Path) -> None:
        self.complaints, self.lines = list[str](), list[str]()
        self.store = Store(str(folder), self.complaints.append)

    @property
    def computed(self) -> int:
        return sum("finished:" in line for line in self.lines)


def test_a_second_run_reads_and_does_not_compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Counted(tmp_path)
    run_shards(EXACT[:4], store=first.store, progress=first.lines.append)
    second = Counted(tmp_path)
    assert run_shards(EXACT, store=second.store, progress=second.lines.append).finished == results(EXACT)
    assert (first.computed, second.computed) == (4, 2)
    monkeypatch.setattr(executors, "compute", None)  # not called
    assert run_shards(EXACT, store=second.store).finished == results(EXACT)


def test_what_is_in_a_valid_file_is_what_is_reported(tmp_path: Path) -> None:
    words = f"k=2 n=2 T=4,5 q=3 format=json shards={tmp_path} executor=inline"
    before = json.loads(run(words)[1])
    for path in tmp_path.iterdir():
        stored = json.loads(path.read_text())
        stored["result"]["blocks"]["0,0"][0][0] = "1/7"
        stored["sha256"] = digest(stored["result"])
        path.write_text(json.dumps(stored))
    after = json.loads(run(words)[1])
    assert [entry["score_blocks"]["0,0"][0][0] for entry in after] == ["1/7", "1/7"]
    assert [entry["score_blocks"]["0,0"][0][0] for entry in before] != ["1/7", "1/7"]


def test_a_damaged_file_is_computed_again_and_mended(tmp_path: Path) -> None:
    words = f"k=2 n=2 T=4,5 q=3 format=json shards={tmp_path} executor=inline"
    _, output, _ = run(words)
    victim = sorted(tmp_path.iterdir())[0]
    content = victim.read_bytes()
    victim.write_bytes(content[:100])
    status, again, errors = run(words)
    assert (status, again) == (0, output) and victim.read_bytes() == content
    assert f"{victim.name} is damaged" in errors and "1 of 2 finished before" in errors


@pytest.mark.parametrize("name", ["inline", "processes"])
def test_a_spent_budget_stops_with_what_is_finished(name: str, tmp_path: Path) -> None:
    now = [0.0]
    counted = Counted(tmp_path)

    def progress(line: str) -> None:
        counted.lines.append(line)
        now[0] += 1000 * ("finished:" in line)  # seconds for every shard; not so many pass, so that no alarm rings

    def run_for(budget: float) -> Outcome:
        return run_shards(
            EXACT, name, workers=1, store=counted.store, budget=budget, progress=progress, clock=lambda: now[0]
        )

    outcome = run_for(2000)
    assert outcome.status == 3 and outcome.reason == "budget=2000 s is used up, 2 of 6 finished"
    assert outcome.finished == results(EXACT[:2])
    outcome = run_for(5000)
    assert outcome.status == 0 and outcome.finished == results(EXACT) and counted.computed == 6


@pytest.mark.parametrize("name", ["inline", "processes"])
def test_a_budget_interrupts_a_shard_and_keeps_those_before(name: str, tmp_path: Path) -> None:
    """The second would take a minute."""
    seconds = {"inline": 3, "processes": 8}[name]  # those of a process are spent on its start
    slow = [EXACT[0], replace(EXACT[0], T=17, engine="enumeration")]
    outcome = run_shards(slow, name, workers=1, store=Store(str(tmp_path), print), budget=seconds)
    assert outcome.status == 3 and outcome.reason == f"budget={seconds} s is used up, 1 of 2 finished"
    assert outcome.finished == results(slow[:1]) and len(list(tmp_path.iterdir())) == 1
    assert not own_processes()


def test_a_budget_interrupts_a_single_shard_in_parts() -> None:
    law, slow = NGramLaw(3, 3), Options(device="cpu", minutes=10, tolerance=1e-12)
    outcome = run_shards(
        [GradientShard(law, Configuration((1,), Fraction(3)), 10_000, "transfer", slow)], "processes", budget=3
    )
    assert outcome.status == 3 and outcome.finished == {} and not own_processes()


def test_a_spent_budget_is_one_line_and_status_3(tmp_path: Path) -> None:
    for words, hint in (("", "with shards=FOLDER resumes"), (f"shards={tmp_path}", "the same command resumes")):
        status, output, errors = run(f"{LIST} budget=1e-9 executor=inline {words}")
        assert (status, output) == (3, "")
        assert "0 of 6 finished" in errors.splitlines()[-1] and hint in errors.splitlines()[-1]


@pytest.mark.parametrize("executor", ["inline", "processes", "dask"])
def test_ctrl_c_keeps_what_is_finished(executor: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    words = SLOW
    if executor == "dask":
        executor = f"dask:{request.getfixturevalue('cluster').scheduler_address}"
        words = SLOW.replace("17", "13")  # a worker of Dask cannot be stopped; this takes it some seconds
    process = command(f"{words} executor={executor} shards={tmp_path}", start_new_session=True)
    assert process.stderr is not None
    while "1 of 2 finished:" not in process.stderr.readline():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    output, errors = process.communicate(timeout=25)
    assert process.returncode == 130
    assert errors == "verify.gradient: interrupted, 1 of 2 finished; the same command resumes\n"
    assert [entry["T"] for entry in json.loads(output)] == [4]
    gone(process.pid)
    status, _, errors = run(f"{SLOW.replace('17', '6')} executor=inline shards={tmp_path}")
    assert status == 0 and "1 of 2 finished before" in errors


def test_ctrl_c_ends_a_single_shard_in_parts() -> None:
    words = "k=2 n=3 S=3 T=10000 engine=transfer minutes=1 tolerance=1e-12 executor=processes workers=2"
    process = command(words, start_new_session=True)
    psutil = pytest.importorskip("psutil", reason="finds the workers; comes with distributed")
    parent = psutil.Process(process.pid)
    while len([child for child in parent.children() if "spawn_main" in " ".join(child.cmdline())]) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=25)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1].startswith("verify.gradient: interrupted, 0 of 1 finished")
    gone(process.pid)


def test_processes_do_not_hear_ctrl_c() -> None:
    def interrupt(line: str) -> None:
        for process in own_processes():
            os.kill(process.pid, signal.SIGINT)

    outcome = run_shards(EXACT, "processes", workers=2, progress=interrupt)
    assert (outcome.status, outcome.finished) == (0, results(EXACT))


def test_what_finished_while_ctrl_c_came_is_kept() -> None:
    found: dict[int, ScoreBlocks] = {}

    def finish(i: int, M: ScoreBlocks) -> None:
        first = not found
        found[i] = M
        if first:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(dict(enumerate(EXACT)), Pool(InlineExecutor(), lambda: 3), lambda: False, finish, Alarm(None))
    assert found == results(EXACT[:3])


def gone(group: int) -> None:
    """No process of the group is left, or will be in a moment."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("a process was left behind")


def test_a_killed_process_loses_no_finished_shard(tmp_path: Path) -> None:
    counted = Counted(tmp_path)

    def kill(line: str) -> None:
        if "2 of 6 finished:" in line:
            for process in own_processes():
                process.kill()

    outcome = run_shards(EXACT, "processes", workers=1, store=counted.store, progress=kill)
    assert outcome.status == 4
    assert outcome.reason == "a worker process died (killed, or out of memory), 2 of 6 finished"
    assert outcome.finished == results(EXACT[:2])
    outcome = run_shards(EXACT, store=counted.store, progress=counted.lines.append)
    assert outcome.finished == results(EXACT) and counted.computed == 4
    assert own_processes() == []


def test_a_killed_process_is_one_line_and_status_4(tmp_path: Path) -> None:
    process = command(f"{SLOW} executor=processes workers=2 shards={tmp_path}", start_new_session=True)
    assert process.stderr is not None
    while "1 of 2 finished:" not in process.stderr.readline():
        assert process.poll() is None
    psutil = pytest.importorskip("psutil", reason="finds the workers; comes with distributed")
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 4 and len(json.loads(output)) == 1
    assert errors.startswith("verify.gradient: a worker process died") and errors.count("\n") == 1
    gone(process.pid)


def test_a_dask_cluster_runs_the_shards_of_a_killed_worker_elsewhere(cluster: Any) -> None:
    def kill(line: str) -> None:
        if "2 of 8 finished:" in line:
            os.kill(cluster.workers[0].pid, signal.SIGKILL)

    shards = [*EXACT, *FLOAT]
    outcome = run_shards(shards, f"dask:{cluster.scheduler_address}", progress=kill)
    assert outcome.status == 0 and outcome.finished == results(shards)


def test_a_cluster_that_closes_loses_no_finished_shard(tmp_path: Path) -> None:
    counted = Counted(tmp_path)
    with local_cluster() as running:

        def close(line: str) -> None:
            if "2 of 6 finished:" in line:
                running.close()

        outcome = run_shards(EXACT, f"dask:{running.scheduler_address}", store=counted.store, progress=close)
    assert outcome.status == 4 and "Dask cluster" in outcome.reason
    found = {i: M for i, shard in enumerate(EXACT) if (M := counted.store.read(shard)) is not None}
    assert len(found) >= 2 and outcome.finished == found


# mistakes


def test_a_shard_that_fails_fails_as_it_would_inline(cluster: Any) -> None:
    wrong = GradientShard(NGramLaw(2, 2), Configuration((1,), Fraction(3)), 60, "enumeration", Options())  # refused
    for name in ("inline", "processes", f"dask:{cluster.scheduler_address}"):
        with pytest.raises(UsageError, match="engine=enumeration would need"):
            run_shards([*EXACT, wrong], name)
    assert own_processes() == []


@pytest.mark.parametrize(
    "executor",
    [
        "threads",
        "dask",
        "dask:",
        "dask:127.0.0.1:8786",
        "dask:tcp://host",
        "dask:tcp://host:0",
        "dask:tcp://host:70000",
        "dask:tcp://ho st:80",
        "dask:http://host:80",
        "",
        "Inline",
    ],
)
def test_a_bad_executor_is_named(executor: str) -> None:
    with pytest.raises(UsageError, match="executor must be inline, processes, dask:tcp://HOST:PORT"):
        validate(GradientSettings, {"executor": executor})


@pytest.mark.parametrize("executor", ["auto", "inline", "processes", "dask:tcp://10.0.0.1:8786", "dask:tls://[::1]:1"])
def test_a_good_executor_is_taken(executor: str) -> None:
    assert validate(GradientSettings, {"executor": executor}).executor == executor


def test_workers_belong_to_processes() -> None:
    assert validate(GradientSettings, {"workers": "3"}).workers == 3
    for executor in ("inline", "dask:tcp://host:1"):
        with pytest.raises(UsageError, match="workers belong to executor=processes"):
            validate(GradientSettings, {"workers": "3", "executor": executor})
    for workers in ("0", "-1", "two"):
        with pytest.raises(UsageError, match="workers must be a whole number"):
            validate(GradientSettings, {"workers": workers})


def test_reports_do_not_tell_where_they_were_computed() -> None:
    assert not {"executor", "workers", "shards"} & validate(GradientSettings, {"shards": "x"}).model_dump().keys()


@pytest.mark.parametrize("listens", [False, True])
def test_a_scheduler_that_does_not_answer_is_one_line(listens: bool) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        if listens:  # something else than a scheduler
            deaf.listen()
        address = f"executor=dask:tcp://127.0.0.1:{deaf.getsockname()[1]}"
        finished = run(f"{LIST} {address}")
    assert finished == (2, "", f"verify.gradient: {address}: no Dask scheduler answered within 5 s\n")


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'landscape-verifier\[cluster\]'"):
        run_shards(EXACT, "dask:tcp://127.0.0.1:8786")


def test_workers_look_for_garbage_seldom_and_this_process_as_before() -> None:
    before = gc.get_threshold()
    with in_processes(1) as pool:
        assert pool.executor.submit(gc.get_threshold).result()[0] == GARBAGE
    assert gc.get_threshold() == before


def test_what_a_worker_has_printed_is_not_lost_with_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves without being taken apart, and a file is written to in blocks."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with in_processes(1) as pool:
        pool.executor.submit(print, "told").result()
    assert capfd.readouterr().out == "told\n"
