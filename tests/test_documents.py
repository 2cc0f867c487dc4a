"""The documents against the program: what can be typed, set or come back is told, and what is told exists."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel

import gateway_client.bundled.errors
import gateway_client.errors
import provisioner.errors
from provisioner import assets
from provisioner.assign.model import Reason
from provisioner.cli.main import provision
from provisioner.drift.model import Code, Layer
from provisioner.fleet import Fleet, load_fleet
from provisioner.plan.model import Action
from provisioner.policy.load import resolve
from provisioner.policy.profile import Profile
from provisioner.policy.routing import Route, Target
from provisioner.render.reasons import MEANING, next_step
from provisioner.render.standing import State
from provisioner.roster.model import NoteCode

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.rglob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
SOURCES = (
    *(
        "README.md",
        "CHANGELOG.md",
        "Makefile",
        "pyproject.toml",
        "requirements-dev.lock",
        ".ci",
        "docs",
        "examples",
    ),
    *("benchmarks", "provisioner", "gateway_client", "templates", "profiles", "tests"),
)
SHARED = {"--fleet", "--profiles", "--state", "--out", "--format", "--pseudonymise"}


def section(text: str, title: str) -> str:
    """Return what stands under a heading, up to the next one of its rank or above."""
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found, f"no heading {title}"
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row, without the tables' heads."""
    bodies = re.findall(r"^\|-.*\n((?:\|.*\n)*)", text, re.MULTILINE)
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for body in bodies
        for line in body.splitlines()
    ]


def named(cell: str) -> list[str]:
    """Return what stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def first_column(text: str) -> list[str]:
    """Return what the first cells of a section's tables name."""
    return [name for row in rows(text) for name in named(row[0])]


# Commands and options


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS: dict[tuple[str, ...], click.Command] = {("provision",): provision} | dict(
    commands(provision, ("provision",))
)


def options(command: click.Command) -> set[str]:
    found = {opt for p in command.params if isinstance(p, click.Option) for opt in p.opts}
    return found - {"--version"}


@pytest.mark.parametrize("path", sorted(COMMANDS), ids=" ".join)
def test_every_command_is_told_with_exactly_its_options(path: tuple[str, ...]) -> None:
    text = section(REFERENCE, f"`{' '.join(path)}`")
    told = {name for name in first_column(text) if name.startswith("-")}
    if re.search(r"Takes the\s+shared\s+options", text):
        assert not told & SHARED
        told |= SHARED
    assert told == options(COMMANDS[path])


def test_no_command_is_told_that_does_not_exist() -> None:
    told = re.findall(r"^### `(provision[^`]*)`$", REFERENCE, re.MULTILINE)
    assert sorted(told) == sorted(" ".join(path) for path in COMMANDS)
    assert set(first_column(section(REFERENCE, "Shared options"))) == SHARED


def typed() -> list[str]:
    """Return every line of the documents' shell blocks that calls the tool."""
    blocks = [
        b
        for page in PAGES
        for b in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    parts = [part.strip() for block in blocks for line in block.splitlines() for part in line.split("&&")]
    return [part for part in parts if re.match(r"(\.venv/bin/)?provision ", part)]


@pytest.mark.parametrize("line", typed())
def test_what_the_documents_say_to_type_can_be_typed(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command = provision
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words.pop(0))
        assert found is not None
        command = found
    command.make_context("provision", words)  # raises for an option or argument that is wrong


# Codes and errors


def test_the_exit_codes_are_those_of_the_program_and_of_the_readme() -> None:
    told = rows(section(REFERENCE, "Exit codes"))
    assert told == rows(section(README, "Exit codes"))
    known = {value for name, value in vars(provisioner.errors).items() if name.startswith("EXIT_")}
    assert sorted(int(row[0]) for row in told) == sorted(known)


def test_every_error_is_told_with_its_exit_code() -> None:
    ours = {
        name: thing.exit_code
        for name, thing in vars(provisioner.errors).items()
        if isinstance(thing, type) and issubclass(thing, provisioner.errors.ProvisionError)
    }
    theirs = {
        name: 2 if name == "BindRefused" else 1  # `cli` tells them as failures, that one as usage
        for module in (gateway_client.errors, gateway_client.bundled.errors)
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, Exception)
    }
    told = {named(row[0])[0]: int(row[1]) for row in rows(section(REFERENCE, "Errors"))}
    assert told == ours | theirs


