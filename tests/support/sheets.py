"""Exports written for tests: rows by title, in the column order of a header."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence

from provisioner.errors import Problem
from provisioner.fleet.sources import Source
from provisioner.roster.intake import ExportFile, read_export
from provisioner.roster.problems import Problems
from provisioner.roster.titles import normal

Rows = Iterable[Mapping[str, str]]


def sheet(titles: Sequence[str], rows: Rows) -> bytes:
    """Return a CSV; a row leaves out what it has no value for."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(titles)
    for row in rows:
        assert row.keys() <= set(titles), row.keys() - set(titles)
        writer.writerow([row.get(title, "") for title in titles])
    return out.getvalue().encode()


def table(*rows: Mapping[str, str]) -> bytes:
    """Return a CSV with the titles of its first row."""
    return sheet(list(rows[0]), rows)


def records(*values: object) -> bytes:
    """Return a JSON array."""
    return json.dumps(values).encode()


def take(
    data: bytes,
    preset: str,
    *asked: str,
    columns: Mapping[str, str] | None = None,
    file: str = "in/export.csv",
    group: str | None = None,
) -> tuple[ExportFile | None, tuple[Problem, ...]]:
    """Return what an export gives, and its problems."""
    source = Source.model_validate(
        {"preset": preset, "file": file, "columns": dict(columns or {}), "group": group}
    )
    problems = Problems(file)
    found = read_export(
        io.BytesIO(data), file, source, frozenset(map(normal, asked)), problems, "sha256-of-the-file"
    )
    return found, problems.error().problems if problems else ()
