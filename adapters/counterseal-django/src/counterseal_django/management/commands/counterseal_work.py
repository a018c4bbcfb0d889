"""`manage.py counterseal_work`: what no request does. Run one, or several."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from counterseal_django.worker import Worker


class Command(BaseCommand):
    """Run the worker."""

    help = (
        "Expires questions and invitations, deletes old records and, if COUNTERSEAL['PORTS'] has"
        " what it takes, delivers callbacks and notifies devices, until SIGTERM or SIGINT."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the option for one round."""
        parser.add_argument("--once", action="store_true", help="do everything once, and end")

    def handle(self, *_: Any, once: bool, **__: Any) -> None:
        """Run the command."""
        stop = threading.Event()
        if once:
            Worker(stop).work_once()
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("The worker works; SIGTERM or Ctrl-C ends it.")
        self.stdout.flush()
        Worker(stop).work()
