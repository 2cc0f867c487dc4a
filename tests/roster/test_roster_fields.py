"""What each column accepts, makes of it, and refuses."""

from __future__ import annotations

from datetime import date

import pytest

from provisioner.errors import InputError, Problem, UsageError
from provisioner.roster import Entry, Expired, Plain, RosterOptions, read_roster

TODAY = date(2026, 11, 20)
PLAIN = RosterOptions()


def read(text: str, options: RosterOptions = PLAIN, today: date = TODAY) -> Plain:
    return read_roster(text.encode(), file="org.csv", today=today, options=options)


def problems(text: str, options: RosterOptions = PLAIN) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as refused:
        read(text, options)
    return refused.value.problems


def codes(text: str, options: RosterOptions = PLAIN) -> list[tuple[int | None, str | None, str]]:
    return [(p.row, p.column, p.code) for p in problems(text, options)]


def one(column: str, value: str, options: RosterOptions = PLAIN) -> Entry:
    """Return the entry of a row with one further column."""
    return read(f"email,team,env,{column}\na@acme.com,Eng,prod,{value}\n", options).entries[0]


def refused(column: str, value: str, options: RosterOptions = PLAIN) -> str:
    """Return the code for a row with one further column."""
    found = codes(f"email,team,env,{column}\na@acme.com,Eng,prod,{value}\n", options)
    assert [(row, where) for row, where, _ in found] == [(2, column)]
    return found[0][2]


def address(value: str, options: RosterOptions = PLAIN) -> str:
    """Return what comes of an address: itself, or the code of its problem."""
    try:
        return read(f"email,team,env\n{value},Eng,prod\n", options).entries[0].email
    except InputError as error:
        (problem,) = error.problems
        assert (problem.row, problem.column) == (2, "email")
        return problem.code


@pytest.mark.covers("S173", "S174", "S175", "S176", "S177")
def test_all_columns_of_a_full_row() -> None:
    roster = read(
        "Email,Team,Env,Name,Tenant,Platform,Serial,Expires,Cost Center,Notes\n"
        "Alice@ACME.com,Data & ML,prod,Zoe\u0308 Ng,Acme,macOS,C02-1a,2026-11-21,4711,hi\n",
        RosterOptions(metadata_columns=("cost_center",)),
    )
    assert roster.entries == (
        Entry(
            row=2,
            email="alice@acme.com",
            team="data-ml",
            env="prod",
            team_display="Data & ML",
            name="Zo\u00eb Ng",
            platform="macos",
            serial="C02-1a",
            expires=date(2026, 11, 21),
            extra=(("cost_center", "4711"),),
            file="org.csv",
        ),
    )
    assert (roster.file, roster.tenant, roster.ignored_columns) == ("org.csv", "acme", ("Notes",))
    assert roster.expired == ()


def test_digest_is_of_the_bytes() -> None:
    text = "email,team,env\na@acme.com,Eng,prod\n"
    assert read(text).digest != read(text + "\n").digest
    assert read(text).entries == read(text + "\n").entries


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("a.b_c-d+e9@acme.com", "a.b_c-d+e9@acme.com"),
        ("ALICE@Acme.COM", "alice@acme.com"),
        (" alice@acme.com\u00a0", "alice@acme.com"),
        ("_svc@mail.acme.com", "_svc@mail.acme.com"),
        ("", "EMAIL_MISSING"),
        ("-", "EMAIL_MISSING"),
        ("alice", "EMAIL_INVALID"),
        ("@acme.com", "EMAIL_INVALID"),
        ("alice@", "EMAIL_INVALID"),
        ("alice@acme", "EMAIL_INVALID"),
        ("alice@acme..com", "EMAIL_INVALID"),
        ("alice@-acme.com", "EMAIL_INVALID"),
        ("alice@[127.0.0.1]", "EMAIL_INVALID"),
        ("alice@acme.local", "EMAIL_INVALID"),
        ("a..b@acme.com", "EMAIL_INVALID"),
        (".a@acme.com", "EMAIL_INVALID"),
        ("a.@acme.com", "EMAIL_INVALID"),
        ("-a@acme.com", "EMAIL_INVALID"),
        ("+a@acme.com", "EMAIL_INVALID"),
        ("Alice <alice@acme.com>", "EMAIL_INVALID"),
        ("alice@acme.com;bob@acme.com", "EMAIL_INVALID"),
        ("mailto:alice@acme.com", "EMAIL_INVALID"),
        ("j\u00f6rg@acme.com", "EMAIL_NOT_ASCII"),
        ("alice\uff20acme.com", "EMAIL_INVALID"),
        ("a" * 65 + "@acme.com", "EMAIL_TOO_LONG"),
        ("a" * 64 + "@" + "b" * 59 + ".com", "a" * 64 + "@" + "b" * 59 + ".com"),
        ("a" * 64 + "@" + "b" * 60 + ".com", "EMAIL_TOO_LONG"),
    ],
)
def test_addresses(written: str, read_as: str) -> None:
    assert address(written, RosterOptions(tenant="acme")) == read_as


