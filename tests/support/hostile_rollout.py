"""Renders any roster in memory, and checks that nothing hostile came through into an artifact.

Every artifact is compared with its twin: what a roster gives that names the same teams by their slugs.
What differs is what hostile text got into, and that may only be text on a page.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, cast

from pydantic import SecretStr

from gateway_client.contract import KeySpec
from provisioner import assets, naming, project
from provisioner.assign import Assignment, Coverage, RulesAt, cover
from provisioner.deliver import Press
from provisioner.fleet import Fleet, load_fleet
from provisioner.ledger.model import KeyRecord, Snapshot
from provisioner.policy.load import resolve_all
from provisioner.policy.model import Policy
from provisioner.render.templates import Templates
from provisioner.report import roster as roster_report
from provisioner.roster import Plain, join, read_roster
from provisioner.secret import SecretRef, fingerprint
from provisioner.vault import Vault
from tests.render.samples import code_headers, desktop_headers
from tests.render.windows_samples import body
from tests.support.readback import (
    Page,
    cells,
    check_terminal,
    on_devices,
    strict_json,
)

TODAY = date(2026, 11, 20)
ORGANIZATION = "11111111-2222-5333-8444-555555555555"
BASE_URL = "https://gw.acme.com"
KEY = "pk-hostile-test-" + "0" * 32
TEMPLATES = Templates(assets.template_texts())
RULES_AT = RulesAt("provision.toml")
FLEET = "[intune]\nremediation_key = {consent}\n[keys]\nscope = {scope}\n[roster]\nmetadata = [{metadata}]\n"


def fleet(*, person: bool = False, consent: bool = True, metadata: tuple[str, ...] = ()) -> Fleet:
    text = FLEET.format(
        consent=json.dumps(consent),
        scope=json.dumps("person" if person else "team"),
        metadata=", ".join(map(json.dumps, metadata)),
    )
    return load_fleet(text, "provision.toml")


POLICIES = {
    name: resolved.policy
    for name, resolved in resolve_all(
        ["standard"], assets.profile_texts(), project.profile_labels(Fleet())
    ).items()
}


class OneKey:
    """A vault that opens everything to the same key, so that twins differ in nothing but their text."""

    def open(self, _vault_id: str) -> SecretStr:
        return SecretStr(KEY)


def assigned(data: bytes, of: Fleet) -> tuple[Plain, Coverage]:
    """Return a roster and who gets what; raise `InputError` for one that is refused."""
    roster = read_roster(data, file="org.csv", today=TODAY, options=project.roster_options(of))
    return roster, covered(roster, of, POLICIES)


def covered(roster: Plain, of: Fleet, policies: Mapping[str, Policy]) -> Coverage:
    return cover(join.of_plain(roster), of, policies, today=TODAY, rules_at=RULES_AT)


def rendered(coverage: Coverage, of: Fleet) -> dict[str, bytes]:
    """Return every file of the output folder, sealed."""
    assignments = coverage.assignments
    reference = SecretRef("one", fingerprint(KEY))
    keys = {
        a.key_name: KeyRecord(a.key_name, "id-1", reference, KeySpec(a.key_name, "", "pc-1", a.key_metadata))
        for a in assignments
    }
    domains = tuple(sorted({e.email.partition("@")[2] for a in assignments for e in a.members}))
    press = Press(of, BASE_URL, ORGANIZATION, domains, TEMPLATES, cast(Vault, OneKey()))
    return dict(press.prepare(coverage, Snapshot("ledger", keys=keys), Path("dist")).contents)


def roster_of(*rows: tuple[str, ...], header: tuple[str, ...] = ("email", "team", "env")) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return text.getvalue().encode("utf-8", "surrogatepass")


PERSONS = {
    "jamf": "$EMAIL",
    "jamf, by domain": "$EMAIL",
    "kandji": "$EMAIL",
    "intune, mac": "{{mail}}",
    "intune, mac, graph": "{{mail}}",
    "script": "__AIGATEWAY_PERSON__",
    "script, graph": "__AIGATEWAY_PERSON__",
}
"""What stands for the person where the assignment is a team's."""


def labels(assignment: Assignment, way: str) -> list[tuple[str, str]]:
    """Return the metadata that a client must send, in order."""
    person = assignment.person or PERSONS.get(way)
    who = [] if person is None else [person]
    return [
        ("tenant", assignment.tenant),
        *(("user", p) for p in who),
        ("team", assignment.team),
        ("env", assignment.env),
        *(("_user", p) for p in who),
        ("rev", "1"),
        *assignment.extra_metadata,
    ]


def without_header(code: Any, desktop: Any) -> tuple[Any, Any]:
    env = {name: value for name, value in code["env"].items() if name != "ANTHROPIC_CUSTOM_HEADERS"}
    rest = {name: value for name, value in desktop.items() if name != "inferenceCustomHeaders"}
    return {**code, "env": env}, rest


