"""The app at an address of its own: a static site of one web origin, and a service of another."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from counterseal_client import StrongKey, require_approved

MINUTES = timedelta(minutes=5)


@pytest.fixture
def addresses(device):
    """The addresses that the browser sends requests to."""
    requested_addresses = []
    device.page.on("request", lambda request: requested_addresses.append(request.url))
    return requested_addresses


@pytest.mark.service_worker
def test_it_binds_with_a_passkey_and_answers(device, far_origin, app_site, tmp_path):
    device.authenticate()
    link = far_origin.link("user-far")
    assert link.startswith(f"{app_site.url}/#bind?st=")
    assert link.endswith(f"&service={quote(far_origin.url, safe='')}")
    device.bind_passkey(link)
    assert device.page.url == f"{app_site.url}/#/"
    logo = "() => document.querySelector('.space img')?.naturalWidth === 64"
    device.page.wait_for_function(logo)
    source = device.page.locator(".space img").get_attribute("src")
    assert source.startswith(f"{far_origin.url}/device/logo/")
    pending = far_origin.client.ask("user-far", "Log in?", duration=MINUTES)
    device.open_request()
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    reply = far_origin.wait(pending)
    far_origin.verify(reply.receipt, tmp_path)
    assert require_approved(reply, pending, far_origin.trust, requirements=[StrongKey()])


def test_without_a_fitting_relying_party_it_offers_a_pin(device, far_origin):
    """Chromium makes no passkeys for another domain than the page's, so that none is offered."""
    device.authenticate()

    def move(route):
        response = route.fetch()
        route.fulfill(response=response, json=response.json() | {"rpId": "bank.example"})

    device.page.route("**/device/invitation", move)
    device.page.goto(far_origin.link("user-pin"))
    device.page.get_by_text("Next you choose a PIN").wait_for()
    assert device.page.get_by_role("radio").count() == 0


OTHER_SERVICES = {
    "https://auth.example.com": "for \u2068https://auth.example.com\u2069,",
    "http://localhost:1": "for \u2068http://localhost:1\u2069,",
    "": "not a link to add an account",
    "javascript:0": "not a link to add an account",
}
"""What a link says of its service, and what the app says of the link."""


@pytest.mark.parametrize("service", OTHER_SERVICES)
def test_a_link_of_another_service_is_refused_before_any_call(
    device, far_origin, app_site, addresses, service
):
    link, _, _ = far_origin.link(f"user {service}").rpartition("&service=")
    device.page.goto(f"{link}&service={quote(service, safe='')}")
    device.page.get_by_role("alert").filter(has_text=OTHER_SERVICES[service]).wait_for()
    assert {address.startswith(f"{app_site.url}/") for address in addresses} == {True}


def test_a_link_without_a_service_is_for_the_apps_own(device, far_origin, addresses):
    link, _, _ = far_origin.link("user-plain").rpartition("&service=")
    device.page.goto(link)
    device.page.locator("#name").wait_for()
    assert f"{far_origin.url}/device/invitation" in addresses
