"""Runs shards on any `concurrent.futures.Executor`: in this process, in processes, on a Dask cluster.

The result is the same to the last byte. Whatever ends a run, finished shards are kept and reported.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Generic

from numerics.memory import keep_memory
from verify.alarm import Alarm, OutOfBudgetError
from verify.command import INTERNAL, INTERRUPTED, UNFINISHED
from verify.settings import DASK, UsageError
from verify.shards import Result, Shard, Store, compute
from verify.torch_modes import torch_modes_kept

CONNECT_SECONDS = 5
GARBAGE = 50_000  # objects that a worker makes before it looks for cycles among them; Python's own is 700


class WorkersLostError(Exception):
    """Workers died; the message says in a few words which."""


@dataclass(frozen=True)
class Pool:
    """An executor, and how many shards it runs at a time: no more are handed over, so that a run can stop soon."""

    executor: Executor
    slots: Callable[[], int]


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """The results by the index of their shard, and how the run ended.

    asked   how many were asked for
    status  the exit status: 0 if all are finished
    reason  otherwise: what stopped the run, and after how many
    """

    finished: dict[int, Result]
    asked: int
    status: int = 0
    reason: str = ""


@torch_modes_kept()
def run_shards(
    shards: Sequence[Shard[Result]],
    executor: str = "inline",
    *,
    workers: int | None = None,
    store: Store | None = None,
    budget: float | None = None,
    progress: Callable[[str], None] = lambda text: None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome[Result]:
    """Computes all shards that the store does not hold. Stops with what it has, in the middle of a shard too, when the
    budget (seconds) is spent, at Ctrl-C, and when workers die.

    executor  the key `executor`
    progress  told about every finished shard, in one line
    """
    deadline = None if budget is None else clock() + budget
    finished: dict[int, Result] = {}

    def finish(i: int, result: Result) -> None:
        if i in finished:  # Ctrl-C came between this and the next line of the loop
            return
        if store:
            store.write(shards[i], result)
        finished[i] = result
        progress(f"{len(finished)} of {len(shards)} finished: {shards[i].name}")

    def outcome(status: int = 0, why: str = "") -> Outcome[Result]:
        return Outcome(finished, len(shards), status, why and f"{why}, {len(finished)} of {len(shards)} finished")

    try:
        if store:
            found = {i: store.read(shard) for i, shard in enumerate(shards)}
            finished.update((i, result) for i, result in found.items() if result is not None)
            progress(f"{len(finished)} of {len(shards)} finished before: shards={store.folder}")
        todo = [i for i in range(len(shards)) if i not in finished]
        if todo:
            with Alarm(budget) as alarm, open_executor(executor, workers, [shards[i] for i in todo]) as pool:
                run_all(
                    {i: shards[i] for i in todo},
                    pool,
                    lambda: deadline is not None and clock() >= deadline,
                    finish,
                    alarm,
                )
    except KeyboardInterrupt:
        return outcome(INTERRUPTED, "interrupted")
    except OutOfBudgetError:
        pass  # told below
    except WorkersLostError as error:
        return outcome(INTERNAL, str(error))
    return outcome(UNFINISHED, f"budget={budget:g} s is used up") if len(finished) < len(shards) else outcome()


def run_all(
    todo: dict[int, Shard[Result]],
    pool: Pool,
    stop: Callable[[], bool],
    finish: Callable[[int, Result], None],
    alarm: Alarm,
) -> None:
    """Keeps the pool busy until all shards are finished; starts none once it is to stop. The alarm interrupts the
    computing and the waiting, never the keeping of what is finished.

    A single shard is computed here, and the pool takes its parts.
    """
    if in_parts(list(todo.values())) and pool.slots() > 1 and not stop():
        ((i, shard),) = todo.items()
        finish(i, alarm.guard(lambda: compute(shard, shard.digest, pool.executor)))
        return
    waiting, running = list(todo), dict[Future[Result], int]()

    def advance() -> set[Future[Result]]:
        """Hands shards over, and waits for one; none where all are finished or it is to stop."""
        while waiting and len(running) < pool.slots() and not stop():
            i = waiting.pop(0)
            running[pool.executor.submit(compute, todo[i], todo[i].digest)] = i
        return wait(running, return_when=FIRST_COMPLETED).done

    try:
        while waiting or running:
            done = alarm.guard(advance)
            if not done:
                return
            for future in done:
                finish(running[future], future.result())
                del running[future]
    finally:  # whatever stopped the loop
        for future, i in running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                finish(i, future.result())


def in_parts(shards: Sequence[Shard[Any]]) -> bool:
    """Whether this is a single shard that can be computed in parts."""
    return len(shards) == 1 and shards[0].parts


def open_executor(name: str, workers: int | None, shards: Sequence[Shard[Any]]) -> AbstractContextManager[Pool]:
    """The pool for these shards by the key `executor`. Left by an exception, it drops what still runs."""
    most = workers or cores()
    if name == "inline" or (name == "auto" and min(most, len(shards)) == 1):
        return inline()
    return open_pool(name, most if in_parts(shards) else min(most, len(shards)))


def open_pool(name: str, workers: int) -> AbstractContextManager[Pool]:
    """So many processes, or the cluster that `executor` names. Left by an exception, it drops what still runs."""
    return on_dask(name.removeprefix(DASK)) if name.startswith(DASK) else in_processes(workers)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class InlineExecutor(Executor):
    """Runs at once, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def inline() -> Iterator[Pool]:
    """This process; torch, where it was in use before, gets its number of threads back."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else None
    try:
        yield Pool(InlineExecutor(), lambda: 1)
    finally:
        if torch:
            torch.set_num_threads(threads)


class UninterruptedProcessPool(ProcessPoolExecutor):
    """Processes that do not hear Ctrl-C, which a terminal sends to all of them: the parent decides what happens."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes started here inherit this
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def in_processes(workers: int) -> Iterator[Pool]:
    """Processes that start afresh ("spawn"): torch's threads do not survive a fork."""
    before = multiprocessing.active_children()
    pool = UninterruptedProcessPool(workers, multiprocessing.get_context("spawn"), initializer=prepare_worker)
    try:
        yield Pool(pool, lambda: workers)
    except BaseException as error:
        for process in multiprocessing.active_children():
            if process not in before:
                process.terminate()
        if isinstance(error, BrokenExecutor):
            raise WorkersLostError("a worker process died (killed, or out of memory)") from error
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def prepare_worker() -> None:
    """What this process does is short and makes many small objects and tensors: it looks for garbage in cycles more
    seldom, keeps freed memory, and at its end does not take apart what it has imported: of torch, for half a second.
    """
    gc.set_threshold(GARBAGE)
    keep_memory()
    atexit.register(os._exit, 0)  # after what claims register; what was printed has been written out by then


