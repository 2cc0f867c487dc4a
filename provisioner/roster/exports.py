"""The exports that directories and MDMs give, as dated data: titles of columns, and what they tell. Pure.

From rollout 4.1 with its sources; where a vendor changed the titles, each generation stands by itself.
Titles are compared by `titles.normal`, so case, spaces, signs and a suffix in brackets don't count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from provisioner.roster.titles import normal

Family = Literal["people", "members", "devices"]
ExportPreset = Literal[
    "entra-users",
    "entra-group-members",
    "intune-devices",
    "okta-users-json",
    "google-users",
    "jamf-computers",
    "kandji-devices",
]
"""Every preset but `plain`, whose names stand in `roster.columns`."""
Ranks = tuple[frozenset[str], ...]
"""Normal titles; a later rank counts only where the file has no title of an earlier one."""

FIELDS: Mapping[Family, tuple[str, ...]] = {
    "people": ("mail", "upn", "directory_id", "name", "first_name", "last_name", "enabled", "others"),
    "members": ("directory_id", "upn", "mail", "member_type"),
    "devices": (
        *("serial", "mdm_id", "directory_id", "name", "platform", "user_id", "user_upn", "user_email"),
        *("enrolment", "ownership", "managed", "removed", "last_seen"),
    ),
}
"""What a column can give besides facts; `others` may be given by several.

They make the fields of the records: `first_name` and `last_name` the name where there is no other,
`enrolment` and `ownership` the enrolment, `managed` and `removed` whether the MDM manages a device.
"""
ALSO_CALLED: Mapping[Family, Mapping[str, str]] = {
    "people": {"email": "mail", "id": "directory_id"},
    "members": {"email": "mail", "id": "directory_id"},
    "devices": {"email": "user_email", "upn": "user_upn", "id": "mdm_id"},
}
"""Short names that people write in `columns`."""
KEYS: Mapping[Family, tuple[str, ...]] = {
    "people": ("mail", "upn", "directory_id"),
    "members": ("directory_id", "upn", "mail"),
    "devices": ("serial", "mdm_id"),
}
"""Fields of which a file must have one, or its rows name nobody and nothing."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One header as it was documented or seen."""

    name: str
    source: str
    """Where it is known from, and of when."""
    titles: tuple[str, ...]
    """As written there, in its order."""


@dataclass(frozen=True, slots=True)
class Export:
    """One kind of export."""

    family: Family
    fields: Mapping[str, Ranks]
    facts: Mapping[str, Ranks]
    """By the fact's normal name; any other column gives the fact that it is called like."""
    generations: tuple[Generation, ...]
    required: tuple[str, ...] = ()
    """Fields that it must have besides a key."""

    @property
    def titles(self) -> frozenset[str]:
        """Every title of it that is known, whatever it gives; normal."""
        ranks = [rank for ranks in (*self.fields.values(), *self.facts.values()) for rank in ranks]
        listed = (normal(title) for generation in self.generations for title in generation.titles)
        return frozenset(listed).union(*ranks)


def _generation(name: str, source: str, titles: str) -> Generation:
    return Generation(name, source, tuple(title.strip() for title in titles.split(",")))


def _ranks(**names: str | tuple[str, ...]) -> dict[str, Ranks]:
    """Return titles by field: those of one text are of one rank, a tuple has several ranks."""
    return {
        field: tuple(
            frozenset(normal(title) for title in rank.split(","))
            for rank in (ranks if isinstance(ranks, tuple) else (ranks,))
        )
        for field, ranks in names.items()
    }


