"""What a file is, as text and JSON: preset, columns, traps, and how to name it as a source. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from provisioner.report import problems
from provisioner.report.columns import counted, hanging, joined, plain, table
from provisioner.roster.fit import Fit, Look
from provisioner.roster.header import columns_line


def text(look: Look, width: int) -> str:
    """Return the preset, a line per column that is understood, the rest, and the block for the fleet file."""
    best, second = look.best, look.second
    head = f"{plain(look.file)}: {_told(best)}, {counted(look.read.records, 'record')}"
    if look.group is not None:
        head += f" of the group {plain(look.group)}"
    lines = [head]
    if best.generation:
        lines.append(f"titles known from {best.generation.source}")
    if second:
        lines.append(f"next best: {second.preset}, which {_why_not(best, second)}")
    rows = [(column.title, joined(column.gives)) for column in best.understood]
    lines += ["", *table([("column", "gives"), *rows], width, indent=0)]
    if best.guessed:
        guesses = joined([f"{plain(title)} as {field}" for field, title in best.guessed.items()])
        lines += ["", "guessed from the titles, so look whether it is true:", *hanging("  ", guesses, width)]
    if best.ignored:
        ignored = ", ".join(map(plain, best.ignored))
        lines += ["", "ignored, unless a rule asks for it:", *hanging("  ", ignored, width)]
    if notes := list(_notes(look)):
        lines += ["", "to know:", *(line for note in notes for line in hanging("  ", note, width))]
    lines += ["", "as a source in provision.toml:", "", *_block(look)]
    return "\n".join(lines)


def as_json(look: Look) -> dict[str, Any]:
    """Return the same as values."""
    best, traps = look.best, look.traps
    return {
        "version": 1,
        "kind": "headers",
        "file": look.file,
        "preset": best.preset,
        "generation": best.generation.name if best.generation else None,
        "generation_source": best.generation.source if best.generation else None,
        "runner_up": look.second.preset if look.second else None,
        "group": look.group,
        "records": look.read.records,
        "columns": [{"title": column.title, "gives": list(column.gives)} for column in best.understood],
        "ignored": list(best.ignored),
        "guessed": dict(best.guessed),
        "traps": {
            "blank_rows": look.read.blank_rows,
            "not_computers": look.read.not_computers,
            "not_people": look.read.not_people,
            "several_addresses": traps.several.count,
            "formulas": traps.formulas.count,
        },
        "problems": problems.as_json(look.problems)["problems"],
        "source": "\n".join(_block(look)),
    }


def _told(fit: Fit) -> str:
    return f"{fit.preset} ({fit.generation.name})" if fit.generation else fit.preset


def _why_not(best: Fit, second: Fit) -> str:
    if second.missing:
        return f"finds no column for {joined(second.missing)}"
    if not second.enough:
        return "knows too little of this header"
    return (
        f"knows {second.known:.0%} of the titles, not {best.known:.0%}"
        if second.known < best.known
        else ("knows the titles, too, but other files of its kind have more of them")
    )


def _notes(look: Look) -> Iterator[str]:
    """Yield a line for each trap that is in the file."""
    read, traps, unit = look.read, look.traps, look.unit
    if read.blank_rows:
        rows = counted(read.blank_rows, unit)
        yield f"{rows} without any id passed over, as where a list of values goes on below its row"
    if read.not_computers:
        devices = counted(read.not_computers, "device")
        yield f"{devices} that the products don't run on: phones, tablets, televisions"
    if read.not_people:
        members = counted(read.not_people, "group, device or service", "groups, devices and services")
        yield f"{members} among the members passed over; members of a nested group are not in this file"
    if traps.several.count:
        cells, first = counted(traps.several.count, "cell"), f"first in {unit} {traps.several.first}"
        yield f"{cells} with several addresses, {first}; all but one become aliases"
    if traps.formulas.count:
        cells, first = counted(traps.formulas.count, "cell"), f"first in {unit} {traps.formulas.first}"
        yield f"{cells} that a spreadsheet would run as a formula, {first}; here they are text"


def _block(look: Look) -> Iterator[str]:
    """Yield the lines that name the file as a source."""
    yield "[[roster.source]]"
    yield f'preset = "{look.best.preset}"'
    yield f"file = {json.dumps(look.file, ensure_ascii=False)}"
    if look.best.guessed:
        yield columns_line(look.best.guessed)
