"""The people of acme, a fictional company: a crowd, each one a function of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")

GIVEN = (
    *(
        ("Ada", "ada"),
        ("José", "jose"),
        ("Zoë", "zoe"),
        ("Łukasz", "lukasz"),
        ("Mei", "mei"),
        ("Søren", "soren"),
    ),
    *(("Priya", "priya"), ("Olu", "olu"), ("Jürgen", "juergen"), ("Fatima", "fatima"), ("Noah", "noah")),
    *(("小林", "kobayashi"), ("Anaïs", "anais"), ("Ivan", "ivan"), ("Ruth", "ruth"), ("Tomás", "tomas")),
)
SURNAMES = (
    *(("Lindqvist", "lindqvist"), ("O’Hara", "ohara"), ("van der Berg", "vanderberg"), ("Müller", "mueller")),
    *(("García López", "garcia"), ("Nowak", "nowak"), ("Okafor", "okafor"), ("Sharma", "sharma")),
    *(
        ("D'Angelo", "dangelo"),
        ("Smith, Jr.", "smith"),
        ("Yılmaz", "yilmaz"),
        ("Kim", "kim"),
        ("Weiß", "weiss"),
    ),
)
DEPARTMENTS = (
    *(
        ("Platform Engineering", "eng"),
        ("platform engineering ", "eng"),
        ("R&D / Core", "eng"),
        ("R&D", "eng"),
    ),
    *(
        ("Sales EMEA", "sales"),
        ("sales (dach)", "sales"),
        ("Group Finance & Tax", "finance"),
        ("FINANCE", "finance"),
    ),
    *(
        ("Customer Support", "support"),
        ("Kundendienst", "support"),
        ("R&D - Zürich", "eng"),
        ("Sales", "sales"),
    ),
)
"""Text as it stands in directories, and the team that `TEAMS` makes of it."""
TEAMS = {
    "Platform Engineering": "eng",
    "R&D*": "eng",
    "Sales*": "sales",
    "*Finance*": "finance",
    "Customer Support": "support",
    "Kundendienst": "support",
    "AI-Team-Data": "data",
    "AI-Team-Sales": "sales",
}
TITLES = (
    "Engineer",
    "Engineer II",
    "Team Lead",
    "Analyst",
    "Account Manager",
    "Head of, well, things",
    "Werkstudent",
)
SITES = (
    ("12 Harbour Road\nFloor 3", "", "GB", "London", "N1 9GU"),
    ("Lindenstraße 7", "BE", "DE", "Berlin", "10969"),
    ('"The Works", 400 Mill St', "MA", "US", "Boston", "02110"),
    ("8 rue des Écoles", "", "FR", "Lyon", "69002"),
)
"""Street, state, country, city, postal code; a line break and quotes, as people type them."""


@dataclass(frozen=True, slots=True)
class Human:
    """One account of a directory."""

    n: int
    home: str
    """The directory's file, by the names of `estate.PEOPLE`."""
    mail: str
    upn: str
    given: str = ""
    surname: str = ""
    display: str = ""
    department: str = ""
    title: str = "Engineer"
    guest: bool = False
    enabled: bool = True
    others: str = ""
    """Further addresses, as they stand in one cell."""
    contract_end: str = ""
    site: int = 0

    @property
    def directory_id(self) -> str:
        """The id that the directory gives."""
        return directory_id(self.n)


def directory_id(n: int) -> str:
    """Return a GUID."""
    return f"{n:08x}-ac3e-4000-8000-{n * 2_654_435_761 % 2**48:012x}"


def of_crowd(n: int, seed: int, homes: Sequence[str], departments: int) -> Human:
    """Return an ordinary employee; with more than a dozen departments they get numbers of their own."""
    random = Random(seed * 1_000_003 + n)
    given, plain_given = pick(random, GIVEN)
    surname, plain_surname = pick(random, SURNAMES)
    home = homes[n % len(homes)]
    domain = "acme.co.uk" if home == "entra-2" else "acme.com"
    local = f"{plain_given}.{plain_surname}{n}"
    department, _team = pick(random, DEPARTMENTS)
    if departments > len(DEPARTMENTS) and department.startswith(("R&D", "Sales")):
        department = f"{department} {int(random.random() * departments):03d}"
    return Human(
        n,
        home,
        f"{local}@{domain}",
        f"{local}@{domain}",
        given,
        surname,
        f"{given} {surname}",
        department,
        pick(random, TITLES),
        site=int(random.random() * len(SITES)),
    )


def team_of(department: str) -> str:
    """Return the team of a crowd's department."""
    return next(team for text, team in DEPARTMENTS if department.startswith(text))


def pick(random: Random, values: Sequence[T]) -> T:
    """Return one of some values, the same in every version of Python."""
    return values[int(random.random() * len(values))]
