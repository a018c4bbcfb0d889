"""The app in Chromium where its store fails, or is another version's."""

from datetime import timedelta

from app_modules import link_modules

from counterseal_client import Button

MINUTES = timedelta(minutes=5)
BUTTONS = (
    Button(title="Pay", strong=False, approving=True),
    Button(title="Do not pay", strong=False),
)
FULL = """() => {
  const { put } = IDBObjectStore.prototype;
  window.isFull = true;
  IDBObjectStore.prototype.put = function (...what) {
    if (window.isFull && this.name === "history") throw new DOMException("", "QuotaExceededError");
    return put.apply(this, what);
  };
}"""
STORED = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  return (await (await indexedDbStore()).list("history")).length;
}""")
NEWER = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  const store = await indexedDbStore();
  const [{ record }] = await store.list("accounts");
  await store.commit([{ collection: "accounts", id: "newer", record: { ...record, version: 99 } }]);
}""")


def test_an_answer_that_is_not_stored_is_said_so_until_it_is(device, origin):
    device.bind(origin.link("user-full"))
    page = device.page
    page.evaluate(FULL)
    origin.client.ask("user-full", "Pay?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.press("Pay", pin=None)
    device.wait_for_heading("Approved")
    sentence = page.get_by_text("could not store the answer yet")
    sentence.wait_for()
    assert page.evaluate(STORED) == 0
    page.evaluate("() => { window.isFull = false; }")
    # The list changes, and with it the store is asked again.
    origin.client.ask("user-full", "Pay again?", buttons=BUTTONS, duration=MINUTES)
    sentence.wait_for(state="detached")
    assert page.evaluate(STORED) == 1


def test_an_account_of_a_newer_version_is_said_and_hides_no_other(device, origin):
    device.bind(origin.link("user-newer"))
    page = device.page
    page.evaluate(NEWER)
    page.reload()
    page.get_by_text("an account that this version of the app cannot read").wait_for()
    assert page.locator("#accounts ~ ul > li, #accounts + ul > li").count() == 1


def test_a_newer_version_in_another_tab_is_said(device, origin):
    device.bind(origin.link("user-outdated"))
    page = device.page
    page.evaluate("() => { window.opening = indexedDB.open('counterseal', 99); }")
    page.get_by_text("This page is older than the data of this app").wait_for()
