"""Why somebody or something is not covered, and what to do about it, in plain words. Pure.

Menus are as seen in 2026-11; those of Kandji are not confirmed (rollout 2.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.assign.model import Reason
from provisioner.roster.model import Inventory

CONSOLES: Mapping[Inventory, str] = {"jamf": "Jamf Pro", "kandji": "Kandji (Iru)", "intune": "Intune"}

MEANING: Mapping[Reason, str] = {
    "NO_DEVICE": "no device of the inventories is theirs",
    "NO_PERSON": "nobody in the roster is the device's user",
    "NO_RULE": "no rule matches",
    "SHARED": "it looks like a shared device, and no rule for those matches",
    "BYOD": "somebody's own device, which this key or profile may not go onto",
    "CLIENT_TOO_OLD": "its Claude is older than the fleet file allows",
    "NO_EMAIL_IN_MDM": "the MDM has no e-mail address for its user",
    "EMAIL_NOT_IN_ROSTER": "nobody in the roster has the address that the MDM has",
    "EMAIL_OF_ANOTHER": "the MDM has the address of somebody else",
    "EMAIL_UNSAFE": "the address has a character that could break a profile",
    "NOT_CHECKED_IN_30D": "not seen for 30 days",
    "NOT_MANAGED": "no MDM manages the device, or there is none",
    "NOT_IN_INVENTORY": "a row names its serial number, and no inventory lists it",
    "NO_EXPIRY": "a key of somebody unmanaged must end, and no date is known",
    "EXPIRED": "the end date has come",
    "GUEST": "a guest of the directory",
    "DISABLED": "the account is disabled",
    "SERVICE_ACCOUNT": "a service account of the directory",
    "EXCLUDED": "excluded by the fleet file",
    "NO_EMAIL": "no e-mail address",
    "DOMAIN_NOT_ALLOWED": "the address is in a domain that the fleet file does not allow",
    "NOT_A_COMPUTER": "neither product runs on it",
    "BY_RULE": "a rule skips it",
    "OWNER_LEFT_OUT": "its person is left out",
}

_SET_USER: Mapping[Inventory, str] = {
    "jamf": "Jamf Pro: upload _once/jamf/inventory-preload.csv under Settings > Global > Inventory Preload,"
    " and wait for the next inventory update",
    "kandji": "Kandji (Iru): Devices > the device > assign a user",
    "intune": "Intune: Devices > All devices > the device > Properties > change the primary user",
}
_CORRECT_USER: Mapping[Inventory, str] = {
    **_SET_USER,
    "jamf": "Jamf Pro: Computers > the computer > User and Location > Edit > Email Address",
}
_CHECK_IN: Mapping[Inventory, str] = {
    "jamf": "switch it on and connect it; if it is gone: Jamf Pro, Computers > the computer > Delete",
    "kandji": "switch it on and connect it; if it is gone: Kandji (Iru), Devices > the device > Delete",
    "intune": "switch it on and connect it; if it is gone: Intune, Devices > All devices > it > Delete",
}
_IN_A_CONSOLE: Mapping[Reason, Mapping[Inventory, str]] = {
    "NO_PERSON": _CORRECT_USER,
    "NO_EMAIL_IN_MDM": _SET_USER,
    "EMAIL_NOT_IN_ROSTER": _CORRECT_USER,
    "EMAIL_OF_ANOTHER": _SET_USER,
    "EMAIL_UNSAFE": _SET_USER,
    "NOT_CHECKED_IN_30D": _CHECK_IN,
}
_AND_ELSE: Mapping[Reason, str] = {
    "NO_PERSON": "; or write an [[assign]] rule with kind = device",
    "EMAIL_NOT_IN_ROSTER": "; or add the person to the roster",
    "EMAIL_UNSAFE": "; or give it attribution = device in its [[assign]] rule",
}

_ANYWHERE: Mapping[Reason, str] = {
    "NO_DEVICE": "nothing, if the person has no computer; else enrol it, or set the person as its user in the"
    " MDM, and export the devices again",
    "NO_PERSON": "add its person to the roster, or write an [[assign]] rule with kind = device",
    "NO_RULE": "write an [[assign]] rule that matches, or map the department in [roster.teams]",
    "SHARED": "write an [[assign]] rule with kind = device and attribution = device, above the others",
    "BYOD": 'give it key = "person", expires and a profile with a budget in its [[assign]] rule; a user'
    " enrolment takes no profile: enrol it as a device, or treat the person as unmanaged",
    "CLIENT_TOO_OLD": "update Claude on it, then export the devices again",
    "NO_EMAIL_IN_MDM": "enter the person's e-mail address in the MDM",
    "EMAIL_NOT_IN_ROSTER": "add the person to the roster, or correct the device's user in the MDM",
    "EMAIL_OF_ANOTHER": "correct the device's user in the MDM",
    "EMAIL_UNSAFE": "give the person an address without that character",
    "NOT_CHECKED_IN_30D": "switch it on and connect it, or delete its record",
    "NOT_MANAGED": 'enrol the device, or write an [[assign]] rule with managed = false, key = "person",'
    " expires and a profile with a budget",
    "NOT_IN_INVENTORY": "correct the serial number in the row; or enrol the device, and export devices again",
    "NO_EXPIRY": 'add expires to its [[assign]] rule, as { column = "contractEnd" }, and fill that column in',
    "EXPIRED": "nothing, if they have left; else enter a later date",
    "GUEST": "nothing, if guests shall have no access; else change exclude under [roster]",
    "DISABLED": "nothing, if the person has left; else enable the account and export again",
    "SERVICE_ACCOUNT": "nothing, or a row with kind service and an owner in a plain roster file",
    "EXCLUDED": "nothing, if meant so; else change exclude under [roster]",
    "NO_EMAIL": "enter a mail address in the directory and export again",
    "DOMAIN_NOT_ALLOWED": "add the domain under [roster] domains, or correct the address",
    "NOT_A_COMPUTER": "nothing",
    "BY_RULE": "nothing, if meant so; else change the rule",
    "OWNER_LEFT_OUT": "nothing, or see what keeps its person out",
}


def next_step(reason: Reason, mdm: Inventory | None = None) -> str:
    """Return what to do next, in the console that knows the device where there is one."""
    if mdm is not None and (here := _IN_A_CONSOLE.get(reason)) is not None:
        return here[mdm] + _AND_ELSE.get(reason, "")
    return _ANYWHERE[reason]
