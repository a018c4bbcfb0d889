"""The shop's worker: what no request does. Run one, or several."""

import logging
import signal
import threading
import time
from datetime import timedelta

from sqlalchemy.exc import OperationalError

import counterseal as cs
from approvals import approvals, database, ports
from counterseal_sql import forget
from orders import finish_order, load_waiting_orders

log = logging.getLogger("worker")
stop = threading.Event()


def finish_orders() -> None:
    """Finish the orders of users who answered and closed the page."""
    after = ""
    while orders := load_waiting_orders(after):
        after = orders[-1].id
        for order in orders:
            try:
                finish_order(order)
            except cs.Refused as refusal:
                log.warning("order %s: %s", order.id, refusal.code)


def forget_old_records() -> None:
    """Delete what Counterseal no longer needs; the audit log stays."""
    forget(database, ports.clock.now() - timedelta(hours=1))


def main() -> None:
    """Work until the process gets a signal to stop."""
    forget_at = time.monotonic()
    while not stop.is_set():
        try:
            approvals.expire()
            finish_orders()
            if time.monotonic() >= forget_at:
                forget_old_records()
                forget_at = time.monotonic() + 600
        except (cs.Unavailable, OperationalError) as failure:
            log.warning("try again in a second: %s", failure)
        stop.wait(1)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    main()
