"""The devices of acme: a crowd, each one a function of a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from tests.support.estate.staff import Human, pick

TODAY = date(2026, 11, 20)
"""The day on which everything was exported."""
Os = Literal["macos", "windows", "ios", "android"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One record of an MDM."""

    n: int
    mdm: str
    """The MDM's file, by the names of `estate.DEVICES`."""
    serial: str
    name: str
    os: Os
    user: Human | None = None
    email: str = ""
    """What the MDM has as the user's address, as it stands there."""
    upn: str = ""
    personal: bool = False
    user_enrolment: bool = False
    managed: bool = True
    seen: int = 1
    """Days ago."""
    category: str = ""

    @property
    def mdm_id(self) -> str:
        """The id that the MDM gives."""
        return f"{self.n:08x}-de71-4000-9000-{self.n * 40_503 % 2**48:012x}"

    @property
    def last_seen(self) -> date:
        """The day of its last check-in."""
        return TODAY - timedelta(days=self.seen)


def of_crowd(n: int, seed: int, mdm: str, os: Os, user: Human) -> Machine:
    """Return somebody's laptop, known to its MDM as it should be."""
    random = Random(seed * 998_244_353 + n)
    serial = f"C02{n:09d}" if os == "macos" else f"5CG{n:07d}"
    name = f"{pick(random, ('ACME-LT', 'ACME-WS', 'BER', 'LON'))}-{n:06d}"
    return Machine(n, mdm, serial, name, os, user, user.mail, user.upn, seen=int(random.random() * 12))
