"""Blueprints: routes for every operation in a host's app, whose own handlers are not touched."""

import re

import pytest
from flask import Blueprint, Flask, jsonify

from counterseal.credentials.documents import write_cx1
from counterseal.models import Scheme
from counterseal_flask import Service, Settings, admin_blueprint, create_blueprints
from counterseal_testing import FakeService
from counterseal_web import ADMIN_API, OPERATIONS

BASE = "https://service.example"
COMPANIES = "/admin/api/companies"


@pytest.fixture
def world():
    return FakeService()


def mount(app, world, *, url_prefix=None, **settings):
    """Register the blueprints in *app*, and return its client."""
    settings = Settings(**{"public_url": BASE, **settings})
    for blueprint in create_blueprints(world.ports, world.policy, settings):
        app.register_blueprint(blueprint, url_prefix=url_prefix)
    return app.test_client()


def is_problem(reply, status):
    return (
        reply.status_code == status
        and reply.content_type == "application/problem+json"
        and reply.json["status"] == status
    )


def test_e13_a_foreign_app_keeps_its_own_handlers(world):
    app = Flask("host")

    @app.errorhandler(404)
    @app.errorhandler(405)
    @app.errorhandler(413)
    @app.errorhandler(500)
    def handler(error):
        return jsonify(host=error.code), error.code

    @app.errorhandler(Exception)
    def everything(error):
        return jsonify(host=type(error).__name__), getattr(error, "code", 500)

    @app.post("/accounts")
    def accounts():
        raise KeyError

    @app.post("/api/orders")
    def orders():
        return "", 204

    client = mount(app, world)
    assert client.get("/nothing").json == {"host": 404}
    assert client.get("/api/nothing").json == {"host": 404}
    assert client.get("/").json == {"host": 404}
    assert client.get("/accounts").json == {"host": 405}
    assert client.get("/api/orders").json == {"host": 405}
    assert client.post("/accounts").json == {"host": "KeyError"}
    assert client.post("/api/orders").status_code == 204
    assert is_problem(client.get("/request/nothing/at/all"), 404)
    assert is_problem(client.get("/api/request/add"), 405)
    assert is_problem(client.get("/api/request/getRequest"), 401)


def test_e13_the_blueprints_may_be_part_of_another(world):
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    settings = Settings(public_url=f"{BASE}/outer/inner")
    for blueprint in create_blueprints(world.ports, world.policy, settings):
        outer.register_blueprint(blueprint, url_prefix="/inner")
    app = Flask("host")
    app.register_blueprint(outer)
    client = app.test_client()
    assert client.get("/outer/inner/openapi.json").json["servers"] == [
        {"url": f"{BASE}/outer/inner"}
    ]
    assert is_problem(client.get("/outer/inner/request/no/such"), 404)
    assert is_problem(client.get("/outer/inner/api/request/add"), 405)
    assert client.get("/outer/request/add").mimetype == "text/html"


def routes(app, prefix):
    """Return the methods and paths of the blueprints whose names begin with *prefix*."""
    return {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(prefix) and rule.methods is not None
        for method in rule.methods - {"HEAD"}
    }


def test_e14_the_table_is_the_routes(world):
    app = Flask("auth")
    mount(app, world, administration=True)
    assert routes(app, "counterseal_admin") == {(each.method, each.path) for each in ADMIN_API}
    rules = routes(app, "counterseal_service") | routes(app, "counterseal_device")
    paths = {(each.method, each.path) for each in OPERATIONS}
    both = {(method, f"/api{path}") for method, path in paths} & rules
    assert rules == paths | both
    assert routes(app, "counterseal_device").isdisjoint(
        {(method, path.removeprefix("/api")) for method, path in both}
    )


def test_the_administrators_paths_are_the_hosts_without_the_setting(world):
    client = mount(Flask("auth"), world)
    assert (client.get(COMPANIES).status_code, client.get(COMPANIES).mimetype) == (404, "text/html")


def test_one_blueprint_is_enough(world):
    app = Flask("desk")
    service = Service(world.ports, world.policy, Settings(public_url=BASE))
    app.register_blueprint(admin_blueprint(service))
    issued = world.credentials.create_admin("An admin", all_companies=True, scheme=Scheme.HMAC)
    milliseconds = int(world.clock.now().timestamp() * 1000)
    header = write_cx1(
        issued.secret,
        method="GET",
        uri=BASE + COMPANIES,
        milliseconds=milliseconds,
        guid=issued.guid,
        body=b"",
    )
    reply = app.test_client().get(COMPANIES, headers={"Authorization": header})
    assert [each["name"] for each in reply.json] == [world.company.name]
    assert app.test_client().get("/openapi.json").mimetype == "text/html"


@pytest.mark.parametrize("base", ["", "/auth"])
def test_two_slashes_in_front_are_another_path_and_no_redirect(world, base):
    client = mount(Flask("host"), world, url_prefix=base or None, administration=True)
    # Werkzeug takes the first of them away, and Flask's client takes what follows for a host.
    for path in ("/.well-known/jwks.json", "/request/add", "/admin/api/companies", "/device/bind"):
        overrides = {"PATH_INFO": f"/{base}{path}"}
        reply = client.post("/", environ_overrides=overrides)
        assert (reply.status_code, reply.json["code"]) == (404, "no_such_endpoint"), path
