"""The awkward cases of rollout 3, each as people and devices, and what must become of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from provisioner import naming
from tests.support.estate.machines import Machine, Os
from tests.support.estate.staff import Human

MAC_MDMS = ("jamf", "jamf-german", "jamf-tsv", "jamf-xlsx", "kandji", "kandji-api")
UNKNOWN = "someone.else@acme.com"
"""An address that an MDM has and no directory."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must become of a person, device or service."""

    case: str
    status: str
    why: str = ""
    """The assignment, or the reason why there is none."""


@dataclass(slots=True)
class Cast:
    """Everybody and everything with a case of their own; numbers stay below those of the crowd."""

    homes: tuple[str, ...]
    mdms: tuple[str, ...]
    humans: list[Human] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    groups: dict[str, list[Human]] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    """By kind and id."""
    plain: list[str] = field(default_factory=list)
    """Rows of `plain.csv`."""
    _mdm: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._mdm = cycle(self.mdms)

    def human(self, local: str, *groups: str, home: str = "", **more: Any) -> Human:
        """Add somebody, by default to the next directory, as an engineer."""
        n = len(self.humans) + 1
        home = home or self.homes[n % len(self.homes)]
        address = f"{local}@{'acme.co.uk' if home == 'entra-2' else 'acme.com'}"
        given, _, surname = (part.capitalize() for part in local.partition("."))
        said = {"mail": address, "upn": address, "department": "Platform Engineering", "site": n % 4} | more
        said.setdefault("display", f"{given} {surname}")
        human = Human(n, home, given=given, surname=surname, **said)
        self.humans.append(human)
        for group in groups:
            self.groups.setdefault(group, []).append(human)
        return human

    def machine(self, serial: str, user: Human | None = None, mdm: str = "", **more: Any) -> Machine:
        """Add a device, by default to the next MDM; with a user it has the address that it should."""
        mdm = mdm or next(self._mdm)
        os: Os = "macos" if mdm in MAC_MDMS else "windows"
        said = {"name": f"ACME-{serial}", "os": os} | more
        if user:
            said = {"email": user.mail, "upn": user.upn} | said
        machine = Machine(len(self.machines) + 1, mdm, serial, user=user, **said)
        self.machines.append(machine)
        return machine

    def expect(self, case: str, kind: str, who: str, status: str, why: str = "") -> None:
        """Say what must become of somebody or something."""
        self.outcomes[kind, who] = Outcome(case, status, why)

    def covered(self, case: str, human: Human, assignment: str, *serials: str) -> None:
        """Say that a person and devices get an assignment."""
        self.expect(case, "person", human.mail, "assigned", assignment)
        for serial in serials:
            self.expect(case, "device", serial, "assigned", assignment)

    def uncovered(self, case: str, serial: str, reason: str) -> None:
        """Say that a device gets nothing."""
        self.expect(case, "device", serial, "not-covered", reason)


def own(assignment: str, whose: str) -> str:
    """Return the name of an assignment of one person's, device's or service's own."""
    return f"{assignment}-{naming.person_suffix(whose)}"


def of(homes: tuple[str, ...], mdms: tuple[str, ...]) -> Cast:
    """Return the cast of a company with these directories and MDMs."""
    cast = Cast(homes, mdms)
    for cases in (
        _rules,
        _left_out,
        _addresses,
        _twice,
        _nobodys,
        _contractors,
        _entra,
        _intune,
        _jamf,
        _kandji,
        _plain,
    ):
        cases(cast)
    return cast


def _rules(cast: Cast) -> None:
    tim = cast.human("tim.twoteams", "AI-Team-Data", "AI-Team-Sales", "Everybody")
    cast.machine("TWOTEAMS1", tim)
    cast.covered("person in two teams", tim, "data-prod", "TWOTEAMS1")
    pia = cast.human("pia.pilot", "AI-Pilot", "AI-Team-Sales")
    cast.machine("PILOT1", pia)
    cast.covered("pilot before team", pia, "pilot-prod", "PILOT1")
    dora = cast.human("dora.devprod", "AI-Env-Dev")
    cast.machine("DEVPROD1", dora)
    cast.machine("DEVPROD2", dora, name="DEV-DORA")
    cast.expect("prod and dev: the rule higher up", "person", dora.mail, "assigned", "eng-dev")
    cast.expect("prod and dev", "device", "DEVPROD1", "assigned", "eng-prod")
    cast.expect("dev on a second device", "device", "DEVPROD2", "assigned", "eng-dev")
    una = cast.human("una.unmapped", department="Facilities & Catering")
    cast.machine("UNMAPPED1", una)
    cast.expect("department without a team", "person", una.mail, "not-covered", "NO_RULE")
    cast.uncovered("department without a team", "UNMAPPED1", "NO_RULE")
    blank = cast.human("bea.blank", department="")
    cast.machine("BLANK1", blank)
    cast.uncovered("nothing that a rule asks for", "BLANK1", "NO_RULE")
    nora = cast.human("nora.nodevice")
    cast.expect("nobody's device is hers", "person", nora.mail, "not-covered", "NO_DEVICE")