@contextmanager
def on_dask(address: str) -> Iterator[Pool]:
    """An existing Dask cluster. It starts shards of workers that die elsewhere, by itself, some times."""
    name = f"executor={DASK}{address}"
    try:
        from distributed import Client  # only here: an extra
    except ModuleNotFoundError:
        raise UsageError(f"{name}: needs another package: pip install 'landscape-verifier[cluster]'") from None
    with without_logging():  # what goes wrong is told here, in one line
        try:
            asyncio.run(handshake(address))
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError):  # TypeError: tls without certificates
            raise UsageError(f"{name}: no Dask scheduler answered within {CONNECT_SECONDS} s") from None
        try:
            yield Pool(client.get_executor(pure=False), lambda: max(1, sum(client.nthreads().values())))
        except ModuleNotFoundError as error:
            raise UsageError(f"{name}: its workers have no {error.name}; install landscape-verifier there") from error
        except Exception as error:
            # OSError: no engine reads files, so it is the connection
            if isinstance(error, CancelledError | OSError) or type(error).__module__.startswith("distributed"):
                raise WorkersLostError("the Dask cluster lost its scheduler or its workers") from error
            raise
        finally:
            client.close()


async def handshake(address: str) -> None:
    """OSError unless a scheduler answers soon; a Client would wait for ever where something else listens."""
    from distributed.comm import connect
    from distributed.security import Security

    connection = connect(address, **Security().get_connection_args("client"))
    await (await asyncio.wait_for(connection, CONNECT_SECONDS)).close()


@contextmanager
def without_logging() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)
