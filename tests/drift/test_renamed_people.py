"""One person under two spellings, in plan and drift."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.drift.roster import findings
from provisioner.ledger.model import KeyRecord, Snapshot
from provisioner.plan.model import WantedKey
from provisioner.plan.renamed import successors
from provisioner.roster.model import Person, Place
from provisioner.secret import SecretRef

PLACE = Place("in/users.csv", 2)
ALICE = Person("alice.new@acme.com", ("a.smith@acme.com", "alice.old@acme.com"), PLACE)
BOB = Person("bob@acme.com", (), PLACE)


def wanted(name: str, user: str | None, team: str = "eng", env: str = "prod") -> WantedKey:
    metadata = {"tenant": "acme", "team": team, "env": env} | ({"user": user} if user else {})
    return WantedKey(name, name, f"desktop-{team}-{env}", metadata, None, (), None, ())


def live(*keys: WantedKey) -> dict[str, KeyRecord]:
    return {
        k.name: KeyRecord(k.name, f"id-{k.name}", SecretRef(k.name, "f" * 12), k.spec("pc", "")) for k in keys
    }


def by_name(*keys: WantedKey) -> dict[str, WantedKey]:
    return {key.name: key for key in keys}


OLD, NEW = wanted("old", "alice.old@acme.com"), wanted("new", "alice.new@acme.com")


@pytest.mark.parametrize(
    ("ledger", "want", "people", "expected"),
    [
        ((OLD,), (NEW,), (ALICE, BOB), {"old": "new"}),
        ((wanted("old", "Alice.Old@acme.com"),), (NEW,), (ALICE,), {"old": "new"}),
        ((OLD,), (NEW,), (BOB,), {}),
        ((OLD,), (), (ALICE,), {}),
        ((OLD,), (OLD, NEW), (ALICE,), {}),
        # The same spelling: the person changed teams, and nothing was renamed.
        ((wanted("old", "alice.new@acme.com", team="hr"),), (NEW,), (ALICE,), {}),
        # A team's key is nobody's.
        ((wanted("old", None),), (NEW,), (ALICE,), {}),
        # A spelling of two people identifies nobody.
        ((OLD,), (NEW,), (ALICE, BOB._replace(aliases=("alice.old@acme.com",))), {}),
        ((OLD,), (NEW,), (Person("alice.old@acme.com", ("alice.new@acme.com",), PLACE),), {}),
    ],
)  # fmt: skip
def test_whose_key_stands_for_whose(
    ledger: tuple[WantedKey, ...],
    want: tuple[WantedKey, ...],
    people: tuple[Person, ...],
    expected: dict[str, str],
) -> None:
    assert successors(live(*ledger), by_name(*want), people) == expected


def test_of_several_keys_that_of_the_same_team_and_env_is_taken() -> None:
    olds = [wanted(f"old-{e}", "alice.old@acme.com", env=e) for e in ("lab", "dev", "prod")]
    news = [wanted(f"new-{e}", "alice.new@acme.com", env=e) for e in ("dev", "prod")]
    same = successors(live(*olds), by_name(*news), (ALICE,))
    assert list(same.items()) == [("old-dev", "new-dev"), ("old-prod", "new-prod"), ("old-lab", "new-dev")]


def drift(
    want: tuple[WantedKey, ...], *ledger: WantedKey, people: tuple[Person, ...] = (ALICE, BOB)
) -> list[str]:
    snapshot = replace(Snapshot("f" * 32), keys=live(*ledger))
    same = successors(snapshot.keys, by_name(*want), people)
    found = findings({k.name: k.assignment for k in want}, snapshot, same)
    return [f"{f.code} {f.subject}: {f.expected}; {f.seen}" for f in found]


def test_a_renamed_person_is_one_finding() -> None:
    assert drift((NEW,), OLD) == ["RENAMED old: new, a key of the same person; the key of alice.old@acme.com"]


def test_after_the_next_run_the_old_key_is_a_leaver_whose_person_is_known() -> None:
    assert drift((NEW,), OLD, NEW) == [
        "LEAVER old: no key: no row of the roster asks for it; the same person has new; a live key"
    ]


def test_an_unknown_spelling_is_told_as_a_leaver_and_somebody_new() -> None:
    assert [line.partition(":")[0] for line in drift((NEW,), OLD, people=(BOB,))] == [
        "NOT_APPLIED new", "LEAVER old",
    ]  # fmt: skip


def test_one_new_key_stands_for_one_old_key() -> None:
    other = wanted("other", "a.smith@acme.com", env="dev")
    assert [line.partition(":")[0] for line in drift((NEW,), other, OLD)] == ["LEAVER other", "RENAMED old"]
