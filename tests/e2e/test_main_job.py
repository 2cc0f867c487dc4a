"""The main job as an admin runs it, with the bundled gateway: first run, second run, changes, refusals."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from gateway_client.contract import KeySpec
from tests.support.pilot import Pilot

CHANGING = {"POST", "PUT", "DELETE", "PATCH"}


@pytest.mark.covers("S150", "S155", "S156", "S167", "S168", "S105")
def test_a_first_run_makes_configs_keys_and_artifacts(pilot: Pilot) -> None:
    ran = pilot.main_job()
    assert ran.code == 0, ran.err
    with pilot.gateway() as gateway:
        keys = {k.name: k for k in gateway.list_keys()}
        configs = {c.name: c for c in gateway.list_configs()}
    teams = ("engineering-prod", "engineering-dev", "support-prod")
    assert set(keys) == {f"claude-desktop-{t}" for t in teams}
    assert set(configs) == {f"desktop-{t}" for t in teams}
    key = keys["claude-desktop-engineering-prod"]
    assert key.metadata == {"tenant": "acme", "team": "engineering", "env": "prod"}
    assert key.config == configs["desktop-engineering-prod"].slug
    # engineering-dev is nobody's first row: a key, and no artifacts
    assert {p.name for p in pilot.dist.iterdir() if p.is_dir()} == {"engineering-prod", "support-prod"}
    assert "alice@acme.com" in ran.out
    assert "engineering-dev" in ran.out
    assert "dist/index.html" in ran.out


def test_a_second_run_changes_no_byte_and_calls_nothing_that_changes(pilot: Pilot) -> None:
    pilot.main_job()
    before, calls = pilot.files(), len(pilot.audit())
    times = {p: p.stat().st_mtime_ns for p in pilot.dist.rglob("*")}
    ran = pilot.main_job()
    assert ran.code == 0
    assert "nothing to do" in ran.out
    assert pilot.files() == before
    assert {p: p.stat().st_mtime_ns for p in pilot.dist.rglob("*")} == times
    later = pilot.audit()[calls:]
    assert later
    assert [c for c in later if c["method"] in CHANGING] == []


def test_two_desks_with_the_same_input_differ_only_in_their_keys(tmp_path: Path) -> None:
    from tests.support.pilot import new_pilot

    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        desk = new_pilot(tmp_path / name)
        (desk.state / "gateway.json").unlink()
        assert desk.main_job().code == 0
        made.append({p for p in desk.files() if not p.endswith((".json", ".html"))})
    assert made[0] == made[1]


@pytest.mark.covers("T2")
def test_files_that_hold_a_key_are_private_and_say_so(pilot: Pilot) -> None:
    pilot.main_job()
    manifest = json.loads((pilot.dist / "manifest.json").read_text())
    holders = {f["path"]: f for f in manifest["files"] if f["holds_secret"]}
    assert "engineering-prod/files/managed-settings.json" in holders
    for path, entry in holders.items():
        assert stat.S_IMODE((pilot.dist / path).stat().st_mode) == 0o600, path
        assert entry["mode"] == "0600"
        assert entry["key"]["readable_on_device_by"]
    secret = json.loads((pilot.dist / "engineering-prod/files/managed-settings.json").read_text())["env"][
        "ANTHROPIC_AUTH_TOKEN"
    ]
    with_secret = {
        p
        for p, data in pilot.files().items()
        if secret.encode() in data or secret.encode("utf-16-le") in data
    }
    assert with_secret <= set(holders)
    assert all(stat.S_IMODE(p.stat().st_mode) == 0o700 for p in pilot.dist.rglob("*") if p.is_dir())


def test_the_manifest_and_uploads_describe_the_files(pilot: Pilot) -> None:
    import csv
    import hashlib

    pilot.main_job()
    manifest = json.loads((pilot.dist / "manifest.json").read_text())
    described = {f["path"]: f["sha256"] for f in manifest["files"]}
    on_disk = {p: hashlib.sha256(d).hexdigest() for p, d in pilot.files().items()}
    assert {p: on_disk[p] for p in described} == described
    assert set(on_disk) - set(described) == {"manifest.json", "uploads.csv", "index.html"}
    with (pilot.dist / "uploads.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["order"] for row in rows] == [str(n) for n in range(1, len(rows) + 1)]
    assert {row["mdm"] for row in rows} == {"jamf", "kandji", "intune", "files"}
    for row in rows:
        assert described[row["file"]] == row["sha256"]
        assert (pilot.dist / row["scope_file"]).exists()


def test_scope_holds_the_people_whose_devices_get_it(pilot: Pilot) -> None:
    pilot.main_job()
    assert (pilot.dist / "engineering-prod" / "scope.csv").read_text() == (
        "email,serial,platform,device_name,mdm,mdm_id,ring\n"
        "alice@acme.com,C02AAAAAAAA1,macos,,,,\nbob@acme.com,,windows,,,,\n"
    )


@pytest.mark.covers("S155", "T2")
def test_the_tables_name_everybody_and_are_private(pilot: Pilot) -> None:
    pilot.main_job()
    lines = (pilot.dist / "assignments.csv").read_text().splitlines()
    assert [line.split(",")[0] + line[line.rindex(",") :] for line in lines[1:]] == [
        "alice@acme.com,artifact",
        "alice@acme.com,key-only",
        "bob@acme.com,artifact",
        "carol@acme.com,artifact",
    ]
    assert (pilot.dist / "not-covered.csv").read_text() == "kind,id,reason,next_step,detail\n"
    assert not (pilot.dist / "_once").exists()
    manifest = {f["path"]: f for f in json.loads((pilot.dist / "manifest.json").read_text())["files"]}
    for name in ("assignments.csv", "not-covered.csv", "support-prod/scope.csv"):
        assert stat.S_IMODE((pilot.dist / name).stat().st_mode) == 0o600
        assert (manifest[name]["mode"], manifest[name]["personal"]) == ("0600", True)


def test_a_joiner_changes_the_scope_and_no_settings(pilot: Pilot) -> None:
    pilot.main_job()
    before = pilot.files()
    pilot.write_roster((pilot.folder / "org.csv").read_text() + "dave@acme.com,Support,prod,,\n")
    ran = pilot.main_job("--format", "json")
    assert ran.code == 0
    changed = {p for p, data in pilot.files().items() if before.get(p) != data}
    assert changed == {"support-prod/scope.csv", "assignments.csv", "manifest.json", "index.html"}
    assert ran.json["keys"]["kept"] == 3


@pytest.mark.covers("T11")
def test_a_team_that_left_is_listed_not_revoked_and_its_files_go(pilot: Pilot) -> None:
    pilot.main_job()
    pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
    ran = pilot.main_job()
    assert ran.code == 0, ran.err
    assert "claude-desktop-support-prod" in ran.out
    assert "--prune" in ran.out
    assert not (pilot.dist / "support-prod").exists()
    assert "support-prod/files/managed-settings.json" in ran.out
    with pilot.gateway() as gateway:
        assert "claude-desktop-support-prod" in {k.name for k in gateway.list_keys()}


@pytest.mark.covers("T11")
def test_pruning_many_keys_needs_their_number(pilot: Pilot) -> None:
    pilot.main_job()
    pilot.write_roster("email,team,env\nalice@acme.com,Engineering,prod\n")
    refused = pilot.main_job("--prune")
    assert refused.code == 2
    assert "revokes 2 of 3 live keys" in refused.err
    assert "--max-revoke 2" in refused.err
    assert pilot.main_job("--prune", "--max-revoke", "1").code == 2
    with pilot.gateway() as gateway:
        assert len(gateway.list_keys()) == 3
    done = pilot.main_job("--prune", "--max-revoke", "2", "--format", "json")
    assert done.code == 0
    assert done.json["keys"]["revoked"] == 2
    with pilot.gateway() as gateway:
        assert [k.name for k in gateway.list_keys()] == ["claude-desktop-engineering-prod"]


@pytest.mark.covers("T11")
@pytest.mark.parametrize("roster", ["", "email,team,env\n", "email;team;env\n\n"])
def test_an_empty_roster_revokes_nothing_even_with_prune(pilot: Pilot, roster: str) -> None:
    pilot.main_job()
    pilot.write_roster(roster)
    ran = pilot.main_job("--prune", "--max-revoke", "99")
    assert ran.code == 2
    with pilot.gateway() as gateway:
        assert len(gateway.list_keys()) == 3


def test_all_problems_of_all_files_come_at_once_and_nothing_happens(pilot: Pilot) -> None:
    pilot.write_roster("email,team,env\nnot-an-address,Engineering,prod\nalice@acme.com,,prod\n")
    (pilot.folder / "provision.toml").write_text('profle = "standard"\n[gateway]\nprodukt = "x"\n')
    ran = pilot.main_job()
    assert ran.code == 2
    for told in ("org.csv:2", "org.csv:3", "profle", "did you mean", "produkt"):
        assert told in ran.err, told
    assert not pilot.dist.exists()
    assert not (pilot.state / "ledger.db").exists()


@pytest.mark.covers("T7")
@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example.com",
        "https://u:p@gw.example.com",
        "https://169.254.169.254",
        "https://gw.example.com/v1",
    ],
)
def test_a_bad_gateway_url_is_an_input_problem(pilot: Pilot, url: str) -> None:
    (pilot.folder / "provision.toml").write_text(
        f'[gateway]\nproduct = "portkey"\nurl = "{url}"\nadmin_key = {{ env = "X" }}\n'
    )
    ran = pilot.main_job()
    assert ran.code == 2
    assert "gateway.url: BAD_URL" in ran.err


@pytest.mark.covers("T2")
def test_a_git_work_tree_that_does_not_ignore_dist_is_refused(pilot: Pilot) -> None:
    subprocess.run(["git", "init", "-q", str(pilot.folder)], check=True)
    ran = pilot.main_job()
    assert ran.code == 2
    assert "not ignored there" in ran.err
    assert "/dist/" in ran.err
    assert not pilot.dist.exists()
    assert not (pilot.state / "gateway.db").exists()


@pytest.mark.covers("T23")
def test_what_cannot_be_rendered_is_told_before_anything_is_minted(
    pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provisioner.render import plainfiles

    monkeypatch.setattr(plainfiles, "read_json", lambda _data: {})
    ran = pilot.main_job()
    assert ran.code == 70
    assert "does not read back" in ran.err
    assert [c for c in pilot.audit() if c["method"] in CHANGING] == []


def test_what_was_edited_or_deleted_in_dist_is_mended(pilot: Pilot) -> None:
    pilot.main_job()
    before = pilot.files()
    (pilot.dist / "support-prod/files/managed-settings.json").write_text("{}")
    (pilot.dist / "index.html").unlink()
    (pilot.dist / "engineering-prod/files/managed-settings.json").chmod(0o644)
    ran = pilot.main_job("--format", "json")
    assert ran.json["written"] == 3
    assert pilot.files() == before
    assert stat.S_IMODE((pilot.dist / "engineering-prod/files/managed-settings.json").stat().st_mode) == 0o600


def test_a_key_deleted_behind_our_back_is_minted_anew_and_its_files_change(pilot: Pilot) -> None:
    pilot.main_job()
    path = pilot.dist / "support-prod/files/managed-settings.json"
    before = json.loads(path.read_text())["env"]
    with pilot.gateway() as gateway:
        key = next(k for k in gateway.list_keys() if k.name == "claude-desktop-support-prod")
        gateway.delete_key(key.id)
    assert pilot.main_job().code == 0
    after = json.loads(path.read_text())["env"]
    assert after["ANTHROPIC_AUTH_TOKEN"] != before["ANTHROPIC_AUTH_TOKEN"]
    assert '"rev":"1"' in before["ANTHROPIC_CUSTOM_HEADERS"]
    assert '"rev":"2"' in after["ANTHROPIC_CUSTOM_HEADERS"]


@pytest.mark.covers("T1")
def test_a_foreign_key_blocks_its_team_and_the_rest_is_done(pilot: Pilot) -> None:
    pilot.main_job()
    spec = KeySpec(name="claude-desktop-sales-prod", description="made by hand", config="", metadata={})
    with pilot.gateway() as gateway:
        config = gateway.list_configs()[0].slug
        foreign = gateway.create_key(KeySpec(**{**_fields(spec), "config": config}))
    pilot.write_roster(
        (pilot.folder / "org.csv").read_text() + "dave@acme.com,Sales,prod,,\nerin@acme.com,Ops,prod,,\n"
    )
    ran = pilot.main_job("--format", "json")
    assert ran.code == 3
    states = {a["name"]: a["state"] for a in ran.json["assignments"]}
    assert states["sales-prod"] == "no key"
    assert states["ops-prod"] == "ready"
    assert any("FOREIGN" in f["why"] for f in ran.json["failures"])
    with pilot.gateway() as gateway:
        assert foreign.id in {k.id for k in gateway.list_keys()}


def _fields(spec: KeySpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in spec.__slots__}


@pytest.mark.covers("S192", "C10")
def test_keys_per_person_carry_the_person_and_their_end(pilot: Pilot) -> None:
    (pilot.folder / "provision.toml").write_text('[keys]\nscope = "person"\n')
    pilot.write_roster(
        "email,team,env,expires\nalice@acme.com,Engineering,prod,\nbob@acme.com,Engineering,prod,2099-12-31\n"
    )
    assert pilot.main_job().code == 0
    with pilot.gateway() as gateway:
        keys = {k.metadata["user"]: k for k in gateway.list_keys()}
    assert set(keys) == {"alice@acme.com", "bob@acme.com"}
    assert keys["bob@acme.com"].metadata["_user"] == "bob@acme.com"
    assert f"{keys['bob@acme.com'].expires_at:%Y-%m-%d}" == "2099-12-31"
    assert keys["alice@acme.com"].expires_at is None
    manifest = json.loads((pilot.dist / "manifest.json").read_text())
    persons = {f["path"].partition("/")[2]: f["person"] for f in manifest["files"] if f["mdm"] != "intune"}
    assert {
        p for path, p in persons.items() if path.endswith((".mobileconfig", "managed-settings.json"))
    } == {"key"}


def test_the_version_and_the_help_are_there(pilot: Pilot) -> None:
    assert pilot.run("--version").code == 0
    ran = pilot.run()
    assert ran.code == 0
    assert "--roster" in ran.out


def test_native_windows_is_refused_with_a_hint(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    import provisioner.cli.main as main_module

    class Nt:
        name = "nt"

    monkeypatch.setattr(main_module, "os", Nt)
    ran_code = main_module.run_command(["--roster", "org.csv"])
    assert ran_code == 2


def test_problems_come_as_json_too(pilot: Pilot) -> None:
    pilot.write_roster("email,team,env\nnobody,Engineering,prod\n")
    ran = pilot.main_job("--format", "json")
    assert ran.code == 2
    assert [(p["file"], p["row"]) for p in ran.json["problems"]] == [("org.csv", 2)]
    assert "org.csv:2" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--roster", "nope.csv"), 2, "can't read nope.csv"),
        (("--roster", "org.csv", "--fleet", "nope.toml"), 2, "can't read nope.toml"),
        (("--roster", "org.csv", "--profiles", "nope"), 2, "not a folder of profiles"),
        (("--roster", "org.csv", "--state", "/proc/nope"), 1, "no such file or directory: /proc/nope"),
        (("--prune", "drift"), 2, "put --prune after drift"),
        (("--format", "json", "drift"), 2, "put --format after drift"),
        (("apply", "org.csv"), 2, "not a plan file"),
        (("profiles", "show", "standrd"), 2, 'did you mean "standard"'),
        (("drfit",), 2, "No such command"),
    ],
)
def test_bad_usage_is_one_clear_line(pilot: Pilot, arguments: tuple[str, ...], code: int, told: str) -> None:
    ran = pilot.run(*arguments)
    assert ran.code == code
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_init_writes_a_fleet_file_that_changes_nothing_and_never_overwrites(pilot: Pilot) -> None:
    assert pilot.run("init").code == 0
    assert pilot.main_job().code == 0
    (pilot.folder / "provision.toml").write_text("mine = 1")
    ran = pilot.run("init")
    assert ran.code == 2
    assert (pilot.folder / "provision.toml").read_text() == "mine = 1"


def test_profiles_show_where_values_come_from(pilot: Pilot) -> None:
    value = pilot.run("profiles", "show", "restricted", "--format", "json").json
    assert value["chain"] == ["restricted", "standard"]
    assert value["origins"]["models.opus"] == "standard"
    assert value["origins"]["budget.usd"] == "restricted"
    assert value["config"] == {"provider": "@anthropic-prod", "forward_headers": ["anthropic-beta"]}
    listed = pilot.run("profiles", "list")
    assert listed.code == 0
    assert "restricted  standard" in listed.out
    assert "budget.usd" in pilot.run("profiles", "show", "restricted").out


def test_roster_check_touches_nothing(pilot: Pilot) -> None:
    ran = pilot.run("roster", "check", "org.csv", "--format", "json")
    assert ran.code == 0
    assert {a["name"]: (a["devices_of"], a["key_only"]) for a in ran.json["assignments"]} == {
        "engineering-prod": (2, 0),
        "engineering-dev": (0, 1),
        "support-prod": (1, 0),
    }
    assert "no problems" in pilot.run("roster", "check", "org.csv").out
    assert not (pilot.state / "ledger.db").exists()


def test_a_profile_that_an_mdm_would_change_is_told_before_anything_is_minted(pilot: Pilot) -> None:
    (pilot.folder / "profiles").mkdir()
    (pilot.folder / "profiles" / "own.toml").write_text(
        'extends = "standard"\n[claude_code]\ncompanyAnnouncements = ["Welcome, $USERNAME"]\n'
    )
    (pilot.folder / "provision.toml").write_text('profile = "own"\n')
    ran = pilot.main_job()
    assert ran.code == 2
    assert "$USERNAME" in ran.err
    assert [c for c in pilot.audit() if c["method"] in CHANGING] == []


def test_only_the_envs_of_the_fleet_file_are_taken(pilot: Pilot) -> None:
    (pilot.folder / "provision.toml").write_text('[roster]\nenvs = ["prod", "dev"]\n')
    assert pilot.run("roster", "check", "org.csv").code == 0
    pilot.write_roster("email,team,env\nalice@acme.com,Engineering,porduction\n")
    ran = pilot.main_job()
    assert ran.code == 2
    assert "ENV_UNKNOWN" in ran.err
