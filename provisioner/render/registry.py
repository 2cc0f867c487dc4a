"""A policy as values of the Windows registry, and the `.reg` file that sets them. Pure.

A *policy* is a tree of up to two products: `{"claude-code": settings, "claude-desktop": encoded
settings}`. Claude Code reads one text that is the whole JSON, on one line and in ASCII, because it
comes through `reg.exe` (facts/claude-code.md 1); Claude Desktop reads one text for each key. All
are REG_SZ: Desktop counts a REG_EXPAND_SZ as there but unreadable (facts/claude-desktop.md 1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from provisioner import naming
from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render.model import Product
from provisioner.render.serialize import json_one_line, read_json

KEYS: Mapping[Product, str] = {
    "claude-code": r"SOFTWARE\Policies\ClaudeCode",
    "claude-desktop": r"SOFTWARE\Policies\Claude",
}
"""Below HKEY_LOCAL_MACHINE."""
SETTINGS = "Settings"
TEXT_MAX = 1_000_000
"""Characters of one text; the ADMX says the same, and Windows keeps 1 MB well (facts/mdm.md 6)."""

HEADER = "Windows Registry Editor Version 5.00"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
# Line breaks are lost in an ADMX text box and end a line of a .reg file; the rest no XML can hold.
UNFIT = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")
REG_LINE = re.compile(r'"([A-Za-z0-9]+)"="((?:[^"\\]|\\["\\])*)"\Z')


@dataclass(frozen=True, slots=True)
class Value:
    """One REG_SZ."""

    product: Product
    name: str
    text: str

    @property
    def key(self) -> str:
        """The key that it lies in, below HKEY_LOCAL_MACHINE."""
        return KEYS[self.product]


def values(policy: PlainTree) -> Iterator[Value]:
    """Yield a sealed policy's values, Claude Code first, then Desktop's by name.

    Raises `ArtifactError` for what a REG_SZ or its way there can't carry; it names the value,
    never its text.
    """
    for product, settings in _products(policy):
        if product == "claude-code":
            yield _fit(Value(product, SETTINGS, json_one_line(settings).decode("ascii")))
            continue
        for name, text in sorted(settings.items()):
            if not isinstance(text, str) or not NAME.match(name):
                raise ArtifactError(f"not a text for the windows registry: {naming.shown(name)}")
            yield _fit(Value(product, name, text))


def policy(values: Iterable[Value]) -> dict[str, PlainTree]:
    """Return the policy that values make up; the inverse of `values`."""
    read: dict[str, PlainTree] = {}
    desktop: dict[str, PlainTree] = {}
    for value in values:
        if value.product == "claude-code":
            read["claude-code"] = read_json(value.text.encode())
        else:
            desktop[value.name] = value.text
    return {**read, "claude-desktop": desktop} if desktop else read


def product_of(key: str) -> Product:
    """Return the product whose policy key this is."""
    for product, known in KEYS.items():
        if known == key:
            return product
    raise ArtifactError(f"not a policy key of ours: {naming.shown(key)}")


def reg_bytes(policy: PlainTree) -> bytes:
    r"""Return a `.reg` file that sets a policy: UTF-16LE with BOM, CRLF, `\` and `"` escaped."""
    lines = [HEADER]
    product: Product | None = None
    for value in values(policy):
        if value.product != product:
            product = value.product
            lines += ["", rf"[HKEY_LOCAL_MACHINE\{value.key}]"]
        escaped = value.text.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'"{value.name}"="{escaped}"')
    return b"\xff\xfe" + "".join(f"{line}\r\n" for line in lines).encode("utf-16-le")


def read_reg(data: bytes) -> PlainTree:
    """Return the policy in a `.reg` file; the inverse of `reg_bytes`."""
    if not data.startswith(b"\xff\xfe"):
        raise ArtifactError("registry file without its byte order mark")
    header, *lines = data[2:].decode("utf-16-le", "replace").split("\r\n")
    if header != HEADER:
        raise ArtifactError("registry file without its first line")
    return policy(_read_lines(lines))


def _read_lines(lines: Iterable[str]) -> Iterator[Value]:
    product: Product | None = None
    for line in lines:
        if line.startswith("[HKEY_LOCAL_MACHINE\\"):
            product = product_of(line.removeprefix("[HKEY_LOCAL_MACHINE\\").removesuffix("]"))
        elif line:
            found = REG_LINE.match(line)
            if found is None or product is None:
                raise ArtifactError("registry file with a line that sets no text")
            yield Value(product, found[1], re.sub(r'\\(["\\])', r"\1", found[2]))


def _products(policy: PlainTree) -> Iterator[tuple[Product, dict[str, PlainTree]]]:
    if not isinstance(policy, dict) or not policy.keys() <= KEYS.keys():
        raise ArtifactError("a windows policy is a table of products")
    for product in KEYS:
        if product in policy:
            settings = policy[product]
            if not isinstance(settings, dict):
                raise ArtifactError(f"settings of {product} are not a table")
            yield product, settings


def _fit(value: Value) -> Value:
    if found := UNFIT.search(value.text):
        raise ArtifactError(
            f"windows can't carry {naming.shown(found[0])} in {value.product}: {value.name}",
            hint="write the text on one line in the policy profile",
        )
    if not 0 < len(value.text) <= TEXT_MAX:
        raise ArtifactError(f"text not of 1 to {TEXT_MAX} characters in {value.product}: {value.name}")
    return value
