"""Every header generation of rollout 4.1: what its titles give, and that the data is sound."""

from __future__ import annotations

from typing import get_args

import pytest

from provisioner.fleet.sources import Preset
from provisioner.roster.exports import ALSO_CALLED, EXPORTS, FIELDS, KEYS, ExportPreset
from provisioner.roster.header import Header, read_header
from provisioner.roster.problems import Problems
from provisioner.roster.rows import Row, Table
from provisioner.roster.titles import normal

# By preset and generation: the fields and facts that the header gives, by title as written.
GIVES: dict[tuple[ExportPreset, str], dict[str, str]] = {
    ("entra-users", "documented"): {
        "mail": "mail",
        "upn": "userPrincipalName",
        "directory_id": "objectId",
        "name": "displayName",
        "first_name": "givenName",
        "last_name": "surname",
        "enabled": "accountEnabled",
        "others": "alternateEmailAddress",
        "fact type": "userType",
        "fact department": "department",
        "fact jobtitle": "jobTitle",
        "fact country": "country",
        "fact office": "physicalDeliveryOfficeName",
    },
    ("entra-users", "seen in a public file"): {
        "mail": "mail",
        "upn": "userPrincipalName",
        "directory_id": "id",
        "name": "displayName",
        "first_name": "givenName",
        "last_name": "surname",
        "enabled": "accountEnabled",
        "others": "alternateEmailAddress",
        "fact type": "userType",
        "fact department": "department",
        "fact jobtitle": "jobTitle",
        "fact country": "country",
        "fact office": "officeLocation",
        "fact company": "companyName",
    },
    ("entra-group-members", "the new bulk service"): {
        "directory_id": "Object ID",
        "upn": "User principal name",
        "member_type": "Member type",
    },
    ("entra-group-members", "older files"): {"directory_id": "id", "upn": "userPrincipalName"},
    ("intune-devices", "console"): {
        "serial": "Serial number",
        "mdm_id": "Device ID",
        "directory_id": "Azure AD Device ID",
        "name": "Device name",
        "platform": "OS",
        "user_id": "UserId",
        "user_upn": "Primary user UPN",
        "user_email": "Primary user email address",
        "ownership": "Ownership",
        "last_seen": "Last check-in",
        "fact category": "Category",
        "fact ownership": "Ownership",
        "fact model": "Model",
        "fact managedby": "Managed by",
        "fact devicestate": "Device state",
        "fact compliance": "Compliance",
    },
    ("intune-devices", "report names of the API"): {
        "serial": "SerialNumber",
        "mdm_id": "DeviceId",
        "directory_id": "ReferenceId",
        "name": "DeviceName",
        "platform": "DeviceType",
        "user_id": "UserId",
        "user_upn": "UPN",
        "user_email": "UserEmail",
        "enrolment": "EnrollmentType",
        "ownership": "OwnerType",
        "managed": "IsManaged",
        "last_seen": "LastContact",
        "fact category": "CategoryName",
        "fact ownership": "OwnerType",
        "fact model": "Model",
        "fact managedby": "ManagementAgent",
        "fact devicestate": "ManagementState",
        "fact compliance": "CompliantState",
    },
    ("intune-devices", "Graph's managedDevice"): {
        "serial": "serialNumber",
        "mdm_id": "id",
        "directory_id": "azureADDeviceId",
        "name": "deviceName",
        "platform": "operatingSystem",
        "user_id": "userId",
        "user_upn": "userPrincipalName",
        "user_email": "emailAddress",
        "enrolment": "deviceEnrollmentType",
        "ownership": "managedDeviceOwnerType",
        "last_seen": "lastSyncDateTime",
        "fact category": "deviceCategoryDisplayName",
        "fact ownership": "managedDeviceOwnerType",
        "fact model": "model",
        "fact managedby": "managementAgent",
        "fact devicestate": "managementState",
        "fact compliance": "complianceState",
    },
    ("okta-users-json", "Users API"): {
        "mail": "profile.email",
        "upn": "profile.login",
        "directory_id": "id",
        "name": "profile.displayName",
        "first_name": "profile.firstName",
        "last_name": "profile.lastName",
        "enabled": "status",
        "fact department": "profile.department",
        "fact division": "profile.division",
        "fact costcenter": "profile.costCenter",
        "fact type": "profile.userType",
        "fact employeetype": "profile.userType",
        "fact jobtitle": "profile.title",
        "fact company": "profile.organization",
        "fact country": "profile.countryCode",
    },
    ("okta-users-json", "Okta Password Health"): {"upn": "Login", "name": "User", "enabled": "Status"},
    ("google-users", "documented"): {
        "mail": "Email Address [Required]",
        "first_name": "First Name [Required]",
        "last_name": "Last Name [Required]",
        "enabled": "Status [READ ONLY]",
        "others": "Work Secondary Email",
        "fact ou": "Org Unit Path [Required]",
        "fact department": "Department",
        "fact costcenter": "Cost Center",
        "fact employeetype": "Employee Type",
        "fact jobtitle": "Employee Title",
        "fact building": "Building ID",
    },
    ("jamf-computers", "Advanced Computer Search"): {
        "serial": "Serial Number",
        "mdm_id": "JSS Computer ID",
        "name": "Computer Name",
        "last_seen": "Last Check-in",
    },
    ("jamf-computers", "since 11.28"): {
        "serial": "Serial Number",
        "mdm_id": "JSS Computer ID",
        "name": "Computer Name",
        "managed": "Managed",
        "last_seen": "Last Check-in",
    },
    ("jamf-computers", "with user and location"): {
        "serial": "Serial Number",
        "mdm_id": "JSS Computer ID",
        "name": "Computer Name",
        "user_upn": "Username",
        "user_email": "Email Address",
        "enrolment": "Enrollment Method",
        "managed": "Managed",
        "last_seen": "Last Check-in",
        "fact department": "Department",
        "fact building": "Building",
        "fact position": "Position",
    },
    ("jamf-computers", "German console 10.32"): {"name": "Computername", "last_seen": "Letzter Check-In"},
    ("jamf-computers", "German console since 11.28"): {
        "name": "Computername",
        "managed": "Verwaltet",
        "last_seen": "Letzter Check-In",
    },
    ("kandji-devices", "Prism"): {
        "serial": "serial_number",
        "mdm_id": "device_id",
        "name": "device__name",
        "platform": "device__family",
        "user_email": "device__user_email",
        "managed": "mdm_enabled",
        "last_seen": "last_collected_at",
        "fact blueprint": "blueprint_name",
        "fact model": "model",
        "fact assettag": "asset_tag",
    },
    ("kandji-devices", "API"): {
        "serial": "serial_number",
        "mdm_id": "device_id",
        "name": "device_name",
        "platform": "platform",
        "user_email": "user.email",
        "managed": "mdm_enabled",
        "removed": "is_removed",
        "last_seen": "last_check_in",
        "fact assettag": "asset_tag",
        "fact tags": "tags",
    },
}
GIVES["intune-devices", "console, newer columns"] = GIVES["intune-devices", "console"]
GIVES["google-users", "later columns"] = GIVES["google-users", "documented"]
GENERATIONS = [(preset, g.name) for preset, export in EXPORTS.items() for g in export.generations]


