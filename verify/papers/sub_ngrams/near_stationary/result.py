"""What a run has found, and as text, JSON, a page and a picture."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numerics.norm_interval import NormInterval
from numerics.sub_ngrams.curvature import Curvature
from verify.claim import Finding, Verdict
from verify.command import INTERRUPTED, UNFINISHED, write_file
from verify.papers.sub_ngrams.near_stationary.judge import Fit, fit
from verify.papers.sub_ngrams.near_stationary.lengths import NormAtLength
from verify.papers.sub_ngrams.near_stationary.settings import StationarySettings
from verify.report.plain import dumps, settings_as_plain
from verify.settings import UsageError
from verify.uncertain import with_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = "landscape-verifier/stationary/1"
SHOWN = 6  # parameters in the table, the longest parts
EXACT = 1e-4  # relative; below, four digits are enough
HEIGHT = 640  # pixels of the page in a notebook


@dataclass(frozen=True)
class NearStationary:
    """Norms of the population gradient of a module over lengths, and what was claimed of them.

    points      one for each length of which something is known, see `NormAtLength`
    rate        what came of rate=; None where none was given
    bound       of bound=
    alignment   of each named direction, at each length: an interval for the cosine of its angle with the gradient
    curvature   at the length hessian=
    status      0 all done; 3, 4 or 130: stopped, and `reason` says by what

    Shown as a table in a terminal, and as a page in a notebook.
    """

    settings: StationarySettings
    headline: str
    points: tuple[NormAtLength, ...]
    rate: Finding | None = None
    bound: Finding | None = None
    alignment: Mapping[int, Mapping[str, tuple[float, float]]] | None = None
    curvature: Curvature | None = None
    status: int = 0
    reason: str = ""

    def __getitem__(self, T: int) -> NormAtLength:
        """The point at this length. KeyError if nothing is known of it."""
        for point in self.points:
            if point.T == T:
                return point
        raise KeyError(f"T={T}: known are T in {[point.T for point in self.points]}")

    @property
    def fit(self) -> Fit | None:
        """The exponent of T that fits best; None where fewer than two intervals keep away from 0."""
        return fit(self.points)

    @property
    def findings(self) -> dict[str, Finding]:
        """What came of each claim."""
        settings = self.settings
        claims = {f"rate={settings.rate:g}": self.rate} if settings.rate is not None else {}
        if settings.bound is not None:
            claims[f"bound={settings.bound}"] = self.bound
        return {name: finding for name, finding in claims.items() if finding is not None}

    @property
    def exit_status(self) -> int:
        """Of the command: that of the run if it was stopped; 1 for a claim that is refuted, 3 for an undecided one."""
        verdicts = {finding.verdict for finding in self.findings.values()}
        if self.status == INTERRUPTED:
            return self.status
        if Verdict.REFUTED in verdicts:
            return 1
        return self.status or (UNFINISHED if Verdict.UNDECIDED in verdicts else 0)

    def to_records(self) -> list[dict[str, Any]]:
        """One flat dictionary for each length, as pandas.DataFrame(...) takes."""
        return [
            {
                "T": point.T,
                "method": point.method,
                "sequences": point.sequences,
                "loss": point.loss,
                "loss_error": point.loss_error,
                "norm": point.total.norm,
                "low": point.total.low,
                "high": point.total.high,
                "squared": point.total.squared,
                "reason": point.reason,
            }
            for point in self.points
        ]

    def to_json(self) -> str:
        fitted = self.fit
        return dumps(
            {
                "schema": SCHEMA,
                "settings": settings_as_plain(self.settings),
                "points": [
                    {
                        **record,
                        "longest": point.longest,
                        "parameters": {name: interval_entry(part) for name, part in point.parameters.items()},
                        "alignment": (self.alignment or {}).get(point.T, {}),
                    }
                    for record, point in zip(self.to_records(), self.points, strict=True)
                ],
                "exponent": None
                if fitted is None
                else {
                    "value": fitted.exponent,
                    "low": fitted.low,
                    "high": fitted.high,
                    "C": fitted.C,
                    "T": fitted.lengths,
                },
                "claims": {name: finding_entry(finding) for name, finding in self.findings.items()},
                "curvature": None if self.curvature is None else vars(self.curvature),
                "status": self.status,
                "reason": self.reason,
            }
        )

    def to_text(self) -> str:
        lines = [f"near-stationarity   {self.headline}", "", *table(self.rows()), "", *self.sentences()]
        return "\n".join(lines) + "\n"

    def rows(self) -> list[list[str]]:
        """Of the table, its head first."""
        names = self._shown()
        head = ["T", "sequences", "loss", "|grad|", "at least", "at most", *names, "why no more"]
        return [head, *([*map(str, row)] for row in (self._row(point, names) for point in self.points))]

    def _row(self, point: NormAtLength, names: Sequence[str]) -> list[str]:
        count = f"all {point.sequences}" if point.method == "all" else str(point.sequences)
        loss = f"{point.loss:.6g}" if point.loss_error is None else with_error(point.loss, point.loss_error)
        total = point.total
        cells = [str(point.T), count, loss, f"{total.norm:.4g}", f"{total.low:.4g}", f"{total.high:.4g}"]
        return [*cells, *(part_text(point.parameters[name]) for name in names), point.reason]

    def _shown(self) -> list[str]:
        if not self.points:
            return []
        parts = self.points[-1].parameters
        longest = sorted(parts, key=lambda name: -parts[name].norm)[:SHOWN]
        shared = [name for name in parts if name in longest]
        return [name for name in shared if all(name in point.parameters for point in self.points)]

    def sentences(self) -> list[str]:
        """What stands below the table."""
        fitted, lines = self.fit, []
        if fitted is not None:
            shown = "{" + ", ".join(map(str, fitted.lengths)) + "}"
            lines.append(
                f"exponent   {fitted.exponent:.3f} in [{fitted.low:.3f}, {fitted.high:.3f}] over T in {shown}, "
                "whatever the norms inside their intervals are"
            )
        for name, finding in self.findings.items():
            evidence = f", {finding.evidence.value}" if finding.evidence and not finding.reason else ""
            lines.append(f"{name}   {finding.verdict.value}{evidence}: {finding.found or finding.reason}")
            lines.append(f"  {finding.predicted} at {finding.scope}")
            if finding.reason and finding.found:
                lines.append(f"  {finding.reason}")
        for T, cosines in (self.alignment or {}).items():
            shown = "  ".join(f"{name} in [{low:.3g}, {high:.3g}]" for name, (low, high) in cosines.items())
            lines.append(f"cosines at T={T}   {shown}")
        if self.curvature is not None:
            pairs = zip(self.curvature.eigenvalues, self.curvature.errors, strict=True)
            lines.append(
                f"hessian at T={self.settings.hessian}   {self.curvature.kind}: {self.curvature.reason}; lowest "
                f"eigenvalues {', '.join(with_error(value, error) for value, error in pairs)}"
            )
        drawn = [point for point in self.points if point.longest is not None]
        if drawn:
            longest = ", ".join(f"{point.longest:.3g}" for point in drawn)
            lines.append(
                f"intervals of |grad| hold together at level {self.settings.level:g}, if no sequence's gradient is "
                f"longer than {longest} (twice the longest seen)"
            )
        return lines

    def figure(self) -> Figure:
        """Norms with their intervals, the fit and the claims, on logarithmic axes."""
        from verify.papers.sub_ngrams.near_stationary.plot import norms_figure  # matplotlib, only where it is needed

        return norms_figure(self)

    def to_html(self) -> str:
        from verify.papers.sub_ngrams.near_stationary.page import page  # jinja2 and matplotlib likewise

        return page(self)

    def save(self, path: str | Path) -> None:
        """Writes .html, .json, .txt (the table), .svg or .png. UsageError for another suffix, or if it cannot."""
        suffix = Path(path).suffix.lower()
        if suffix in (".svg", ".png"):
            from verify.report.picture import write_picture

            write_picture(self.figure(), str(path))
            return
        write = {".html": self.to_html, ".json": self.to_json, ".txt": self.to_text}
        if suffix not in write:
            raise UsageError(f"{path}: results end in {', '.join(write)}, .svg, .png")
        write_file(str(path), write[suffix]().encode())

    def __repr__(self) -> str:
        return self.to_text().rstrip("\n")

    def _repr_html_(self) -> str:
        whole = html.escape(self.to_html(), quote=True)
        return f'<iframe srcdoc="{whole}" width="100%" height="{HEIGHT}" style="border: 0"></iframe>'


def part_text(part: NormInterval) -> str:
    """A norm and its interval, briefly."""
    half = (part.high - part.low) / 2
    if half <= EXACT * part.norm:
        return f"{part.norm:.4g}"
    return with_error(part.norm, half) if part.low > 0 else f"{part.norm:.2g} (<= {part.high:.2g})"


def interval_entry(part: NormInterval) -> dict[str, Any]:
    return {"norm": part.norm, "low": part.low, "high": part.high}


def finding_entry(finding: Finding) -> dict[str, Any]:
    return {
        "verdict": finding.verdict.value,
        "evidence": None if finding.evidence is None else finding.evidence.value,
        "scope": finding.scope,
        "found": finding.found,
        "predicted": finding.predicted,
        "reason": finding.reason,
        "counterexample": finding.details.get("counterexample"),
    }


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
