"""`--pseudonymise`: nothing of a roster's people and devices survives, and pseudonyms are stable (T30)."""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
import string
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner import naming
from provisioner.drift.model import Finding, Report
from provisioner.errors import Problem
from provisioner.report import drift, explain, explain_json, lookup, problems, unmatched
from provisioner.report import roster as roster_report
from provisioner.report.pseudonyms import OWN_WORDS, Pseudonyms
from provisioner.roster.model import Device, Person, Place, Roster
from tests.report.decisions import ROSTER, decided
from tests.report.rollouts import shipped_templates

pytestmark = pytest.mark.covers("T30")


def pseudonyms(key: bytes = b"k") -> Pseudonyms:
    return Pseudonyms(lambda data: hmac.new(key, data, hashlib.sha256).hexdigest())


def knowing(roster: Roster, key: bytes = b"k") -> Pseudonyms:
    made = pseudonyms(key)
    made.know_roster(roster)
    return made


def identifiers(roster: Roster) -> Iterator[str]:
    """Yield every spelling of somebody or something that must not be read."""
    for p in roster.people:
        yield from (p.identity, *p.aliases, p.name or "", p.directory_id or "")
        yield from map(naming.person_suffix, (p.identity, *p.aliases))
    for d in roster.devices:
        yield from (d.id, d.serial or "", d.name or "", d.directory_id or "", d.user_email)
        yield from (f"{d.mdm}:{d.mdm_id}", naming.person_suffix(d.id))


def survivors(told: str, roster: Roster) -> list[str]:
    """Return what of a roster stands in a report, be it wrapped, escaped or in another case."""
    flat = " ".join(html.unescape(told).split()).casefold()
    bare = {bared(" ".join(text.casefold().split())) for text in identifiers(roster)}
    ours = {word.casefold() for word in OWN_WORDS}  # somebody called None or Byod can't be told from those
    return sorted(t for t in bare - ours if t and re.search(rf"(?<!\w){re.escape(t)}(?!\w)", flat))


def bared(text: str) -> str:
    """Return a spelling without the signs around it, unless a single letter is left, which is any word."""
    inner = text.strip(" -'’")
    return inner if len(inner) > 1 else text


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value; names of fields are ours."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def reports(roster: Roster, hidden: Pseudonyms) -> Iterator[tuple[str, str]]:
    """Yield all reports about a roster, as they leave the tool."""
    seen = decided(roster)
    judged = (seen.roster, seen.coverage, seen.rules_at)
    yield "check", hidden.text(roster_report.text(*judged, 60))
    yield "check as JSON", "\n".join(texts(hidden.tree(roster_report.as_json(*judged))))
    yield "unmatched", hidden.text(unmatched.text(seen.fleet, seen.coverage, 80))
    yield "unmatched as JSON", "\n".join(texts(hidden.tree(unmatched.as_json(seen.fleet, seen.coverage))))
    for verdict in seen.coverage.verdicts:
        assert lookup.find(seen.coverage.verdicts, verdict.id) is verdict
        yield f"explain {verdict.id}", hidden.text(explain.text(seen, verdict, 50))
        told = "\n".join(texts(hidden.tree(explain_json.as_json(seen, verdict))))
        yield f"explain {verdict.id} as JSON", told
    found = Report(
        tuple(
            Finding(
                "gateway",
                "CHANGED",
                f"claude-desktop-eng-prod-{naming.person_suffix(text)}",
                text,
                f"{text}.",
                f"ask {text}",
            )
            for text in identifiers(roster)
            if text
        ),
        *(1, 1, 1, "http://127.0.0.1", "org.csv"),
    )
    yield "drift", hidden.text(drift.text(found, 60))
    yield "drift as JSON", "\n".join(texts(hidden.tree(drift.as_json(found))))
    yield "drift as a page", hidden.page(drift.html(found, shipped_templates())).decode()
    for text in identifiers(roster):
        told = Problem(
            "in/users.csv",
            3,
            "mail",
            "EMAIL_INVALID",
            f"belongs to {text}",
            f"ask {text}",
            naming.shown(text),
        )
        yield "problems", problems.text([hidden.problem(told)])
        yield "problems as JSON", "\n".join(texts(problems.as_json([hidden.problem(told)])))


WORDS = st.text(string.ascii_letters + "éßŁİ小ЖØ'’-", min_size=3, max_size=9).filter(lambda w: w.strip("-'’"))
OURS = {"person", "device", "value"}
NAMES = (
    st.lists(WORDS, min_size=1, max_size=3)
    .map(" ".join)
    .filter(lambda n: n.casefold().strip("-'’") not in OURS)
)
LOCALS = st.from_regex(r"[a-z][a-z0-9_+-]{2,12}(\.[a-z0-9]{2,8})?", fullmatch=True)
SERIALS = st.from_regex(r"[C-Z]0[A-Z0-9]{7,9}", fullmatch=True)


