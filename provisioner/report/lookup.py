"""Whom or what somebody means: an address or alias, a serial number, a device's name, an id. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from provisioner.assign.model import Verdict
from provisioner.errors import UsageError
from provisioner.report.columns import counted, plain

NEAREST_MAX = 5
NAMED_MAX = 10


def find(verdicts: tuple[Verdict, ...], who: str) -> Verdict:
    """Return the verdict over the one person, device or service that `who` names.

    Raises:
        UsageError: nobody and nothing is called so, or several are.
    """
    asked = _normal(who)
    found = [v for v in verdicts if asked in _spellings(v)]
    # An address stands with a person; a device repeats it only as its user's.
    exact = [v for v in found if _normal(v.id) == asked] or found
    if len(exact) == 1:
        return exact[0]
    if not found:
        raise UsageError(
            f"nobody and nothing in the roster is called {plain(who)}", hint=_near(verdicts, asked)
        )
    listed = "; ".join(f"{v.kind} {plain(v.id)} ({v.place})" for v in exact[:NAMED_MAX])
    more = f"; and {len(exact) - NAMED_MAX:,} more" if len(exact) > NAMED_MAX else ""
    raise UsageError(
        f"{plain(who)} can be one of {counted(len(exact), 'thing')}: {listed}{more}",
        hint="ask for one of them by its address, serial number or id",
    )


def _spellings(verdict: Verdict) -> set[str]:
    return {_normal(text) for text in _as_written(verdict)}


def _as_written(verdict: Verdict) -> Iterator[str]:
    yield verdict.id
    if verdict.kind == "person" and (person := verdict.person):
        yield from (person.identity, *person.aliases)
        yield from (text for text in (person.name, person.directory_id) if text)
    if verdict.kind == "device" and (device := verdict.device):
        named = (device.serial, device.name, device.mdm_id, device.directory_id)
        yield from (text for text in named if text)
        if device.mdm and device.mdm_id:
            yield f"{device.mdm}:{device.mdm_id}"


def _near(verdicts: tuple[Verdict, ...], asked: str) -> str:
    """Return what is spelled most alike, as the files spell it."""
    known: dict[str, str] = {}
    for text in (text for v in verdicts for text in _as_written(v)):
        known.setdefault(_normal(text), text)
        known.setdefault(_normal(text).partition("@")[0], text)
    near = [text for text in known if len(asked) > 2 and text.startswith(asked)][:NEAREST_MAX]
    near = near or difflib.get_close_matches(asked, known, NEAREST_MAX, 0.7)
    if not near:
        return "ask by address, alias, serial number, device name, MDM id, directory id or svc:name"
    return f"the nearest: {', '.join(dict.fromkeys(plain(known[text]) for text in near))}"


def _normal(text: str) -> str:
    """Return how spellings are compared: any case, without what surrounds a pasted address."""
    return text.strip().removeprefix("mailto:").strip("<> ").casefold()
