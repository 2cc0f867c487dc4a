"""What a plain row is about: a person, a device of nobody in particular, or a service. Pure.

Functions that read get a cell without the blanks around it.
"""

from __future__ import annotations

from collections.abc import Callable

from provisioner import naming
from provisioner.roster.model import RowKind
from provisioner.roster.text import Flaw, hidden

SERVICE_PREFIX = "svc:"
_KINDS: dict[str, RowKind] = {"person": "person", "device": "device", "service": "service"}


def read_kind(text: str) -> RowKind | Flaw | None:
    """Return the kind, None for an empty cell."""
    if not text.strip("-"):
        return None
    fix = "write person, device or service, or leave it empty for a person"
    return _KINDS.get(text.lower()) or hidden(text) or Flaw("KIND_UNKNOWN", "not a kind of row", fix)


def is_service(email: str) -> bool:
    """Tell whether an e-mail cell names a service."""
    return email[:4].lower() == SERVICE_PREFIX


def read_service(text: str) -> str | Flaw:
    """Return a service's id, `svc:build-farm`."""
    if flaw := hidden(text):
        return flaw
    name = text[len(SERVICE_PREFIX) :].lower() if is_service(text) else ""
    if name and naming.slug(name) == name:
        return f"{SERVICE_PREFIX}{name}"
    near = naming.slug(text[len(SERVICE_PREFIX) :] if is_service(text) else text.partition("@")[0])
    fix = f'write "{SERVICE_PREFIX}{near or "build-farm"}"'
    return Flaw("SERVICE_INVALID", "a service is svc: and a name of a-z, 0-9 and hyphens", fix)


def read_user(text: str, read_address: Callable[[str], str | Flaw]) -> str | Flaw:
    """Return the address of a device's user; empty for a device of nobody."""
    return read_address(text) if text.strip("-") else ""


def no_serial() -> Flaw:
    """Return the flaw of a device without a serial number."""
    return Flaw("SERIAL_MISSING", "a device has a serial number", "fill it in, or delete the row")


def no_owner() -> Flaw:
    """Return the flaw of a service for which nobody answers."""
    fix = "put the address of who answers for the service into a column owner"
    return Flaw("OWNER_MISSING", "a service has an owner", fix)


def service_with_serial() -> Flaw:
    """Return the flaw of a service that names a device."""
    fix = "clear the cell; for one device write a row of kind device"
    return Flaw("SERVICE_WITH_SERIAL", "a service is no device", fix)