@pytest.mark.covers("T25")
@pytest.mark.parametrize("sign", list("&'${}%`!#*/=?^|~"))
def test_signs_that_mdms_and_headers_would_read_are_refused(sign: str) -> None:
    assert address(f"a{sign}b@acme.com") == "EMAIL_UNSAFE"


@pytest.mark.covers("T25")
@pytest.mark.parametrize("sign", ["<", ">", '"', "\\"])
def test_signs_that_end_a_string_are_refused(sign: str) -> None:
    assert address('"a' + sign.replace('"', '""') + 'b@acme.com"') in {"EMAIL_UNSAFE", "EMAIL_INVALID"}


@pytest.mark.covers("T15")
@pytest.mark.parametrize(
    ("written", "domains", "read_as"),
    [
        ("a@acme.com", ("acme.com", "acme.co.uk"), "a@acme.com"),
        ("a@ACME.co.uk", ("acme.com", "Acme.co.uk"), "a@acme.co.uk"),
        ("a@mail.acme.com", ("acme.com",), "DOMAIN_NOT_ALLOWED"),
        ("a@acrne.com", ("acme.com",), "DOMAIN_NOT_ALLOWED"),
        ("a@m\u00fcller.de", (), "IDN_DOMAIN"),
        ("a@xn--mller-kva.de", (), "IDN_DOMAIN"),
        ("a@m\u00fcller.de", ("acme.com",), "IDN_DOMAIN"),
        ("a@m\u00fcller.de", ("m\u00fcller.de",), "a@xn--mller-kva.de"),
        ("a@m\u00fcller.de", ("xn--mller-kva.de",), "a@xn--mller-kva.de"),
        ("a@xn--mller-kva.de", ("M\u00fcller.de",), "a@xn--mller-kva.de"),
        ("a@\uff41\uff43\uff4d\uff45.com", ("acme.com",), "LOOKALIKE_CHARACTER"),
        ("a@acme\u3002com", ("acme.com",), "NOT_LATIN"),
    ],
)
def test_domains(written: str, domains: tuple[str, ...], read_as: str) -> None:
    assert address(written, RosterOptions(tenant="acme", domains=domains)) == read_as


@pytest.mark.covers("S156", "T13")
@pytest.mark.parametrize(
    ("written", "slug"),
    [
        ("Engineering", "engineering"),
        ("  Data & ML ", "data-ml"),
        ("Zu\u0308rich", "zurich"),
        (".NET Platform", "net-platform"),
        ("R&D (EMEA)", "r-d-emea"),
        ("x" * 48, "x" * 48),
        ("console", "console"),
    ],
)
def test_teams(written: str, slug: str) -> None:
    assert read(f"email,team,env\na@acme.com,{written},prod\n").entries[0].team == slug


@pytest.mark.covers("T13", "T15")
@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "MISSING"),
        ("--", "MISSING"),
        ("x" * 49, "TOO_LONG"),
        ("x" + "." * 100, "TOO_LONG"),
        ("&", "NO_SLUG"),
        ("\u0126al", "NO_SLUG"),
        ("LPT1", "RESERVED"),
        ("aux", "RESERVED"),
    ],
)
@pytest.mark.parametrize("field", ["team", "env", "tenant"])
def test_names_that_give_no_slug(field: str, written: str, code: str) -> None:
    cells = {"team": "Eng", "env": "prod", "tenant": "Acme"} | {field: written}
    text = f"email,team,env,tenant\na@acme.com,{cells['team']},{cells['env']},{cells['tenant']}\n"
    if (field, code) == ("tenant", "MISSING"):
        assert read(text).tenant == "acme"
    else:
        assert codes(text) == [(2, field, f"{field.upper()}_{code}")]


