"""What the tests share: a service in memory behind each face, an origin's shop and a phone."""

import json
import os
import sys
import time
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from zlib import crc32

import attrs
import django
import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import include, path
from fastapi import FastAPI
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from counterseal.credentials.documents import write_basic, write_cx1
from counterseal.models import Codes, Scheme
from counterseal.policy import STANDARD
from counterseal_asgi import AsgiApplication
from counterseal_flask import admin_blueprint, device_blueprint, service_blueprint
from counterseal_testing import FakeService
from counterseal_web import Service, Settings
from counterseal_web.wsgi import WsgiApplication

sys.path.insert(0, str(Path(__file__).parent))

from asgi_client import as_wsgi
from served import ServedService, stop_later, stop_servers

BASE = "https://service.example"


def wsgi(service, prefix=""):
    app = WsgiApplication(service)
    return DispatcherMiddleware(nothing, {prefix: app}) if prefix else app


def nothing(_, start_response):
    """Answer what is no path of ours."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return []


def in_flask(service, prefix=""):
    app = Flask("auth")
    blueprints = [service_blueprint(service), device_blueprint(service)]
    if service.settings.administration:
        blueprints.append(admin_blueprint(service))
    for blueprint in blueprints:
        app.register_blueprint(blueprint, url_prefix=prefix or None)
    return app


def asgi(service, prefix=""):
    app = AsgiApplication(service)
    return as_wsgi(mounted(app, prefix, not_found) if prefix else app)


def in_fastapi(service, prefix=""):
    app = FastAPI(openapi_url=None)
    app.mount(prefix, AsgiApplication(service))
    return as_wsgi(app)


def in_django(service, prefix=""):
    return as_wsgi(mounted(AsgiApplication(service), prefix, django_host()))


@cache
def django_host():
    """Return the host's own application, which is dear to make and knows nothing of ours."""
    configure_django()
    return get_asgi_application()


def configure_django():
    if not django_settings.configured:
        # Django's own lines name each address that is refused; tests look at the service's.
        quiet = {
            "version": 1,
            "disable_existing_loggers": False,
            "loggers": {"django.request": {"level": "CRITICAL"}},
        }
        django_settings.configure(
            ALLOWED_HOSTS=["*"], ROOT_URLCONF="django.conf.urls", LOGGING=quiet
        )
    if not apps.ready:
        django.setup()


class DjangoUrls:
    """The URLs of a project that includes counterseal-django."""

    def __init__(self, prefix):
        self.urlpatterns = [path(f"{prefix}/".lstrip("/"), include("counterseal_django.urls"))]


def serving_by_django(service, prefix):
    """Let a Django project include counterseal-django until the test ends; return what calls do."""
    configure_django()
    from counterseal_django.wiring import Approvals, replaced_approvals  # noqa: PLC0415 (it needs settings)

    settings = ExitStack()
    urls = DjangoUrls(prefix)
    settings.enter_context(override_settings(ALLOWED_HOSTS=["*"], ROOT_URLCONF=urls, MIDDLEWARE=[]))
    stop_later(settings)
    return partial(replaced_approvals, Approvals(None, service, None, None))


def in_django_wsgi(service, prefix=""):
    serving = serving_by_django(service, prefix)
    handler = WSGIHandler()

    def respond(environ, start_response):
        with serving():
            return handler(environ, start_response)

    return respond


def in_django_asgi(service, prefix=""):
    serving = serving_by_django(service, prefix)
    handler = ASGIHandler()

    async def respond(scope, receive, send):
        with serving():
            await handler(scope, receive, send)

    app = as_wsgi(respond)
    app.stores_bodies = True
    return app


def served(service, prefix=""):
    app = ServedService(service)
    # As a proxy does that `serve` stands behind.
    return DispatcherMiddleware(nothing, {prefix: app}) if prefix else app


def mounted(app, prefix, host):
    """Return *host* with *app* under *prefix*, as a host without a router has it."""

    async def respond(scope, receive, send):
        if f"{scope['path']}/".startswith(f"{prefix}/"):
            await app({**scope, "root_path": prefix}, receive, send)
        else:
            await host(scope, receive, send)

    return respond


