"""The main job as one driver: load, observe, plan, check, execute, prove, deliver, record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway_client.contract import DataPlane, Listing
from provisioner import deliver, digest, files, mint
from provisioner.assign import Assignment
from provisioner.deliver import Prepared, Press
from provisioner.errors import PlanRefused, UsageError
from provisioner.fleet import fleet_digest
from provisioner.ledger.model import Applied, Snapshot
from provisioner.mint import Bench
from provisioner.plan import build, consoles, counts, paper, renamed
from provisioner.plan.model import Inputs, Plan
from provisioner.project import Project
from provisioner.render.templates import Templates

MASS_PERCENT = 10
"""Past this share of the live keys a revocation needs its number typed in (T11)."""


@dataclass(frozen=True, slots=True)
class Made:
    """A plan and what it was made from."""

    plan: Plan
    snapshot: Snapshot
    seen: Listing


@dataclass(frozen=True, slots=True)
class Result:
    """What an apply came to, at the gateway and in the output folder; paths are below that."""

    plan: Plan
    minted: mint.Outcome
    prepared: Prepared
    written: tuple[str, ...]
    removed: tuple[str, ...]
    former_out: str | None
    """Another folder that the last run wrote to; its files hold keys and stay."""


def make_plan(project: Project, bench: Bench, *, prune: bool) -> Made:
    """Look at ledger and gateway and return what is to be done; changes nothing."""
    snapshot = bench.ledger.snapshot()
    mint.confirm_place(snapshot, bench.place)
    want = build.wanted(project.assignments)
    seen = mint.observe(bench.gateway, frozenset(want.configs) | frozenset(snapshot.configs))
    same = renamed.successors(snapshot.keys, want.keys, project.roster.people)
    actions, leavers = build.actions(want, snapshot, seen, bench.ledger.sealed_ids(), prune=prune, same=same)
    live = {k.id for k in seen.keys}
    plan = Plan(
        gateway=bench.gateway.url,
        roster_file=project.roster.file,
        inputs=Inputs(
            roster=project.roster.digest,
            fleet=fleet_digest(project.fleet),
            profiles=project.policies_digest,
            ledger=snapshot.head,
            gateway=mint.listing_digest(seen),
        ),
        actions=actions,
        leavers=leavers,
        second_matches=counts.second_matches(project.coverage.verdicts),
        expired=tuple(e.email for e in project.roster.expired),
        live_keys=sum(record.id in live for record in snapshot.keys.values()),
        prune=prune,
        counts=counts.count(project.roster, project.coverage),
        consoles=consoles.consoles(project.assignments, project.fleet),
    )
    return Made(plan, snapshot, seen)


def read_plan(data: bytes, bench: Bench) -> Plan:
    """Return the plan of a file that this vault's owner made."""
    return paper.read(data, bench.vault.mac)


def confirm_stale(plan: Plan, now: Plan) -> None:
    """Refuse a plan when anything that it was made from is different now.

    Raises:
        PlanRefused: naming what changed.
    """
    changed = plan.inputs.changed(now.inputs)
    if plan.gateway != now.gateway:
        changed = ("gateway address", *changed)
    if changed:
        raise PlanRefused(
            f"the plan is stale: {', '.join(changed)} changed since it was made; nothing was changed",
            hint="make a new plan: provision plan --roster FILE -o plan.json",
        )
    if plan.actions != now.actions:
        raise PlanRefused(
            "the plan is stale: a date has come, and other things are to be done; nothing was changed",
            hint="make a new plan: provision plan --roster FILE -o plan.json",
        )


