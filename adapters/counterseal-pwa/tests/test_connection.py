"""A service that cannot be reached: the app says so, and never that nothing waits."""

import pytest

ASKING = "Asking the service …"
NOTHING = "Nothing waits for your answer."
UNKNOWN = "Requests may be waiting."
UNREACHED = "The service cannot be reached."


@pytest.mark.service_worker
def test_a_service_that_stops_and_starts_again(open_device, own_origin):
    with open_device() as device:
        page = device.page
        device.bind_passkey(own_origin.link("user-stopped"))
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        page.reload()  # the files go through the service worker now
        waiting, connection = page.locator("#waiting ~ *"), page.locator("#connection")
        waiting.filter(has_text=NOTHING).wait_for()
        assert connection.is_hidden()
        own_origin.service.stop()
        connection.filter(has_text=UNREACHED).wait_for()
        waiting.filter(has_text=UNKNOWN).wait_for()
        page.reload()
        connection.filter(has_text=UNREACHED).wait_for()
        waiting.filter(has_text=UNKNOWN).wait_for()
        own_origin.service.start()
        waiting.filter(has_text=NOTHING).wait_for(timeout=240_000)
        connection.wait_for(state="hidden")


def test_before_the_first_list_nothing_is_said_of_requests(device, origin, pause_calls):
    device.bind_passkey(origin.link("user-slow"))
    page = device.page
    calls = pause_calls(page, "**/device/requests/events")
    page.reload()
    calls.wait()
    waiting = page.locator("#waiting ~ *")
    waiting.filter(has_text=ASKING).wait_for()
    calls.release()
    waiting.filter(has_text=NOTHING).wait_for()
