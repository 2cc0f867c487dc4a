"""What an admin gave us, loaded: roster, fleet file and policy profiles, or every problem in them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisioner import assets, digest
from provisioner.assign import Assignment, assign
from provisioner.errors import InputError, Problem, UsageError
from provisioner.fleet import Fleet, load_fleet
from provisioner.policy.conditions import Labels, labels
from provisioner.policy.load import Resolved, policy_digest, resolve_all
from provisioner.roster import MAX_BYTES, RosterOptions, read_roster
from provisioner.roster.model import Roster

FLEET_FILE = Path("provision.toml")
PROFILES_FOLDER = Path("profiles")


@dataclass(frozen=True, slots=True)
class Project:
    """One rollout's inputs, checked."""

    roster: Roster
    fleet: Fleet
    policies: Mapping[str, Resolved]
    assignments: tuple[Assignment, ...]

    @property
    def policies_digest(self) -> str:
        """Digest of every policy in use, resolved."""
        return digest.of({name: policy_digest(resolved.policy) for name, resolved in self.policies.items()})


@dataclass(frozen=True, slots=True)
class Places:
    """Where the inputs are; None means: where they usually are, if they are there."""

    roster: Path
    fleet: Path | None = None
    profiles: Path | None = None


def load(places: Places, today: date) -> Project:
    """Read and check everything.

    Raises:
        InputError: with the problems of all files together.
        UsageError: a file that was named can't be read.
    """
    problems: list[Problem] = []
    fleet, policies = Fleet(), dict[str, Resolved]()
    try:
        fleet = fleet_of(places.fleet)
    except InputError as exc:
        problems += exc.problems
    try:
        policies = resolve_all(
            profile_names(fleet), profile_sources(places.fleet, places.profiles), profile_labels(fleet)
        )
    except InputError as exc:
        problems += exc.problems
    try:
        roster = read_roster(
            read_bytes(places.roster), file=str(places.roster), today=today, options=roster_options(fleet)
        )
    except InputError as exc:
        problems += exc.problems
    if problems:
        raise InputError(problems)
    assignments = assign(roster, fleet, {name: r.policy for name, r in policies.items()})
    return Project(roster, fleet, policies, assignments)


def fleet_of(path: Path | None) -> Fleet:
    """Return the fleet file's content, or the defaults where none was named and none is there."""
    place = path or FLEET_FILE
    if path is None and not place.exists():
        return load_fleet(None, str(place))
    return load_fleet(_text(place), str(place))


def profile_names(fleet: Fleet) -> tuple[str, ...]:
    """Return the profiles that a fleet file asks for, each once."""
    return tuple(dict.fromkeys((fleet.profile, *(rule.profile for rule in fleet.override))))


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
    return RosterOptions(
        tenant=fleet.tenant, metadata_columns=fleet.roster.metadata, domains=fleet.roster.domains
    )


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, at most one more than a roster may have; raise `UsageError` if it can't be read."""
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