PLAIN = {
    consent: rendered(
        assigned(roster_of(("a@acme.com", "plain", "prod")), fleet(consent=consent))[1],
        fleet(consent=consent),
    )
    for consent in (True, False)
}
EXPECTED = {way: without_header(*both) for way, both in on_devices(PLAIN[True], "plain-prod").items()}
SHIPPED = assets.template_texts()
SCRIPTS = {
    name: SHIPPED[f"windows/{name}.ps1.j2"]
    .replace('{% include "windows/device.ps1.j2" %}\n', SHIPPED["windows/device.ps1.j2"])
    .replace("{{ literal }}", "")
    .encode()
    for name in ("detect", "remediate")
}
"""The scripts as they are shipped, with nothing in their literal."""
TEMPLATE_FILES = ("ClaudeCode.admx", "ClaudeCode.adml", "Claude.admx", "Claude.adml")
SAFE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}[A-Za-z0-9]\Z")


def check_names(files: Mapping[str, bytes]) -> None:
    """Every path stays below the folder and is a file's name on every system."""
    for path in files:
        parts = PurePosixPath(path).parts
        assert not PurePosixPath(path).is_absolute()
        for part in parts:
            assert SAFE_PART.match(part), path
            assert part.partition(".")[0].lower() not in naming.RESERVED
    assert len({path.casefold() for path in files}) == len(files)


def check_devices(files: Mapping[str, bytes], assignments: tuple[Assignment, ...]) -> None:
    """On every way each product gets the plain roster's settings, and our one header with our labels."""
    for assignment in assignments:
        if not assignment.members:
            continue
        for way, (code, desktop) in on_devices(files, assignment.name).items():
            assert without_header(code, desktop) == EXPECTED[way], way
            assert code["env"]["ANTHROPIC_BASE_URL"] == BASE_URL
            assert code["env"]["ANTHROPIC_AUTH_TOKEN"] == desktop["inferenceGatewayApiKey"] == KEY
            for headers in (code_headers(code), desktop_headers(desktop)):
                [(name, value)] = headers
                assert name == "x-portkey-metadata"
                assert value.isascii()
                assert value.isprintable()
                assert list(strict_json(value).items()) == labels(assignment, way), way
        windows = f"{assignment.name}/intune/windows"
        for name, constant in SCRIPTS.items():
            assert body(files[f"{windows}/{name}.ps1"]) == constant, (
                "a script differs in more than its literal"
            )
        for name in TEMPLATE_FILES:
            assert files[f"{windows}/{name}"] == PLAIN[True][f"plain-prod/intune/windows/{name}"]


def check_tables(files: Mapping[str, bytes], assignments: tuple[Assignment, ...]) -> None:
    """No cell starts a formula, and who gets what is as the roster has it."""
    for path, data in files.items():
        if path.endswith(".csv"):
            rows = cells(data)
            assert {len(row) for row in rows} == {len(rows[0])}, path
            for cell in (cell for row in rows for cell in row):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0")), path
                assert cell.isprintable(), path
    for assignment in assignments:
        if assignment.members:
            _header, *rows = cells(files[f"{assignment.name}/scope.csv"])
            told = [[cell.removeprefix("'") for cell in row] for row in rows]
            assert [row[:3] for row in told] == [
                [e.email, e.serial, e.platform or ""] for e in assignment.members
            ]
    manifest = strict_json(files["manifest.json"])
    assert {f["path"] for f in manifest["files"]} == files.keys() - {
        "manifest.json",
        "uploads.csv",
        "index.html",
    }


def check_page(
    files: Mapping[str, bytes], twin: Mapping[str, bytes], assignments: tuple[Assignment, ...]
) -> None:
    """The page differs from its twin's in text only, and names the teams as they were written."""
    page, other = Page(files["index.html"]), Page(twin["index.html"])
    page.check()
    assert page.elements == other.elements
    for assignment in (a for a in assignments if a.members):
        assert " ".join(assignment.team_display.split()) in " ".join(page.text.split())


def twin_of(roster: Plain, of: Fleet) -> bytes:
    """Return a roster of the same people in teams that are called by their slugs, and nobody named."""
    header = ("email", "team", "env", "platform", "serial", "expires", *of.roster.metadata)
    rows = [
        (e.email, e.team, e.env, e.platform or "", e.serial or "", str(e.expires or ""), *_extra(e.extra, of))
        for e in roster.entries
    ]
    return roster_of(*rows, header=header)


def _extra(extra: tuple[tuple[str, str], ...], of: Fleet) -> Iterator[str]:
    given = dict(extra)
    yield from (given.get(name, "") for name in of.roster.metadata)


def check_accepted(data: bytes, of: Fleet) -> Plain:
    """Check every artifact of a roster that was not refused."""
    roster, coverage = assigned(data, of)
    assignments = coverage.assignments
    _, twins = assigned(twin_of(roster, of), of)
    files, twin = rendered(coverage, of), rendered(twins, of)
    assert {path for path in files if files[path] != twin.get(path)} <= {"index.html"}
    assert files.keys() == twin.keys()
    check_names(files)
    check_devices(files, assignments)
    check_tables(files, assignments)
    check_page(files, twin, assignments)
    check_terminal(roster_report.text(join.of_plain(roster), coverage, RULES_AT, 80))
    return roster
