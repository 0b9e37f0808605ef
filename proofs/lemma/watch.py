"""Looks on while a lemma is called with symbols, for what would make its answer say nothing about numbers.

Symbols refuse all that depends on a value. What is left: exceptions that the lemma handles, as symbols divide where
numbers cannot, or raise where numbers do not; a look at the kind or the identity of its arguments; and state or chance
outside of it. The code that runs is searched for all of these, and what it finds outside of itself must be the same
afterwards. That may object to a lemma that means no harm: it has the next evidence then.
"""

from __future__ import annotations

import dis
import gc
import operator
import sys
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

from proofs.lemma.outside import HiddenError, Picture, outside

# Code that is known to treat all kinds of numbers alike, or to be ours.
TRUSTED = ("numpy", "fractions", "numbers", "abc", "proofs", "verify", "numerics", "landscape_verifier")
KIND = "looks at the kind or the identity of what it is given"
STATE = "uses chance, the clock, or what is outside of it"
CHANGES = "changes what is outside of it, or what is outside of it cannot be looked through"
NAMES = {
    **dict.fromkeys(("type", "id", "is_", "is_not", "hasattr", "getattr", "callable", "dir"), KIND),
    **dict.fromkeys(("_run", "_place", "_relations", "getrefcount", "getsizeof"), KIND),
    **dict.fromkeys(("globals", "locals", "vars", "eval", "exec", "compile", "__import__", "import_module"), STATE),
    **dict.fromkeys(("random", "randint", "secrets", "time", "perf_counter", "monotonic", "urandom"), STATE),
    **dict.fromkeys(("sys", "inspect", "gc", "os", "open", "input", "ctypes", "pickle", "weakref"), STATE),
    **dict.fromkeys(("threading", "Thread", "multiprocessing", "subprocess", "concurrent"), STATE),
}
VALUES = {id(x) for x in (type, id, hasattr, getattr, callable, dir, operator.is_, operator.is_not)}
MODULES = ("random", "secrets", "time", "sys", "inspect", "gc", "os", "posix", "_random", "ctypes", "pickle")
HANDLES = "handles exceptions (try, with): numbers may raise where symbols do not"
OPERATIONS = {"PUSH_EXC_INFO": HANDLES, "IS_OP": KIND, "STORE_GLOBAL": STATE, "DELETE_GLOBAL": STATE}


class Watch:
    """Within it, `objection` says what was seen; "" while there is nothing to object to."""

    def __init__(self) -> None:
        self.objection = ""
        self.seen = set[CodeType]()
        self.found = dict[int, tuple[Any, Any]]()  # outside of the code that ran: values, and what they were like

    def __enter__(self) -> Watch:
        self.before, self.collecting = sys.gettrace(), gc.isenabled()
        gc.disable()  # what it calls would run in between
        sys.settrace(self._trace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self.before)
        if any(self._picture(value) != before for value, before in self.found.values()):
            self.objection = self.objection or CHANGES
        if self.collecting:
            gc.enable()

    def _picture(self, value: Any) -> Any:
        try:
            return Picture().of(value)
        except HiddenError:
            self.objection = self.objection or CHANGES

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in TRUSTED:
            return None
        reason = ""
        if frame.f_code not in self.seen:
            self.seen.add(frame.f_code)
            reason = objection(frame.f_code, frame.f_globals)
            for value in outside(frame):
                if id(value) not in self.found:
                    self.found[id(value)] = value, self._picture(value)
        if any(id(value) in VALUES for value in frame.f_locals.values()):
            reason = KIND
        if reason and not self.objection:
            self.objection = f"{reason}, in {frame.f_code.co_name}"
        return None  # no need to follow it line by line


def objection(code: CodeType, names: dict[str, Any]) -> str:
    """What there is in the code that depends on more than values."""
    for operation in dis.get_instructions(code):
        if operation.opname in OPERATIONS:
            return OPERATIONS[operation.opname]
        if operation.opname == "STORE_DEREF" and operation.argval in code.co_freevars:
            return STATE  # nonlocal
    for name in code.co_names:
        known = names.get(name)
        reason = NAMES.get(name) or (KIND if id(known) in VALUES else "")
        module = known if isinstance(known, ModuleType) else None
        home = (
            module.__name__
            if module
            else getattr(known, "__module__", None) or type(getattr(known, "__self__", 0)).__module__
        )
        if reason or (known is not None and str(home).partition(".")[0] in MODULES):
            return f"{reason or STATE} ({name})"
    return ""
