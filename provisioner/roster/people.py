"""Who is who: people's exports and plain rows to one `Person` per human. Pure.

Each record of an export is an account. What makes accounts one person, in this order:

1. The directory's id, in any files.
2. The identity, the address that is sent. Within one directory (one preset) two ids with one identity
   are a re-created account: the one that is in use counts. Two that are both in use are a problem.
3. Another address, across directories only, when exactly one account of each has it and one of them
   has it as mail or UPN. A chain of such links that would join two ids of one directory joins nobody.

An address that more than one person has is an alias of nobody and finds nobody; but an account in use
goes before one that is not, and mail and UPN go before further addresses. Whoever in use has it as
identity keeps it as that. None of this depends on the order of files or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Literal

from provisioner.errors import Problem
from provisioner.fleet.patterns import Conditions
from provisioner.naming import shown
from provisioner.roster import usage
from provisioner.roster.address import read_address, read_domain
from provisioner.roster.exclusion import excluder, service_account, unusable
from provisioner.roster.model import Entry, LeftOut, Note, Person, Place
from provisioner.roster.records import PeopleFile, PersonRecord, PlainFile
from provisioner.roster.text import Flaw
from provisioner.roster.usage import Account

PLAIN = "plain"
_NO_FACTS: dict[str, str] = {}


class People:
    """Grows by files; the number of an account is its index, that of a person its first account's."""

    def __init__(
        self,
        files: Sequence[str],
        identity: Literal["mail", "upn"],
        domains: Iterable[str],
        exclude: Conditions,
    ) -> None:
        self._files = files
        self._by_mail = identity == "mail"
        domain = cache(partial(read_domain, allowed=frozenset(domains)))
        self._address: Callable[[str], str | Flaw] = partial(read_address, read_domain=domain)
        self._excluded = excluder(exclude)
        self._records: list[PersonRecord] = []
        self._presets: list[str] = []
        self._file_of: list[int] = []
        self._identity: list[str | Flaw] = []
        self._special: set[int] = set()
        """Accounts that have more than mail and UPN to them, or no usable address."""
        self._lost: set[int] = set()
        """Accounts, not in use, whose identity is another person's address by now."""
        self._spelled: list[str] = []
        """The account's UPN where mail is sent, else its mail."""
        self._left_out: list[LeftOut | None] = []
        self.ids: dict[str, int] = {}
        """Directory ids, lower case, to persons; once everything is settled."""
        self.addresses: dict[str, int] = {}
        """Addresses, lower case, to the persons whom they mean; once everything is settled."""
        self._contested: dict[str, set[int]] = {}
        self._same: list[tuple[int, int]] = []
        self._leader: dict[int, int] = {}
        self._accounts: dict[int, list[int]] = {}
        self._rows: dict[int, list[Entry]] = {}
        self._learned: dict[int, list[str]] = {}
        self._kept: dict[str, int] = {}
        self._mixed = False
        self._numbers = {file: number for number, file in reversed([*enumerate(files)])}

    def __len__(self) -> int:
        """Return how many accounts there are."""
        return len(self._records)

    def add(self, file: PeopleFile, number: int) -> None:
        """Take every record of an export; `number` is the file's place in the order of the sources."""
        records, identities, owners, ids = self._records, self._identity, self.addresses, self.ids
        excluded, address, by_mail, contest = self._excluded, self._address, self._by_mail, self._contest
        spelled, left_out = self._spelled, self._left_out
        before = at = len(records)
        for record in file.records:
            _row, mail, upn, others, directory_id, _name, enabled, facts = record
            records.append(record)
            left_out.append(excluded(enabled, facts))
            if directory_id and (known := ids.setdefault(directory_id.lower(), at)) != at:
                self._same.append((known, at))
            mail_folded, upn_folded = mail.lower(), upn.lower()
            sent_by_mail = by_mail or "#ext#" in upn_folded
            identity = address(mail if sent_by_mail else upn)
            identities.append(identity)
            spelled.append(upn_folded if sent_by_mail else mail_folded)
            if mail_folded and (known := owners.setdefault(mail_folded, at)) != at:
                contest(mail_folded, known, at)
            if upn_folded and (known := owners.setdefault(upn_folded, at)) != at:
                contest(upn_folded, known, at)
            if others or identity not in (mail_folded, upn_folded):
                self._special.add(at)
                for text in map(str.lower, (*others, *((identity,) if isinstance(identity, str) else ()))):
                    if text and (known := owners.setdefault(text, at)) != at:
                        contest(text, known, at)
            at += 1
        self._presets += [file.read.preset] * (at - before)
        self._file_of += [number] * (at - before)

    def _contest(self, address: str, known: int, at: int) -> None:
        self._contested.setdefault(address, {known}).add(at)

    def settle(self) -> tuple[list[Problem], list[Note]]:
        """Decide which accounts are one person and whose the addresses are; after the last export."""
        links = list(self._same)
        for address, accounts in self._contested.items():
            same = sorted(at for at in accounts if self._identity[at] == address)
            links += pairwise(same)
        self._unite(links)
        problems = [problem for accounts in self._accounts.values() for problem in self._twice(accounts)]
        self._unite(links + self._across())
        notes = [note for address in sorted(self._contested) if (note := self._give(address))]
        for at, person in self._leader.items():
            record = self._records[at]
            if record.directory_id:
                self.ids[record.directory_id.lower()] = person
            for address in {record.mail.lower(), record.upn.lower(), *map(str.lower, record.others)}:
                if self.addresses.get(address) == at:
                    self.addresses[address] = person
        self._kept = self._identities_of_nobody()
        return problems, notes

    def _unite(self, links: Iterable[tuple[int, int]]) -> None:
        """Make persons of accounts, anew from all links."""
        self._leader.clear()
        self._accounts.clear()
        for one, other in links:
            low, high = sorted((self._leader.get(one, one), self._leader.get(other, other)))
            if low != high:
                moved = self._accounts.pop(high, [high])
                self._accounts.setdefault(low, [low]).extend(moved)
                self._leader.update(dict.fromkeys(moved, low))

    def _account(self, at: int) -> Account:
        record = self._records[at]
        return Account(self._presets[at], record.directory_id.lower(), self._left_out[at])

    def _twice(self, accounts: list[int]) -> Iterator[Problem]:
        """Yield a problem for each further id in use of one directory."""
        ordered = sorted(accounts, key=self._where)
        for first, other in usage.both_in_use(list(map(self._account, ordered))):
            file, row = self._place(ordered[other])
            message = (
                f"{self._place(ordered[first])} has the same address and another directory id, "
                "and both accounts are in use"
            )
            fix = "disable or correct one of them in the directory, and export again"
            value = shown(str(self._identity[ordered[other]]))
            yield Problem(file, row, None, "IDENTITY_TWICE", message, fix, value)

    def _across(self) -> list[tuple[int, int]]:
        """Return the links between directories by addresses that are no identities of both."""
        links: list[tuple[int, int]] = []
        joined: dict[int, set[int]] = {}
        for address, accounts in self._contested.items():
            persons = {self._leader.get(at, at) for at in accounts}
            strong = any(self._strongly(address, at) for at in accounts)
            if len(persons) > 1 and strong and self._apart(persons):
                first, *rest = sorted(persons)
                links += ((first, person) for person in rest)
                whole = set().union(*(joined.get(person, {person}) for person in persons))
                joined.update(dict.fromkeys(whole, whole))
        return [link for link in links if self._apart(joined[link[0]])]

    def _apart(self, persons: set[int]) -> bool:
        """Tell whether no directory has two of these."""
        presets = [
            preset
            for person in persons
            for preset in {self._presets[a] for a in self._accounts.get(person, [person])}
        ]
        return len(presets) == len(set(presets))

    def _strongly(self, address: str, at: int) -> bool:
        record = self._records[at]
        return address in (self._identity[at], record.mail.lower(), record.upn.lower())

    def _give(self, address: str) -> Note | None:
        """Give an address to the person with the best claim, or to nobody where two are equal."""
        claims: dict[int, int] = {}
        for at in self._contested[address]:
            person = self._leader.get(at, at)
            rank = (2 if self._left_out[at] is None else 1) if self._strongly(address, at) else 0
            claims[person] = max(rank, claims.get(person, 0))
        best = [person for person, rank in claims.items() if rank == max(claims.values())]
        self.addresses.pop(address, None)
        if len(best) == 1:
            self.addresses[address] = best[0]
            self._lost.update(
                at
                for at in self._contested[address]
                if self._identity[at] == address and self._leader.get(at, at) != best[0]
            )
        if len(claims) == 1:
            return None
        named = sorted(self._named(person) for person in claims)
        listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        whose = f"counts as {self._named(best[0])}'s" if len(best) == 1 else "identifies nobody"
        return Note("SHARED_ADDRESS", address, f"is an address of {listed}; it {whose}")

    def add_plain(self, file: PlainFile, number: int) -> None:
        """Give each row to whom its address belongs, or to a new person; after `settle`."""
        self._mixed = self._mixed or bool(self._records)
        kept = self._kept
        for entry in file.entries:
            if entry.kind != "person":
                continue
            self._numbers.setdefault(entry.file, number)
            at = self.addresses.get(entry.email)
            if at is None:
                at = kept.get(entry.email, len(self._records))
                if at == len(self._records):
                    record = PersonRecord(
                        entry.row, entry.email, "", (), "", entry.name or "", True, _NO_FACTS
                    )
                    self._records.append(record)
                    self._presets.append(PLAIN)
                    self._file_of.append(number)
                    self._identity.append(entry.email)
                    self._spelled.append("")
                    self._left_out.append(None)
                    self.addresses[entry.email] = at
            self._rows.setdefault(at, []).append(entry)

    def _identities_of_nobody(self) -> dict[str, int]:
        """Return identities that find nobody, because others have the address too, with their persons."""
        return {
            address: self._leader.get(at, at)
            for address, accounts in self._contested.items()
            if address not in self.addresses
            for at in accounts
            if self._identity[at] == address
        }

    def of_row(self, row: Entry) -> int | None:
        """Return the person whom a plain row names, where somebody is known by that address."""
        at = self.addresses.get(row.email)
        return self._kept.get(row.email) if at is None else at

    def learn(self, seen: Mapping[str, set[int]]) -> None:
        """Take what MDMs call the users of devices; one person's address that is nobody's yet is an alias."""
        for address, persons in seen.items():
            if len(persons) == 1 and address not in self._contested:
                (person,) = persons
                if self.addresses.setdefault(address, person) == person:
                    self._learned.setdefault(person, []).append(address)

    def names(self) -> list[str]:
        """Return each account's person's identity; without a usable address it is the UPN, mail or id."""
        special = self._lost.union(self._accounts, self._leader)
        return [
            known if isinstance(known, str) and at not in special else self._name(self._leader.get(at, at))
            for at, known in enumerate(self._identity)
        ]

    def _name(self, person: int) -> str:
        if usable := self._usable(person):
            return usable
        accounts = [self._records[at] for at in self._ranked(person)]
        folded = [text.lower() for record in accounts for text in (record.upn, record.mail)]
        own = [text for text in folded if self.addresses.get(text) == person]
        ids = [f"id:{record.directory_id}" for record in accounts if record.directory_id]
        return (own + ids + [f"id:{self._place(person)}"])[0]

    def _usable(self, person: int) -> str | None:
        """Return the best address that can be sent; without one in a directory that of a plain row."""
        identities = (self._identity[at] for at in self._ranked(person) if at not in self._lost)
        rows = (row.email for row in self._rows.get(person, ()))
        return next((i for i in identities if isinstance(i, str)), None) or min(rows, default=None)

    def persons(
        self, names: Sequence[str], groups: Sequence[tuple[str, ...]], with_device: Container[int]
    ) -> list[Person]:
        """Return everybody by the order of their first rows."""
        files, addresses, rows = self._files, self.addresses, self._rows
        special = self._special.union(self._lost, self._accounts, self._leader, self._learned)
        special.update(at for at in rows if self._presets[at] is not PLAIN)
        made = []
        for at, (record, name, number, spelled, left_out, own) in enumerate(
            zip(self._records, names, self._file_of, self._spelled, self._left_out, groups, strict=True)
        ):
            if at in special:
                if at not in self._leader:
                    made.append(self._person(at, name, own, at in with_device))
                continue
            own_other = spelled != name and addresses.get(spelled) == at and _told(spelled)
            aliases = (spelled,) if own_other else ()
            place, named = Place(files[number], record.row), rows.get(at)
            if left_out is None and not named and at not in with_device:
                left_out = service_account(name)
            made.append(
                Person(
                    name, aliases, place, record.directory_id or None, record.name or None, record.facts,
                    own, tuple(named) if named else (), left_out,
                )
            )  # fmt: skip
        if self._mixed:
            made.sort(key=lambda person: self._order(person.place))
        return made

    def _person(self, at: int, name: str, groups: tuple[str, ...], has_device: bool) -> Person:
        rows = tuple(self._rows.get(at, ()))
        record = self._records[at]
        if at in self._accounts:
            ranked = [self._records[a] for a in self._ranked(at)]
            record = record._replace(
                directory_id=next((r.directory_id for r in ranked if r.directory_id), ""),
                name=next((r.name for r in ranked if r.name), ""),
                facts={key: text for r in reversed(ranked) for key, text in r.facts.items() if text},
            )
        left_out = self._why(at)
        if left_out is None and not rows and not has_device:
            left_out = service_account(name)
        return Person(
            name,
            self._aliases(at, name),
            self._place(at),
            record.directory_id or None,
            record.name or (rows[0].name if rows else None),
            record.facts,
            groups,
            rows,
            left_out,
            tuple(sorted(a for a in self._learned.get(at, ()) if a != name and _told(a))),
        )

    def _why(self, person: int) -> LeftOut | None:
        """Return why a person is left out; one directory without an account of theirs in use is enough."""
        if person not in self._accounts:
            why = self._left_out[person]
        else:
            why = usage.left_out(map(self._account, self._accounts[person]))
        best = self._ranked(person)[0]
        flaw = self._identity[best]
        if why is None and isinstance(flaw, Flaw) and not self._usable(person):
            record = self._records[best]
            by_mail = self._by_mail or "#ext#" in record.upn.lower()
            return unusable(flaw, record.mail if by_mail else record.upn)
        return why

    def _aliases(self, person: int, name: str) -> tuple[str, ...]:
        accounts = [self._records[at] for at in self._accounts.get(person, [person])]
        folded = {a.lower() for r in accounts for a in (r.mail, r.upn, *r.others)}
        found = {a for a in folded if self.addresses.get(a) == person}.union(self._learned.get(person, ()))
        return tuple(sorted(a for a in found if a != name and _told(a)))

    def _ranked(self, person: int) -> list[int]:
        """Return a person's accounts, the best one first: by what they say, not by where they stand."""
        accounts = self._accounts.get(person)
        return [person] if accounts is None else sorted(accounts, key=self._rank)

    def _rank(self, at: int) -> tuple[object, ...]:
        identity, record = self._identity[at], self._records[at]
        usable = isinstance(identity, str)
        content = (record[1:-1], sorted(record.facts.items()))
        return (self._left_out[at] is not None, not usable, self._presets[at], str(identity), content)

    def _named(self, person: int) -> str:
        """Return a person's name in a note, before everything is settled."""
        best = self._ranked(person)[0]
        identity, record = self._identity[best], self._records[best]
        named = identity if isinstance(identity, str) else record.upn or record.mail
        return named or f"id:{record.directory_id}"

    def _where(self, at: int) -> tuple[int, int]:
        return self._file_of[at], self._records[at].row

    def _place(self, person: int) -> Place:
        """Return the first row that names a person."""
        number, row = min(map(self._where, self._accounts.get(person, (person,))))
        rows = self._rows.get(person, ())
        return min([Place(self._files[number], row), *(row.place for row in rows)], key=self._order)

    def _order(self, place: Place) -> tuple[int, int]:
        return self._numbers[place.file], place.row


def _told(alias: str) -> bool:
    """Tell whether an alias can stand in reports, which list them with blanks between."""
    return alias.isprintable() and " " not in alias
