"""Refusals: the sheet asks why, and whatever ends it, the refusal is sent or said to be open."""

from datetime import timedelta

import pytest
from browser_waits import wait_until

from counterseal.models import ChallengeState, RefusalReason
from counterseal_client import Button

MINUTES = timedelta(minutes=5)
STRONG = (
    Button(title="Pay", strong=True, approving=True),
    Button(title="Do not pay", strong=True),
)


@pytest.fixture
def account_id(request):
    return f"user-{request.node.name}"[:60]


@pytest.fixture
def bound(device, origin, account_id):
    device.bind_passkey(origin.link(account_id))
    return device


@pytest.fixture
def pending_request(bound, origin, account_id):
    """A request whose sheet is open."""
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    bound.open_request()
    open_sheet(bound)
    return pending


def open_sheet(device, title="Reject"):
    device.page.get_by_role("button", name=title, exact=True).click()
    device.page.locator(".sheet .disown").wait_for()


def wait_for_refusal(origin, pending):
    reply = origin.wait(pending)
    assert (reply.state, reply.approved, reply.reason) == (ChallengeState.ANSWERED, False, None)


def hide(page):
    """Make the page hidden, as another app in front of it does."""
    page.evaluate("""() => {
      Object.defineProperty(document, "hidden", { value: true, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }""")


def test_nothing_is_sent_while_the_sheet_is_open(bound, origin, pending_request):
    assert origin.client.status(pending_request).state is ChallengeState.SEEN
    bound.page.get_by_role("button", name="Something in it is wrong").click()
    bound.wait_for_heading("Refused")
    assert origin.wait(pending_request).reason is RefusalReason.WRONG_DETAILS


def test_a_sheet_that_is_closed_refuses(bound, origin, pending_request):
    bound.page.keyboard.press("Escape")
    bound.wait_for_heading("Refused")
    wait_for_refusal(origin, pending_request)


def test_a_sheet_that_is_left_for_another_view_refuses(bound, origin, pending_request):
    bound.page.evaluate("location.hash = '#/'")
    bound.page.locator("#waiting").wait_for()
    wait_for_refusal(origin, pending_request)


def test_a_sheet_that_is_hidden_refuses_and_says_so_afterwards(bound, origin, pending_request):
    hide(bound.page)
    wait_for_refusal(origin, pending_request)
    bound.wait_for_heading("Refused")


def test_a_page_that_is_left_refuses(bound, origin, pending_request):
    bound.page.goto("about:blank")
    wait_for_refusal(origin, pending_request)


def test_a_tab_that_is_closed_refuses(bound, origin, pending_request):
    bound.page.context.new_page()
    bound.page.close()
    wait_for_refusal(origin, pending_request)


def test_a_sheet_that_nobody_touches_for_a_minute_refuses(bound, origin, account_id):
    page = bound.page
    page.clock.install()
    page.reload()
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    bound.open_request()
    open_sheet(bound)
    page.clock.run_for(50_000)
    page.keyboard.press("Tab")
    page.clock.run_for(50_000)
    assert page.locator(".sheet").count() == 1
    page.clock.run_for(11_000)
    wait_for_refusal(origin, pending)


def test_without_a_connection_the_person_learns_that_it_is_open(bound, origin, pending_request):
    page = bound.page
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="Refuse without a reason").click()
    page.locator(".answer-bar .problem").filter(has_text="Nothing was sent").wait_for()
    assert origin.client.status(pending_request).state is ChallengeState.SEEN
    page.context.set_offline(offline=False)
    bound.refuse("Reject")
    bound.wait_for_heading("Refused")
    wait_for_refusal(origin, pending_request)


def test_a_service_that_starts_again_gets_the_refusal(bound, stoppable_origin, pending_request):
    page, service = bound.page, stoppable_origin.service
    service.stop()
    page.get_by_role("button", name="I do not want this").click()
    problem = page.locator(".answer-bar .problem:not(:empty)")
    problem.wait_for()
    service.start()
    wait_until(page, lambda: press_again(page), "the service does not answer")
    bound.wait_for_heading("Refused")
    assert stoppable_origin.wait(pending_request).reason is RefusalReason.DECLINED


def press_again(page):
    """Press the same button, and the reason in the sheet; return whether it is over."""
    for name in ("Reject", "I do not want this"):
        button = page.get_by_role("button", name=name, exact=True)
        if button.count() and button.is_enabled():
            button.dispatch_event("click")
        page.wait_for_timeout(300)
    return page.locator(".mark.declined").count() == 1


