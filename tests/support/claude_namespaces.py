"""Linux namespaces for the real `claude`: a network with nothing but loopback, and an `/etc` of its own.

Needs root. Nothing outlives the processes inside, and the machine's own `/etc` is never written.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534
ROOM = "/mnt"
HOME = f"{ROOM}/home"
CLAUDE = f"{ROOM}/claude"
PROJECT = f"{HOME}/project"
# The network has no way out; these two keep the client from trying, and its output free of the failure.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": HOME,
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}

# $1 empty folder, $2 home, $3 claude's binary, $4 managed settings or "", then the command.
# Home and binary may lie under folders that only root can enter: they are bound where anybody can.
# The upper layer of /etc is memory, and what the machine has in /etc/claude-code is covered.
_FURNISH = """
set -eu
stage=$1 home=$2 claude=$3 policy=$4
shift 4
mount -t tmpfs -o mode=755 tmpfs "$stage"
mkdir "$stage/home" "$stage/upper" "$stage/work"
touch "$stage/claude"
mount --bind "$home" "$stage/home"
mount --bind "$claude" "$stage/claude"
mount --rbind "$stage" /mnt
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
mkdir -p /etc/claude-code
mount -t tmpfs -o mode=755 tmpfs /etc/claude-code
[ -z "$policy" ] || install -m 0644 "$policy" /etc/claude-code/managed-settings.json
mount -t tmpfs -o mode=1777 tmpfs /tmp
cd /mnt/home/project
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$@"
"""

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_THREADS_NETWORK = "/proc/thread-self/ns/net"


class Network:
    """A network namespace with only loopback, where every port is free.

    Sockets, threads and processes that are made while it is `entered` belong to it for good.
    """

    def __init__(self) -> None:
        self._outside = os.open(_THREADS_NETWORK, os.O_RDONLY)
        _system("unshare", _CLONE_NEWNET)
        try:
            self._inside = os.open(_THREADS_NETWORK, os.O_RDONLY)
            with socket.socket() as any_socket:
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        finally:
            _system("setns", self._outside, _CLONE_NEWNET)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside, this thread alone."""
        _system("setns", self._inside, _CLONE_NEWNET)
        try:
            yield
        finally:
            _system("setns", self._outside, _CLONE_NEWNET)

    def close(self) -> None:
        os.close(self._inside)
        os.close(self._outside)


@dataclass(frozen=True, slots=True)
class Ran:
    """What one command in the room came to."""

    code: int
    out: str
    err: str


def missing() -> str | None:
    """Say why the real client can't be shown here, or None."""
    if sys.platform != "linux":
        return "mount and network namespaces are Linux's"
    if os.geteuid() != 0:
        return "a private /etc needs root"
    absent = [tool for tool in ("claude", "unshare", "setpriv", "mount") if shutil.which(tool) is None]
    if absent:
        return f"not on PATH: {', '.join(absent)}"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "true"], capture_output=True, text=True, check=False
    )
    return f"no namespaces here: {tried.stderr.strip()}" if tried.returncode else None


def run(*command: str, home: Path, policy: Path | None, more: Mapping[str, str] | None = None) -> Ran:
    """Run a command as nobody, in `PROJECT`, with `policy` as the machine's managed settings of Claude Code.

    `home` becomes the command's home, and its own; None for `policy` means a machine without any.
    `more` is what the person's shell exports.
    """
    (home / "project").mkdir(exist_ok=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    claude = Path(shutil.which("claude") or "").resolve()
    with tempfile.TemporaryDirectory() as stage:
        done = subprocess.run(
            [
                "unshare",
                "--mount",
                "--",
                "sh",
                "-c",
                _FURNISH,
                "sh",
                stage,
                home,
                claude,
                policy or "",
                *command,
            ],
            env={**ENVIRONMENT, **(more or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return Ran(done.returncode, done.stdout, done.stderr)


def _system(call: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
