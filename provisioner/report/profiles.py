"""Policy profiles as text and JSON: the list, and one resolved with where each value comes from. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from provisioner.policy.load import Resolved
from provisioner.report.columns import plain, table


def list_text(profiles: Iterable[Resolved], width: int) -> str:
    """Return one line per profile: name, what it extends, what it is for."""
    rows = [(p.policy.name, " > ".join(p.chain[1:]) or "-", plain(p.description)) for p in profiles]
    return "\n".join(table([("profile", "extends", "for"), *rows], width, indent=0))


def list_json(profiles: Iterable[Resolved]) -> dict[str, Any]:
    """Return the profiles by name."""
    return {
        "version": 1,
        "kind": "profiles",
        "profiles": [
            {"name": p.policy.name, "extends": list(p.chain[1:]), "description": p.description}
            for p in profiles
        ],
    }


def text(profile: Resolved, width: int) -> str:
    """Return every value with the profile that it comes from, and the config as the gateway gets it."""
    rows = [(key, profile.origins[key], json.dumps(value)) for key, value in sorted(profile.values.items())]
    routing = json.dumps(profile.policy.config, indent=2, sort_keys=True)
    head = f"{profile.policy.name}: {plain(profile.description)}"
    lines = table([("value", "from", "is"), *rows], width, indent=0)
    return "\n".join([head, "", *lines, "", "routing config at the gateway:", routing])


def as_json(profile: Resolved) -> dict[str, Any]:
    """Return the resolved profile: values and origins by dotted key, and the routing config."""
    return {
        "version": 1,
        "kind": "profile",
        "name": profile.policy.name,
        "description": profile.description,
        "chain": list(profile.chain),
        "values": dict(profile.values),
        "origins": dict(profile.origins),
        "config": dict(profile.policy.config),
    }
