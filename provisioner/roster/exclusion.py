"""Why somebody in a directory is left out: by the fleet file, as a service account, by address. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial

from provisioner.fleet.patterns import Conditions, pattern, spelled
from provisioner.naming import shown
from provisioner.roster.model import Facts, LeftOut, LeftOutBecause
from provisioner.roster.text import Flaw
from provisioner.roster.titles import normal

_SERVICE_ACCOUNT = re.compile(
    # As seen in 2026-11, and kept short: a person called so would lose their access.
    r"(?:svc[-_.]|service-|no-?reply"
    r"|(?:admin|administrator|abuse|daemon|hostmaster|mailer-daemon|postmaster|root|webmaster)@)"
)
_REASONS: Mapping[tuple[str, str], LeftOutBecause] = {
    ("enabled", "false"): "DISABLED",
    ("type", "guest"): "GUEST",
}
_BECAUSE: Mapping[str, LeftOutBecause] = {
    "EMAIL_MISSING": "NO_EMAIL",
    "EMAIL_INVALID": "NO_EMAIL",
    "DOMAIN_NOT_ALLOWED": "DOMAIN_NOT_ALLOWED",
    "IDN_DOMAIN": "DOMAIN_NOT_ALLOWED",
}


def excluder(exclude: Conditions) -> Callable[[bool, Facts], LeftOut | None]:
    """Return what tells, from a record's `enabled` and facts, why it is left out, or None.

    Any condition that holds excludes. `enabled` is told first, then `type`, then the others by name;
    a fact that a record lacks fulfils no condition, `*` included.
    """
    order = sorted(exclude, key=lambda name: (normal(name) != "enabled", normal(name) != "type", name))
    asked = [(normal(name), cache(partial(_judged, name, pattern(spelled(exclude[name]))))) for name in order]

    def judge(enabled: bool, facts: Facts) -> LeftOut | None:
        for fact, judged in asked:
            text = ("false", "true")[enabled] if fact == "enabled" else facts.get(fact)
            if text and (found := judged(text)):
                return found
        return None

    return judge


def _judged(name: str, excluded: re.Pattern[str], text: str) -> LeftOut | None:
    folded = text.strip().casefold()
    if not folded or not excluded.match(folded):
        return None
    reason = _REASONS.get((normal(name), folded), "EXCLUDED")
    return LeftOut(reason, f"{name} is {shown(text)}")


def unusable(flaw: Flaw, text: str) -> LeftOut:
    """Return why a person whose address has a flaw is left out; any directory has some of these."""
    reason = _BECAUSE.get(flaw.code, "EMAIL_UNSAFE")
    return LeftOut(reason, f"{shown(text)}: {flaw.message}" if text else flaw.message)


def service_account(identity: str) -> LeftOut | None:
    """Tell whether an address is a program's, by a short list of usual names."""
    if _SERVICE_ACCOUNT.match(identity):
        return LeftOut("SERVICE_ACCOUNT", f"{identity} is called like a program, and has no device")
    return None
