"""The address that an MDM puts in place of its variable: whether it is its user's, and safe. Pure.

Nobody knows how a console escapes what it fills in, and the value stands in JSON inside a property
list, quoted twice for Desktop (rollout 3, T25).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from provisioner.assign.model import Reason
from provisioner.naming import shown
from provisioner.roster.model import Person

_SAFE = re.compile(r"""[^\x00-\x1f&<>"'\\${\x7f-\U0010ffff]*\Z""")


class Refusal(NamedTuple):
    """Why somebody or something is not covered."""

    reason: Reason
    detail: str


def known(people: Sequence[Person]) -> Mapping[str, str]:
    """Return the identity behind each address that a directory or a row has; a person's own goes first.

    What only an MDM calls somebody is left out: it may be a former user's address.
    """
    found = {person.identity: person.identity for person in people}
    for person in people:
        for alias in person.aliases:
            if alias not in person.mdm_aliases:
                found.setdefault(alias, person.identity)
    return found


def refused(written: str, owner: Person, identities: Mapping[str, str]) -> Refusal | None:
    """Return what is wrong with the address that the MDM has for a person's device."""
    address = written.lower()
    if not _SAFE.match(written):
        return Refusal("EMAIL_UNSAFE", f"the MDM has {shown(written)}")
    whose = identities.get(address)
    if whose == owner.identity:
        return None
    if not address.strip():
        return Refusal("NO_EMAIL_IN_MDM", "")
    if whose is None:
        return Refusal("EMAIL_NOT_IN_ROSTER", f"the MDM has {shown(written)}")
    return Refusal("EMAIL_OF_ANOTHER", f"the MDM has {whose}, the device is {owner.identity}'s")
