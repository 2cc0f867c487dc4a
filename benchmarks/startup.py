"""Start-up of `provision --help` as a multiple of importing click.

Both are whole processes of this interpreter, started in turn, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
HELP = (sys.executable, "-m", "provisioner", "--help")
CLICK = (sys.executable, "-c", "import click")


def seconds(command: tuple[str, ...]) -> float:
    """Return how long a command takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    seconds(HELP), seconds(CLICK)  # bytecode is written, files are in the page cache
    helped, clicked = [], []
    for _ in range(rounds):
        helped.append(seconds(HELP))
        clicked.append(seconds(CLICK))
    print(f"{rounds} rounds, in turn; milliseconds    min  median")
    for name, times in (("provision --help", helped), ("import click", clicked)):
        print(f"{name:34} {min(times) * 1000:7.1f} {median(times) * 1000:7.1f}")
    print(f"{'ratio':34} {min(helped) / min(clicked):7.2f} {median(helped) / median(clicked):7.2f}")


if __name__ == "__main__":
    main()