def guard_revocations(plan: Plan, max_revoke: int | None, ask: Callable[[str], str] | None) -> None:
    """Stop a mass revocation that nobody meant (T11).

    Args:
        plan: the plan about to be carried out.
        max_revoke: the number that a CI job allows.
        ask: asks a person and returns what was typed; None when nobody is there.

    Raises:
        UsageError: more than allowed, or the number was not typed in.
    """
    count, live = plan.revocations, plan.live_keys
    if max_revoke is not None:
        if count > max_revoke:
            raise UsageError(
                f"the plan revokes {count} of {live} live keys, --max-revoke allows {max_revoke}; "
                "nothing was changed",
                hint="check that the roster is complete; then allow the number",
            )
        return
    if count * 100 <= live * MASS_PERCENT:
        return
    told = f"the plan revokes {count} of {live} live keys, more than {MASS_PERCENT} %"
    if ask is None:
        raise UsageError(
            f"{told}; nothing was changed",
            hint=f"check that the roster is complete; then run with --max-revoke {count}",
        )
    if ask(f"{told}. Type the number of keys to revoke").strip() != str(count):
        raise UsageError(f"{told}, and that number was not typed in; nothing was changed")


@dataclass(frozen=True, slots=True)
class Rollout:
    """One apply: what it works with."""

    project: Project
    bench: Bench
    templates: Templates
    base_url: str
    out: Path
    data_plane: DataPlane | None
    """Proves new keys; None for the bundled gateway, which answers with an echo."""

    def apply(self, made: Made) -> Result:
        """Carry out a plan, then bring the output folder to what the ledger now says.

        The delivery is recorded before it is written, so that no file of ours is ever unknown.
        """
        ledger = self.bench.ledger
        press = self._press(made.snapshot)
        files.refuse_leaky(self.out, press.rehearse(self.project.coverage, self._rehearsed()))
        minted = mint.execute(made.plan, self.bench, made.snapshot, made.seen)
        want = build.wanted(self.project.assignments)
        if self.data_plane is not None:
            mint.prove(want.keys.values(), self.bench, self.data_plane)
        snapshot = ledger.snapshot()
        prepared = press.prepare(self.project.coverage, snapshot, self.out)
        if (delivered := prepared.folder.since(snapshot.folder)) is not None:
            ledger.append(self.bench.at(), delivered)
        written = deliver.write(prepared, self.out)
        removed = deliver.remove_leftovers(ledger.deliveries(), prepared.folder, self.out)
        applied = self._applied(made.plan, tuple(want.keys), press.organization_uuid)
        if applied != snapshot.applied:
            ledger.append(self.bench.at(), applied)
        former = snapshot.folder.out if snapshot.folder else prepared.folder.out
        former_out = None if former == prepared.folder.out else former
        return Result(made.plan, minted, prepared, written, removed, former_out)

    def _rehearsed(self) -> tuple[Assignment, ...]:
        """Return one assignment per policy and channel; in a git work tree all, as git can ignore some."""
        every = tuple(a for a in self.project.assignments if a.members)
        if files.work_tree(self.out) is not None:
            return every
        return tuple({(a.policy.name, a.channel): a for a in reversed(every)}.values())

    def _press(self, snapshot: Snapshot) -> Press:
        return Press(
            self.project.fleet,
            self.base_url,
            organization_uuid(self.project, snapshot),
            self.project.domains,
            self.templates,
            self.bench.vault,
        )

    def _applied(self, plan: Plan, wanted: tuple[str, ...], organization: str) -> Applied:
        return Applied(
            roster_file=str(Path(plan.roster_file).resolve()),
            roster=plan.inputs.roster,
            fleet=plan.inputs.fleet,
            profiles=plan.inputs.profiles,
            gateway=self.bench.place,
            wanted=wanted,
            organization_uuid=organization,
        )


def organization_uuid(project: Project, snapshot: Snapshot) -> str:
    """Return Claude Desktop's organisation id: the fleet file's, the one applied before, or the tenant's.

    It is derived from the tenant once; changing it orphans people's local sessions
    (facts/claude-desktop.md 2).
    """
    if given := project.fleet.claude_desktop.organization_uuid:
        return given
    if snapshot.applied is not None:
        return snapshot.applied.organization_uuid
    return digest.stable_uuid("organization", project.roster.tenant).lower()