@st.composite
def rosters(draw: st.DrawFn) -> Roster:
    locals_ = draw(st.lists(LOCALS, min_size=1, max_size=4, unique=True))
    people = tuple(
        Person(
            f"{local}@acme.com",
            (f"{local}@acme.onmicrosoft.com", f"{local}_ext@partner.example"),
            Place("in/users.csv", row),
            directory_id=str(draw(st.uuids())),
            name=draw(NAMES),
            facts={"department": "Platform Engineering"},
        )
        for row, local in enumerate(locals_, 2)
    )
    serials = draw(st.lists(SERIALS, max_size=4, unique=True))
    devices = tuple(
        Device(
            serial,
            Place("in/jamf.csv", row),
            serial=serial,
            name=draw(NAMES),
            mdm="jamf",
            mdm_id=str(draw(st.integers(1, 10**6))),
            platform="macos",
            owner=(owner := draw(st.sampled_from([None, *(p.identity for p in people)]))),
            user_email=owner or draw(st.sampled_from(["", "somebody.else@acme.com", "Some Body"])),
        )
        for row, serial in enumerate(serials, 2)
    )
    return Roster("provision.toml", "0" * 64, "acme", people, devices, inventory=True)


@settings(max_examples=25, deadline=None)
@given(rosters())
def test_no_identifier_of_a_roster_survives_in_any_report(roster: Roster) -> None:
    hidden = knowing(roster)
    for name, told in reports(roster, hidden):
        assert survivors(told, roster) == [], f"{name}:\n{told}"


def test_none_of_the_awkward_cases_survives_either() -> None:
    for name, told in reports(ROSTER, knowing(ROSTER)):
        assert survivors(told, ROSTER) == [], f"{name}:\n{told}"


def test_one_person_has_one_pseudonym_by_all_names_and_in_all_runs() -> None:
    told = knowing(ROSTER).text(
        "ada@acme.com, ADA@acme.onmicrosoft.com, Ada\n   Example, 00000002-aaaa-4bbb-8ccc-000000000002"
    )
    [own] = set(told.split(", "))
    assert re.fullmatch(r"person-[0-9a-f]{10}", own)
    assert knowing(ROSTER).text("ada@acme.com") == own
    alone = replace(ROSTER, people=ROSTER.people[:1], devices=())
    assert knowing(alone).text("ada@acme.com") == own
    assert pseudonyms().text("ada@acme.com") == own, "nobody has to be known for it"
    assert knowing(ROSTER, b"another").text("ada@acme.com") != own


def test_an_alias_that_answers_for_a_service_is_still_the_person() -> None:
    service = replace(ROSTER.services[0], owner="ada@acme.onmicrosoft.com")
    hidden = knowing(replace(ROSTER, services=(service,)))
    assert hidden.text("ada@acme.onmicrosoft.com") == hidden.text("ada@acme.com")


def test_a_device_has_one_pseudonym_by_serial_name_and_id() -> None:
    told = knowing(ROSTER).text("C02ADA0001 c02ada0001 ADA-MBP jamf:202 C02ADA0001 (ADA-MBP)")
    [own] = set(told.split())
    assert re.fullmatch(r"device-[0-9a-f]{10}", own)


def test_keys_and_folders_of_one_person_show_whose_they_are_without_the_address() -> None:
    suffix, hidden = naming.person_suffix("ada@acme.com"), knowing(ROSTER)
    own = hidden.text("ada@acme.com")
    assert hidden.text(f"claude-desktop-eng-prod-{suffix}") == f"claude-desktop-eng-prod-{own}"
    assert hidden.text(f"dist/eng-prod-{suffix}/jamf/x.plist") == f"dist/eng-prod-{own}/jamf/x.plist"
    of_ledger = pseudonyms()
    of_ledger.know_keys([{"user": "ada@acme.com", "team": "eng"}, {"team": "eng"}])
    assert of_ledger.text(f"claude-desktop-eng-prod-{suffix}") == f"claude-desktop-eng-prod-{own}"
    unknown = pseudonyms().text(f"claude-desktop-eng-prod-{suffix} eng-prod-{suffix}/x")
    assert "ada" not in unknown
    assert suffix[-6:] not in unknown


