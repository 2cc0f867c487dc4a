"""`provision --roster FILE`, and what it shares with `plan` and `apply`."""

from __future__ import annotations

from pathlib import Path

from provisioner import assets, files, project, rollout
from provisioner.cli import context, output, summary
from provisioner.cli.options import Setup
from provisioner.errors import EXIT_DONE, EXIT_PARTLY, PlanRefused, UsageError
from provisioner.plan.model import Plan
from provisioner.render.templates import Templates
from provisioner.report import outcome as outcome_report
from provisioner.report import plan as plan_report


def main_job(*, roster: Path, setup: Setup, yes: bool, prune: bool, max_revoke: int | None) -> int:
    """Plan and apply in one; with a real gateway the plan is shown and asked for."""
    loaded = context.load(setup, roster)
    files.refuse_leaky(setup.out)
    with context.desk(setup, loaded.fleet) as desk:
        made = rollout.make_plan(loaded, desk.bench, prune=prune)
        guard(made.plan, max_revoke)
        if desk.connected.real and made.plan.changes and not yes:
            _ask(made.plan)
        return carry_out(made, loaded, desk, setup)


def apply_plan(*, plan_file: Path, setup: Setup, max_revoke: int | None) -> int:
    """Carry out a plan made earlier, if nothing that it was made from has changed."""
    data = project.read_bytes(plan_file)
    fleet = project.fleet_of(setup.fleet)
    files.refuse_leaky(setup.out)
    with context.desk(setup, fleet) as desk:
        plan = rollout.read_plan(data, desk.bench)
        loaded = context.load(setup, Path(plan.roster_file))
        made = rollout.make_plan(loaded, desk.bench, prune=plan.prune)
        rollout.confirm_stale(plan, made.plan)
        guard(made.plan, max_revoke)
        return carry_out(made, loaded, desk, setup)


def guard(plan: Plan, max_revoke: int | None) -> None:
    """Stop a mass revocation that nobody meant."""

    def ask(question: str) -> str:
        output.say("this is the plan:\n" + plan_report.text(plan, output.width()))
        return output.ask(question)

    rollout.guard_revocations(plan, max_revoke, ask if output.somebody_is_there() else None)


def carry_out(made: rollout.Made, loaded: project.Project, desk: context.Desk, setup: Setup) -> int:
    """Apply, print what was done, and return the exit code."""
    result = rollout.Rollout(
        project=loaded,
        bench=desk.bench,
        templates=Templates(assets.template_texts()),
        base_url=desk.connected.base_url,
        out=setup.out,
        data_plane=desk.connected.data_plane,
    ).apply(made)
    told = summary.of(result, loaded, setup.out, bundled=not desk.connected.real)
    if setup.json:
        output.result_json(outcome_report.as_json(told) | {"plan": plan_report.as_json(made.plan)})
    else:
        if remarks := plan_report.remarks(made.plan, output.width()):
            output.result(remarks + "\n")
        output.result(outcome_report.text(told, output.width()))
    return EXIT_PARTLY if summary.partly(told) else EXIT_DONE


def _ask(plan: Plan) -> None:
    if not output.somebody_is_there():
        raise UsageError(
            f"{plan.gateway} is a real gateway, and nobody is there to confirm {len(plan.changes)} changes",
            hint="look at the plan (provision plan), then run with --yes",
        )
    output.say("this is the plan:\n" + plan_report.text(plan, output.width()))
    if not output.confirm(f"Make these {len(plan.changes)} changes at {plan.gateway}?"):
        raise PlanRefused("not confirmed; nothing was changed")
