"""Whatever stands in a roster, what comes out is within the allow-lists, or nothing comes out."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from datetime import date

import pytest
from email_validator import validate_email
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

from provisioner import naming
from provisioner.errors import InputError
from provisioner.roster import Entry, Plain, RosterOptions, read_roster

TODAY = date(2026, 11, 20)
OPTIONS = RosterOptions(tenant="acme", metadata_columns=("site",))
HEADER = ("email", "team", "env", "name", "platform", "serial", "expires", "site")
SOUND = ("alice@acme.com", "Engineering", "prod", "Alice", "macos", "C02", "2027-01-01", "Berlin")

# Characters that matter, besides any: those that attacks are made of, and those of honest names.
SIGNS = st.sampled_from(
    "\r\n\t\0\x1b\x7f\x85\xa0\xad\u034f\u200b\u200d\u202e\u2028\u2067\ufeff\ufe0f\ufffd\U000e0061"
    "\"'`$%{}<>&\\;|=+-@,.:/_#( )"
    "\u0430\u0435\u03bf\u212a\u0130\u0131\xdf\u017f\u0308\u0338\uff41\ufb01\xe9\u0153"
)
ANY = st.text(st.one_of(SIGNS, st.characters(), st.sampled_from("abcXYZ019")), max_size=12)


@st.composite
def mutated(draw: st.DrawFn, sound: str) -> str:
    """A sound cell, mostly with something put into it."""
    at = draw(st.integers(0, len(sound)))
    return sound[:at] + draw(st.one_of(st.just(""), SIGNS, ANY)) + sound[at:]


ROW = st.tuples(*(st.one_of(st.just(cell), mutated(cell), ANY) for cell in SOUND))
NEARLY_SOUND = st.integers(0, len(SOUND) - 1).flatmap(
    lambda index: st.tuples(*(mutated(c) if i == index else st.just(c) for i, c in enumerate(SOUND)))
)


def write(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return text.getvalue().encode("utf-8", "surrogatepass")


def read(data: bytes) -> Plain | InputError:
    try:
        return read_roster(data, file="org.csv", today=TODAY, options=OPTIONS)
    except InputError as error:
        return error


def check_entry(entry: Entry) -> None:
    """The allow-lists, written down a second time and independently of the package."""
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_.+-]*@[a-z0-9.-]+\.[a-z0-9-]+", entry.email)
    assert len(entry.email) <= 128
    assert validate_email(entry.email, check_deliverability=False).ascii_email == entry.email
    for slug in (entry.team, entry.env):
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?", slug)
        assert slug not in naming.RESERVED
    assert not set('"`$%{}<>\\;|=\u2019') & set(entry.team_display)
    assert naming.slug(entry.team_display) == entry.team
    for text in (entry.team_display, entry.name or ""):
        assert unicodedata.is_normalized("NFC", text)
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in text)
        assert not text.startswith(("=", "+", "-", "@"))
    assert entry.platform in {None, "macos", "windows", "linux"}
    assert entry.serial is None or re.fullmatch(r"[A-Za-z0-9-]{1,64}", entry.serial)
    assert entry.expires is None or entry.expires > TODAY
    for key, value in entry.extra:
        assert key == "site"
        assert re.fullmatch(r"[ -~]{1,128}", value)
        assert not set('"`$%{}<>\\') & set(value)


@pytest.mark.covers("T4", "T5", "T6", "T12", "T15")
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(NEARLY_SOUND, ROW), min_size=1, max_size=3))
def test_any_text_in_any_field_is_refused_or_within_the_allow_lists(rows: list[tuple[str, ...]]) -> None:
    outcome = read(write(HEADER, rows))
    if isinstance(outcome, InputError):
        assert outcome.problems
        for problem in outcome.problems:
            assert str(problem).isascii()
            assert str(problem).isprintable()
    else:
        assert outcome.entries
        for entry in outcome.entries:
            check_entry(entry)


@pytest.mark.covers("T4")
@pytest.mark.parametrize("index", range(len(HEADER)), ids=HEADER)
def test_the_property_is_tried_on_accepted_text_too(index: int) -> None:
    """In every column some text besides the sound one gets through, so the property above is not empty."""

    def accepted(cell: str) -> bool:
        if cell.strip() == SOUND[index]:
            return False
        row = tuple(cell if i == index else sound for i, sound in enumerate(SOUND))
        outcome = read(write(HEADER, [row]))
        return isinstance(outcome, Plain) and bool(outcome.entries)

    assert find(mutated(SOUND[index]) | st.sampled_from(["win", "2028-02-29"]), accepted) is not None


@pytest.mark.covers("T29")
@settings(deadline=None, max_examples=300)
@given(st.one_of(st.binary(max_size=200), ANY.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_bytes_are_a_roster_or_refused(data: bytes) -> None:
    assert isinstance(read(data), InputError)
    outcome = read(b"email,team,env,site\nalice@acme.com,Eng,prod,\n" + data)
    if isinstance(outcome, Plain):
        assert outcome.entries[0].email == "alice@acme.com"


PEOPLE = ["a@acme.com", "A@acme.com", " a@ACME.com", "a+x@acme.com", "b@acme.com"]
TEAMS = ["Eng", "eng", "ENG ", "a-b", "a", "Stra\xdfe", "Strasse", "Z\xfcrich", "Zu\u0308rich"]
ENVS = ["prod", "Prod", "c", "b-c", "dev"]


@pytest.mark.covers("T14", "T16", "S155", "S167")
@settings(deadline=None, max_examples=400)
@given(
    st.lists(
        st.tuples(st.sampled_from(PEOPLE), st.sampled_from(TEAMS), st.sampled_from(ENVS)),
        min_size=1,
        max_size=5,
    )
)
def test_one_identity_has_one_entry_and_one_name_has_one_spelling(rows: list[tuple[str, ...]]) -> None:
    outcome = read(write(("email", "team", "env", "site"), [(*row, "") for row in rows]))
    cleaned = [(email.strip().lower(), team.strip(), env.strip()) for email, team, env in rows]
    if isinstance(outcome, Plain):
        assert len(outcome.entries) == len(rows)
        keys = Counter((e.email, e.team, e.env) for e in outcome.entries)
        assert set(keys.values()) == {1}
        mailboxes = {e.email.replace("+x", "") for e in outcome.entries}
        assert len(mailboxes) == len({e.email for e in outcome.entries})
        for field in (1, 2):
            spellings = {row[field] for row in cleaned}
            assert len({naming.slug(text) for text in spellings}) == len(spellings)
        pairs = {(e.team, e.env) for e in outcome.entries}
        assert len({naming.assignment_name(*pair) for pair in pairs}) == len(pairs)
    else:
        named = {problem.code for problem in outcome.problems}
        assert named <= {
            "DUPLICATE_ROW",
            "POSSIBLE_DUPLICATE",
            "TEAM_COLLISION",
            "ENV_COLLISION",
            "ASSIGNMENT_COLLISION",
        }
        assert all(p.row in range(3, len(rows) + 2) for p in outcome.problems)
        assert all("row " in p.message for p in outcome.problems)
