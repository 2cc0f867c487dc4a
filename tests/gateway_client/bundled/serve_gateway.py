"""Serves a gateway in a process of its own, with faults if asked for. Only tests start it.

Reads one JSON object from standard input: `database`, `admin_token`, and optionally `host`, `port`,
`drop_before`, `drop_after` (lists of numbers), `certificate`, `key`, `allow_insecure_bind`. Prints the
URL once it answers, and serves until SIGTERM or SIGINT. The admin token never stands on a command line.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from pydantic import SecretStr

from gateway_client.bundled.server import LOOPBACK, Tls, serve
from gateway_client.bundled.settings import Faults, GatewaySettings


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    settings = GatewaySettings(
        Path(asked["database"]),
        SecretStr(asked["admin_token"]),
        faults=Faults(
            drop_before=frozenset(asked.get("drop_before", ())),
            drop_after=frozenset(asked.get("drop_after", ())),
        ),
    )
    tls = Tls(Path(asked["certificate"]), Path(asked["key"])) if "certificate" in asked else None
    with contextlib.suppress(KeyboardInterrupt):
        serve(
            settings,
            host=asked.get("host", LOOPBACK),
            port=asked.get("port", 0),
            tls=tls,
            allow_insecure_bind=asked.get("allow_insecure_bind", False),
            on_ready=lambda url, _instance: print(url, flush=True),
        )


if __name__ == "__main__":
    main()
