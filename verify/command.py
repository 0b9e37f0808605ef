"""What every command shares: how it ends, where its output goes, and how it says what it is doing."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from rich.console import Console
from rich.status import Status
from rich.text import Text

from verify import __version__
from verify.printing import LONGEST_LINE, log, prepare_streams, printable, shown, silence, trace, write_out
from verify.settings import Settings, UsageError, requirement

USAGE = 2
# by the suffix of a file
FORMATS = {".json": "json", ".html": "html", ".htm": "html", ".xml": "junit", ".md": "markdown"}
TEXTS = (".txt", ".log", ".md")  # files for a text in any format
PICTURES = (".svg", ".png")
UNFINISHED = 3  # nothing wrong, but the budget ended before all was done
INTERNAL = 4
INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
CLOSED_PIPE = 141  # and for one that a closed pipe ended
HELP_WIDTH = 80, 100  # columns of a help text: where there is no terminal, and at most


def run_command(name: str, main: Callable[[Sequence[str]], int]) -> NoReturn:
    """Runs main(words) on the words of the command line and exits with the status that it returns.

    One line for a usage error (2), no trace for Ctrl-C (130); anything else that is raised is a defect (4).
    """
    # The work is many small operations: threads that wait for each other make them slower, much slower where cores
    # are shared. A number that the user has set stays.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    prepare_streams()
    try:
        status = show_version() if sys.argv[1:] == ["--version"] else main(sys.argv[1:])
    except UsageError as error:
        log(f"{name}: {shown(str(error), LONGEST_LINE)}")
        status = USAGE
    except KeyboardInterrupt:
        log(f"{name}: interrupted")
        status = INTERRUPTED
    except BrokenPipeError:  # not from `emit`: the work itself was writing, and ended there
        silence(sys.stdout)
        status = CLOSED_PIPE
    except Exception as error:
        log("\n".join(trace(error)))
        log(f"{name}: this is a bug; please report it with the output of python -m verify env")
        status = INTERNAL
    sys.exit(status)


def show_version() -> int:
    emit(f"landscape-verifier {__version__}\n", None)
    return 0


# --- help ---


def asks_for_help(words: Sequence[str]) -> bool:
    return any(word in ("-h", "--help", "help") for word in words)


def key_help(model: type[Settings], *, without: Iterable[str] = ()) -> str:
    """One line per key: its name, what it must be, its default. The keys that all commands share come last."""
    fields = {key: field for key, field in model.model_fields.items() if key not in without}
    lines = []
    for key in sorted(fields, key=lambda key: key in Settings.model_fields):
        default = "" if fields[key].default in (None, (), "") else f" (default {fields[key].default})"
        lines.append(f"  {key:<16}  {requirement(fields[key])}{default}\n")
    return "".join(lines)


def emit_help(text: str) -> None:
    """The text on standard output, folded to the width of the terminal."""
    usual, most = HELP_WIDTH
    emit(fold(text, min(output_width(usual), most)), None)


def fold(text: str, width: int) -> str:
    """Long lines broken at spaces; what goes on does so below the second column of the line, if it has columns."""
    lines = []
    for line in text.splitlines():
        start = re.match(r" *(\S+( \S+)*  +)?", line)
        hang = start.end() if start and start.end() < width / 2 else 0
        lines += textwrap.wrap(
            line, max(width, 40), subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines) + "\n"


# --- standard output and files ---


def output_width(usual: int) -> int:
    """Columns of the terminal or as COLUMNS says; `usual` where standard output is no terminal."""
    return shutil.get_terminal_size((usual, 24)).columns


def in_colour() -> bool:
    """Whether standard output is a terminal that shows colours, and nobody has asked for none (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def check_output(output: str | None, *, key: str = "output", kinds: Sequence[str] = ()) -> None:
    """UsageError unless the file `output`, given as `key`, can be written; nothing is written yet.

    kinds  how its name may end, as in `kinds_of`, where it is a file and has a suffix; empty: in any way
    """
    if output is None:
        return
    path, given = Path(output), f"{key}={output}"
    if kinds and path.suffix and path.suffix.lower() not in kinds and not is_special(path):
        format = FORMATS.get(path.suffix.lower())
        hint = f"; give format={format}" if format else ""
        raise UsageError(f"{given}: the suffix does not go with what is written; known: {', '.join(kinds)}{hint}")
    try:
        if path.is_dir():
            raise UsageError(f"{given}: is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise UsageError(f"{given}: there is no folder {path.parent}")
        needed = [path] if path.exists() else []
        if not is_special(path):
            needed.append(path.resolve().parent)
        writable = all(os.access(place, os.W_OK) for place in needed)
    except (OSError, RuntimeError) as error:  # a name too long; a link that leads to itself
        reason = getattr(error, "strerror", None) or "a link that leads to itself"
        raise UsageError(f"{given}: cannot be written ({reason}); choose another file") from None
    if not writable:
        raise UsageError(f"{given}: cannot be written; choose another file")


def kinds_of(format: str, *, pictures: bool = False) -> tuple[str, ...]:
    """The suffixes of files for output in this format, and of pictures if the command draws one."""
    own = tuple(suffix for suffix, name in FORMATS.items() if name == format)
    return (*own, *TEXTS, *(PICTURES if pictures else ()))


def is_picture(output: str | None) -> bool:
    """Whether the name of a file asks for a picture."""
    return output is not None and Path(output).suffix.lower() in PICTURES


def emit(text: str, output: str | None) -> None:
    """Writes the text to standard output, or to the file as a whole: never half a file.

    A reader that has left (`| head`) is no error, and does not change how the command ends. UsageError where the text
    cannot be written.
    """
    if output is not None:
        write_file(output, text.encode(errors="replace"))
        return
    try:
        write_out(text)
    except OSError as error:
        raise UsageError(f"standard output: cannot be written ({error.strerror}); give output=FILE") from None


def is_special(path: Path) -> bool:
    """Whether this is a pipe or a device, such as /dev/null or /dev/stdout: written to as it stands."""
    return path.exists() and not path.is_file()


def write_file(output: str, content: bytes) -> None:
    """Writes the file as a whole: under another name first, then renamed. Where it is a link, the link stays."""
    try:
        if is_special(Path(output)):
            Path(output).write_bytes(content)
        else:
            write_whole(Path(output).resolve(), content)
    except OSError as error:
        raise UsageError(f"output={output}: cannot be written ({error.strerror}); choose another file") from None


def write_whole(path: Path, content: bytes) -> None:
    """Writes the file under another name first, then renames it; OSError, and nothing is left, if that fails."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:32]}.", delete=False) as file:
        try:
            file.write(content)
            file.close()
            Path(file.name).chmod(0o644)  # temporary files are private
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


# --- standard error ---


class Progress:
    """Signs of life on standard error: a spinner on a terminal, one line per finished step elsewhere."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.status: Status | None = None

    def __enter__(self) -> Progress:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
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
            self.status.update(Text(printable(text)))

    def done(self, text: str) -> None:
        if not self.status:
            self.tell(text)

    def tell(self, text: str) -> None:
        """A line that is to be seen on a terminal too."""
        if self.status:
            self.console.print(Text(printable(text)), soft_wrap=True)
        else:
            log(printable(text))
