"""People's TOML files, read strictly: every problem at once, with file, line, path and a way out. Pure.

`load` goes from text to a model's value. Where several files make one value (`policy.load`), the
steps are used apart: `read` a file, find the `Flaw`s of a tree, tie each to its `Source`.
No value of a wrong type is ever repeated in a message: it may be a key pasted into the wrong place.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from provisioner import naming, toml_lines
from provisioner.errors import InputError, Problem
from provisioner.toml_lines import KeyPath

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

Refused = Mapping[str, tuple[str, str]]
"""Keys that people may well write in a place, with what is wrong about each and the way out."""

Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in the file, a tuple in the value; the items stay strict."""

DEPTH_MAX = 40
"""Tables and lists inside one another; real files need about ten."""


class Strict(BaseModel):
    """A table of a people's file: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    REFUSED: ClassVar[Refused] = {}


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong at one place of a tree, not yet tied to a file."""

    path: KeyPath
    code: str
    message: str
    fix: str
    value: str | int | float | None = None
    """What is shown of the input; leave it out wherever it might be a secret."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, parsed, with the line of each of its keys."""

    file: str
    tree: Mapping[str, Any]
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    def problems(self, flaws: Iterable[Flaw]) -> list[Problem]:
        """Return the flaws as problems of this file, in order of their lines."""
        return sorted(map(self.problem, flaws), key=lambda problem: problem.row or 0)

    def problem(self, flaw: Flaw) -> Problem:
        """Return the flaw as a problem of this file, at the line of the nearest key that has one."""
        above = (flaw.path[:end] for end in range(len(flaw.path), 0, -1))
        row = next((self.lines[path] for path in above if path in self.lines), None)
        value = None if flaw.value is None else naming.shown(str(flaw.value))
        return Problem(self.file, row, dotted(flaw.path) or None, flaw.code, flaw.message, flaw.fix, value)


def load(model: type[M], text: str, file: str, cross: Callable[[M], Iterable[Flaw]] = lambda _value: ()) -> M:
    """Return the model's value from TOML text; raises `InputError` with every problem of the file.

    `cross` looks at what single keys can't show. It runs even when keys are wrong, on the rest of
    the file, so that one run tells everything.
    """
    source = read(text, file)
    value, flaws = check(model, source.tree, cross)
    if value is None or flaws:
        raise InputError(source.problems(flaws))
    return value


def read(text: str, file: str) -> Source:
    """Return the parsed text; raises `InputError` with the one problem at which TOML stops."""
    text = text.removeprefix("\ufeff")  # Windows editors put it there
    try:
        tree = tomllib.loads(text)
        if _depth(tree) > DEPTH_MAX:
            raise RecursionError
        return Source(file, tree, toml_lines.of(text))
    except (ValueError, RecursionError) as error:  # ValueError: TOML's own error, or 5,000 digits
        message, row = _syntax(error, text)
    raise InputError([Problem(file, row, None, "TOML_SYNTAX", message, "see https://toml.io")])


def check(
    model: type[M], tree: Mapping[str, Any], cross: Callable[[M], Iterable[Flaw]] = lambda _value: ()
) -> tuple[M | None, list[Flaw]]:
    """Return the model's value, or None, and all flaws of the tree, in order of finding."""
    value, flaws = _validate(model, tree)
    rest = value if value is not None else _validate(model, pruned(tree, flaws))[0]
    if rest is not None:
        flaws += unrelated(cross(rest), flaws)
    return value, flaws


def unrelated(later: Iterable[Flaw], first: Iterable[Flaw]) -> list[Flaw]:
    """Return the later flaws without those at, above or below the places of the first ones."""
    places = [flaw.path for flaw in first]
    return [f for f in later if not any(f.path[: len(p)] == p[: len(f.path)] for p in places)]


def pruned(tree: Mapping[str, Any], flaws: Iterable[Flaw]) -> dict[str, Any]:
    """Return the tree without what is flawed; a list with a flawed item goes as a whole."""
    places = {_above_lists(flaw.path) for flaw in flaws}

    def rest(table: Mapping[str, Any], at: KeyPath) -> dict[str, Any]:
        return {
            name: rest(value, (*at, name)) if isinstance(value, dict) else value
            for name, value in table.items()
            if (*at, name) not in places
        }

    return rest(tree, ())


def wrong(code: str, message: str, fix: str, value: str | int | float | None = None) -> PydanticCustomError:
    """Return the error that a field's validator raises; it becomes a `Flaw` with these words."""
    # The words travel as context: pydantic would read braces in a template as its own.
    words = {"code": code, "message": message, "fix": fix, "value": value}
    return PydanticCustomError("flaw", "refused", words)


