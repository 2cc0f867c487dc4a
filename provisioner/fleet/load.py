"""The fleet file's text to a `Fleet`, or every problem in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from provisioner import digest, strict, toml_lines
from provisioner.fleet.model import Fleet, Gateway
from provisioner.fleet.patterns import Wanted, pattern
from provisioner.fleet.rules import CLOSED, OWN_CONDITIONS, Rule
from provisioner.roster.titles import normal
from provisioner.strict import Flaw
from provisioner.toml_lines import KeyPath


def load_fleet(text: str | None, file: str, known_profiles: Collection[str] | None = None) -> Fleet:
    """Return the fleet of a file's text, or the defaults where there is no file.

    Raises `InputError` with all problems. `known_profiles` are the names that a profile may have;
    None leaves them unchecked.
    """
    return strict.load(Fleet, text or "", file, lambda fleet: _flaws(fleet, known_profiles))


def fleet_digest(fleet: Fleet) -> str:
    """Return the SHA-256 of the fleet's values; comments and spelled-out defaults don't count."""
    return digest.of(fleet.model_dump(mode="json"))


def _flaws(fleet: Fleet, known_profiles: Collection[str] | None) -> Iterator[Flaw]:
    yield from _gateway_flaws(fleet.gateway)
    macs, pcs = "macos" in fleet.platforms, "windows" in fleet.platforms
    if "files" not in fleet.mdm and not macs and not (pcs and "intune" in fleet.mdm):
        message = f"gives no artifact for {', '.join(fleet.platforms)}"
        yield Flaw(("mdm",), "NOTHING_TO_MAKE", message, 'add the console that manages them, or "files"')
    yield from _source_flaws(fleet)
    yield from _exclusion_flaws(fleet)
    yield from _rule_flaws(fleet)
    first: dict[tuple[str | None, str | None], int] = {}
    for at, rule in enumerate(fleet.override):
        selector = (rule.team, rule.env)
        if selector == (None, None):
            yield Flaw(("override", at), "MISSING_KEY", "names neither team nor env", "add one of them")
        elif selector in first:
            message = f"is for the same team and env as override[{first[selector]}]"
            yield Flaw(("override", at), "DUPLICATE", message, "keep one of the two")
        first.setdefault(selector, at)
    if known_profiles is not None:
        named: list[tuple[KeyPath, str]] = [(("profile",), fleet.profile)]
        named += [(("override", at, "profile"), rule.profile) for at, rule in enumerate(fleet.override)]
        named += [(("assign", at, "profile"), r.profile) for at, r in enumerate(fleet.assign) if r.profile]
        for path, name in named:
            if name not in known_profiles:
                fix = strict.suggestion(name, sorted(known_profiles))
                yield Flaw(path, "UNKNOWN_PROFILE", "is no policy profile", fix, name)


def _source_flaws(fleet: Fleet) -> Iterator[Flaw]:
    for at, source in enumerate(fleet.roster.source):
        path: KeyPath = ("roster", "source", at)
        if source.file is None and source.files is None:
            yield Flaw(
                path, "MISSING_KEY", "names no file", 'add file = "in/users.csv", or files = "in/*.csv"'
            )
        elif source.file is not None and source.files is not None:
            yield Flaw(path, "TWO_SOURCES", "names file and files", "keep one of the two")
        if source.group is not None and (source.preset != "entra-group-members" or source.files is not None):
            fix = 'take it out; it goes with preset = "entra-group-members" and one file'
            yield Flaw((*path, "group"), "NOT_FOR_PRESET", "has no use here", fix)


def _exclusion_flaws(fleet: Fleet) -> Iterator[Flaw]:
    for name, wanted in fleet.roster.exclude.items():
        path: KeyPath = ("roster", "exclude", name)
        if name.casefold() in OWN_CONDITIONS:
            fix = f'write a rule: [[assign]] with when = {{ {name.casefold()} = ... }} and gives = "skip"'
            yield Flaw(path, "REFUSED_KEY", "is asked by rules only, people are excluded by facts", fix)
        elif normal(name) == "enabled":
            yield from _not_boolean(path, wanted)


def _rule_flaws(fleet: Fleet) -> Iterator[Flaw]:
    for at, rule in enumerate(fleet.assign):
        path: KeyPath = ("assign", at)
        yield from _condition_flaws(rule, (*path, "when"))
        if rule.gives == "skip":
            continue
        for name in ("team", "env"):
            if getattr(rule, name) is None:
                fix = f'add {name} = "...", or gives = "skip"'
                yield Flaw(path, "MISSING_KEY", f"says no {name}", fix)
        env = rule.env
        if isinstance(env, str) and fleet.roster.envs and env not in fleet.roster.envs:
            fix = strict.suggestion(env, fleet.roster.envs)
            yield Flaw((*path, "env"), "ENV_UNKNOWN", "is not among roster.envs", fix, env)
        if set(rule.when.get("managed", ())) != {False}:
            continue
        if rule.shared(fleet.keys.scope):
            message = "gives a team's key to people whose devices nobody manages"
            fix = 'add key = "person" and expires'
            if rule.labelled:
                fix += ", and take attribution out: a device's label goes with its team's key"
            yield Flaw(path, "SHARED_KEY_UNMANAGED", message, fix)
        elif rule.expires is None:
            message = "is missing; a key of somebody unmanaged must end"
            fix = 'add expires = "2027-01-31", or { column = "contractEnd" }'
            yield Flaw((*path, "expires"), "MISSING_KEY", message, fix)


def _condition_flaws(rule: Rule, path: KeyPath) -> Iterator[Flaw]:
    """Yield what is compared with words that can only be a few others; a rule would match nobody."""
    for name, known in CLOSED.items():
        for one in rule.when.get(name, ()):
            text = one if isinstance(one, str) else str(one).lower()
            if not any(map(pattern([text]).match, known)):
                several = sum(word.startswith(text.strip().casefold()) for word in known) > 1
                fix = f"known here: {', '.join(known)}" if several else strict.suggestion(text.strip(), known)
                yield Flaw((*path, name), "BAD_VALUE", "is not a known value", fix, text)
    yield from _not_boolean((*path, "managed"), rule.when.get("managed", ()))


def _not_boolean(path: KeyPath, wanted: Iterable[Wanted]) -> Iterator[Flaw]:
    for one in wanted:
        if isinstance(one, str):
            fix = "write true or false, without quotes"
            yield Flaw(path, "BAD_VALUE", "is neither true nor false", fix, one)


def _gateway_flaws(gateway: Gateway) -> Iterator[Flaw]:
    key = gateway.admin_key
    if gateway.product == "portkey":
        if gateway.url is None:
            fix = 'add it; for Portkey\'s own cloud it is "https://api.portkey.ai"'
            yield Flaw(("gateway", "url"), "MISSING_KEY", "is missing for product portkey", fix)
        if key is None:
            fix = 'add it: admin_key = { env = "NAME" }, or file, command or keyring'
            yield Flaw(("gateway", "admin_key"), "MISSING_KEY", "is missing for product portkey", fix)
    elif idle := [
        n for n in ("url", "data_url", "workspace", "ca_file", "admin_key") if getattr(gateway, n) is not None
    ]:
        message = f"bundled has no use for {' and '.join(idle)}"
        fix = 'set product = "portkey", or take the rest out'
        yield Flaw(("gateway", "product"), "NOT_FOR_BUNDLED", message, fix)
    if key is not None and len(key.sources) > 1:
        message = f"has more than one source: {', '.join(key.sources)}"
        yield Flaw(("gateway", "admin_key"), "TWO_SOURCES", message, "keep one of them")


def rule_lines(text: str | None) -> tuple[int, ...]:
    """Return the line at which each `[[assign]]` begins, for reports that name a rule; 0 where unknown."""
    lines = toml_lines.of(text or "")
    starts = {path[1]: line for path, line in lines.items() if len(path) == 2 and path[0] == "assign"}
    return tuple(starts.get(at, 0) for at in range(len(starts)))