_INTUNE_CONSOLE = (
    "Device ID, Device name, Enrollment date, Last check-in, Azure AD Device ID, OS version, "
    "Azure AD registered, EAS activation ID, Serial number, Manufacturer, Model, EAS activated, "
    "IMEI, Last EAS sync time, EAS reason, EAS status, Compliance grace period expiration, "
    "Security patch level, Wi-Fi MAC, MEID, Subscriber carrier, Total storage, Free storage, "
    "Management name, Category, UserId, Primary user UPN, Primary user email address, "
    "Primary user display name, WiFiIPv4Address, WiFiSubnetID, Compliance, Managed by, "
    "Ownership, Device state, Intune registered, Supervised, Encrypted, OS, SkuFamily, JoinType, "
    "Phone number, Jailbroken, ICCID, EthernetMAC, CellularTechnology, ProcessorArchitecture, "
    "EID"
)
_GOOGLE = (
    "First Name [Required], Last Name [Required], Email Address [Required], "
    "Password [Required], Password Hash Function [UPLOAD ONLY], Org Unit Path [Required], "
    "New Primary Email [UPLOAD ONLY], Status [READ ONLY], Last Sign In [READ ONLY], "
    "Recovery Email, Home Secondary Email, Work Secondary Email, "
    "Recovery Phone [MUST BE IN THE E.164 FORMAT], Work Phone, Home Phone, Mobile Phone, "
    "Work Address, Home Address, Employee ID, Employee Type, Employee Title, Manager Email, "
    "Department, Cost Center, 2sv Enrolled [READ ONLY], 2sv Enforced [READ ONLY], Building ID, "
    "Floor Name, Floor Section, Email Usage [READ ONLY], Drive Usage [READ ONLY], "
    "Total Storage [READ ONLY], Change Password at Next Sign-In, New Status [UPLOAD ONLY]"
)
_JAMF = "Computer Name, JSS Computer ID, Serial Number, Last Check-in, Operating System Version"

