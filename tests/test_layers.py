"""The four rings, shown from the imports: each module imports inward only."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

# What counts is the longest prefix. gateway_client's port and comparison are values and pure
# functions, so plans can be made of them; the rest of it is an edge.
RINGS = {
    "vocabulary": ["provisioner", "provisioner.errors", "provisioner.secret", "provisioner.digest", "provisioner.naming"],
    "pure": [
        "gateway_client.contract", "gateway_client.compare", "provisioner.roster", "provisioner.fleet",
        "provisioner.policy", "provisioner.strict", "provisioner.spelling", "provisioner.toml_lines",
        "provisioner.assign", "provisioner.plan", "provisioner.ledger", "provisioner.render", "provisioner.drift",
        "provisioner.report",
    ],
    "edges": [
        "gateway_client", "provisioner.files", "provisioner.assets", "provisioner.ledger.store",
        "provisioner.ledger.lock", "provisioner.vault", "provisioner.seal", "provisioner.admin_key",
    ],
    "drivers": ["provisioner.mint", "provisioner.deliver", "provisioner.rollout", "provisioner.inspection", "provisioner.project"],
    "cli": ["provisioner.cli", "provisioner.__main__"],
}  # fmt: skip
ORDER = list(RINGS)
# What pure code may not touch: clock, environment, randomness, disk, network, processes.
IMPURE = {
    "os",
    "socket",
    "random",
    "secrets",
    "subprocess",
    "tempfile",
    "time",
    "requests",
    "aiohttp",
    "sqlalchemy",
    "shutil",
}


def modules() -> dict[str, ast.Module]:
    found = {}
    for package in ("provisioner", "gateway_client"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imports(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ring(name: str) -> int | None:
    places = [(len(prefix), ORDER.index(r)) for r, prefixes in RINGS.items() for prefix in prefixes
              if name == prefix or (name.startswith(f"{prefix}.") and prefix != "provisioner")]  # fmt: skip
    return max(places)[1] if places else None


def test_every_module_stands_in_a_ring() -> None:
    assert [name for name in modules() if ring(name) is None] == []


def test_imports_point_inward_only() -> None:
    ours = ("provisioner", "gateway_client")
    outward = [
        f"{name} imports {imported}"
        for name, tree in modules().items()
        for imported in imports(tree)
        if imported.split(".")[0] in ours and (ring(imported) or 0) > (ring(name) or 0)
    ]
    assert outward == []


def test_pure_modules_touch_nothing() -> None:
    impure = [
        f"{name} imports {imported}"
        for name, tree in modules().items()
        if (ring(name) or 0) <= ORDER.index("pure")
        for imported in imports(tree)
        if imported.split(".")[0] in IMPURE
    ]
    assert impure == []


def test_the_gateway_client_knows_nothing_of_the_tool() -> None:
    found = [n for n, t in modules().items() if n.startswith("gateway_client") and any(i.startswith("provisioner") for i in imports(t))]  # fmt: skip
    assert found == []


def test_the_bundled_gateway_is_served_from_one_module_only() -> None:
    users = {
        n for n, t in modules().items() if any(i.startswith("gateway_client.bundled") for i in imports(t))
    }
    assert {n for n in users if not n.startswith("gateway_client.bundled")} == {"provisioner.cli.bundled"}


def test_live_secrets_are_opened_in_few_places() -> None:
    """A value leaves its wrapper only where it leaves the process or is sealed (style 5)."""
    opened = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "get_secret_value"
    }
    allowed = {"provisioner.vault", "provisioner.seal", "gateway_client.http"}
    assert {n for n in opened - allowed if not n.startswith("gateway_client.bundled")} == set()
