"""What becomes of requests that outlast the gateway's patience when it stops: they are cancelled by the
server, and say so to their clients instead of failing.
"""

from __future__ import annotations

import asyncio

MESSAGE = "the gateway is stopping; try again"


def accepted() -> bool:
    """Tell whether the running task itself was cancelled, which only a stop does; then it may still answer.

    A `CancelledError` without that comes from something it waited for, and is a bug.
    """
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return False
    while task.uncancel():
        pass
    return True
