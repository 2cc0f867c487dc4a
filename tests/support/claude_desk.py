"""An admin's folder where the tool runs as processes of their own, in the network of whoever starts them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from gateway_client.http import Door
from gateway_client.url import parse_gateway_url

ROOT = Path(__file__).resolve().parents[2]


class Desk:
    """A folder with a roster and a fleet file, and a home of its own."""

    def __init__(self, folder: Path, *, roster: str, fleet: str) -> None:
        self.folder = folder
        self.token_file = folder / ".provision" / "gateway-admin.token"
        (folder / "home").mkdir()
        (folder / "org.csv").write_text(roster, encoding="utf-8")
        (folder / "provision.toml").write_text(fleet, encoding="utf-8")

    def main_job(self, *more: str) -> None:
        """Run `provision --roster org.csv`, which must succeed."""
        done = subprocess.run(
            self._command("--roster", "org.csv", *more), **self._place(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def served(self) -> Iterator[str]:
        """Run `provision gateway serve` beside, and give what it said first, with its URL in it."""
        command = self._command("gateway", "serve")
        with subprocess.Popen(command, **self._place(), stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            try:
                if "is at http" not in said:
                    process.terminate()
                    raise AssertionError(f"no gateway: {said}{process.stderr.read()}")
                yield said
            finally:
                process.terminate()

    @property
    def managed_settings(self) -> Path:
        """The file of the only assignment that the roster makes."""
        (path,) = (self.folder / "dist").glob("*/files/managed-settings.json")
        return path

    @property
    def settings(self) -> Any:
        return json.loads(self.managed_settings.read_bytes())

    def logs(self) -> list[dict[str, Any]]:
        """Return the requests that the served gateway logged, oldest first."""
        url = json.loads((self.folder / ".provision" / "gateway.json").read_bytes())["url"]
        token = SecretStr(self.token_file.read_text().strip())
        with contextlib.closing(Door(parse_gateway_url(url), token)) as door:
            found: Any = door.call("GET", "/v1/logs", query={"page_size": 1000})
        return sorted(found["data"], key=lambda entry: int(entry["id"]))

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "provisioner", *arguments]

    def _place(self) -> dict[str, Any]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "PYTHONPATH": str(ROOT),  # this checkout, wherever an editable install points
        }
        return {"cwd": self.folder, "env": environment}
