"""From what the drivers did to what the report tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from provisioner.project import Project
from provisioner.render import floor
from provisioner.render.standing import standings
from provisioner.report.outcome import Failure, RunSummary, Tally, lines
from provisioner.rollout import Result

BUNDLED_NOTICE = (
    "this is the bundled gateway, for a pilot on this machine: serve it with `provision gateway serve`; "
    "it answers with an echo until an upstream is configured"
)

ALL_CLOSED_SINCE = "2.1.285"
"""From here on `allowedProviders` stops the ways around the gateway that empty variables don't."""
FLOOR_NOTICE = (
    f"no lowest Claude Code version of {ALL_CLOSED_SINCE} or newer is set ([claude_code] minimum_version): "
    "older clients can be sent around the gateway by whoever sits at the device"
)


def of(result: Result, project: Project, out: Path, *, bundled: bool) -> RunSummary:
    """Return the summary of a run."""
    minted, plan = result.minted, result.plan
    done = Counter(action.kind for action in minted.done)
    kept = Counter(action.kind for action in plan.actions)
    failures = [Failure(b.name, b.why, b.fix) for b in plan.blocked]
    failures += minted.failures
    if minted.left:
        failures.append(
            Failure(
                f"{minted.left} more actions",
                "not begun, for the reason above",
                "mend that, then run the same command again",
            )
        )
    return RunSummary(
        nothing=not (minted.done or minted.failures or result.written or result.removed),
        gateway=plan.gateway,
        out=str(out),
        configs=Tally(
            created=done["create-config"] + done["adopt-config"],
            updated=done["update-config"],
            kept=kept["keep-config"],
        ),
        keys=Tally(
            created=done["mint-key"] + done["adopt-key"],
            updated=done["update-key"],
            rotated=done["rotate-key"] + done["adopt-rotation"],
            kept=kept["keep-key"],
            revoked=done["revoke-key"] + done["discard-key"],
        ),
        files=len(result.prepared.folder.files),
        written=len(result.written),
        removed=result.removed,
        lines=lines(standings(project.assignments, result.prepared.bundle)),
        failures=tuple(failures),
        not_covered=Counter(v.kind for v in project.coverage.verdicts if v.status == "not-covered"),
        notices=tuple(
            _notices(result.former_out, project.fleet.claude_code.minimum_version, bundled=bundled)
        ),
    )


def _notices(former_out: str | None, claude_code_floor: str | None, *, bundled: bool) -> Iterator[str]:
    if former_out is not None:
        yield f"the last run wrote to {former_out}: its files hold keys; remove them when nobody needs them"
    if bundled:
        yield BUNDLED_NOTICE
    elif not floor.reaches(claude_code_floor, ALL_CLOSED_SINCE):
        yield FLOOR_NOTICE


def partly(summary: RunSummary) -> bool:
    """Whether something was left undone: a failure, or an assignment that can't be uploaded."""
    return bool(summary.failures) or any(line.state in ("HOLD", "no key") for line in summary.lines)
