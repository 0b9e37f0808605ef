"""Details of a finding as a page shows them: tables with heads, lists, matrices. All digits are in the JSON below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from verify.report.values import (
    MOST_COLUMNS,
    enclosure,
    is_flat,
    is_matrix,
    matrix_html,
    name_html,
    readable,
    summary,
    typeset,
)

Labels = Mapping[str, Sequence[str]]  # see verify.claim.Paper.labels
LABELS: Labels = {"identities": ("identities", "identity", "instances")}  # of claims of any paper
GROUP = ""  # the name of entries that are a table together


def details_html(value: Any, labels: Labels) -> Markup:
    """The details: each name with what it stands for; entries that are alike are the rows of one table."""
    labels = {**LABELS, **labels}
    if not isinstance(value, Mapping) or not value:
        return _block("values", value or [], labels)
    parts = []
    for name, item in _grouped(value).items():
        if name == GROUP:
            parts.append(Markup("<div><dd>{}</dd></div>").format(_block(name, item, labels)))
        else:
            kind = Markup(' class="short"') if is_flat(item) or _flat_list(item) else ""
            block = _block(name, item, labels)
            parts.append(Markup("<div{}><dt>{}</dt><dd>{}</dd></div>").format(kind, _called(name, labels), block))
    return Markup('<dl class="values">{}</dl>').format(Markup("").join(parts))


def _grouped(value: Mapping[str, Any]) -> dict[str, Any]:
    """With all entries that are mappings of flat values with the same names together under GROUP, if there are two; and
    the bounds of a number together.
    """
    ends = {name: value[name] for name in ("lower", "upper") if name in value}
    if enclosure(ends) is not None:
        value = {"enclosure": ends, **{name: item for name, item in value.items() if name not in ends}}
    shapes = {name: tuple(item) for name, item in value.items() if _is_record(item)}
    alike = [name for name in shapes if list(shapes.values()).count(shapes[name]) > 1]
    if not alike or len({shapes[name] for name in alike}) > 1:
        return dict(value)
    rest = {name: item for name, item in value.items() if name not in alike}
    return {**rest, GROUP: {name: value[name] for name in alike}}


def _block(name: str, value: Any, labels: Labels) -> Markup:
    heads = tuple(labels.get(name, ())[1:])
    if name == "traceback" and isinstance(value, list):
        return _pre(name, "\n".join(map(str, value)))
    if is_flat(value) or _flat_list(value):
        return Markup('<span class="value">{}</span>').format(_cell(value, heads))
    if isinstance(value, Mapping) and (found := enclosure(value)):
        return Markup('<span class="value">{}</span>').format(found)
    if isinstance(value, Mapping) and _is_record(value):
        return _wide(name, _table(*_pairs(name, value, heads), labels))
    if rows := _rows(value, heads):
        return _wide(name, _table_of(rows, labels))
    if is_matrix(value):
        if heads:
            return _wide(name, _table(value, heads, labels, row_heads=False))
        if len(value[0]) <= MOST_COLUMNS:
            return _wide(name, matrix_html(value))
    if isinstance(value, Mapping):
        return details_html(value, labels)  # where it is empty, a list that is
    items = (Markup("<li>{}</li>").format(_block("", item, labels)) for item in value)
    return Markup("<ol>{}</ol>").format(Markup("").join(items))


def _called(name: str, labels: Labels) -> Markup:
    """What a name is called; of a column that a mapping inside of a row has brought, part by part."""
    parts = [name] if name in labels else name.split(": ")
    return Markup(": ").join(name_html(labels[part][0] if part in labels else part) for part in parts)


def _cell(value: Any, heads: Sequence[str] = ()) -> Markup:
    """A value in a line; the parts of a short list with what they are, if `heads` says so: 2.6, from 1.9, to 4.4."""
    if isinstance(value, list) and heads and len(heads) == len(value):
        pairs = zip(heads, value, strict=True)
        return Markup(", ").join(
            Markup("{} {}").format(head, typeset(part)) if head else typeset(part) for head, part in pairs
        )
    return summary(value) if isinstance(value, list) else typeset(value)


def _flat_list(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_flat, value))


def _is_record(value: Any) -> bool:
    return (
        isinstance(value, Mapping) and bool(value) and all(is_flat(item) or _flat_list(item) for item in value.values())
    )


def _pairs(name: str, value: Mapping[str, Any], heads: Sequence[str]) -> tuple[list[Sequence[Any]], Sequence[str]]:
    """The rows and heads of a mapping to flat values or lists, which its own name may tell: "n: loss, bound"."""
    first, _, rest = name.partition(": ")
    columns = rest.split(", ")
    if heads or not rest:
        return list(value.items()), heads
    if all(isinstance(item, list) and len(item) == len(columns) for item in value.values()):
        return [[key, *item] for key, item in value.items()], [first, *columns]
    return list(value.items()), [first, rest]


def _rows(value: Any, heads: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a list of mappings, or of a mapping to mappings, whose names come first. Mappings and lists of
    mappings inside of them bring columns of their own. Empty where the value is no such table.
    """
    if isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
        value = [{(heads[0] if heads else ""): key, **row} for key, row in value.items()]
    if not isinstance(value, list) or not value or not all(isinstance(row, Mapping) for row in value):
        return []
    return [_flattened(row) for row in value]


