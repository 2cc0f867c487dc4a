"""Device lists of Intune, Jamf and Kandji, with the traps of rollout 4.1."""

from __future__ import annotations

from datetime import date

import pytest

from provisioner.roster.exports import EXPORTS
from provisioner.roster.records import DeviceFile, DeviceRecord
from tests.support.sheets import records, sheet, table, take

NOV_19 = date(2026, 11, 19)
JAMF = {"Serial Number": "C02A"}
INTUNE = {"Serial number": "PF1", "OS": "Windows"}


def read(data: bytes, preset: str, *asked: str) -> DeviceFile:
    found, problems = take(data, preset, *asked)
    assert problems == ()
    assert isinstance(found, DeviceFile)
    return found


def devices(data: bytes, preset: str, *asked: str) -> list[DeviceRecord]:
    return list(read(data, preset, *asked).records)


# Intune


@pytest.mark.parametrize("generation", [0, 1])
def test_intune_from_the_console(generation: int) -> None:
    row = {
        "Device ID": "d-1",
        "Device name": "PC-1",
        "Last check-in": "11/19/2026 8:12:00 AM",
        "Azure AD Device ID": "e-1",
        "Serial number": "PF1",
        "Category": "Kiosk",
        "UserId": "u-1",
        "Primary user UPN": "a@acme.com",
        "Primary user email address": "alice@acme.com",
        "Managed by": "Co-managed",
        "Ownership": "Personal",
        "OS": "Windows",
        "JoinType": "azureADRegistered",
    }
    data = sheet(EXPORTS["intune-devices"].generations[generation].titles, [row])
    [device] = devices(data, "intune-devices", "category", "ownership", "join type")
    assert device == DeviceRecord(
        row=2,
        serial="PF1",
        mdm_id="d-1",
        directory_id="e-1",
        name="PC-1",
        platform="windows",
        user_id="u-1",
        user_upn="a@acme.com",
        user_email="alice@acme.com",
        enrolment="byod-device",
        managed=True,
        last_seen=NOV_19,
        facts={"category": "Kiosk", "jointype": "azureADRegistered", "ownership": "Personal"},
    )


def test_intune_by_the_names_of_the_report_api() -> None:
    row = {"DeviceId": "d-1", "SerialNumber": "PF1", "OS": "macOS", "OwnerType": "1", "UPN": "a@acme.com"}
    row |= {"EnrollmentType": "appleUserEnrollment", "LastContact": "2026-11-19 08:12:00.0000000"}
    [device] = devices(table(row), "intune-devices")
    assert (device.mdm_id, device.serial, device.platform, device.user_upn) == (
        "d-1",
        "PF1",
        "macos",
        "a@acme.com",
    )
    assert (device.enrolment, device.last_seen) == ("byod-user", NOV_19)


def test_intune_by_graph() -> None:
    device = {"id": "d-1", "serialNumber": "PF1", "operatingSystem": "Windows", "isEncrypted": True}
    device |= {"managedDeviceOwnerType": "company", "lastSyncDateTime": "2026-11-19T08:12:00Z"}
    found = read(records(device), "intune-devices")
    [record] = found.records
    assert (found.mdm, record.mdm_id, record.platform, record.last_seen) == (
        "intune",
        "d-1",
        "windows",
        NOV_19,
    )


def test_phones_are_no_computers() -> None:
    rows = [{**INTUNE, "OS": system} for system in ("Windows", "iOS", "Android", "macOS", "Linux", "")]
    found = read(table(*rows), "intune-devices")
    platforms = [d.platform for d in found.records]
    assert platforms == ["windows", None, None, "macos", "linux", None]
    assert found.read.not_computers == 3


# Jamf


def test_jamf_with_user_and_location() -> None:
    row = {
        "Computer Name": "MAC-1",
        "JSS Computer ID": "97",
        "Serial Number": "C02A",
        "Last Check-in": "2026-11-19 08:12:00",
        "Managed": "Managed",
        "Username": "alice",
        "Email Address": "alice@acme.com, a@acme.com",
        "Department": "R&D",
        "Enrollment Method": "User-initiated - no invitation",
    }
    data = sheet(EXPORTS["jamf-computers"].generations[2].titles, [row])
    [device] = devices(data, "jamf-computers", "department")
    assert device == DeviceRecord(
        row=2,
        serial="C02A",
        mdm_id="97",
        directory_id="",
        name="MAC-1",
        platform="macos",
        user_id="",
        user_upn="alice",
        user_email="alice@acme.com, a@acme.com",  # as the variable would put it in
        enrolment="company",
        managed=True,
        last_seen=NOV_19,
        facts={"department": "R&D"},
    )


