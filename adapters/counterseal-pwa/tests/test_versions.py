"""Versions of the app, one deployed after the other under open pages: no page mixes them."""

import re
import shutil
from datetime import timedelta

import pytest
from browser_waits import wait_until

from counterseal_client import require_approved
from counterseal_pwa import assets, write_site
from counterseal_pwa.assets import STATIC
from counterseal_pwa.bundle.files import VERSION, build

pytestmark = pytest.mark.service_worker
LIBRARY = STATIC.parents[3] / "counterseal-js"
MINUTES = timedelta(minutes=5)
SCRIPTS = """() => performance.getEntriesByType("resource").map(({ name }) => name)
  .filter((name) => /[0-9a-f]{16}\\//.test(name))"""
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
CACHES = "() => caches.keys()"
WORKERS = """async () => {
  const { waiting, active } = await navigator.serviceWorker.getRegistration();
  return [waiting, active].map((worker) => worker?.state ?? null);
}"""
READ_STATE = """() => { document.dispatchEvent(new Event("visibilitychange")); }"""
"""Has a page look whether a new version may begin; otherwise it does so every minute."""

BE_ASKED = """() => new Promise((resolve) => {
  new BroadcastChannel(`update ${location.origin}/`).onmessage = resolve;
  document.dispatchEvent(new Event("visibilitychange"));
}).then(() => null)"""
"""Has a page look, and waits until the new version has asked it."""

OLD_PAGE = """<!doctype html><title>Old</title><script type="module" src="old.js"></script>"""
OLD_SCRIPT = """
navigator.serviceWorker.addEventListener("message", ({ data }) => {
  window.location.hash = String(data?.open ?? "#/");
});
await navigator.serviceWorker.register("worker.js", { scope: "./", type: "module" });
"""
OLD_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => event.respondWith(fetchFile(event.request)));
async function fetchFile(request) {
  const files = await caches.open("files");
  try {
    const response = await fetch(request);
    if (response.ok) await files.put(request, response.clone());
    return response;
  } catch (error) {
    return (await files.match(request, { ignoreSearch: true })) ?? Promise.reject(error);
  }
}
"""
"""How the app registered a service worker that had no versions, and what that did."""


@pytest.fixture
def deploy(app_site, far_origin, tmp_path, monkeypatch):
    """Return a function that deploys a version, and returns its folder; others are deleted."""

    def deploy(number):
        sources = tmp_path / f"static-{number}"
        shutil.copytree(STATIC, sources)
        platform = sources / "platform.js"
        platform.write_text(f"{platform.read_text('utf-8')}// Version {number}\n", "utf-8")
        files = build(sources, LIBRARY)
        monkeypatch.setattr(assets, "_files", lambda: files)
        empty(app_site.folder)
        write_site(app_site.folder, far_origin.url)
        return next(VERSION.match(name)[0] for name in files if VERSION.match(name))

    return deploy


def empty(folder):
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def version_of(page):
    """Return the one folder from which a page has loaded files."""
    (folder,) = {re.search(f"/({VERSION.pattern})", name)[1] for name in page.evaluate(SCRIPTS)}
    return folder


def look_until_loaded(page):
    """Have a page look whether a new version may begin, until it is loaded again for that."""
    page.evaluate("() => { window.isOlder = true; }")
    read_state = f"() => {{ if (!window.isOlder) return true; ({READ_STATE})(); return false; }}"
    page.wait_for_function(read_state, polling=200)


def wait_for_only_cache(page, name):
    wait_until(page, lambda: page.evaluate(CACHES) == [name], "other caches stay")


def wait_for_waiting_worker(page):
    wait_until(page, lambda: page.evaluate(WORKERS)[0] == "installed", "no worker waits")


def test_a_page_with_something_open_keeps_its_version_until_it_has_nothing_open(
    device, far_origin, app_site, deploy, tmp_path
):
    first = deploy(1)
    page = device.page
    device.bind_passkey(far_origin.link("user-versions"))
    page.wait_for_function(CONTROLLED)
    pending = far_origin.client.ask("user-versions", "Log in?", duration=MINUTES)
    device.open_request()
    # What the first version has not loaded yet is not on the server any more.
    second = deploy(2)
    assert second != first
    other = page.context.new_page()
    other.goto(f"{app_site.url}/")
    other.locator("#waiting").wait_for()
    assert version_of(other) == second
    wait_for_waiting_worker(page)
    other.evaluate(READ_STATE)
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    assert page.evaluate(WORKERS) == ["installed", "activated"]
    reply = far_origin.wait(pending)
    far_origin.verify(reply.receipt, tmp_path)
    assert require_approved(reply, pending, far_origin.trust)
    other.evaluate(READ_STATE)
    device.follow(page.locator("a.button.main"))
    device.open_account()
    page.locator("#history").wait_for()
    # It has loaded all views by now, each of its own version, and is as it was.
    assert version_of(page) == first
    page.go_back()
    page.locator("#waiting").wait_for()
    look_until_loaded(page)
    page.locator("#waiting").wait_for()
    assert (version_of(page), version_of(other)) == (second, second)
    wait_for_only_cache(page, f"{app_site.url}/#{second}")
    page.context.set_offline(offline=True)
    other.close()
    device.open_account()
    page.locator("#history").wait_for()


def test_a_link_that_is_typed_is_not_lost(device, far_origin, app_site, deploy):
    deploy(3)
    page = device.page
    page.goto(f"{app_site.url}/")
    page.locator("#link").fill("counterseal://")
    page.wait_for_function(CONTROLLED)
    deploy(4)
    page.evaluate("() => navigator.serviceWorker.getRegistration().then((each) => each.update())")
    wait_for_waiting_worker(page)
    page.evaluate(BE_ASKED)
    assert page.locator("#link").input_value() == "counterseal://"
    page.locator("#link").fill("")
    look_until_loaded(page)


def test_a_service_worker_without_versions_is_replaced_when_its_pages_are_closed(
    device, far_origin, app_site, deploy
):
    empty(app_site.folder)
    files = {"index.html": OLD_PAGE, "old.js": OLD_SCRIPT, "worker.js": OLD_WORKER}
    files["_headers"] = "/*\n  Cache-Control: no-cache\n"
    for name, text in files.items():
        (app_site.folder / name).write_text(text)
    page = device.page
    page.goto(f"{app_site.url}/#/request/1")
    page.wait_for_function(CONTROLLED)
    page.reload()
    assert page.evaluate(CACHES) == ["files"]
    folder = deploy(5)
    other = page.context.new_page()
    other.goto(f"{app_site.url}/")
    other.locator("#link").wait_for()
    assert version_of(other) == folder
    wait_for_waiting_worker(other)
    other.evaluate(READ_STATE)
    assert other.evaluate(WORKERS) == ["installed", "activated"]
    # The old page takes every message for the address of a view.
    assert page.url == f"{app_site.url}/#/request/1"
    page.close()
    look_until_loaded(other)
    other.locator("#link").wait_for()
    wait_for_only_cache(other, f"{app_site.url}/#{folder}")
    other.context.set_offline(offline=True)
    other.reload()
    other.locator("#link").wait_for()
