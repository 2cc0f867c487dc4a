"""The situations that are played with kills and with lost answers: what stands, what a run has to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from gateway_client.bundled.settings import Faults
from provisioner.errors import EXIT_DONE, EXIT_PARTLY
from tests.support import crash_end
from tests.support.crash_desk import Desk, desk
from tests.support.pilot import Ran

VISITORS = "claude-desktop-visitors-prod"
TWO_TEAMS = "email,team,env\nalice@acme.com,Eng,prod\nbob@acme.com,Ops,prod\n"
STRICTER = 'extends = "restricted"\n[routing]\ncache = { mode = "simple" }\n'
STRICTER_FOR_ENG = '[[override]]\nteam = "eng"\nprofile = "stricter"\n'
TRANSITION = timedelta(minutes=31)
"""A little more than the old secret of a rotated key lives on (facts/portkey.md 4.4)."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What `prepare` makes of a fresh desk, and what must be true when the main job has come to its end."""

    prepare: Callable[[Desk], None]
    teams: frozenset[str]
    """The assignments that have a key in the end."""
    blocked: frozenset[str] = frozenset()
    """Those whose key's name a foreign key has."""
    more: tuple[str, ...] = ()
    """Further arguments of the main job."""
    revision: int = 1
    """The number that every assignment carries in the end."""

    @property
    def code(self) -> int:
        """How the main job exits when it has come to its end."""
        return EXIT_PARTLY if self.blocked else EXIT_DONE

    @contextmanager
    def at_desk(self, folder: Path, faults: Faults | None = None) -> Iterator[Desk]:
        """Give a fresh desk in this situation."""
        with desk(folder, TWO_TEAMS, faults) as at:
            self.prepare(at)
            yield at

    def check(self, at: Desk) -> None:
        """Check all that must be true in the end."""
        crash_end.check(
            at, self.teams, revision=self.revision, blocked=self.blocked, code=self.code, more=self.more
        )

    def wait_for_rotation(self, at: Desk, ran: Ran) -> Ran:
        """Check a run after one that lost the secret of a rotation, and run again when it can be repeated.

        A gateway rotates no key whose former secret still works; the team gets no files until then.
        """
        assert ran.code == EXIT_PARTLY, ran.out + ran.err
        assert "two live secrets" in ran.out
        assert {path.name for path in at.pilot.dist.iterdir() if path.is_dir()} == {"eng-prod", "ops-prod"}
        at.clock.ahead = TRANSITION
        return at.main_job_here(*self.more)


def _first_run(at: Desk) -> None:
    at.add_foreign_key(VISITORS)


def _first_run_with_a_taken_name(at: Desk) -> None:
    other_ledgers = f"managed by provision, do not edit; ledger={'f' * 32} intent={'0' * 16}"
    at.add_foreign_key("claude-desktop-ops-prod", other_ledgers)


def _work_of_every_kind(at: Desk) -> None:
    """One team's policy changed, one's key is gone, one's secret is lost, and one has left the roster."""
    three_teams = TWO_TEAMS + "carol@acme.com,Sales,prod\n"
    at.pilot.write_roster(three_teams + "dave@acme.com,Lab,prod\n")
    ran = at.main_job_here()
    assert ran.code == EXIT_DONE, ran.err
    at.add_foreign_key(VISITORS)
    (at.pilot.folder / "profiles").mkdir()
    (at.pilot.folder / "profiles/stricter.toml").write_text(STRICTER)
    at.write_fleet(STRICTER_FOR_ENG)
    at.delete_key("claude-desktop-ops-prod")
    at.lose_secret("claude-desktop-sales-prod")
    at.pilot.write_roster(three_teams)


FIRST_RUN = Situation(_first_run, frozenset({"eng-prod", "ops-prod"}))
TAKEN_NAME = Situation(_first_run_with_a_taken_name, frozenset({"eng-prod"}), frozenset({"ops-prod"}))
LATER_RUN = Situation(
    _work_of_every_kind,
    frozenset({"eng-prod", "ops-prod", "sales-prod"}),
    more=("--prune", "--max-revoke", "1"),
    revision=2,
)
