"""URL rules: a corpus of refused and accepted gateway URLs (T7, S128, C5)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_client.address import kind_of
from gateway_client.errors import UrlRefused
from gateway_client.url import parse_gateway_url

REFUSED = {
    # not a URL, or no host
    "empty": "",
    "no scheme": "api.portkey.ai",
    "scheme-relative": "//api.portkey.ai",
    "one slash": "https:/api.portkey.ai",
    "no host": "https://",
    "path only": "https:///v2",
    "port only": "https://:8443",
    "too long": "https://api.portkey.ai/" + "a" * 2100,
    # other schemes
    "file": "file:///etc/passwd",
    "ftp": "ftp://api.portkey.ai",
    "javascript": "javascript://api.portkey.ai",
    "gopher": "gopher://127.0.0.1:6379",
    "ws": "ws://api.portkey.ai",
    # http off loopback
    "http": "http://api.portkey.ai",
    "http to a public address": "http://8.8.8.8",
    "http to a name like localhost": "http://localhost.example.com",
    "http below localhost": "http://gateway.localhost",
    # what could hold or hide something
    "user": "https://admin@api.portkey.ai",
    "user and password": "https://admin:hunter2@api.portkey.ai",
    "host in the user part": "https://api.portkey.ai@evil.example",
    "query": "https://api.portkey.ai?x=1",
    "empty query": "https://api.portkey.ai?",
    "fragment": "https://api.portkey.ai#top",
    "empty fragment": "https://api.portkey.ai/#",
    "fragment before an at": "https://evil.example#@api.portkey.ai",
    "space before": " https://api.portkey.ai",
    "space after": "https://api.portkey.ai ",
    "line break after": "https://api.portkey.ai\n",
    "line break inside": "https://api.portkey\r\n.ai",
    "tab inside": "https://api.port\tkey.ai",
    "nul": "https://api.portkey.ai\x00.evil.example",
    "backslash": "https://api.portkey.ai\\@evil.example",
    "backslashes for slashes": "https:\\\\api.portkey.ai",
    "zero width": "https://api.port\u200bkey.ai",
    "right to left override": "https://api.\u202eyektrop.ai",
    "no-break space": "https://api.portkey.ai\u00a0",
    "quotes": 'https://"api.portkey.ai"',
    "angle brackets": "<https://api.portkey.ai>",
    # the base URL rules of the products
    "v1": "https://api.portkey.ai/v1",
    "v1 and a slash": "https://api.portkey.ai/v1/",
    "V1": "https://api.portkey.ai/V1",
    "v1 below a path": "https://gw.example.com/portkey/v1",
    "v1/messages": "https://api.portkey.ai/v1/messages",
    "two slashes": "https://gw.example.com/a//b",
    "slashes at the end": "https://gw.example.com//",
    "dot segments": "https://gw.example.com/a/../v1x",
    "escaped dot segments": "https://gw.example.com/%2e%2e/admin",
    "escaped slash": "https://gw.example.com/a%2fb",
    "semicolon": "https://gw.example.com/a;b",
    # ports
    "port 0": "https://api.portkey.ai:0",
    "port 65536": "https://api.portkey.ai:65536",
    "empty port": "https://api.portkey.ai:",
    "port in words": "https://api.portkey.ai:https",
    "negative port": "https://api.portkey.ai:-443",
    "port with zeros": "https://api.portkey.ai:00443",
    "port of other digits": "https://api.portkey.ai:\u0664\u0664\u0663",
    "two ports": "https://api.portkey.ai:443:443",
    # hosts
    "dot at the end": "https://api.portkey.ai.",
    "two dots": "https://api..portkey.ai",
    "dot first": "https://.portkey.ai",
    "hyphen first": "https://-api.portkey.ai",
    "underscore": "https://my_gateway.example.com",
    "star": "https://*.portkey.ai",
    "escaped host": "https://api%2eportkey.ai",
    "long label": f"https://{'a' * 64}.example.com",
    "long name": f"https://{'a.' * 130}example.com",
    "full-width dot": "https://api\uff0eportkey.ai",
    "ideographic dot": "https://api\u3002portkey.ai",
    "circled letters": "https://\u24d0pi.portkey.ai",
    "kelvin sign": "https://api.port\u212aey.ai",
    "broken punycode": "https://xn--a.example.com",
    "no dot": "https://gateway",
    # addresses inside
    "link-local, the metadata service": "http://169.254.169.254",
    "metadata over https": "https://169.254.169.254/latest",
    "metadata of ECS": "https://169.254.170.2",
    "metadata by name": "https://metadata.google.internal",
    "metadata by name in capitals": "https://METADATA.google.internal",
    "metadata of Azure": "https://168.63.129.16",
    "metadata of Alibaba": "https://100.100.100.200",
    "metadata over IPv6": "https://[fd00:ec2::254]",
    "10/8": "https://10.0.0.5",
    "172.16/12": "https://172.31.255.254",
    "192.168/16": "https://192.168.1.1:8443",
    "shared 100.64/10": "https://100.64.0.1",
    "unique local": "https://[fd12:3456::1]",
    "IPv6 link-local": "https://[fe80::1]",
    "IPv6 link-local with a zone": "https://[fe80::1%25eth0]",
    "any address": "https://0.0.0.0:8080",
    "any address by http": "http://0.0.0.0:8080",
    "IPv6 any address": "https://[::]",
    "this network": "https://0.1.2.3",
    "multicast": "https://224.0.0.1",
    "IPv6 multicast": "https://[ff02::1]",
    "broadcast": "https://255.255.255.255",
    "reserved": "https://240.0.0.1",
    "documentation": "https://203.0.113.7",
    "mapped loopback": "http://[::ffff:127.0.0.1]:8080",
    "mapped private": "https://[::ffff:10.0.0.1]",
    "mapped in hex": "https://[::ffff:a9fe:a9fe]",
    "compatible": "https://[::10.0.0.1]",
    "6to4 of a private address": "https://[2002:a00:1::]",
    "NAT64 of a private address": "https://[64:ff9b::a00:1]",
    "site-local": "https://[fec0::1]",
    # odd spellings of IPv4
    "decimal": "https://2130706433",
    "decimal over http": "http://2130706433:8080",
    "hex": "https://0x7f000001",
    "hex parts": "https://0x7f.0x0.0x0.0x1",
    "octal parts": "https://0177.0.0.1",
    "short form": "https://127.1",
    "hex at the end": "https://10.0.0.0xa",
    "too large": "https://256.1.1.1",
    "five parts": "https://1.2.3.4.5",
    "name that ends in a number": "https://gateway.example.42",
    "full-width digits": "https://\uff11\uff12\uff17.0.0.1",
    # brackets
    "IPv6 without brackets": "https://::1",
    "IPv4 in brackets": "https://[127.0.0.1]",
    "name in brackets": "https://[api.portkey.ai]",
    "unclosed bracket": "https://[::1",
    "text after the bracket": "https://[::1]evil.example",
    "empty brackets": "https://[]",
}

ACCEPTED = {
    "https://api.portkey.ai": "https://api.portkey.ai",
    "https://api.portkey.ai/": "https://api.portkey.ai",
    "HTTPS://API.Portkey.AI": "https://api.portkey.ai",
    "https://api.portkey.ai:443": "https://api.portkey.ai",
    "https://api.portkey.ai:8443/": "https://api.portkey.ai:8443",
    "https://gw.example.com/anthropic": "https://gw.example.com/anthropic",
    "https://gw.example.com/anthropic/": "https://gw.example.com/anthropic",
    "https://gw.example.com/v1/acct-1/gw/anthropic": "https://gw.example.com/v1/acct-1/gw/anthropic",
    "https://gw.example.com/apiv1": "https://gw.example.com/apiv1",
    "https://r3---sn-apo3q.example.com": "https://r3---sn-apo3q.example.com",
    "https://1.gateway.example.com": "https://1.gateway.example.com",
    "https://8.8.8.8": "https://8.8.8.8",
    "https://[2606:4700:0:0:0:0:0:1111]:8443": "https://[2606:4700::1111]:8443",
    "https://m\u00fcnchen.example": "https://xn--mnchen-3ya.example",
    "https://XN--mnchen-3ya.example": "https://xn--mnchen-3ya.example",
    "https://\u0430pi.portkey.ai": "https://xn--pi-6kc.portkey.ai",  # Cyrillic a: shown for what it is
    "http://127.0.0.1:8080": "http://127.0.0.1:8080",
    "http://127.0.0.1:80/anthropic": "http://127.0.0.1/anthropic",
    "http://localhost:8080/": "http://localhost:8080",
    "http://LOCALHOST:8080": "http://localhost:8080",
    "https://localhost:8443": "https://localhost:8443",
    "http://[::1]:8080": "http://[::1]:8080",
    "http://[0:0:0:0:0:0:0:1]:8080": "http://[::1]:8080",
    "http://127.8.9.10:8080": "http://127.8.9.10:8080",
}

ACCEPTED_INSIDE = {
    "https://10.0.0.5": "https://10.0.0.5",
    "https://192.168.1.1:8443": "https://192.168.1.1:8443",
    "https://100.64.0.1": "https://100.64.0.1",
    "https://[fd12:3456::1]": "https://[fd12:3456::1]",
    "https://gateway": "https://gateway",
    "https://gateway.corp.internal/ai": "https://gateway.corp.internal/ai",
}

NEVER_INSIDE = {
    name: REFUSED[name]
    for name in (
        "link-local, the metadata service",
        "metadata over https",
        "metadata by name",
        "metadata of Azure",
        "metadata of Alibaba",
        "metadata over IPv6",
        "IPv6 link-local",
        "any address",
        "multicast",
        "documentation",
        "mapped private",
        "decimal",
        "http",
        "user and password",
        "v1",
    )
} | {"http inside": "http://10.0.0.5", "http to a short name": "http://gateway"}


@pytest.mark.covers("T7", "S128", "C5")
@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refused(text: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        parse_gateway_url(text)
    shown = caught.value.message + (caught.value.hint or "")
    assert shown.isascii()
    assert shown.isprintable()
    assert "hunter2" not in shown


@pytest.mark.covers("T7", "C5")
@pytest.mark.parametrize(("text", "canonical"), ACCEPTED.items(), ids=ACCEPTED.keys())
def test_accepted_and_normalised(text: str, canonical: str) -> None:
    assert str(parse_gateway_url(text)) == canonical


@pytest.mark.covers("T7")
@pytest.mark.parametrize(("text", "canonical"), ACCEPTED_INSIDE.items(), ids=ACCEPTED_INSIDE.keys())
def test_private_only_when_allowed(text: str, canonical: str) -> None:
    assert str(parse_gateway_url(text, allow_private=True)) == canonical


@pytest.mark.covers("T7")
@pytest.mark.parametrize("text", NEVER_INSIDE.values(), ids=NEVER_INSIDE.keys())
def test_allowing_private_allows_no_more_than_that(text: str) -> None:
    with pytest.raises(UrlRefused):
        parse_gateway_url(text, allow_private=True)


@pytest.mark.covers("S128")
def test_the_hint_for_v1_says_what_to_do() -> None:
    with pytest.raises(UrlRefused) as caught:
        parse_gateway_url("https://api.portkey.ai/v1")
    assert caught.value.message == "gateway URL ends in /v1"
    assert caught.value.hint == "leave that out; the clients append /v1/messages themselves"


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"https?://[a-zA-Z0-9.:\[\]@/?#%\\ \-_]{0,40}", fullmatch=True),
        st.builds("https://{}".format, st.text(max_size=20)),
        st.ip_addresses().map(lambda ip: f"https://[{ip}]" if ip.version == 6 else f"https://{ip}"),
    )
)
def test_any_text_is_refused_or_has_one_plain_spelling(text: str) -> None:
    try:
        url = parse_gateway_url(text)
    except UrlRefused:
        return
    assert str(url).isascii()
    assert parse_gateway_url(str(url)) == url


KINDS = {
    "8.8.8.8": "public",
    "2606:4700::1111": "public",
    "64:ff9b::808:808": "public",
    "::ffff:8.8.8.8": "public",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "10.1.2.3": "private",
    "172.16.0.1": "private",
    "100.127.255.255": "private",
    "fdff::1": "private",
    "64:ff9b::a00:1": "private",
    "::ffff:192.168.0.1": "private",
    "172.15.0.1": "public",
    "172.32.0.1": "public",
    "169.254.169.254": "forbidden",
    "64:ff9b::a9fe:a9fe": "forbidden",
    "64:ff9b:1::a00:1": "forbidden",
    "2002:a9fe:a9fe::": "forbidden",
    "2001:0:a00:1::": "forbidden",
    "fe80::1": "forbidden",
    "::": "forbidden",
    "ff05::1": "forbidden",
    "198.18.0.1": "forbidden",
}


@pytest.mark.covers("T7")
@pytest.mark.parametrize(("address", "kind"), KINDS.items(), ids=KINDS.keys())
def test_kinds_of_addresses(address: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) == kind


PEERS = [
    # URL, private allowed, the address behind it, refused
    ("https://gw.example.com", False, "8.8.8.8", False),
    ("https://gw.example.com", False, "10.0.0.5", True),
    ("https://gw.example.com", False, "127.0.0.1", True),
    ("https://gw.example.com", False, "::ffff:169.254.169.254", True),
    ("https://gw.example.com", False, "fe80::1%eth0", True),
    ("https://gw.example.com", True, "10.0.0.5", False),
    ("https://gw.example.com", True, "127.0.0.1", False),
    ("https://gw.example.com", True, "169.254.169.254", True),
    ("http://localhost:8080", False, "127.0.0.1", False),
    ("http://localhost:8080", False, "::1", False),
    ("http://localhost:8080", True, "10.0.0.5", True),
    ("http://localhost:8080", False, "8.8.8.8", True),
    ("https://10.0.0.5", True, "10.0.0.5", False),
]


@pytest.mark.covers("T7")
@pytest.mark.parametrize(("text", "private", "peer", "refused"), PEERS)
def test_the_address_behind_the_name(text: str, private: bool, peer: str, refused: bool) -> None:
    url = parse_gateway_url(text, allow_private=private)
    assert (url.peer_refusal(peer) is not None) is refused
