"""dist/index.html: everything to upload is on it, nothing secret is, and it needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provisioner.assign import Assignment, Coverage
from provisioner.fleet import Fleet
from provisioner.policy.model import Hardening
from provisioner.render import groups, index, once
from provisioner.render.bundle import BundleFile
from provisioner.roster.model import Inventory
from provisioner.secret import fingerprint
from tests.render.coverages import ALICE, BOB, ENG, MAC, PC, company, covering, device, missed, on, unit
from tests.report.pages import Page, assert_contained, assert_readable, parsed, words
from tests.report.rollouts import FAKE_KEY, assignment, files, shipped_templates

WSL = "wslInheritsWindowsSettings"
REFUSED = 'claude-opus-5-5: status 403: "this key may not use the model"'
TEMPLATES = shipped_templates()


def of_people(assignments: tuple[Assignment, ...]) -> Coverage:
    """Return the coverage of a plain roster: its people are the members."""
    return Coverage(assignments, tuple(v for a in assignments for v in a.members), {})


def written(assignments: tuple[Assignment, ...], made: tuple[BundleFile, ...]) -> bytes:
    return index.page(TEMPLATES, of_people(assignments), made)


def page(assignments: tuple[Assignment, ...], made: tuple[BundleFile, ...]) -> Page:
    return parsed(written(assignments, made))


def fleet(**values: Any) -> Fleet:
    return Fleet.model_validate(values)


ENGINEERING = assignment("engineering", "prod", 4211)
SUPPORT = assignment("support", "prod", 89)
DEV = assignment("engineering", "dev", 0, key_only=("p0.engineering@acme.com",))
QA = assignment("qa", "staging", 1)
ALL = (ENGINEERING, SUPPORT, DEV, QA)
MADE = (*files(ENGINEERING, revision=3), *files(SUPPORT, failures=(REFUSED,)))


def test_the_page_as_a_whole(golden: Callable[[str, bytes], None]) -> None:
    data = written(ALL, MADE)
    assert data == index.page(shipped_templates(), of_people(ALL), MADE)
    golden("report/index.html", data)


@pytest.mark.covers("T12")
def test_it_is_self_contained_and_reads_without_a_mouse() -> None:
    whole = page(ALL, MADE)
    assert_contained(whole, scripts=1)
    assert_readable(whole)


@pytest.mark.covers("T2", "T30")
def test_neither_secrets_nor_people_stand_on_it() -> None:
    text = written(ALL, MADE).decode()
    assert FAKE_KEY not in text
    assert fingerprint(FAKE_KEY + "engineering-prod") not in text
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w+", text) == []


def test_every_upload_is_named_and_every_name_is_a_file() -> None:
    shown = page(ALL, MADE)
    paths = {code for code in shown.texts("code") if code.startswith("engineering-prod/")}
    made = {file.path for file in MADE}
    assert paths <= made
    default = {
        f.path for f in files(ENGINEERING) if f.artifact.upload is not None and not f.artifact.upload.optional
    }
    assert default <= paths
    assert "engineering-prod/scope.csv" in paths


def test_it_counts() -> None:
    shown = page(ALL, MADE)
    counts = {words(pair[0]): words(pair[1]) for pair in shown.all("dl")[0]}
    uploads = [
        f for f in files(ENGINEERING) if f.artifact.upload is not None and not f.artifact.upload.optional
    ]
    assert counts == {
        "assignments": "4",
        "people": "4,301",
        "uploads": str(len(uploads)),
        "on HOLD": "1",
        "without a key": "1",
    }


@pytest.mark.covers("S190a")
def test_an_assignment_on_hold_shows_why_and_no_way_to_upload_it() -> None:
    shown = page(ALL, MADE)
    held = next(d for d in shown.all("details") if d.get("id") == "support-prod")
    assert REFUSED in words(held)
    assert held.find(".//ol") is None
    assert "support-prod/" not in words(shown.root)
    assert "aigw-support-prod" not in words(shown.root)


def test_keys_that_are_on_nobodys_device_are_listed_apart() -> None:
    shown = page(ALL, MADE)
    assert "Keys only" in shown.texts("h3")
    assert "claude-desktop-engineering-dev" in shown.texts("code")
    assert [e.get("id") for e in shown.root.iter() if e.get("id") in ("engineering-dev", "qa-staging")] == [
        "qa-staging"
    ]
    assert "Keys only" not in page((ENGINEERING,), files(ENGINEERING)).texts("h3")


SENTENCES = [
    "every local user can read its key",
    "user on a team’s key is a label that a person can change",
    "Tenant, team and env stand in the key itself; no request can change them",
    "plain files must be 0644 and owned by root: with 0600 Claude Code can’t read its policy and runs",
    "files that hold a key are 0600 in 0700 directories",
    "never executed by the project’s tests",
    "shows Enterprise managed settings",
    "quit it fully and open it again",
    "Menus are as seen 2026-11",
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.covers("T3", "T22", "S182")
def test_it_says_plainly(sentence: str) -> None:
    assert sentence in words(page(ALL, MADE).root)


WALKS = [
    (
        "Jamf Pro",
        [
            "Computer Level",
            "Install Automatically",
            "Distribute to All",
            "Never upload the .mobileconfig a second time",
        ],
    ),
    ("Kandji (Iru)", ["Mac only", "Leave it unassigned", "aigw-engineering-prod"]),
    ("Intune, macOS", ["Device channel", "AI Gateway", "Properties → Configuration settings → Edit"]),
    (
        "Intune, Windows",
        ["Data type String", "64-bit PowerShell Yes", "logged-on credentials No", "It carries no key"],
    ),
    (
        "Plain files",
        ["/etc/claude-code/managed-settings.json", "/etc/claude-desktop/managed-settings.json", "-m 0644"],
    ),
]


@pytest.mark.parametrize(("title", "steps"), WALKS)
def test_each_console_is_walked_through(title: str, steps: list[str]) -> None:
    shown = page((ENGINEERING,), files(ENGINEERING))
    walk = next(
        words(d) for d in shown.all("details") if d.find("summary/h4") is not None and words(d[0]) == title
    )
    assert [step for step in steps if step not in walk] == []


@pytest.mark.parametrize(
    ("values", "titles"),
    [
        ({"mdm": ["jamf"]}, ["Jamf Pro"]),
        ({"mdm": ["kandji", "files"]}, ["Kandji (Iru)", "Plain files"]),
        ({"mdm": ["intune"], "platforms": ["windows"]}, ["Intune, Windows"]),
        ({"mdm": ["intune"], "platforms": ["macos"]}, ["Intune, macOS"]),
        ({"mdm": ["files"], "platforms": ["linux"]}, ["Plain files"]),
    ],
)
def test_only_consoles_that_are_used_are_shown(values: dict[str, Any], titles: list[str]) -> None:
    shown = page((ENGINEERING,), files(ENGINEERING, fleet(**values)))
    assert shown.texts("h4") == titles
    assert_contained(shown, scripts=1)
    assert_readable(shown)
    assert ("never executed" in words(shown.root)) == ("Intune, Windows" in titles)
    assert ("$EMAIL" in words(shown.root)) == bool({"Jamf Pro", "Kandji (Iru)"} & set(titles))


def test_a_remediation_that_carries_the_key_takes_the_profiles_place() -> None:
    consent = fleet(mdm=["intune"], platforms=["windows"], intune={"remediation_key": True})
    shown = page((ENGINEERING,), files(ENGINEERING, consent))
    assert "Assign it instead of the custom profile, never beside it" in words(shown.root)
    assert not {
        c for c in shown.texts("code") if c.endswith(("oma-uri.csv", "windows10CustomConfiguration.json"))
    }


def test_a_persons_own_key_counts_on_no_variable() -> None:
    alone = assignment("ext", "prod", 1, person="eve@acme.com", name="ext-prod-eve-0a1b2c")
    text = words(page((alone,), files(alone)).root)
    assert "$EMAIL" not in text
    assert "{{mail}}" not in text
    assert "eve@" not in text


def test_an_empty_rollout_is_still_a_page() -> None:
    for assignments in ((), (QA,)):
        shown = page(assignments, ())
        assert_contained(shown, scripts=1)
        assert_readable(shown)
        assert "Nothing is ready to be uploaded." in words(shown.root)


HOSTILE = [
    "{{7*7}}",
    "{% import os %}",
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil","x")',
    "</style><b>",
    "'\" onclick=x",
    "<!--",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.covers("T12", "T31")
def test_hostile_text_is_only_text(text: str) -> None:
    ready, held = replace(ENGINEERING, team_display=text), replace(SUPPORT, team_display=text)
    shown = page((ready, held), (*files(ready), *files(held, failures=(text,))))
    assert_contained(shown, scripts=1)
    assert words(next(s for s in shown.all("span") if s.get("class") == "team")) == f"{text}, prod"
    assert text in shown.texts("li")


def luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_can_be_read(scheme: str) -> None:
    """WCAG 2 AA: a contrast of 4.5 and more between text and what it stands on."""
    style = TEMPLATES.render("page.css.j2")
    light, dark, *_rest = [
        block for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL) if "--paper" in block
    ]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))
    pairs = [
        (ink, ground) for ink in ("ink", "soft", "accent", "good", "bad") for ground in ("paper", "panel")
    ]
    for ink, ground in [*pairs, ("ink", "bad-panel"), ("paper", "accent")]:
        bright, dim = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, f"{ink} on {ground}"


def test_with_thousands_of_assignments_the_steps_are_spelled_out_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(index, "DETAILED_MAX", 1)
    ready = (*files(ENGINEERING), *files(SUPPORT))
    text = written((ENGINEERING, SUPPORT), ready).decode()
    assert "engineering-prod/jamf/AIGateway-engineering-prod.mobileconfig" in text
    assert "support-prod/jamf/" not in text
    assert "spelled out for the first 1" in text
    assert 'id="support-prod"' in text


def whole(coverage: Coverage) -> Page:
    """Return the page of a coverage with devices, as a delivery makes it."""
    fleet = Fleet()
    grouped = groups.groups(coverage.assignments, fleet)
    made = tuple(file for a in coverage.assignments if a.members for file in files(a))
    return parsed(index.page(TEMPLATES, coverage, made, grouped, once.tables(coverage, grouped)))


def test_a_company_with_devices_is_counted_by_kind() -> None:
    shown = whole(company())
    assert_contained(shown, scripts=1)
    assert_readable(shown)
    counts = {words(pair[0]): words(pair[1]) for pair in shown.all("dl")[0]}
    assert counts.items() >= {"people": "2", "devices": "7", "services": "1", "not covered": "3"}.items()
    rows = [[words(cell) for cell in row] for row in shown.all("tbody")[0]]
    assert rows == [
        ["1 person", "NO_DEVICE", "no device of the inventories is theirs"],
        ["1 device", "NO_EMAIL_IN_MDM", "the MDM has no e-mail address for its user"],
        ["1 device", "NOT_CHECKED_IN_30D", "not seen for 30 days"],
    ]


@pytest.mark.covers("T30")
def test_neither_people_nor_devices_stand_on_it() -> None:
    text = "".join(whole(company()).root.itertext())
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w+", text) == []
    assert not [serial for serial in ("C02A", "PF-1", "FVX1", "OLD-1") if serial in text]


def test_every_file_of_once_is_on_the_page() -> None:
    shown = whole(company())
    once_per_organisation = words(next(s for s in shown.all("section") if s.get("aria-labelledby") == "once"))
    for name in (
        "_once/jamf/inventory-preload.csv",
        "_once/jamf/smart-groups.csv",
        "_once/kandji/tags.csv",
        "_once/intune/group-members-….csv",
        "AI Gateway Assignment",
        "It overwrites",
        "object ids of people",
        "-classic",
    ):
        assert name in once_per_organisation
    assert "by-hand.csv" not in once_per_organisation


def test_devices_for_which_no_import_will_do_are_named_as_a_file() -> None:
    lab = unit("lab-prod", on(PC, None, ENG, "lab-prod"))
    assert "_once/intune/by-hand.csv" in whole(covering(lab)).texts("code")


def steps_once(coverage: Coverage) -> str:
    """Return what the page says to do once per organisation."""
    shown = whole(coverage)
    return words(next(s for s in shown.all("section") if s.get("aria-labelledby") == "once"))


def test_entras_import_only_adds_so_who_left_is_removed_first() -> None:
    text = steps_once(company())
    assert "An import only adds members." in text
    order = ["Download members", "remove each", "Remove members", "in all groups", "Import members"]
    assert sorted(order, key=text.index) == order
    assert "in no other group’s file, and stands in not-covered.csv as not seen for 30 days" in text
    # without the files, too
    assert "first remove who is no longer in it, in all groups" in words(page(ALL, MADE).root)


@pytest.mark.parametrize(
    ("mdm", "file"),
    [("jamf", "_once/jamf/inventory-preload-none.csv"), ("kandji", "_once/kandji/tags-none.csv")],
)
def test_macs_that_lost_their_assignment_are_told_how(mdm: Inventory, file: str) -> None:
    kept, left = device("KEPT", mdm, "macos"), device("LEFT", mdm, "macos")
    own = unit("eng-prod", on(kept, ALICE, ENG, "eng-prod"))
    text = steps_once(covering(own, rest=(missed(left, BOB, "NO_RULE"),)))
    assert file in text
    assert "From the second time on" in text
    assert file not in steps_once(covering(own))


@pytest.mark.parametrize(
    ("known", "told"), [({}, True), ({"label": "device:PF-1"}, False), ({"person": "eve@acme.com"}, False)]
)
def test_a_remediation_names_a_person_only_where_the_profile_does_not(
    known: dict[str, str], told: bool
) -> None:
    lone = unit("lab-prod", on(PC, None, ENG, "lab-prod"), **known)
    text = words(whole(covering(lone)).root)
    assert "It reports whether the policy is on the PC" in text
    assert ("writes the person into Claude Desktop’s header" in text) == told
    assert ("inferenceCustomHeaders out of the custom profile" in text) == told


def test_rings_come_in_their_order() -> None:
    steps = words(next(d for d in whole(company()).all("details") if d.get("id") == "eng-prod"))
    ring, rest = (
        steps.index("AIGateway-eng-prod-ring0"),
        steps.index("a working day later AIGateway-eng-prodCopy"),
    )
    assert ring < rest
    assert "Rings" in words(whole(company()).root)


def test_services_pools_and_handouts_have_their_sections() -> None:
    shown = whole(company())
    sections = {s.get("aria-labelledby"): words(s) for s in shown.all("section")}
    assert "eng-prod-build-farm/files/environment.env" in sections["services"]
    assert "1 service" in sections["services"]
    assert "at image build" in sections["pools"]
    assert "It ends on 2027-01-31 by itself" in sections["handouts"]
    assert "eng-prod-build-farm" not in sections["assignments"]
    assert not {"services", "pools", "handouts"} & {
        s.get("aria-labelledby") for s in page(ALL, MADE).all("section")
    }


@pytest.mark.parametrize(("hardening", "told"), [({}, "none in use"), ({WSL: True}, "one in use here does")])
def test_what_no_profile_reaches_is_told(hardening: dict[str, Any], told: str) -> None:
    policy = replace(ENGINEERING.policy, hardening=Hardening(hardening, {}))
    text = words(page((replace(ENGINEERING, policy=policy),), ()).root)
    assert told in text
    for place in ("WSL", "Dev containers", "SSH", "Codespaces"):
        assert place in text


def test_devices_that_the_fleet_file_has_no_way_to_are_told() -> None:
    lone = unit("eng-prod", on(MAC, ALICE, ENG, "eng-prod"))
    scope = tuple(file for file in files(lone) if file.path.endswith("scope.csv"))
    text = words(parsed(index.page(TEMPLATES, covering(lone), scope)).root)
    assert "The fleet file has no way to these devices" in text
