"""The story of one person, device or service as JSON: the same as `explain` tells. Pure."""

from __future__ import annotations

from typing import Any

from provisioner.assign.model import Verdict
from provisioner.render.reasons import next_step
from provisioner.report.decided import (
    Decided,
    assignment_called,
    folders,
    group_files,
    outcome,
    tried,
    with_devices,
)
from provisioner.report.roster import by, numbered
from provisioner.roster.model import Device, Entry, Person, Roster


def as_json(decided: Decided, verdict: Verdict) -> dict[str, Any]:
    """Return the story as values; every rule is in it."""
    return {
        "version": 1,
        "kind": "explain",
        "person": verdict.person and _person_json(decided.roster, verdict.person),
        "verdicts": [_verdict_json(decided, one) for one in with_devices(decided, verdict)],
    }


def _person_json(roster: Roster, person: Person) -> dict[str, Any]:
    left = person.left_out
    return {
        "identity": person.identity,
        "name": person.name,
        "aliases": list(person.aliases),
        "directory_id": person.directory_id,
        "place": str(person.place),
        "rows": [_row_json(row) for row in person.rows],
        "facts": dict(person.facts),
        "groups": [{"name": group, "files": group_files(roster, group)} for group in person.groups],
        "left_out": None if left is None else {"reason": left.reason, "detail": left.detail},
    }


def _row_json(row: Entry) -> dict[str, Any]:
    expires = str(row.expires) if row.expires else None
    return {"place": str(row.place), "team": row.team, "env": row.env, "expires": expires}


def _device_json(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "serial": device.serial,
        "name": device.name,
        "place": str(device.place),
        "rows": [_row_json(row) for row in device.rows],
        "not_chosen": [str(place) for place in device.also],
        "mdm": device.mdm,
        "mdm_id": f"{device.mdm}:{device.mdm_id}" if device.mdm_id else None,
        "directory_id": device.directory_id,
        "platform": device.platform,
        "enrolment": device.enrolment,
        "managed": device.managed,
        "last_seen": str(device.last_seen) if device.last_seen else None,
        "owner": device.owner,
        "user_email": device.user_email,
        "facts": dict(device.facts),
    }


def _verdict_json(decided: Decided, verdict: Verdict) -> dict[str, Any]:
    assignment = assignment_called(decided, verdict.assignment)
    choice = verdict.choice
    asked = tried(decided, verdict)
    return {
        "of": verdict.kind,
        "id": verdict.id,
        "place": str(verdict.place),
        "device": verdict.device and _device_json(verdict.device),
        "status": verdict.status,
        "reason": verdict.reason,
        "detail": verdict.detail,
        "next_step": verdict.reason
        and next_step(verdict.reason, verdict.device.mdm if verdict.device else None),
        "decided_by": by(choice, decided.rules_at),
        "assignment": verdict.assignment,
        "team": choice and choice.team,
        "env": choice and choice.env,
        "profile": choice and choice.profile,
        "ring": choice and choice.ring,
        "attribution": verdict.attribution,
        "user_expected": verdict.expected,
        "folders": folders(decided, assignment, verdict)
        if assignment and verdict.status == "assigned"
        else [],
        "key": assignment and assignment.key_name,
        "key_ends": str(assignment.expires_at.date()) if assignment and assignment.expires_at else None,
        "seconds": [
            {"assignment": s.assignment, "key_only": s.key_only, "by": by(s.choice, decided.rules_at)}
            for s in verdict.seconds
        ],
        "rules": [
            {
                "rule": numbered(one.at, decided.rules_at),
                "outcome": outcome(verdict, one.at) if one.matches else "does not match",
                "asked": [asked._asdict() for asked in one.asked],
            }
            for one in asked
        ],
    }
