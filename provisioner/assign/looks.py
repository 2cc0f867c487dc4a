"""Which devices look shared, and which addresses nobody has: words and beginnings. Pure, dated data.

As seen up to 2026-11 in inventories' naming schemes; a word counts where no letter stands before or
behind it (`LAB-03`, `Mac lab3`, not `Labrador`).
"""

from __future__ import annotations

import re
from functools import cache

from provisioner.roster.model import Device

SHARED_WORDS = (
    *("kiosk", "lab", "shared", "pool", "loaner", "loan", "spare", "signage", "display", "checkout", "pos"),
    *("conference", "conf", "meeting", "boardroom", "huddle", "zoom ?room", "teams ?room", "mtr"),
    *("hot ?desk", "classroom", "training", "library", "reception", "front ?desk", "lobby", "podium"),
    *("cart", "exam", "demo", "guest", "vdi", "avd"),
)

PLACEHOLDERS = ("autopilot@", "foouser@", "package_")
"""How addresses begin that enrolment made up; as seen 2026-11 (rollout 3)."""

_SHARED = re.compile(rf"(?<![a-z])(?:{'|'.join(SHARED_WORDS).replace(' ?', '[ _-]?')})s?(?![a-z])")
FACTS = ("category", "department")
"""The facts that `shared_by` looks at."""


def shared_by(device: Device) -> str:
    """Return what makes a device look shared, `name LAB-03`, or nothing."""
    seen = (("name", device.name), *((fact, device.facts.get(fact)) for fact in FACTS))
    return next((f"{what} {text}" for what, text in seen if text and _looks(text)), "")


def is_unlisted(device: Device) -> bool:
    """Tell whether an inventory should list a device and only plain rows name it; no MDM lists Linux."""
    return device.mdm is None and device.platform != "linux"


def is_somebodys(address: str) -> bool:
    """Tell whether an address that an MDM has may be a person's: it is one, and not made up by enrolment."""
    return "@" in address and not address.lower().startswith(PLACEHOLDERS)


@cache
def _looks(text: str) -> bool:
    return _SHARED.search(text.casefold()) is not None