@pytest.mark.covers("S176")
def test_only_the_envs_of_the_fleet() -> None:
    options = RosterOptions(envs=("Prod", "dev"))
    text = "email,team,env\na@acme.com,Eng,prod\nb@acme.com,Eng,prd\nc@acme.com,Eng,qa\n"
    first, second = problems(text, options)
    assert (first.row, first.code, first.fix) == (3, "ENV_UNKNOWN", 'did you mean "prod"?')
    assert (second.row, second.code) == (4, "ENV_UNKNOWN")
    assert "prod, dev" in second.fix


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("O'Brien, Anna", "O'Brien, Anna"),
        ("\u0410\u043d\u043d\u0430", "\u0410\u043d\u043d\u0430"),
        ("\u5c71\u7530 \u592a\u90ce", "\u5c71\u7530 \u592a\u90ce"),
        ("", None),
        ("-", None),
        ("---", None),
    ],
)
def test_names(written: str, name: str | None) -> None:
    assert one("name", f'"{written}"').name == name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("x" * 129, "NAME_TOO_LONG"),
        ("=1+3", "FORMULA_CELL"),
        ("+49 30", "FORMULA_CELL"),
        ("-x", "FORMULA_CELL"),
        ("@x", "FORMULA_CELL"),
        ('"a\nb"', "CONTROL_CHARACTER"),
        ("a\tb", "CONTROL_CHARACTER"),
    ],
)
def test_refused_names(written: str, code: str) -> None:
    assert refused("name", written) == code


@pytest.mark.parametrize(
    ("written", "platform"),
    [
        ("macos", "macos"),
        ("Mac", "macos"),
        ("Mac OS X", "macos"),
        ("OS X", "macos"),
        ("macOS 15.1", "macos"),
        ("Darwin", "macos"),
        ("WIN", "windows"),
        ("win11", "windows"),
        ("Windows 11 Pro", "windows"),
        ("Linux", "linux"),
        ("Ubuntu 24.04", "linux"),
        ("-", None),
        ("", None),
    ],
)
def test_platforms(written: str, platform: str | None) -> None:
    assert one("platform", written).platform == platform


@pytest.mark.parametrize(
    ("column", "written", "code"),
    [
        ("platform", "iOS", "PLATFORM_UNKNOWN"),
        ("platform", "11", "PLATFORM_UNKNOWN"),
        ("platform", "m\u0430c", "PLATFORM_UNKNOWN"),
        ("serial", "C02 1", "SERIAL_INVALID"),
        ("serial", "1.2E+11", "SERIAL_INVALID"),
        ("serial", "x" * 65, "SERIAL_INVALID"),
        ("serial", "C02\u200b", "INVISIBLE_CHARACTER"),
        ("expires", "31.12.2026", "EXPIRES_INVALID"),
        ("expires", "12/31/2026", "EXPIRES_INVALID"),
        ("expires", "20261231", "EXPIRES_INVALID"),
        ("expires", "2026-W50-1", "EXPIRES_INVALID"),
        ("expires", "2026-12-31T00:00:00Z", "EXPIRES_INVALID"),
        ("expires", "2026-02-29", "EXPIRES_INVALID"),
        ("expires", "0000-01-01", "EXPIRES_INVALID"),
        ("expires", "\u0662\u0660\u0662\u0666-12-31", "EXPIRES_INVALID"),
    ],
)
def test_refused_device_and_date_cells(column: str, written: str, code: str) -> None:
    assert refused(column, written) == code


def test_expired_rows_are_apart_and_clash_with_nothing() -> None:
    text = (
        "email,team,env,serial,expires\n"
        "a@acme.com,Eng,prod,S1,2026-11-20\n"
        "a@acme.com,eng,prod,S1,2026-11-21\n"
        "b@acme.com,eng,prod,S2,2025-01-01\n"
        "c@acme.com,eng,prod,S2,\n"
    )
    roster = read(text)
    assert [(e.row, e.email) for e in roster.entries] == [(3, "a@acme.com"), (5, "c@acme.com")]
    assert roster.expired == (
        Expired(2, "a@acme.com", "eng", "prod", date(2026, 11, 20)),
        Expired(4, "b@acme.com", "eng", "prod", date(2025, 1, 1)),
    )


@pytest.mark.covers("T11")
def test_a_roster_whose_rows_all_expired_is_refused() -> None:
    text = "email,team,env,expires\na@acme.com,Eng,prod,2026-11-20\n"
    assert codes(text) == [(None, None, "ALL_EXPIRED")]


METADATA = RosterOptions(metadata_columns=("cost_center", "site"))


