"""The same exports with their rows, and the fleet file's sources, in another order."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from random import Random

import openpyxl

from tests.support.estate import Estate


def rows(estate: Estate, random: Random) -> None:
    """Shuffle the rows of every file below its header."""
    for path in estate.files:
        match path.suffix:
            case ".json":
                records = json.loads(path.read_text(encoding="utf-8"))
                random.shuffle(records)
                path.write_text(json.dumps(records, ensure_ascii=False), encoding="utf-8")
            case ".xlsx":
                _sheet(path, random)
            case _:
                _table(path, random)


def sources(estate: Estate, random: Random) -> None:
    """Shuffle the `[[roster.source]]` blocks; the rules stay, since their order is what decides."""
    text = estate.fleet.read_text(encoding="utf-8")
    blocks = re.findall(r"\[\[roster\.source\]\]\n(?:[^\[\n].*\n)+", text)
    start = text.index(blocks[0])
    end = text.index(blocks[-1]) + len(blocks[-1])
    random.shuffle(blocks)
    estate.fleet.write_text(text[:start] + "\n".join(blocks) + text[end:], encoding="utf-8")


def _table(path: Path, random: Random) -> None:
    data = path.read_bytes()
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    text = data.decode("utf-8-sig")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    header, *below = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    random.shuffle(below)
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows([header, *below])
    path.write_bytes(mark + out.getvalue().encode())


def _sheet(path: Path, random: Random) -> None:
    header, *below = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    random.shuffle(below)
    book = openpyxl.Workbook()
    for row in (header, *below):
        book.active.append(row)
    book.save(path)
