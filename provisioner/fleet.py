"""The fleet file `provision.toml`: which gateway, which keys, which consoles, which policy for whom. Pure.

Every key may be absent. Empty text says "not set", so that the file which `provision init` writes
can show each key with its default. Whether a URL is safe to talk to `gateway_client.url` says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from provisioner import digest, spelling, strict
from provisioner.render.model import Mdm
from provisioner.roster.model import Platform
from provisioner.spelling import MaybeSlug, Slug, Text
from provisioner.strict import Flaw, Many, Refused, Strict, wrong
from provisioner.toml_lines import KeyPath

Product = Literal["bundled", "portkey"]
LATER_PRODUCTS = frozenset({"bifrost", "finops", "litellm"})

_PASTED = (
    "a key never stands in this file",
    'say where it comes from: admin_key = { env = "NAME" }, or file, command or keyring',
)


def _product(value: object) -> object:
    if isinstance(value, str) and value in LATER_PRODUCTS:
        fix = 'use "bundled" or "portkey" until then'
        raise wrong("COMES_LATER", "support for this gateway comes later", fix, value)
    return value


def _no_pasted_key(value: object) -> object:
    if isinstance(value, str) and value:
        raise wrong("SECRET_IN_FILE", *_PASTED)
    return spelling.unset(value)


class AdminKey(Strict):
    """Where the gateway's admin key comes from: one of these. The key itself is never here (T9)."""

    REFUSED: ClassVar[Refused] = dict.fromkeys(("value", "key", "secret", "token", "password"), _PASTED)

    env: spelling.EnvName = None
    file: Text = None
    command: Annotated[Many[str], spelling.argv] = ()
    """Argument list of a program that prints the key; no shell."""
    keyring: spelling.KeyringEntry = None
    """`service/name`, split at the first slash."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that are set; one, once a fleet is loaded."""
        return tuple(name for name in type(self).model_fields if getattr(self, name))


def _unless_empty(key: AdminKey | None) -> AdminKey | None:
    return key if key is not None and key.sources else None


class Gateway(Strict):
    """The gateway, and how its admin API is reached."""

    REFUSED: ClassVar[Refused] = dict.fromkeys(("api_key", "key", "secret", "token", "password"), _PASTED)

    product: Annotated[Product, BeforeValidator(_product)] = "bundled"
    url: Text = None
    """Base URL of the admin API."""
    data_url: Text = None
    """Base URL for clients where it differs from `url` (Portkey hybrid: facts/portkey.md 2)."""
    workspace: Text = None
    ca_file: Text = None
    allow_private: bool = False
    admin_key: Annotated[AdminKey | None, BeforeValidator(_no_pasted_key), AfterValidator(_unless_empty)] = (
        None
    )


class Keys(Strict):
    """For whom keys are minted."""

    scope: Literal["team", "person"] = "team"


class ClaudeCode(Strict):
    """What is known of the fleet's Claude Code."""

    minimum_version: spelling.Version = None


class ClaudeDesktop(Strict):
    """What is known of the fleet's Claude Desktop."""

    minimum_version: spelling.DesktopFloor = None
    organization_uuid: spelling.Uuid = None
    """None: derived from the tenant."""


class RosterRules(Strict):
    """What the roster may hold."""

    metadata: Annotated[Many[spelling.MetadataName], spelling.distinct] = ()
    envs: Annotated[Many[Slug], spelling.distinct] = ()
    """The only envs that a row may have; none named: any."""
    domains: Annotated[Many[spelling.Domain], spelling.distinct] = ()
    """Domains that addresses may have, lower case; none named: any."""


class Intune(Strict):
    """Consents that only Intune asks for."""

    remediation_key: bool = False
    """A remediation script may carry a key, against Microsoft's advice (facts/mdm.md 2)."""


class Override(Strict):
    """Another profile for a team, an env, or one team in one env."""

    team: MaybeSlug = None
    env: MaybeSlug = None
    profile: Slug


class Fleet(Strict):
    """The whole file, defaults filled in."""

    REFUSED: ClassVar[Refused] = {
        "admin_key": ("stands outside its table", "put it under [gateway]"),
        "overrides": ("is written in the singular", "write each one as [[override]]"),
    }

    tenant: MaybeSlug = None
    """None: the sole domain of the roster names it."""
    profile: Slug = "standard"
    mdm: Annotated[Many[Mdm], spelling.some_distinct] = ("jamf", "kandji", "intune", "files")
    platforms: Annotated[Many[Platform], spelling.some_distinct] = ("macos", "windows", "linux")
    gateway: Gateway = Field(default_factory=Gateway)
    keys: Keys = Field(default_factory=Keys)
    claude_code: ClaudeCode = Field(default_factory=ClaudeCode)
    claude_desktop: ClaudeDesktop = Field(default_factory=ClaudeDesktop)
    roster: RosterRules = Field(default_factory=RosterRules)
    intune: Intune = Field(default_factory=Intune)
    override: Many[Override] = ()

    def profile_for(self, team: str, env: str) -> str:
        """Return the profile of a team in an env (slugs).

        An override for both beats one for the team, that one beats one for the env, and that one
        the default. Two for the same team and env are refused at load, so order never counts.
        """
        chosen = {(rule.team, rule.env): rule.profile for rule in self.override}
        selectors = ((team, env), (team, None), (None, env))
        return next((chosen[s] for s in selectors if s in chosen), self.profile)

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that the file names, each once, the default first."""
        return tuple(dict.fromkeys((self.profile, *(rule.profile for rule in self.override))))


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
        for path, name in named:
            if name not in known_profiles:
                fix = strict.suggestion(name, sorted(known_profiles))
                yield Flaw(path, "UNKNOWN_PROFILE", "is no policy profile", fix, name)


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
