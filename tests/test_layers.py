"""The four rings, shown from the imports: each module imports inward only."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The longest prefix counts. The gateway client's port and comparison are values and pure functions,
# so that plans can be made of them; the rest of it is an edge (docs/adr/0001).
RINGS = {
    "vocabulary": "provisioner provisioner.errors provisioner.secret provisioner.digest provisioner.naming",
    "pure": """gateway_client.contract gateway_client.compare provisioner.roster provisioner.fleet
        provisioner.policy provisioner.strict provisioner.spelling provisioner.toml_lines
        provisioner.assign provisioner.plan provisioner.ledger provisioner.render provisioner.drift
        provisioner.report""",
    "edges": """gateway_client provisioner.files provisioner.assets provisioner.ledger.store
        provisioner.ledger.lock provisioner.vault provisioner.seal provisioner.admin_key""",
    "drivers": """provisioner.project provisioner.sources provisioner.mint provisioner.deliver
        provisioner.rollout provisioner.inspection provisioner.handover""",
    "cli": "provisioner.cli provisioner.__main__",
}
ORDER = list(RINGS)
OURS = ("provisioner", "gateway_client")
# Clock, environment, randomness, disk, network, processes: what pure code may not touch.
IMPURE = {
    "os", "socket", "random", "secrets", "subprocess", "tempfile", "time", "shutil", "requests", "aiohttp",
    "sqlalchemy",
}  # fmt: skip


def modules() -> dict[str, ast.Module]:
    paths = [path for package in OURS for path in sorted((ROOT / package).rglob("*.py"))]
    names = [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in paths]
    return {name: ast.parse(path.read_text("utf-8")) for name, path in zip(names, paths, strict=True)}


MODULES = modules()


def imports(name: str) -> set[str]:
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ring(name: str) -> int:
    """Return the ring of a module, or of a name in one; the root packages stand for themselves only."""
    fitting = [
        (len(prefix), ORDER.index(ring))
        for ring, prefixes in RINGS.items()
        for prefix in prefixes.split()
        if name == prefix or (name.startswith(f"{prefix}.") and prefix != "provisioner")
    ]
    assert fitting, f"{name} stands in no ring"
    return max(fitting)[1]


def ours(name: str) -> set[str]:
    return {i for i in imports(name) if i.split(".")[0] in OURS}


def test_imports_point_inward_only() -> None:
    outward = [f"{n} imports {i}" for n in MODULES for i in ours(n) if ring(i) > ring(n)]
    assert outward == []


def test_pure_modules_touch_nothing() -> None:
    pure = [n for n in MODULES if ring(n) <= ORDER.index("pure")]
    assert [f"{n} imports {i}" for n in pure for i in imports(n) if i.split(".")[0] in IMPURE] == []


def test_the_gateway_client_knows_nothing_of_the_tool() -> None:
    client = [n for n in MODULES if n.startswith("gateway_client")]
    assert [n for n in client for i in ours(n) if i.startswith("provisioner")] == []


def test_the_bundled_gateway_is_served_from_one_room_only() -> None:
    users = {n for n in MODULES for i in ours(n) if i.startswith("gateway_client.bundled")}
    outside = {n for n in users if not n.startswith("gateway_client.bundled")}
    assert {n.rpartition(".")[0] for n in outside} == {"provisioner.cli.bundled"}


def test_live_secrets_are_opened_in_few_places() -> None:
    """A value leaves its wrapper only where it is sealed or leaves the process (style 5)."""
    opened = {
        name
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "get_secret_value"
    }
    assert {n for n in opened if not n.startswith("gateway_client.bundled")} == {
        "provisioner.vault", "provisioner.seal", "gateway_client.http",
    }  # fmt: skip
    assert {n for n in opened if n.startswith("gateway_client.bundled")} == {
        "gateway_client.bundled.credentials",
        "gateway_client.bundled.mcp.upstream",
        "gateway_client.bundled.upstreams.http",
        "gateway_client.bundled.store.seal",
    }