def unknown_key(path: KeyPath, known: Iterable[str]) -> Flaw:
    """Return the flaw of a key that nobody reads, with the nearest known one."""
    return Flaw(path, "UNKNOWN_KEY", "unknown key", suggestion(str(path[-1]), known))


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return the "did you mean" of a misspelt word, or the known words where none is near."""
    options = list(known)
    near = difflib.get_close_matches(word.casefold(), options, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known here: {', '.join(options)}" if options else "nothing can stand here"


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: `routing.targets[0].weight`, odd names in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else naming.shown(part))
    return text


def unfit(value: object, path: KeyPath, floats: bool = False) -> Iterator[Flaw]:
    """Yield what in a free tree can't go into JSON and plists alike: dates, fractions, control characters.

    `floats` lets finite fractions pass, for trees that become JSON only.
    """
    match value:
        case bool():
            return
        case str():
            if _UNFIT_CHARACTER.search(value):
                yield Flaw(path, "BAD_CHARACTER", "has a control character", "write printable text")
        case int():
            if abs(value) >= 2**53:
                yield Flaw(path, "BAD_VALUE", "is beyond what clients count to", "write a smaller number")
        case float() if floats and math.isfinite(value):
            return
        case dict():
            for name, item in value.items():
                yield from unfit(name, (*path, name))
                yield from unfit(item, (*path, name), floats)
        case list():
            for position, item in enumerate(value):
                yield from unfit(item, (*path, position), floats)
        case _:
            fix = "write text, a whole number, true or false, a list or a table"
            yield Flaw(path, "WRONG_TYPE", f"is {_kind(value)}, which can't stand here", fix)


# What XML 1.0 can't hold, and the carriage return, which XML readers turn into a line break.
_UNFIT_CHARACTER = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
_RANGES = {
    "greater_than_equal": ("ge", "write {} or more"),
    "less_than_equal": ("le", "write {} or less"),
    "greater_than": ("gt", "write more than {}"),
    "finite_number": ("", "write an ordinary number"),
}


def _validate(model: type[M], tree: Mapping[str, Any]) -> tuple[M | None, list[Flaw]]:
    try:
        return model.model_validate(tree), []
    except ValidationError as error:
        return None, [_flaw(model, details) for details in error.errors(include_url=False)]


def _flaw(model: type[BaseModel], error: ErrorDetails) -> Flaw:
    path, context, given = error["loc"], error.get("ctx", {}), error["input"]
    match error["type"]:
        case "flaw":
            return Flaw(path, **context)
        case "extra_forbidden":
            return _extra(_model_at(model, path[:-1]), path)
        case "missing":
            return Flaw(path, "MISSING_KEY", "is missing", "add it")
        case kind if kind in _EXPECTED:
            message = f"should be {_EXPECTED[kind]}, is {_kind(given)}"
            return Flaw(path, "WRONG_TYPE", message, f"write {_EXPECTED[kind]}")
        case "literal_error":
            if not isinstance(given, str):
                return Flaw(path, "WRONG_TYPE", f"should be text, is {_kind(given)}", "write text")
            known = re.findall(r"'([^']*)'", str(context["expected"]))
            return Flaw(path, "BAD_VALUE", "is not a known value", suggestion(given, known), given)
        case kind if kind in _RANGES:
            bound, words = _RANGES[kind]
            fix = words.format(str(context.get(bound)).removesuffix(".0"))
            return Flaw(path, "BAD_VALUE", "is out of range", fix, given)
        case _:  # pydantic's own words
            return Flaw(path, "BAD_VALUE", error["msg"].lower(), "write what it asks for")


def _extra(model: type[Strict] | None, path: KeyPath) -> Flaw:
    if model is None:
        return unknown_key(path, ())
    if refused := model.REFUSED.get(str(path[-1])):
        return Flaw(path, "REFUSED_KEY", *refused)
    return unknown_key(path, model.model_fields)


def _model_at(model: Any, path: KeyPath) -> type[Strict] | None:
    for part in path:
        if isinstance(part, str):
            known = model.model_fields.get(part) if model else None
            model = _model_in(known.annotation) if known else None
    return model if model and issubclass(model, Strict) else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _model_in(arg))), None)


def _kind(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return "a date or time"


def _above_lists(path: KeyPath) -> KeyPath:
    end = next((at for at, part in enumerate(path) if isinstance(part, int)), len(path))
    return path[:end]


def _depth(tree: dict[str, Any]) -> int:
    level: list[dict[str, Any] | list[Any]] = [tree]
    depth = 0
    while level:
        tables = [item.values() if isinstance(item, dict) else item for item in level]
        level = [inner for items in tables for inner in items if isinstance(inner, dict | list)]
        depth += 1
    return depth


def _syntax(error: Exception, text: str) -> tuple[str, int | None]:
    if isinstance(error, RecursionError):
        return "is nested too deeply", None
    told = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
    if told is None:
        return "not TOML: has a number that is too long", None
    row = int(told[2]) if told[2] else text.rstrip().count("\n") + 1
    return f"not TOML: {told[1][:1].lower()}{told[1][1:]}", row