def _left_out(cast: Cast) -> None:
    disa = cast.human("disa.disabled", "AI-Pilot", enabled=False)
    cast.machine("DISABLED1", disa)
    cast.expect("disabled account", "person", disa.mail, "not-covered", "DISABLED")
    cast.uncovered("disabled account", "DISABLED1", "OWNER_LEFT_OUT")
    backup = cast.human("svc-backup", department="")
    cast.expect("service account", "person", backup.mail, "not-covered", "SERVICE_ACCOUNT")
    stranger = cast.human("lab.partner", mail="lab.partner@acme-labs.net", upn="lab.partner@acme-labs.net")
    cast.expect("domain not allowed", "person", stranger.mail, "not-covered", "DOMAIN_NOT_ALLOWED")
    cyrillic = cast.human("pavel.lookalike", mail="p\u0430vel@acme.com", upn="p\u0430vel@acme.com")
    cast.expect("look-alike letter", "person", cyrillic.mail, "not-covered", "EMAIL_UNSAFE")
    obrien = cast.human("shaun.obrien", mail="shaun.o'brien@acme.com", upn="shaun.o'brien@acme.com")
    cast.machine("OBRIEN1", obrien)
    cast.expect("apostrophe in the address", "person", obrien.mail, "not-covered", "EMAIL_UNSAFE")
    cast.uncovered("apostrophe in the address", "OBRIEN1", "OWNER_LEFT_OUT")
    formula = cast.human("fay.formula", display="=1+3", title='=HYPERLINK("http://evil.example","x")')
    cast.machine("FORMULA1", formula)
    cast.covered("formula for a name", formula, "eng-prod", "FORMULA1")


def _addresses(cast: Cast) -> None:
    if cast.homes != ("google",):
        home = next(home for home in cast.homes if home != "google")
        uma = cast.human("uma.upn", home=home, mail="uma.upn@acme.com", upn="uupn@acme.onmicrosoft.com")
        cast.machine("UPN1", uma)
        cast.covered("mail different from UPN", uma, "eng-prod", "UPN1")
    if knows := [home for home in cast.homes if home != "okta"]:  # Okta's second address is a private one
        ella = cast.human("ella.alias", home=knows[0], others="ella@acme.com, ella.maiden@acme.com")
        cast.machine("ALIAS1", ella, email="ella.maiden@acme.com", upn="")
        cast.expect("further address", "person", ella.mail, "assigned", "eng-prod")
    one = cast.human("dana.double", others="shared.box@acme.com")
    two = cast.human("dino.double", home=one.home, others="shared.box@acme.com")
    cast.machine("SHAREDBOX1", email="shared.box@acme.com")
    known = one.home != "okta"  # where it is a private one, and so nobody's
    cast.uncovered("an address of two people", "SHAREDBOX1", "NO_PERSON" if known else "EMAIL_NOT_IN_ROSTER")
    cast.expect("an address of two people", "person", one.mail, "not-covered", "NO_DEVICE")
    cast.expect("an address of two people", "person", two.mail, "not-covered", "NO_DEVICE")


def _twice(cast: Cast) -> None:
    if {"entra", "okta"} <= set(cast.homes):
        mia = cast.human("mia.merged", home="entra")
        cast.human("mia.merged", "AI-Pilot", home="okta", upn="mia@acme.okta.example", department="")
        cast.machine("MERGED1", mia)
        cast.covered("one person in two directories", mia, "pilot-prod", "MERGED1")
    if {"intune", "jamf"} <= set(cast.mdms):
        both = cast.human("mac.inboth")
        cast.machine("INBOTH1", both, "intune", os="macos")
        cast.machine("INBOTH1", both, "jamf")
        cast.covered("Mac in Jamf, and in Intune for compliance", both, "eng-prod", "INBOTH1")


