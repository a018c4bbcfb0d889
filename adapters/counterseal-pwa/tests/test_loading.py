"""How the app is loaded: requests, bytes and times, by a trace of what leaves Chromium."""

import os
import re
import statistics
import urllib.request

import pytest

from counterseal_pwa import load_assets

ROUNDS = 5
FULL = "BROWSER_FULL" in os.environ
REQUESTS = {"until the form": 6, "first visit": 15, "later visit": 3}
"""At most, for files of the app, and not for calls; a service worker may ask when it likes."""
FORM_BYTES = 90_000
"""Of bodies as they are sent, until the form of a bind link is shown."""

NETWORKS = {
    "150 ms and 1.6 Mbit/s": (150, 1.6e6, 1, 2),
    "150 ms and 1.6 Mbit/s, a CPU of a quarter": (150, 1.6e6, 4, 3),
    "400 ms and 400 kbit/s": (400, 400e3, 1, 5),
}
"""Latency, bits a second, how much slower the CPU is, and the seconds that a form should take."""
BUSY = 10
"""How many times as long a form may take on a machine that does much else."""


NOTE_FORM = """() => {
  window.formPainted = new Promise((resolve) => new MutationObserver((_, observer) => {
    if (!document.querySelector("form button.main")) return;
    observer.disconnect();
    window.formAt = performance.now();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
  }).observe(document, { childList: true, subtree: true }));
}"""
"""Notes when the form is there; `formPainted` has when the frame with it was painted."""
BEFORE_FORM = """() => ["navigation", "resource"]
  .flatMap((type) => performance.getEntriesByType(type))
  .filter(({ startTime }) => startTime < window.formAt)
  .map(({ name }) => name.split("#")[0])"""
"""The addresses that were asked for before."""


def sent_size(address):
    """Return the bytes of a file's body as a service sends it."""
    asset = load_assets()[address or "index.html"]
    return len(asset.compressed or asset.body)


class Served:
    """The requests for files of the app that came to a service, from pages and service workers."""

    def __init__(self, origin):
        self._address = f"{origin.url}/metrics"
        self._before = self._count()

    def _count(self):
        with urllib.request.urlopen(self._address) as response:  # noqa: S310 (http)
            text = response.read().decode()
        counts = re.findall(r'^\w+_total\{[^}]*operation="app"[^}]*\} (\S+)$', text, re.MULTILINE)
        return sum(map(float, counts))

    @property
    def count(self):
        return self._count() - self._before


@pytest.mark.service_worker
def test_few_requests_and_few_bytes(device, own_origin, capsys):
    page, app = device.page, f"{own_origin.url}/app/"
    served = Served(own_origin)
    page.add_init_script(f"({NOTE_FORM})()")
    device.authenticate()
    page.goto(own_origin.link("user-loading"))
    page.locator("form button.main").wait_for()
    form_requests = [
        address.removeprefix(app)
        for address in page.evaluate(BEFORE_FORM)
        if address.startswith(app)
    ]
    form_size = sum(map(sent_size, form_requests))
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.locator("form button.main").click()
    page.locator("a.button.main").click()
    page.locator("#waiting").wait_for()
    first_count = served.count
    later = Served(own_origin)
    page.reload()
    page.locator("#waiting").wait_for()
    # Chromium does the same by itself, some time after a page was loaded.
    page.evaluate("() => navigator.serviceWorker.getRegistration().then((each) => each.update())")
    later_count = later.count
    with capsys.disabled():
        print(  # noqa: T201
            f"\nfirst visit: {first_count:.0f} requests, of which before the form"
            f" {len(form_requests)} with {form_size:,} bytes; later visits: {later_count:.0f}"
        )
    counts = {
        "until the form": len(form_requests),
        "first visit": first_count,
        "later visit": later_count,
    }
    assert all(0 < count <= REQUESTS[visit] for visit, count in counts.items()), counts
    assert 0 < form_size <= FORM_BYTES


@pytest.mark.service_worker
@pytest.mark.parametrize("name", NETWORKS if FULL else [])
def test_the_form_is_there_soon(open_device, origin, capsys, name):
    """Prints medians: an idle machine has them in the seconds that are asked for."""
    latency, bits, slower, expected = NETWORKS[name]
    seconds = []
    for number in range(ROUNDS):
        with open_device() as device:
            page = device.page
            page.add_init_script(f"({NOTE_FORM})()")
            session = page.context.new_cdp_session(page)
            session.send("Network.enable")
            throughput = {"downloadThroughput": bits / 8, "uploadThroughput": bits / 8}
            session.send(
                "Network.emulateNetworkConditions",
                {"offline": False, "latency": latency, **throughput},
            )
            session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            page.goto(origin.link(f"user-soon-{latency}-{slower}-{number}"), wait_until="commit")
            page.locator("form button.main").wait_for()
            # The page's clock begins with the navigation.
            seconds.append(page.evaluate("() => window.formPainted") / 1000)
    median = statistics.median(seconds)
    rounds = ", ".join(f"{each:.2f}" for each in sorted(seconds))
    with capsys.disabled():
        print(f"\n{name}: the form after {median:.2f} s ({rounds}), at most {expected} s")  # noqa: T201
    assert latency / 1000 < median < BUSY * expected