EXPORTS: Mapping[ExportPreset, Export] = {
    "entra-users": Export(
        "people",
        _ranks(
            mail="mail",
            upn="userPrincipalName",
            directory_id="objectId, id",
            name="displayName",
            first_name="givenName",
            last_name="surname",
            enabled="accountEnabled",
            others="alternateEmailAddress, otherMails, proxyAddresses",
        ),
        _ranks(
            type="userType",
            department="department",
            jobtitle="jobTitle",
            company="companyName",
            country="country",
            office="physicalDeliveryOfficeName, officeLocation",
            employeetype="employeeType",
        ),
        (
            _generation(
                "documented",
                "entra/identity/users/users-bulk-download, entra-docs@05c3448; 2026-11",
                "userPrincipalName, displayName, surname, mail, givenName, objectId, userType, jobTitle, "
                "department, accountEnabled, usageLocation, streetAddress, state, country, "
                "physicalDeliveryOfficeName, city, postalCode, telephoneNumber, mobile, "
                "authenticationAlternativePhoneNumber, authenticationEmail, alternateEmailAddress, ageGroup, "
                "consentProvidedForMinor, legalAgeGroupClassification",
            ),
            _generation(
                "seen in a public file",
                "a public write-up on CSV injection; 2026-11",
                "userPrincipalName, displayName, surname, mail, givenName, id, userType, jobTitle, "
                "department, accountEnabled, usageLocation, streetAddress, state, country, officeLocation, "
                "city, postalCode, telephoneNumber, mobilePhone, alternateEmailAddress, ageGroup, "
                "consentProvidedForMinor, legalAgeGroupClassification, companyName, creationType, "
                "directorySynced, invitationState, identityIssuer, createdDateTime",
            ),
        ),
    ),
    "entra-group-members": Export(
        "members",
        _ranks(
            directory_id="objectId, id",
            upn="userPrincipalName",
            mail="mail",
            member_type="memberType",
        ),
        {},
        (
            _generation(
                "the new bulk service",
                "entra-docs, bulk-operations@0988d67; 2025-11-06",
                "Object ID, User principal name, Display name, Member type",
            ),
            _generation("older files", "general knowledge; 2026-11", "id, userPrincipalName, displayName"),
        ),
    ),
    "intune-devices": Export(
        "devices",
        _ranks(
            serial="Serial number",
            mdm_id=("Device ID", "id"),
            directory_id="Azure AD Device ID, ReferenceId",
            name="Device name",
            platform=("OS", "operatingSystem", "DeviceType"),
            user_id="UserId",
            user_upn="Primary user UPN, UPN, userPrincipalName",
            user_email="Primary user email address, UserEmail, emailAddress",
            enrolment="EnrollmentType, deviceEnrollmentType",
            ownership=("Ownership", "OwnerType, managedDeviceOwnerType"),
            managed="IsManaged",
            last_seen="Last check-in, LastContact, lastSyncDateTime",
        ),
        _ranks(
            category="Category, CategoryName, deviceCategoryDisplayName",
            ownership=("Ownership", "OwnerType, managedDeviceOwnerType"),
            model="Model",
            managedby=("Managed by", "ManagementAgent", "ManagementAgents"),
            devicestate=("Device state", "ManagementState"),
            compliance="Compliance, CompliantState, ComplianceState",
        ),
        (
            _generation(
                "console",
                "report DevicesWithInventory, columns received, memdocs@00cc556; "
                "the same in a public sample of 2026",
                _INTUNE_CONSOLE,
            ),
            _generation(
                "console, newer columns",
                "public samples; 2026-11",
                _INTUNE_CONSOLE + ", SystemManagementBIOSVersion, TPMManufacturerId, "
                "TPMManufacturerVersion, ProductName, Management certificate expiration date",
            ),
            _generation(
                "report names of the API",
                "report DevicesWithInventory, requestable columns, memdocs@00cc556; 2021-11",
                "DeviceId, DeviceName, CreatedDate, LastContact, ReferenceId, OSVersion, "
                "GraphDeviceIsManaged, EasID, SerialNumber, Manufacturer, Model, EasActivationStatus, IMEI, "
                "EasLastSyncSuccessUtc, EasStateReason, EasAccessState, InGracePeriodUntil, "
                "AndroidPatchLevel, WifiMacAddress, MEID, SubscriberCarrierNetwork, StorageTotal, "
                "StorageFree, ManagedDeviceName, CategoryName, UserId, UPN, UserEmail, UserName, "
                "WiFiIPv4Address, WiFiSubnetID, CompliantState, ManagementAgent, OwnerType, ManagementState, "
                "DeviceRegistrationState, IsSupervised, IsEncrypted, DeviceType, SkuFamily, JoinType, "
                "PhoneNumber, JailBroken, ICCID, EthernetMAC, CellularTechnology, ProcessorArchitecture, "
                "EID, EnrollmentType, PartnerFeaturesBitmask, ManagementAgents, CertExpirationDate, "
                "IsManaged",
            ),
            _generation(
                "Graph's managedDevice",
                "Graph v1.0 metadata; 2026-11",
                "id, azureADDeviceId, azureADRegistered, complianceState, deviceCategoryDisplayName, "
                "deviceEnrollmentType, deviceName, emailAddress, enrolledDateTime, isEncrypted, "
                "isSupervised, lastSyncDateTime, managedDeviceName, managedDeviceOwnerType, "
                "managementAgent, managementState, manufacturer, model, operatingSystem, osVersion, "
                "serialNumber, userDisplayName, userId, userPrincipalName",
            ),
        ),
        required=("platform",),
    ),
    "okta-users-json": Export(
        "people",
        _ranks(
            mail="profile.email",
            upn="profile.login, Login",
            directory_id="id",
            name="profile.displayName, User",
            first_name="profile.firstName",
            last_name="profile.lastName",
            enabled="status",
        ),
        _ranks(
            department="profile.department",
            division="profile.division",
            costcenter="profile.costCenter",
            type="profile.userType",
            employeetype="profile.userType",
            jobtitle="profile.title",
            company="profile.organization",
            country="profile.countryCode",
        ),
        (
            _generation(
                "Users API",
                "Okta's Users API and its standard profile, general knowledge; 2026-11",
                "id, status, profile.login, profile.email, profile.firstName, profile.lastName, "
                "profile.displayName, profile.title, profile.department, profile.division, "
                "profile.costCenter, profile.organization, profile.userType, profile.countryCode",
            ),
            _generation(
                "Okta Password Health",
                "public scripts that read OktaPasswordHealth.csv; 2026-11",
                "User, Login, Status, Last Login",
            ),
        ),
    ),
    "google-users": Export(
        "people",
        _ranks(
            mail="Email Address",
            first_name="First Name",
            last_name="Last Name",
            enabled="Status",
            others="Work Secondary Email",
        ),
        _ranks(
            ou="Org Unit Path",
            department="Department",
            costcenter="Cost Center",
            employeetype="Employee Type",
            jobtitle="Employee Title",
            building="Building ID",
        ),
        (
            _generation(
                "documented", "support.google.com/a/answer/40057, public converters; 2026-11", _GOOGLE
            ),
            _generation(
                "later columns",
                "public converters; 2026-11",
                _GOOGLE + ", New Licenses [UPLOAD ONLY], Advanced Protection Program enrollment",
            ),
        ),
    ),
    "jamf-computers": Export(
        "devices",
        _ranks(
            serial="Serial Number",
            mdm_id="JSS Computer ID",
            name="Computer Name, Computername",
            user_upn="Username",
            user_email="Email Address",
            enrolment="Enrollment Method",
            managed="Managed, Verwaltet",
            last_seen=("Last Check-in, Letzter Check-In", "Last Inventory Update"),
        ),
        _ranks(
            department="Department",
            building="Building",
            position="Position",
            model="Model",
        ),
        (
            _generation(
                "Advanced Computer Search", "a public reporting tool's changelog and tests; 2026-11", _JAMF
            ),
            _generation(
                "since 11.28",
                "a public reporting tool's changelog and tests; 2026-11",
                _JAMF + ", Managed, Supervised",
            ),
            _generation(
                "with user and location",
                "Jamf's inventory reference, general knowledge; 2026-11",
                _JAMF + ", Managed, Supervised, Username, Full Name, Email Address, Department, Building, "
                "Position, Last Inventory Update, User Approved MDM, Enrollment Method",
            ),
            _generation(
                "German console 10.32",
                "docs.jamf.com/de 10.32, inventory reference; only these two titles are known",
                "Computername, Letzter Check-In",
            ),
            _generation(
                "German console since 11.28",
                "the same, with Managed and Supervised as they are likely called, unconfirmed [K]; 2026-11",
                "Computername, Letzter Check-In, Verwaltet, Betreut",
            ),
        ),
    ),
    "kandji-devices": Export(
        "devices",
        _ranks(
            serial="serial_number",
            mdm_id="device_id",
            name="device__name",
            platform=("device__family, platform", "model"),
            user_email="device__user_email, user.email",
            managed="mdm_enabled",
            removed="is_removed",
            last_seen="last_collected_at, last_check_in",
        ),
        _ranks(
            blueprint="blueprint_name",
            model="model",
            tags="tags",
            assettag="asset_tag",
        ),
        (
            _generation(
                "Prism",
                "category device_information, Kandji's API collection; 2026-11",
                "blueprint_id, blueprint_name, device__user_id, device__user_name, device__user_email, "
                "device__name, device__family, asset_tag, serial_number, device_id, model, shared_ipad, "
                "first_enrollment_date, last_enrollment_date, agent_version, mdm_enabled, agent_installed, "
                "updated_at, last_collected_at, os_version",
            ),
            _generation(
                "API",
                "/devices of Kandji's API collection; 2026-11",
                "device_id, device_name, serial_number, platform, user.email, user.is_archived, asset_tag, "
                "blueprint_id, mdm_enabled, is_missing, is_removed, last_check_in, agent_version, tags",
            ),
        ),
        required=("platform",),
    ),
}
