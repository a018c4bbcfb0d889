"""Where the buttons are: in reach without scrolling, on small screens and in each language."""

import os
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from action_requests import ACTIONS, ATTACHMENTS, serve_action

from counterseal.actions import STANDARD_ACTIONS
from counterseal.keys import digest
from counterseal.models import Action
from counterseal_client import Button, Pair, PairsContent, require_approved
from counterseal_pwa import load_assets

PHONE, SMALL_PHONE = {"width": 390, "height": 844}, {"width": 360, "height": 640}
LARGE_TEXT = ({"width": 195, "height": 422}, {"width": 320, "height": 256})
"""What is left of a phone's screen at 200 %, and of 1280 by 1024 at 400 % (WCAG 2.2, 1.4.10)."""
MINUTES = timedelta(minutes=3)
LONG = "Yes, transfer the whole amount to this account today"
LONGER = "Yes, and do not ask me again for this payee this week"
MANY = (
    Button(title="Yes", strong=True, approving=True),
    Button(
        title="Yes, and do not ask me again for this payee this week", strong=True, approving=True
    ),
    Button(title="Not now", strong=False),
    Button(title="No", strong=False),
)
PAIRS = PairsContent(
    title="Pay 49.90 EUR?",
    pairs=tuple(Pair(key=f"Fact {number}", value="Zoë Example") for number in range(4)),
)
TOOL_CALL = Action(
    type="tool-call",
    resource="github.merge_pull_request",
    arguments={f"argument_{number:02}": f"value {number}" for number in range(12)},
    agent="release-helper",
)
LOGIN = Action(type="login", resource="Online banking", arguments={"browser": "Chrome"})
LANGUAGES = sorted(
    name.rpartition("/")[2].removesuffix(".json") for name in load_assets() if "/texts/" in name
)
TESTED = LANGUAGES if "BROWSER_FULL" in os.environ else ["de"]
"""German has the longest words."""

BOXES = """() => [...document.querySelectorAll(".answer-bar .answer")].map((button) => {
  const { top, bottom, left, right } = button.getBoundingClientRect();
  const isInside = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
  const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  return { isInside, isOnTop: button.contains(at), height: bottom - top };
})"""
IS_WIDE = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
def account_id(request):
    return f"user-{digest(request.node.name.encode())[:20]}"


def ask(device, origin, account_id, kind, language):
    """Ask for what *kind* names, in the person's language, and open it."""
    how = {"duration": MINUTES}
    if kind in {"pairs", "text", "code", "long", "many"}:
        content = PAIRS if kind == "pairs" else "Log in?"
        if kind == "long":
            how["buttons"] = (
                Button(title=LONG, strong=True, approving=True),
                Button(title="No", strong=False),
            )
        if kind == "many":
            how["buttons"] = MANY
        pending = origin.client.ask(account_id, content, show_code=kind == "code", **how)
    else:
        serve(device.page, kind, language)
        pending = origin.client.ask(account_id, "Go?", **how)
    device.open_request()
    return pending


