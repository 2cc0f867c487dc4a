"""What MDMs export of devices: complete headers, several generations and languages (rollout 4.1)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import openpyxl

from tests.support.estate.machines import Machine
from tests.support.estate.people_files import json_list
from tests.support.estate.titles import GRAPH, INTUNE, JAMF, JAMF_GERMAN, PRISM

OS = {"macos": "macOS", "windows": "Windows", "ios": "iOS", "android": "Android"}

Write = Callable[[Machine], object]
Rows = Callable[[Sequence[object]], object]


def intune(path: Path, stack: ExitStack) -> Write:
    """Open the console's export, in its console titles and its time stamps."""
    write = _text(path, stack, INTUNE, ",", "utf-8-sig")

    def one(machine: Machine) -> None:
        user = machine.user
        write((
            machine.mdm_id, machine.name, "2025-01-07 10:11:12.1234567",
            f"{machine.last_seen} 07:12:44.1234567",
            f"{machine.n:08x}-aad0-4000-a000-000000000000", _version(machine), "True", "", machine.serial,
            _maker(machine), _model(machine), "False", "", "0001-01-01 00:00:00.0000000", "Unknown",
            "Unknown",
            "9999-12-31 23:59:59.9999999", "", f"{machine.n:012X}", "", "", "488384", "201113",
            f"{machine.name}_{machine.os}_11/20/2026_7:00 AM", machine.category,
            user.directory_id if user and user.home.startswith("entra") else "", machine.upn, machine.email,
            user.display if user else "", "10.20.30.40", "10.20.30.0", "Compliant", "Intune",
            "Personal" if machine.personal else "Corporate",
            "Managed" if machine.managed else "Retire pending",
            "True", "False", "True", OS[machine.os], "Enterprise" if machine.os == "windows" else "",
            "Azure AD joined", "", "False", "", f"{machine.n:012X}", "", "x64", "",
        ))  # fmt: skip

    return one


def graph(path: Path, stack: ExitStack) -> Write:
    """Open the same report as the API gives it."""
    write = _text(path, stack, GRAPH, ",", "utf-8")

    def one(machine: Machine) -> None:
        user = machine.user
        write((
            machine.mdm_id, machine.name, "2025-01-07T10:11:12.1234567Z",
            f"{machine.last_seen}T07:12:44.1234567Z",
            f"{machine.n:08x}-aad0-4000-a000-000000000000", _version(machine), "1", "", machine.serial,
            _maker(machine), _model(machine), "0", "", "", "0", "0", "9999-12-31T23:59:59Z", "",
            f"{machine.n:012X}",
            "", "", "488384", "201113", f"{machine.name}_{machine.os}_11/20/2026_7:00 AM", machine.category,
            user.directory_id if user and user.home.startswith("entra") else "", machine.upn, machine.email,
            user.display if user else "", "10.20.30.40", "10.20.30.0", "Compliant", "MDM",
            "Personal" if machine.personal else "Company", "Managed", "Registered", "False", "True",
            OS[machine.os], "Enterprise" if machine.os == "windows" else "", "AzureADJoined", "", "False", "",
            f"{machine.n:012X}", "", "x64", "",
            "AppleUserEnrollment" if machine.user_enrolment else "WindowsAzureADJoin",
        ))  # fmt: skip

    return one


def jamf(path: Path, stack: ExitStack) -> Write:
    """Open an Advanced Computer Search; every third computer has continuation rows for its applications."""
    return _jamf(_text(path, stack, JAMF, ",", "utf-8"))


def jamf_tsv(path: Path, stack: ExitStack) -> Write:
    """Open the same as tab-separated text."""
    return _jamf(_text(path, stack, JAMF, "\t", "utf-8"))