def codes(*places: str) -> tuple[set[str], set[str]]:
    """Return the problem codes in some modules, and the endings of those made from a field's name.

    A code is a constant in capitals that is given to `Flaw`, `Problem` or `wrong`, straight or by a
    choice or a returned pair.
    """
    found: set[str] = set()
    endings: set[str] = set()
    for path in (p for place in places for p in _modules(ROOT / "provisioner" / place)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for part in _candidates(node):
                if isinstance(part, ast.Constant) and re.fullmatch(r"[A-Z]+(_[A-Z]+)*", str(part.value)):
                    found.add(str(part.value))
                elif isinstance(part, ast.JoinedStr) and isinstance(part.values[-1], ast.Constant):
                    ending = str(part.values[-1].value)
                    endings |= {ending} if re.fullmatch(r"(_[A-Z]+)+", ending) else set()
    return found, endings


def _modules(place: Path) -> list[Path]:
    return [place] if place.is_file() else sorted(place.glob("*.py"))


def _candidates(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="Flaw" | "Problem" | "wrong"), args=args):
            return args
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.Return(value=ast.Tuple(elts=[first, *_])):
            return [first]
    return []


def test_every_roster_problem_is_told_and_no_other() -> None:
    found, endings = codes("roster")
    assert endings == {"_MISSING", "_NO_SLUG", "_TOO_LONG", "_RESERVED", "_COLLISION"}
    found |= {field + ending for field in ("TEAM", "ENV") for ending in endings}
    # A tenant may be missing, and nothing is compared with it in this way.
    found |= {"TENANT" + ending for ending in endings - {"_MISSING", "_COLLISION"}}
    assert sorted(first_column(section(REFERENCE, "Roster problems"))) == sorted(found)


def test_every_problem_of_fleet_file_and_profiles_is_told_and_no_other() -> None:
    found, endings = codes("fleet", "strict.py", "spelling.py", "project.py", "sources.py", "policy")
    assert not endings
    told = first_column(section(REFERENCE, "Problems in the fleet file and in profiles"))
    assert sorted(told) == sorted(found)


def test_every_problem_in_who_gets_what_is_told_and_no_other() -> None:
    found, endings = codes("assign")
    assert not endings
    assert sorted(first_column(section(REFERENCE, "Problems in who gets what"))) == sorted(found)


def test_every_reason_is_told_with_its_meaning_and_next_step() -> None:
    told = rows(section(REFERENCE, "Reasons in not-covered.csv").replace("`", ""))
    assert told == [[reason, MEANING[reason], next_step(reason)] for reason in get_args(Reason)]


def test_every_note_of_a_roster_is_told_and_no_other() -> None:
    check = section(REFERENCE, "`provision roster check`")
    assert first_column(check) == list(get_args(NoteCode))


def test_drift_actions_states_and_kinds_are_told() -> None:
    drift = rows(section(REFERENCE, "Drift codes"))
    assert sorted(named(row[0])[0] for row in drift) == sorted(get_args(Code))
    assert {layer for row in drift for layer in row[1].split(", ")} == set(get_args(Layer))
    union, _discriminator = get_args(Action)
    kinds = {field.default for action in get_args(union) for field in fields(action) if field.name == "kind"}
    assert set(first_column(section(REFERENCE, "Actions of a plan"))) == kinds
    assert first_column(section(REFERENCE, "States of an assignment")) == list(get_args(State))
    reports = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "provisioner/report").glob("*.py"))
    assert set(first_column(section(REFERENCE, "JSON"))) == set(re.findall(r'"kind": "(\w+)"', reports))


def test_every_template_is_told() -> None:
    shipped = set(assets.template_texts()) | {"provision.toml"}
    assert set(first_column(section(REFERENCE, "Templates"))) == shipped


# Keys


