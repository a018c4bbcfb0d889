"""Every state of the app, looked at by axe; with SCREENS=FOLDER, as pictures on one page, too."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from action_requests import (
    ANNEX,
    ATTACHMENTS,
    DOCUMENT,
    LEASE,
    PAYMENT,
    TOOL_CALL,
    serve_action,
    serve_files,
)
from app_modules import link_modules
from push_browser import let_subscribe

from counterseal_client import Button, HtmlContent, Pair, PairsContent

DESK = {"width": 1280, "height": 900}
PHONE, SMALL_PHONE = {"width": 390, "height": 844}, {"width": 360, "height": 640}
TRANSFER_LIMIT = 140_000
"""Bytes of all that the first view loads, with the headers."""

MINUTES = timedelta(minutes=3)
BUTTONS = (
    Button(title="Pay", strong=True, approving=True, style='{"color": "#16C656"}'),
    Button(title="Do not pay", strong=False),
)
APPROVALS = (
    Button(title="Approve", strong=True, approving=True),
    Button(title="Decline", strong=False),
)
TRANSFER = PairsContent(
    title="Pay 49.90 EUR?",
    pairs=(
        Pair(key="Payee", value="Zoë Example"),
        Pair(key="IBAN", value="DE02 1203 0000 0000 2020 51"),
        Pair(key="Reference", value="Order 7"),
    ),
)
HTML = HtmlContent(html="<b>Log in</b> to <i>Online banking</i>?")
FOLDER = Path(os.environ["SCREENS"]) if "SCREENS" in os.environ else None
CAMERA = """() => {
  window.BarcodeDetector = class {
    static getSupportedFormats = async () => ["qr_code"];
    detect = async () => [];
  };
}"""


class Screens:
    """
    What is done with each state of the app.

    Attributes:
        names: Of the states that were looked at.
    """

    def __init__(self, device, axe, name):
        self.page, self.name, self.names = device.page, name, []
        self._axe = axe
        self._folder = FOLDER

    def inspect(self, state, page=None):
        """
        Let axe look at the page as it stands, and require that it finds nothing.

        Args:
            state: What to call it.
            page: Of another device; None for the first one's.
        """
        page = page or self.page
        self.names.append(state)
        assert self._axe.violations(page) == {}, state
        wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{state}: it scrolls sideways"
        if self._folder is not None:
            path = self._folder / f"{self.name}-{len(self.names):02}-{state}.png"
            # A bar stands at the bottom of the screen, and not of the page.
            has_bar = page.locator(".answer-bar").count() > 0
            page.screenshot(path=path, full_page=not has_bar)


VIEWS = {"phone-light": {"viewport": PHONE}}
if "BROWSER_FULL" in os.environ:
    VIEWS |= {
        "desk-dark": {"viewport": DESK, "color_scheme": "dark", "locale": "de-DE"},
        "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "locale": "fr-FR"},
        "desk-light": {"viewport": DESK, "locale": "it-IT"},
        "phone-spanish": {"viewport": PHONE, "locale": "es-ES"},
        "phone-forced": {"viewport": PHONE, "forced_colors": "active"},
        "small-phone": {"viewport": SMALL_PHONE},
    }


@pytest.fixture(scope="module", autouse=True)
def index_page():
    """Write one page with all pictures."""
    if FOLDER is not None:
        FOLDER.mkdir(parents=True, exist_ok=True)
    yield
    if FOLDER is None:
        return
    pictures = "".join(
        f'<figure><img src="{path.name}" alt=""><figcaption>{path.stem}</figcaption></figure>'
        for path in sorted(FOLDER.glob("*.png"))
    )
    style = "body{display:flex;flex-wrap:wrap}img{width:320px}figure{margin:8px}"
    page = f"<!doctype html><meta charset=utf-8><title>Screens</title><style>{style}</style>"
    (FOLDER / "index.html").write_text(page + pictures, "utf-8")


def look_at_binding(screens, origin, account_id):
    """Go through the states until the device is bound, with a PIN."""
    page = screens.page
    page.goto(f"{origin.url}/app/")
    page.locator("#link").wait_for()
    screens.inspect("empty")
    page.evaluate(f"({CAMERA})()")
    page.context.grant_permissions(["camera", "notifications"], origin=origin.url)
    page.evaluate("window.dispatchEvent(new Event('hashchange'))")
    page.locator(".scan button").click()
    page.locator("video").wait_for()
    screens.inspect("scan")
    page.locator("dialog button").click()
    page.goto(f"{origin.url}/app/#bind?st=1")
    page.locator("main > .problem").wait_for()
    screens.inspect("wrong-link")
    page.goto("about:blank")
    page.goto(origin.link(account_id))
    page.locator("#name").wait_for()
    screens.inspect("bind")
    page.locator("input[value=pin]").check()
    page.locator("form button.main").click()
    page.locator("#pin").fill("123456")
    page.locator("#pin-again").fill("123456")
    page.locator("dialog button.main").click()
    screens.inspect("new-pin")
    for field in ("#pin", "#pin-again"):
        page.locator(field).fill("739154")
    page.locator("dialog button.main").click()
    page.locator("a.button.main").wait_for()
    screens.inspect("bound")
    page.locator("a.button.main").click()
    page.locator("#waiting").wait_for()
    screens.inspect("nothing-waits")
    page.locator("section:has(#notify) button").click()
    page.locator("section:has(#notify) button:not([disabled])").wait_for()
    screens.inspect("notified")


def look_at_an_approval(screens, device, origin, account_id):
    """Go through the states of a request that is approved."""
    page = screens.page
    pending = origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    page.locator("a.open").wait_for()
    screens.inspect("waiting")
    device.open_request()
    screens.inspect("request")
    page.locator(".answer").first.click()
    page.locator("#pin").fill("739155")
    screens.inspect("pin")
    page.locator("dialog button.main").click()
    page.locator("#pin-problem:not(:empty)").wait_for()
    screens.inspect("wrong-pin")
    page.locator("#pin").fill("739154")
    page.locator("dialog button.main").click()
    page.locator(".mark.approved").wait_for()
    screens.inspect("approved")
    assert origin.wait(pending).receipt


def look_at_other_endings(screens, device, origin, account_id):
    """Go through the states of requests that end otherwise."""
    page, client = screens.page, origin.client
    client.ask(account_id, HTML, duration=MINUTES, show_code=True)
    page.locator("a.button.main").click()
    device.open_request()
    screens.inspect("html-and-code")
    page.locator(".answer").last.click()
    page.locator(".disown").wait_for()
    screens.inspect("refusal")
    page.locator(".disown").click()
    page.locator(".mark.disowned").wait_for()
    screens.inspect("disowned")
    pending = client.ask(account_id, "Log in?", duration=MINUTES)
    page.locator("a.button.main").click()
    device.open_request()
    screens.inspect("text")
    client.cancel(pending)
    page.locator(".answer").first.wait_for(state="detached")
    screens.inspect("elsewhere")
    client.ask(account_id, "Log in?", duration=MINUTES)
    page.locator("a.button.main").click()
    device.open_request()
    page.locator(".answer").last.click()
    page.locator(".plain-refusal").click()
    page.locator(".mark.declined").wait_for()
    screens.inspect("declined")


def look_at_a_new_device(screens, other, origin):
    """Go through the states of a device that another one invites, and refuses."""
    page, new = screens.page, other.page
    page.locator("a.button.main").click()
    page.locator("a.card").first.click()
    page.locator("#invite ~ .form button").click()
    link = page.locator("#new-link").input_value()
    screens.inspect("invited")
    new.goto(link)
    new.locator("form button.main").click()
    for field in ("#pin", "#pin-again"):
        new.locator(field).fill("281937")
    new.locator("dialog button.main").click()
    code = new.locator(".comparison dd").inner_text()
    screens.inspect("unconfirmed", new)
    new.reload()
    new.locator("details").wait_for()
    screens.inspect("unconfirmed-without-code", new)
    page.locator(".comparison").wait_for()
    assert page.locator(".comparison dd").inner_text() == code
    screens.inspect("new-device")
    page.goto(f"{origin.url}/app/#/")
    page.locator("a.open").wait_for()
    screens.inspect("new-device-waits")
    page.locator("a.open").click()
    page.locator(".answer").last.wait_for()
    boxes = [each.bounding_box() for each in page.locator(".answer").all()]
    assert len({(box["width"], box["height"]) for box in boxes}) == 1 < len(boxes)
    page.locator(".answer").last.click()
    page.locator("#pin").fill("739154")
    page.locator("dialog button.main").click()
    page.locator(".answer").first.wait_for(state="detached")
    screens.inspect("refused")
    new.locator("details[open]").wait_for()
    screens.inspect("not-added", new)


def look_at_the_account(screens, origin, account_id):
    """Go through the states of an account: its history, offline, and revoked."""
    page, client = screens.page, origin.client
    page.locator("a.button.main").click()
    page.locator("a.card:not(.open)").first.dispatch_event("click")
    page.locator("ol").wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    screens.inspect("account")
    page.context.set_offline(offline=True)
    page.locator("#connection").wait_for()
    screens.inspect("offline")
    page.locator(".danger").nth(1).click()
    page.locator(".danger").last.wait_for()
    screens.inspect("not-removed")
    page.context.set_offline(offline=False)
    client.revoke_device(client.devices(account_id)[0].guid)
    page.goto(f"{origin.url}/app/")
    page.locator("a.card .problem").wait_for()
    # The service takes no call of a revoked device, so a button would do nothing.
    assert not page.locator("section:has(#notify)").is_visible()
    screens.inspect("revoked")


@pytest.mark.notifications
@pytest.mark.service_worker
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_in_any_state(open_device, origin, push_service, axe, name):
    account_id = f"user-{name}"
    with open_device(**VIEWS[name]) as device:
        screens = Screens(device, axe, name)
        device.authenticate()
        let_subscribe(device.page, origin.url, [push_service.browser(name)])
        look_at_binding(screens, origin, account_id)
        look_at_an_approval(screens, device, origin, account_id)
        look_at_other_endings(screens, device, origin, account_id)
        with open_device(**VIEWS[name]) as other:
            look_at_a_new_device(screens, other, origin)
        look_at_the_account(screens, origin, account_id)


def look_at_actions(screens, device, origin, account_id):
    """Go through requests to approve an action of each kind; the last one has documents."""
    page = screens.page
    until, end = (
        (datetime.now(UTC) + timedelta(hours=hours, minutes=12, seconds=40))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
        for hours in (8, 7)
    )
    changed = LEASE.replace(b"900.00", b"700.00")
    serve_files(page, {"/lease.txt": changed, "/annex.txt": ANNEX})
    for kind, content, attachments in (
        ("tool-call", TOOL_CALL, ()),
        ("payment", PAYMENT, ()),
        ("document", DOCUMENT, ATTACHMENTS),
    ):
        serve_action(page, kind, content, attachments=attachments, valid_until=until, expiresAt=end)
        pending = origin.client.ask(account_id, "Go?", buttons=APPROVALS, duration=MINUTES)
        device.open_request()
        if attachments:
            for index in reversed(range(len(attachments))):
                page.locator(".attachment button").nth(index).click()
                page.locator(".attachment").nth(index).locator(
                    ":is(.problem, .status:has-text('✓')):not(:empty)"
                ).wait_for()
        screens.inspect(f"action-{kind}")
        origin.client.cancel(pending)
        page.locator(".answer").first.wait_for(state="detached")
        page.locator("a.button.main").click()
        page.unroute("**/device/requests/*-*")


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_in_an_action(open_device, origin, axe, name):
    account_id = f"user-actions-{name}"
    with open_device(**VIEWS[name]) as device:
        screens = Screens(device, axe, name)
        device.bind_passkey(origin.link(account_id))
        look_at_actions(screens, device, origin, account_id)


def test_axe_finds_each_element_that_breaks_a_rule(device, origin, axe):
    page = device.page
    page.goto(f"{origin.url}/app/")
    page.locator("#link").wait_for()
    assert axe.violations(page) == {}
    page.evaluate("""() => {
      for (const id of ["first", "second"]) {
        const image = document.createElement("img");
        image.id = id;
        document.querySelector("main").append(image);
      }
    }""")
    assert axe.violations(page) == {"image-alt": ['<img id="first">', '<img id="second">']}


def test_by_keyboard_alone(device, origin):
    device.bind(origin.link("user-keyboard"))
    origin.client.ask("user-keyboard", "Log in?", duration=MINUTES)
    page = device.page
    page.locator("a.open:has-text('Log in?')").wait_for()
    focused = "document.activeElement.innerText"
    for _ in range(8):
        page.keyboard.press("Tab")
        if "Asked by" in page.evaluate(focused):
            break
    page.keyboard.press("Enter")
    page.locator(".answer").first.wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Details"
    page.keyboard.press("Tab")
    assert page.evaluate(focused).startswith("Approve")
    page.keyboard.press("Enter")
    page.locator("#pin").wait_for()
    page.keyboard.press("Escape")
    page.locator(".answer-bar .problem").filter(has_text="No PIN was given").wait_for()
    assert page.evaluate(focused).startswith("Approve")
    page.keyboard.press("Enter")
    page.locator("#pin:focus").wait_for()
    page.keyboard.type("739154")
    page.keyboard.press("Enter")
    device.wait_for_heading("Approved")


def test_buttons_are_the_same_size_and_can_be_read(device, origin):
    styles = ('{"color": "#16C656"}', '{"color": "red"}', '{"color": "#777"}', "no JSON", "{}")
    buttons = [
        Button(title=f"Button {index}", strong=False, approving=index == 0, style=style)
        for index, style in enumerate(styles)
    ]
    device.bind_passkey(origin.link("user-buttons"))
    origin.client.ask("user-buttons", "Which?", buttons=buttons, duration=MINUTES)
    device.open_request()
    device.page.get_by_role("button", name="Choose …").click()
    script = link_modules("""async () => {
      const { contrast } = await import("./colours.js");
      const hex = (text) => "#" + text.match(/\\d+/g).slice(0, 3)
        .map((part) => Number(part).toString(16).padStart(2, "0")).join("");
      return [...document.querySelectorAll("dialog .answer")].map((button) => {
        const { backgroundColor, color } = getComputedStyle(button);
        const { width, height } = button.getBoundingClientRect();
        return { ratio: contrast(hex(backgroundColor), hex(color)), size: [width, height] };
      });
    }""")
    measured = device.page.evaluate(script)
    assert len(measured) == len(styles)
    assert min(each["ratio"] for each in measured) >= 4.5
    assert len({tuple(each["size"]) for each in measured}) == 1


def test_no_page_frames_it(chromium, origin):
    page = chromium.new_page()
    page.goto(f"{origin.url}/healthz")
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.set_content(f"<iframe src='{origin.url}/app/'></iframe>")
    assert page.frames[-1].url != f"{origin.url}/app/"
    page.close()


@pytest.mark.service_worker
def test_what_a_browser_loads_is_small(device, origin, capsys):
    device.page.goto(f"{origin.url}/app/")
    device.page.locator("#link").wait_for()
    transferred, decoded, files = device.page.evaluate("""() => {
      const loaded = ["navigation", "resource"]
        .flatMap((type) => performance.getEntriesByType(type))
        .filter(({ decodedBodySize }) => decodedBodySize > 0);
      const sum = (name) => loaded.reduce((total, each) => total + each[name], 0);
      return [sum("transferSize"), sum("decodedBodySize"), loaded.map(({ name }) => name)];
    }""")
    with capsys.disabled():
        print(f"\nChromium: {len(files)} files, {transferred:,} bytes sent, {decoded:,} before")  # noqa: T201
    names = {name.removeprefix(f"{origin.url}/app/") for name in files}
    assert {"", "service.json"} <= names
    versioned = {name.partition("/")[2] for name in names if "/" in name}
    assert versioned == {"app.js", "requests.js", "style.css", "texts/en.json"}
    assert transferred < TRANSFER_LIMIT
