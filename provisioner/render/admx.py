"""Administrative templates of our own, so that Intune and Group Policy can write both policy keys. Pure.

One ADMX and one en-US ADML per product. They stand alone, with a `supportedOn` of their own, so that
nothing needs Windows.admx first (facts/mdm.md 0.10). Every policy is of class Machine and has one
text, which lies flat under the key. Names never change once shipped: devices keep settings by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render.model import Product
from provisioner.render.registry import KEYS, NAME, SETTINGS, TEXT_MAX
from provisioner.render.templates import Templates

TAG = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"


@dataclass(frozen=True, slots=True)
class Admx:
    """What one product's administrative template is called, inside and out."""

    product: Product
    file: str
    """File name without its ending."""
    app: str
    """Under this name Windows takes the template in by OMA-URI; its policy area starts with it."""
    category: str
    prefix: str
    title: str
    help: str

    @property
    def key(self) -> str:
        """The registry key of its values, below HKEY_LOCAL_MACHINE."""
        return KEYS[self.product]

    @property
    def namespace(self) -> str:
        """Our own: neither Anthropic's nor Microsoft's."""
        return f"AIGateway.Policies.{self.category}"

    @property
    def area(self) -> str:
        """The policy area: app, kind of settings, category (facts/mdm.md 5.2)."""
        return f"{self.app}~Policy~{self.category}"


ADMX: Mapping[Product, Admx] = {
    "claude-code": Admx(
        product="claude-code",
        file="ClaudeCode",
        app="AIGatewayClaudeCode",
        category="ClaudeCode",
        prefix="aigwclaudecode",
        title="Claude Code",
        help="All managed settings of Claude Code as JSON on one line, ASCII only.",
    ),
    "claude-desktop": Admx(
        product="claude-desktop",
        file="Claude",
        app="AIGatewayClaude",
        category="Claude",
        prefix="aigwclaude",
        title="Claude Desktop",
        help="One setting of Claude Desktop as text: a word, a number, true or false, or JSON on one line.",
    ),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy of a template: its name, its text's id, and the registry value it writes."""

    name: str
    element: str
    value: str


def policy(product: Product, value: str) -> Policy:
    """Return the policy that writes a registry value; Desktop's carry the name of their key."""
    if not NAME.match(value):
        raise ArtifactError(f"not a name for a policy of {product}")
    if product == "claude-code":
        return Policy("ManagedSettings", "SettingsJson", SETTINGS)
    return Policy(value, value, value)


def content(product: Product, values: Sequence[str]) -> PlainTree:
    """Return what a template says beyond its constant text: product and registry values, sorted."""
    names: list[PlainTree] = [*sorted(values)]
    return {"product": product, "values": names}


def admx_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes a template's content as ADMX."""
    return lambda tree: _filled(templates, "windows/policy.admx.xml.j2", tree)


def adml_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes the content's English texts as ADML."""
    return lambda tree: _filled(templates, "windows/policy.adml.xml.j2", tree)


def read_admx(data: bytes) -> PlainTree:
    """Return the content of an ADMX file; raises `ArtifactError` where it is none of ours."""
    root = _parsed(data)
    category = _only(root.findall(f"{TAG}categories/{TAG}category")).get("name")
    admx = _of(category)
    values: list[PlainTree] = []
    for found in root.iter(f"{TAG}policy"):
        text = _only(found.findall(f"{TAG}elements/{TAG}text"))
        value = text.get("valueName") or ""
        expected = policy(admx.product, value)
        seen = (found.get("name"), text.get("id"), found.get("class"), found.get("key"))
        if seen != (expected.name, expected.element, "Machine", admx.key):
            raise ArtifactError("ADMX with a policy that writes elsewhere")
        values.append(value)
    return {"product": admx.product, "values": values}


def read_adml(data: bytes) -> PlainTree:
    """Return the content of an ADML file; raises `ArtifactError` where it is none of ours."""
    root = _parsed(data)
    titles = [found.get("id", "") for found in root.iter(f"{TAG}string") if found.get("id", "")[:4] == "Cat_"]
    admx = _of(titles[0].removeprefix("Cat_") if titles else None)
    values: list[PlainTree] = []
    for found in root.iter(f"{TAG}presentation"):
        box = _only(found.findall(f"{TAG}textBox"))
        value = box.findtext(f"{TAG}label") or ""
        expected = policy(admx.product, value)
        if (found.get("id"), box.get("refId")) != (expected.name, expected.element):
            raise ArtifactError("ADML with a text for no policy")
        values.append(value)
    return {"product": admx.product, "values": values}


def _filled(templates: Templates, name: str, tree: PlainTree) -> bytes:
    match tree:
        case {"product": "claude-code" | "claude-desktop" as product, "values": [*values]}:
            return _text(templates, name, product, tuple(str(value) for value in values))
    raise ArtifactError("not the content of an administrative template")


@lru_cache(maxsize=32)  # all assignments of one policy get the same
def _text(templates: Templates, name: str, product: Product, values: tuple[str, ...]) -> bytes:
    policies = [policy(product, value) for value in values]
    return templates.render(name, admx=ADMX[product], policies=policies, text_max=TEXT_MAX).encode()


def _parsed(data: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(data)  # noqa: S314  # reads back what this module wrote
    except ElementTree.ParseError as exc:
        raise ArtifactError("administrative template does not read as XML") from exc


def _only(found: list[ElementTree.Element]) -> ElementTree.Element:
    if len(found) != 1:
        raise ArtifactError("administrative template without the one part looked for")
    return found[0]


def _of(category: str | None) -> Admx:
    for admx in ADMX.values():
        if admx.category == category:
            return admx
    raise ArtifactError("administrative template of neither product")
