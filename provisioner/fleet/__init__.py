"""The fleet file: tables as values, and the reading of its text with every problem at once."""

from provisioner.fleet.load import fleet_digest, load_fleet, rule_lines
from provisioner.fleet.model import AdminKey, Fleet, Gateway, Override
from provisioner.fleet.rules import Column, From, Pool, Rule
from provisioner.fleet.sources import RosterRules, Source

__all__ = [
    "AdminKey",
    "Column",
    "Fleet",
    "From",
    "Gateway",
    "Override",
    "Pool",
    "RosterRules",
    "Rule",
    "Source",
    "fleet_digest",
    "load_fleet",
    "rule_lines",
]