def serve(page, kind, language):
    action = {**ACTIONS, "login": LOGIN, "tool-call": TOOL_CALL}[kind]
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    action = attrs.evolve(action, language=language, valid_until=until)
    content = STANDARD_ACTIONS.render(action).content
    rows = [{"key": pair.key, "value": pair.value} for pair in content.pairs]
    serve_action(
        page,
        kind,
        {"title": content.title, "keys": rows},
        attachments=ATTACHMENTS if kind == "document" else (),
        language=language,
        valid_until=until.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


KINDS = ("text", "pairs", "code", "long", "many", "login", "payment", "tool-call", "document")


@pytest.mark.parametrize("language", TESTED)
def test_the_buttons_are_in_reach_without_scrolling(open_device, origin, account_id, language):
    with open_device(locale=language) as device:
        page = device.page
        device.bind_passkey(origin.link(account_id))
        for kind in KINDS:
            pending = ask(device, origin, account_id, kind, language)
            for size in (SMALL_PHONE, PHONE):
                page.set_viewport_size(size)
                boxes = page.evaluate(BOXES)
                assert len(boxes) == 2, kind
                assert all(box["isInside"] and box["isOnTop"] for box in boxes), (kind, size)
                assert len({box["height"] for box in boxes}) == 1, kind
                assert page.locator("h1").bounding_box()["y"] < size["height"] / 2
            for size in LARGE_TEXT:
                page.set_viewport_size(size)
                assert not page.evaluate(IS_WIDE), (kind, size)
                for button in page.locator(".answer-bar .answer").all():
                    button.scroll_into_view_if_needed()
                assert all(box["isOnTop"] for box in page.evaluate(BOXES)[-1:]), (kind, size)
            page.set_viewport_size(PHONE)
            origin.client.cancel(pending)
            page.locator(".answer-bar").wait_for(state="detached")
            page.locator("a.button.main").click()
            page.unroute("**/device/requests/*-*")


RTL = (
    "אשר תשלום של 49.90 EUR לזואי?",
    "העברה",
    "זואי לדוגמה",
    "אשר",
    "לא עכשיו",
)
"""A question in Hebrew, its one fact, and its buttons."""
DIRECTIONS = """() => Object.fromEntries(
  [...document.querySelectorAll("main bdi, main dd")].map((part) =>
    [part.textContent, getComputedStyle(part).direction]))"""


def test_texts_from_right_to_left_are_written_so(device, origin, account_id):
    page = device.page
    device.bind_passkey(origin.link(account_id))
    question, key, value, yes, no = RTL
    content = PairsContent(title=question, pairs=(Pair(key=key, value=value),))
    buttons = (Button(title=yes, strong=True, approving=True), Button(title=no, strong=False))
    pending = origin.client.ask(account_id, content, buttons=buttons, duration=MINUTES)
    device.open_request()
    directions = page.evaluate(DIRECTIONS)
    assert {text: directions.get(text) for text in RTL} == dict.fromkeys(RTL, "rtl")
    assert "ltr" in directions.values()
    assert not page.evaluate(IS_WIDE)
    assert all(box["isInside"] and box["isOnTop"] for box in page.evaluate(BOXES))
    device.press(yes, pin=None)
    device.wait_for_heading("Approved")
    assert require_approved(origin.wait(pending), pending, origin.trust).title == yes


def test_of_many_buttons_all_are_in_a_sheet_in_their_order(device, origin, account_id):
    page = device.page
    device.bind_passkey(origin.link(account_id))
    pending = origin.client.ask(account_id, "Pay?", buttons=MANY, duration=MINUTES)
    device.open_request()
    assert page.locator(".answer-bar .title").all_inner_texts() == ["Not now"]
    page.get_by_role("button", name="Choose …").click()
    sheet = page.locator("dialog.sheet")
    assert sheet.locator(".title").all_inner_texts() == [button.title for button in MANY]
    boxes = [button.bounding_box() for button in sheet.locator(".answer").all()]
    assert len({(box["width"], box["height"]) for box in boxes}) == 1
    sheet.get_by_role("button", name=MANY[1].title).click()
    device.wait_for_heading("Approved")
    approval = require_approved(origin.wait(pending), pending, origin.trust)
    assert approval.title == MANY[1].title


@pytest.mark.parametrize("way", ["scroll", "focus", "press"])
def test_a_tool_call_is_approved_after_its_last_argument_was_on_the_screen(
    device, origin, account_id, way
):
    page = device.page
    page.set_viewport_size(SMALL_PHONE)
    device.bind_passkey(origin.link(account_id))
    ask(device, origin, account_id, "tool-call", "en")
    approve, refuse = page.locator(".answer-bar .answer").all()
    assert approve.get_attribute("aria-disabled") == "true"
    assert refuse.get_attribute("aria-disabled") is None
    approve.dispatch_event("click")
    page.locator(".answer-bar .problem").filter(has_text="Read it to the end first").wait_for()
    assert page.locator("dialog").count() == 0
    if way == "scroll":
        page.mouse.move(100, 200)
        for _ in range(20):
            page.mouse.wheel(0, 100)
            page.wait_for_timeout(20)
    elif way == "focus":
        page.locator(".arguments dd").last.focus()
    else:
        page.get_by_role("button", name="I have read it all").dispatch_event("click")
    page.locator(".reading").wait_for(state="detached")
    assert approve.get_attribute("aria-disabled") is None


def test_a_view_of_a_stored_receipt_closes_itself(open_device, origin, account_id):
    with open_device(reduced_motion="no-preference") as device:
        page = device.page
        device.bind_passkey(origin.link(account_id))
        page.clock.install()
        page.reload()
        for is_touched in (True, False):
            origin.client.ask(account_id, "Log in?", duration=MINUTES)
            device.open_request()
            device.press("Approve", pin=None)
            device.wait_for_heading("Approved")
            line = page.locator(".closing")
            line.wait_for()
            if is_touched:
                page.mouse.click(10, 300)
                line.wait_for(state="detached")
                page.clock.run_for(5_000)
                assert device.heading == "Approved"
                page.locator("a.button.main").click()
            else:
                page.clock.run_for(3_500)
                page.locator("#waiting").wait_for()


def test_a_view_of_a_press_by_keyboard_stays(open_device, origin, account_id):
    with open_device(reduced_motion="no-preference") as device:
        page = device.page
        device.bind_passkey(origin.link(account_id))
        origin.client.ask(account_id, "Log in?", duration=MINUTES)
        device.open_request()
        page.get_by_role("button", name="Approve", exact=True).focus()
        page.keyboard.press("Enter")
        device.wait_for_heading("Approved")
        assert page.locator(".closing").count() == 0


def test_a_phone_that_is_turned_shows_no_argument(device, origin, account_id):
    page = device.page
    page.set_viewport_size(SMALL_PHONE)
    device.bind_passkey(origin.link(account_id))
    ask(device, origin, account_id, "tool-call", "en")
    page.set_viewport_size({"width": 640, "height": 360})
    page.evaluate("window.dispatchEvent(new Event('scroll'))")
    page.set_viewport_size(SMALL_PHONE)
    assert page.locator(".reading").is_visible()
    approve = page.locator(".answer-bar .answer").first
    assert approve.get_attribute("aria-disabled") == "true"
