"""Words, days, owners and lists of addresses in cells: what can be told, and what is not guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.roster.words import (
    read_day,
    read_enrolment,
    read_google_status,
    read_okta_status,
    read_platform,
    read_yes,
    split_addresses,
)

NOV_19 = date(2026, 11, 19)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-19", NOV_19),
        ("2026-11-19T08:12:00Z", NOV_19),
        ("2026-11-19T08:12:00.1234567Z", NOV_19),
        ("2026-11-19 08:12:00.0000000", NOV_19),
        ("2026-11-19 at 8:12 AM", NOV_19),
        ("2026/11/19", NOV_19),
        ("11/19/2026 8:12:00 AM", NOV_19),
        ("11/19/2026 8:12:00\u202fPM", NOV_19),
        ("11/12/2026 8:12:00 AM", date(2026, 11, 12)),
        ("19.11.2026 08:12", NOV_19),
        ("9.1.2026", date(2026, 1, 9)),
        ("11/19/2026", NOV_19),
        ("19/11/2026 08:12", NOV_19),
        ("11/11/2026", date(2026, 11, 11)),
        ("1795077120000", NOV_19),
        # What can't be told for sure:
        ("11/12/2026", None),
        ("11/12/2026 08:12", None),
        ("11/12/26", None),
        ("2026-13-40", None),
        ("31.02.2026", None),
        ("20261119", None),
        ("19.11.20261", None),
        ("yesterday", None),
        ("0", None),
        ("", None),
    ],
)
def test_a_day_is_told_or_not_at_all(text: str, day: date | None) -> None:
    assert read_day(text) == day


@given(st.dates())
def test_any_day_in_a_certain_form_comes_back(day: date) -> None:
    assert read_day(day.isoformat()) == day
    assert read_day(f"{day.day:02}.{day.month:02}.{day.year:04} 08:12") == day
    assert read_day(f"{day.month}/{day.day}/{day.year:04} 8:12:00 AM") == day


@given(st.text(max_size=30))
def test_no_text_breaks_a_reader(text: str) -> None:
    assert isinstance(read_day(text), date | None)
    assert read_platform(text) in ("macos", "windows", "linux", None)
    assert all("@" in address for address in split_addresses(text)) or split_addresses(text) == (text,)


@pytest.mark.parametrize(
    "text", ["True", "true", "TRUE", "Yes", "yes", "1", "wahr", "WAHR", "ja", "vrai", "", "oui"]
)
def test_yes(text: str) -> None:
    assert read_yes(text) is True


@pytest.mark.parametrize(
    "text", ["False", "false", "No", "0", "falsch", "nein", "faux", "Unmanaged", "Nicht verwaltet", "non"]
)
def test_no(text: str) -> None:
    assert read_yes(text) is False


@pytest.mark.parametrize("text", ["\u306f\u3044", "perhaps", "2"])
def test_neither_yes_nor_no(text: str) -> None:
    assert read_yes(text) is None


@pytest.mark.parametrize(
    ("status", "enabled"),
    [
        *[(s, True) for s in ("ACTIVE", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT")],
        *[(s, False) for s in ("STAGED", "SUSPENDED", "DEPROVISIONED")],
        ("Password expired", True),
        ("FROZEN", None),
        ("", None),
    ],
)
def test_statuses_of_okta(status: str, enabled: bool | None) -> None:
    assert read_okta_status(status) is enabled


def test_statuses_of_google() -> None:
    assert read_google_status("Active")
    assert not any(map(read_google_status, ("Suspended", "Archived", "Blocked", "")))


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        *[(t, "windows") for t in ("Windows", "windows", "Windows 10 and later", "desktop", "cloudPC")],
        *[(t, "macos") for t in ("macOS", "Mac", "macMDM", "MacBook Pro (14-inch)", "iMac", "Mac OS X")],
        *[(t, "linux") for t in ("Linux", "Linux (Ubuntu)", "Ubuntu")],
        *[(t, None) for t in ("iOS", "iPadOS", "iPhone", "iPad", "AppleTV", "Apple TV", "tvOS", "visionOS")],
        *[(t, None) for t in ("Android", "Android (personally-owned work profile)", "ChromeOS")],
        *[(t, None) for t in ("Windows Phone", "Windows Mobile", "Windows Holographic", "", "?")],
    ],
)
def test_platforms(text: str, platform: str | None) -> None:
    assert read_platform(text) == platform


@pytest.mark.parametrize(
    ("ownership", "method", "enrolment"),
    [
        ("Company", "", "company"),
        ("Corporate", "windowsAutoEnrollment", "company"),
        ("", "", "company"),
        ("Unknown", "", "company"),
        ("Personal", "", "byod-device"),
        ("personal", "userEnrollment", "byod-device"),
        ("2", "", "byod-device"),
        ("", "userEnrollment", "byod-device"),
        ("Company", "userEnrollment", "company"),  # enrolled by a person, then marked as the company's
        ("Personal", "appleUserEnrollment", "byod-user"),
        ("Personal", "appleUserEnrollmentWithServiceAccount", "byod-user"),
        ("", "User-initiated - no invitation", "company"),
        ("", "PreStage enrollment: Berlin", "company"),
        ("", "User-initiated - personal device", "byod-user"),
        ("", "User Enrollment", "byod-user"),
        ("", "User-initiated: Account-Driven User Enrollment", "byod-user"),
        ("", "Account-driven", "byod-user"),
        ("", "Account-Driven Device Enrollment", "company"),
        ("Personal", "Account-Driven Device Enrollment", "byod-device"),
        ("\u500b\u4eba", "", None),
    ],
)
def test_enrolments(ownership: str, method: str, enrolment: str | None) -> None:
    assert read_enrolment(ownership, method) == enrolment


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@x.com", ("a@x.com",)),
        ("a@x.com,b@x.com", ("a@x.com", "b@x.com")),
        ("a@x.com; b@x.com", ("a@x.com", "b@x.com")),
        ("a@x.com b@x.com", ("a@x.com", "b@x.com")),
        ("a@x.com,a@x.com", ("a@x.com",)),
        ("a@x.com,", ("a@x.com",)),
        ("smtp:b@x.com;SMTP:a@x.com;smtp:c@x.com", ("a@x.com", "b@x.com", "c@x.com")),
        ("SMTP:a@x.com", ("a@x.com",)),
        ("SIP:a@x.com;SMTP:b@x.com;X500:/o=Acme", ("b@x.com",)),
        ("Alice <a@x.com>", ("Alice <a@x.com>",)),
        ("alice @x.com", ("alice @x.com",)),
        ("", ()),
    ],
)
def test_several_addresses_in_a_cell(text: str, addresses: tuple[str, ...]) -> None:
    assert split_addresses(text) == addresses
