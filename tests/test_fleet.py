"""The fleet file: its defaults, its problems, its overrides, and the commented file of `init`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import InputError
from provisioner.fleet import Fleet, From, Override, fleet_digest, load_fleet
from provisioner.strict import Strict

TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "provision.toml"
PORTKEY = '[gateway]\nproduct = "portkey"\nurl = "https://api.portkey.ai"\n'


def problems(text: str, profiles: list[str] | None = None) -> list[tuple[int | None, str | None, str]]:
    with pytest.raises(InputError) as caught:
        load_fleet(text, "provision.toml", profiles)
    return [(p.row, p.column, p.code) for p in caught.value.problems]


def test_defaults_without_a_file() -> None:
    fleet = load_fleet(None, "provision.toml")
    assert fleet == Fleet() == load_fleet("", "provision.toml")
    assert fleet.gateway.product == "bundled"
    assert fleet.keys.scope == "team"
    assert fleet.mdm == ("jamf", "kandji", "intune", "files")
    assert fleet.platforms == ("macos", "windows", "linux")
    assert (fleet.profile, fleet.tenant, fleet.gateway.admin_key) == ("standard", None, None)
    assert fleet.intune.remediation_key is False


@pytest.mark.covers("S140")
def test_a_whole_file() -> None:
    fleet = load_fleet(
        """
        tenant = "acme"
        mdm = ["intune"]
        platforms = ["windows"]
        profile = "office"
        [gateway]
        product = "portkey"
        url = "https://admin.example.com"
        data_url = "https://gw.example.com"
        workspace = "ws-acme"
        ca_file = "/etc/ssl/corp.pem"
        allow_private = true
        admin_key = { command = ["pass", "show", "portkey"] }
        [keys]
        scope = "person"
        [claude_code]
        minimum_version = "2.1.285"
        [claude_desktop]
        minimum_version = "1.8089.0"
        organization_uuid = "C0FFEE00-0000-4000-8000-00000000000a"
        [roster]
        metadata = ["cost_center", "site"]
        domains = ["Acme.com", "xn--mnchen-3ya.de"]
        [intune]
        remediation_key = true
        """,
        "provision.toml",
    )
    assert fleet.gateway.admin_key is not None
    assert fleet.gateway.admin_key.command == ("pass", "show", "portkey")
    assert fleet.gateway.admin_key.sources == ("command",)
    assert fleet.claude_desktop.organization_uuid == "C0FFEE00-0000-4000-8000-00000000000a"
    assert fleet.roster.domains == ("acme.com", "xn--mnchen-3ya.de")
    assert fleet.roster.metadata == ("cost_center", "site")
    assert (fleet.keys.scope, fleet.intune.remediation_key) == ("person", True)


@pytest.mark.parametrize(
    ("text", "row", "column", "code"),
    [
        ("tennant = 'a'", 1, "tennant", "UNKNOWN_KEY"),
        ("tenant = 'Acme Inc'", 1, "tenant", "BAD_NAME"),
        ("profile = ''", 1, "profile", "BAD_NAME"),
        ("mdm = ['jamf', 'jmf']", 1, "mdm[1]", "BAD_VALUE"),
        ("mdm = ['jamf', 'jamf']", 1, "mdm", "DUPLICATE"),
        ("mdm = []", 1, "mdm", "BAD_VALUE"),
        ("platforms = ['mac']", 1, "platforms[0]", "BAD_VALUE"),
        ("[gateway]\nproduct = 'bifrost'", 2, "gateway.product", "COMES_LATER"),
        ("[gateway]\nproduct = 'finops'", 2, "gateway.product", "COMES_LATER"),
        ("[gateway]\nproduct = 'litellm'\nadmin_key.env = 'K'", 2, "gateway.product", "COMES_LATER"),
        ("[gateway]\nproduct = 'portkei'", 2, "gateway.product", "BAD_VALUE"),
        ("[gateway]\nworkspace = 'ws'", 1, "gateway.product", "NOT_FOR_BUNDLED"),
        ("[gateway]\nurl = ' https://x '", 2, "gateway.url", "BAD_VALUE"),
        ("[gateway]\nallow_private = 'no'", 2, "gateway.allow_private", "WRONG_TYPE"),
        ("admin_key = { env = 'K' }", 1, "admin_key", "REFUSED_KEY"),
        (f"{PORTKEY}admin_key = {{ env = 'K', file = 'k' }}", 4, "gateway.admin_key", "TWO_SOURCES"),
        (f"{PORTKEY}admin_key = {{ enw = 'K', env = 'K' }}", 4, "gateway.admin_key.enw", "UNKNOWN_KEY"),
        (f"{PORTKEY}admin_key = {{ command = 'pass' }}", 4, "gateway.admin_key.command", "WRONG_TYPE"),
        (f"{PORTKEY}admin_key = {{ command = [''] }}", 4, "gateway.admin_key.command", "BAD_VALUE"),
        (f"{PORTKEY}admin_key = {{ keyring = 'portkey' }}", 4, "gateway.admin_key.keyring", "BAD_VALUE"),
        (PORTKEY, 1, "gateway.admin_key", "MISSING_KEY"),
        (f"{PORTKEY}admin_key = {{}}", 4, "gateway.admin_key", "MISSING_KEY"),
        ("[gateway]\nproduct = 'portkey'\nadmin_key.env = 'K'", 1, "gateway.url", "MISSING_KEY"),
        ("[keys]\nscope = 'user'", 2, "keys.scope", "BAD_VALUE"),
        ("[claude_code]\nminimum_version = '2.1'", 2, "claude_code.minimum_version", "BAD_VERSION"),
        ("[claude_code]\nminimum_version = '2.01.3'", 2, "claude_code.minimum_version", "BAD_VERSION"),
        ("[claude_code]\nminimum_version = '２.1.3'", 2, "claude_code.minimum_version", "BAD_VERSION"),
        ("[claude_desktop]\nminimum_version = 'x'", 2, "claude_desktop.minimum_version", "BAD_VERSION"),
        ("[claude_desktop]\norganization_uuid = '{x}'", 2, "claude_desktop.organization_uuid", "BAD_VALUE"),
        ("[roster]\nmetadata = ['Cost Center']", 2, "roster.metadata[0]", "BAD_NAME"),
        ("[roster]\nmetadata = ['_user']", 2, "roster.metadata[0]", "BAD_NAME"),
        ("[roster]\nmetadata = ['a', 'a']", 2, "roster.metadata", "DUPLICATE"),
        ("[roster]\ndomains = ['@acme.com']", 2, "roster.domains[0]", "BAD_VALUE"),
        ("[roster]\ndomains = ['münchen.de']", 2, "roster.domains[0]", "BAD_VALUE"),
        ("[intune]\nremediation_key = 1", 2, "intune.remediation_key", "WRONG_TYPE"),
        ("[[overrides]]\nteam = 'a'", 1, "overrides", "REFUSED_KEY"),
        ("[[override]]\nteam = 'a'", 1, "override[0].profile", "MISSING_KEY"),
        ("[[override]]\nprofile = 'a'", 1, "override[0]", "MISSING_KEY"),
        ("[[override]]\nteam = 'R & D'\nprofile = 'a'", 2, "override[0].team", "BAD_NAME"),
        (
            "[[override]]\nteam = 'a'\nprofile = 'a'\n[[override]]\nprofile = 'b'\nteam = 'a'",
            4,
            "override[1]",
            "DUPLICATE",
        ),
    ],
)
def test_one_problem(text: str, row: int, column: str, code: str) -> None:
    assert problems(text) == [(row, column, code)]


@pytest.mark.covers("C8", "T23")
@pytest.mark.parametrize(
    ("version", "refused"),
    [("1.8088.9", True), ("0.9999.9", True), ("1.8089.0", False), ("1.46388.1", False), ("2.0.0", False)],
)
def test_claude_desktop_floors(version: str, refused: bool) -> None:
    text = f'[claude_desktop]\nminimum_version = "{version}"'
    if refused:
        assert problems(text) == [(2, "claude_desktop.minimum_version", "FLOOR_TOO_LOW")]
    else:
        assert load_fleet(text, "provision.toml").claude_desktop.minimum_version == version


def test_all_problems_come_together() -> None:
    text = 'tenat = "x"\nprofile = "standrad"\n[gateway]\nproduct = "portkey"\nulr = "x"\n[keys]\nscope = 1\n'
    assert problems(text, ["standard"]) == [
        (1, "tenat", "UNKNOWN_KEY"),
        (2, "profile", "UNKNOWN_PROFILE"),
        (3, "gateway.url", "MISSING_KEY"),
        (3, "gateway.admin_key", "MISSING_KEY"),
        (5, "gateway.ulr", "UNKNOWN_KEY"),
        (7, "keys.scope", "WRONG_TYPE"),
    ]


def test_profiles_are_looked_up_with_a_suggestion() -> None:
    text = '[[override]]\nteam = "a"\nprofile = "restrictet"'
    with pytest.raises(InputError) as caught:
        load_fleet(text, "provision.toml", ["restricted", "standard"])
    [problem] = caught.value.problems
    assert (problem.row, problem.column, problem.code) == (3, "override[0].profile", "UNKNOWN_PROFILE")
    assert problem.fix == 'did you mean "restricted"?'


@pytest.mark.covers("T2", "T9")
@pytest.mark.parametrize(
    "line",
    [
        'admin_key = "{}"',
        'admin_key = {{ value = "{}" }}',
        'admin_key = {{ env = "{}" }}',
        'admin_key = {{ keyring = "{}" }}',
        'admin_key = {{ file = " {}" }}',
        'admin_key = {{ command = "{}" }}',
        'admin_key = ["{}"]',
        'api_key = "{}"',
        'token = "{}"',
        'admin_kye = "{}"',
        "admin_key = {}",
    ],
)
def test_a_key_pasted_into_the_file_is_refused_and_not_repeated(line: str) -> None:
    secret = "pk-Live0123456789abcdef"
    with pytest.raises(InputError) as caught:
        load_fleet(PORTKEY + line.format(secret), "provision.toml")
    told = "\n".join([str(caught.value), *map(str, caught.value.problems), repr(caught.value.problems)])
    assert ":4:" in told
    assert secret not in told


def test_the_hint_for_a_pasted_key_says_where_it_belongs() -> None:
    with pytest.raises(InputError) as caught:
        load_fleet(f'{PORTKEY}admin_key = "pk-1"', "provision.toml")
    assert [str(p) for p in caught.value.problems] == [
        "provision.toml:4: gateway.admin_key: SECRET_IN_FILE: a key never stands in this file"
        ' - say where it comes from: admin_key = { env = "NAME" }, or file, command or keyring'
    ]


OVERRIDES = """
profile = "base"
[[override]]
env = "prod"
profile = "strict"
[[override]]
team = "eng"
profile = "eng"
[[override]]
team = "eng"
env = "prod"
profile = "eng-prod"
"""


@pytest.mark.parametrize(
    ("team", "env", "profile"),
    [
        ("eng", "prod", "eng-prod"),
        ("eng", "dev", "eng"),
        ("ops", "prod", "strict"),
        ("ops", "dev", "base"),
    ],
)
def test_the_more_specific_override_wins(team: str, env: str, profile: str) -> None:
    assert load_fleet(OVERRIDES, "provision.toml").profile_for(team, env) == profile


def test_every_named_profile_is_listed_once() -> None:
    assert load_fleet(OVERRIDES, "provision.toml").profiles == ("base", "strict", "eng", "eng-prod")


names = st.sampled_from(["a", "b"])


@given(
    st.lists(st.tuples(st.none() | names, st.none() | names).filter(any), unique=True, max_size=8).flatmap(
        lambda selectors: st.tuples(st.just(selectors), st.permutations(selectors))
    ),
    names,
    names,
)
def test_the_order_of_overrides_never_counts(
    orders: tuple[list[Any], list[Any]], team: str, env: str
) -> None:
    def fleet(selectors: list[tuple[str | None, str | None]]) -> Fleet:
        rules = [Override(team=t, env=e, profile=f"p-{t}-{e}".lower()) for t, e in selectors]
        return Fleet(override=tuple(rules))

    one, other = (fleet(selectors) for selectors in orders)
    assert one.profile_for(team, env) == other.profile_for(team, env)


def test_the_digest_is_of_values() -> None:
    spelled = '# a comment\n[keys]\nscope = "team"\n[gateway]\nurl = ""\nproduct = "bundled"\n'
    assert fleet_digest(load_fleet(spelled, "a")) == fleet_digest(load_fleet(None, "b"))
    changed = load_fleet('[keys]\nscope = "person"', "a")
    assert fleet_digest(changed) != fleet_digest(load_fleet(None, "b"))
    assert re.fullmatch(r"[0-9a-f]{64}", fleet_digest(changed))


def uncommented(line: str) -> str:
    return re.sub(r"^#(?=\S)", "", line)


def test_the_commented_file_loads_as_it_stands_to_the_defaults() -> None:
    assert load_fleet(TEMPLATE.read_text(), "provision.toml") == Fleet()


def test_the_commented_file_loads_uncommented_to_the_defaults() -> None:
    lines = TEMPLATE.read_text().splitlines()
    assert load_fleet("\n".join(map(uncommented, lines)), "provision.toml") == Fleet()


def test_each_key_of_the_commented_file_loads_alone() -> None:
    lines = TEMPLATE.read_text().splitlines()
    at = [number for number, line in enumerate(lines) if uncommented(line) != line]
    assert len(at) > 15
    for number in at:
        text = "\n".join([*lines[:number], uncommented(lines[number]), *lines[number + 1 :]])
        assert load_fleet(text, "provision.toml") == Fleet()


def test_the_commented_file_shows_every_key_with_a_comment_above() -> None:
    def keys(model: type[Strict], place: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found: set[tuple[str, ...]] = set()
        for name, known in model.model_fields.items():
            table = known.annotation
            if isinstance(table, type) and issubclass(table, Strict):
                found |= keys(table, (*place, name))
            else:
                found.add((*place, name))
        return found

    lines = TEMPLATE.read_text().splitlines()
    tree = tomllib.loads("\n".join(map(uncommented, lines)))
    shown: set[tuple[str, ...]] = {(name,) for name, value in tree.items() if not isinstance(value, dict)}
    shown |= {(name, key) for name, value in tree.items() if isinstance(value, dict) for key in value}
    assert shown == keys(Fleet) - {("override",), ("assign",), ("roster", "source"), ("roster", "teams")}
    for number, line in enumerate(lines):
        if uncommented(line) != line:
            assert lines[number - 1].startswith("# "), line


def test_the_examples_of_tables_load() -> None:
    text = TEMPLATE.read_text()
    begin = text.index("# The exports that tell")
    examples = [
        line.removeprefix("# ")
        for line in text[begin:].splitlines()
        if re.match(r'# ["\[a-z_]+.*(=|\]$)', line)
    ]
    fleet = load_fleet("\n".join(examples), "provision.toml", ["standard", "restricted"])
    assert fleet.override == (Override(team="finance", env="prod", profile="restricted"),)
    assert [source.preset for source in fleet.roster.source] == [
        "entra-users", "entra-group-members", "jamf-computers",
    ]  # fmt: skip
    assert fleet.roster.teams == {"Platform Engineering": "eng", "R&D*": "eng"}
    assert [rule.team for rule in fleet.assign] == ["pilot", From("department")]


@pytest.mark.parametrize(
    ("text", "flawed"),
    [
        ('mdm = ["jamf"]\nplatforms = ["windows"]', True),
        ('mdm = ["kandji", "intune"]\nplatforms = ["linux"]', True),
        ('mdm = ["intune"]\nplatforms = ["windows"]', False),
        ('mdm = ["jamf", "files"]\nplatforms = ["linux"]', False),
    ],
)
def test_a_fleet_that_would_get_nothing_is_refused(text: str, flawed: bool) -> None:
    if not flawed:
        load_fleet(text, "provision.toml")
        return
    with pytest.raises(InputError) as refused:
        load_fleet(text, "provision.toml")
    assert [problem.code for problem in refused.value.problems] == ["NOTHING_TO_MAKE"]


RULE = '[[assign]]\nteam = "a"\nenv = "b"\n'


@pytest.mark.parametrize(
    ("condition", "fix"),
    [
        ('kind = "devices"', 'did you mean "device"?'),
        ("kind = true", "known here: person, device, service"),
        ('platform = "mac"', 'did you mean "macos"?'),
        ('mdm = "inTune2"', 'did you mean "intune"?'),
        ('enrolment = "byod"', "known here: company, byod-device, byod-user"),
        ('enrolment = "*-phone"', "known here: company, byod-device, byod-user"),
        ('managed = "no"', "write true or false, without quotes"),
        ('managed = "maybe"', "write true or false, without quotes"),
        ('managed = [true, "*"]', "write true or false, without quotes"),
    ],
)
def test_a_condition_that_could_never_hold_is_refused(condition: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        load_fleet(f"{RULE}when = {{ {condition} }}", "provision.toml")
    [problem] = caught.value.problems
    name = condition.partition(" ")[0]
    assert (problem.row, problem.column, problem.code) == (4, f"assign[0].when.{name}", "BAD_VALUE")
    assert problem.fix == fix


@pytest.mark.parametrize(
    "condition",
    [
        'kind = ["PERSON", " device "]',
        'platform = ["*", "win*"]',
        'mdm = "JAMF"',
        'enrolment = "byod-*"',
        "managed = [true, false]",
        'name = "devices"',
    ],
)
def test_case_and_stars_are_no_typing_errors(condition: str) -> None:
    assert load_fleet(f"{RULE}when = {{ {condition} }}", "provision.toml").assign[0].when


def test_every_typing_error_of_a_list_is_told() -> None:
    text = f'{RULE}when = {{ kind = ["device", "persn", "servise"], mdm = "jmf" }}'
    assert problems(text) == [
        (4, "assign[0].when.kind", "BAD_VALUE"),
        (4, "assign[0].when.kind", "BAD_VALUE"),
        (4, "assign[0].when.mdm", "BAD_VALUE"),
    ]


@pytest.mark.parametrize(
    ("value", "code", "fix"),
    [
        ('"devcie"', "BAD_VALUE", 'did you mean "device"?'),
        ("true", "WRONG_TYPE", 'write "variable", "device", "none", or { pool = "vdi-east" }'),
        ("[]", "WRONG_TYPE", 'write "variable", "device", "none", or { pool = "vdi-east" }'),
        ('{ pol = "x" }', "BAD_VALUE", 'write { pool = "vdi-east" }'),
    ],
)
def test_a_wrong_attribution_is_one_problem(value: str, code: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        load_fleet(f"{RULE}attribution = {value}", "provision.toml")
    assert [(p.row, p.column, p.code, p.fix) for p in caught.value.problems] == [
        (4, "assign[0].attribution", code, fix)
    ]


@pytest.mark.parametrize(
    ("rule", "scope", "expected"),
    [
        ("when = { managed = false }", "team", ("assign[0]", "SHARED_KEY_UNMANAGED")),
        ("when = { managed = [false, false] }", "team", ("assign[0]", "SHARED_KEY_UNMANAGED")),
        ('when = { managed = false }\nkey = "team"', "person", ("assign[0]", "SHARED_KEY_UNMANAGED")),
        (
            'when = { managed = false }\nattribution = "device"',
            "person",
            ("assign[0]", "SHARED_KEY_UNMANAGED"),
        ),
        (
            'when = { managed = false }\nattribution = { pool = "x" }\nkey = "person"\nexpires = 2027-01-31',
            "team",
            ("assign[0]", "SHARED_KEY_UNMANAGED"),
        ),
        ("when = { managed = false }", "person", ("assign[0].expires", "MISSING_KEY")),
        ('when = { managed = false }\nkey = "person"', "team", ("assign[0].expires", "MISSING_KEY")),
        ('when = { managed = false }\nkey = "person"\nexpires = { column = "end" }', "team", None),
        ('when = { managed = false }\ngives = "skip"', "team", None),
        ("when = { managed = [true, false] }", "team", None),
        ("when = { managed = true }", "team", None),
    ],
)
def test_a_key_of_somebody_unmanaged_is_ones_own_and_ends(
    rule: str, scope: str, expected: tuple[str, str] | None
) -> None:
    text = f'[keys]\nscope = "{scope}"\n{RULE}{rule}'
    if expected is None:
        assert load_fleet(text, "provision.toml").assign[0].when
    else:
        assert problems(text) == [(3, *expected)]


@pytest.mark.parametrize(
    ("exclude", "code"),
    [
        ('{ kind = "service" }', "REFUSED_KEY"),
        ('{ Group = "AI-*" }', "REFUSED_KEY"),
        ('{ name = "x", enabled = false }', "REFUSED_KEY"),
        ('{ enabled = "no" }', "BAD_VALUE"),
        ('{ Enabled = ["*"] }', "BAD_VALUE"),
        ("{ department = [] }", "WRONG_TYPE"),
        ('"Guest"', "WRONG_TYPE"),
    ],
)
def test_an_exclusion_that_could_never_hold_is_refused(exclude: str, code: str) -> None:
    [(row, column, found)] = problems(f"[roster]\nexclude = {exclude}")
    assert (row, found) == (2, code)
    assert str(column).startswith("roster.exclude")


def test_exclusions_go_over_the_default_name_by_name() -> None:
    def exclude(text: str) -> Any:
        return load_fleet(f"[roster]\nexclude = {text}", "provision.toml").roster.exclude

    assert exclude('{ department = "Temp*" }') == Fleet().roster.exclude | {"department": ("Temp*",)}
    assert exclude('{ type = ["Guest", "External"] }') == {"enabled": (False,), "type": ("Guest", "External")}
    assert exclude("{ enabled = [], type = [] }") == {}
