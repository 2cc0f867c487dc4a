"""Which base URLs a gateway may have (T7, S128, C5). Pure: nothing is resolved here.

Our own strict grammar instead of a lenient parser, so that no later parser can read another
host out of the same text: what is not plainly allowed is refused. The transport asks
`GatewayUrl.peer_refusal` about the address it really got, which ends DNS rebinding.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

import idna

from gateway_client.address import Address, kind_of, refusal
from gateway_client.errors import UrlRefused

Scheme = Literal["https", "http"]

_EXAMPLE = "write it like https://api.portkey.ai"
_SCHEMES: dict[str, Scheme] = {"https": "https", "http": "http"}
_DEFAULT_PORTS: dict[Scheme, int] = {"https": 443, "http": 80}
_LONGEST = 2048
_LONGEST_NAME = 253
_SHAPE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?\Z"
)
_HOST_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]+)(?::(?P<port>.*))?\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+\Z")
_ASCII_LABEL = re.compile(r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
# A last label of this form makes browsers and inet_aton read the whole host as an IPv4 address.
_NUMERIC_LABEL = re.compile(r"(?:\d+|0[xX][0-9a-fA-F]*)\Z")
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.goog", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)


@dataclass(frozen=True, slots=True)
class GatewayUrl:
    """A base URL that passed the rules, normalised. `str()` gives the one spelling of it."""

    scheme: Scheme
    host: str
    """ASCII, lower case; punycode where the name was not ASCII; IPv6 without brackets."""
    port: int
    path: str
    """Empty, or `/a/b` without a slash at the end."""
    allow_private: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"

    @property
    def loopback(self) -> bool:
        """Whether the URL itself says that the gateway is on this machine."""
        return _is_loopback(self.host)

    def peer_refusal(self, address: str) -> str | None:
        """Return why the address that a connection really reached is refused, or None.

        A name on the internet must not lead to an address inside, whatever the resolver says;
        a loopback URL must stay on loopback.
        """
        ip = ipaddress.ip_address(address.partition("%")[0])
        if self.loopback:
            return None if kind_of(ip) == "loopback" else f"{ip} is not on this machine"
        return refusal(ip, allow_loopback=self.allow_private, allow_private=self.allow_private)


def parse_gateway_url(text: str, *, allow_private: bool = False) -> GatewayUrl:
    """Check and normalise a gateway's base URL; raise `UrlRefused` with what to write instead.

    `https` only; `http` for loopback alone. Lower-cases scheme and host, drops a default port and a
    final slash; a caller that wants to say so compares `str(url)` with what was typed. The base URL
    has no `/v1`: the clients append `/v1/messages` themselves (facts/portkey.md 9.2).

    `allow_private` also allows private addresses, private and loopback ones behind a name, and
    names without a dot.
    """
    scheme, authority, path = _split(text)
    host, port = _host_and_port(authority)
    host = _checked_host(host, allow_private=allow_private)
    if scheme == "http" and not _is_loopback(host):
        raise UrlRefused(
            f"gateway URL over plain http - {host}", hint=f"write https://{host}; http is for loopback only"
        )
    return GatewayUrl(
        scheme=scheme,
        host=host,
        port=_DEFAULT_PORTS[scheme] if port is None else _checked_port(port),
        path=_checked_path(path),
        allow_private=allow_private,
    )


def _split(text: str) -> tuple[Scheme, str, str]:
    """Return scheme, authority and path; parts that could hold a secret are never shown."""
    if len(text) > _LONGEST:
        raise UrlRefused(f"gateway URL of {len(text)} characters", hint=_EXAMPLE)
    bad = next((c for c in text if c in "\\\"'<>^`{|}" or c.isspace() or not c.isprintable()), None)
    if bad is not None:
        raise UrlRefused(
            f"gateway URL holds a character that no URL has - {bad!a}",
            hint="look for a space, quote, line break or backslash from copying",
        )
    shape = _SHAPE.match(text)
    if shape is None:
        raise UrlRefused("gateway URL without scheme and host", hint=_EXAMPLE)
    authority = shape["authority"]
    if "@" in authority:
        raise UrlRefused(
            "gateway URL with a user name or password in it",
            hint="leave out what stands before the @; the key is given apart from the URL",
        )
    if shape["query"] is not None or shape["fragment"] is not None:
        raise UrlRefused("gateway URL with a query or fragment", hint="leave out what follows the ? or #")
    scheme = _SCHEMES.get(shape["scheme"].lower())
    if scheme is None:
        raise UrlRefused(f"gateway URL with scheme {shape['scheme']}", hint=_EXAMPLE)
    return scheme, authority, shape["path"]


def _host_and_port(authority: str) -> tuple[str, str | None]:
    match = _HOST_PORT.match(authority)
    if match is None:
        raise UrlRefused(f"gateway URL without a proper host - {authority!a}", hint=_EXAMPLE)
    return match["host"], match["port"]


def _checked_port(port: str) -> int:
    if not _PORT.match(port) or int(port) > 65535:
        raise UrlRefused(f"gateway URL with port {port!a}", hint="ports are 1 to 65535")
    return int(port)


def _checked_host(host: str, *, allow_private: bool) -> str:
    address = _address(host)
    if address is not None:
        reason = refusal(address, allow_loopback=True, allow_private=allow_private)
        if reason is not None:
            private = kind_of(address) == "private"
            raise UrlRefused(
                f"gateway URL refused - {reason}",
                hint="allow private addresses if your gateway is inside" if private else None,
            )
        return str(address)
    name = _ascii_name(host)
    if name in _METADATA_NAMES:
        raise UrlRefused(f"gateway URL names a cloud's metadata service - {name}")
    if "." not in name and name != "localhost" and not allow_private:
        raise UrlRefused(
            f"gateway URL with a name that only this network knows - {name}",
            hint="write the full name, or allow private addresses",
        )
    return name


def _address(host: str) -> Address | None:
    """Return the IP address that a host is, None when it is a name."""
    if host.startswith("["):
        try:
            address = ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise UrlRefused(f"gateway URL with a broken IPv6 address - {host!a}") from None
        if address.scope_id is not None or address.ipv4_mapped is not None:
            raise UrlRefused(
                f"gateway URL with a zone or an embedded IPv4 address - {host!a}",
                hint="write the plain address",
            )
        return address
    if not _NUMERIC_LABEL.match(host.rpartition(".")[2]):
        return None
    try:
        return ipaddress.IPv4Address(host)
    except ValueError:
        raise UrlRefused(
            f"gateway URL with an unusual spelling of an IPv4 address - {host!a}",
            hint="write four decimal numbers without leading zeros",
        ) from None


def _ascii_name(host: str) -> str:
    """Return a host name in lower-case ASCII.

    IDNA 2008 without mapping: look-alike dots and letters of other widths are refused, not translated.
    Plain ASCII labels skip it, since it refuses names that exist (`r3---sn-a.example`).
    """
    if host.endswith("."):
        raise UrlRefused(f"gateway URL with a dot after the host - {host!a}", hint="leave it out")
    labels = [label.lower() if label.isascii() else label for label in host.split(".")]
    try:
        name = ".".join(
            label if _ASCII_LABEL.match(label) else idna.alabel(label).decode("ascii") for label in labels
        )
    except idna.IDNAError as exc:
        raise UrlRefused(
            f"gateway URL with a host that can't exist - {host!a}", hint="copy it anew, in lower case"
        ) from exc
    if len(name) > _LONGEST_NAME:
        raise UrlRefused(f"gateway URL with a host of {len(name)} characters", hint=_EXAMPLE)
    return name


def _checked_path(path: str) -> str:
    trimmed = path.removesuffix("/")
    for segment in trimmed.split("/")[1:]:
        if not _SEGMENT.match(segment) or segment in {".", ".."}:
            raise UrlRefused(
                f"gateway URL with a path that is not plain - {path!a}",
                hint="a path has letters, digits, and . _ ~ - between single slashes",
            )
    for ending in ("/v1", "/v1/messages"):
        if trimmed.lower().endswith(ending):
            raise UrlRefused(
                f"gateway URL ends in {ending}",
                hint="leave that out; the clients append /v1/messages themselves",
            )
    return trimmed


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return kind_of(ipaddress.ip_address(host)) == "loopback"
    except ValueError:
        return False
