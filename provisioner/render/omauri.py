"""A policy as OMA-URI settings: the addresses that Windows knows it by, and the text of each value. Pure.

First the two administrative templates, so that Windows knows where to write, then one setting for
each registry value (facts/mdm.md 5.2). Nothing is substituted here by Intune.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from provisioner import digest
from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import admx, registry
from provisioner.render.admx import ADMX
from provisioner.render.model import Product, Settings
from provisioner.render.registry import Value

INSTALL = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall"
CONFIG = "./Device/Vendor/MSFT/Policy/Config"
VALUE = re.compile(rf"{re.escape(CONFIG)}/([A-Za-z]+~Policy~[A-Za-z]+)/([A-Za-z0-9]+)\Z")


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of the custom profile."""

    name: str
    uri: str
    product: Product
    value: str | None
    """Name of the registry value; None for the administrative template itself."""


def rows(policy: Settings) -> Iterator[Row]:
    """Yield the settings of a policy in the order in which they have to be added."""
    names = value_names(policy)
    for product, values in names.items():
        yield Row(f"{ADMX[product].title}: ADMX", template_uri(product, values), product, None)
    for product, values in names.items():
        for value in values:
            yield Row(f"{ADMX[product].title}: {value}", value_uri(product, value), product, value)


def value_names(policy: Settings) -> dict[Product, tuple[str, ...]]:
    """Return the names of the registry values that a policy sets, by product."""
    names: dict[Product, tuple[str, ...]] = {}
    for product in ADMX:
        settings = policy.get(product)
        if isinstance(settings, Mapping) and settings:
            names[product] = (registry.SETTINGS,) if product == "claude-code" else tuple(sorted(settings))
    return names


def template_uri(product: Product, values: tuple[str, ...]) -> str:
    """Return where Windows takes the template in; another set of policies is another template.

    Replacing one in place is not safe on every Windows, so its id tells what is in it (facts/mdm.md 5.2).
    """
    version = digest.of(sorted(values))[:8]
    return f"{INSTALL}/{ADMX[product].app}/Policy/{ADMX[product].file}_{version}"


def value_uri(product: Product, value: str) -> str:
    """Return the address of the policy that writes a registry value."""
    return f"{CONFIG}/{ADMX[product].area}/{admx.policy(product, value).name}"


def value_text(value: Value) -> str:
    """Return the setting's value: one line of ASCII XML that enables the policy with its text."""
    element = admx.policy(value.product, value.name).element
    text = escape(value.text, {'"': "&quot;"}).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return f'<enabled/><data id="{element}" value="{text}"/>'


def read_value(product: Product, name: str, text: str) -> Value:
    """Return the registry value that a setting's value sets; the inverse of `value_text`."""
    try:
        root = ElementTree.fromstring(f"<value>{text}</value>")  # noqa: S314  # what this module wrote
    except ElementTree.ParseError as exc:
        raise ArtifactError("OMA-URI value does not read as XML") from exc
    data = root.find("data")
    if [part.tag for part in root] != ["enabled", "data"] or data is None:
        raise ArtifactError("OMA-URI value that enables no policy")
    if data.get("id") != admx.policy(product, name).element:
        raise ArtifactError("OMA-URI value of another policy")
    return Value(product, name, data.get("value", ""))


def read_value_uri(uri: str) -> tuple[Product, str]:
    """Return product and registry value of a policy's address; the inverse of `value_uri`."""
    if found := VALUE.match(uri):
        for product, known in ADMX.items():
            if known.area == found[1]:
                return product, registry.SETTINGS if product == "claude-code" else found[2]
    raise ArtifactError("OMA-URI of no policy of ours")


def value_bytes(policy: PlainTree) -> bytes:
    """Write a policy of one registry value as a text to paste, with no newline at its end."""
    return value_text(_one(policy)).encode("ascii")


def _one(policy: PlainTree) -> Value:
    values = list(registry.values(policy))
    if len(values) != 1:
        raise ArtifactError("an OMA-URI value holds one registry value")
    return values[0]


def value_reader(product: Product, name: str) -> Callable[[bytes], PlainTree]:
    """Return the inverse of `value_bytes` for one registry value."""
    return lambda data: registry.policy([read_value(product, name, data.decode("ascii", "replace"))])
