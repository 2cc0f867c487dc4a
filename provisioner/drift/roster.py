"""The roster against the ledger: what no run has made yet, and whose key outlived its row. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from provisioner.drift.model import Finding
from provisioner.ledger.model import Applied, Snapshot


def changed(digests: Mapping[str, str], applied: Applied) -> Iterator[Finding]:
    """Yield the inputs that are not as they were last applied: `roster`, `fleet` or `profiles`."""
    for name, digest in digests.items():
        if digest != getattr(applied, name):
            yield Finding(
                "roster", "NOT_APPLIED", name, "as it was last applied", "changed since",
                "run provision --roster FILE; provision plan shows what it would do",
            )  # fmt: skip


def findings(wanted: Mapping[str, str], snapshot: Snapshot) -> Iterator[Finding]:
    """Yield the differences; `wanted` maps each key's name to its assignment."""
    for name, assignment in wanted.items():
        if name not in snapshot.keys:
            yield Finding(
                "roster", "NOT_APPLIED", name, f"a key for {assignment}", "none in the ledger",
                "run provision --roster FILE",
            )  # fmt: skip
    for name in snapshot.keys:
        if name not in wanted:
            yield Finding(
                "roster", "LEAVER", name, "no key: no row of the roster asks for it", "a live key",
                "run provision --roster FILE --prune to revoke it",
            )  # fmt: skip
