"""TLS of the door against real handshakes: what is not trusted, current and ours gets no request (T8)."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from gateway_client.errors import OutcomeUnknown, TimedOut, TlsFailure
from gateway_client.http import Door
from gateway_client.transport import tls_context
from gateway_client.url import parse_gateway_url
from tests.support.gateway_portkey import (
    ADMIN_KEY,
    PortkeySimulator,
    garbling,
    hanging_up,
    listening,
    simulating,
    truncating,
)

KEYS = "/v1/api-keys"
EMPTY = {"object": "list", "data": [], "total": 0}


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


def serving(cert: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


@contextmanager
def door_to(simulator: PortkeySimulator, ca_file: Path | None, **options: object) -> Iterator[Door]:
    url = parse_gateway_url(simulator.url.replace("127.0.0.1", "localhost"))
    door = Door(url, SecretStr(ADMIN_KEY), ca_file=ca_file, sleep=lambda _: None, **options)  # type: ignore[arg-type]  # options vary by test
    try:
        yield door
    finally:
        door.close()


@pytest.mark.covers("T8")
def test_a_certificate_of_the_given_ca_is_trusted(ca: trustme.CA, ca_file: Path) -> None:
    with simulating(serving(ca.issue_cert("localhost"))) as simulator, door_to(simulator, ca_file) as door:
        assert [door.call("GET", KEYS) for _ in range(3)] == [EMPTY] * 3
    assert simulator.connections == 1


@pytest.mark.covers("T8")
def test_an_address_in_the_certificate_is_trusted(ca: trustme.CA, ca_file: Path) -> None:
    with simulating(serving(ca.issue_cert("127.0.0.1"))) as simulator:
        door = Door(parse_gateway_url(simulator.url), SecretStr(ADMIN_KEY), ca_file=ca_file)
        assert door.call("GET", KEYS) == EMPTY
        door.close()


def untrusted(kind: str, ca: trustme.CA) -> trustme.LeafCert:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    match kind:
        case "expired":
            return ca.issue_cert("localhost", not_before=long_ago, not_after=long_ago.replace(year=2021))
        case "wrong host":
            return ca.issue_cert("gateway.example")
        case "wrong address":
            return ca.issue_cert("127.0.0.1")
        case _:
            return trustme.CA().issue_cert("localhost")


@pytest.mark.covers("T8")
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired", "certificate has expired"),
        ("wrong host", "hostname mismatch"),
        ("wrong address", "hostname mismatch"),
        ("another ca", "unable to get local issuer certificate|self.signed certificate"),
    ],
)
def test_a_certificate_that_is_not_good_gets_no_request(
    ca: trustme.CA, ca_file: Path, kind: str, words: str
) -> None:
    with (
        simulating(serving(untrusted(kind, ca))) as simulator,
        door_to(simulator, ca_file) as door,
        pytest.raises(TlsFailure, match=words) as caught,
    ):
        door.call("POST", f"{KEYS}/workspace/service", body={"name": "x", "scopes": ["y"]})
    assert "verification stays on" in str(caught.value.hint)
    assert simulator.requests == []


@pytest.mark.covers("T8")
def test_a_ca_of_ones_own_is_not_trusted_without_being_named(ca: trustme.CA) -> None:
    with (
        simulating(serving(ca.issue_cert("localhost"))) as simulator,
        door_to(simulator, None) as door,
        pytest.raises(TlsFailure),
    ):
        door.call("GET", KEYS)
    assert simulator.requests == []


@pytest.mark.covers("T8")
def test_with_a_ca_file_the_public_cas_count_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca: trustme.CA, ca_file: Path
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(ca_file))
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(ca_file))
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with simulating(serving(ca.issue_cert("localhost"))) as simulator:
        with door_to(simulator, None) as door:
            assert door.call("GET", KEYS) == EMPTY, "as a public one, the CA is trusted"
        with door_to(simulator, other) as door, pytest.raises(TlsFailure):
            door.call("GET", KEYS)
    assert len(simulator.requests) == 1


@pytest.mark.covers("T8")
def test_a_self_signed_certificate_gets_no_request(tmp_path: Path) -> None:
    alone = trustme.CA()
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    alone.private_key_pem.write_to_path(str(key))
    alone.cert_pem.write_to_path(str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with (
        simulating(context) as simulator,
        door_to(simulator, None) as door,
        pytest.raises(TlsFailure, match="self-signed certificate"),
    ):
        door.call("GET", KEYS)
    assert simulator.requests == []


@pytest.mark.covers("T8")
def test_the_environment_adds_no_certificates_and_takes_no_session_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca: trustme.CA, ca_file: Path
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(ca_file.parent))
    keylog = tmp_path / "session-keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keylog))
    with simulating(serving(ca.issue_cert("localhost"))) as simulator:
        with door_to(simulator, None) as door, pytest.raises(TlsFailure):
            door.call("GET", KEYS)
        with door_to(simulator, ca_file) as door:
            assert door.call("GET", KEYS) == EMPTY
    assert not keylog.exists()


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context speak TLS 1.1 at most, which OpenSSL 3 does at security level 0 only."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.covers("T8")
def test_tls_1_1_gets_no_request(ca: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with simulating(old_tls(serving(ca.issue_cert("localhost")))) as simulator:
        with door_to(simulator, ca_file) as door, pytest.raises(TlsFailure, match="protocol"):
            door.call("GET", KEYS)
        assert simulator.requests == []
        # The server itself is fine: a client that takes TLS 1.1 gets its answer.
        lax = old_tls(tls_context(ca_file))
        monkeypatch.setattr("gateway_client.transport.tls_context", lambda _: lax)
        with door_to(simulator, ca_file) as door:
            assert door.call("GET", KEYS) == EMPTY


@pytest.mark.covers("T8")
def test_the_context_verifies_and_starts_at_tls_1_2() -> None:
    context = tls_context(None)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.covers("T8")
@pytest.mark.parametrize("content", [None, b"", b"no certificate"], ids=["missing", "empty", "not PEM"])
def test_a_ca_file_that_is_none_is_told_at_once(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TlsFailure, match="can't use the CA file"):
        Door(parse_gateway_url("https://api.portkey.ai"), None, ca_file=path)


@pytest.mark.covers("T1", "T8")
@pytest.mark.parametrize("fault", [hanging_up, truncating, garbling])
def test_a_create_whose_tls_line_breaks_is_unknown_and_no_tls_failure(
    ca: trustme.CA, ca_file: Path, fault: object
) -> None:
    with simulating(serving(ca.issue_cert("localhost"))) as simulator, door_to(simulator, ca_file) as door:
        simulator.fault("POST", KEYS, fault, after=True)  # type: ignore[arg-type]  # parametrised
        with pytest.raises(OutcomeUnknown):
            door.call("POST", f"{KEYS}/workspace/service", body={"name": "x", "scopes": ["y"]})
    assert len(simulator.keys) == 1


@pytest.mark.covers("T27")
def test_a_handshake_that_never_comes_is_cut_off(ca_file: Path) -> None:
    with listening() as mute:
        door = Door(
            parse_gateway_url(f"https://127.0.0.1:{mute.port}"),
            SecretStr(ADMIN_KEY),
            ca_file=ca_file,
            timeout=(5.0, 5.0),
            time_cap=0.1,
        )
        with pytest.raises(TimedOut):
            door.call("POST", KEYS, body={}, tries=1)
        door.close()
    assert ADMIN_KEY.encode() not in mute.received
