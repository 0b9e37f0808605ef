"""What `python -m verify.check` does, for programs and notebooks (re-exported by landscape_verifier)."""

from __future__ import annotations

import html
import math
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Rational, Real
from pathlib import Path
from typing import Any

from verify import registry
from verify.check import elsewhere, parse_request
from verify.claim import Claim, Paper, Result
from verify.command import write_file
from verify.kept import kept
from verify.printing import log, shown
from verify.report.certificates import certificates_json
from verify.report.check_json import check_json
from verify.report.check_junit import check_junit
from verify.report.check_markdown import check_markdown
from verify.report.check_table import check_table
from verify.runner import run_claims
from verify.settings import CheckSettings, UsageError

WIDTH = 120  # columns of the table
HEIGHT = 640  # pixels of the report in a notebook
OF_THE_COMMAND = ("format", "output", "certificate")  # where its output goes


class Report(Mapping[str, Result]):
    """Results by the id of their claim, in the order of the table.

    Shown as the table in a terminal, and as the HTML report in a notebook.
    """

    def __init__(self, paper: Paper, settings: CheckSettings, results: Sequence[Result]) -> None:
        self.paper, self.settings, self.results = paper, settings, tuple(results)

    def __getitem__(self, id: str) -> Result:
        for result in self.results:
            if result.claim.id == id:
                return result
        raise KeyError(f"{id}: not in this report; it has {', '.join(self)}")

    def __iter__(self) -> Iterator[str]:
        return (result.claim.id for result in self.results)

    def __len__(self) -> int:
        return len(self.results)

    @property
    def as_expected(self) -> bool:
        """Whether every verdict is the expected one."""
        return all(result.as_expected for result in self.results)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat dictionary for each claim, of strings, numbers and truth values, as pandas.DataFrame(...) takes."""
        return [
            {
                "id": result.claim.id,
                "title": result.claim.title,
                "verdict": result.verdict.value,
                "expected": result.expected.value,
                "as_expected": result.as_expected,
                "evidence": "" if result.evidence is None else result.evidence.value,
                "general": "" if result.general is None else result.general.value,
                "found": result.found,
                "predicted": result.predicted,
                "scope": result.scope,
                "reason": result.reason,
                "instances": result.finding.instances,
                "seconds": result.seconds,
            }
            for result in self.results
        ]

    def to_json(self) -> str:
        """As `python -m verify.check format=json` prints it."""
        return check_json(self.settings, self.results)

    def to_html(self) -> str:
        """The page that `python -m verify.check format=html` writes."""
        from verify.env import environment
        from verify.report.check_html import check_html  # jinja2 and matplotlib, only where they are needed

        return check_html(
            self.paper,
            self.settings,
            self.results,
            command=self._command(),
            command_for=self._command,
            environment=environment(),
        )

    def save(self, path: str | Path) -> None:
        """Writes the report: .html, .json, .xml (JUnit), .md or .txt (the table).

        UsageError for another suffix, or if the file cannot be written.
        """
        write: dict[str, Callable[[], str]] = {
            ".html": self.to_html,
            ".json": self.to_json,
            ".xml": lambda: check_junit(self.paper, self.settings, self.results),
            ".md": lambda: check_markdown(self.paper, self.settings, self.results),
            ".txt": lambda: f"{self}\n",
        }
        suffix = Path(path).suffix.lower()
        if suffix not in write:
            raise UsageError(f"{path}: reports end in {', '.join(write)}")
        write_file(str(path), write[suffix]().encode())

    def save_certificates(self, path: str | Path) -> None:
        """Writes the certificates, as certificate=FILE does, for `python -m verify.replay`.

        UsageError if no claim here has one, or if the file cannot be written.
        """
        if all(result.finding.certificate is None for result in self.results):
            raise UsageError(f"{path}: no claim here has a certificate")
        write_file(str(path), certificates_json(self.paper, self.results).encode())

    def __repr__(self) -> str:
        table = check_table(self.paper, self.settings, self.results, width=WIDTH, colour=False, again=self._command)
        return table.rstrip("\n")

    def _repr_html_(self) -> str:
        page = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="{HEIGHT}" style="border: 0"></iframe>'

    def _command(self, id: str = "") -> str:
        """That checks the claim with this id again; with "" those of this report."""
        given = self.settings.model_fields_set - {"paper", *(("select", "ignore") if id else ())}
        words = [f"paper={self.paper.name}", *(f"{key}={word(getattr(self.settings, key))}" for key in sorted(given))]
        return " ".join(["python -m verify.check", *map(shlex.quote, words), *([f"select={id}"] if id else [])])


def check(paper: str | Path | Paper | None = None, **settings: Any) -> Report:
    """Checks the claims of a paper; shows no progress.

    paper     a name, the path of a file or folder, or the object itself; the one on sub-n-grams by default
    settings  as on the command line (`python -m verify.check --help`): k=2, T=[8, 16], q="7/2", select=["SN5", "SN7"],
              budget=60. Lists may be lists. `format`, `output` and `certificate` are the command's alone

    UsageError, with the text of the command line, for settings that cannot be. Ctrl-C ends the check with what it has.
    """
    chosen = _paper(paper)
    values = words_of(settings, OF_THE_COMMAND, "verify.check")
    found, claims = parse_request(chosen, values)
    named = values if paper is None else {**values, "paper": str(paper)}
    there = elsewhere(found, named, 0)  # processes only where they are asked for: a script may not be ready for them
    if there is not None and isinstance(paper, Paper):
        raise UsageError("executor, workers: other processes find a paper by its name or path; give that")
    keeping = kept(found, named, claims, log)
    return Report(chosen, found, run_claims(claims, found, budget=found.budget, elsewhere=there, kept=keeping))


def papers() -> dict[str, Paper]:
    """The papers that are installed, by name."""
    return registry.papers()


def claims(paper: str | Path | Paper | None = None) -> list[Claim]:
    """The claims of a paper, with their statements; UsageError if there is no such paper."""
    return list(_paper(paper).claims)


def _paper(paper: str | Path | Paper | None) -> Paper:
    return paper if isinstance(paper, Paper) else registry.get_paper(None if paper is None else str(paper))


def words_of(settings: Mapping[str, Any], of_the_command: Collection[str], command: str) -> dict[str, str]:
    """Settings as words, None for the default; UsageError for those that only the command has."""
    given = {key: word(value) for key, value in settings.items() if value is not None}
    for key in given:
        if key in of_the_command:
            raise UsageError(f"{shown(f'{key}={given[key]}')}: only python -m {command} takes it")
    return given


def word(value: Any) -> str:
    """A value as it is typed after KEY=. Numbers may be numpy's."""
    if isinstance(value, bool):
        raise UsageError(f"{value}: settings are numbers, words and lists of them")
    if isinstance(value, str | Path | Integral | Rational):
        return str(value)
    if isinstance(value, Real):
        return "inf" if value == math.inf else repr(float(value))
    if isinstance(value, Iterable) and not isinstance(value, Mapping | bytes):
        return ",".join(word(item) for item in value)
    raise UsageError(f"{shown(repr(value))}: settings are numbers, words and lists of them")
