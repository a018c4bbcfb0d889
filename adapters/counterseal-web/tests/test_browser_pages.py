"""The device in the browser is mounted with the HTTP API at once, under every host alike."""

import pytest
from asgi_client import as_wsgi
from fastapi import FastAPI
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from counterseal.errors import PolicyUnsound
from counterseal_asgi import AsgiApplication, AsgiPages
from counterseal_flask import Counterseal
from counterseal_pwa import MOUNT, Pages
from counterseal_testing import FakeService
from counterseal_web import Request, Service, Settings
from counterseal_web.wsgi import WsgiApplication

PREFIX = "/auth"
URL = f"https://shop.example{PREFIX}"
PAGES = Pages()
FOLDER = next(name for name, asset in PAGES.assets.items() if asset.lasts).partition("/")[0]
SERVERS_OWN = {"date", "server"}


def make_service(**settings):
    world = FakeService()
    settings = Settings(**{"public_url": URL, "app_url": URL + MOUNT, **settings})
    return Service(world.ports, world.policy, settings)


def nothing(_, start_response):
    start_response("404 Not Found", [])
    return []


def in_wsgi(service):
    application = WsgiApplication(service, pages=PAGES)
    return DispatcherMiddleware(nothing, {PREFIX: application})


def in_flask(service):
    app = Flask("shop", static_folder=None)
    Counterseal(app, service=service, pages=PAGES, url_prefix=PREFIX)
    return app


def in_fastapi(service):
    app = FastAPI(openapi_url=None)
    app.mount(PREFIX, AsgiApplication(service, pages=PAGES))
    return as_wsgi(app)


HOSTS = {"wsgi": in_wsgi, "flask": in_flask, "fastapi": in_fastapi}


@pytest.fixture(scope="module", params=HOSTS.values(), ids=HOSTS)
def host(request):
    """One line in each host mounts both."""
    return Client(request.param(make_service()))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path", ["", "/", "/worker.js", f"/{FOLDER}/app.js", "/preview", "/nothing.js"]
)
def test_each_host_sends_what_the_pages_say(host, method, path):
    headers = {"Accept-Encoding": "gzip"}
    request = Request(method=method, path=MOUNT + path, headers={"accept-encoding": "gzip"})
    expected = PAGES.respond(request)
    reply = host.open(f"{PREFIX}{MOUNT}{path}", method=method, headers=headers)
    sent_headers = {
        name.lower(): value for name, value in reply.headers if name.lower() not in SERVERS_OWN
    }
    assert reply.status_code == expected.status
    assert sent_headers == {name.lower(): value for name, value in expected.headers}
    assert reply.data == (b"" if method == "HEAD" else expected.body)


def test_the_calls_beside_it_are_served(host):
    described = host.get(f"{PREFIX}/openapi.json").json
    assert described["servers"] == [{"url": URL}]
    assert host.get(f"{PREFIX}/application").status_code == 404
    assert host.get("/app/").status_code == 404


@pytest.mark.parametrize("host_of", HOSTS.values(), ids=HOSTS)
def test_pages_that_no_link_opens_are_refused(host_of):
    with pytest.raises(PolicyUnsound, match="app_url: not set"):
        host_of(make_service(app_url=None))


@pytest.mark.parametrize("mount", ["", "/auth/device"])
def test_it_is_an_application_of_its_own(mount):
    pages = Pages(service="https://auth.example")
    app = FastAPI(openapi_url=None)
    app.mount(mount, AsgiPages(pages))
    client = Client(as_wsgi(app if mount else AsgiPages(pages)))
    for path, content in (("/", b"<!doctype html>"), ("/service.json", b"https://auth.example")):
        reply = client.get(mount + path)
        assert (reply.status_code, content in reply.data) == (200, True)
    assert client.get(f"{mount}/no").status_code == 404
