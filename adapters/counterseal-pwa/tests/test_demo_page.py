"""
`counterseal demo --web` in Chromium, from the first view to the receipt and the ten forgeries.

With COUNTERSEAL_SCREENS=FOLDER every state is written there as a picture, and with
COUNTERSEAL_PICTURE=FILE the picture of the README.
"""

import os
from pathlib import Path

import pytest

DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PICTURE_LIMIT = 250_000
"""Bytes of the picture that the README shows."""
PICTURE_EDGE = 24
"""Pixels above and below the two screens in that picture."""

REPLIES = {
    "changed amount": ("403 Forbidden", "denied", "display_changed"),
    "swapped button": ("403 Forbidden", "strong_key_missed", "strong_key_missed"),
    "replay": ("403 Forbidden", "denied", "replayed"),
    "late": ("410 Gone", "deadline_passed", "deadline_passed"),
    "weak key for a strong button": ("403 Forbidden", "denied", "weak_key"),
    "other device": ("403 Forbidden", "denied", "wrong_key"),
    "other tenant": ("404 Not Found", "not_found", "foreign"),
    "cancelled": ("409 Conflict", "wrong_state", "wrong_state"),
    "wrong code": ("403 Forbidden", "wrong_code", "wrong_code"),
    "stripped algorithm": ("403 Forbidden", "denied", "malformed_token"),
}
"""By the forgery: the status and the code in the reply, and the code in the audit log."""


class DemoPage:
    """
    The page of the demo in a browser, and the phone on it.

    Attributes:
        device: The browser.
        page: Playwright's.
        phone: The phone's frame.
    """

    def __init__(self, device, axe, name):
        self.device, self.page = device, device.page
        self.phone = device.page.frame_locator("#phone")
        self._axe, self._name, self._count = axe, name, 0
        folder = os.environ.get("COUNTERSEAL_SCREENS")
        self._folder = Path(folder) if folder else None

    def inspect(self, state):
        """Let axe look at the page and its phone, and require that it finds nothing."""
        self._count += 1
        assert self._axe.violations(self.page) == {}, state
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{state}: it scrolls sideways"
        if self._folder is not None:
            path = self._folder / f"demo-{self._name}-{self._count}-{state}.png"
            self.page.screenshot(path=path, full_page=True)

    def wait_until_loaded(self):
        """Wait until the page, its phone and the phone's service worker have all their files."""
        self.page.locator("#forgeries li").first.wait_for()
        self.page.locator(".code svg").wait_for()
        self.phone.locator("#link").wait_for()
        self.phone.locator("#link").evaluate("() => navigator.serviceWorker.ready.then(() => null)")

    def require_in_sight(self, *locators):
        """Require that the phone and *locators* are inside of the window, which nobody scrolled."""
        for locator in (self.page.locator("#phone"), *locators):
            box = locator.bounding_box()
            end = box["y"] + box["height"]
            assert (box["y"] >= 0, end <= DESK["height"]) == (True, True), (locator, box)
        assert self.page.evaluate("window.scrollY") == 0

    def heading(self, text):
        return self.page.get_by_role("heading", name=text, exact=True)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def connect(self, *, passkey):
        """Open the link of the shop on the phone, and bind it."""
        # The page draws the step anew, with another button, once its first link is made.
        self.page.locator("#machine-binding .current", has_text="INVITED").wait_for()
        self.button("Open the link on the phone").click()
        self.phone.locator("#name").wait_for()
        self.inspect("link")
        self.phone.locator("form button.main").click()
        if not passkey:
            self.phone.locator("#pin").fill("739154")
            self.phone.locator("#pin-again").fill("739154")
            self.phone.locator("dialog button.main").click()
        self.phone.locator("a.button.main").click()
        self.heading("Your phone is connected").wait_for()

    def open_request(self):
        """Pay in the shop, and open the request on the phone."""
        self.button("Pay").click()
        self.heading("Answer on your phone").wait_for()
        self.device.follow(self.phone.locator("a.open"))
        self.phone.locator(".answer").first.wait_for()
        self.page.locator("#machine-challenge .current", has_text="SEEN").wait_for()

    def type_code(self):
        self.phone.locator("#code").fill(self.page.locator(".digits").inner_text().replace(" ", ""))

    def states(self, machine):
        return self.page.locator(f"#machine-{machine} .moves strong").all_inner_texts()

    def picture(self):
        """Write the picture of the README if it is asked for: both screens, and nothing below."""
        file = os.environ.get("COUNTERSEAL_PICTURE")
        if not file:
            return
        self.page.evaluate("window.scrollTo(0, 0)")
        box = self.page.locator("#phone").bounding_box()
        top, bottom = round(box["y"]) - PICTURE_EDGE, round(box["y"] + box["height"])
        height = bottom + PICTURE_EDGE - top
        clip = {"x": 0, "y": top, "width": DESK["width"], "height": height}
        self.page.screenshot(path=file, full_page=True, clip=clip)
        assert Path(file).stat().st_size < PICTURE_LIMIT


def test_a_phone_of_an_earlier_demo_is_forgotten_and_nothing_of_other_programs(
    device, running_demo
):
    names = "async () => (await indexedDB.databases()).map(({ name }) => name).sort()"
    make = """(name) => new Promise((resolve) => {
      indexedDB.open(name).onsuccess = ({ target }) => resolve(target.result.close());
    })"""
    page = device.page
    page.goto(f"{running_demo.url}/demo/style.css")
    for name in ("counterseal", "another program"):
        page.evaluate(make, name)
    page.route("**/app/", lambda route: route.abort())  # the phone would make its own anew
    page.goto(f"{running_demo.url}/")
    page.locator("#machine-binding").wait_for()
    assert page.evaluate(names) == ["another program"]
    page.unroute_all(behavior="wait")


