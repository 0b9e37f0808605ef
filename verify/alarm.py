"""A budget that interrupts: after so many seconds whatever the main thread computes is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeVar

AnyResult = TypeVar("AnyResult")

AGAIN = 0.25  # seconds until it rings again: an exception that is raised inside a destructor is lost


class OutOfBudgetError(BaseException):
    """The budget is used up. Not an Exception, so that nothing that handles errors takes it for one."""


class Alarm:
    """Within `with Alarm(seconds) as alarm`, `alarm.guard(work)` raises OutOfBudgetError once the seconds are over.

    An import under way is finished first: torch, for one, cannot be imported again after half an import.
    seconds  None: never. Where there is no main thread to interrupt, or the system has no timers, work is never
             interrupted either, and whoever runs it looks at the clock in between.
    """

    def __init__(self, seconds: float | None) -> None:
        works = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
        self.seconds, self.armed, self.rang = seconds if works else None, False, False
        self.reason = f"budget={seconds:g} s is used up" if seconds is not None else ""

    def __enter__(self) -> Alarm:
        if self.seconds is not None:
            self.before = signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, max(self.seconds, AGAIN / 1000), AGAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.seconds is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self.before)

    def guard(self, work: Callable[[], AnyResult]) -> AnyResult:
        try:
            self.armed, self.rang = True, False
            return work()
        except Exception as error:
            if self.rang:  # a library has wrapped what was raised in a function that it called
                raise OutOfBudgetError(self.reason) from error
            raise
        finally:
            self.armed = False

    def _ring(self, number: int, frame: FrameType | None) -> None:
        if self.armed and not importing(frame):
            self.rang = True
            raise OutOfBudgetError(self.reason)


def importing(frame: FrameType | None) -> bool:
    """Whether an import statement is being executed somewhere below this frame."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