def test_continuation_rows_of_jamf_are_passed_over() -> None:
    machines = [
        {"Serial Number": f"C{n:03}", "Computer Name": f"MAC-{n}", "Group": "first"} for n in range(97)
    ]
    rows = [row for machine in machines for row in (machine, *[{"Serial Number": "", "Group": "more"}] * 5)]
    found = read(sheet(["Computer Name", "Serial Number", "Group"], rows), "jamf-computers")
    assert (found.read.records, found.read.blank_rows) == (97, 485)
    assert [d.row for d in found.records][:3] == [2, 8, 14]


def test_the_last_inventory_stands_in_for_the_last_check_in() -> None:
    row = {**JAMF, "Last Inventory Update": "2026-11-18 08:00:00", "Last Check-in": "2026-11-19 08:12:00"}
    assert [d.last_seen for d in devices(table(row), "jamf-computers")] == [NOV_19]
    del row["Last Check-in"]
    assert [d.last_seen for d in devices(table(row), "jamf-computers")] == [date(2026, 11, 18)]


@pytest.mark.parametrize(
    ("text", "managed"),
    [("Managed", True), ("Unmanaged", False), ("false", False), ("true", True), ("", True)],
)
def test_whether_jamf_manages_a_mac(text: str, managed: bool) -> None:
    assert [d.managed for d in devices(table({**JAMF, "Managed": text}), "jamf-computers")] == [managed]


def test_an_extension_attribute_is_a_fact_under_its_own_name() -> None:
    row = {**JAMF, "AI Gateway Assignment": "eng-prod"}
    [device] = devices(table(row), "jamf-computers", "AI Gateway Assignment")
    assert device.facts == {"aigatewayassignment": "eng-prod"}


# Kandji


def test_kandji_prism() -> None:
    row = {
        "blueprint_name": "Engineering",
        "device__user_email": "alice@acme.com",
        "device__name": "MAC-1",
        "device__family": "Mac",
        "serial_number": "C02A",
        "device_id": "k-1",
        "mdm_enabled": "True",
        "last_collected_at": "2026-11-19T08:12:00.123456Z",
    }
    data = sheet(EXPORTS["kandji-devices"].generations[0].titles, [row, {**row, "device__family": "AppleTV"}])
    found = read(data, "kandji-devices", "blueprint")
    mac, television = found.records
    assert (mac.serial, mac.mdm_id, mac.name, mac.user_email) == ("C02A", "k-1", "MAC-1", "alice@acme.com")
    assert (mac.platform, mac.managed, mac.last_seen) == ("macos", True, NOV_19)
    assert mac.facts == {"blueprint": "Engineering"}
    assert (television.platform, found.read.not_computers) == (None, 1)


@pytest.mark.parametrize(
    ("mdm_enabled", "is_removed", "managed"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_kandji_api(mdm_enabled: bool, is_removed: bool, managed: bool) -> None:
    device = {"device_id": "k-1", "serial_number": "C02A", "platform": "Mac", "tags": ["a", "b"]}
    device |= {"user": {"email": "a@acme.com"}, "mdm_enabled": mdm_enabled, "is_removed": is_removed}
    [record] = devices(records(device), "kandji-devices", "tags")
    assert (record.user_email, record.managed, record.facts) == ("a@acme.com", managed, {"tags": "a, b"})


def test_a_model_tells_the_platform_where_no_column_does() -> None:
    rows = [{"serial_number": "1", "model": model} for model in ("MacBook Air (M4)", "iPhone 17")]
    assert [d.platform for d in devices(table(*rows), "kandji-devices")] == ["macos", None]


# All of them


@pytest.mark.parametrize("column", ["Ownership", "IsManaged"])
def test_words_that_nobody_can_tell_are_problems(column: str) -> None:
    rows = [{**INTUNE, column: "\u500b\u4eba"}] * 3
    _, [problem] = take(table(*rows), "intune-devices")
    assert (problem.code, problem.row, problem.column) == ("WORD_UNKNOWN", 2, column)


def test_days_that_differ_in_the_half_of_the_day_are_told_apart() -> None:
    texts = ["11/12/2026 8:12:00 AM", "11/12/2026 08:12", "11/12/2026 9:12:00 PM", "12.11.2026 08:12", ""]
    rows = [{**INTUNE, "Last check-in": text} for text in texts]
    day = date(2026, 11, 12)
    assert [d.last_seen for d in devices(table(*rows), "intune-devices")] == [day, None, day, day, None]


@pytest.mark.covers("T15")
def test_hidden_characters_drop_a_devices_name() -> None:
    rows = [{**JAMF, "Computer Name": name} for name in ("MAC\u202e-1", "=1+3", "M\u00fcnchen")]
    assert [d.name for d in devices(table(*rows), "jamf-computers")] == ["", "=1+3", "M\u00fcnchen"]


@pytest.mark.covers("T11")
def test_a_list_of_no_devices_is_a_problem() -> None:
    _, [problem] = take(b"Serial Number,Group\n,x\n", "jamf-computers")
    assert problem.code == "EMPTY_ROSTER"
