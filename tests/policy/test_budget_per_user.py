"""`[budget] per`: whose the amount is."""

from __future__ import annotations

import pytest

from gateway_client.contract import Budget
from provisioner.errors import InputError
from provisioner.policy.load import resolve
from tests.policy.test_profile_chains import BASE


@pytest.mark.parametrize(
    ("text", "per_user"),
    [
        ("", False),
        ("[budget]\nusd = 5", False),
        ('[budget]\nusd = 5\nper = "key"', False),
        ('[budget]\nusd = 5\nper = "user"', True),
    ],
)
def test_a_budget_is_the_keys_unless_it_is_each_persons(text: str, per_user: bool) -> None:
    policy = resolve("base", {"base": BASE + text}).policy
    assert policy.per_user is per_user
    assert policy.budget == (Budget(usd=5, reset="monthly") if text else None)


def test_it_is_inherited_and_replaced_like_any_other_key() -> None:
    parent = BASE + '[budget]\nusd = 5\nper = "user"'
    sources = {"base": parent, "more": 'extends = "base"\n[budget]\nusd = 9'}
    more = resolve("more", sources).policy
    assert (more.per_user, more.budget) == (True, Budget(usd=9, reset="monthly"))
    back = {**sources, "back": 'extends = "base"\n[budget]\nper = "key"'}
    assert resolve("back", back).policy.per_user is False


@pytest.mark.parametrize(("text", "code"), [('per = "team"', "BAD_VALUE"), ("per = 1", "WRONG_TYPE")])
def test_another_word_is_refused(text: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve("base", {"base": f"{BASE}[budget]\nusd = 5\n{text}"})
    assert [(p.column, p.code) for p in caught.value.problems] == [("budget.per", code)]
