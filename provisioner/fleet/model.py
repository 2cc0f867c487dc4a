"""The fleet file `provision.toml`: which gateway, which keys, which consoles, which policy for whom. Pure.

Every key may be absent. Empty text says "not set", so that the file which `provision init` writes
can show each key with its default. Whether a URL is safe to talk to `gateway_client.url` says.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from provisioner import spelling
from provisioner.fleet.rules import Rule, Scope
from provisioner.fleet.sources import RosterRules
from provisioner.render.model import Mdm
from provisioner.roster.model import Platform
from provisioner.spelling import MaybeSlug, Slug, Text
from provisioner.strict import Many, Refused, Strict, wrong

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

    scope: Scope = "team"
    allow_shared_on_byod: bool = False
    """A team's key may go onto people's own devices (rollout 3)."""


class ClaudeCode(Strict):
    """What is known of the fleet's Claude Code."""

    minimum_version: spelling.Version = None


class ClaudeDesktop(Strict):
    """What is known of the fleet's Claude Desktop."""

    minimum_version: spelling.DesktopFloor = None
    organization_uuid: spelling.Uuid = None
    """None: derived from the tenant."""


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
        "rule": ("is called assign here", "write each one as [[assign]]"),
        "source": ("stands outside its table", "write each one as [[roster.source]]"),
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
    granularity: Literal["team-env", "policy-env"] = "team-env"
    """What one console object is for: a team in an env, or all teams with one policy in an env."""
    override: Many[Override] = ()
    assign: Many[Rule] = ()

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
        ruled = (rule.profile for rule in self.assign if rule.profile)
        return tuple(dict.fromkeys((self.profile, *(rule.profile for rule in self.override), *ruled)))
