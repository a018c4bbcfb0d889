"""The shop's worker: what no request does. Run one, or several."""

import asyncio
import logging
import signal
from contextlib import suppress
from datetime import timedelta

from sqlalchemy.exc import OperationalError

import counterseal as cs
from approvals import approvals, database, ports
from counterseal_sql import forget
from orders import finish_order, load_waiting_orders

log = logging.getLogger("worker")


async def finish_orders() -> None:
    """Finish the orders of users who answered and closed the page."""
    after = ""
    while orders := await load_waiting_orders(after):
        for order in orders:
            try:
                await finish_order(order)
            except cs.Refused as refusal:
                log.warning("order %s: %s", order.id, refusal.code)
        after = orders[-1].id


async def forget_old_records() -> None:
    """Delete what Counterseal no longer needs; the audit log stays."""
    await approvals.run(forget, database, ports.clock.now() - timedelta(hours=1))


async def work(stop: asyncio.Event) -> None:
    """Work until the process gets a signal to stop."""
    await approvals.load_party()
    loop = asyncio.get_running_loop()
    forget_at = loop.time()
    while not stop.is_set():
        try:
            await approvals.expire()
            await finish_orders()
            if loop.time() >= forget_at:
                await forget_old_records()
                forget_at = loop.time() + 600
        except (cs.Unavailable, OperationalError) as failure:
            log.warning("try again in a second: %s", failure)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1)


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(stop)


if __name__ == "__main__":
    asyncio.run(main())
