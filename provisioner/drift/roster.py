"""The roster against the ledger: what no run has made yet, and whose key outlived its row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.drift.model import Finding
from provisioner.ledger.model import Applied, Snapshot
from provisioner.plan.renamed import WHO


def changed(digests: Mapping[str, str], applied: Applied) -> Iterator[Finding]:
    """Yield the inputs that are not as they were last applied: `roster`, `fleet` or `profiles`."""
    for name, digest in digests.items():
        if digest != getattr(applied, name):
            yield Finding(
                "roster", "NOT_APPLIED", name, "as it was last applied", "changed since",
                "run provision --roster FILE; provision plan shows what it would do",
            )  # fmt: skip


def findings(
    wanted: Mapping[str, str], snapshot: Snapshot, renamed: Mapping[str, str] | None = None
) -> Iterator[Finding]:
    """Yield the differences.

    Args:
        wanted: each wanted key's assignment, by the key's name.
        snapshot: what the ledger knows.
        renamed: by the name of a key that nobody asks for any more, the wanted key of the same
            person under another spelling, surest first (`plan.renamed`).
    """
    renamed = renamed or {}
    missing = {name: assignment for name, assignment in wanted.items() if name not in snapshot.keys}
    moved: dict[str, str] = {}
    for old, new in renamed.items():
        if old in snapshot.keys and new in missing:
            del missing[new]
            moved[old] = new
    for name, assignment in missing.items():
        yield Finding(
            "roster", "NOT_APPLIED", name, f"a key for {assignment}", "none in the ledger",
            "run provision --roster FILE",
        )  # fmt: skip
    for name, key in snapshot.keys.items():
        if name in moved:
            who = key.spec.metadata.get(WHO, "somebody")
            yield Finding(
                "roster", "RENAMED", name, f"{moved[name]}, a key of the same person", f"the key of {who}",
                "run provision --roster FILE, replace what is on the person's devices, then run with --prune",
            )  # fmt: skip
        elif name not in wanted:
            same = f"; the same person has {renamed[name]}" if name in renamed else ""
            yield Finding(
                "roster", "LEAVER", name, f"no key: no row of the roster asks for it{same}", "a live key",
                "run provision --roster FILE --prune to revoke it",
            )  # fmt: skip