async def not_found(scope, receive, send):
    """Answer what is no path of ours."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


FACES = {
    "wsgi": wsgi,
    "flask": in_flask,
    "asgi": asgi,
    "fastapi": in_fastapi,
    "django": in_django,
    "django_wsgi": in_django_wsgi,
    "django_asgi": in_django_asgi,
    "serve": served,
}
"""Each takes a service and the prefix that it is mounted under, and returns a WSGI callable."""

EVERY_FACE = "EVERY_FACE" in os.environ
"""Whether every test runs over each of them."""

IN_PROCESS = [name for name, face in FACES.items() if face is not served]


def pytest_generate_tests(metafunc):
    if "face" in metafunc.fixturenames:
        metafunc.parametrize("face", faces_of(metafunc.definition), indirect=True)


def faces_of(definition):
    """
    Return the names of the faces over which a test runs.

    They behave alike in every operation, as `test_every_operation` shows, so that a test runs over
    one of them: its name says which.
    """
    if EVERY_FACE or definition.get_closest_marker("every_face"):
        return list(FACES)
    if definition.get_closest_marker("each_host"):
        return IN_PROCESS
    if definition.get_closest_marker("sync_and_async"):
        return ["wsgi", "asgi"]
    if definition.get_closest_marker("one_face"):
        return IN_PROCESS[:1]
    number = crc32(definition.name.encode())
    name = IN_PROCESS[number % len(IN_PROCESS)]
    # An application of Flask takes a tenth of a second to make, one of WSGI a hundredth of that.
    return ["wsgi" if name == "flask" and number // len(IN_PROCESS) % 4 else name]


@attrs.frozen
class Served:
    """A service behind one face."""

    app: object

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)

    def test_client(self):
        return Client(self.app)

    @property
    def port(self):
        """Where it is served already; None for a face that is called in this process."""
        return getattr(self.app, "port", None)

    @property
    def parses_before(self):
        """Whether a server or Django's handler for ASGI reads a request before the service does."""
        return self.port is not None or getattr(self.app, "stores_bodies", False)

    def require_limited_bodies(self):
        """Skip the test where the host stores a whole body before it calls anybody."""
        if getattr(self.app, "stores_bodies", False):
            pytest.skip("Django's handler for ASGI stores a whole body, whatever its length")


def application(face, ports, policy=STANDARD, *, prefix="", monotonic=time.monotonic, **settings):
    settings = Settings(**{"public_url": BASE, **settings})
    return Served(face(Service(ports, policy, settings, monotonic=monotonic), prefix))


class TickingClock:
    """A monotonic clock that *seconds* pass on between one reading and the next."""

    def __init__(self, seconds):
        self._now, self._seconds = 0.0, seconds

    def __call__(self):
        self._now += self._seconds
        return self._now


@attrs.define
class Shop:
    """An origin that calls with Basic."""

    client: object
    headers: dict

    def call(self, method, path, **kwargs):
        headers = self.headers | kwargs.pop("headers", {})
        return self.client.open(path, method=method, headers=headers, **kwargs)

    def get(self, path, **kwargs):
        return self.call("GET", path, **kwargs)

    def put(self, path, **kwargs):
        return self.call("PUT", path, **kwargs)

    def post(self, path, **kwargs):
        return self.call("POST", path, **kwargs)

    def patch(self, path, **kwargs):
        return self.call("PATCH", path, **kwargs)


@attrs.define
class DeviceClient:
    """A phone that calls over HTTP."""

    client: object
    phone: object

    def call(self, method, path, body=b"", *, media_type="application/json", base=""):
        call = self.phone.call(base + path, body, method=method)
        return self.client.open(
            path,
            method=method,
            data=body or None,
            content_type=media_type if body else None,
            headers={"Counterseal-Proof": call.proof},
        )

    def get(self, path):
        return self.call("GET", path)

    def show(self, guid):
        return self.get(f"/device/requests/{guid}").json["display"]

    def answer(self, guid, button=0, *, pin=None, code=None):
        token = self.phone.device.answer(
            self.show(guid), button, pin=pin or self.phone.pin, code=code
        )
        return self.send("/device/answer", token)

    def disown(self, guid):
        return self.send("/device/disown", self.phone.device.disown(self.show(guid)))

    def send(self, path, token):
        return self.call("POST", path, token.encode(), media_type="application/jose")