@pytest.mark.service_worker
def test_from_the_order_to_the_receipt_and_ten_forgeries(open_device, axe, running_demo):
    with open_device(viewport=DESK) as device:
        device.authenticate()
        demo = DemoPage(device, axe, "desk-light")
        device.page.goto(running_demo.url)
        demo.phone.locator("#link").wait_for()
        device.page.locator(".code svg").wait_for()
        demo.inspect("before")
        demo.connect(passkey=True)
        demo.inspect("bound")
        assert demo.states("binding") == ["INVITED", "ACTIVE"]
        demo.open_request()
        demo.inspect("asked")
        demo.picture()
        demo.type_code()
        demo.phone.get_by_role("button", name="Pay", exact=True).click()
        demo.heading("Paid. Thank you!").wait_for()
        device.page.locator("#callback .verdict", has_text="Signature verified").wait_for()
        device.page.locator("#machine-callback .current", has_text="DELIVERED").wait_for()
        assert demo.states("challenge") == ["PENDING", "SEEN", "ANSWERED"]
        assert "WA-ES256" in device.page.locator("#receipt").inner_text()
        demo.inspect("answered")
        for name, (status, code, reason) in REPLIES.items():
            item = device.page.locator("li.forgery").filter(has=demo.button(f"Send: {name}"))
            demo.button(f"Send: {name}").click()
            item.locator(".verdict").wait_for()
            replies = [item.locator(f"code.{each}") for each in ("status", "received", "reason")]
            assert [each.inner_text() for each in replies] == [status, code, reason], name
        assert device.page.locator("#score").inner_text() == "10 of 10 refused as expected"
        assert device.page.locator("li.forgery").count() == len(REPLIES)
        demo.inspect("forged")


def test_the_receipt_on_the_page_verifies_at_the_command_line(
    open_device, axe, running_demo, tmp_path
):
    with open_device(viewport=PHONE, color_scheme="dark") as device:
        demo = DemoPage(device, axe, "phone-dark")
        device.page.goto(running_demo.url)
        # The phone of another browser is new, though the service knows the first one.
        again = demo.button("Connect another phone").or_(demo.button("Order again")).first
        link = demo.button("Open the link on the phone")
        again.or_(link).first.wait_for()
        if demo.button("Order again").count():
            demo.button("Order again").click()
        if not link.count():
            demo.button("Connect another phone").click()
        demo.connect(passkey=False)
        demo.open_request()
        demo.inspect("asked")
        demo.phone.get_by_role("button", name="Do not pay", exact=True).click()
        demo.phone.get_by_role("button", name="Refuse without a reason").click()
        demo.heading("Not paid").wait_for()
        demo.inspect("declined")
        device.page.locator("#receipt summary").click()
        token = device.page.locator("#receipt pre").inner_text()
    running_demo.verify(token, tmp_path)


def test_by_keyboard_alone(open_device, axe, running_demo):
    with open_device(viewport=DESK) as device:
        page = device.page
        page.goto(running_demo.url)
        page.locator("#forgeries li").first.wait_for()
        DemoPage(device, axe, "keys").phone.locator("#link").wait_for()
        names = set()
        for _ in range(40):
            page.keyboard.press("Tab")
            names.add(
                page.evaluate(
                    "document.activeElement.ariaLabel ?? document.activeElement.innerText"
                )
            )
            if "Send: stripped algorithm" in names:
                break
        assert {f"Send: {name}" for name in REPLIES} | {"Send all ten"} <= names
        button = page.get_by_role("button", name="Send: changed amount", exact=True)
        button.focus()
        page.keyboard.press("Enter")
        page.locator("li.forgery .verdict").first.wait_for()
        assert page.evaluate("document.activeElement.ariaLabel") == "Send: changed amount"


def test_what_comes_next_is_in_sight_without_scrolling(open_device, axe, start_demo):
    with start_demo() as running_demo, open_device(viewport=DESK) as device:
        demo = DemoPage(device, axe, "sight")
        device.page.goto(running_demo.url)
        demo.phone.locator("#link").wait_for()
        device.page.locator(".code svg").wait_for()
        demo.require_in_sight(demo.button("Open the link on the phone"))
        demo.connect(passkey=False)
        demo.require_in_sight(demo.button("Pay"), demo.button("Connect another phone"))
        demo.open_request()
        demo.require_in_sight(device.page.locator(".digits"), demo.button("Cancel"))
        demo.phone.get_by_role("button", name="Do not pay", exact=True).click()
        demo.phone.get_by_role("button", name="Refuse without a reason").click()
        demo.heading("Not paid").wait_for()
        demo.require_in_sight(demo.button("Order again"))


@pytest.mark.service_worker
def test_a_demo_that_is_gone_is_said(open_device, axe, start_demo):
    with open_device(viewport=DESK) as device:
        with start_demo() as demo:
            device.page.goto(demo.url)
            # A module that is loading when the server stops is a problem that the browser tells of.
            DemoPage(device, axe, "gone").wait_until_loaded()
        device.page.get_by_role("alert").filter(has_text="Was it stopped?").wait_for()
