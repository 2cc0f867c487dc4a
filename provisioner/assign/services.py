"""Services: CI and servers, each with a key of its own and no MDM. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.assign import rows
from provisioner.assign.model import Choice, Second, Verdict
from provisioner.assign.verdicts import Desk
from provisioner.roster.model import Service


def of_service(desk: Desk, service: Service) -> Verdict:
    """Return what a service gets: its row decides, and rules can add further keys of its own."""
    first = rows.of_service(service.row, desk.fleet)
    if first.expires is not None and first.expires <= desk.today:
        return Verdict(
            "service", service.id, "not-covered", service.place, service=service, choice=first,
            reason="EXPIRED", detail=f"on {first.expires}",
        )  # fmt: skip
    return Verdict(
        "service",
        service.id,
        "assigned",
        service.place,
        service=service,
        assignment=desk.units.of_service(first, service).name,
        choice=first,
        seconds=tuple(_seconds(desk, service, first)),
        attribution="key",
        expected=service.id,
    )


def _seconds(desk: Desk, service: Service, first: Choice) -> Iterator[Second]:
    seen = {(first.team, first.env)}
    for choice in desk.rules.match_service().choices:
        if choice.gives == "skip" or (choice.team, choice.env) in seen:
            continue
        seen.add((choice.team, choice.env))
        over = choice.expires is not None and choice.expires <= desk.today
        key_only = choice.rule in desk.rules.giving_keys and not over
        yield Second(desk.units.of_service(choice, service).name, key_only, choice)
