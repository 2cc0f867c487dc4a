"""A gateway of the organisation's own: plan and apply in two steps, questions, proof of keys, HOLD."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway_client.bundled.settings import PROVIDERS, HttpUpstream
from gateway_client.contract import KeySpec
from gateway_client.http import Door
from gateway_client.portkey import PortkeyGateway
from gateway_client.url import parse_gateway_url
from provisioner.cli import context
from provisioner.vault import load_key
from tests.support.pilot import ADMIN_TOKEN, Pilot, audit_of, free_port, real_gateway

CHANGING = {"POST", "PUT", "DELETE"}
PROVIDER_OUT_OF_REACH = 'extends = "standard"\n[routing]\nprovider = "@silent-prod"\n'


def changing_calls(url: str) -> list[dict[str, object]]:
    return [c for c in audit_of(url, SecretStr(ADMIN_TOKEN)) if c["method"] in CHANGING]


def test_nobody_there_and_no_yes_changes_nothing(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        ran = pilot.main_job()
        assert ran.code == 2
        assert "nobody is there to confirm 6 changes" in ran.err
        assert "--yes" in ran.err
        assert changing_calls(served.url) == []
    assert not pilot.dist.exists()


@pytest.mark.covers("S190a", "S190c")
def test_with_yes_all_is_made_proven_and_ready(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        ran = pilot.main_job("--yes", "--format", "json")
        assert ran.code == 0, ran.err
        assert {a["state"] for a in ran.json["assignments"]} == {"ready", "key only"}
        assert ran.err.count("proven claude-desktop-") == 3
        settings = json.loads((pilot.dist / "support-prod/files/managed-settings.json").read_text())
        assert settings["env"]["ANTHROPIC_BASE_URL"] == served.url
        again = pilot.main_job("--format", "json")
        assert again.code == 0
        assert again.json["nothing_to_do"] is True
        assert "proven" not in again.err


@pytest.mark.covers("S190a")
def test_a_key_that_fails_a_model_is_on_hold_until_it_works(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pilot.folder / "profiles"
    folder.mkdir()
    (folder / "broken.toml").write_text(PROVIDER_OUT_OF_REACH)
    override = '[[override]]\nteam = "support"\nprofile = "broken"\n'
    out_of_reach = {
        "providers": {**PROVIDERS, "silent-prod": "anthropic"},
        "upstreams": {"silent-prod": HttpUpstream(f"http://127.0.0.1:{free_port()}", SecretStr("a-key"))},
    }
    with real_gateway(pilot, monkeypatch, **out_of_reach):
        fleet = pilot.folder / "provision.toml"
        fleet.write_text(fleet.read_text() + override)
        ran = pilot.main_job("--yes", "--format", "json")
        states = {a["name"]: a["state"] for a in ran.json["assignments"]}
        assert states == {"engineering-prod": "ready", "engineering-dev": "key only", "support-prod": "HOLD"}
        assert ran.code == 3
        uploads = (pilot.dist / "uploads.csv").read_text()
        assert "support-prod" not in uploads
        assert "engineering-prod" in uploads
        manifest = json.loads((pilot.dist / "manifest.json").read_text())
        held = {f["path"] for f in manifest["files"] if "hold" in f}
        assert held
        assert all(path.startswith("support-prod/") for path in held)
        (folder / "broken.toml").write_text('extends = "standard"\n')
        mended = pilot.main_job("--yes", "--format", "json")
        assert mended.code == 0, mended.out
        assert "support-prod" in (pilot.dist / "uploads.csv").read_text()


def test_plan_shows_and_writes_and_changes_nothing(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        ran = pilot.run("plan", "--roster", "org.csv", "-o", "plan.json")
        assert ran.code == 0, ran.err
        assert "mint 3 keys" in ran.out
        assert "alice@acme.com" in ran.out
        assert changing_calls(served.url) == []
        applied = pilot.run("apply", "plan.json")
        assert applied.code == 0, applied.err
        assert len([c for c in changing_calls(served.url) if c["path"].startswith("/v1/api-keys")]) == 3  # type: ignore[union-attr]


@pytest.mark.covers("T19")
def test_a_plan_applies_once(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch):
        pilot.run("plan", "--roster", "org.csv", "-o", "plan.json")
        assert pilot.run("apply", "plan.json").code == 0
        again = pilot.run("apply", "plan.json")
        assert again.code == 2
        assert "stale" in again.err
        assert "ledger" in again.err


@pytest.mark.covers("T19")
@pytest.mark.parametrize("what", ["roster", "fleet", "profiles", "gateway"])
def test_a_plan_is_stale_when_an_input_changed(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    folder = pilot.folder / "profiles"
    folder.mkdir()
    (folder / "own.toml").write_text('extends = "standard"\n')
    with real_gateway(pilot, monkeypatch, fleet='profile = "own"') as served:
        pilot.run("plan", "--roster", "org.csv", "-o", "plan.json")
        fleet = pilot.folder / "provision.toml"
        match what:
            case "roster":
                pilot.write_roster((pilot.folder / "org.csv").read_text() + "zoe@acme.com,Support,prod,,\n")
            case "fleet":
                fleet.write_text('tenant = "acme"\n' + fleet.read_text())
            case "profiles":
                (folder / "own.toml").write_text('extends = "standard"\n[budget]\nusd = 5\n')
            case "gateway":
                _make_a_config(served.url)
        ran = pilot.run("apply", "plan.json")
        assert ran.code == 2
        assert f"{what} changed" in ran.err
        assert not pilot.dist.exists()


def _make_a_config(url: str) -> None:
    with closing(Door(parse_gateway_url(url), SecretStr(ADMIN_TOKEN))) as door:
        PortkeyGateway(door).create_config("somebody-elses", {"provider": "@anthropic-prod"})


@pytest.mark.covers("T19", "T20")
def test_an_edited_plan_is_refused_even_with_its_digests_recomputed(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        pilot.run("plan", "--roster", "org.csv", "-o", "plan.json")
        path = pilot.folder / "plan.json"
        signed = json.loads(path.read_text())
        mint = next(a for a in signed["plan"]["actions"] if a["kind"] == "mint-key")
        mint["key"]["metadata"]["team"] = "ceo"
        path.write_text(json.dumps(signed))
        ran = pilot.run("apply", "plan.json")
        assert ran.code == 2
        assert "edited" in ran.err
        assert changing_calls(served.url) == []


def test_a_plan_of_another_vault_is_refused(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with real_gateway(pilot, monkeypatch):
        pilot.run("plan", "--roster", "org.csv", "-o", "plan.json")
        monkeypatch.setenv("HOME", str(tmp_path / "somebody-else"))
        ran = pilot.run("apply", "plan.json")
        assert ran.code == 2
        assert "another vault key" in ran.err


@pytest.mark.covers("T9")
def test_a_wrong_admin_key_is_told_and_nothing_is_made(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch):
        monkeypatch.setenv("GATEWAY_ADMIN", "wrong-key-that-must-not-be-shown")
        ran = pilot.main_job("--yes")
        assert ran.code == 1
        assert "401" in ran.err or "403" in ran.err
        assert "wrong-key" not in ran.err
        monkeypatch.delenv("GATEWAY_ADMIN")
        missing = pilot.main_job("--yes")
        assert missing.code == 2
        assert "GATEWAY_ADMIN" in missing.err


def test_a_gateway_that_is_down_is_told(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with real_gateway(pilot, monkeypatch):
        pass
    ran = pilot.main_job("--yes")
    assert ran.code == 1
    assert "error:" in ran.err
    assert not pilot.dist.exists()


@pytest.mark.covers("T11", "T19")
def test_a_plan_is_stale_when_a_date_has_come(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    pilot.write_roster(
        "email,team,env,expires\nalice@acme.com,Engineering,prod,\nbob@acme.com,Sales,prod,2099-01-02\n"
    )
    with real_gateway(pilot, monkeypatch) as served:
        assert pilot.main_job("--yes").code == 0
        assert pilot.run("plan", "--roster", "org.csv", "--prune", "-o", "plan.json").code == 0
        monkeypatch.setattr(context, "now", lambda: datetime(2099, 1, 2, tzinfo=UTC))
        ran = pilot.run("apply", "plan.json")
        assert ran.code == 2
        assert "a date has come" in ran.err
        assert "DELETE" not in {c["method"] for c in changing_calls(served.url)}


@pytest.mark.covers("T11")
def test_a_state_belongs_to_one_gateway(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pilot.main_job().code == 0
    with real_gateway(pilot, monkeypatch) as served:
        for command in (("--roster", "org.csv", "--yes"), ("plan", "--roster", "org.csv"), ("drift",)):
            ran = pilot.run(*command)
            assert ran.code == 2
            assert "belongs to the bundled gateway" in ran.err
        assert changing_calls(served.url) == []
        assert pilot.main_job("--yes", "--state", "other", "--out", "other-dist").code == 0


@pytest.mark.covers("T18")
def test_another_users_vault_key_is_told_before_anything_is_made(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        assert pilot.main_job("--yes").code == 0
        made = len(changing_calls(served.url))
        monkeypatch.setenv("HOME", str(tmp_path / "bob"))
        (tmp_path / "bob" / ".config" / "provision").mkdir(parents=True)
        load_key(tmp_path / "bob" / ".config" / "provision" / "vault.key", may_create=True)
        pilot.write_roster((pilot.folder / "org.csv").read_text() + "zoe@acme.com,Sales,prod,,\n")
        ran = pilot.main_job("--yes")
        assert ran.code == 1
        assert "doesn't open with this vault key" in ran.err
        assert len(changing_calls(served.url)) == made


def test_a_description_that_somebody_changed_is_set_back(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real_gateway(pilot, monkeypatch) as served:
        assert pilot.main_job("--yes").code == 0
        with closing(Door(parse_gateway_url(served.url), SecretStr(ADMIN_TOKEN))) as door:
            gateway = PortkeyGateway(door)
            key = gateway.list_keys()[0]
            changed = KeySpec(key.name, f"{key.description} (bob)", key.config or "", key.metadata)
            gateway.update_key(key.id, changed)
            assert pilot.main_job("--yes").code == 0
            assert {k.description for k in gateway.list_keys() if k.id == key.id} == {key.description}


def test_claude_desktops_organisation_stays_when_the_tenant_is_named_later(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def organisation() -> str:
        path = pilot.dist / "support-prod/files/claude-desktop.managed-settings.json"
        return str(json.loads(path.read_text())["deploymentOrganizationUuid"])

    with real_gateway(pilot, monkeypatch):
        assert pilot.main_job("--yes").code == 0
        first = organisation()
        fleet = pilot.folder / "provision.toml"
        fleet.write_text('tenant = "acme-group"\n' + fleet.read_text())
        assert pilot.main_job("--yes").code == 0
        assert organisation() == first
