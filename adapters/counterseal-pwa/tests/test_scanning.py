"""
Scanning: a bind link by the camera, where the browser reads QR codes.

Chromium has no `BarcodeDetector` on Linux, so that it is faked here; the camera's picture is that
of Chromium's own fake device, through the real `getUserMedia` and the real headers.
"""

import json

import pytest

DETECTOR = """(code) => {
  window.code = code;
  window.BarcodeDetector = class {
    static getSupportedFormats = async () => ["qr_code"];
    async detect(video) {
      return video.videoWidth > 0 && !video.paused ? [{ rawValue: window.code }] : [];
    }
  };
}"""


def open_app(device, origin, code):
    """Open the app in front of a camera that sees *code*."""
    device.page.add_init_script(f"({DETECTOR})({json.dumps(code)})")
    device.page.goto(f"{origin.url}/app/")


def test_a_code_binds_and_one_that_is_no_link_is_said(device, origin):
    page = device.page
    page.context.grant_permissions(["camera"], origin=origin.url)
    open_app(device, origin, "https://shop.example")
    page.get_by_role("button", name="Scan a QR code").click()
    page.get_by_role("status").filter(has_text="not a link to add an account").wait_for()
    page.evaluate("(link) => { window.code = link; }", origin.link("user-scanned"))
    device.wait_for_heading("Add this browser")
    assert page.url == f"{origin.url}/app/"
    assert page.locator("video").count() == 0


def test_closed_the_camera_is_off(device, origin):
    page = device.page
    page.context.grant_permissions(["camera"], origin=origin.url)
    open_app(device, origin, "no link")
    page.get_by_role("button", name="Scan a QR code").click()
    page.locator("video").wait_for()
    stream = page.evaluate_handle("document.querySelector('video').srcObject")
    page.get_by_role("button", name="Cancel").click()
    page.locator("dialog").wait_for(state="detached")
    assert stream.evaluate("(stream) => stream.getTracks()[0].readyState") == "ended"


MOVES = """() => {
  window.positions = [];
  const look = () => {
    const button = document.querySelector("dialog button");
    const position = button && Math.round(button.getBoundingClientRect().y);
    if (position && position !== window.positions.at(-1)) window.positions.push(position);
    requestAnimationFrame(look);
  };
  look();
}"""


@pytest.mark.parametrize("width", [360, 1280])
def test_the_button_stays_where_it_is_when_the_picture_and_a_problem_come(device, origin, width):
    page = device.page
    page.set_viewport_size({"width": width, "height": 800})
    page.context.grant_permissions(["camera"], origin=origin.url)
    open_app(device, origin, "no link")
    page.evaluate(MOVES)
    page.get_by_role("button", name="Scan a QR code").click()
    page.get_by_role("status").filter(has_text="not a link to add an account").wait_for()
    page.wait_for_function("document.querySelector('video').currentTime > 0")
    positions = page.evaluate("window.positions")
    assert len(positions) == 1, positions


def test_another_view_ends_the_camera(device, origin):
    page = device.page
    page.context.grant_permissions(["camera"], origin=origin.url)
    open_app(device, origin, "no link")
    page.get_by_role("button", name="Scan a QR code").click()
    page.locator("video").wait_for()
    stream = page.evaluate_handle("document.querySelector('video').srcObject")
    page.evaluate("location.hash = '#/login/072474e9-82a3-8ce6-891d-30696cf80f68'")
    device.wait_for_heading("Log in")
    page.locator("dialog").wait_for(state="detached")
    page.wait_for_function("(stream) => stream.getTracks()[0].readyState === 'ended'", arg=stream)


def test_a_camera_that_is_allowed_too_late_is_off(device, origin):
    page = device.page
    page.context.grant_permissions(["camera"], origin=origin.url)
    open_app(device, origin, "no link")
    page.evaluate("""() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (what) => {
        await new Promise((resolve) => { window.allow = resolve; });
        window.stream = await ask(what);
        return window.stream;
      };
    }""")
    page.get_by_role("button", name="Scan a QR code").click()
    page.wait_for_function("() => window.allow !== undefined")
    page.evaluate("location.hash = '#/login/072474e9-82a3-8ce6-891d-30696cf80f68'")
    device.wait_for_heading("Log in")
    page.evaluate("window.allow()")
    page.wait_for_function("() => window.stream?.getTracks()[0].readyState === 'ended'")
    assert page.locator("dialog").count() == 0


def test_without_a_camera_and_without_leave_it_is_said(device, origin):
    page = device.page
    open_app(device, origin, "no link")
    for name, words in (("NotAllowedError", "may not be used"), ("NotFoundError", "cannot be")):
        page.evaluate(
            """(name) => {
              navigator.mediaDevices.getUserMedia = async () => {
                throw new DOMException("", name);
              };
            }""",
            name,
        )
        page.get_by_role("button", name="Scan a QR code").click()
        page.get_by_role("alert").filter(has_text=words).first.wait_for()


def test_a_browser_that_reads_no_codes_says_so(device, origin):
    page = device.page
    page.add_init_script("delete window.BarcodeDetector")
    page.goto(f"{origin.url}/app/")
    page.get_by_text("This browser cannot read QR codes").wait_for()
    assert page.get_by_role("button", name="Scan a QR code").count() == 0