def test_what_is_no_address_key_or_known_name_stays() -> None:
    plain = (
        "claude-desktop-eng-prod claude-opus-5-5-202601 @anthropic-prod 3f9c2a1b04de 2026-11-20 12 devices"
        " 6f1f2b6e-8b0b-5d4e-9c57-0a0d6c0f8a11 row 12 in/users.csv $EMAIL {{mail}}"
    )
    assert knowing(ROSTER).text(plain) == plain
    assert knowing(ROSTER).tree({"person": 12, "x": [None, True, 1.5]}) == {
        "person": 12,
        "x": [None, True, 1.5],
    }


def test_an_address_in_another_one_is_no_match() -> None:
    hidden = knowing(ROSTER)
    told = hidden.text("not.ada@acme.com <ada@acme.com> mailto:ada@acme.com.")
    other, own, again = re.findall(r"person-\w+", told)
    assert own == again != other
    assert told == f"{other} <{own}> mailto:{own}."


def test_columns_stay_where_there_is_room() -> None:
    lines = ["ada@acme.onmicrosoft.com  eng-prod  x", "bert@acme.com             pilot-prod"]
    told = knowing(ROSTER).text("\n".join(lines)).splitlines()
    assert [line.index(name) for line, name in zip(told, ("eng", "pilot"), strict=True)] == [26, 26]


@pytest.mark.parametrize(
    "name", ["A--", "--A", "'A'", "A-- B", "MBP--", "-Ada's-", "(A)", "É'", "İ--", "-ALİ-"]
)
@pytest.mark.parametrize("frame", ["{}", "is {} in", "C02ADA0001 ({})", "ADA ({}), A a-b", "<b>{}</b>"])
def test_signs_around_a_name_go_with_it(name: str, frame: str) -> None:
    device = ROSTER.devices[0]._replace(name=name)
    hidden = knowing(replace(ROSTER, people=(), devices=(device,), services=()))
    own = hidden.text("C02ADA0001")
    whole = frame.replace("C02ADA0001 ({})", "{}")  # number and name are one spelling
    assert hidden.text(frame.format(name)) == whole.format(own)


@pytest.mark.parametrize("name", ["İbrahim", "ALİ", "Ali İnce", "Straße", "STRASSE Ⅷ"])
def test_letters_that_grow_in_small_ones_hide_nobody_less(name: str) -> None:
    person = ROSTER.people[0]._replace(name=name)
    hidden = knowing(replace(ROSTER, people=(person,), devices=(), services=()))
    own = hidden.text("ada@acme.com")
    assert hidden.text(f"is {name}, ada@acme.com") == f"is {own}, {own}"


def test_a_letter_alone_stays_whoever_is_called_like_it() -> None:
    hidden = knowing(replace(ROSTER, devices=(ROSTER.devices[0]._replace(name="A--"),)))
    plain = "a device, a--b and 1 person without a device"
    assert hidden.text(plain) == plain
    hidden.know_typed("a--")
    assert hidden.text("A--") == hidden.text("C02ADA0001")


def test_a_name_of_two_gets_a_pseudonym_of_its_own() -> None:
    twins = [p._replace(name="Alex Kim") for p in ROSTER.people[:2]]
    hidden = knowing(replace(ROSTER, people=tuple(twins)))
    assert hidden.text("Alex Kim") not in (hidden.text("ada@acme.com"), hidden.text("bert@acme.com"))


def test_cells_of_a_broken_roster_are_all_hidden() -> None:
    told = Problem(
        "org.csv",
        7,
        "email",
        "EMAIL_INVALID",
        'is "Bob B. Secret" in row 3',
        "one address per row",
        '"bob secret"',
    )
    hidden = pseudonyms().problem(told)
    assert re.fullmatch(r"is value-\w{10} in row 3", hidden.message)
    assert re.fullmatch(r"value-\w{10}", hidden.value or "")
    assert pseudonyms().problem(replace(told, file="provision.toml", value='"eng"')).value == '"eng"'


def test_json_stays_json() -> None:
    assert json.loads(json.dumps(knowing(ROSTER).tree({"to": ("ada@acme.com",), "a@b.c": 1}))).keys() != {
        "to",
        "a@b.c",
    }


def test_somebody_called_like_a_team_an_env_or_a_reason_takes_no_word_out_of_a_report() -> None:
    hidden = pseudonyms()
    hidden.keep(["dev", "Data & ML"])
    names = ["Dev", "Data & ML", "Byod", "Ada Prod"]
    people = tuple(ROSTER.people[0]._replace(name=name, aliases=()) for name in names)
    hidden.know_roster(replace(ROSTER, people=people, devices=(), services=()))
    told = "eng-dev: dev, Data & ML, reason BYOD, Ada Prod"
    assert hidden.text(told).startswith("eng-dev: dev, Data & ML, reason BYOD, person-")
