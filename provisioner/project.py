"""What an admin gave us, loaded: roster, fleet file and policy profiles, or every problem in them at once.

A roster is a plain file, or a fleet file whose `[[roster.source]]` make one up.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway_client.errors import UrlRefused
from gateway_client.url import parse_gateway_url
from provisioner import assets, digest, sources, strict
from provisioner.assign import Assignment, Coverage, RulesAt, cover
from provisioner.errors import InputError, Problem, UsageError
from provisioner.fleet import Fleet, load_fleet, rule_lines
from provisioner.policy.conditions import Labels, labels
from provisioner.policy.load import Resolved, policy_digest, resolve_all
from provisioner.roster import MAX_BYTES, RosterOptions, join, read_roster
from provisioner.roster.model import Roster

FLEET_FILE = Path("provision.toml")
PROFILES_FOLDER = Path("profiles")
NEEDS_FLEET = frozenset({"TENANT_UNCLEAR", "IDN_DOMAIN"})
"""Roster problems that a setting of the fleet file solves."""


@dataclass(frozen=True, slots=True)
class Project:
    """One rollout's inputs, checked."""

    roster: Roster
    fleet: Fleet
    policies: Mapping[str, Resolved]
    coverage: Coverage
    rules_at: RulesAt
    """Where the rules stand."""

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """The units that reach devices."""
        return self.coverage.assignments

    @property
    def policies_digest(self) -> str:
        """Digest of every policy in use, resolved."""
        return digest.of({name: policy_digest(resolved.policy) for name, resolved in self.policies.items()})

    @property
    def words(self) -> frozenset[str]:
        """The names of teams, envs, profiles and groups, which are nobody's secret."""
        of_assignments = {
            word for a in self.assignments for word in (a.team, a.team_display, a.env, a.policy.name)
        }
        return frozenset(of_assignments.union(*(person.groups for person in self.roster.people)))

    @property
    def domains(self) -> tuple[str, ...]:
        """Mail domains: those that the fleet file allows, else those that the roster has."""
        seen = {person.identity.partition("@")[2] for person in self.roster.people if not person.left_out}
        return self.fleet.roster.domains or tuple(sorted(seen))


@dataclass(frozen=True, slots=True)
class Places:
    """Where the inputs are; None means: where they usually are, if they are there."""

    roster: Path | None
    """A plain file, or a fleet file; None: the sources of the fleet file in use."""
    fleet: Path | None = None
    profiles: Path | None = None

    @property
    def rules(self) -> Path:
        """The fleet file whose rules hold."""
        return self.fleet or FLEET_FILE


def load(places: Places, today: date) -> Project:
    """Read and check everything, and decide who gets what.

    Raises:
        InputError: with the problems of all files together, those of the decisions among them.
        UsageError: a file that was named can't be read.
    """
    project = survey(places, today)
    if project.coverage.problems:
        raise InputError(project.coverage.problems)
    return project


def survey(places: Places, today: date) -> Project:
    """Do the same as `load`, but leave the problems of the decisions in the coverage, for reports to show."""
    with _uncollected():
        return _survey(_with_own_fleet(places), today)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the collector: it would walk half a million values, none of them garbage, again and again."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _survey(places: Places, today: date) -> Project:
    problems: list[Problem] = []
    fleet, policies = Fleet(), dict[str, Resolved]()
    texts = profile_sources(places.fleet, places.profiles)
    try:
        fleet = fleet_of(places.fleet, texts)
    except InputError as exc:
        problems += exc.problems
    try:
        policies = resolve_all(fleet.profiles, texts, profile_labels(fleet))
    except InputError as exc:
        problems += exc.problems
    try:
        if problems and places.roster is None:
            raise InputError(problems)  # which files there are, and how to read them, nobody can say
        roster = _roster(places, fleet, today)
    except InputError as exc:
        # What the fleet file may well answer, once it can be read, is no problem of the roster's.
        known = NEEDS_FLEET if problems else frozenset()
        problems += (problem for problem in exc.problems if problem.code not in known)
    if problems:
        raise InputError(dict.fromkeys(problems))
    rules_at = RulesAt(str(places.rules), rule_lines(_text(places.rules)) if fleet.assign else ())
    by_name = {name: resolved.policy for name, resolved in policies.items()}
    coverage = cover(roster, fleet, by_name, today=today, rules_at=rules_at)
    return Project(roster, fleet, policies, coverage, rules_at)


def _with_own_fleet(places: Places) -> Places:
    """Return the places with a fleet file as roster put where fleet files stand."""
    if places.roster is None or places.roster.suffix != ".toml":
        return places
    if places.fleet is not None and places.fleet.resolve() != places.roster.resolve():
        raise UsageError(
            f"two fleet files are named: {places.roster} as roster, and {places.fleet}",
            hint="name one of them; a fleet file as roster brings its rules along",
        )
    return Places(None, places.roster, places.profiles)


def _roster(places: Places, fleet: Fleet, today: date) -> Roster:
    options = roster_options(fleet)
    if places.roster is not None:
        plain = read_roster(read_bytes(places.roster), file=str(places.roster), today=today, options=options)
        return join.of_plain(plain)
    if not fleet.roster.source:
        raise UsageError(
            "no roster is named",
            hint=f"add --roster FILE, or name the exports in {places.rules}: [[roster.source]]",
        )
    told = strict.read(_text(places.rules), str(places.rules))
    return sources.read(fleet, told, options, today)


def fleet_of(path: Path | None, known_profiles: Collection[str] | None = None) -> Fleet:
    """Return the fleet file's content, or the defaults where none was named and none is there."""
    place = path or FLEET_FILE
    if path is None and not place.exists():
        return load_fleet(None, str(place))
    fleet = load_fleet(_text(place), str(place), known_profiles)
    if problems := list(_url_problems(fleet, str(place))):
        raise InputError(problems)
    return fleet


def _url_problems(fleet: Fleet, file: str) -> Iterator[Problem]:
    """Yield what is wrong with the gateway's addresses, before anything is sent there (T7)."""
    for name in ("url", "data_url"):
        text = getattr(fleet.gateway, name)
        try:
            if text is not None:
                parse_gateway_url(text, allow_private=fleet.gateway.allow_private)
        except UrlRefused as exc:
            fix = exc.hint or "write it like https://api.portkey.ai"
            yield Problem(file, None, f"gateway.{name}", "BAD_URL", exc.message, fix)


def profile_labels(fleet: Fleet) -> Labels:
    """Return the metadata that a policy's routing may ask about."""
    return labels(fleet.keys.scope, fleet.roster.metadata)


def profile_sources(fleet: Path | None, profiles: Path | None) -> dict[str, str]:
    """Return profile texts by name: the shipped ones, and those of the profiles folder over them."""
    folder = profiles or (fleet.parent if fleet else Path()) / PROFILES_FOLDER
    if profiles is not None and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder of profiles")
    own = {path.stem: _text(path) for path in sorted(folder.glob("*.toml"))} if folder.is_dir() else {}
    return assets.profile_texts() | own


def roster_options(fleet: Fleet) -> RosterOptions:
    """Return what the fleet file says about reading the roster."""
    rules = fleet.roster
    return RosterOptions(fleet.tenant, rules.metadata, rules.domains, rules.envs or None)


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, at most one more than a roster may have; or raise `UsageError`."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {exc.strerror}", hint="name a file that exists and is yours"
        ) from exc


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from exc
