"""A budget that interrupts: after so many seconds whatever the main thread computes is left."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeVar

AnyResult = TypeVar("AnyResult")

OURS = ("verify", "numerics", "proofs")  # half an import of these is made good by the next
AGAIN = 0.25  # seconds until it rings again: an exception that is raised inside a destructor is lost


class OutOfBudgetError(BaseException):
    """The budget is used up. Not an Exception, so that nothing that handles errors takes it for one."""


class Alarm:
    """Within `with Alarm(seconds) as alarm`, `alarm.guard(work)` raises OutOfBudgetError once the seconds are over.

    A library's import under way is finished first: torch, for one, cannot be imported again after half an import.
    Alarms may stand within each other: the one rings whose time comes first. The outer one also rings after the inner
    one has ended, at its time or just after it.
    seconds  None: never. Where there is no main thread to interrupt, or the system has no timers, work is never
             interrupted either, and whoever runs it looks at the clock in between.
    """

    def __init__(self, seconds: float | None) -> None:
        works = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        self.seconds, self.armed, self.rang = seconds if works else None, False, False
        self.late = False  # it rang while a library was being imported
        self.reason = f"budget={seconds:g} s is used up" if seconds is not None else ""

    def __enter__(self) -> Alarm:
        if self.seconds is not None:
            self.start, self.outer = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
            self.before = signal.signal(signal.SIGALRM, self._ring)
            sys.meta_path.insert(0, self)
            left = self.outer[0] or self.seconds
            if left < self.seconds:  # the outer one's time comes first: it is that one that rings
                signal.signal(signal.SIGALRM, self.before)
            signal.setitimer(signal.ITIMER_REAL, max(min(self.seconds, left), AGAIN / 1000), AGAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)
            sys.meta_path.remove(self)
            if self.outer[0]:
                left = self.outer[0] - (time.monotonic() - self.start)
                signal.setitimer(signal.ITIMER_REAL, max(left, AGAIN / 1000), self.outer[1])

    def guard(self, work: Callable[[], AnyResult]) -> AnyResult:
        try:
            self.armed, self.rang, self.late = True, False, False
            return work()
        except Exception as error:
            if self.rang:  # a library has wrapped what was raised in a function that it called
                raise OutOfBudgetError(self.reason) from error
            raise
        finally:
            self.armed = False

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if frame is not None and frame.f_code.co_name == "gc_callback":
            return  # hypothesis measures collections, and an exception in there is printed and lost; it rings again
        if self.armed:
            self.late = bool(libraries_under_way(frame))
            if not self.late:
                self._end()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Asked first, as a finder of modules, where each import begins: one library's may follow another's at once."""
        if self.armed and self.late and libraries_under_way(sys._getframe()) <= {name}:
            self._end()

    def _end(self) -> None:
        self.rang = True
        raise OutOfBudgetError(self.reason)


def libraries_under_way(frame: FrameType | None) -> set[str]:
    """Modules of others that are being imported in this frame or one that it was called from."""
    names = set()
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>" and frame.f_code.co_name == "_find_and_load":
            names.add(str(frame.f_locals["name"]))
        frame = frame.f_back
    return {name for name in names if name.partition(".")[0] not in OURS}
