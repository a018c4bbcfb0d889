"""The App Space's colour and logo: shown beside its name, from the service and nowhere else."""

import pytest

ACCOUNT = "user-brand"
CHIP = """label => {
  const { backgroundColor, color } = getComputedStyle(label);
  const image = label.querySelector("img");
  return [backgroundColor, color, image && image.src, image && image.naturalWidth, label.innerText];
}"""
COLOURS = ("rgb(11, 95, 102)", "rgb(255, 255, 255)")
COUNT = """async () => {
  const { contrast, readColours } = await import("./colours.js");
  const parts = ["00", "33", "66", "77", "80", "99", "cc", "ff"];
  const colours = parts.flatMap((r) => parts.flatMap((g) => parts.map((b) => `#${r}${g}${b}`)));
  const low = colours.filter((color) => {
    const { background, text } = readColours(JSON.stringify({ color }));
    return contrast(background, text) < 4.5;
  });
  return [colours.length, low];
}"""


@pytest.fixture
def bound(device, origin):
    device.bind(origin.link(ACCOUNT))
    device.page.locator(".space img").wait_for()
    return device


def inspect_chip(device):
    device.page.wait_for_function(
        "() => document.querySelector('.space img')?.naturalWidth > 0", timeout=30_000
    )
    return device.page.locator(".space").evaluate(CHIP)


def test_the_name_has_the_app_spaces_colour_and_logo(bound, origin):
    *colours, address, width, name = inspect_chip(bound)
    assert (tuple(colours), width, name) == (COLOURS, 64, "Harbour Bank")
    assert address.startswith(f"{origin.url}/device/logo/")
    pending = origin.client.ask(ACCOUNT, "Log in?")
    bound.open_request()
    assert inspect_chip(bound) == [*COLOURS, address, 64, "Harbour Bank"]
    origin.client.cancel(pending)


def test_without_a_connection_the_name_stays_and_no_broken_picture(bound):
    page = bound.page
    page.route("**/device/logo/**", lambda route: route.abort())
    page.locator("a.card").last.click()
    page.locator("#history").wait_for()
    page.locator(".space img").wait_for(state="detached")
    assert page.locator(".space").inner_text() == "Harbour Bank"


def test_the_text_on_any_colour_can_be_read(device, origin):
    device.page.goto(f"{origin.url}/app/")
    assert device.page.evaluate(COUNT) == [512, []]