def test_a_strong_refusal_signs_what_was_chosen_and_leaving_it_refuses_nothing(
    bound, origin, account_id
):
    page = bound.page
    pending = origin.client.ask(account_id, "Pay?", buttons=STRONG, duration=MINUTES)
    bound.open_request()
    for end_it in (
        lambda: page.keyboard.press("Escape"),
        lambda: page.get_by_role("button", name="Go back").click(),
    ):
        open_sheet(bound, "Do not pay")
        end_it()
        page.locator(".answer-bar .problem").filter(has_text="still open").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN
    bound.refuse("Do not pay", "Somebody is pushing me")
    bound.wait_for_heading("Refused")
    assert origin.wait(pending).reason is RefusalReason.PRESSURED


def test_a_sheet_closes_when_the_request_ends(bound, origin, pending_request):
    origin.client.cancel(pending_request)
    bound.wait_for_heading("Withdrawn")
    assert bound.page.locator("dialog").count() == 0
    assert origin.client.status(pending_request).state is ChallengeState.CANCELLED


def test_the_dialog_of_the_pin_closes_when_the_request_ends(device, origin, account_id):
    device.bind(origin.link(account_id))
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    device.press("Approve", pin=None)
    device.page.locator("#pin").wait_for()
    origin.client.cancel(pending)
    device.wait_for_heading("Withdrawn")
    assert device.page.locator("dialog").count() == 0


def test_by_keyboard_alone(bound, origin, account_id):
    page = bound.page
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    bound.open_request()
    focused = "document.activeElement.innerText.split('\\n')[0]"
    for name, key in (("Reject", "Enter"), ("This was not me", "Space")):
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == name:
                break
        page.keyboard.press(key)
        page.locator(".sheet, .mark").first.wait_for()
    bound.wait_for_heading("Reported: not you")
    assert origin.wait(pending).state is ChallengeState.DISOWNED


def test_a_refusal_is_sent_before_the_time_is_over(bound, origin, account_id):
    page = bound.page
    page.clock.install()
    page.reload()
    pending = origin.client.ask(account_id, "Log in?", duration=timedelta(seconds=40))
    bound.open_request()
    open_sheet(bound)
    for _ in range(7):
        page.keyboard.press("Tab")
        page.clock.run_for(5_000)
    wait_for_refusal(origin, pending)


def test_what_had_no_reply_is_sent_again_by_the_next_view(bound, origin, pending_request):
    page = bound.page
    page.route("**/device/disown", lambda route: route.abort())
    page.get_by_role("button", name="This was not me").click()
    page.locator(".answer-bar .problem").filter(has_text="may have arrived").wait_for()
    page.unroute("**/device/disown")
    page.evaluate("location.hash = '#/'")
    page.locator("#waiting").wait_for()
    bound.open_request()
    page.get_by_role("button", name="Approve", exact=True).click()
    page.locator(".answer-bar .problem").filter(has_text="another button before").wait_for()
    page.get_by_role("button", name="Reject", exact=True).click()
    bound.wait_for_heading("Reported: not you")
    assert origin.wait(pending_request).state is ChallengeState.DISOWNED


def test_a_pin_is_for_the_request_that_is_shown_with_it(device, origin, account_id, pause_calls):
    page = device.page
    device.bind(origin.link(account_id))
    first = origin.client.ask(account_id, "First?", duration=MINUTES)
    device.open_request()
    calls = pause_calls(page, "**/device/answer")
    device.press("Approve", pin="281937")
    calls.wait()
    # What is on its way cannot be taken back.
    page.keyboard.press("Escape")
    assert page.locator("dialog button.plain").get_attribute("aria-disabled") == "true"
    second = origin.client.ask(account_id, "Second?", duration=MINUTES)
    page.evaluate("(guid) => { location.hash = `#/request/${guid}`; }", second.guid)
    device.wait_for_heading("Second?")
    device.press("Approve", pin=None)
    page.locator("#pin").wait_for()
    with page.expect_response("**/device/answer") as refused:
        calls.release()
    assert refused.value.status == 403
    page.wait_for_timeout(200)
    assert page.locator("#pin-problem").inner_text() == ""
    device.give_pin("739154")
    device.wait_for_heading("Approved")
    assert origin.wait(second).approved
    assert origin.client.status(first).state is ChallengeState.SEEN