def test_metadata_in_declared_order_without_empty_values() -> None:
    roster = read(
        "Site,email,Cost-Center,team,env\nBerlin (HQ),a@acme.com,R&D/7,Eng,prod\n-,b@acme.com,9,Eng,prod\n",
        METADATA,
    )
    assert [e.extra for e in roster.entries] == [
        (("cost_center", "R&D/7"), ("site", "Berlin (HQ)")),
        (("cost_center", "9"),),
    ]


@pytest.mark.covers("T4", "T5", "T6", "T25")
@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("x" * 129, "METADATA_TOO_LONG"),
        ("M\u00fcnchen", "METADATA_UNSAFE"),
        ("$SERIALNUMBER", "METADATA_UNSAFE"),
        ("{{mail}}", "METADATA_UNSAFE"),
        ("%USERNAME%", "METADATA_UNSAFE"),
        ("`id`", "METADATA_UNSAFE"),
        ("a\\b", "METADATA_UNSAFE"),
        ("a<b", "METADATA_UNSAFE"),
        ('"a""b"', "METADATA_UNSAFE"),
        ("=1", "FORMULA_CELL"),
        ("a\u200bb", "INVISIBLE_CHARACTER"),
    ],
)
def test_refused_metadata(written: str, code: str) -> None:
    assert refused("site", written, RosterOptions(metadata_columns=("site",))) == code


@pytest.mark.parametrize(
    ("emails", "tenant"),
    [
        (["a@acme.com"], "acme"),
        (["a@acme.com", "b@mail.acme.com"], "acme"),
        (["a@mail.acme.co.uk"], "acme"),
        (["a@acme.com.au", "b@x.acme.com.au"], "acme"),
        (["a@hp.de"], "hp"),
        (["a@mail.acme.de"], "acme"),
        (["a@acme.com", "b@acme.de"], None),
        (["a@acme.com", "b@other.com"], None),
        (["a@mail.hp.de"], None),
        (["a@co.uk"], None),
        (["a@gmail.com"], None),
        (["a@acme.onmicrosoft.com"], None),
    ],
)
def test_tenant_from_the_addresses(emails: list[str], tenant: str | None) -> None:
    text = "email,team,env\n" + "".join(f"{email},Eng,prod\n" for email in emails)
    if tenant is None:
        assert codes(text) == [(None, None, "TENANT_UNCLEAR")]
        assert read(text, RosterOptions(tenant="Acme Corp")).tenant == "acme-corp"
    else:
        assert read(text).tenant == tenant


@pytest.mark.parametrize(
    ("tenants", "option", "outcome"),
    [
        (["Acme Corp", ""], None, "acme-corp"),
        (["", "-"], None, "acme"),
        (["Acme", "ACME"], None, "acme"),
        (["other", "other"], "other", "other"),
        (["", ""], "other", "other"),
        (["x", "y"], None, [(3, "Org", "TENANT_CONFLICT")]),
        (["x", "x"], "other", [(2, "Org", "TENANT_CONFLICT")]),
        (["$x", "x"], None, [(2, "Org", "UNSAFE_CHARACTER")]),
    ],
)
def test_tenant_from_column_and_option(tenants: list[str], option: str | None, outcome: object) -> None:
    text = f"email,team,env,Org\na@acme.com,Eng,prod,{tenants[0]}\nb@acme.com,Eng,prod,{tenants[1]}\n"
    options = RosterOptions(tenant=option)
    if isinstance(outcome, str):
        assert read(text, options).tenant == outcome
    else:
        assert codes(text, options) == outcome


@pytest.mark.parametrize(
    "options",
    [
        RosterOptions(tenant="  "),
        RosterOptions(tenant="\u0430cme"),
        RosterOptions(domains=("acme",)),
        RosterOptions(domains=("a b.com",)),
        RosterOptions(envs=("prod", "CON")),
        RosterOptions(metadata_columns=("user",)),
        RosterOptions(metadata_columns=("rev",)),
        RosterOptions(metadata_columns=("_user",)),
        RosterOptions(metadata_columns=("Site",)),
        RosterOptions(metadata_columns=("site", "site")),
        RosterOptions(metadata_columns=("x" * 65,)),
        RosterOptions(metadata_columns=("x\n",)),
    ],
)
def test_options_that_can_not_be_used(options: RosterOptions) -> None:
    with pytest.raises(UsageError) as error:
        read("email,team,env\na@acme.com,Eng,prod\n", options)
    assert not isinstance(error.value, InputError)
    assert error.value.hint
