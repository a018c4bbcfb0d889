"""The calls of the HTTP API within the OpenAPI document of the host."""

import copy

import pytest
from asgi_client import as_wsgi
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import Client

from counterseal.errors import InvalidField
from counterseal_testing import FakeService
from counterseal_web import ADMIN_API, OPERATIONS, Service, Settings, merge_description

URL = "https://shop.example/auth"


def make_service(**settings):
    world = FakeService()
    return Service(world.ports, world.policy, Settings(public_url=URL, **settings))


@pytest.fixture
def app():
    app = FastAPI(title="Shop")

    @app.get("/orders/{order}")
    def show_order(order: str) -> dict[str, str]:
        return {"order": order}

    return app


def references(value):
    """Yield each reference in *value*."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("administration", [False, True])
def test_the_document_of_the_host_has_every_call_under_the_prefix(app, administration):
    service, describe = make_service(administration=administration), app.openapi
    own = copy.deepcopy(describe())
    app.openapi = lambda: merge_description(describe(), service, "/auth")
    client = Client(as_wsgi(app))
    merged = client.get("/openapi.json").json
    assert client.get("/openapi.json").json == merged
    OpenAPIV31SpecValidator(merged).validate()
    assert merged["info"] == own["info"]
    assert merged["paths"]["/orders/{order}"] == own["paths"]["/orders/{order}"]
    operations = {
        (method.upper(), path.removeprefix("/auth"), operation["operationId"])
        for path, methods in merged["paths"].items()
        if path.startswith("/auth/")
        for method, operation in methods.items()
    }
    served = (*OPERATIONS, *ADMIN_API) if administration else OPERATIONS
    assert operations == {(each.method, each.path, f"counterseal_{each.id}") for each in served}
    names = {f"#/components/schemas/{name}" for name in merged["components"]["schemas"]}
    assert {*references(merged)} <= names
    schemes = {
        name
        for methods in merged["paths"].values()
        for operation in methods.values()
        for scheme in operation.get("security", ())
        for name in scheme
    }
    assert schemes == {*merged["components"]["securitySchemes"]}


def test_a_path_that_is_the_hosts_is_refused(app):
    document = {**app.openapi(), "paths": {"/device/bind": {}}}
    with pytest.raises(InvalidField, match="/device/bind"):
        merge_description(document, make_service(), "")