def keys(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield each key of a people's file, dotted, with its default as the documents write it."""
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        default = field.get_default(call_default_factory=True)
        if field.is_required():
            told = "required"
        elif default is None:
            told = "not set"
        else:
            told = f"`{json.dumps(default, default=lambda _table: None)}`"
        if not (isinstance(default, BaseModel) and inner):  # a table that is always there
            yield ".".join((*path, name)), told
        if inner and inner is not Target:
            yield from keys(inner, (*path, name))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def told_keys(page: str) -> dict[str, str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return {named(row[0])[0]: row[1] for row in rows(section(text, "Keys"))}


def test_every_key_of_the_fleet_file_is_told_with_its_default() -> None:
    assert told_keys("fleet-file.md") == dict(keys(Fleet))


def test_every_key_of_a_profile_is_told_with_its_default() -> None:
    Route.model_rebuild()
    own = {
        f"routing.targets.{name}": "not set" for name in set(Target.model_fields) - set(Route.model_fields)
    }
    assert told_keys("profiles.md") == dict(keys(Profile)) | own


def examples(page: str) -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def first_line(text: str) -> str:
    return text.splitlines()[0]


@pytest.mark.parametrize("text", examples("fleet-file.md"), ids=first_line)
def test_the_examples_of_fleet_files_load(text: str) -> None:
    assert load_fleet(text, "provision.toml", assets.profile_texts()) != Fleet()


@pytest.mark.parametrize("text", examples("profiles.md"), ids=first_line)
def test_the_examples_of_profiles_resolve(text: str) -> None:
    sources = assets.profile_texts()
    assert resolve("own", {**sources, "own": text}).policy != resolve("standard", sources).policy


# Security


def test_the_threats_that_are_called_covered_have_tests() -> None:
    told = rows(section((DOCS / "security.md").read_text(encoding="utf-8"), "Threats"))
    assert [row[0] for row in told] == [f"T{number}" for number in range(1, 37)]
    marks = re.compile(r"mark\.covers\(([^)]*)\)")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    tested = {name for mark in marks.findall(tests) for name in re.findall(r'"(T\d+)"', mark)}
    assert {row[2] for row in told} == {"yes", "partly", "no"}
    assert sorted(row[0] for row in told if row[2] != "no") == sorted(tested)


# The project as a whole


def test_links_within_the_project_lead_somewhere() -> None:
    dead = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"https?:", target):
                continue
            file, _, anchor = target.partition("#")
            place = (page.parent / file).resolve() if file else page
            if not place.exists() or (anchor and anchor not in anchors(place)):
                dead.append(f"{page.relative_to(ROOT)}: {target}")
    assert dead == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_of_the_docs_is_linked_from_the_readme_or_from_one_that_is() -> None:
    reached, coming = set[Path](), [ROOT / "README.md"]
    while coming:
        page = coming.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            place = (page.parent / target).resolve()
            if not re.match(r"https?:", target) and place.exists():
                coming += sorted(place.glob("*.md")) if place.is_dir() else [place]
    assert sorted(str(p.relative_to(ROOT)) for p in set(PAGES) - reached) == []


@pytest.mark.parametrize("name", ["main", "test"])
def test_the_readme_has_the_two_marked_commands(name: str) -> None:
    [block] = re.findall(rf"^<!-- command: {name} -->\n```sh\n(.*?)```", README, re.MULTILINE | re.DOTALL)
    said = {"main": "provision --roster examples/org.csv", "test": "-c requirements-dev.lock -e '.[dev]'"}
    assert said[name] in block


def test_changelog_and_pyproject_agree_on_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [h for h in headings if h != "Unreleased"]
    assert headings
    assert released == [] or released[0].split()[0].strip("[]") == version


def test_the_lock_pins_exact_versions_and_nothing_else() -> None:
    lines = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+]*", line)] == []
    pinned = {re.sub(r"[._-]+", "-", line.partition("==")[0]).lower() for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.sub(r"[._-]+", "-", re.split(r"[<>=!~\[; ]", text)[0]).lower() for text in asked}
    assert names - pinned == set()
    assert not pinned & {"pip", "setuptools", "wheel", "provision"}


def test_nothing_tells_of_the_machine_that_it_was_written_on() -> None:
    home = re.compile(r"(?<![\w.~$/-])/(?:home|Users|root|work)/\w")
    hosts = re.compile("|".join((r"pypi\.", r"pythonhosted\.", r"npmjs\.")))
    told = []
    for place in SOURCES:
        root = ROOT / place
        for path in [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file()):
            if path.suffix == ".pyc" or path == Path(__file__):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            told += [
                f"{path.relative_to(ROOT)}: {f[0]}" for r in (home, hosts) for f in [r.search(text)] if f
            ]
    assert told == []
