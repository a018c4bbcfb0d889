"""The URLs inside Django's routing: its hosts and middleware apply, its transactions do not."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.test import Client, override_settings
from django.urls import include, path

from counterseal.testing import FakeService
from counterseal_django.testing import fake_approvals

PATIENCE = 240
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]


class Urls:
    """The project's URLconf."""

    urlpatterns = (path("auth/", include("counterseal_django.urls")),)


@pytest.fixture
def fake():
    """A service in memory, with a device."""
    return FakeService()


@pytest.fixture
def client(members, fake):
    """A browser of a project whose service is the fake."""
    members = members | {"HTTP": {"waiters": 1}}
    with (
        override_settings(
            COUNTERSEAL=members,
            ROOT_URLCONF=Urls(),
            ALLOWED_HOSTS=["shop.example"],
            MIDDLEWARE=MIDDLEWARE,
        ),
        fake_approvals(fake),
    ):
        yield Client(enforce_csrf_checks=True, headers={"host": "shop.example"})


def signed(phone, path, method="GET"):
    """Return the headers of a device's call."""
    call = phone.device.signed_call(method, f"https://shop.example/auth{path}", b"")
    return {"Counterseal-Proof": call.proof}


def test_a_signed_call_needs_no_csrf_token(client, fake):
    phone = fake.bind("42")
    headers = signed(phone, "/device/lock", "POST")
    assert client.generic("POST", "/auth/device/lock", headers=headers).status_code == 204


@pytest.mark.parametrize("path", ["/device/requests", "/device/nothing", "//device/bind", "/%0A"])
def test_refusals_are_problems_of_counterseal(client, path):
    reply = client.get(f"/auth{path}")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["status"] == reply.status_code


def test_another_host_is_refused_by_django(client):
    reply = client.get("/auth/.well-known/jwks.json", headers={"host": "evil.example"})
    assert (reply.status_code, reply.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_middleware_applies(client):
    assert client.get("/auth/.well-known/jwks.json").headers["X-Content-Type-Options"] == "nosniff"
    assert "Cross-Origin-Opener-Policy" in client.get("/auth/.well-known/jwks.json").headers


def test_the_browser_device_is_served_below_the_same_prefix(client):
    assert client.get("/auth/app").headers["Location"] == "app/"
    page = client.get("/auth/app/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert client.get("/auth/app/", headers={"If-None-Match": page.headers["ETag"]}).content == b""
    assert client.get("/auth/application").json()["code"] == "no_such_endpoint"


def test_a_body_is_read_no_further_than_the_limit(client, monkeypatch):
    sizes = []
    monkeypatch.setattr(
        "django.http.HttpRequest.read", lambda _, size: sizes.append(size) or b" " * size
    )
    limit = 131_072
    replies = [
        client.post("/auth/device/bind", b" " * length, "application/json").json()
        for length in (limit, limit + 1)
    ]
    assert [reply["code"] for reply in replies] == ["invalid_field", "too_large"]
    assert sizes == [limit]


def test_transactions_of_requests_do_not_wrap_it(client, set_databases, sqlite_databases):
    set_databases(default=sqlite_databases.bare() | {"ATOMIC_REQUESTS": True})
    statements = []

    def record(execute, sql, *args):
        statements.append(sql)
        return execute(sql, *args)

    with connections["default"].execute_wrapper(record):
        for path in ("device/nothing", "device/requests", "app/"):
            client.get(f"/auth/{path}")
    assert statements == []


class AsgiCall:
    """One call of the project's ASGI application."""

    def __init__(self, path, headers):
        self._path, _, query = path.partition("?")
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": self._path,
            "query_string": query.encode(),
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {"Host": "shop.example", **headers}.items()
            ],
        }
        self.messages = asyncio.Queue()
        self.disconnected = asyncio.Event()
        self._received = False

    async def run(self):
        await ASGIHandler()(self._scope, self._receive, self.messages.put)

    async def next(self):
        async with asyncio.timeout(PATIENCE):
            return await self.messages.get()

    async def _receive(self):
        if self._received:
            await self.disconnected.wait()
            return {"type": "http.disconnect"}
        self._received = True
        return {"type": "http.request", "body": b"", "more_body": False}


def test_a_client_that_goes_frees_its_place(client, fake):
    """In the event loop, where one may wait."""
    phone = fake.bind("42")

    async def wait_and_go(path):
        call = AsgiCall(f"/auth{path}", signed(phone, path))
        running = asyncio.create_task(call.run())
        start = await call.next()
        assert start["status"] == HTTPStatus.OK
        assert (await call.next())["body"].startswith(b"retry: ")
        refused = AsgiCall(f"/auth{path}", signed(phone, path))
        await refused.run()
        assert (await refused.next())["status"] == HTTPStatus.SERVICE_UNAVAILABLE
        call.disconnected.set()
        async with asyncio.timeout(PATIENCE):
            await running

    async def poll(path):
        call = AsgiCall(f"/auth{path}", signed(phone, path))
        running = asyncio.create_task(call.run())
        fake.ask("42", "Pay?")
        await call.next()
        body = json.loads((await call.next())["body"])
        await running
        return body

    async def all_in_turn():
        for _ in range(2):
            await wait_and_go("/device/requests/events")
        return await poll("/device/requests?wait=20&known=")

    # In a thread of its own, whose event loop takes no handlers of signals.
    with ThreadPoolExecutor(1) as threads:
        body = threads.submit(asyncio.run, all_in_turn()).result(PATIENCE)
    assert len(body["requests"]) == 1
