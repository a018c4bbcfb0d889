"""
Open waiting calls on one ASGI process: what each costs, and what they cost other calls.

    python bench/asgi_waiters.py                  # 10,000 long polls
    python bench/asgi_waiters.py --waiters 1000

The calls go into the application itself, without sockets, with the memory adapters. A request is
loaded when it is woken, and not by time. It prints the threads and the memory for each waiter, the
99th percentile of `POST /request/add` without and with the waiters, and how long it takes until
all are answered and have returned.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import threading
import time
from base64 import b64encode
from datetime import timedelta
from pathlib import Path

import attrs

from counterseal import STANDARD
from counterseal.models import Scheme
from counterseal.testing import FakeService
from counterseal_asgi import DEFAULT_THREADS, AsgiApplication, Service, Settings, aio

ADDS = 1_000
DAY = timedelta(days=1)
GOAL = 1.5
"""How much slower the slowest of 100 adds may be beside the waiters."""


class Shop:
    """An origin that calls the application."""

    def __init__(self, world: FakeService, waiters: int) -> None:
        settings = Settings(
            public_url="https://auth.example", waiters=waiters, wait_limit=DAY, look_every=DAY
        )
        self.app = AsgiApplication(Service(world.ports, world.policy, settings))
        party = world.origin.origin.guid
        secret = world.credentials.issue(party, Scheme.BASIC).secret
        credential = b64encode(f"{party}:{secret}".encode())
        self._headers = [
            (b"authorization", b"Basic " + credential),
            (b"content-type", b"application/json"),
        ]

    async def call(self, method: str, path: str, query: bytes = b"", body: bytes = b"") -> dict:
        messages, incoming = [], asyncio.Queue()
        incoming.put_nowait({"type": "http.request", "body": body})

        async def send(message):
            messages.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query,
            "headers": self._headers,
        }
        await self.app(scope, incoming.get, send)
        document = json.loads(messages[1]["body"])
        assert messages[0]["status"] in {200, 201}, document
        return document

    async def add(self, account: str) -> str:
        body = json.dumps({"accountId": account, "content": "Pay 10 EUR?"}).encode()
        return (await self.call("POST", "/request/add", body=body))["guid"]

    async def wait_for_end(self, guid: str) -> str:
        return (await self.call("GET", f"/request/{guid}", b"wait=3600"))["status"]

    async def slowest_add(self, accounts: list[str]) -> float:
        """Return the 99th percentile, in milliseconds."""
        durations = []
        for account in accounts:
            begin = time.perf_counter()
            await self.add(account)
            durations.append(time.perf_counter() - begin)
        return sorted(durations)[len(durations) * 99 // 100] * 1000


def memory() -> int:
    """Return the bytes that this process has in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(waiters: int) -> None:
    policy = attrs.evolve(
        STANDARD,
        pending_limit=50,
        ask_limit=50,
        ask_limit_origin=50,
        ask_limit_unapproved=50,
        origin_rate=1_000_000,
    )
    world = FakeService(policy=policy)
    shop = Shop(world, waiters)
    accounts = [f"user-{number}" for number in range(-(-waiters // 40))]
    phones = {account: world.bind(account) for account in accounts}
    others = [f"other-{number}" for number in range(-(-2 * ADDS // 40))]
    for account in others:
        world.bind(account)
    adds = [account for account in others for _ in range(40)]
    await shop.slowest_add(adds[:20])
    before = await shop.slowest_add(adds[20:ADDS])

    guids = [
        (await shop.add(accounts[number // 40]), accounts[number // 40])
        for number in range(waiters)
    ]
    bytes_before, threads_before = memory(), threading.active_count()
    calls = [asyncio.create_task(shop.wait_for_end(guid)) for guid, _ in guids]
    while sum(map(len, world.ports.wake._waiting.values())) < waiters:  # noqa: SLF001
        await asyncio.sleep(0.1)
        assert not any(call.done() for call in calls), "one did not wait"
    each = (memory() - bytes_before) / waiters
    threads = threading.active_count() - threads_before
    print(f"{waiters} waiters: {threads} more threads, {each / 1024:.1f} KiB each")
    assert threads <= DEFAULT_THREADS

    beside = await shop.slowest_add(adds[ADDS + 20 :])
    print(
        f"p99 of add: {before:.2f} ms without, {beside:.2f} ms with them: x {beside / before:.2f}"
    )

    begin = time.perf_counter()
    for guid, account in guids:
        phone = phones[account]
        await aio(phone.answer)(await aio(phone.fetch)(guid))
    statuses = await asyncio.gather(*calls)
    seconds = time.perf_counter() - begin
    assert statuses == ["ANSWERED"] * waiters
    print(f"all {waiters} answered and returned in {seconds:.1f} s")
    verdict = "within" if beside <= GOAL * before else "OVER"
    print(f"{verdict} {GOAL} x")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, default=10_000)
    asyncio.run(measure(parser.parse_args().waiters))
