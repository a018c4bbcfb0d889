"""A new phone: two browsers are two devices; one invites the other, and decides on it."""

import re
from datetime import UTC, datetime, timedelta

import zxingcpp
from browser_waits import look_at

from counterseal.models import BindingState
from counterseal_client import StrongKey, require_approved

MINUTES = timedelta(minutes=5)
NAME = "A new phone"


def invite(old, url):
    """Press the button in the account's view; return the link, which has the browser's address."""
    old.open_account()
    old.page.get_by_role("button", name="Add another device").click()
    link = old.page.locator("#new-link").input_value()
    assert link.startswith(f"{url}/app/#bind?")
    return link


def bind_new(new, link):
    """Open the link in a browser with an authenticator of its own, and make a passkey."""
    new.authenticate()
    new.page.goto(link)
    new.page.get_by_role("radio", name="Passkey").wait_for()
    new.page.locator("#name").fill(NAME)
    new.page.locator("form button.main").click()


PIXELS = """async (picture) => {
  const image = await createImageBitmap(new Blob([Uint8Array.from(picture)]));
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const { data } = canvas.getImageData(0, 0, image.width, image.height);
  return [image.width, image.height, [...data].filter((_, at) => at % 4 === 1)];
}"""


def scan(device):
    """Read the QR code from a picture of the screen, as another phone's camera does."""
    picture = device.page.locator(".qr").screenshot()
    width, height, pixels = device.page.evaluate(PIXELS, list(picture))
    image = memoryview(bytes(pixels)).cast("B", (height, width))
    (barcode,) = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return barcode.text


def read_code(device):
    return device.page.locator(".comparison dd").inner_text()


def test_it_is_added_and_answers_with_its_own_passkey(device, origin, open_device, tmp_path):
    device.bind(origin.link("user-added"))
    link = invite(device, origin.url)
    scanned_link = scan(device)
    assert scanned_link == link
    with open_device() as new:
        bind_new(new, scanned_link)
        new.wait_for_heading("Not yet confirmed")
        code = read_code(new)
        device.wait_for_heading("Add this new device?")
        view = device.page.locator("main").inner_text()
        assert len(code) == len("XN3VM-CD4Z4")
        assert all(text in view for text in (code, NAME, "Does the other screen show the same"))
        device.press("Add", pin="739155")
        device.page.locator("#pin-problem", has_text="Wrong PIN. Attempts left:").wait_for()
        device.give_pin("739154")
        device.wait_for_heading("Added")
        added = device.page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")
        assert f"You can now also answer on {NAME}." in added
        look_at(new.page)
        new.wait_for_heading("You are set up")
        pending = origin.client.ask("user-added", "Log in?", duration=MINUTES)
        new.follow(new.page.locator("a.button.main"))
        new.open_request()
        new.press("Approve", pin=None)
        new.wait_for_heading("Approved")
    reply = origin.wait(pending)
    origin.verify(reply.receipt, tmp_path)
    assert require_approved(reply, pending, origin.trust, requirements=[StrongKey()])


def test_its_owner_moves_to_it_and_removes_the_old_one(device, origin, open_device):
    device.authenticate()
    device.bind_passkey(origin.link("user-moved"))
    link = invite(device, origin.url)
    device.page.goto(f"{origin.url}/app/#/")
    with open_device() as new:
        bind_new(new, link)
        code = read_code(new)
        device.page.reload()
        device.follow(device.page.get_by_role("link", name=f"New device waits: {NAME}"))
        device.wait_for_heading("Add this new device?")
        assert read_code(device) == code
        device.press("Move to it", pin=None)
        device.press("Cancel", pin=None)
        device.page.locator("dialog").wait_for(state="detached")
        device.press("Move to it", pin=None)
        question = device.page.locator("dialog").inner_text()
        assert all(text in question for text in (NAME, "This device is then removed"))
        device.press("Move, and remove this device", pin=None)
        device.wait_for_heading("Moved")
        look_at(new.page)
        new.wait_for_heading("You are set up")
    states = {each.name: each.state for each in origin.client.devices("user-moved")}
    assert states == {"Computer (Chrome)": BindingState.REVOKED, NAME: BindingState.ACTIVE}
    device.page.get_by_role("button", name="Remove this account").click()
    device.wait_for_heading("Add your first account")


def test_nobody_confirms_it_in_time(device, origin, open_device):
    """Its view ends by the time that the service said; here it says a time that is near."""
    device.bind_passkey(origin.link("user-late"))

    def hasten(route):
        response = route.fetch()
        soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds")
        document = response.json() | {"confirmBy": soon.replace("+00:00", "Z")}
        route.fulfill(response=response, json=document)

    with open_device() as new:
        new.page.route("**/device/bind", hasten)
        bind_new(new, invite(device, origin.url))
        new.wait_for_heading("Too late")
        new.page.get_by_role("button", name="Remove this account").click()
        new.wait_for_heading("Add your first account")


def test_an_unconfirmed_device_asks_seldom_and_when_somebody_looks(device, origin, open_device):
    device.bind_passkey(origin.link("user-seldom"))
    with open_device() as new:
        page, calls = new.page, []
        # A device that is refused holds no stream.
        asking = re.compile("/device/requests$")
        page.clock.install()
        with page.expect_response("**/device/requests/events"):
            bind_new(new, invite(device, origin.url))
        new.wait_for_heading("Not yet confirmed")
        # Later than now when the page gets it, and earlier than its next call.
        now = page.evaluate("Date.now()") / 1000 + 8
        page.clock.pause_at(datetime.fromtimestamp(now, UTC))
        with page.expect_response(asking) as refusal:
            look_at(new.page)
        assert refusal.value.status == 403
        page.on("request", lambda request: calls.append(request.url))
        page.clock.run_for(9_000)
        assert page.evaluate("fetch('service.json').then(({ ok }) => ok)")
        assert [url for url in calls if "/device/requests" in url] == []
        with page.expect_request(asking):
            page.clock.run_for(20_000)
