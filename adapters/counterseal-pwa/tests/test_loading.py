"""How the app is loaded: requests, bytes and times, by a trace of what leaves Chromium."""

import statistics
import time

import pytest
from conftest import FULL, wait_until

ROUNDS = 5 if FULL else 1
FIRST_REQUESTS, LATER_REQUESTS = 15, 3
FORM_BYTES = 90_000
"""Of bodies as they are sent, until the form of a bind link is shown."""

NETWORKS = {
    "150 ms and 1.6 Mbit/s": (150, 1.6e6, 1, 2),
    "150 ms and 1.6 Mbit/s, a CPU of a quarter": (150, 1.6e6, 4, 3),
    "400 ms and 400 kbit/s": (400, 400e3, 1, 5),
}
"""Latency, bits a second, how much slower the CPU is, and the seconds that a form should take."""


class Trace:
    """
    The requests for files of the app that leave the browser, by a page or by its service worker.

    Attributes:
        requests: Their addresses below the app, one after another.
        size: The bytes of the bodies that came, as they were sent.
    """

    def __init__(self, context, app):
        self.requests, self.size, self._app = [], 0, app
        context.on("requestfinished", self._finish)

    def _finish(self, request):
        if not request.url.startswith(self._app) or request.response().from_service_worker:
            return
        self.requests.append(request.url.removeprefix(self._app).partition("#")[0])
        self.size += request.sizes()["responseBodySize"]


@pytest.mark.service_worker
def test_few_requests_and_few_bytes(device, origin, capsys):
    page = device.page
    trace = Trace(page.context, f"{origin.url}/app/")
    device.authenticate()
    page.goto(origin.link("user-loading"))
    page.locator("form button.main").wait_for()
    form_requests, form_size = len(trace.requests), trace.size
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    first = [*trace.requests]
    assert {"", "service.json", "worker.js"} <= {*first}
    device.bind_passkey(origin.link("user-loading-again"))
    trace.requests.clear()
    page.reload()
    page.locator("#waiting").wait_for()
    page.evaluate("() => navigator.serviceWorker.getRegistration().then((each) => each.update())")
    wait_until(page, lambda: "worker.js" in trace.requests, "no look for a new version")
    later = [*trace.requests]
    with capsys.disabled():
        print(  # noqa: T201
            f"\nfirst visit: {len(first)} requests; before the form: {form_requests},"
            f" {form_size:,} bytes; later visits: {len(later)} requests"
        )
        print(first, later)
    assert len(first) <= FIRST_REQUESTS
    assert len(later) <= LATER_REQUESTS
    assert form_size <= FORM_BYTES