def _flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in row.items():
        if isinstance(item, list) and item and all(isinstance(part, Mapping) for part in item):
            item = {str(i): part for i, part in enumerate(item, 1)}
        if isinstance(item, Mapping) and item:
            flat |= {f"{key}: {inner}": value for inner, value in _flattened(item).items()}
        else:
            flat[key] = item
    return flat


def _table_of(rows: Sequence[Mapping[str, Any]], labels: Labels) -> Markup:
    """With a column for every name that some row has; few rows of many names stand beside each other instead."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    heads = [_called(name, labels) for name in names]
    cells = [
        [_cell(row[name], labels.get(name, ())[1:]) if name in row else Markup("–") for name in names] for row in rows
    ]
    if len(names) > max(MOST_COLUMNS, 2 * len(rows)):
        return _html([], [[head, *column] for head, *column in zip(heads, *cells, strict=True)], row_heads=True)
    return _html(heads, cells, row_heads=False)


def _table(rows: Sequence[Sequence[Any]], heads: Sequence[str], labels: Labels, *, row_heads: bool = True) -> Markup:
    """Rows as they are; without heads where nobody has said what the columns are, and each row says it for itself."""
    cells = [
        [_called(str(part), labels) if row_heads and i == 0 else _cell(part) for i, part in enumerate(row)]
        for row in rows
    ]
    return _html([name_html(head) for head in heads], cells, row_heads=row_heads)


def _html(heads: Sequence[Markup], rows: Sequence[Sequence[Markup]], *, row_heads: bool) -> Markup:
    top = Markup("").join(Markup('<th scope="col">{}</th>').format(head) for head in heads)
    first = '<th scope="row">{}</th>' if row_heads else "<td>{}</td>"
    lines = [
        Markup("").join(Markup("<td>{}</td>" if i else first).format(cell) for i, cell in enumerate(row))
        for row in rows
    ]
    body = Markup("\n").join(Markup("<tr>{}</tr>").format(line) for line in lines)
    head = Markup("<thead><tr>{}</tr></thead>").format(top) if heads else ""
    return Markup("<table>{}<tbody>\n{}\n</tbody></table>").format(head, body)


def _wide(name: str, inside: Markup) -> Markup:
    label = readable(name) or "values"
    return Markup('<div class="wide" tabindex="0" role="group" aria-label="{}">{}</div>').format(label, inside)


def _pre(name: str, text: str) -> Markup:
    return Markup('<pre tabindex="0" role="group" aria-label="{}">{}</pre>').format(name, readable(text))
