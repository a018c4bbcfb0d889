"""The service worker: what it shows of a push, and what the app does with it."""

import json
from datetime import timedelta

import pytest

MINUTE = timedelta(minutes=1)
NOTIFICATIONS = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const notifications = await registration.getNotifications();
  return notifications.map(({ title, body, tag }) => ({ title, body, tag }));
}"""


@pytest.fixture
def push(device, origin):
    """A device that is bound; return what delivers a push to its service worker."""
    page = device.page
    page.context.grant_permissions(["notifications"], origin=origin.url)
    device.bind(origin.link("user-push"))
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    session = page.context.new_cdp_session(page)
    registrations = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: registrations.extend(event["registrations"]),
    )
    session.send("ServiceWorker.enable")
    page.wait_for_timeout(100)

    def deliver(text):
        registration = {"registrationId": registrations[0]["registrationId"]}
        session.send(
            "ServiceWorker.deliverPushMessage", {"origin": origin.url, "data": text} | registration
        )
        page.wait_for_timeout(300)

    return deliver


def message(guid, title="Harbour Bank"):
    data = {"type": "request", "requestGuid": guid, "privakeyId": guid}
    return json.dumps({"title": title, "body": "A request waits", "data": data})


def test_a_push_is_shown_and_goes_when_the_request_is_over(device, origin, push):
    pending = origin.client.ask("user-push", "Log in?", duration=MINUTE)
    device.page.locator("a.open").wait_for()
    push(message(pending.guid, "First"))
    push(message(pending.guid, "Second"))
    notification = {"title": "Second", "body": "A request waits", "tag": pending.guid}
    assert device.page.evaluate(NOTIFICATIONS) == [notification]
    origin.client.cancel(pending)
    device.page.locator("a.open").wait_for(state="detached")
    device.page.wait_for_function(f"({NOTIFICATIONS})().then((shown) => shown.length === 0)")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "null", '{"title": 7, "data": null}'])
def test_a_push_of_another_form_says_no_more_than_the_name(device, push, text):
    push(text)
    notification = {"title": "Counterseal", "body": "", "tag": ""}
    assert device.page.evaluate(NOTIFICATIONS) == [notification]


def test_a_notification_opens_its_request(device, origin, push):
    pending = origin.client.ask("user-push", "Log in?", duration=MINUTE)
    push(message(pending.guid))
    (worker,) = device.page.context.service_workers
    # What a click does; the browser lets only a person's click move the focus.
    worker.evaluate("(guid) => openRequest(guid).catch(() => null)", pending.guid)
    device.page.locator(".answer").first.wait_for()
    assert "Log in?" in device.page.locator("article").inner_text()
    device.press("Approve")
    device.wait_for_heading("Approved")
    assert origin.wait(pending).receipt
