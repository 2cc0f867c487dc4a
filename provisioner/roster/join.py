"""Records of several files to one roster: who is who, and whose device is which. Pure."""

from __future__ import annotations

from provisioner.roster.model import Entry, Person, Plain, Roster, SourceRead


def of_plain(plain: Plain) -> Roster:
    """Return the roster of one plain file."""
    rows: dict[str, list[Entry]] = {}
    for entry in plain.entries:
        rows.setdefault(entry.email, []).append(entry)
    people = tuple(
        Person(email, (), own[0].place, name=own[0].name, rows=tuple(own)) for email, own in rows.items()
    )
    read = SourceRead(plain.file, "plain", plain.digest, len(plain.entries), plain.ignored_columns)
    return Roster(plain.file, plain.digest, plain.tenant, people, expired=plain.expired, sources=(read,))