def _nobodys(cast: Cast) -> None:
    cast.machine("KIOSK1", name="KIOSK-BER-01")
    cast.expect("shared device", "device", "KIOSK1", "assigned", own("shared-prod", "KIOSK1"))
    cast.machine("MEETING1", name="Meeting Room Turing")
    cast.uncovered("looks shared, no rule", "MEETING1", "SHARED")
    cast.machine("NOBODYS1")
    cast.uncovered("no user", "NOBODYS1", "NO_PERSON")
    cast.machine("UNKNOWN1", email=UNKNOWN, upn=UNKNOWN)
    cast.uncovered("a user whom no directory has", "UNKNOWN1", "EMAIL_NOT_IN_ROSTER")
    stan = cast.human("stan.stale")
    cast.machine("STALE1", stan, seen=45)
    cast.uncovered("not seen for 45 days", "STALE1", "NOT_CHECKED_IN_30D")
    rita = cast.human("rita.reenrolled")
    first = cast.machine("REENROLLED1", rita, seen=300, managed=False)
    cast.machine("reenrolled1", rita, mdm=first.mdm, name="ACME-NEW")
    cast.covered("enrolled again", rita, "eng-prod", "REENROLLED1")


def _contractors(cast: Cast) -> None:
    for home in dict.fromkeys("okta" if home == "okta" else "group" for home in cast.homes):
        if home == "okta":
            con = cast.human("con.tractor", home="okta", department="External", contract_end="2036-06-30")
            late = cast.human("kim.noend", home="okta", department="External")
            cast.expect("contractor without an end", "person", late.mail, "not-covered", "NO_EXPIRY")
        else:
            where = next(home for home in cast.homes if home != "okta")
            con = cast.human("carl.contract", "AI-Contractors", home=where, department="External")
        cast.expect("contractor without MDM", "person", con.mail, "assigned", own("ext-prod", con.mail))


def _entra(cast: Cast) -> None:
    home = "entra" if "entra" in cast.homes else "entra-2"
    if home not in cast.homes:
        return
    upn = "gina_partner.example#EXT#@acme.onmicrosoft.com"
    cast.human("gina.guest", "AI-Pilot", home=home, mail="gina@partner.example", upn=upn, guest=True)
    cast.expect("guest", "person", upn.lower(), "not-covered", "GUEST")
    upn = "max_outlook.com#EXT#@acme.onmicrosoft.com"
    cast.human("max.msa", home="entra-2" if "entra-2" in cast.homes else home, mail="", upn=upn, guest=True)
    cast.expect("guest without mail", "person", upn.lower(), "not-covered", "GUEST")


def _intune(cast: Cast) -> None:
    for mdm in [mdm for mdm in cast.mdms if mdm.startswith("intune")]:
        end = "" if mdm == "intune" else "G"
        pool = f"vdi-east{end.lower()}"
        for n in (1, 2):
            fooser = "fooUser@acme.com" if n == 1 else "package_7f3a@acme.onmicrosoft.com"
            serial = f"VDI{end}{n}"
            cast.machine(
                serial, mdm=mdm, name=f"VDI-EAST{end}-0{n}", email=fooser, upn=fooser, category="VDI"
            )
            cast.expect("VDI pool", "device", serial, "assigned", f"vdi-prod-{pool}")
        cast.machine(
            f"CLOUDPC{end}1",
            mdm=mdm,
            name=f"CPC-{end}1",
            email="autopilot@acme.com",
            upn="autopilot@acme.com",
        )
        cast.uncovered("placeholder as primary user", f"CLOUDPC{end}1", "NO_PERSON")
        paul = cast.human(f"paul.phone{end.lower()}")
        cast.machine(f"PHONE{end}1", paul, mdm, os="ios" if end else "android")
        cast.expect("phone", "device", f"PHONE{end}1", "skipped", "NOT_A_COMPUTER")
        cast.expect("nothing but a phone", "person", paul.mail, "not-covered", "NO_DEVICE")
        for n in (1, 2):
            who = cast.human(f"olga.oem{end.lower()}{n}")
            machine = cast.machine("To be filled by O.E.M." if n == 1 else "Default string", who, mdm)
            cast.expect("no serial", "person", who.mail, "assigned", "eng-prod")
            cast.expect("no serial", "device", f"intune:{machine.mdm_id}", "assigned", "eng-prod")
        byod = cast.human(f"bo.ownlaptop{end.lower()}", "AI-BYOD")
        cast.machine(f"OWN{end}1", byod, mdm, personal=True)
        cast.covered("own device, enrolled", byod, own("byod-prod", byod.mail), f"OWN{end}1")
        other = cast.human(f"bob.ownlaptop{end.lower()}")
        cast.machine(f"OWN{end}2", other, mdm, personal=True)
        cast.uncovered("own device, team's key", f"OWN{end}2", "BYOD")
        if end:
            user = cast.human("ulf.userenrolled", "AI-BYOD")
            cast.machine("OWNG3", user, mdm, os="macos", personal=True, user_enrolment=True)
            cast.covered("user enrolment, by hand", user, own("byod-prod", user.mail), "OWNG3")