def jamf_xlsx(path: Path, stack: ExitStack) -> Write:
    """Open the same as somebody saved it from Excel."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("jamf")
    sheet.append(JAMF)
    stack.callback(lambda: book.save(path))
    return _jamf(lambda row: sheet.append([None if cell == "" else cell for cell in row]))


def _jamf(write: Rows) -> Write:
    def one(machine: Machine) -> None:
        user = machine.user
        write((
            machine.name, str(machine.n), machine.serial, f"{machine.last_seen} 07:12:44", "26.1.0",
            "Managed" if machine.managed else "Unmanaged", "Yes", machine.upn, user.display if user else "",
            machine.email, machine.category, "", user.title if user else "",
            f"{machine.last_seen} 06:00:00", "Yes",
            "User-initiated, personal" if machine.user_enrolment else "PreStage enrollment: Macs",
            "MacBook Pro",
            "Personal" if machine.personal else "Corporate", "", "Claude.app", "2.9939.2",
        ))  # fmt: skip
        if machine.n % 3 == 0:
            for app in ("Excel.app", "Xcode.app"):
                write((*([""] * (len(JAMF) - 2)), app, "16.1"))

    return one


def jamf_german(path: Path, stack: ExitStack) -> Write:
    """Open the search of a German console: its titles, its dates, its semicolons."""
    write = _text(path, stack, JAMF_GERMAN, ";", "utf-8-sig")

    def one(machine: Machine) -> None:
        user = machine.user
        seen = f"{machine.last_seen:%d.%m.%Y}"
        write((
            machine.name, str(machine.n), machine.serial, f"{seen} 07:12", "26.1.0",
            "Ja" if machine.managed else "Nein", "Ja", machine.upn, user.display if user else "",
            machine.email,
            machine.category, "", user.title if user else "", f"{seen} 06:00", "PreStage-Registrierung",
            "MacBook Pro",
        ))  # fmt: skip

    return one


def kandji(path: Path, stack: ExitStack) -> Write:
    """Open Prism's export of devices."""
    write = _text(path, stack, PRISM, ",", "utf-8")

    def one(machine: Machine) -> None:
        user = machine.user
        write((
            "b1", "Standard Mac", str(user.n) if user else "", user.display if user else "", machine.email,
            machine.name, "iPad" if machine.os == "ios" else "Mac", f"A{machine.n:05d}", machine.serial,
            machine.mdm_id, _model(machine), _model(machine), "False", "2025-01-07 10:11:12+00:00",
            "2025-01-07 10:11:12+00:00", "5.1.0", str(machine.managed), "True",
            f"{machine.last_seen} 07:12:44.123456+00:00", f"{machine.last_seen} 07:12:44.123456+00:00",
            "26.1.0",
        ))  # fmt: skip

    return one


def kandji_api(path: Path, stack: ExitStack) -> Write:
    """Open the reply of Kandji's `/devices`."""
    add = json_list(path, stack)

    def one(machine: Machine) -> None:
        user = {"email": machine.email, "name": "", "is_archived": False} if machine.email else ""
        add({
            "device_id": machine.mdm_id, "device_name": machine.name, "model": _model(machine),
            "serial_number": machine.serial, "platform": "iPad" if machine.os == "ios" else "Mac",
            "os_version": "26.1.0", "supplemental_os_version_extra": "",
            "last_check_in": f"{machine.last_seen}T07:12:44.123456Z", "user": user,
            "asset_tag": None, "blueprint_id": "b1", "mdm_enabled": machine.managed, "agent_installed": True,
            "is_missing": False, "is_removed": not machine.managed, "agent_version": "5.1.0",
            "first_enrollment": "2025-01-07 10:11:12+00:00", "blueprint_name": "Standard Mac",
            "tags": ["emea"],
        })  # fmt: skip

    return one


def _text(path: Path, stack: ExitStack, titles: Iterable[str], separator: str, encoding: str) -> Rows:
    file = stack.enter_context(path.open("w", encoding=encoding, newline=""))
    writer = csv.writer(file, delimiter=separator)
    writer.writerow(titles)
    return writer.writerow


def _version(machine: Machine) -> str:
    return "10.0.26100.2314" if machine.os == "windows" else "26.1"


def _maker(machine: Machine) -> str:
    return {"windows": "HP", "android": "Google"}.get(machine.os, "Apple")


def _model(machine: Machine) -> str:
    return {"windows": "EliteBook 840 G11", "ios": "iPhone 16", "android": "Pixel 9"}.get(
        machine.os, "MacBook Pro"
    )
