"""`--pseudonymise` from the outside: all commands, on stdout, on stderr, in pages and in errors (T30)."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provisioner import naming
from tests.support.pilot import Pilot, Ran

pytestmark = pytest.mark.covers("T30")

FLEET = '[keys]\nscope = "person"\n'
WHO = ("alice", "bob", "carol", "C02AAAAAAAA1", "acme.com")
SUFFIXES = [naming.person_suffix(f"{name}@acme.com")[-6:] for name in ("alice", "bob", "carol")]
MASK = "--pseudonymise"


@pytest.fixture
def desk(pilot: Pilot) -> Pilot:
    """A desk with a key for each person."""
    (pilot.folder / "provision.toml").write_text(FLEET)
    return pilot


def raw(*texts: str) -> list[str]:
    told = "\n".join(texts).casefold()
    return [word for word in (*WHO, *SUFFIXES) if word.casefold() in told]


def clean(ran: Ran, code: int = 0) -> Ran:
    assert raw(ran.out, ran.err) == []
    assert ran.code == code, ran.err
    return ran


def test_every_command_tells_pseudonyms_only(desk: Pilot) -> None:
    assert "alice" in desk.run("plan", "--roster", "org.csv").out, "without the option nothing is hidden"
    plan = clean(desk.run("plan", "--roster", "org.csv", "-o", "plan.json", MASK))
    assert raw((desk.folder / "plan.json").read_text()), "what is applied stays as it is"
    clean(desk.run("plan", "--roster", "org.csv", "--format", "json", MASK))
    clean(desk.run("apply", "plan.json", MASK))
    clean(desk.main_job("--format", "json", MASK))
    clean(desk.run("roster", "check", "org.csv", MASK))
    clean(desk.run("roster", "check", "org.csv", "--format", "json", MASK))
    told = clean(desk.run("roster", "explain", "Alice@ACME.com", "--roster", "org.csv", MASK))
    [person] = set(re.findall(r"identity +(person-\w{10})", told.out))
    assert person in plan.out, "the same person has the same pseudonym in every report"
    clean(desk.run("roster", "explain", "C02AAAAAAAA1", "--roster", "org.csv", "--format", "json", MASK))
    clean(desk.run("roster", "unmatched", "--roster", "org.csv", MASK))
    clean(desk.run("roster", "headers", "org.csv", MASK))
    (desk.folder / "old.csv").write_text("email,team,env\nbob@acme.com,Support,prod\n")
    for form in ("table", "json", "csv"):
        clean(desk.run("roster", "diff", "old.csv", "org.csv", "--format", form, MASK))
    clean(desk.run("key", "list", MASK))
    clean(desk.run("key", "list", "--format", "json", MASK))
    clean(desk.run("key", "write", "bob@acme.com", "--to", "handed.key", MASK))


def test_drift_names_nobody_even_without_a_roster(desk: Pilot) -> None:
    desk.main_job()
    for path in desk.dist.rglob("*.mobileconfig"):
        path.write_bytes(path.read_bytes() + b"\n")
    desk.write_roster("email,team,env\nbob@acme.com,Engineering,prod\n")
    for extra in ([], ["--roster", "org.csv"], ["--format", "json"]):
        clean(desk.run("drift", *extra, MASK, "--html", "drift.html"), code=4)
        page = (desk.folder / "drift.html").read_text()
        assert raw(page) == []
        assert "claude-desktop-engineering-prod-person-" in page or "engineering-prod-person-" in page
    assert "alice" in desk.run("drift", "--html", "open.html").out
    clean(desk.run("plan", "--roster", "org.csv", MASK))  # leavers are in the ledger only


@pytest.mark.parametrize(
    "rows",
    [
        "alice@acme,Engineering,prod,alice,",
        "alice@acme.com,Engineering,prod,Alice,C02AAAAAAAA1\nbob@acme.com,Engineering,prod,,C02AAAAAAAA1",
        "alice@acme.com,Engineering,prod,Alice,\nalice@acme.com,Engineering,dev,Carol Bob,",
        "alice+a@acme.com,Engineering,prod,,\nalice@acme.com,Engineering,prod,,",
        "alice@acme.com;bob@acme.com,Engineering,prod,,",
        "=alice@acme.com,Engineering,prod,,",
    ],
)
def test_a_broken_roster_names_nobody(desk: Pilot, rows: str) -> None:
    desk.write_roster(f"email,team,env,name,serial\n{rows}\n")
    for extra in ([], ["--format", "json"]):
        ran = clean(desk.run("roster", "check", "org.csv", *extra, MASK), code=2)
        assert "org.csv:" in ran.err
        assert not extra or json.loads(ran.out)["problems"]


def test_whom_somebody_asked_for_is_not_repeated(desk: Pilot) -> None:
    ran = clean(desk.run("roster", "explain", "alicia", "--roster", "org.csv", MASK), code=2)
    assert re.search(r"nobody and nothing in the roster is called value-\w{10}", ran.err)
    assert re.search(r"the nearest: person-\w{10}", ran.err)
    clean(desk.run("roster", "explain", "alice@acme.com", "bob@acme.com", MASK), code=2)


def test_pseudonyms_hang_on_the_vault_key(
    desk: Pilot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told() -> str:
        return desk.run("roster", "explain", "bob@acme.com", "--roster", "org.csv", MASK).out

    first = told()
    assert "person-" in first
    assert told() == first
    other = tmp_path / "another user"
    other.mkdir()
    monkeypatch.setenv("HOME", str(other))
    other_names = told()
    assert "person-" in other_names
    assert other_names != first
    [key] = other.rglob("vault.key")
    key.chmod(0o644)
    ran = desk.run("roster", "check", "org.csv", MASK)
    assert (ran.code, ran.out) == (1, "")
    assert "can be read by others" in ran.err


def test_the_option_ends_with_its_run(desk: Pilot) -> None:
    clean(desk.run("roster", "check", "org.csv", MASK))
    assert "alice@acme.com" in desk.run("roster", "explain", "alice@acme.com", "--roster", "org.csv").out
