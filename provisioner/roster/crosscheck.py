"""What rows say against one another: duplicates, names that meet, devices with two owners (T14, T16)."""

from __future__ import annotations

from provisioner import naming
from provisioner.naming import shown
from provisioner.roster.address import plus_base
from provisioner.roster.cells import Spelled
from provisioner.roster.columns import Columns, Field
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
        self._rows: dict[tuple[str, str, str], int] = {}
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

    def person(self, row: int, email: str, team: str, env: str) -> None:
        """One person stands once in each team and env."""
        first = self._rows.setdefault((email, team, env), row)
        if first != row:
            message = f"this person, team and env already stand in row {first}"
            self._add(Flaw("DUPLICATE_ROW", message, "delete one of the rows"), row, "email", email)

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
