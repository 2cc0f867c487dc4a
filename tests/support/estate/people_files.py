"""What directories export of people and groups: complete headers, every column filled (rollout 4.1)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from tests.support.estate.staff import SITES, Human
from tests.support.estate.titles import ENTRA, ENTRA_2, GOOGLE, GOOGLE_MEMBERS, MEMBERS, OLD_MEMBERS

Write = Callable[[Human], object]
Form = Literal["entra", "old", "google"]
_MEMBERS = {"entra": MEMBERS, "old": OLD_MEMBERS, "google": GOOGLE_MEMBERS}


def entra(path: Path, stack: ExitStack) -> Write:
    """Open the documented generation, as Entra writes it: UTF-8 with a byte order mark, CRLF."""
    write = _csv(path, stack, ENTRA, "utf-8-sig")

    def one(human: Human) -> None:
        street, state, country, city, code = SITES[human.site]
        phone = f"+44 20 7946 {human.n % 10_000:04d}"
        write((
            human.upn, human.display, human.surname, human.mail, human.given, human.directory_id,
            "Guest" if human.guest else "Member", human.title, human.department, str(human.enabled), country,
            street, state, country, f"{city} {human.n % 9}.0{human.n % 7}", city, code, phone, phone, "", "",
            human.others, "", "", "Undefined",
        ))  # fmt: skip

    return one


def entra_2(path: Path, stack: ExitStack) -> Write:
    """Open the generation of a public write-up: `id`, `officeLocation`, and the columns of invitations."""
    write = _csv(path, stack, ENTRA_2, "utf-8")

    def one(human: Human) -> None:
        street, state, country, city, code = SITES[human.site]
        phone = f"+44 20 7946 {human.n % 10_000:04d}"
        write((
            human.upn, human.display, human.surname, human.mail, human.given, human.directory_id,
            "Guest" if human.guest else "Member", human.title, human.department, str(human.enabled), country,
            street, state, country, city, city, code, phone, phone, human.others, "", "", "Undefined",
            "Acme UK Ltd", "Invitation" if human.guest else "", "True", "Accepted" if human.guest else "",
            "MicrosoftAccount" if human.guest and not human.mail else "acme.onmicrosoft.com",
            f"202{human.n % 6}-03-14T09:26:53Z",
        ))  # fmt: skip

    return one


def google(path: Path, stack: ExitStack) -> Write:
    """Open Google's export: titles with brackets, several addresses in a cell."""
    write = _csv(path, stack, GOOGLE, "utf-8")

    def one(human: Human) -> None:
        street, state, country, city, code = SITES[human.site]
        unit = f"/{country}/{human.department.strip()}" if human.department else "/"
        write((
            human.given, human.surname, human.mail, "****", "", unit, "",
            "Active" if human.enabled else "Suspended", "2026/11/17 08:01:15", f"{human.n}@mail.example", "",
            human.others, "+442079460000", "", "", "", f"{street}, {city} {code}, {state}", "",
            f"E{human.n:06d}", "Employee", human.title, "", human.department, f"CC{human.n % 40:03d}", "TRUE",
            "TRUE", city, f"{human.n % 9}", "", "1.2GB", "3.4GB", "4.6GB", "FALSE", "",
        ))  # fmt: skip

    return one


def okta(path: Path, stack: ExitStack) -> Write:
    """Open the reply of Okta's Users API."""
    add = json_list(path, stack)

    def one(human: Human) -> None:
        _street, _state, country, city, _code = SITES[human.site]
        add({
            "id": human.directory_id, "status": "ACTIVE" if human.enabled else "DEPROVISIONED",
            "created": "2024-02-01T10:00:00.000Z", "activated": None, "lastLogin": "2026-11-18T07:00:00.000Z",
            "type": {"id": "oty1"},
            "profile": {
                "login": human.upn, "email": human.mail, "secondEmail": human.others or None,
                "firstName": human.given, "lastName": human.surname, "displayName": human.display,
                "title": human.title, "department": human.department or None, "division": "Group",
                "costCenter": f"CC{human.n % 40:03d}", "organization": "Acme", "city": city,
                "userType": "Contractor" if human.department == "External" else "Employee",
                "countryCode": country, "employeeNumber": f"{human.n:06d}",
                "contractEnd": human.contract_end or None,
                "manages": [], "mobilePhone": None,
            },
            "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}},
            "_links": {"self": {"href": f"https://acme.example/api/v1/users/{human.directory_id}"}},
        })  # fmt: skip

    return one


def write_group(path: Path, members: Iterable[Human], strangers: Iterable[Human], form: Form) -> None:
    """Write one group's members and strangers, whom no directory has; Entra's lists get a nested group."""
    with ExitStack() as stack:
        write = _csv(path, stack, _MEMBERS[form], "utf-8" if form == "google" else "utf-8-sig")
        for human in (*members, *strangers):
            match form:
                case "google":
                    write((f"{path.stem}@acme.com", human.mail, "USER", "MEMBER"))
                case "old":
                    write((human.directory_id, human.upn, human.display))
                case "entra":
                    write((human.directory_id, human.upn, human.display, "user"))
        if form == "entra":
            write(("6e57ed00-0000-4000-8000-000000000000", "", "Nested Group", "group"))


def _csv(
    path: Path, stack: ExitStack, titles: Iterable[str], encoding: str
) -> Callable[[Iterable[str]], Any]:
    writer = csv.writer(stack.enter_context(path.open("w", encoding=encoding, newline="")))
    writer.writerow(titles)
    return writer.writerow


def json_list(path: Path, stack: ExitStack) -> Callable[[dict[str, Any]], None]:
    """Open an array of objects; what is returned adds one."""
    file = stack.enter_context(path.open("w", encoding="utf-8"))
    before = "[\n"

    def add(value: dict[str, Any]) -> None:
        nonlocal before
        file.write(before + json.dumps(value, ensure_ascii=False))
        before = ",\n"

    stack.callback(lambda: file.write("\n]\n" if before != "[\n" else "[]\n"))
    return add