def _jamf(cast: Cast) -> None:
    for mdm in [mdm for mdm in cast.mdms if mdm.startswith("jamf")]:
        end = {"jamf": "J", "jamf-german": "D", "jamf-tsv": "T", "jamf-xlsx": "X"}[mdm]
        people = [
            cast.human(f"{name}.jamf{end.lower()}")
            for name in ("emma", "otto", "una", "vera", "gone", "nick")
        ]
        emma, otto, una, vera, gone, nick = people
        cast.machine(f"NOMAIL{end}1", emma, mdm, email="")
        cast.uncovered("no address in Jamf", f"NOMAIL{end}1", "NO_EMAIL_IN_MDM")
        cast.machine(f"OTHERS{end}1", otto, mdm, email=emma.mail)
        cast.uncovered("somebody else's address in Jamf", f"OTHERS{end}1", "EMAIL_OF_ANOTHER")
        cast.machine(f"UNSAFE{end}1", una, mdm, email="una{$x}@acme.com")
        cast.uncovered("unsafe address in Jamf", f"UNSAFE{end}1", "EMAIL_UNSAFE")
        cast.machine(f"SHOUTED{end}1", vera, mdm, email=vera.mail.upper(), upn=vera.mail.partition("@")[0])
        cast.expect("address in capitals, short user name", "person", vera.mail, "assigned", "eng-prod")
        cast.machine(f"LEAVER{end}1", nick, mdm, email=f"last.owner{end.lower()}@acme.com")
        cast.uncovered("an address in Jamf that no directory has", f"LEAVER{end}1", "EMAIL_NOT_IN_ROSTER")
        cast.machine(f"GONE{end}1", gone, mdm, managed=False)
        cast.uncovered("no longer managed", f"GONE{end}1", "NOT_MANAGED")
    if "jamf" in cast.mdms:
        ursula = cast.human("ursula.personal")
        cast.machine("OWNJ1", ursula, "jamf", personal=True, user_enrolment=True)
        cast.uncovered("user enrolment", "OWNJ1", "BYOD")


def _kandji(cast: Cast) -> None:
    for mdm in [mdm for mdm in cast.mdms if mdm.startswith("kandji")]:
        end = "P" if mdm == "kandji" else "A"
        ines = cast.human(f"ines.ipad{end.lower()}")
        cast.machine(f"IPAD{end}1", ines, mdm, os="ios")
        cast.expect("iPad", "device", f"IPAD{end}1", "skipped", "NOT_A_COMPUTER")
        rem = cast.human(f"remy.removed{end.lower()}")
        cast.machine(f"REMOVED{end}1", rem, mdm, managed=False)
        cast.uncovered("removed from Kandji", f"REMOVED{end}1", "NOT_MANAGED")
        cast.machine(f"UNASSIGNED{end}1", mdm=mdm)
        cast.uncovered("no user assigned", f"UNASSIGNED{end}1", "NO_PERSON")


def _plain(cast: Cast) -> None:
    pat = cast.human("pat.pinned", department="Sales EMEA")
    cast.machine("PINNED1", pat)
    cast.machine("PINNED2", pat)
    cast.machine("FRONTDESK1", name="Front Desk 1")
    cast.plain += [
        "svc:build-farm,CI,prod,,linux,,service,ops@acme.com,",
        "svc:nightly-eval,CI,dev,,,,,ops@acme.com,2036-12-31",
        f"{pat.mail},Red Team,prod,PINNED1,,Pat Pinned,person,,",
        f"{pat.mail},Red Team,prod,PINNED2,,Pat Pinned,,,",
        ",Front Desk,prod,FRONTDESK1,,,device,,",
        "gone.already@acme.com,Red Team,prod,,,,,,2026-01-31",
    ]
    cast.expect("service", "service", "svc:build-farm", "assigned", own("ci-prod", "svc:build-farm"))
    cast.covered("pinned by a plain row", pat, "red-team-prod", "PINNED1", "PINNED2")
    cast.expect(
        "shared device by a plain row",
        "device",
        "FRONTDESK1",
        "assigned",
        own("front-desk-prod", "FRONTDESK1"),
    )
