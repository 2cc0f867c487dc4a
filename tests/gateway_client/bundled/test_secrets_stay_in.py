"""Canary: key secrets are in no file, no log line, and no answer but the one that tells them."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from gateway_client.bundled import credentials
from gateway_client.bundled.server import Embedded
from gateway_client.bundled.settings import GatewaySettings, HttpUpstream

ADMIN, UPSTREAM = "canary-admin-token-5d41402abc4b2a76", "canary-upstream-key-b9719d911017c592"


def forms(secret: str) -> list[bytes]:
    """Return the ways in which a secret could hide in bytes."""
    raw = secret.encode()
    aligned = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, raw.hex().encode(), secret.encode("utf-16-le"), raw[::-1], *aligned]


@pytest.mark.covers("T2")
def test_no_secret_at_rest_in_logs_or_answers(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[bytes] = []
    upstreams = {"azure-prod": HttpUpstream("http://127.0.0.1:9", SecretStr(UPSTREAM))}
    settings = GatewaySettings(database, SecretStr(ADMIN), upstreams=upstreams)

    def call(method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {"x-portkey-api-key": ADMIN} | {n.replace("_", "-"): v for n, v in headers.items()}
        reply = requests.request(method, gateway.url + path, json=body, headers=sent, timeout=20)
        seen.append(reply.content + str(reply.headers).encode())
        return reply.json()

    with Embedded(settings) as gateway:
        minted = call(
            "POST", "/v1/api-keys/workspace/service", {"name": "k", "scopes": ["completions.write"]}
        )
        rotated = call("POST", f"/v1/api-keys/{minted['id']}/rotate")
        del seen[:]  # the two answers that must tell a secret
        for key in (minted["key"], rotated["key"]):
            body = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
            for provider in ("@vertex-prod", "@azure-prod", "@nobody"):
                call("POST", "/v1/messages", body, x_portkey_api_key=key, x_portkey_provider=provider)
            call("POST", "/v1/configs", {"name": 5}, authorization=f"Bearer {key}")
        for path in (
            f"/v1/api-keys/{minted['id']}",
            "/v1/api-keys",
            "/v1/logs",
            "/v1/health",
            "/v1/providers",
        ):
            call("GET", path)
        files = {file.name: file.read_bytes() for file in database.parent.iterdir()}
        assert any(name.endswith("-wal") for name in files)
    files["after the stop"] = database.read_bytes()
    places = {
        **files,
        "log": caplog.text.encode(),
        "answers": b"".join(seen),
        "repr": repr(settings).encode(),
    }
    for secret in (minted["key"], rotated["key"], ADMIN, UPSTREAM):
        for form in forms(secret):
            assert [name for name, data in places.items() if form in data] == []
    digest = credentials.digest(SecretStr(rotated["key"]))
    assert digest.encode() in files["after the stop"], "the canary test looks at the wrong file"


def test_minted_secrets_are_long_random_and_masked() -> None:
    minted = [credentials.mint() for _ in range(50)]
    values = {credentials.told(one.secret) for one in minted}
    assert len(values) == 50
    for one in minted:
        value = credentials.told(one.secret)
        assert len(value) == 43
        assert value.isalnum()
        assert one.masked == f"{value[:2]}*****{value[-3:]}"
        assert value not in repr(one)
