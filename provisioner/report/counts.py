"""Who gets what, and what the consoles will hold, as a plan tells it before anything is minted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.assign.model import Attribution, Status
from provisioner.plan.consoles import Consoles, Kind
from provisioner.plan.counts import Counts, Tally
from provisioner.render.reasons import CONSOLES
from provisioner.report.columns import counted, hanging, joined, plain, table

STATUSES: Mapping[Status, str] = {
    "assigned": "assigned",
    "key-only": "key only",
    "skipped": "skipped",
    "not-covered": "not covered",
}
ATTRIBUTIONS: Mapping[Attribution, str] = {
    "variable": "by the MDM's variable",
    "script": "by a script on the device",
    "key": "by the key",
    "device": "a label in the person's place",
    "none": "not at all",
}
"""How the person gets into the metadata."""
KINDS = (
    ("people", "person", "people"),
    ("devices", "device", "devices"),
    ("services", "service", "services"),
)


def line(counts: Counts) -> str:
    """Return who there is, in one line."""
    tallies = ((getattr(counts, kind), one, many) for kind, one, many in KINDS)
    told = [counted(tally.total, one, many) for tally, one, many in tallies if tally.total]
    return f"{joined(told) or 'nobody'} in {counted(counts.assignments, 'assignment')}"


def who(counts: Counts, width: int) -> Iterator[str]:
    """Yield who gets what; one line where nobody goes without and no devices are known."""
    if counts.simple:
        yield line(counts)
        return
    yield f"who gets what: {line(counts)}"
    tallies = [(kind, getattr(counts, kind)) for kind, _one, _many in KINDS]
    yield from table(((kind, _statuses(tally)) for kind, tally in tallies if tally.total), width)
    carriers = counts.devices if counts.people_without_device is not None else counts.people
    if carriers.attribution:
        told = [f"{count:,} {ATTRIBUTIONS[how]}" for how, count in carriers.attribution.items()]
        yield from hanging("  the person in the metadata: ", ", ".join(told), width)
    if counts.people_without_device is not None:
        without = f"{counted(counts.devices_without_person, 'device')} without a person"
        yield f"  {without}, {counted(counts.people_without_device, 'person', 'people')} without a device"
    yield from _unmapped(counts, width)


def _statuses(tally: Tally) -> str:
    """Return `4 assigned, 1 skipped (BY_RULE 1), 2 not covered (NO_DEVICE 2)`."""
    told = []
    for status, word in STATUSES.items():
        if count := tally.status.get(status):
            reasons = ", ".join(f"{why} {many:,}" for why, many in tally.reasons.get(status, {}).items())
            told.append(f"{count:,} {word}" + (f" ({reasons})" if reasons else ""))
    return ", ".join(told)


def _unmapped(counts: Counts, width: int) -> Iterator[str]:
    if not counts.unmapped:
        return
    yield f"  {counted(counts.unmapped_texts, 'text')} without a team in [roster.teams], by people:"
    rows = ((f"{u.people:,}", u.fact, u.text) for u in counts.unmapped)
    yield from table(rows, width, indent=4)
    if (left := counts.unmapped_texts - len(counts.unmapped)) > 0:
        yield f"    ... and {left:,} more: provision roster unmatched"


def consoles(found: Consoles, width: int, *, whole: bool) -> Iterator[str]:
    """Yield what the consoles will hold; unless `whole`, only where a limit is touched."""
    if not found.held or not (whole or found.touched):
        return
    totals = found.totals
    yield "console objects"
    yield from table(
        ((title, _objects(totals[mdm])) for mdm, title in CONSOLES.items() if mdm in totals), width
    )
    for touched in found.touched:
        limit = touched.limit
        word = "warning: " if touched.passed else "note: "
        used = f"{touched.used:,} of {limit.most:,} {limit.says}"
        told = f"{CONSOLES[limit.mdm]}: {used} ({limit.source}, {limit.dated} [{limit.mark}])"
        yield from hanging(f"  {word}", told, width)
        for way in touched.ways:
            yield from hanging("    fix: ", plain(way), width)
    for says, advice in {a.says: a for a in found.advice}.items():
        told = f"{CONSOLES[advice.mdm]}: {says} ({advice.source}, {advice.dated} [{advice.mark}])"
        yield from hanging("  mind: ", told, width)
    if found.policy_env is not None:
        other = found.policy_env
        fewer = (f"{title} {_objects(other[mdm])}" for mdm, title in CONSOLES.items() if mdm in other)
        yield from hanging('  with granularity = "policy-env": ', "; ".join(fewer), width)


def _objects(kinds: Mapping[Kind, int]) -> str:
    return ", ".join(counted(count, kind) for kind, count in kinds.items() if count)
