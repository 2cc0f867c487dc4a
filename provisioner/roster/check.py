"""A roster's bytes to a checked `Plain`, or every problem at once. Pure: bytes and today's date come in.

The way of a file: `table` makes cells of bytes, `columns` reads the header, `cells` and `address`
judge each cell, `crosscheck` holds the rows against one another. What comes out is canonical, so
that nobody after this needs to look at a roster's text with suspicion, display names excepted:
they are clean, but free text.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import cache, partial
from typing import TypeVar

from provisioner import digest
from provisioner.roster.address import guess_tenant, read_address, read_domain
from provisioner.roster.cells import (
    Spelled,
    read_env,
    read_expires,
    read_metadata,
    read_name,
    read_platform,
    read_serial,
    read_spelled,
    read_tenant,
)
from provisioner.roster.columns import Column, Columns, Field, find_columns
from provisioner.roster.crosscheck import Crosscheck
from provisioner.roster.kinds import (
    is_service,
    no_owner,
    no_serial,
    read_kind,
    read_service,
    read_user,
    service_with_serial,
)
from provisioner.roster.model import Entry, Expired, Plain, Platform, RowKind
from provisioner.roster.options import RosterOptions, canonical
from provisioner.roster.problems import Problems
from provisioner.roster.table import MAX_BYTES, Limits, Row, read_table
from provisioner.roster.text import BLANK, Flaw

T = TypeVar("T")

LIMITS = Limits(text_bytes=MAX_BYTES, workbook_bytes=MAX_BYTES, json_bytes=MAX_BYTES)


def read_roster(data: bytes, *, file: str, today: date, options: RosterOptions) -> Plain:
    """Return the roster in the bytes of a CSV, XLSX or JSON file.

    `file` is the name to tell in problems. A row whose `expires` is `today` or earlier is listed
    apart and counts as absent: it clashes with no other row. Raises `InputError` with all
    problems, `UsageError` for options that can't be used.
    """
    options = canonical(options)
    problems = Problems(file)
    table = read_table(io.BytesIO(data), problems, LIMITS)
    if table is None:
        raise problems.error()
    columns = find_columns(table.header, options.metadata_columns, problems)
    if not columns.fields:
        raise problems.error()  # no header at all: every row below would only repeat that
    reading = _Reading(file, columns, options, today, problems)
    rows = list(reading.entries(table.rows))
    entries = tuple(row for row in rows if isinstance(row, Entry))
    if not problems and not entries:
        problems.add(_nobody(bool(rows)))
    tenant = _tenant(reading, options, columns, problems)
    if problems or tenant is None:
        raise problems.error()
    expired = tuple(row for row in rows if isinstance(row, Expired))
    return Plain(file, digest.sha256(data), tenant, entries, expired, columns.ignored)


class _Reading:
    """Reads row after row; remembers what concerns the whole roster."""

    def __init__(
        self, file: str, columns: Columns, options: RosterOptions, today: date, problems: Problems
    ) -> None:
        self._file = file
        self._columns = columns
        self._today = today
        self._problems = problems
        self._crosscheck = Crosscheck(columns, problems)
        # Few values stand in many rows, so each is judged once.
        self._team = cache(partial(read_spelled, field="team"))
        self._env = cache(partial(read_env, allowed=options.envs))
        self._tenant = cache(read_tenant)
        self._address = partial(
            read_address, read_domain=cache(partial(read_domain, allowed=frozenset(options.domains)))
        )
        self._whose: dict[RowKind, Callable[[str], str | Flaw]] = {
            "person": self._address,
            "device": partial(read_user, read_address=self._address),
            "service": read_service,
        }
        self.tenants: dict[str, tuple[int, str]] = {}
        """Slug of each tenant named in the column, with the first row and how it is written there."""
        self.domains: set[str] = set()

    def entries(self, rows: Iterator[Row]) -> Iterator[Entry | Expired]:
        """Yield what each row says; a row with a flawed address, team or env yields nothing."""
        for row in rows:
            entry = self._entry(row)
            if entry is not None:
                yield entry

    def _entry(self, row: Row) -> Entry | Expired | None:
        fields = self._columns.fields
        kind = self._kind(row)
        email = self._cell(row, fields.get("email"), self._whose[kind])
        team = self._cell(row, fields.get("team"), self._team)
        env = self._cell(row, fields.get("env"), self._env)
        name = self._cell(row, fields.get("name"), read_name)
        platform: Platform | None = self._cell(row, fields.get("platform"), read_platform)
        serial = self._cell(row, fields.get("serial"), read_serial)
        expires = self._cell(row, fields.get("expires"), read_expires)
        tenant = self._cell(row, fields.get("tenant"), self._tenant)
        extra = tuple(
            (key, value)
            for key, column in self._columns.metadata
            if (value := self._cell(row, column, read_metadata)) is not None
        )
        owner = self._owner(row, serial) if kind == "service" else None
        if kind == "device" and not serial and not self._text(row, "serial"):
            self._add(no_serial(), row, "serial")
        if tenant:
            self.tenants.setdefault(tenant.slug, (row.number, tenant.text))
        if address := owner or email:
            self.domains.add(address.partition("@")[2])
        present = expires is None or self._today < expires
        if present:
            self._compare(row.number, kind, email, team, env, name, serial)
        if email is None or team is None or env is None:
            return None
        if expires is not None and not present:
            return Expired(row.number, email, team.slug, env.slug, expires)
        return Entry(
            row=row.number,
            email=email,
            team=team.slug,
            env=env.slug,
            team_display=team.display,
            name=name,
            platform=platform,
            serial=serial,
            expires=expires,
            extra=extra,
            kind=kind,
            owner=owner,
            file=self._file,
        )

    def _kind(self, row: Row) -> RowKind:
        """Return what a row is about; a flawed cell counts as a person's."""
        said: RowKind | None = self._cell(row, self._columns.fields.get("kind"), read_kind)
        return said or ("service" if is_service(self._text(row, "email")) else "person")

    def _owner(self, row: Row, serial: str | None) -> str | None:
        """Return who answers for a service."""
        if serial:
            self._add(service_with_serial(), row, "serial", serial)
        if self._text(row, "owner").strip("-"):
            return self._cell(row, self._columns.fields["owner"], self._address)
        self._add(no_owner(), row, "owner")
        return None

    def _text(self, row: Row, field: Field) -> str:
        """Return a cell without the blanks around it, empty where there is no such column."""
        column = self._columns.fields.get(field)
        return "" if column is None else row.cells[column.index].strip(BLANK)

    def _add(self, flaw: Flaw, row: Row, field: Field, value: str | None = None) -> None:
        column = self._columns.fields.get(field)
        self._problems.add(flaw, row.number, column.title if column else field, value)

    def _cell(self, row: Row, column: Column | None, read: Callable[[str], T | Flaw | None]) -> T | None:
        """Return a cell's value; None without the column or with a flaw, which is reported."""
        if column is None:
            return None
        text = row.cells[column.index].strip(BLANK)
        value = read(text)
        if isinstance(value, Flaw):
            self._problems.add(value, row.number, column.title, text or None)
            return None
        return value

    def _compare(
        self,
        row: int,
        kind: RowKind,
        email: str | None,
        team: Spelled | None,
        env: Spelled | None,
        name: str | None,
        serial: str | None,
    ) -> None:
        """Hold the sound cells of a row against the rows before it."""
        if team:
            self._crosscheck.spelling(row, "team", team)
        if env:
            self._crosscheck.spelling(row, "env", env)
        if team and env:
            self._crosscheck.assignment(row, team.slug, env.slug)
            if email:
                self._crosscheck.person(row, email, team.slug, env.slug, serial)
            elif kind == "device" and serial:
                self._crosscheck.device(row, serial, team.slug, env.slug)
            if kind == "service" and email:
                self._crosscheck.service(row, email, team.slug, env.slug)
        if email and kind != "service":
            self._crosscheck.mailbox(row, email)
            if name:
                self._crosscheck.name(row, email, name)
            if serial:
                self._crosscheck.serial(row, email, serial)


