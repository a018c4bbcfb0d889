"""Where an app may take its user back: exactly where it says, but for a loopback port."""

import attrs
import pytest

from counterseal.errors import InvalidField
from counterseal.models import ClientAuth, IdpSettings
from counterseal.policy import STANDARD
from counterseal.tenancy.rules.addresses import idp_fits, return_allowed, return_fits

ALLOWED = (
    "com.example.app:/login",
    "https://app.example/login",
    "http://127.0.0.1/back",
    "http://[::1]:4000/back",
)
SETTINGS = IdpSettings(issuer="https://idp.example", client_id="c", returns=ALLOWED)


@pytest.mark.parametrize(
    "uri",
    [
        *ALLOWED,
        "http://127.0.0.1:51004/back",
        "http://127.0.0.1:1/back",
        "http://[::1]/back",
        "http://[::1]:65535/back",
    ],
)
def test_takes_what_is_allowed_at_any_loopback_port(uri):
    return_allowed(uri, ALLOWED, STANDARD)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "com.example.app:/login/",
        "com.example.app:/Login",
        "com.example.app:/login?x=1",
        "com.example.app:/login#x",
        "com.example.app2:/login",
        "org.evil.app:/login",
        "https://app.example:444/login",
        "https://app.example/login/../other",
        "https://APP.example/login",
        "https://app.example.evil.example/login",
        "https://app.example@evil.example/login",
        "http://app.example/login",
        "http://127.0.0.1/other",
        "http://127.0.0.1:0/back",
        "http://127.0.0.1:99999/back",
        "http://127.0.0.1:80@evil.example/back",
        "http://127.0.0.1.evil.example/back",
        "http://127.0.0.2/back",
        "http://localhost/back",
        "https://127.0.0.1:51004/back",
        "http://127.0.0.1/back\n",
        "http://[::1]:4000/back/",
        "com.example.app:/login\n",
        "com.example.app:/" + "x" * 2_000,
    ],
)
def test_refuses_anything_else(uri, refusing):
    with refusing("return_forbidden"):
        return_allowed(uri, ALLOWED, STANDARD)


def test_one_loopback_address_does_not_stand_for_the_other(refusing):
    with refusing("return_forbidden"):
        return_allowed("http://[::1]/back", ("http://127.0.0.1/back",), STANDARD)


def test_an_app_space_that_names_nothing_lets_nobody_back(refusing):
    with refusing("return_forbidden"):
        return_allowed(ALLOWED[0], (), STANDARD)


LOCALHOST = attrs.evolve(STANDARD, return_localhost=True)


@pytest.mark.parametrize("uri", ["http://localhost:5173/app/", "http://localhost/back"])
def test_localhost_is_for_services_whose_policy_says_so(uri, refusing):
    return_fits(uri, LOCALHOST, field="returns")
    return_allowed(uri, (uri,), LOCALHOST)
    with pytest.raises(InvalidField, match="localhost"):
        return_fits(uri, STANDARD, field="returns")
    settings = attrs.evolve(SETTINGS, returns=(uri,))
    idp_fits(settings, LOCALHOST)
    with refusing("invalid_field", "idp.returns[0]"):
        idp_fits(settings, STANDARD)
    # What was allowed ends with the setting.
    with refusing("return_forbidden"):
        return_allowed(uri, (uri,), STANDARD)


@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:5174/app/",
        "http://localhost/app/",
        "http://127.0.0.1:5173/app/",
        "https://localhost:5173/app/",
        "http://localhost:5173/app",
        "http://LOCALHOST:5173/app/",
        "http://localhost.:5173/app/",
        "http://localhost.evil.example:5173/app/",
        "http://a.localhost:5173/app/",
        "http://localhost:5173@evil.example/app/",
    ],
)
def test_localhost_is_allowed_at_its_port_only(uri, refusing):
    with refusing("return_forbidden"):
        return_allowed(uri, ("http://localhost:5173/app/",), LOCALHOST)


LONGEST = "com.example.app:/".ljust(1_024, "x")


@pytest.mark.parametrize(
    "uri", [*ALLOWED, "com.example.app://login", "com.example:/", "a.b:/c/d", LONGEST]
)
def test_these_may_be_allowed(uri):
    return_fits(uri, STANDARD, field="returns")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "app:/login",
        "javascript:alert(1)",
        "com.example.app",
        "com.example.app:login",
        "COM.example:/login",
        "http://localhost/back",
        "http://app.example/back",
        "ftp://app.example/back",
        "https://app.example/{*}",
        "https://user@app.example/",
        "https://app.example/?next=1",
        "https://app.example/%2e%2e",
        "https:///path",
        "com.example:/a//b",
        "com.example:///a",
        f"{LONGEST}x",
    ],
)
def test_these_may_not_be_allowed(uri):
    with pytest.raises(InvalidField) as caught:
        return_fits(uri, STANDARD, field="returns")
    assert caught.value.field == "returns"


def test_settings_fit():
    idp_fits(SETTINGS, STANDARD)
    idp_fits(attrs.evolve(SETTINGS, returns=ALLOWED[:1] * 10), STANDARD)
    idp_fits(attrs.evolve(SETTINGS, redirect_uri="https://seal.example/login/return"), STANDARD)
    idp_fits(
        attrs.evolve(SETTINGS, client_auth=ClientAuth.BASIC, sealed_secret=b"sealed"), STANDARD
    )


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("idp.redirectUri", {"redirect_uri": "javascript:alert(1)"}),
        ("idp.returns", {"returns": ALLOWED[:1] * 11}),
        ("idp.returns[1]", {"returns": (ALLOWED[0], "app:/x")}),
        ("idp.scopes", {"scopes": ("email",)}),
        ("idp.algorithms", {"algorithms": ()}),
        ("idp.clientSecret", {"sealed_secret": b"sealed"}),
        ("idp.clientSecret", {"client_auth": ClientAuth.POST}),
    ],
)
def test_settings_that_no_log_in_could_use_are_refused(field, changes):
    with pytest.raises(InvalidField) as caught:
        idp_fits(attrs.evolve(SETTINGS, **changes), STANDARD)
    assert caught.value.field == field
