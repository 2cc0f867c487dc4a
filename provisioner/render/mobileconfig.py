"""One unsigned configuration profile per assignment: forced preferences of both products. Pure.

The MCX style is the one that Jamf, Kandji and Intune all take unsigned (facts/mdm.md 0.1). Signing
is not for here: a signature and an MDM's variables can't be in one file (facts/mdm.md 1.4).
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner import digest
from provisioner.render import claude_code, claude_desktop
from provisioner.render.model import Delivery, Settings, Tree, masked

MAC = 5
"""Apple's `TargetDeviceType`."""
PAYLOAD_TYPE = "com.apple.ManagedClient.preferences"


def name(delivery: Delivery) -> str:
    """Return what the profile is called in consoles: `AIGateway-{assignment}`."""
    return f"AIGateway-{delivery.assignment}"


def marker_domain(delivery: Delivery) -> str:
    """Return the preference domain of our own that tells which revision is on a Mac (rollout 5)."""
    return f"com.{delivery.tenant}.aigateway"


def domains(delivery: Delivery, user: str | None) -> dict[str, Settings]:
    """Return what is forced, by preference domain: Claude Code, Claude Desktop, and the marker.

    `user` as in `metadata.header_value`. The marker holds assignment, revision and the digest of
    the two others, with fingerprints for secrets; a device's older one shows a rollback (T19).
    """
    products: dict[str, Settings] = {
        claude_code.DOMAIN: claude_code.settings(delivery, user),
        claude_desktop.DOMAIN: claude_desktop.encoded(claude_desktop.settings(delivery, user)),
    }
    marker: Settings = {
        "assignment": delivery.assignment,
        "revision": delivery.revision,
        "digest": digest.of(masked(products)),
    }
    return {**products, marker_domain(delivery): marker}


def description(delivery: Delivery) -> str:
    """Return one line for consoles: what this is, which policy, which revision."""
    return (
        f"Claude Code and Claude Desktop through the AI gateway for {delivery.assignment}:"
        f" policy {delivery.profile}, revision {delivery.revision}"
    )


def profile(delivery: Delivery, forced: Mapping[str, Settings]) -> dict[str, Tree]:
    """Return the profile that forces the domains, for the device channel.

    Identifiers come from tenant, assignment and domain only, so that a new revision replaces the
    old one and two assignments stand beside each other (facts/mdm.md 1.3).
    """
    identifier = f"{marker_domain(delivery)}.{delivery.assignment}"
    return {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": digest.stable_uuid("profile", delivery.tenant, delivery.assignment),
        "PayloadDisplayName": name(delivery),
        "PayloadDescription": description(delivery),
        "PayloadOrganization": delivery.tenant,
        "PayloadScope": "System",
        "TargetDeviceType": MAC,
        "PayloadContent": [
            {
                "PayloadType": PAYLOAD_TYPE,
                "PayloadVersion": 1,
                "PayloadIdentifier": f"{identifier}.{domain}",
                "PayloadUUID": digest.stable_uuid("payload", delivery.tenant, delivery.assignment, domain),
                "PayloadDisplayName": domain,
                "PayloadContent": {domain: {"Forced": [{"mcx_preference_settings": settings}]}},
            }
            for domain, settings in forced.items()
        ],
    }