def _nobody(expired: bool) -> Flaw:
    """Say that the roster has nobody in it; taken as it stands it would mean that everybody left (T11)."""
    if expired:
        return Flaw("ALL_EXPIRED", "every row has expired", "correct the dates, or list who is there now")
    return Flaw("EMPTY_ROSTER", "the file has a header and no people", "check the export that made it")


def _tenant(reading: _Reading, options: RosterOptions, columns: Columns, problems: Problems) -> str | None:
    """Return the one tenant: of the column or the options, else what the domains give away."""
    if options.tenant is not None:
        tenant, source = options.tenant, "the settings name"
    elif reading.tenants:
        tenant, (first, _) = next(iter(reading.tenants.items()))
        source = f"row {first} names"
    else:
        return guessed(reading.domains, problems) if reading.domains or not problems else None
    for slug, (row, text) in reading.tenants.items():
        if slug != tenant:
            flaw = Flaw("TENANT_CONFLICT", f"{source} the tenant {tenant}", "a roster has one tenant")
            problems.add(flaw, row, columns.fields["tenant"].title, text)
    return tenant


def guessed(domains: Collection[str], problems: Problems) -> str | None:
    """Return the tenant that the domains of all addresses give away; else add the problem."""
    tenant = guess_tenant(domains)
    if tenant is None:
        listed = ", ".join(sorted(domains)[:5]) + (", ..." if len(domains) > 5 else "")
        message = f"the addresses don't tell which tenant this is: {listed or 'there are none'}"
        fix = 'name it: tenant = "..." in provision.toml, or a tenant column'
        problems.add(Flaw("TENANT_UNCLEAR", message, fix))
    return tenant
