"""Events of the gateway on stderr, a line each, without ever holding it up."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Queue

from provisioner.cli import output

EVENTS = "gateway_client.bundled.events"
MOST_WAITING = 10_000


class _Lines(logging.Handler):
    """Prints events on stderr, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody reads stderr any more; the log has it all the same
            output.told(record.getMessage())


class _Waiting(QueueHandler):
    """Lets events wait for a slow reader of stderr, and drops them when too many do."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do nothing: the request log's own thread, which comes here, must never wait."""


@contextmanager
def told(quiet: bool) -> Iterator[None]:
    """Print events for the length of the block, unless `quiet`."""
    if quiet:
        yield
        return
    waiting: Queue[logging.LogRecord] = Queue(MOST_WAITING)
    log, handler, printer = logging.getLogger(EVENTS), _Waiting(waiting), QueueListener(waiting, _Lines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    printer.start()
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        printer.stop()