def header(preset: ExportPreset, titles: tuple[str, ...], problems: Problems) -> Header:
    export = EXPORTS[preset]
    table = Table(Row(1, list(titles)), iter(()), "row")
    return read_header(table, export, {}, frozenset(export.facts), problems)


@pytest.mark.parametrize(("preset", "name"), GENERATIONS)
def test_a_generation_gives_exactly_these_fields_and_facts(preset: ExportPreset, name: str) -> None:
    generation = next(g for g in EXPORTS[preset].generations if g.name == name)
    problems = Problems("export.csv")
    found = header(preset, generation.titles, problems)
    gives = {field: found.titles[index] for field, index in found.fields.items()}
    if found.others:
        gives["others"] = ", ".join(found.titles[index] for index in found.others)
    gives |= {f"fact {fact}": found.titles[index] for fact, index in found.facts.items()}
    assert gives == GIVES[preset, name]
    alone = name.startswith("German console")  # only a few titles are known of it
    assert found.missing == (("serial",) if alone else ())
    assert bool(problems) is alone


def test_every_generation_is_told_and_dated() -> None:
    assert set(GIVES) == set(GENERATIONS)
    undated = [g.name for export in EXPORTS.values() for g in export.generations if "20" not in g.source]
    assert undated == ["German console 10.32"]  # it has a version instead


def test_every_preset_but_plain_is_an_export() -> None:
    assert set(EXPORTS) == set(get_args(ExportPreset)) == set(get_args(Preset)) - {"plain"}


@pytest.mark.parametrize("preset", list(EXPORTS))
def test_the_data_of_an_export_is_sound(preset: ExportPreset) -> None:
    export = EXPORTS[preset]
    known = FIELDS[export.family]
    assert {*export.fields, *export.required, *KEYS[export.family]} <= set(known)
    assert set(ALSO_CALLED[export.family].values()) <= set(known)
    assert [fact for fact in export.facts if normal(fact) != fact] == []
    titles = [title for ranks in export.fields.values() for rank in ranks for title in rank]
    assert len(titles) == len(set(titles))  # a title gives one field
    for generation in export.generations:
        names = [normal(title) for title in generation.titles]
        assert len(names) == len(set(names))
        assert "" not in names
