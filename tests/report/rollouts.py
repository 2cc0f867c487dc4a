"""A small company for the tests of reports and pages: assignments, and the files made for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway_client.contract import Budget, KeySpec, RateLimit
from provisioner import digest
from provisioner.assign import Assignment, Verdict
from provisioner.fleet import Fleet
from provisioner.ledger.model import KeyRecord
from provisioner.policy.model import Hardening, Models, Policy
from provisioner.render import bundle
from provisioner.render.bundle import BundleFile
from provisioner.render.model import Delivery
from provisioner.render.templates import Templates
from provisioner.roster.model import Entry, Person
from provisioner.secret import SecretRef, fingerprint

ROOT = Path(__file__).resolve().parents[2]
FAKE_KEY = "pk-test-" + "0" * 40
POLICY = Policy(
    name="standard",
    models=Models("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"),
    config={"provider": "@anthropic-prod"},
    budget=Budget(500),
    rate_limits=(RateLimit("requests", "rpm", 600),),
    hardening=Hardening({}, {}),
)


def shipped_templates() -> Templates:
    """Return the repository's own templates."""
    folder = ROOT / "templates"
    return Templates({p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.j2")})


def member(row: int, email: str, team: str, env: str, display: str | None = None) -> Verdict:
    """Return the verdict over a person of one row."""
    entry = Entry(row=row, email=email, team=team, env=env, team_display=display or team.title())
    person = Person(email, (), entry.place, rows=(entry,))
    return Verdict("person", email, "assigned", entry.place, person, assignment=f"{team}-{env}")


def assignment(team: str, env: str, people: int, display: str | None = None, **changes: Any) -> Assignment:
    """Return an assignment with so many people."""
    members = tuple(member(n + 2, f"p{n}.{team}@acme.com", team, env, display) for n in range(people))
    made = Assignment(
        name=f"{team}-{env}",
        tenant="acme",
        team=team,
        env=env,
        team_display=display or team.title(),
        policy=POLICY,
        config_name=f"desktop-{team}-{env}",
        key_name=f"claude-desktop-{team}-{env}",
        members=members,
        key_only=(),
    )
    return replace(made, **changes)


def files(
    made: Assignment, fleet: Fleet | None = None, failures: tuple[str, ...] = (), revision: int = 1
) -> tuple[BundleFile, ...]:
    """Return the files of an assignment as a delivery has them; bytes stand in for sealed ones."""
    fleet, templates = fleet or Fleet(), shipped_templates()
    secret = SecretRef(f"secret-{made.name}", fingerprint(FAKE_KEY + made.name))
    spec = KeySpec(made.key_name, "", "pc-1", made.key_metadata)
    record = KeyRecord(made.key_name, f"id-{made.name}", secret, spec, failures)
    delivery = Delivery(
        assignment=made.name,
        tenant=made.tenant,
        team=made.team,
        env=made.env,
        base_url="http://127.0.0.1:8080",
        key=secret,
        models=made.policy.models,
        hardening=made.policy.hardening,
        revision=revision,
        organization_uuid="6f1f2b6e-8b0b-5d4e-9c57-0a0d6c0f8a11",
        profile=made.policy.name,
        user=made.person,
    )
    artifacts = (*bundle.artifacts(delivery, made, fleet, templates), bundle.scope(made))
    return tuple(
        BundleFile(
            a, digest.sha256(a.path.as_posix().encode()), 0o600 if a.secrets else 0o644, revision, record
        )
        for a in artifacts
    )
