"""What rows say against one another: duplicates, names that meet, devices with two owners (T14, T16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from provisioner import naming
from provisioner.errors import Problem
from provisioner.naming import shown
from provisioner.roster.address import plus_base
from provisioner.roster.cells import Spelled
from provisioner.roster.columns import Columns, Field
from provisioner.roster.model import Entry
from provisioner.roster.problems import Problems
from provisioner.roster.text import Flaw


class Crosscheck:
    """Sees the rows in order and holds each against those before it; reports each clash once.

    Every problem stands at the later row and names the first one it clashes with.
    """

    def __init__(self, columns: Columns, problems: Problems) -> None:
        self._columns = columns
        self._problems = problems
        self._slugs: dict[tuple[Field, str], tuple[int, str]] = {}
        self._spellings: set[tuple[Field, str]] = set()
        self._assignments: dict[str, tuple[int, str, str]] = {}
        self._pairs: set[tuple[str, str]] = set()
        self._rows: dict[tuple[str, str, str], tuple[int, str | None]] = {}
        self._devices: dict[tuple[str, str, str, str], int] = {}
        self._services: dict[str, tuple[int, str, str]] = {}
        self._mailboxes: dict[str, tuple[int, str]] = {}
        self._tagged: set[str] = set()
        self._names: dict[str, tuple[int, str]] = {}
        self._owners: dict[str, tuple[int, str]] = {}

    def spelling(self, row: int, field: Field, name: Spelled) -> None:
        """One team or env is spelled in one way: what differs in case or Unicode form gives the same slug.

        Taking them for the same would be a guess, and telling them apart would let one team's
        files overwrite the other's.
        """
        if (field, name.text) in self._spellings:
            return
        self._spellings.add((field, name.text))
        first, text = self._slugs.setdefault((field, name.slug), (row, name.text))
        if text != name.text:
            message = f"clashes with {shown(text)} in row {first}, both become {name.slug}"
            flaw = Flaw(f"{field.upper()}_COLLISION", message, "use one spelling in all rows")
            self._add(flaw, row, field, name.text)

    def assignment(self, row: int, team: str, env: str) -> None:
        """Two pairs of team and env may not give one assignment: `a-b` + `c` against `a` + `b-c`."""
        if (team, env) in self._pairs:
            return
        self._pairs.add((team, env))
        name = naming.assignment_name(team, env)
        first, other_team, other_env = self._assignments.setdefault(name, (row, team, env))
        if (other_team, other_env) != (team, env):
            message = f"{team} + {env} and {other_team} + {other_env} in row {first} both become {name}"
            self._add(Flaw("ASSIGNMENT_COLLISION", message, "rename one of the teams or envs"), row, "team")

    def person(self, row: int, email: str, team: str, env: str, serial: str | None = None) -> None:
        """One person (or service) stands once in each team and env, with two devices once for each."""
        serial = serial.upper() if serial else None
        key = (email, team, env)
        first, other = self._rows.setdefault(key, (row, serial))
        if first != row and serial and other and serial != other:
            first = self._devices.setdefault((*key, serial), row)
        if first != row:
            message = f"this person, team and env already stand in row {first}"
            self._add(Flaw("DUPLICATE_ROW", message, "delete one of the rows"), row, "email", email)

    def device(self, row: int, serial: str, team: str, env: str) -> None:
        """One device of nobody stands once in each team and env."""
        first = self._devices.setdefault(("", team, env, serial.upper()), row)
        if first != row:
            message = f"this device, team and env already stand in row {first}"
            self._add(Flaw("DUPLICATE_ROW", message, "delete one of the rows"), row, "serial", serial)

    def service(self, row: int, service: str, team: str, env: str) -> None:
        """One service has one key, so it is in one team and env."""
        first, *pair = self._services.setdefault(service, (row, team, env))
        if pair != [team, env]:
            self._add(_service_twice(f"row {first}"), row, "email", service)

    def mailbox(self, row: int, email: str) -> None:
        """One person has one address: those that differ only in a plus tag reach one mailbox."""
        first, address = self._mailboxes.setdefault(plus_base(email), (row, email))
        if address != email and email not in self._tagged:
            self._tagged.add(email)
            message = f"reaches the same mailbox as {address} in row {first}"
            fix = "use one address for one person"
            self._add(Flaw("POSSIBLE_DUPLICATE", message, fix), row, "email", email)

    def name(self, row: int, email: str, name: str) -> None:
        """One person has one name (case apart): two names hint that a row has somebody else's address."""
        first, other = self._names.setdefault(email, (row, name))
        if other.casefold() != name.casefold():
            message = f"{email} is {shown(other)} in row {first}"
            fix = "correct the address or the name; one person has one name"
            self._add(Flaw("NAME_CONFLICT", message, fix), row, "name", name)

    def serial(self, row: int, email: str, serial: str) -> None:
        """One device belongs to one person; serial numbers are the same in any case."""
        first, owner = self._owners.setdefault(serial.upper(), (row, email))
        if owner != email:
            message = f"belongs to {owner} in row {first}"
            fix = "give the device to one person, or clear the cell if it is shared"
            self._add(Flaw("SERIAL_TWICE", message, fix), row, "serial", serial)

    def _add(self, flaw: Flaw, row: int, field: Field, value: str | None = None) -> None:
        self._problems.add(flaw, row, self._columns.fields[field].title, value)


def between_files(rows: Iterable[Entry], person: Callable[[Entry], int | None]) -> Iterator[Problem]:
    """Yield what rows of several plain files say against one another.

    Each file's own rows were held against one another when it was read. `person` returns who is meant
    by a row, so that two spellings of one person are seen, too.
    """
    teams: dict[str, Entry] = {}
    pairs: dict[str, Entry] = {}
    services: dict[str, Entry] = {}
    stands: dict[tuple[object, ...], Entry] = {}
    for row in rows:
        first = teams.setdefault(row.team, row)
        if first.team_display != row.team_display and first.file != row.file:
            message = f"clashes with {shown(first.team_display)} in {first.place}, both become {row.team}"
            fix = "use one spelling in all files"
            yield _problem(row, "team", Flaw("TEAM_COLLISION", message, fix), row.team_display)
        name = naming.assignment_name(row.team, row.env)
        first = pairs.setdefault(name, row)
        if first.team != row.team and first.file != row.file:
            message = (
                f"{row.team} + {row.env} and {first.team} + {first.env} in {first.place} both become {name}"
            )
            yield _problem(
                row, "team", Flaw("ASSIGNMENT_COLLISION", message, "rename one of the teams or envs")
            )
        if row.kind == "service":
            first = services.setdefault(row.email, row)
            if first.file != row.file:
                yield _problem(row, "email", _service_twice(str(first.place)), row.email)
            continue
        at = person(row)
        serial = row.serial.upper() if row.serial else None
        if at is None and serial is None:
            continue
        first = stands.setdefault((at, row.team, row.env, serial), row)
        if first is not row and (first.file, first.email) != (row.file, row.email):
            message = f"this {row.kind}, team and env already stand in {first.place}"
            flaw = Flaw("DUPLICATE_ROW", message, "delete one of the rows")
            yield _problem(row, "email", flaw, row.email or row.serial)


def _service_twice(place: str) -> Flaw:
    message = f"this service already stands in {place}, and a service has one key"
    return Flaw("SERVICE_TWICE", message, "call the second one differently, or delete a row")


def _problem(row: Entry, column: str, flaw: Flaw, value: str | None = None) -> Problem:
    escaped = None if value is None else shown(value)
    return Problem(row.file, row.row, column, flaw.code, flaw.message, flaw.fix, escaped)
