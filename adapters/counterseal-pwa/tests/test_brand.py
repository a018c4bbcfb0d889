"""The App Space's colour and logo: shown beside its name, from the service and nowhere else."""

import json
import re
from pathlib import Path

import pytest
from app_modules import link_modules

OTHER = "00fea1d7-ff73-8554-b405-e621c36badda"
ACCOUNT = "user-brand"
CHIP = """() => {
  const label = document.querySelector(".space");
  const image = label?.querySelector("img");
  if (!image || image.naturalWidth === 0) return null;
  const { backgroundColor, color } = getComputedStyle(label);
  return [backgroundColor, color, image.src, image.naturalWidth, label.innerText];
}"""
"""Null until the picture is loaded; the app may draw a list anew at any moment."""

COLOURS = ("rgb(11, 95, 102)", "rgb(255, 255, 255)")
COUNT = link_modules("""async () => {
  const { contrast, readColours } = await import("./colours.js");
  const parts = ["00", "33", "66", "77", "80", "99", "cc", "ff"];
  const colours = parts.flatMap((r) => parts.flatMap((g) => parts.map((b) => `#${r}${g}${b}`)));
  const low = colours.filter((color) => {
    const { background, text } = readColours(JSON.stringify({ color }));
    return contrast(background, text) < 4.5;
  });
  return [colours.length, low];
}""")
TEXTS = link_modules("""async (colours) => {
  const { readColours } = await import("./colours.js");
  return colours.map((color) => readColours(JSON.stringify({ color })).text);
}""")
READABLE_COLOURS = Path(__file__).parents[2] / "counterseal-portal/tests/readable_colours.json"


@pytest.fixture
def bound(device, origin):
    device.bind_passkey(origin.link(ACCOUNT))
    device.page.locator(".space img").wait_for()
    return device


def inspect_chip(device):
    return device.page.wait_for_function(CHIP).json_value()


def test_the_name_has_the_app_spaces_colour_and_logo(bound, origin):
    *colours, address, width, name = inspect_chip(bound)
    assert (tuple(colours), width, name) == (COLOURS, 64, "Harbour Bank")
    assert address.startswith(f"{origin.url}/device/logo/")
    pending = origin.client.ask(ACCOUNT, "Log in?")
    bound.open_request()
    assert bound.page.locator(".who img").get_attribute("src") == address
    assert "Harbour Bank" in bound.page.locator(".who").inner_text()
    origin.client.cancel(pending)


def test_the_brand_is_there_before_the_person_agrees(device, origin):
    """The name is the service's, whatever the link says; nothing else is sent before the press."""
    addresses = []
    device.page.on("request", lambda request: addresses.append(request.url))
    link = origin.link("user-shown").replace("Harbour%20Bank", "Another%20bank")
    device.page.goto(link)
    *colours, address, width, name = inspect_chip(device)
    assert (tuple(colours), width, name) == (COLOURS, 64, "Harbour Bank")
    assert "Another bank" not in device.page.locator("main").inner_text()
    calls = [each for each in addresses if not each.startswith(f"{origin.url}/app/")]
    assert calls == [f"{origin.url}/device/invitation", address]
    device.page.goto("about:blank")
    device.bind_passkey(link)
    device.page.locator(".space", has_text="Harbour Bank").wait_for()


@pytest.mark.parametrize(
    ("member", "replacement", "problem"),
    [
        (r"appSpaceGuid=[^&]*", f"appSpaceGuid={OTHER}", "not a link to add an account"),
        (r"st=[^&]*", "st=none", "does not accept this device, or this link any more"),
    ],
)
def test_a_link_that_is_not_good_offers_nothing(device, origin, member, replacement, problem):
    device.page.goto(re.sub(member, replacement, origin.link("user-bad")))
    device.page.get_by_role("alert").filter(has_text=problem).wait_for()
    assert device.page.locator("form").count() == 0


def test_a_service_that_is_not_reached_is_asked_again(device, origin):
    device.page.route("**/device/invitation", lambda route: route.abort(), times=1)
    device.page.goto(origin.link("user-again"))
    device.page.get_by_role("alert").filter(has_text="cannot be reached").wait_for()
    device.page.get_by_role("button", name="Try again").click()
    assert inspect_chip(device)[-1] == "Harbour Bank"


def test_without_a_connection_the_name_stays_and_no_broken_picture(bound):
    page = bound.page
    page.route("**/device/logo/**", lambda route: route.abort())
    bound.open_account()
    page.locator("#history").wait_for()
    page.locator("main > .identity img").wait_for(state="detached")
    assert page.locator("main > .identity .space").inner_text() == "Harbour Bank"


def test_the_text_on_any_colour_can_be_read(device, origin):
    device.page.goto(f"{origin.url}/app/")
    assert device.page.evaluate(COUNT) == [512, []]
    texts = json.loads(READABLE_COLOURS.read_text("utf-8"))
    expected = {"white": "#ffffff", "black": "#000000"}
    assert device.page.evaluate(TEXTS, [*texts]) == [expected[text] for text in texts.values()]
