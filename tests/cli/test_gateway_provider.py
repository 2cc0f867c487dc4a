"""`provision gateway provider add, list, remove`: keys go in, and never come out again."""

from __future__ import annotations

import contextlib
import io
import json
import sqlite3
from pathlib import Path

import pytest

from provisioner.cli.main import run_command

KEY = "sk-ant-canary-5d41402abc4b2a76"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def run(state: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(["gateway", "provider", *arguments, "--state", str(state)])
    return code, out.getvalue(), err.getvalue()


def listed(state: Path) -> dict[str, dict[str, str | None]]:
    _, out, _ = run(state, "list", "--format", "json")
    return {row["slug"]: row for row in json.loads(out)["providers"]}


@pytest.mark.covers("S151", "S152", "S153", "S154")
def test_a_provider_is_added_listed_and_removed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM", KEY)
    url = "https://bedrock.example.com/anthropic"
    added = run(state, "add", "bedrock-prod", "--url", url, "--auth", "bearer", "--key-from", "UPSTREAM")
    assert added == (0, "", f"provision: @bedrock-prod is answered by {url}\n")
    assert run(state, "add", "anthropic-key-2")[0] == 0
    assert listed(state) == {
        "anthropic-prod": {"slug": "anthropic-prod", "family": "anthropic", "url": None, "origin": "shipped"},
        "bedrock-prod": {"slug": "bedrock-prod", "family": "bedrock", "url": url, "origin": "added"},
        "vertex-prod": {"slug": "vertex-prod", "family": "vertex", "url": None, "origin": "shipped"},
        "azure-prod": {"slug": "azure-prod", "family": "azure", "url": None, "origin": "shipped"},
        "anthropic-key-2": {"slug": "anthropic-key-2", "family": "anthropic", "url": None, "origin": "added"},
    }
    table = run(state, "list")[1]
    assert "@bedrock-prod" in table
    assert url in table
    assert run(state, "remove", "bedrock-prod")[0] == 0
    assert listed(state)["bedrock-prod"]["url"] is None


def test_those_of_the_settings_file_are_listed_and_beat_those_that_were_added(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM", KEY)
    added = ("--url", "https://added.example.com", "--key-from", "UPSTREAM")
    for slug in ("bedrock-prod", "mine"):
        assert run(state, "add", slug, *added)[0] == 0
    (state / "gateway.toml").write_text(
        """
        [[provider]]
        slug = "vertex-eu"
        family = "vertex"
        url = "https://vertex.example.com"
        key = { env = "NOT_SET_HERE" }

        [[provider]]
        slug = "bedrock-prod"
        url = "https://bedrock.example.com"
        key = { env = "NOT_SET_HERE" }
        """
    )
    assert [(row["slug"], row["family"], row["url"], row["origin"]) for row in listed(state).values()] == [
        ("anthropic-prod", "anthropic", None, "shipped"),
        ("bedrock-prod", "bedrock", "https://bedrock.example.com", "gateway.toml"),
        ("vertex-prod", "vertex", None, "shipped"),
        ("azure-prod", "azure", None, "shipped"),
        ("vertex-eu", "vertex", "https://vertex.example.com", "gateway.toml"),
        ("mine", "anthropic", "https://added.example.com", "added"),
    ]
    (state / "gateway.toml").write_text("nonsense = 1\n")
    code, _, err = run(state, "list")
    assert code == 2
    assert "nonsense" in err


@pytest.mark.covers("T2")
def test_the_key_is_in_no_file_and_no_output(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))
    told = run(state, "add", "anthropic-prod", "--url", "https://api.anthropic.com")
    assert told[0] == 0
    monkeypatch.setenv("UPSTREAM", KEY)
    run(state, "add", "other", "--url", "https://api.example.com", "--key-from", "UPSTREAM")
    told += run(state, "list")
    told += run(state, "list", "--format", "json")
    assert KEY not in str(told)
    assert [path.name for path in state.iterdir() if KEY.encode() in path.read_bytes()] == []
    assert (state / "gateway-seal.key").stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(state / "gateway.db")) as db:
        boxes = [row[0] for row in db.execute("select sealed_key from providers")]
    assert len(set(boxes)) == 2, "equal keys must not look equal"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("add", "no slug"), "a provider's slug is letters"),
        (
            ("add", "a", "--url", "http://gw.example.com", "--key-from", "UPSTREAM"),
            "http is for loopback only",
        ),
        (("add", "a", "--url", "https://gw.example.com", "--key-from", "UNSET"), "UNSET"),
        (
            ("add", "a", "--url", "https://gw.example.com", "--key-from", "sk-pasted"),
            "no environment variable",
        ),
        (("add", "a", "--url", "https://gw.example.com"), "no key of a was given"),
        (("add", "a", "--key-from", "UPSTREAM"), "the echo has no key"),
        (("remove", "a"), "no provider a was added"),
    ],
)
def test_what_can_not_be_is_told(
    state: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("UPSTREAM", KEY)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, _, err = run(state, *arguments)
    assert code == 2
    assert told in err
    assert "sk-pasted" not in err
    assert set(listed(state)) == {"anthropic-prod", "bedrock-prod", "vertex-prod", "azure-prod"}


def test_a_damaged_seal_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM", KEY)
    add = ("add", "a", "--url", "https://gw.example.com", "--key-from", "UPSTREAM")
    assert run(state, *add)[0] == 0
    (state / "gateway-seal.key").write_text("damaged\n")
    code, _, err = run(state, *add)
    assert code == 1
    assert "gateway-seal.key, which opens the providers' keys, is damaged" in err


UNSENDABLE = ["a\nx-evil: b", "a\r\nx-evil: b", "a b", "a\x00", "a\x7fb", "schlüssel", "a\n\n"]


@pytest.mark.covers("T2")
@pytest.mark.parametrize("key", [key for key in UNSENDABLE if "\x00" not in key])  # no variable holds NUL
def test_a_key_of_a_variable_that_no_header_can_carry_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("UPSTREAM", key)
    code, _, err = run(state, "add", "a", "--url", "https://gw.example.com", "--key-from", "UPSTREAM")
    assert (code, "no header can carry" in err, "evil" in err) == (2, True, False)
    assert "a" not in listed(state)


@pytest.mark.parametrize("key", ["a b", "a\x00b", "a\rx-evil: b", "schlüssel"])
def test_a_key_of_standard_input_that_no_header_can_carry_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(key + "\n"))
    code, _, err = run(state, "add", "a", "--url", "https://gw.example.com")
    assert (code, "no header can carry" in err, "evil" in err) == (2, True, False)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_one_line_end_after_a_key_is_dropped(
    state: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("UPSTREAM", KEY + ending)
    assert run(state, "add", "a", "--url", "https://gw.example.com", "--key-from", "UPSTREAM")[0] == 0


@pytest.mark.parametrize("ending", ["/v1", "/v1/", "/V1/messages"])
def test_a_base_url_with_v1_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setenv("UPSTREAM", KEY)
    url = f"https://x.example/anthropic{ending}"
    code, _, err = run(state, "add", "a", "--url", url, "--key-from", "UPSTREAM")
    assert (code, "write https://x.example/anthropic\n" in err) == (2, True)


def test_what_a_removal_means_is_told(state: Path) -> None:
    for slug in ("anthropic-prod", "mine"):
        assert run(state, "add", slug)[0] == 0
    shipped, own = run(state, "remove", "anthropic-prod"), run(state, "remove", "mine")
    assert "@anthropic-prod is answered by the echo again" in shipped[2]
    assert "requests that name @mine are refused" in own[2]
