"""`assignments.csv` and `not-covered.csv`: what became of everybody and everything. Pure.

They name people and devices. They are long: 100,000 people and 120,000 devices make as many rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from provisioner.assign import Assignment, Coverage, Second, Verdict
from provisioner.assign.model import Attribution, Choice, Reason
from provisioner.render.bundle import Table
from provisioner.render.cells import csv_bytes
from provisioner.render.reasons import next_step

ASSIGNMENTS_HEADER = (
    "person", "alias_ids", "device_serial", "device_name", "mdm", "enrolment", "assignment", "team", "env",
    "ring", "profile", "attribution", "attribution_value_expected", "rule", "source_row", "gets",
)  # fmt: skip
NOT_COVERED_HEADER = ("kind", "id", "reason", "next_step", "detail")

Row = tuple[str, ...]


def assignments(coverage: Coverage) -> Table:
    """Return a row per device, service, or person without device data, and one per further key."""
    return Table("assignments.csv", csv_bytes(ASSIGNMENTS_HEADER, _rows(coverage)))


def not_covered(coverage: Coverage) -> Table:
    """Return a row per person, device or service that gets nothing and should; never without a reason.

    Where a device's reason is the person's too, the person's row says what to do about that device.
    """
    missed = [v for v in coverage.verdicts if v.status == "not-covered"]
    carried = {(v.email, v.reason, v.detail): v for v in reversed(missed) if v.kind == "device"}
    return Table("not-covered.csv", csv_bytes(NOT_COVERED_HEADER, _missed_rows(missed, carried)))


def _missed_rows(
    missed: Iterable[Verdict], carried: Mapping[tuple[str, Reason | None, str], Verdict]
) -> Iterator[Row]:
    for verdict in missed:
        reason, device, detail, person = verdict.reason, verdict.device, verdict.detail, verdict.person
        if reason is None:
            continue
        if verdict.kind == "person" and person is not None and person.left_out is None:
            its = carried.get((person.identity, reason, detail))
            device = its.device if its else None
            if device is not None:
                called = f"{device.id} ({device.name})" if device.name else device.id
                detail = f"{called}: {detail}" if detail else called
        yield verdict.kind, verdict.id, reason, next_step(reason, device.mdm if device else None), detail


def _rows(coverage: Coverage) -> Iterator[Row]:
    by_name = {a.name: a for a in coverage.assignments}
    carriers = {(v.kind, v.id) for a in coverage.assignments for v in a.members}
    keys: set[tuple[str, str]] = set()  # what stands at a person may stand at each of the devices too
    for verdict in coverage.verdicts:
        choice, name = verdict.choice, verdict.assignment
        if choice is not None and name is not None:
            if (verdict.kind, verdict.id) in carriers:
                yield _artifact(verdict, choice, name)
            elif verdict.status == "key-only":
                yield from _key(verdict, Second(name, True, choice), by_name[name], keys)
        for second in verdict.seconds:
            if second.key_only:
                yield from _key(verdict, second, by_name[second.assignment], keys)


def _artifact(verdict: Verdict, choice: Choice, assignment: str) -> Row:
    device, person = verdict.device, verdict.person
    known = (device.name or "", device.mdm or "", device.enrolment) if device else ("", "", "")
    return (
        person.identity if person else verdict.id if verdict.service else "",
        " ".join(person.aliases) if person else "",
        verdict.serial,
        *known,
        assignment,
        *_chosen(choice, verdict.attribution, verdict.expected),
        *_where(verdict, choice),
        "artifact",
    )


def _key(
    verdict: Verdict, second: Second, assignment: Assignment, keys: set[tuple[str, str]]
) -> Iterator[Row]:
    person = verdict.person
    who = person.identity if person else verdict.id
    if (who, second.assignment) in keys:
        return
    keys.add((who, second.assignment))
    whose = assignment.person or assignment.service
    yield (
        who,
        " ".join(person.aliases) if person else "",
        *("", "", "", ""),
        second.assignment,
        *_chosen(second.choice, "key" if whose else "none", whose or ""),
        *_where(verdict, second.choice),
        "key-only",
    )


def _chosen(choice: Choice, attribution: Attribution, expected: str) -> Row:
    ring = "" if choice.ring is None else str(choice.ring)
    return choice.team, choice.env, ring, choice.profile, attribution, expected


def _where(verdict: Verdict, choice: Choice) -> Row:
    place = choice.row.place if choice.row else verdict.place
    return "row" if choice.rule is None else f"rule {choice.rule + 1}", f"{place.file}:{place.row}"
