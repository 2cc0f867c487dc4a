"""Drift findings as text, JSON and a page that can be handed upwards. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from provisioner.drift.model import Finding, Layer, Report
from provisioner.render import page
from provisioner.render.templates import Templates
from provisioner.report.columns import counted, hanging, plain

LAYERS: Mapping[Layer, str] = {
    "roster": "roster against ledger",
    "gateway": "ledger against gateway",
    "artifacts": "ledger against output folder",
}
"""What is compared with what, in the order of the report."""
MEANINGS: Mapping[str, str] = {
    "NOT_APPLIED": "asked for or changed since, and no run has made it",
    "LEAVER": "a live key that the roster no longer asks for",
    "RENAMED": "one person, whose address is spelt otherwise now: the old key is still the live one",
    "UNFINISHED": "a run broke off; the next one settles it",
    "MISSING": "the ledger knows it, it is not there",
    "CHANGED": "it is there, and different",
    "EXPIRED": "the gateway refuses the key",
    "FOREIGN": "our naming, not our making",
    "EDITED": "the file is not what was written",
    "STALE": "a file of a former revision",
    "EXPOSED": "a key-bearing file that others can read",
    "LEFTOVER": "a file in our folders that no run wrote",
}

FINDINGS_MAX = 100
"""Lines for one code and one way to mend it."""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one code that are mended in one way."""

    code: str
    meaning: str
    fix: str
    findings: tuple[Finding, ...]


def groups(report: Report) -> dict[Layer, tuple[Group, ...]]:
    """Return the findings by layer, then by code and fix, in the order in which they were found."""
    found: dict[Layer, dict[tuple[str, str], list[Finding]]] = {}
    for layer in LAYERS:
        for finding in report.findings:
            if finding.layer == layer:
                found.setdefault(layer, {}).setdefault((finding.code, finding.fix), []).append(finding)
    return {
        layer: tuple(
            Group(code, MEANINGS[code], fix, tuple(findings)) for (code, fix), findings in same.items()
        )
        for layer, same in found.items()
    }


def looked_at(report: Report) -> str:
    """Return what was compared, on one line."""
    return (
        f"roster {plain(report.roster_file)};"
        f" {counted(report.keys, 'key')} and {counted(report.configs, 'config')} at {plain(report.gateway)};"
        f" {counted(report.files, 'file')} in the output folder"
    )


def text(report: Report, width: int) -> str:
    """Return the findings for a terminal of `width` characters, or one line when there are none."""
    if not report.drifted:
        return f"no drift: looked at {looked_at(report)}"
    found = counted(len(report.findings), "finding")
    lines = [*hanging("drift: ", f"{found}; looked at {looked_at(report)}", width)]
    for layer, same in groups(report).items():
        lines += ["", LAYERS[layer]]
        for group in same:
            lines += _group(group, width)
    return "\n".join(lines)


def _group(group: Group, width: int) -> Iterator[str]:
    yield from hanging(f"  {group.code} ", f"({len(group.findings):,}) {group.meaning}", width)
    yield from hanging("    fix: ", plain(group.fix), width)
    for finding in group.findings[:FINDINGS_MAX]:
        told = f"expected {plain(finding.expected)}; seen {plain(finding.seen)}"
        yield from hanging(f"    {plain(finding.subject)}: ", told, width)
    if len(group.findings) > FINDINGS_MAX:
        yield f"    ... and {len(group.findings) - FINDINGS_MAX:,} more; all of them: --format json"


def as_json(report: Report) -> dict[str, Any]:
    """Return every finding with its six fields, and what was looked at."""
    return {
        "version": 1,
        "kind": "drift",
        "drift": report.drifted,
        "looked_at": {
            "roster": report.roster_file,
            "gateway": report.gateway,
            "keys": report.keys,
            "configs": report.configs,
            "files": report.files,
        },
        "findings": [asdict(finding) for finding in report.findings],
    }


def html(report: Report, templates: Templates) -> bytes:
    """Return a self-contained page: no script, nothing loaded, prints on paper."""
    return page.written(
        templates,
        "drift.html.j2",
        report=report,
        plain=plain,
        layers=[(LAYERS[layer], same) for layer, same in groups(report).items()],
        codes=[(code, sum(f.code == code for f in report.findings)) for code in MEANINGS],
    )
