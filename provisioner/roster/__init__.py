"""The roster: a CSV of who works in which team and env, to checked values or every problem at once."""

from provisioner.roster.check import read_roster
from provisioner.roster.model import Entry, Expired, Plain, Platform, Roster
from provisioner.roster.options import METADATA_KEY, RESERVED_METADATA, RosterOptions
from provisioner.roster.table import MAX_BYTES

__all__ = [
    "MAX_BYTES",
    "METADATA_KEY",
    "RESERVED_METADATA",
    "Entry",
    "Expired",
    "Plain",
    "Platform",
    "Roster",
    "RosterOptions",
    "read_roster",
]
