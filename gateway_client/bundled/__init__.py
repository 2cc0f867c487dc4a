"""The bundled gateway: one process, one SQLite file, Portkey's wire on both planes.

It lets a team try the whole chain on one machine before the real gateway says yes, and it is the
far end of the tests. `server.Embedded` runs it for the length of a `with` block, `server.serve`
in the foreground; `app.create_app` is the bare ASGI application. Nothing here does work at import,
and nobody imports it at start-up: it brings the server's libraries with it.

Rooms: `admin/` (Portkey's admin routes), `data_plane/` (Anthropic Messages), `routing/` (the config
language), `upstreams/` (who answers: the echo, or an Anthropic-compatible service), `store/`.

What this first cut accepts and stores but does not act on: `cache` and `retry` of a config; budgets,
rate limits, alert addresses and rotation schedules of a key.
"""

from __future__ import annotations

PRODUCT = "provision-bundled-gateway"
"""How the gateway names itself in health checks."""
