"""The bundled gateway: one process, one SQLite file, Portkey's wire on both planes.

It lets a team try the whole chain on one machine before the real gateway says yes, and it is the
far end of the tests. `server.Embedded` runs it for the length of a `with` block, `server.serve`
in the foreground; `app.create_app` is the bare ASGI application. Nothing here does work at import,
and nobody imports it at start-up: it brings the server's libraries with it.

Rooms: `data_plane/` (Anthropic Messages), `routing/` (the config language), `governance/` (budgets and
rates), `guardrails/`, `upstreams/` (who answers: the echo, or an Anthropic-compatible service), `admin/`
(Portkey's admin routes), `pages/` (the same for a browser), `mcp/`, `store/`.

Stored without effect: alert thresholds and addresses, and rotation schedules of keys; nothing here
writes e-mail or rotates by itself.
"""

from __future__ import annotations

PRODUCT = "provision-bundled-gateway"
"""How the gateway names itself in health checks."""
