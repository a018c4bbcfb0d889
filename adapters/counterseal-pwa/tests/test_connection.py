"""A service that cannot be reached: the app says so, and never that nothing waits."""

import re
from datetime import timedelta

import pytest

ASKING = "Asking the service …"
NOTHING = "Nothing waits for your answer."
UNKNOWN = "Requests may be waiting."
MINUTES = timedelta(minutes=5)
UNREACHED = "The service cannot be reached."


@pytest.mark.service_worker
def test_a_service_that_stops_and_starts_again(open_device, stoppable_origin):
    with open_device() as device:
        page = device.page
        device.bind_passkey(stoppable_origin.link("user-stopped"))
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        page.reload()  # the files go through the service worker now
        waiting, connection = page.locator("#waiting ~ *"), page.locator("#connection")
        waiting.filter(has_text=NOTHING).wait_for()
        assert connection.is_hidden()
        stoppable_origin.service.stop()
        connection.filter(has_text=UNREACHED).wait_for()
        waiting.filter(has_text=UNKNOWN).wait_for()
        page.reload()
        connection.filter(has_text=UNREACHED).wait_for()
        waiting.filter(has_text=UNKNOWN).wait_for()
        stoppable_origin.service.start()
        waiting.filter(has_text=NOTHING).wait_for(timeout=240_000)
        connection.wait_for(state="hidden")


def test_before_the_first_list_nothing_is_said_of_requests(device, origin, pause_calls):
    device.bind_passkey(origin.link("user-slow"))
    page = device.page
    # After some seconds the app asks without the stream.
    calls = pause_calls(page, re.compile(r"/device/requests(/events|\?|$)"))
    page.reload()
    calls.wait()
    waiting = page.locator("#waiting ~ *")
    waiting.filter(has_text=ASKING).wait_for()
    calls.release()
    waiting.filter(has_text=NOTHING).wait_for()


def test_behind_a_proxy_that_buffers_the_app_asks_without_the_stream(device, origin, pause_calls):
    device.bind_passkey(origin.link("user-buffered"))
    page = device.page
    blocked_responses = pause_calls(page, "**/device/requests/events")
    page.clock.install()
    page.reload()
    blocked_responses.wait()
    page.clock.run_for(5_000)
    page.locator("#waiting ~ *").filter(has_text=NOTHING).wait_for()
    request_addresses = []
    page.on("request", lambda call: request_addresses.append(call.url))
    origin.client.ask("user-buffered", "Log in?", duration=MINUTES)
    page.locator("a.open").filter(has_text="Log in?").wait_for()
    # The service holds one call until there is something to say.
    assert len([url for url in request_addresses if "/device/requests?wait=" in url]) <= 2
    assert not any(url.endswith("/events") for url in request_addresses)


def test_the_first_request_appears_by_itself_after_a_bind(device, origin):
    page = device.page
    device.authenticate()
    page.goto(origin.link("user-first"))
    page.get_by_role("radio", name="Passkey").wait_for()
    page.locator("form button.main").click()
    device.wait_for_heading("You are set up")
    origin.client.ask("user-first", "Log in?", duration=MINUTES)
    page.locator("a.open").filter(has_text="Log in?").wait_for()
    assert device.heading == "You are set up"
    device.open_request()
    assert device.heading == "Log in?"
