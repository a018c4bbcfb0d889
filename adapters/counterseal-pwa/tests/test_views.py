"""Views: none says of a request what it does not know, and none answers for another one."""

import base64
import json
from datetime import timedelta

import pytest
from app_modules import link_modules

from counterseal import ijson, keys
from counterseal.models import BindingState, ChallengeState
from counterseal_client import Button

MINUTES = timedelta(minutes=5)
BUTTONS = (
    Button(title="Pay", strong=True, approving=True),
    Button(title="Do not pay", strong=False),
)
EVENTS = "**/device/requests/events"
STORED_ACCOUNTS = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  return (await (await indexedDbStore()).list("accounts")).length === 1;
}""")
STATUS = "**/device/status"


def bind_two(device, origin, name):
    """Bind two accounts; return their ids, and the device of each."""
    account_ids = [f"{name}-{number}" for number in range(2)]
    for account_id in account_ids:
        device.page.goto("about:blank")
        device.bind_passkey(origin.link(account_id))
    return {each: origin.client.devices(each)[0].guid for each in account_ids}


def device_of(request):
    """Return the device that makes a call, by its proof."""
    payload = request.headers["counterseal-proof"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=="))["iss"]


def test_a_request_does_not_end_by_the_list_of_another_account(device, origin):
    device.authenticate()
    (_, other_device), (account_id, _) = bind_two(device, origin, "user-lists").items()
    page = device.page
    lists = []

    def give_list(route):
        if device_of(route.request) != other_device:
            return  # this account's own list comes late
        guid = f"00000000-0000-8000-8000-{len(lists):012}"
        moments = {"issuedAt": "2026-03-01T12:00:00.000Z", "expiresAt": "2099-03-01T12:00:00.000Z"}
        document = json.dumps({"requests": [{"guid": guid, **moments}]})
        lists.append(guid)
        route.fulfill(
            content_type="text/event-stream", body=f"event: requests\ndata: {document}\n\n"
        )

    page.route(EVENTS, give_list)
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    page.goto("about:blank")
    page.goto(f"{origin.url}/app/#/request/{pending.guid}")
    page.locator(".answer").first.wait_for()
    before = len(lists)
    while len(lists) < before + 3:
        page.wait_for_timeout(50)
    assert device.heading == "Log in?"
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    page.unroute_all(behavior="ignoreErrors")


@pytest.fixture
def one_guid(device, origin, request):
    """Bind two accounts; yield the GUID of a request that the services of both list."""
    device.authenticate()
    name = f"user-{keys.digest(request.node.name.encode())[:12]}"
    (account_id, first), (other_id, other) = bind_two(device, origin, name).items()
    page = device.page
    documents = {}

    def read_it(route):
        reply = route.fetch()
        documents[device_of(route.request)] = reply.json()
        route.fulfill(response=reply)

    page.route("**/device/requests/*-*", read_it)
    guid = origin.client.ask(account_id, "Pay 10?", duration=MINUTES).guid
    origin.client.ask(other_id, "Pay 99?", duration=MINUTES)
    for text in ("Pay 10?", "Pay 99?"):
        page.locator("a.open").filter(has_text=text).wait_for()
    display = json.loads(documents[other]["display"]) | {"challenge": guid}
    forged = documents[other] | {"guid": guid, "display": ijson.canonical(display).decode()}
    times = {name: display[name] for name in ("issuedAt", "expiresAt")}
    listed = json.dumps({"requests": [{"guid": guid, **times}]})

    def list_it(route):
        if device_of(route.request) == first:
            route.continue_()
        else:
            body = f"event: requests\ndata: {listed}\n\n"
            route.fulfill(content_type="text/event-stream", body=body)

    def load_it(route):
        if device_of(route.request) == first:
            route.continue_()
        else:
            route.fulfill(json=forged)

    page.route(EVENTS, list_it)
    page.route("**/device/requests/*-*", load_it)
    page.goto("about:blank")
    page.goto(f"{origin.url}/app/")
    page.locator("li:nth-child(2) a.open").wait_for()
    yield guid
    page.unroute_all(behavior="ignoreErrors")


def test_two_services_that_list_one_guid_have_each_its_own_entry_and_request(device, one_guid):
    page = device.page
    for text in ("Pay 99?", "Pay 10?"):
        page.locator("a.open").filter(has_text=text).wait_for()
    for text in ("Pay 99?", "Pay 10?"):
        device.follow(page.locator("a.open").filter(has_text=text))
        page.locator(".answer").first.wait_for()
        assert device.heading == text
        page.go_back()
        page.locator("#waiting").wait_for()


def test_a_notification_of_a_guid_that_two_services_list_opens_the_list(device, one_guid):
    page = device.page
    page.evaluate("(guid) => { location.hash = `#/request/${guid}`; }", one_guid)
    page.wait_for_url("**/app/#/")
    page.locator("#waiting").wait_for()
    page.locator("li:nth-child(2) a.open").wait_for()
    assert page.locator("a.open").count() == 2


def test_a_list_that_is_opened_again_has_what_the_one_before_began_to_load(
    device, origin, pause_calls
):
    device.authenticate()
    device.bind_passkey(origin.link("user-list-again"))
    page = device.page
    calls = pause_calls(page, "**/device/requests/*-*")
    origin.client.ask("user-list-again", "Log in?", duration=MINUTES)
    calls.wait()
    device.open_account()
    page.locator("#history").wait_for()
    page.go_back()
    page.get_by_text("Request from Harbour Bank").wait_for()
    calls.release()
    page.locator("a.open:has-text('Log in?')").wait_for()


@pytest.mark.service_worker
def test_a_request_that_cannot_be_read_is_not_said_to_be_over(device, origin):
    device.bind_passkey(origin.link("user-unread"))
    page = device.page
    # The view comes from the service worker, which has it by then.
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    page.context.set_offline(offline=True)
    pending = origin.client.ask("user-unread", "Log in?", duration=MINUTES)
    page.evaluate("(guid) => { location.hash = `#/request/${guid}`; }", pending.guid)
    device.wait_for_heading("This request cannot be shown")
    page.get_by_text("cannot be reached").wait_for()
    page.context.set_offline(offline=False)
    page.get_by_role("button", name="Try again").click()
    page.locator(".answer").first.wait_for()


def test_a_pin_is_not_asked_for_in_front_of_another_view(device, origin):
    device.bind(origin.link("user-left"))
    pending = origin.client.ask("user-left", "Pay?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.press("Pay", pin=None)
    page = device.page
    page.locator("#pin").fill("739154")
    page.evaluate("location.hash = '#/'")  # as a click on a notification does
    page.locator("#waiting").wait_for()
    page.locator("dialog").wait_for(state="detached")
    assert origin.client.status(pending).state is ChallengeState.SEEN


def test_a_passkey_is_not_asked_for_behind_another_view(device, origin):
    device.authenticate()
    device.bind_passkey(origin.link("user-left-passkey"))
    pending = origin.client.ask("user-left-passkey", "Pay?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    page = device.page
    # Nobody touches the authenticator.
    page.evaluate("""() => {
      navigator.credentials.get = ({ signal }) => new Promise((_, reject) => {
        document.body.dataset.passkey = "asked";
        signal.addEventListener("abort", () => {
          document.body.dataset.passkey = "aborted";
          reject(signal.reason);
        });
      });
    }""")
    device.press("Pay", pin=None)
    page.locator("body[data-passkey=asked]").wait_for()
    page.evaluate("location.hash = '#/'")
    page.locator("body[data-passkey=aborted]").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN


def test_an_account_that_was_refused_once_is_watched_again(device, origin):
    device.authenticate()
    device.bind_passkey(origin.link("user-refused"))
    page = device.page
    refused = []

    def refuse_once(route):
        if refused:
            route.continue_()
            return
        refused.append(route)
        problem = json.dumps({"code": "not_found", "status": 404})
        route.fulfill(status=404, content_type="application/problem+json", body=problem)

    page.clock.install()
    page.route(EVENTS, refuse_once)
    page.reload()
    page.locator("span.problem").wait_for()
    origin.client.ask("user-refused", "Log in?", duration=MINUTES)
    page.clock.fast_forward(31_000)
    page.locator("a.open").wait_for()
    page.locator("span.problem").wait_for(state="detached")


def test_the_focus_stays_on_its_link_when_the_list_changes(device, origin):
    device.authenticate()
    device.bind_passkey(origin.link("user-focus"))
    page = device.page
    first = origin.client.ask("user-focus", "Log in?", duration=MINUTES)
    page.locator("a.open").focus()
    origin.client.ask("user-focus", "Log in again?", duration=MINUTES)
    page.locator("li:nth-child(2) a.open").wait_for()
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    (bound,) = origin.client.devices("user-focus")
    assert focused == f"#/request/{first.guid}/{bound.guid}"


def test_a_click_is_not_lost_when_lists_arrive_while_the_button_is_down(
    device, origin, pause_calls
):
    device.authenticate()
    device.bind_passkey(origin.link("user-click"))
    page = device.page
    calls = pause_calls(page, "**/device/requests/*-*")
    origin.client.ask("user-click", "Log in?", duration=MINUTES)
    calls.wait()
    page.locator("a.open strong").hover()
    page.mouse.down()
    calls.release()
    page.locator("a.open").filter(has_text="Log in?").wait_for()
    origin.client.ask("user-click", "Log in again?", duration=MINUTES)
    page.locator("li:nth-child(2) a.open").filter(has_text="Log in again?").wait_for()
    page.mouse.up()
    device.wait_for_heading("Log in?")


def test_a_click_on_an_account_is_not_lost_when_its_colour_changes(device, origin, pause_calls):
    def colour(route):
        reply = route.fetch()
        route.fulfill(response=reply, json=reply.json() | {"appSpaceColor": "#800000"})

    device.authenticate()
    device.bind_passkey(origin.link("user-click-account"))
    page = device.page
    page.route(STATUS, colour)
    calls = pause_calls(page, STATUS)
    page.reload()
    page.get_by_text("Nothing waits for your answer.").wait_for()
    page.locator("a.card strong").hover()
    page.mouse.down()
    calls.wait()
    calls.release()
    page.wait_for_function("""() => {
      const name = document.querySelector("a.card strong");
      return getComputedStyle(name).backgroundColor === "rgb(128, 0, 0)";
    }""")
    page.mouse.up()
    page.locator("#history").wait_for()


def test_a_view_that_was_left_takes_nobody_away(device, origin, pause_calls):
    device.bind(origin.link("user-left-removal"))
    device.authenticate()
    page = device.page
    page.goto("about:blank")
    device.bind_passkey(origin.link("user-reads"))
    (removed,) = origin.client.devices("user-left-removal")
    pending = origin.client.ask("user-reads", "Pay?", duration=MINUTES)
    page.locator("a.open").wait_for()
    calls = pause_calls(page, "**/device")
    page.goto(f"{origin.url}/app/#/account/{removed.guid}")
    page.locator("details", has_text="Remove").locator("summary").click()
    page.get_by_role("button", name="Remove").first.click()
    calls.wait()
    page.evaluate("(guid) => { location.hash = `#/request/${guid}`; }", pending.guid)
    page.locator(".answer").first.wait_for()
    calls.release()
    while origin.client.devices("user-left-removal")[0].state is BindingState.ACTIVE:
        page.wait_for_timeout(20)
    page.wait_for_function(STORED_ACCOUNTS)
    assert page.url.endswith(f"#/request/{pending.guid}")
    assert device.heading == "Pay?"


def test_a_form_binds_where_what_comes_after_it_cannot_be_loaded(device, origin):
    page = device.page
    page.route("**/requests.js", lambda route: route.abort())
    device.authenticate()
    with page.expect_event("requestfailed", lambda request: "requests.js" in request.url):
        page.goto(origin.link("user-form-alone"))
    page.locator("form button.main").click()
    device.wait_for_heading("You are set up")
    page.unroute("**/requests.js")
    page.goto("about:blank")
    page.goto(f"{origin.url}/app/")
    page.locator("#waiting").wait_for()


def test_an_app_that_cannot_start_says_so(device, origin):
    device.page.add_init_script("IDBFactory.prototype.open = () => { throw new TypeError(); };")
    device.page.goto(f"{origin.url}/app/")
    device.page.get_by_role("alert").filter(has_text="could not read or store").wait_for()
