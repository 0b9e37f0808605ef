"""What every command shares: how it ends, where its output goes, and how it says what it is doing."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.status import Status

from verify.settings import Settings, UsageError

USAGE = 2
INTERNAL = 4
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


def run_command(name: str, main: Callable[[Sequence[str]], int]) -> None:
    """Runs main(words) and exits: one line for a usage error, no trace for a closed pipe or Ctrl-C."""
    # The work is many small operations: threads that wait for each other make them slower, much slower where cores
    # are shared. A number that the user has set stays.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except UsageError as error:
        print(f"{name}: {error}", file=sys.stderr)
        status = USAGE
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has left; keep Python from noticing again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception:
        traceback.print_exc()
        print(f"{name}: this is a defect of the program; please report it with: python -m verify env", file=sys.stderr)
        status = INTERNAL
    sys.exit(status)


def asks_for_help(words: Sequence[str]) -> bool:
    return any(word in ("-h", "--help", "help") for word in words)


def key_help(model: type[Settings]) -> str:
    """One line per key: its name, what it must be, its default."""
    lines = []
    for key, field in model.model_fields.items():
        default = "" if field.default in (None, ()) else f" (default {field.default})"
        lines.append(f"  {key:<16} {field.description}{default}")
    return "\n".join(lines)


def check_output(output: str | None) -> None:
    """UsageError unless `output` can be written; nothing is written yet."""
    if output is None:
        return
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"output={output}: is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise UsageError(f"output={output}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"output={output}: cannot be written; choose another file")


def emit(text: str, output: str | None) -> None:
    """Writes the text to standard output, or to the file as a whole: never half a file."""
    if output is None:
        sys.stdout.write(text)
        return
    write_file(output, text.encode())


def write_file(output: str, content: bytes) -> None:
    """Writes the file as a whole: under another name first, then renamed."""
    path = Path(output)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)  # temporary files are private
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(f"output={output}: cannot be written ({error.strerror}); choose another file") from None


class Progress:
    """Signs of life on standard error: a spinner on a terminal, one line per finished step elsewhere."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.status: Status | None = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self.status = self.console.status("")
            self.status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.status:
            self.status.stop()

    def doing(self, text: str) -> None:
        if self.status:
            self.status.update(text)

    def done(self, text: str) -> None:
        if not self.status:
            print(text, file=sys.stderr, flush=True)
