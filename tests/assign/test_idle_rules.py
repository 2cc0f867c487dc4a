"""Rules that match nobody: which they are, and that one which matches is never among them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.assign.idle import idle_rules
from provisioner.assign.story import Subject, tried
from provisioner.report import idle as report
from tests.report.decisions import DEVICES, PEOPLE, ROSTER, decided

RULE = '\n[[assign]]\nwhen = {{ {} }}\nteam = "x"\nenv = "prod"\n'
OWN = 'key = "person"\nexpires = 2027-06-30\n'


def fleet(*conditions: str) -> str:
    rules = (RULE.format(one) + (OWN if "managed = false" in one else "") for one in conditions)
    return 'tenant = "acme"\n\n[roster.teams]\n"Sales*" = "sales"\n' + "".join(rules)


def test_a_rule_that_matches_nobody_is_named_with_what_it_asks() -> None:
    seen = decided(text=fleet('department = "*"', 'name = "NOPE-*", kind = "device"', 'group = ["A", "B*"]'))
    assert idle_rules(seen.coverage, seen.fleet) == (1, 2)
    assert report.text(seen.coverage, seen.fleet, seen.rules_at, 80).splitlines() == [
        "2 rules that matched nobody:",
        "  rule 2, line 11, matches nobody: name NOPE-*, kind device",
        "  rule 3, line 16, matches nobody: group A or B*",
    ]
    assert report.as_json(seen.coverage, seen.fleet, seen.rules_at) == [
        {"rule": "rule 2, line 11", "asks": "name NOPE-*, kind device"},
        {"rule": "rule 3, line 16", "asks": "group A or B*"},
    ]


def test_nothing_is_told_without_rules_or_where_all_match() -> None:
    for text in ('tenant = "acme"\n', fleet('department = "*"')):
        seen = decided(text=text)
        assert idle_rules(seen.coverage, seen.fleet) == ()
        assert report.text(seen.coverage, seen.fleet, seen.rules_at, 80) == ""


def test_a_rule_that_gives_the_same_again_or_to_somebody_refused_matches() -> None:
    """Neither is in any verdict."""
    seen = decided(text=fleet('department = "*"', 'department = "Sales*"', 'department = "Fleet Kitchen"'))
    in_verdicts = {
        c.rule for v in seen.coverage.verdicts for c in (v.choice, *(s.choice for s in v.seconds)) if c
    }
    assert in_verdicts == {None, 0}
    assert idle_rules(seen.coverage, seen.fleet) == ()


def test_a_rule_whose_fact_maps_to_no_team_gives_nobody_anything() -> None:
    text = fleet('department = "Fleet*"').replace('team = "x"', 'team = { from = "department" }')
    seen = decided(text=text)
    assert idle_rules(seen.coverage, seen.fleet) == (0,)
    assert "department Fleet*, team from department" in report.text(
        seen.coverage, seen.fleet, seen.rules_at, 80
    )


def test_people_whose_devices_stand_for_them_are_not_asked_without_one() -> None:
    seen = decided(text=fleet('department = "R&D / Core", managed = false', 'department = "*"'))
    assert idle_rules(seen.coverage, seen.fleet) == (0,)


CONDITIONS = st.sampled_from(
    [
        'department = "*"',
        'department = "Sales*"',
        'group = "AI-Env-*"',
        'group = "NOPE"',
        'name = "KIOSK-*"',
        "managed = true",
        "managed = false",
        'kind = "device", mdm = "intune"',
        'kind = "service"',
        'employee_type = "Contractor"',
    ]
)


@settings(deadline=None, max_examples=40)
@given(st.lists(CONDITIONS, min_size=1, max_size=5))
def test_idle_is_what_no_story_tells_of_as_a_match(conditions: list[str]) -> None:
    seen = decided(text=fleet(*conditions))
    people = {p.identity: p for p in PEOPLE if p.left_out is None}
    owners = {d.owner for d in DEVICES}
    subjects = [Subject(people.get(d.owner or ""), d) for d in DEVICES]
    subjects += [Subject(p, None) for p in ROSTER.people if p.left_out is None and p.identity not in owners]
    subjects += [Subject(None, None, service) for service in ROSTER.services]
    matching = {one.at for subject in subjects for one in tried(seen.fleet, subject) if one.matches}
    assert set(idle_rules(seen.coverage, seen.fleet)) == set(range(len(conditions))) - matching
