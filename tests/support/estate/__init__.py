"""A company that does not exist, as its directories and MDMs export it: the same bytes for the same numbers.

The cast are the awkward cases of rollout 3, with what must become of each; the crowd is ordinary. Rows
are written as they are made, so that half a million people need no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.support.estate import cast, device_files, fleet_file, machines, people_files, staff
from tests.support.estate.cast import MAC_MDMS, Cast, Outcome
from tests.support.estate.machines import TODAY, Machine, Os
from tests.support.estate.staff import Human

__all__ = ["DEVICES", "EVERYTHING", "PEOPLE", "TODAY", "Estate", "Outcome", "write"]

PEOPLE = {
    "entra": people_files.entra,
    "entra-2": people_files.entra_2,
    "okta": people_files.okta,
    "google": people_files.google,
}
DEVICES = {
    "intune": device_files.intune,
    "intune-graph": device_files.graph,
    "jamf": device_files.jamf,
    "jamf-german": device_files.jamf_german,
    "jamf-tsv": device_files.jamf_tsv,
    "jamf-xlsx": device_files.jamf_xlsx,
    "kandji": device_files.kandji,
    "kandji-api": device_files.kandji_api,
}
EVERYTHING = (*PEOPLE, *DEVICES)
_PLAIN = "email,team,env,serial,platform,name,kind,owner,expires"


@dataclass(frozen=True, slots=True)
class Estate:
    """What was written."""

    fleet: Path
    """`provision.toml`, beside the folder `in`."""
    files: tuple[Path, ...]
    """Every export."""
    outcomes: Mapping[tuple[str, str], Outcome]
    """What must become of the cast, by kind and id."""


def write(
    folder: Path,
    sources: tuple[str, ...] = EVERYTHING,
    *,
    people: int = 60,
    devices: int = 70,
    groups: int = 8,
    rules: int = 0,
    seed: int = 1,
) -> Estate:
    """Write the exports of some directories and MDMs into `in/`, and the fleet file that joins them.

    Args:
        folder: where to.
        sources: names of `PEOPLE` and `DEVICES`.
        people, devices, groups: how many in all; more where the cast and a small crowd need them.
        rules: how many, those that the cases need among them.
        seed: another one gives another crowd.
    """
    homes = tuple(source for source in sources if source in PEOPLE)
    mdms = tuple(source for source in sources if source in DEVICES)
    played = cast.of(homes, mdms)
    for group in fleet_file.ASKED:
        played.groups.setdefault(group, [])
    (folder / "in" / "groups").mkdir(parents=True)
    crowd = _Crowd(seed, homes, mdms, len(played.humans) + 1, max(people, len(played.humans) + 10))
    machines_in_all = max(devices, len(played.machines) + 12)
    with ExitStack() as stack:
        to = {home: PEOPLE[home](_file(folder, home), stack) for home in homes}
        for human in chain(played.humans, crowd.humans()):
            to[human.home](human)
    with ExitStack() as stack:
        onto = {mdm: DEVICES[mdm](_file(folder, mdm), stack) for mdm in mdms}
        for machine in chain(played.machines, crowd.machines(len(played.machines) + 1, machines_in_all)):
            onto[machine.mdm](machine)
    _write_groups(folder / "in" / "groups", played, crowd, groups)
    plain = folder / "in" / "plain.csv"
    plain.write_text("\n".join((_PLAIN, *played.plain)) + "\n", encoding="utf-8")
    fleet = folder / "provision.toml"
    fleet.write_text(
        fleet_file.text((*homes, *mdms, "plain"), rules, max(0, groups - len(played.groups))),
        encoding="utf-8",
    )
    files = tuple(sorted(path for path in (folder / "in").rglob("*") if path.is_file()))
    return Estate(fleet, files, played.outcomes)


@dataclass(frozen=True, slots=True)
class _Crowd:
    seed: int
    homes: tuple[str, ...]
    mdms: tuple[str, ...]
    start: int
    end: int

    def humans(self) -> Iterator[Human]:
        return map(self.human, range(self.start, self.end + 1))

    def human(self, n: int) -> Human:
        return staff.of_crowd(n, self.seed, self.homes, (self.end - self.start) // 250)

    def machines(self, first: int, last: int) -> Iterator[Machine]:
        """Yield a device for each in turn; whoever comes round again has two."""
        size = self.end - self.start + 1
        for n in range(first, last + 1):
            mdm = self.mdms[n % len(self.mdms)]
            os: Os = "macos" if mdm in MAC_MDMS else "windows"
            yield machines.of_crowd(n, self.seed, mdm, os, self.human(self.start + (n - first) % size))


def _file(folder: Path, source: str) -> Path:
    return folder / fleet_file.PRESETS[source][1]


def _write_groups(folder: Path, played: Cast, crowd: _Crowd, count: int) -> None:
    """Write the cast's groups and as many of the crowd as are wanted, three members for each two people."""
    google = crowd.homes == ("google",)
    stranger = Human(99_999_999, "", "left@acme.com", "left.long.ago@acme.com", display="Left Long Ago")
    for number, (name, members) in enumerate(sorted(played.groups.items())):
        form: people_files.Form = "google" if google else "old" if number % 2 else "entra"
        people_files.write_group(folder / f"{name}.csv", members, [stranger], form)
    size = crowd.end - crowd.start + 1
    more = count - len(played.groups)
    each = max(3, size * 3 // max(1, more))
    for number in range(more):
        picked = dict.fromkeys((number * 7919 + k * 104_729) % size for k in range(each))
        some = (crowd.human(crowd.start + n) for n in picked)
        form = "google" if google else "old" if number % 5 == 0 else "entra"
        people_files.write_group(folder / f"AI-Group-{number:04d}.csv", some, (), form)
