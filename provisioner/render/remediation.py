"""The Intune remediation pair: a script that looks, and a script that writes what is left to it. Pure.

Two writers of one registry value would undo each other at every sync, and each change makes Claude
Desktop restart within a day. So each value has one owner:

- Without consent to a key in a script, the custom profile (OMA-URI) owns the policy, headers
  included, with no person in them. The pair looks; and it writes Claude Desktop's header with the
  person where the profile leaves that one row out. It never writes over a text that is not its
  own, so it can't fight the profile, whichever way an administrator has it. Claude Code's header
  is inside the one text that the profile owns; a drop-in file beside it would lose, because the
  registry goes before files variable by variable (facts/claude-code.md 1.1: documented, not
  measured), and a policy without the header would let a user set one. So without consent Claude
  Code has no person on Windows, unless the assignment is one person's.
- With consent the pair is assigned instead of the profile, owns both products' values, key and
  person included, and stops with CONFLICT where the profile has set the same policy.

The looking script holds digests only. For a digest `key:` and the key's fingerprint take the
key's place, and `SLOT` takes the person's; the script does the same to what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from provisioner import digest
from provisioner.assign.looks import PLACEHOLDERS
from provisioner.errors import ArtifactError
from provisioner.policy.model import PlainTree
from provisioner.render import claude_code, claude_desktop, powershell, registry
from provisioner.render.admx import ADMX
from provisioner.render.model import Delivery, Product, Settings, Tree
from provisioner.render.registry import KEYS, Value
from provisioner.render.templates import Templates
from provisioner.secret import SecretRef

SLOT = "__AIGATEWAY_PERSON__"
"""Stands in the scripts' data where the device puts its person."""
HEADERS = "inferenceCustomHeaders"
DETECT = "windows/detect.ps1.j2"
REMEDIATE = "windows/remediate.ps1.j2"


def policy(delivery: Delivery, user: str | None) -> dict[str, Settings]:
    """Return what Windows devices of an assignment get, by product; `user` as in `metadata.header_value`."""
    return {
        "claude-code": claude_code.settings(delivery, user),
        "claude-desktop": claude_desktop.encoded(claude_desktop.settings(delivery, user)),
    }


def detection(delivery: Delivery, *, owner: bool) -> Settings:
    """Return the data of the looking script; `owner` as in `remedy`."""
    nobody, person = _digests(policy(delivery, None)), _digests(policy(delivery, SLOT))
    values: list[Tree] = []
    for (product, name), sha256 in nobody.items():
        accepted = [person[product, name]] if owner else [sha256]
        if not owner and name == HEADERS and delivery.user is None:
            accepted.append(person[product, name])  # the profile's header, or the one that the pair wrote
        values.append({"product": product, "key": KEYS[product], "name": name, "sha256": accepted})
    return {**_common(delivery, owner=owner), "values": values}


def remedy(delivery: Delivery, *, owner: bool) -> Settings:
    """Return the data of the writing script.

    An owner writes the whole policy with the key; otherwise it is the header that names the
    person, or nothing where the address is known already.
    """
    written = policy(delivery, SLOT)
    if not owner:
        header = {HEADERS: written["claude-desktop"][HEADERS]}
        written = {"claude-desktop": header} if delivery.user is None else {}
    return {**_common(delivery, owner=owner), "owner": owner, "policy": written}


def detection_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes `detect.ps1`; `powershell.read_script` is its inverse."""
    return lambda data: powershell.script_bytes(templates, DETECT, data)


def remedy_writer(templates: Templates) -> Callable[[PlainTree], bytes]:
    """Return the function that writes `remediate.ps1`: the policy as the registry values to set."""

    def write(data: PlainTree) -> bytes:
        if not isinstance(data, dict):
            raise ArtifactError("remediation data is a table")
        rest = dict(data)
        values: list[PlainTree] = [
            {"key": value.key, "name": value.name, "text": value.text}
            for value in registry.values(rest.pop("policy"))
        ]
        return powershell.script_bytes(templates, REMEDIATE, {**rest, "values": values})

    return write


def read_remedy(script: bytes) -> PlainTree:
    """Return the data in `remediate.ps1`, its values as a policy again."""
    data = powershell.read_script(script)
    if not isinstance(data, dict) or not isinstance(values := data.pop("values", None), list):
        raise ArtifactError("remediation script without values")
    return {**data, "policy": registry.policy(_value(value) for value in values)}


def _value(tree: PlainTree) -> Value:
    match tree:
        case {"key": str(key), "name": str(name), "text": str(text)}:
            return Value(registry.product_of(key), name, text)
    raise ArtifactError("remediation script with a value that sets no text")


def _common(delivery: Delivery, *, owner: bool) -> dict[str, Tree]:
    return {
        "assignment": delivery.assignment,
        "revision": delivery.revision,
        # Where the profile shows on a device; to an owner it is a second writer.
        "areas": [admx.area for admx in ADMX.values()] if owner else [],
        "person": {
            "slot": SLOT if delivery.user is None else "",
            "domains": sorted(set(delivery.domains)),
            "placeholders": list(PLACEHOLDERS),
        },
    }


def _digests(policy: Mapping[str, Settings]) -> dict[tuple[Product, str], str]:
    """Return the digest of each registry value's text, without secrets."""
    plain = {product: _stood_in(settings) for product, settings in policy.items()}
    return {(v.product, v.name): digest.sha256(v.text.encode()) for v in registry.values(plain)}


def _stood_in(tree: Tree) -> PlainTree:
    match tree:
        case SecretRef():
            return f"key:{tree.fingerprint}"
        case str() | int():
            return tree
        case Mapping():
            return {name: _stood_in(value) for name, value in tree.items()}
        case _:
            return [_stood_in(value) for value in tree]
