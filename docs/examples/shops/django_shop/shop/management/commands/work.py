"""`manage.py work`: what no request does. Run one, or several."""

import logging
import signal
import threading

from django.core.management.base import BaseCommand
from django.db import OperationalError, close_old_connections

import counterseal as cs
from counterseal_django.worker import Worker
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


class Command(BaseCommand):
    """Work until the process gets a signal to stop."""

    help = __doc__

    def handle(self, **_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        # What `manage.py counterseal_work` does.
        threading.Thread(target=Worker(stop).work).start()
        while not stop.is_set():
            try:
                finish_orders()
            except (cs.Unavailable, OperationalError) as failure:
                log.warning("try again in a second: %s", failure)
            close_old_connections()
            stop.wait(1)
