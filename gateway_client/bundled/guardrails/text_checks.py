"""Checks on what is said: patterns, words, personal data. Pure, and bounded in time (T27).

One event loop serves everyone. So patterns are matched in time linear in the text (`routing.patterns`),
counted repetitions are limited because they multiply that time, and a text longer than `LONGEST` fails
a check unseen: what can't be looked at must not pass for harmless. Measured on a text of that length:
30 ms for all kinds of personal data, 130 ms for a hostile one; below 1 ms for an ordinary pattern, 300 ms
for the worst that can be saved.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from gateway_client.bundled.guardrails import pii
from gateway_client.bundled.guardrails.finding import Finding, Parameters
from gateway_client.bundled.routing import patterns

LONGEST = 200_000
"""Characters of a text that is looked at."""
TOO_LONG = Finding(passed=False, detail=f"the text is longer than {LONGEST} characters and was not looked at")
HEAVIEST = 300
"""What the counted repetitions of a pattern may come to, multiplied where one is in another."""

_PIECES = re.compile(
    r"""\\[pPxuU]\{[^}]*\} | \\.           # an escape
    | \[\^?\]?(?:\\.|[^\]\\])*\]           # a set
    | \{(?P<counts>[0-9, ]*[0-9][0-9, ]*)\}  # a counted repetition
    | .                                   # anything else""",
    re.VERBOSE | re.DOTALL,
)

Operator: TypeAlias = Literal["any", "all", "none"]


def checked_pattern(pattern: str) -> str:
    """Return a pattern that can be matched in bounded time. Raises ValueError."""
    problem = patterns.problem(pattern)
    if problem is None and len(pattern) > 1000:
        problem = "is longer than 1000 characters"
    if problem is None and _weight(pattern) > HEAVIEST:
        problem = f"repeats too much: counted repetitions may come to {HEAVIEST}, * and + are free"
    if problem is not None:
        raise ValueError(problem)
    return pattern


class RegexMatch(Parameters):
    """`default.regexMatch`: the pattern must occur in the text, or with `not` must not."""

    rule: Annotated[str, Field(min_length=1), AfterValidator(checked_pattern)]
    inverted: bool = Field(default=False, alias="not")

    def look(self, text: str) -> Finding:
        """Look at a text."""
        occurs = patterns.found(self.rule, text)
        return Finding(occurs != self.inverted, f"the pattern {'occurs' if occurs else 'does not occur'}")


class Contains(Parameters):
    """`default.contains`: words or phrases, upper and lower case told apart; `none` makes a deny-list."""

    words: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=500)]], Field(min_length=1, max_length=1000)
    ]
    operator: Operator

    def look(self, text: str) -> Finding:
        """Look at a text."""
        found = sum(word in text for word in self.words)
        return Finding(
            holds(self.operator, found, len(self.words)), f"{found} of {len(self.words)} words found"
        )


class Pii(Parameters):
    """`default.pii`: personal data that can be told by its form must not occur. Ours; see `pii`."""

    categories: Annotated[list[pii.Kind], Field(min_length=1)] = Field(default_factory=lambda: [*pii.KINDS])

    def look(self, text: str) -> Finding:
        """Look at a text."""
        found = pii.found(text, self.categories)
        if not found:
            return Finding(passed=True, detail="no personal data found")
        counts = ", ".join(f"{kind} {count}" for kind, count in found.items())
        return Finding(passed=False, detail=f"personal data found: {counts}")


TextCheck: TypeAlias = RegexMatch | Contains | Pii


def holds(operator: Operator, found: int, wanted: int) -> bool:
    """Tell whether enough of what is wanted was found."""
    return {"any": found > 0, "all": found == wanted, "none": found == 0}[operator]


def _weight(pattern: str) -> int:
    """Return about how many steps counted repetitions add to a valid pattern."""
    totals, last, plain = [0], 0, 0
    for match in _PIECES.finditer(pattern):
        if match["counts"] is not None:
            most = max(int(count) for count in match["counts"].replace(",", " ").split())
            totals[-1] += last * (most - 1)
        elif match[0] == "(":
            totals.append(0)
        else:
            last, plain = (totals.pop(), plain) if match[0] == ")" else (1, plain + 1)
            totals[-1] += last
    return totals[0] - plain
