"""`manage.py work`: what no request does. Run one, or several."""

import logging
import signal
import threading
import time
from datetime import timedelta

from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections

import counterseal as cs
from counterseal_sql import forget
from shop.approvals import approvals, database, ports
from shop.models import Order, finish_order

log = logging.getLogger("shop")
stop = threading.Event()


def finish_orders() -> None:
    """Finish the orders of users who answered and closed the page."""
    after = ""
    while orders := Order.objects.filter(state="waiting", pk__gt=after).order_by("pk")[:100]:
        for order in orders:
            try:
                finish_order(order)
            except cs.Refused as refusal:
                log.warning("order %s: %s", order.id, refusal.code)
            after = order.pk


def forget_old_records() -> None:
    """Delete what Counterseal no longer needs; the audit log stays."""
    forget(database, ports.clock.now() - timedelta(hours=1))


def work() -> None:
    """Work until the process gets a signal to stop."""
    service = approvals()
    forget_at = time.monotonic()
    while not stop.is_set():
        try:
            service.challenges.expire()
            service.invitations.expire()
            finish_orders()
            if time.monotonic() >= forget_at:
                forget_old_records()
                forget_at = time.monotonic() + 600
        except (cs.Unavailable, OperationalError) as failure:
            log.warning("try again in a second: %s", failure)
        close_old_connections()
        stop.wait(1)


class Command(BaseCommand):
    """Run the worker."""

    help = __doc__

    def handle(self, **_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        work()
