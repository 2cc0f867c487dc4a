"""Client hardening in a profile: what it may not set, because something else owns it. Pure.

The keys are the clients' own; whether each exists is not known here, only whether it may be set.
Nothing here may be weaker than what the renderers refuse: there it would be our bug.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner import strict
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath

_ROUTING = "belongs to the routing, which the tool writes"
_ROUTING_FIX = "take it out; see [models] and [routing] here, and [gateway] in the fleet file"
_LOGIN = "demands a login, and beside a gateway's key that stops every start"
_TAKE_OUT = "take it out"
_NO_TLS = "switches the check of certificates off"
_FLOOR_FIX = "take it out; set the fleet file's minimum_version"

# Reasons: facts/claude-code.md 0, 3, 4 and 5.3; T36, T21, T8. Compared without case.
_CODE = {
    "apikeyhelper": (_ROUTING, _ROUTING_FIX),
    "allowedproviders": (_ROUTING, _ROUTING_FIX),
    "model": ("outruns the pinned models", "take it out; pin models under [models]"),
    "modeloverrides": ("outruns the pinned models", "take it out; pin models under [models]"),
    "forceloginmethod": (_LOGIN, _TAKE_OUT),
    "forceloginorguuid": (_LOGIN, _TAKE_OUT),
    "forcelogingatewayurl": (_LOGIN, _TAKE_OUT),
    "policyhelper": ("replaces all managed settings by a program's output", _TAKE_OUT),
    "parentsettingsbehavior": ('is always "merge", or Claude Desktop\'s policies are lost', _TAKE_OUT),
    "requiredminimumversion": ("follows the fleet's floor", _FLOOR_FIX),
}
_ENV = (
    ("ANTHROPIC_", _ROUTING, _ROUTING_FIX),
    ("CLAUDE_CODE_USE_", _ROUTING, _ROUTING_FIX),
    ("CLAUDE_CODE_SKIP_", _ROUTING, _ROUTING_FIX),
    ("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "follows the fleet's floor", _FLOOR_FIX),
    ("NODE_TLS_REJECT_UNAUTHORIZED", _NO_TLS, "take it out; name a corporate CA in NODE_EXTRA_CA_CERTS"),
)
_DISABLE = (
    ("permissions", "disableBypassPermissionsMode"),
    ("permissions", "disableAutoMode"),
    ("disableAutoMode",),
)

# Reasons: facts/claude-desktop.md 0, 1.1 and 2; C8, T36. Compared without case, as prefixes.
_DESKTOP = (
    ("bootstrap", "names a server that replaces this configuration", _TAKE_OUT),
    ("trustbootstrap", "names a server that replaces this configuration", _TAKE_OUT),
    ("forcelogin", _LOGIN, _TAKE_OUT),
    ("modeldiscoveryenabled", _ROUTING, _ROUTING_FIX),
    ("deploymentorganizationuuid", "is the fleet's", "set organization_uuid in the fleet file"),
    ("isdxt", "is a name that the app no longer reads", "use isDesktopExtensionEnabled and its kin"),
)
_DESKTOP_CASED = (
    ("enduserAttribution", "is a name that the app no longer reads", "write endUserAttribution"),
)
_DESKTOP_LIMITS = (
    "inferenceMaxTokensPerWindow",
    "inferenceTokenWindowHours",
    "inferenceModelPricing",
    "inferenceSessionLifetimeSec",
    "inferenceStreamIdleTimeoutSec",
)
"""The only `inference*` keys that limit or describe, and don't say where requests go."""


def claude_code_flaws(settings: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield what a profile's `[claude_code]` may not hold."""
    odd = list(strict.unfit(dict(settings), ("claude_code",)))
    yield from odd
    yield from strict.unrelated(_claude_code_owned(settings), odd)


def claude_desktop_flaws(settings: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield what a profile's `[claude_desktop]` may not hold."""
    odd = list(strict.unfit(dict(settings), ("claude_desktop",)))
    yield from odd
    yield from strict.unrelated(_claude_desktop_owned(settings), odd)


def _claude_code_owned(settings: Mapping[str, Any]) -> Iterator[Flaw]:
    here: KeyPath = ("claude_code",)
    for name in settings:
        if refused := _CODE.get(name.lower()):
            yield Flaw((*here, name), "OWNED_KEY", *refused)
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            yield _misnamed((*here, name))
    for name in ("env", "permissions"):
        # A client drops the whole block for this, and with it the gateway (facts/claude-code.md 1.3).
        if name in settings and not isinstance(settings[name], dict):
            yield Flaw((*here, name), "WRONG_TYPE", "should be a table", f"write [claude_code.{name}]")
    env = settings.get("env")
    for name, value in env.items() if isinstance(env, dict) else ():
        place = (*here, "env", name)
        if owned := next((o for o in _ENV if name.upper().startswith(o[0])), None):
            yield Flaw(place, "OWNED_KEY", *owned[1:])
        elif not isinstance(value, str):
            yield Flaw(place, "WRONG_TYPE", "should be text", 'write it in quotes, "1"')
    for path in _DISABLE:
        if (value := _at(settings, path)) not in (None, "disable"):
            shown = value if isinstance(value, str) else None
            yield Flaw((*here, *path), "BAD_VALUE", "is not a known value", 'write "disable"', shown)


def _claude_desktop_owned(settings: Mapping[str, Any]) -> Iterator[Flaw]:
    here: KeyPath = ("claude_desktop",)
    for name in settings:
        place, lowered = (*here, name), name.lower()
        owned = next((o for o in _DESKTOP if lowered.startswith(o[0])), None)
        owned = owned or next((o for o in _DESKTOP_CASED if name.startswith(o[0])), None)
        if owned:
            yield Flaw(place, "OWNED_KEY", *owned[1:])
        elif lowered.startswith("inference") and not name.startswith(_DESKTOP_LIMITS):
            yield Flaw(place, "OWNED_KEY", _ROUTING, _ROUTING_FIX)
        elif not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name):
            yield _misnamed(place)


def _misnamed(path: KeyPath) -> Flaw:
    # A dotted name in quotes is one key for TOML, and is never read (facts/claude-desktop.md 2).
    return Flaw(path, "BAD_NAME", "is not a name that the client reads", "write nested keys without quotes")


def _at(tree: Any, path: KeyPath) -> Any:
    for name in path:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(name)
    return tree
