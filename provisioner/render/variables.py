"""The variables that an MDM replaces in a profile: the one we use, and a lint for all others. Pure.

Replacing is plain text work with no escape: a shell variable in a hook would be changed on its way
(facts/mdm.md 0.4). Names as the vendors listed them up to 2026-02 (facts/mdm.md 2); they are
matched anywhere, because nobody says where a name ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from provisioner.errors import ArtifactError
from provisioner.render.model import Tree
from provisioner.secret import SecretRef

Substituting = Literal["jamf", "kandji", "intune"]

ADDRESS: Mapping[Substituting, str] = {"jamf": "$EMAIL", "kandji": "$EMAIL", "intune": "{{mail}}"}
"""The address of the device's user: the only kind of value that may stand inside JSON text (T25)."""

REPLACED: Mapping[Substituting, re.Pattern[str]] = {
    "jamf": re.compile(
        r"\$(?:MANAGEMENTID|COMPUTERNAME|SITENAME|SITEID|UDID|SERIALNUMBER|USERNAME|FULLNAME|REALNAME|EMAIL"
        r"|PHONE|POSITION|DEPARTMENTNAME|DEPARTMENTID|BUILDINGNAME|BUILDINGID|ROOM|MACADDRESS|JSSID"
        r"|PROFILEJSSID|EXTENSIONATTRIBUTE_\d*)"
    ),
    "kandji": re.compile(
        r"\$(?:SERIAL_NUMBER|DEVICE_NAME|ASSET_TAG|UDID|PROFILE_UUID|EMAIL_PREFIX|EMAIL|FULL_NAME"
        r"|USERNAME_PREFIX|USERNAME|DEPARTMENT|JOB_TITLE|DEVICE_ID|BLUEPRINT_NAME|BLUEPRINT_ID|MODEL_NAME"
        r"|MODEL_IDENTIFIER)"
    ),
    "intune": re.compile(r"\{\{|\}\}"),  # every token, known or not: both signs "are for tokens only"
}


def refuse(tree: Tree, mdm: Substituting) -> None:
    """Raise `ArtifactError` where the MDM would replace something; the tree holds no variable of ours yet."""
    for place, text in _texts(tree, ""):
        if found := REPLACED[mdm].search(text):
            raise ArtifactError(
                f"{mdm} would put a value of its own in place of {found[0]} at {place}",
                hint="in shell text write ${NAME} for $NAME; in JSON text keep braces apart",
            )


def _texts(tree: Tree, place: str) -> Iterator[tuple[str, str]]:
    """Yield every string of a tree, keys too, with the place where it stands."""
    match tree:
        case str():
            yield place, tree
        case int() | SecretRef():
            return
        case Mapping():
            for name, value in tree.items():
                inner = f"{place}: {name}" if place else name
                yield inner, name
                yield from _texts(value, inner)
        case _:
            for index, value in enumerate(tree):
                yield from _texts(value, f"{place}[{index}]")
