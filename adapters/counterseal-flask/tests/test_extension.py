"""The extension: one line registers the API and the device in the browser."""

import pytest
from flask import Flask

from counterseal.errors import PolicyUnsound
from counterseal_flask import Counterseal, Service, Settings
from counterseal_testing import FakeService

BASE = "https://shop.example"


@pytest.fixture
def world():
    return FakeService()


def make_service(world, public_url=BASE, **settings):
    return Service(world.ports, world.policy, Settings(public_url=public_url, **settings))


def test_a_device_signs_the_whole_address(world):
    """Its prefix is the end of `public_url`, as under every other host."""
    app = Flask("shop")
    counterseal = Counterseal(service=make_service(world, f"{BASE}/auth"), url_prefix="/auth")
    counterseal.init_app(app)
    assert app.extensions["counterseal"] is counterseal
    phone = world.bind("zoe")
    for address, status in (
        (f"{BASE}/auth/device/requests", 200),
        (f"{BASE}/device/requests", 403),
    ):
        call = phone.device.signed_call("GET", address)
        reply = app.test_client().get(
            "/auth/device/requests", headers={"Counterseal-Proof": call.proof}
        )
        assert reply.status_code == status


def test_administrators_are_served_where_the_settings_say_so(world):
    for administration, status in ((False, 404), (True, 401)):
        app = Flask("shop")
        Counterseal(app, service=make_service(world, administration=administration))
        assert app.test_client().get("/admin/api/companies").status_code == status


@pytest.mark.parametrize(("public_url", "prefix"), [(BASE, "/auth"), (f"{BASE}/auth", "/other")])
def test_a_prefix_that_no_address_has_is_refused(world, public_url, prefix):
    with pytest.raises(PolicyUnsound, match="public_url"):
        Counterseal(service=make_service(world, public_url), url_prefix=prefix)
