"""`provision drift`: nothing when nothing happened; else what, and exit 4."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_client.contract import Budget, KeySpec
from gateway_client.portkey import PortkeyGateway
from tests.support.pilot import Pilot, Ran

SETTINGS = "support-prod/files/managed-settings.json"


@pytest.fixture
def applied(pilot: Pilot) -> Pilot:
    ran = pilot.main_job()
    assert ran.code == 0, ran.err
    return pilot


def codes(ran: Ran) -> set[tuple[str, str]]:
    return {(f["code"], f["subject"]) for f in ran.json["findings"]}


def test_no_drift_after_a_run(applied: Pilot) -> None:
    ran = applied.run("drift")
    assert ran.code == 0
    assert "no drift" in ran.out
    with_roster = applied.run("drift", "--roster", "org.csv")
    assert with_roster.code == 0


def test_before_any_run_there_is_nothing_to_compare(pilot: Pilot) -> None:
    ran = pilot.run("drift")
    assert ran.code == 2
    assert "nothing was applied yet" in ran.err


def delete_key(gateway: PortkeyGateway) -> None:
    key = next(k for k in gateway.list_keys() if k.name == "claude-desktop-support-prod")
    gateway.delete_key(key.id)


def raise_budget(gateway: PortkeyGateway) -> None:
    key = next(k for k in gateway.list_keys() if k.name == "claude-desktop-support-prod")
    spec = KeySpec(key.name, key.description, key.config or "", key.metadata, budget=Budget(99999))
    gateway.update_key(key.id, spec)


def change_config(gateway: PortkeyGateway) -> None:
    config = next(c for c in gateway.list_configs() if c.name == "desktop-support-prod")
    gateway.update_config(config.slug, config.name, {"provider": "@vertex-prod"})


def add_foreign_key(gateway: PortkeyGateway) -> None:
    key = gateway.list_keys()[0]
    gateway.create_key(KeySpec("claude-desktop-ceo-prod", "by hand", key.config or "", {}))


def add_foreign_config(gateway: PortkeyGateway) -> None:
    gateway.create_config("desktop-ceo-prod", {"provider": "@anthropic-prod"})


@pytest.mark.covers("S156", "S169", "S170")
@pytest.mark.parametrize(
    ("happens", "code", "subject", "told"),
    [
        (delete_key, "MISSING", "claude-desktop-support-prod", "deleted or revoked"),
        (raise_budget, "CHANGED", "claude-desktop-support-prod", "99999 USD"),
        (change_config, "CHANGED", "desktop-support-prod", "@vertex-prod"),
        (add_foreign_key, "FOREIGN", "claude-desktop-ceo-prod", "not made through this ledger"),
        (add_foreign_config, "FOREIGN", "desktop-ceo-prod", "not made through this ledger"),
    ],
)
def test_what_happened_at_the_gateway_is_named(
    applied: Pilot, happens: Callable[[PortkeyGateway], None], code: str, subject: str, told: str
) -> None:
    with applied.gateway() as gateway:
        happens(gateway)
    ran = applied.run("drift", "--format", "json")
    assert ran.code == 4
    assert (code, subject) in codes(ran)
    table = applied.run("drift")
    assert table.code == 4
    assert subject in table.out
    assert told in re.sub(r"\s+", " ", table.out)


def edit(dist: Path) -> None:
    path = dist / SETTINGS
    path.write_text(path.read_text().replace("claude-opus-5-5", "claude-haiku-5-5"))


def edit_and_mend_the_manifest(dist: Path) -> None:
    import hashlib

    before = hashlib.sha256((dist / SETTINGS).read_bytes()).hexdigest()
    edit(dist)
    after = hashlib.sha256((dist / SETTINGS).read_bytes()).hexdigest()
    for name in ("manifest.json", "uploads.csv"):
        (dist / name).write_text((dist / name).read_text().replace(before, after))


@pytest.mark.covers("T20")
@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (edit, "EDITED"),
        (edit_and_mend_the_manifest, "EDITED"),
        (lambda dist: (dist / SETTINGS).unlink(), "MISSING"),
        (lambda dist: (dist / SETTINGS).chmod(0o644), "EXPOSED"),
    ],
)
def test_what_happened_to_a_file_is_named(applied: Pilot, happens: Callable[[Path], None], code: str) -> None:
    happens(applied.dist)
    ran = applied.run("drift", "--format", "json")
    assert ran.code == 4
    assert (code, SETTINGS) in codes(ran)
    assert applied.main_job().code == 0
    assert applied.run("drift").code == 0


@pytest.mark.covers("T19")
def test_a_file_of_a_former_revision_is_stale(applied: Pilot) -> None:
    old = (applied.dist / SETTINGS).read_bytes()
    with applied.gateway() as gateway:
        delete_key(gateway)
    applied.main_job()
    (applied.dist / SETTINGS).write_bytes(old)
    ran = applied.run("drift", "--format", "json")
    assert codes(ran) == {("STALE", SETTINGS)}


def test_a_file_that_nobody_wrote_is_named(applied: Pilot) -> None:
    (applied.dist / "support-prod" / "jamf" / "mine.mobileconfig").write_text("?")
    (applied.dist / "notes.txt").write_text("an admin's own file at the top is nobody's business")
    ran = applied.run("drift", "--format", "json")
    assert codes(ran) == {("LEFTOVER", "support-prod/jamf/mine.mobileconfig")}


def test_a_roster_that_moved_on_is_named(applied: Pilot) -> None:
    applied.write_roster("email,team,env\nalice@acme.com,Engineering,prod\nbob@acme.com,Sales,prod\n")
    assert applied.run("drift").code == 0
    ran = applied.run("drift", "--roster", "org.csv", "--format", "json")
    assert ran.code == 4
    assert codes(ran) == {
        ("NOT_APPLIED", "roster"),
        ("NOT_APPLIED", "claude-desktop-sales-prod"),
        ("LEAVER", "claude-desktop-engineering-dev"),
        ("LEAVER", "claude-desktop-support-prod"),
    }


def test_a_policy_that_changed_since_is_named(applied: Pilot) -> None:
    (applied.folder / "provision.toml").write_text('profile = "restricted"\n')
    ran = applied.run("drift", "--roster", "org.csv", "--format", "json")
    assert codes(ran) == {("NOT_APPLIED", "fleet"), ("NOT_APPLIED", "profiles")}


@pytest.mark.covers("T19")
def test_files_of_a_team_that_left_are_seen_when_they_come_back(applied: Pilot) -> None:
    old = (applied.dist / SETTINGS).read_bytes()
    applied.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
    assert applied.main_job("--prune", "--max-revoke", "2").code == 0
    (applied.dist / SETTINGS).parent.mkdir(parents=True)
    (applied.dist / SETTINGS).write_bytes(old)
    assert codes(applied.run("drift", "--format", "json")) == {("LEFTOVER", SETTINGS)}


def test_the_page_tells_the_same(applied: Pilot) -> None:
    with applied.gateway() as gateway:
        delete_key(gateway)
    ran = applied.run("drift", "--html", "drift.html")
    assert ran.code == 4
    page = (applied.folder / "drift.html").read_text()
    assert "claude-desktop-support-prod" in page
    assert "MISSING" in page


def test_the_commands_change_nothing(applied: Pilot) -> None:
    before, calls = applied.files(), len(applied.audit())
    assert applied.run("drift").code == 0
    assert applied.run("plan", "--roster", "org.csv").code == 0
    assert applied.files() == before
    assert {c["method"] for c in applied.audit()[calls:]} <= {"GET"}


def test_json_is_versioned(applied: Pilot) -> None:
    value = json.loads(applied.run("drift", "--format", "json").out)
    assert value["version"] == 1
    assert value["kind"] == "drift"
