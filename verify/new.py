"""python -m verify new NAME: writes a package with the claims of a paper of your own, to start from."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from verify import __version__
from verify.command import asks_for_help, emit, emit_help, run_command
from verify.printing import shown
from verify.registry import broken, papers
from verify.settings import UsageError, did_you_mean, read_words

LONGEST = 40  # signs of a name
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
FILES = {  # of the package: the template it is made of
    "pyproject.toml": "pyproject.toml.j2",
    "README.md": "README.md.j2",
    "{module}_package/__init__.py": "paper.py.j2",
    "{module}_package/settings.py": "settings.py.j2",
    "{module}_package/parabola.py": "parabola.py.j2",
    "{module}_package/claims.py": "claims.py.j2",
    "{module}_recheck.py": "recheck.py.j2",
    "tests/test_{module}.py": "test.py.j2",
    ".github/workflows/check.yml": "check.yml.j2",
}

HELP = """python -m verify new NAME [folder=PATH]
Writes a package that python -m verify.check paper=NAME finds once it is
installed: a lemma and a control about gradient descent, to be replaced by
yours; a recheck of their certificates, tests, and a workflow for GitHub.
NAME is of lowercase letters and digits, words joined by dashes: my-paper
folder is where it goes, and must not exist yet (default: NAME)
exit status
  0    written
  2    usage
"""


def main(words: Sequence[str]) -> int:
    """Writes the package and says what is in it."""
    if asks_for_help(words):
        emit_help(HELP)
        return 0
    name, folder = parse_request(words)
    files = contents(name)
    write(folder, files)
    told = [f"{folder}", *(f"  {file}" for file in files)]
    told += ["next", f"  pip install --editable '{folder}[test]'", f"  python -m verify.check paper={name}"]
    emit("\n".join(told) + "\n", None)
    return 0


def parse_request(words: Sequence[str]) -> tuple[str, Path]:
    """The name and the folder; UsageError if there cannot be such a package, or the folder is there."""
    names = [word for word in words if "=" not in word]
    keys = read_words([word for word in words if "=" in word])
    if len(names) != 1:
        raise UsageError("give one name for the paper; for example python -m verify new my-paper")
    for key in keys:
        if key != "folder":
            raise UsageError(f"{shown(f'{key}={keys[key]}')}: unknown key{did_you_mean(key, ['folder'])}")
    (name,) = names
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{shown(name)}: a name is made of lowercase letters and digits, at most {LONGEST} and a letter first, "
            "its words joined by dashes; for example my-paper"
        )
    if name in papers() or name in {paper.name for paper in broken()}:
        raise UsageError(f"{name}: there is a paper of this name; choose another")
    folder = Path(keys.get("folder", name))
    if keys.get("folder") == "":
        raise UsageError("folder=: folder must be a folder that does not exist yet")
    return name, folder


def contents(name: str) -> dict[str, str]:
    """The files of the package: path -> text."""
    templates = Environment(
        loader=PackageLoader("verify", "new_templates"), undefined=StrictUndefined, keep_trailing_newline=True
    )  # Python and TOML, not HTML: nothing is to be escaped
    module = name.replace("-", "_")
    facts = {"name": name, "module": module, "version": __version__, "prefix": prefix(name, taken())}
    return {path.format(module=module): templates.get_template(file).render(facts) for path, file in FILES.items()}


def taken() -> set[str]:
    return {paper.prefix for paper in papers().values()}


def prefix(name: str, taken: Iterable[str]) -> str:
    """What the ids of the claims begin with: initials, or the first two letters of a single word; never one taken."""
    words = [letters for word in name.split("-") if (letters := re.sub("[0-9]", "", word))]
    found = ("".join(word[0] for word in words[:4]) if len(words) > 1 else words[0][:2]).upper()
    while found in taken:
        found += "X"
    return found


def write(folder: Path, files: dict[str, str]) -> None:
    """Writes all files into a folder that is made for them; UsageError, and nothing is left, if that fails."""
    made = False
    try:
        folder.mkdir()
        made = True
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except FileExistsError:
        raise UsageError(f"folder={shown(str(folder))}: is there already; choose another") from None
    except OSError as error:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"folder={shown(str(folder))}: cannot be written ({error.strerror})") from None


if __name__ == "__main__":
    run_command("verify.new", main)
