"""What contradicts itself is a problem that names both places; nothing raises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.assign.company import (
    EVERYBODY,
    POLICY,
    by_row,
    codes,
    decided,
    mac,
    of,
    person,
    roster,
    row,
    rule,
    service,
    told,
)


def test_two_profiles_for_one_config_name_both_rules() -> None:
    people = [person("a", department="A"), person("b", department="B")]
    fleet = rule('department = "A"', more='profile = "fast"') + rule(
        'department = "B"', more='profile = "slow"'
    )
    [problem] = decided(roster(people), fleet).problems
    assert str(problem) == (
        "provision.toml:6: PROFILE_CONFLICT: gives profile slow by rule 2 (provision.toml:6), rule 1"
        ' (provision.toml:1) gives fast "claude-desktop-eng-prod" - name one profile for this team and env,'
        " or give one of them another team or env"
    )


def test_a_row_and_a_rule_can_clash_over_a_profile_too() -> None:
    people = [by_row(row(17, "a", "eng")), person("b")]
    [problem] = decided(roster(people), rule("", more='profile = "fast"')).problems
    assert problem.code == "PROFILE_CONFLICT"
    assert "org.csv, row 17 gives standard" in problem.message


def test_what_only_matches_beside_and_gives_no_key_clashes_with_nothing() -> None:
    fleet = rule("") + rule("", '"data"', more='profile = "fast"') + rule('name = "X"', '"data"')
    coverage = decided(roster([person("a")]), fleet)
    assert (codes(coverage), [a.name for a in coverage.assignments]) == ([], ["eng-prod"])


@pytest.mark.covers("T14")
@pytest.mark.parametrize(
    ("first", "second", "devices", "names"),
    [
        (rule('department = "A"', '"a-b"', '"c"'), rule("", '"a"', '"b-c"'), [], ["a-b-c", "desktop-a-b-c"]),
        (
            rule('department = "A"', '"eng"', '"prod-vdi"'),
            rule("", '"eng"', '"prod"', more='attribution = { pool = "vdi" }'),
            [mac("S1", "a"), mac("S2", "b")],
            ["eng-prod-vdi"],
        ),
    ],
)
def test_names_that_meet_are_told_once_each(first: str, second: str, devices: list, names: list[str]) -> None:
    people = [person("a", department="A"), person("b")]
    coverage = decided(roster(people, devices), first + second)
    assert set(codes(coverage)) == {"ASSIGNMENT_COLLISION"}
    assert len({p.message for p in coverage.problems}) == len(coverage.problems)
    assert {str(p.value).strip('"') for p in coverage.problems} <= set(names)
    assert all("rule 1" in p.message and "rule 2" in p.message for p in coverage.problems)


def test_a_teams_key_and_a_persons_key_live_beside_each_other() -> None:
    fleet = rule('department = "A"', more='key = "person"') + rule("")
    coverage = decided(roster([person("a", department="A"), person("b")]), fleet)
    assert codes(coverage) == []
    assert len({a.key_name for a in coverage.assignments}) == 2


def test_two_services_of_one_name_in_one_team_and_env() -> None:
    coverage = decided(roster([], [], [service(2, "ci", "eng"), service(3, "ci", "eng", "dev")]))
    assert codes(coverage) == []
    assert len(coverage.assignments) == 2


def test_sources_without_rules_and_rows_are_one_problem() -> None:
    coverage = decided(roster([person(f"p{n}") for n in range(50)]), "")
    assert codes(coverage) == ["RULES_MISSING"]
    assert {v.reason for v in coverage.verdicts} == {"NO_RULE"}


def test_nobody_assigned_is_a_problem_with_the_reasons() -> None:
    [problem] = decided(roster([person("a")], [mac("S1")]), EVERYBODY).problems
    assert str(problem) == (
        "provision.toml: NOBODY_ASSIGNED: nobody and nothing of 2 in the roster gets anything: NO_DEVICE 1,"
        " NO_PERSON 1 - look at the reasons: provision roster check"
    )


TABLE = '[roster.teams]\n"Sales" = "sales"\n'
FROM = rule('department = "*"', '{ from = "department" }')


def test_people_without_a_rule_are_told_by_text_with_the_first_row() -> None:
    people = [person(f"p{n}", n + 2, department="Fnord" if n % 3 else "Sales") for n in range(9)]
    people += [person("q", 40, department="Gnarf"), person("r", 50), person("s", 60)]
    coverage = decided(roster(people), FROM + TABLE)
    assert [str(p) for p in coverage.problems] == [
        "users.csv:3: department: NO_RULE: 6 people match no rule, first this row: department maps to no team"
        ' "Fnord" - add "Fnord" = "..." to [roster.teams], or a rule for them',
        "users.csv:50: NO_RULE: 2 people match no rule, first this row - add an [[assign]] for them, the last"
        ' one without when; or set roster.unmatched = "skip"',
        "users.csv:40: department: NO_RULE: 1 person matches no rule, first this row: department maps to no"
        ' team "Gnarf" - add "Gnarf" = "..." to [roster.teams], or a rule for them',
    ]
    assert of(coverage, "q").detail == 'department "Gnarf" maps to no team'


def test_an_env_that_the_fleet_does_not_have_is_told_as_env() -> None:
    fleet = '[roster]\nenvs = ["prod"]\n' + rule("", env='{ from = "stage" }')
    [problem] = decided(roster([person("a", stage="Beta")]), fleet).problems
    assert "stage maps to no env" in problem.message
    assert "roster.envs" in problem.fix


def test_many_texts_without_a_team_are_cut_and_counted() -> None:
    people = [person(f"p{n}", n + 2, department=f"D{n // 2}") for n in range(60)]
    coverage = decided(roster(people), FROM + TABLE)
    assert len(coverage.problems) == 21
    assert coverage.problems[-1].message == "20 people match no rule besides, for 10 further causes"


def test_where_the_fleet_says_skip_people_without_a_rule_are_only_listed() -> None:
    fleet = '[roster]\nunmatched = "skip"\n' + FROM + TABLE
    coverage = decided(roster([person("a", department="Sales"), person("b", department="Fnord")]), fleet)
    assert codes(coverage) == []
    assert told(coverage) == [
        "person a@acme.com assigned sales-prod",
        "person b@acme.com not-covered NO_RULE",
    ]


@pytest.mark.covers("S191")
def test_a_pilot_ring_comes_first_and_the_rest_is_skipped_on_purpose() -> None:
    fleet = '[roster]\nunmatched = "skip"\n' + rule('group = "AI-Pilot"', '"pilot"', more="ring = 0")
    people = [person("a", groups=("AI-Pilot",)), person("b")]
    coverage = decided(roster(people, [mac("S1", "a"), mac("S2", "b")]), fleet)
    assert [(m.id, m.choice and m.choice.ring) for m in coverage.assignments[0].members] == [("S1", 0)]
    assert of(coverage, "S2").reason == "NO_RULE"


def test_a_person_s_key_may_follow_a_profile_of_its_own_that_routes_alike() -> None:
    """Somebody's own device in one's own team: the same config, another budget (rollout 3)."""
    people = [person("a", department="A"), person("b", department="B")]
    fleet = rule('department = "A"') + rule(
        'department = "B"', more='profile = "slow"\nkey = "person"\nexpires = "2036-01-01"'
    )
    coverage = decided(roster(people), fleet)
    assert (codes(coverage), [a.policy.name for a in coverage.assignments]) == ([], ["standard", "slow"])


def test_profiles_that_route_differently_clash_over_the_config_whosever_the_keys_are() -> None:
    people = [person("a", department="A"), person("b", department="B")]
    fleet = rule('department = "A"') + rule(
        'department = "B"', more='profile = "slow"\nkey = "person"\nexpires = "2036-01-01"'
    )
    other = {"slow": replace(POLICY, name="slow", config={"provider": "@bedrock"})}
    [problem] = decided(roster(people), fleet, policies=other).problems
    assert (problem.code, problem.value) == ("PROFILE_CONFLICT", '"desktop-eng-prod"')


@pytest.mark.covers("T16")
def test_a_row_against_the_user_whom_the_inventory_knows_only_by_id() -> None:
    """`listed` is the MDM's user where a row gives the device to another person."""
    named = by_row(row(4, "ann", "eng", serial="S1"))
    bob = person("bob", department="Sales")
    device = mac("S1", "ann", rows=named.rows, listed="bob@acme.com", user_email="")
    fleet = rule('department = "Sales"', '"sales"')
    [problem] = decided(roster([named, bob], [device], inventory=True), fleet).problems
    assert problem.code == "TWO_ASSIGNMENTS_ONE_DEVICE"
    assert "org.csv" in problem.file
    assert "bob@acme.com's by jamf.csv, row 2, where rule 1 gives sales-prod" in problem.message
