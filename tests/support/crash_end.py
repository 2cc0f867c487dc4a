"""What must be true of a desk when a run has come to its end, whatever broke off before it (T1)."""

from __future__ import annotations

import json
from collections import Counter

from provisioner import files, naming
from provisioner.errors import EXIT_DRIFT
from tests.support.crash_desk import Desk


def check(
    desk: Desk,
    teams: frozenset[str],
    *,
    revision: int = 1,
    blocked: frozenset[str] = frozenset(),
    code: int = 0,
    more: tuple[str, ...] = (),
) -> None:
    """Check everything.

    Args:
        desk: where runs broke off, and one came to its end.
        teams: the assignments that have a key.
        revision: the number that each of them carries.
        blocked: those whose key's name a foreign key has.
        code: the exit code of any further run.
        more: further arguments of the main job.
    """
    check_keys(desk, teams)
    check_configs(desk, teams | blocked)
    check_foreign(desk)
    check_revisions(desk, teams, revision)
    check_drift(desk, blocked)
    check_nothing_left_to_do(desk, code, more)


def check_keys(desk: Desk, teams: frozenset[str]) -> None:
    """Live keys are the ledger's keys, each secret is in the vault, in the artifacts, and works."""
    live = desk.ours()
    with desk.books() as (snapshot, vault):
        assert not snapshot.key_intents, "open intents"
        assert not snapshot.config_intents, "open intents"
        assert sorted(k.id for k in live) == sorted(r.id for r in snapshot.keys.values()), "live = ledger"
        assert sorted(k.name for k in live) == sorted(f"{naming.KEY_PREFIX}{team}" for team in teams)
        for team in teams:
            record = snapshot.keys[f"{naming.KEY_PREFIX}{team}"]
            secret = vault.open(record.secret.vault_id)
            assert secret is not None, f"the secret of {team} is not in the vault"
            assert not record.failures, f"the key of {team} is on HOLD"
            assert desk.accepts(secret), f"the gateway refuses the key of {team}"
            settings = json.loads((desk.pilot.dist / team / "files/managed-settings.json").read_bytes())
            token = settings["env"]["ANTHROPIC_AUTH_TOKEN"]
            assert token == secret.get_secret_value(), f"the artifacts of {team} hold another key"


def check_configs(desk: Desk, teams: frozenset[str]) -> None:
    """There is one config of each name, and the ledger knows it."""
    configs = [c for c in desk.gateway.list_configs() if c.name.startswith(naming.CONFIG_PREFIX)]
    names = Counter(c.name for c in configs)
    assert set(names.values()) <= {1}, f"configs of one name: {names}"
    with desk.books() as (snapshot, _vault):
        assert {c.name: c.slug for c in configs} == {r.name: r.slug for r in snapshot.configs.values()}
    assert {f"{naming.CONFIG_PREFIX}{team}" for team in teams} <= set(names)


def check_foreign(desk: Desk) -> None:
    """Foreign keys are what they were, to the last byte, and work."""
    assert json.dumps(desk.foreign_now()) == json.dumps([key.told for key in desk.foreign])
    assert all(desk.accepts(key.secret) for key in desk.foreign)


def check_revisions(desk: Desk, teams: frozenset[str], revision: int) -> None:
    """However often it broke off, one change of the settings raised the revision by one (T19)."""
    with desk.books() as (snapshot, _vault):
        assert snapshot.folder is not None
        revisions = {name: told.number for name, told in snapshot.folder.revisions.items() if name in teams}
    assert revisions == dict.fromkeys(teams, revision)


def check_drift(desk: Desk, blocked: frozenset[str] = frozenset()) -> None:
    """The output folder is whole, with nothing else in it; the foreign keys are all there is to report."""
    with desk.books() as (snapshot, _vault):
        assert snapshot.folder is not None
        delivered = sorted(snapshot.folder.files)
    assert [path.as_posix() for path in sorted(files.walk(desk.pilot.dist))] == delivered
    ran = desk.run_here("drift", "--format", "json")
    expected = [("FOREIGN", key.name) for key in desk.foreign]
    expected += [("NOT_APPLIED", f"{naming.KEY_PREFIX}{team}") for team in blocked]
    assert ran.code == (EXIT_DRIFT if expected else 0), ran.err
    assert sorted((f["code"], f["subject"]) for f in ran.json["findings"]) == sorted(expected)


def check_nothing_left_to_do(desk: Desk, code: int, more: tuple[str, ...]) -> None:
    """A further run changes nothing: no call that changes, no byte, no event."""
    calls, contents = desk.changing_calls(), desk.pilot.files()
    with desk.books() as (before, _vault):
        pass
    ran = desk.main_job_here("--format", "json", *more)
    assert ran.code == code, ran.err
    assert ran.json["nothing_to_do"], ran.out
    assert desk.changing_calls() == calls
    assert desk.pilot.files() == contents
    with desk.books() as (after, _vault):
        assert after.head == before.head