@attrs.define
class Desk:
    """An administrator, each of whose calls has a time of its own."""

    client: object
    world: object
    guid: str
    secret: str
    call_count: int = 0

    def call(self, method, path, document=None):
        body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
        return self.send(method, path, body)

    def send(self, method, path, body, media_type="application/json"):
        self.call_count += 1
        header = write_cx1(
            self.secret,
            method=method,
            uri=BASE + path,
            milliseconds=int(self.world.clock.now().timestamp() * 1000) + self.call_count,
            guid=self.guid,
            body=body,
        )
        return self.client.open(
            path,
            method=method,
            data=body or None,
            content_type=media_type if body else None,
            headers={"Authorization": header},
        )

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, document):
        return self.call("POST", path, document)

    def patch(self, path, document):
        return self.call("PATCH", path, document)

    def delete(self, path):
        return self.call("DELETE", path)


@pytest.fixture
def world():
    return FakeService()


@pytest.fixture
def face(request):
    """What puts a service behind one face; see `FACES`."""
    yield FACES[request.param]
    stop_servers()


@pytest.fixture
def app(face, world):
    return application(face, world.ports)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def shop(world, client):
    return shop_of(world, client, world.origin)


@pytest.fixture
def neighbour(world, client):
    """Another origin of the same App Space."""
    return shop_of(world, client, world.new_origin(world.app_space, "Another shop"))


@pytest.fixture
def stranger(world, client):
    """An origin of another App Space."""
    return shop_of(world, client, world.new_origin(world.new_app_space("Other"), "Elsewhere"))


@pytest.fixture
def device_client(world, client):
    return DeviceClient(client, world.bind("user-42"))


@pytest.fixture
def employ(world, client):
    def employ(**scope):
        issued = world.credentials.create_admin("An admin", **scope)
        return Desk(client, world, issued.guid, issued.secret)

    return employ


@pytest.fixture
def desk(employ):
    """An administrator of all companies."""
    return employ(all_companies=True)


@pytest.fixture
def company(world):
    return f"/admin/api/companies/{world.company.guid}"


@pytest.fixture
def app_space(world, company):
    return f"{company}/appSpaces/{world.app_space.guid}"


@pytest.fixture
def origin(world, app_space):
    return f"{app_space}/requestOrigins/{world.origin.origin.guid}"


def shop_of(world, client, party):
    secret = world.credentials.issue(party.origin.guid, Scheme.BASIC).secret
    return Shop(client, {"Authorization": write_basic(secret, guid=party.origin.guid)})


def cx_shop(world, client):
    """An origin as the CX admin calls make it: its codes are echoed."""
    party = world.new_origin(world.app_space, "CX client", codes=Codes.ECHOED)
    return shop_of(world, client, party)


def signed(world, credential, method, uri, body=b""):
    guid, secret = credential
    now = int(world.clock.now().timestamp() * 1000)
    return write_cx1(secret, method=method, uri=uri, milliseconds=now, guid=guid, body=body)


def ask(shop, **members):
    body = {"accountId": "user-42", "content": "Pay 10 EUR to Zoë?"} | members
    return shop.post("/request/add", json=body)


@pytest.fixture
def kit(face):
    """The functions of this file: test modules cannot import it."""
    return SimpleNamespace(
        Desk=Desk,
        DeviceClient=DeviceClient,
        TickingClock=TickingClock,
        application=partial(application, face),
        ask=ask,
        cx_shop=cx_shop,
        served=lambda service: Served(face(service)),
        shop_of=shop_of,
        signed=signed,
    )
