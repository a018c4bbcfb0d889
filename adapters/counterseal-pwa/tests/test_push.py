"""
Push: the app subscribes, the service sends, the service worker shows, and a click opens.

Only `PushManager` is faked, since it does not work in Debian's Chromium: the subscription's keys
are real. What the service worker gets is what the service sent to the push service, decrypted.
"""

import json
from datetime import timedelta

import pytest
from app_modules import link_modules
from browser_waits import look_at, wait_until
from push_browser import let_subscribe
from test_texts import TEXTS

from counterseal import STANDARD
from counterseal_client import require_approved

sync_api = pytest.importorskip("playwright.sync_api", reason="no chromium: no playwright")

pytestmark = [pytest.mark.notifications, pytest.mark.service_worker]
MINUTES = timedelta(minutes=5)
NOTIFICATIONS = """async () => {
  const registration = await navigator.serviceWorker.ready;
  const notifications = await registration.getNotifications();
  return notifications.map(({ title, body, tag, renotify, requireInteraction }) => {
    return { title, body, tag, renotify, requireInteraction };
  });
}"""
REMEMBER = """async () => {
  [self.displayed] = await registration.getNotifications();
  return self.displayed !== undefined;
}"""
"""The service worker may see a notification later than the page does."""
COUNT_SHOWN = """() => {
  self.shown = 0;
  const { showNotification } = ServiceWorkerRegistration.prototype;
  ServiceWorkerRegistration.prototype.showNotification = async function (...how) {
    await showNotification.apply(this, how);
    self.shown += 1;
  };
}"""
CLICK = """() => {
  dispatchEvent(new NotificationEvent("notificationclick", { notification: self.displayed }));
}"""


class Subscriber:
    """
    A browser device that may be notified.

    Where the machine has no place for notifications, Chromium removes one after 20 seconds.

    Attributes:
        device: The app.
        browsers: The keys of the subscriptions that its browser makes, one after another.
    """

    def __init__(self, device, origin, push_service, name):
        self.device, self._url, self._registrations = device, origin.url, []
        self.browsers = [push_service.browser(f"{name}-{number}") for number in range(3)]
        let_subscribe(device.page, origin.url, self.browsers)

    def listen(self):
        """Learn what the browser calls the service worker."""
        page = self.device.page
        page.evaluate("navigator.serviceWorker.ready.then(() => null)")
        self._session = page.context.new_cdp_session(page)
        self._session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: self._registrations.extend(event["registrations"]),
        )
        self._session.send("ServiceWorker.enable")
        while not self._registrations:
            page.wait_for_timeout(10)
        self._worker = self.device.service_worker
        self._worker.evaluate(COUNT_SHOWN)

    def subscribe(self):
        """Press the button, and wait until the service knows."""
        self._press("Notify me", "Stop notifications")

    def unsubscribe(self):
        """Press the other button, and wait until the service knows."""
        self._press("Stop notifications", "Notify me")

    def _press(self, name, other):
        section = self.device.page.locator("section:has(#notify)")
        self.device.follow(section.get_by_role("button", name=name))
        section.get_by_role("button", name=other).wait_for()
        # The subscription alone changes the button, if the section is filled at that moment.
        section.locator("[role=status]:empty").wait_for(state="attached")

    def deliver(self, text):
        """
        Have the service worker get *text* as a decrypted push, and wait until it is shown.

        If notifications are listed while Chromium shows one, it may be missing from then on.
        """
        registration_id = self._registrations[0]["registrationId"]
        message = {"origin": self._url, "registrationId": registration_id, "data": text}
        before = self._worker.evaluate("self.shown")
        self._session.send("ServiceWorker.deliverPushMessage", message)
        wait_until(
            self.device.page,
            lambda: self._worker.evaluate("self.shown") > before,
            "the push is not shown",
        )

    def receive(self, message, *, number=0):
        """Decrypt what the push service got, and give it to the service worker."""
        self.deliver(self.browsers[number].decrypt(message.body).decode())

    def expect(self, **notification):
        """Wait until one notification is shown, and it is this one."""
        page = self.device.page
        equal = """async (notification) => {
          const shown = await (NOTIFICATIONS)();
          const has = ([name, value]) => shown[0][name] === value;
          return shown.length === 1 && Object.entries(notification).every(has);
        }""".replace("NOTIFICATIONS", NOTIFICATIONS)
        try:
            page.wait_for_function(equal, arg=notification)
        except sync_api.TimeoutError:
            assert page.evaluate(NOTIFICATIONS) == [notification]
            raise
        worker = self.device.service_worker

        def is_remembered_or_removed():
            return worker.evaluate(REMEMBER) or page.evaluate(NOTIFICATIONS) == []

        wait_until(page, is_remembered_or_removed, "the service worker does not see it")

    def expect_none(self):
        """Wait until no notification is shown."""
        none = f"async () => (await ({NOTIFICATIONS})()).length === 0"
        self.device.page.wait_for_function(none)

    def close_all(self):
        """Close what is shown."""
        self.device.page.evaluate("""async () => {
          const registration = await navigator.serviceWorker.ready;
          for (const notification of await registration.getNotifications()) notification.close();
        }""")
        self.expect_none()

    def click(self):
        """Click on the notification that was expected, even if Chromium has removed it."""
        # The browser lets only a person's click move the focus, and the event last.
        self.device.service_worker.evaluate(CLICK)


@pytest.fixture
def subscriber(device, origin, push_service, request):
    name = f"push-{request.node.name}"[:60].replace("[", "-").replace("]", "")
    subscriber = Subscriber(device, origin, push_service, name)
    device.authenticate()
    device.bind_passkey(origin.link(name))
    subscriber.account_id = name
    subscriber.listen()
    return subscriber


def addresses_of(device):
    """Return how many addresses the service has of the app's device."""
    script = link_modules("""async () => {
      const { indexedDbStore } = await import("./device/store.js");
      const { pinKeys } = await import("./device/strong_keys.js");
      const { Wallet } = await import("./device/wallet.js");
      const strongKeys = [pinKeys({ askPin: async () => null })];
      const [account] = await new Wallet({ store: await indexedDbStore(), strongKeys }).accounts();
      return (await account.status()).addresses;
    }""")
    return device.page.evaluate(script)


def test_what_the_service_sends_is_shown_and_a_click_opens_it(
    device, origin, push_service, subscriber, tmp_path
):
    assert addresses_of(device) == 0
    subscriber.subscribe()
    assert addresses_of(device) == 1
    pending = origin.client.ask(subscriber.account_id, "Log in?", duration=MINUTES)
    message = push_service.next(subscriber.browsers[0])
    assert message.claims["aud"] == push_service.url
    subscriber.receive(message)
    texts = {"title": "Counterseal", "body": "A question is waiting for you."}
    # A reminder, which replaces this one, is to be heard as well.
    tag = f"{origin.url}/app/#{pending.guid}"
    subscriber.expect(**texts, tag=tag, renotify=True, requireInteraction=True)
    subscriber.click()
    device.page.locator(".answer").first.wait_for()
    assert device.heading == "Log in?"
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    reply = origin.wait(pending)
    assert require_approved(reply, pending, origin.trust)
    origin.verify(reply.receipt, tmp_path)
    subscriber.expect_none()


def test_a_body_that_nobody_chose_is_in_the_language_of_the_browser(
    open_device, origin, push_service
):
    with open_device(locale="it-IT") as device:
        subscriber = Subscriber(device, origin, push_service, "push-italian")
        device.page.goto(f"{origin.url}/app/")
        device.page.locator("#link").wait_for()
        subscriber.listen()
        for body, expected in (
            (STANDARD.device_bound_body, TEXTS["it"]["push.added"]),
            ("Ihr neues Telefon", "Ihr neues Telefon"),
        ):
            data = {"type": "deviceBound", "deviceGuid": "", "requestGuid": ""}
            subscriber.deliver(json.dumps({"title": "Bank", "body": body, "data": data}))
            subscriber.expect(title="Bank", body=expected)
            subscriber.close_all()


def test_answered_on_another_device_it_is_replaced(
    origin, push_service, subscriber, open_device, tmp_path
):
    device = subscriber.device
    with open_device() as other:
        other.authenticate()
        other.bind_passkey(origin.link(subscriber.account_id))
        subscriber.subscribe()
        pending = origin.client.ask(subscriber.account_id, "Log in?", duration=MINUTES)
        device.page.goto(f"{origin.url}/app/service.json")  # the app is not open
        subscriber.receive(push_service.next(subscriber.browsers[0]))
        tag = f"{origin.url}/app/#{pending.guid}"
        subscriber.expect(tag=tag, body="A question is waiting for you.")
        other.open_request()
        other.press("Approve", pin=None)
        other.wait_for_heading("Approved")
    subscriber.receive(push_service.next(subscriber.browsers[0]))
    body = "No longer open: answered on another device, or withdrawn."
    subscriber.expect(tag=tag, body=body, renotify=False, requireInteraction=False)
    reply = origin.wait(pending)
    origin.verify(reply.receipt, tmp_path)
    assert require_approved(reply, pending, origin.trust)
    device.page.goto(f"{origin.url}/app/")
    device.page.locator("#waiting").wait_for()
    subscriber.click()
    device.wait_for_heading("Approved on another device")


def test_a_click_opens_a_new_device_that_waits(origin, push_service, subscriber, open_device):
    subscriber.subscribe()
    page = subscriber.device.page
    subscriber.device.open_account()
    page.get_by_role("button", name="Add another device").click()
    link = page.locator("#new-link").input_value()
    page.goto(f"{origin.url}/app/service.json")  # the app is not open
    with open_device() as new:
        new.page.goto(link)
        new.page.locator("form button.main").click()
        for field in ("#pin", "#pin-again"):
            new.page.locator(field).fill("281937")
        new.page.locator("dialog button.main").click()
        new.wait_for_heading("Not yet confirmed")
        message = push_service.next(subscriber.browsers[0])
        data = json.loads(subscriber.browsers[0].decrypt(message.body))["data"]
        assert data["type"] == "deviceUnconfirmed"
        subscriber.receive(message)
        tag = f"{origin.url}/app/#{data['deviceGuid']}"
        subscriber.expect(title="Counterseal", tag=tag)
        page.goto(f"{origin.url}/app/")
        page.locator("a.open").wait_for()
        subscriber.click()
        subscriber.device.wait_for_heading("Add this new device?")
        subscriber.device.press("Refuse", pin=None)
        subscriber.device.wait_for_heading("Refused")
        subscriber.expect_none()
        look_at(new.page)
        new.wait_for_heading("Not added")


def test_turned_off_and_on_again(device, subscriber):
    subscriber.subscribe()
    subscriber.unsubscribe()
    assert addresses_of(device) == 0
    subscriber.subscribe()
    assert addresses_of(device) == 1


def test_a_subscription_that_the_browser_dropped_is_renewed(
    device, origin, push_service, subscriber
):
    page = device.page
    subscriber.subscribe()
    page.evaluate("""async () => {
      const { pushManager } = await navigator.serviceWorker.ready;
      await (await pushManager.getSubscription()).unsubscribe();
    }""")
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        page.reload()
    page.get_by_role("button", name="Stop notifications").wait_for()
    origin.client.ask(subscriber.account_id, "Log in?", duration=MINUTES)
    subscriber.receive(push_service.next(subscriber.browsers[1]), number=1)
    subscriber.expect(body="A question is waiting for you.")


def renew_in_the_worker(device, browser):
    """Have the service worker renew its subscription; return when the service has an answer."""
    subscription = json.loads(browser.subscription())
    device.service_worker.evaluate(
        """async (subscription) => {
          PushManager.prototype.getSubscription = async () => null;
          PushManager.prototype.subscribe = async (options) =>
            options.applicationServerKey && options.userVisibleOnly && subscription;
          const send = fetch;
          const updated = new Promise((resolve) => {
            self.fetch = async (address, options) => {
              const response = await send(address, options);
              if (options?.method === "PATCH") resolve(response.status);
              return response;
            };
          });
          dispatchEvent(new ExtendableEvent("pushsubscriptionchange"));
          return updated;
        }""",
        subscription,
    )


def test_the_service_worker_renews_a_subscription_while_the_app_is_closed(
    device, origin, push_service, subscriber
):
    subscriber.subscribe()
    device.page.goto(f"{origin.url}/app/service.json")
    renew_in_the_worker(device, subscriber.browsers[2])
    origin.client.ask(subscriber.account_id, "Log in?", duration=MINUTES)
    assert push_service.next(subscriber.browsers[2])


def test_a_revoked_account_keeps_no_other_from_being_renewed(
    device, origin, push_service, subscriber
):
    page = device.page
    account_ids = (subscriber.account_id, f"{subscriber.account_id}-2")
    page.goto("about:blank")
    device.bind_passkey(origin.link(account_ids[1]))
    subscriber.subscribe()
    devices = {origin.client.devices(each)[0].guid: each for each in account_ids}
    first, second = sorted(devices)  # in the order of the wallet
    page.goto(f"{origin.url}/app/service.json")
    origin.client.revoke_device(first)
    renew_in_the_worker(device, subscriber.browsers[2])
    origin.client.ask(devices[second], "Log in?", duration=MINUTES)
    assert push_service.next(subscriber.browsers[2])


GUID = "00000000-0000-4000-8000-000000000000"
PUSH = {"title": "Counterseal", "body": "A question", "data": {"type": "request"}}
INSTALL_ANOTHER_APP = """async () => {
  window.foreign = await navigator.serviceWorker.register("/app/worker.js?", {
    scope: "/app/other/",
  });
  const { installing, waiting, active } = window.foreign;
  const worker = active ?? waiting ?? installing;
  await new Promise((resolve) => {
    const check = () => worker.state === "activated" && resolve();
    worker.addEventListener("statechange", check);
    check();
  });
}"""
SHOW_ANOTHER_APP = """(tag) => window.foreign.showNotification("Another service", { tag })"""
FIRST_APP = """async () => {
  const registration = await navigator.serviceWorker.getRegistration("/app/");
  return (await registration.getNotifications()).map(({ title }) => title);
}"""


def test_another_app_of_the_web_origin_replaces_no_notification_by_its_guid(origin, subscriber):
    page = subscriber.device.page
    # The app's own policy lets no page register another service worker.
    page.context.new_cdp_session(page).send("Page.setBypassCSP", {"enabled": True})
    page.goto(f"{origin.url}/app/service.json")  # the app is not open
    # What takes long comes first: Chromium may remove a notification after 20 seconds.
    page.evaluate(INSTALL_ANOTHER_APP)
    push = {**PUSH, "data": {"type": "request", "requestGuid": GUID}}
    subscriber.deliver(json.dumps(push))
    page.wait_for_function(f"async () => (await ({FIRST_APP})()).length === 1")
    page.evaluate(SHOW_ANOTHER_APP, GUID)
    assert page.evaluate(FIRST_APP) == ["Counterseal"]


def test_a_notification_of_an_older_service_worker_is_replaced(subscriber):
    push = {**PUSH, "data": {"type": "request", "requestGuid": GUID}}
    page = subscriber.device.page
    page.evaluate(
        """async (tag) => (await navigator.serviceWorker.ready).showNotification("Old", { tag })""",
        GUID,
    )
    subscriber.expect(title="Old")
    subscriber.deliver(json.dumps(push))
    subscriber.expect(title="Counterseal", body="A question")


def test_what_a_push_says_is_written_out_where_it_hides(subscriber):
    texts = {"title": "Bank\u202e", "body": "Pay\u200b?\nNow"}
    subscriber.deliver(json.dumps({**texts, "data": {"type": "request"}}))
    subscriber.expect(title="Bank<U+202E>", body="Pay<U+200B>?\nNow")


def test_a_push_of_another_form_says_no_more_than_the_name(subscriber):
    for text in ("", "no JSON", "[]", "null", '{"title": 7, "data": null}'):
        subscriber.deliver(text)
        subscriber.expect(title="Counterseal", body="", tag="")
        subscriber.close_all()


IMPOSSIBLE = {
    "blocked": (
        'Object.defineProperty(Notification, "permission", { get: () => "denied" })',
        "blocks notifications",
    ),
    "no push": ("delete ServiceWorkerRegistration.prototype.pushManager", "cannot notify you"),
    "not installed": (
        "delete ServiceWorkerRegistration.prototype.pushManager; navigator.standalone = false",
        "Home Screen",
    ),
    "no service worker": ("delete Navigator.prototype.serviceWorker", "cannot notify you"),
}


def test_what_is_not_possible_is_said(device, origin):
    device.authenticate()
    device.bind_passkey(origin.link("push-impossible"))
    for script, words in IMPOSSIBLE.values():
        page = device.page.context.new_page()
        page.add_init_script(script)
        page.goto(f"{origin.url}/app/")
        page.locator("#notify + p").filter(has_text=words).wait_for()
        assert page.get_by_role("button", name="Notify me").count() == 0
        page.close()


def test_a_browser_that_cannot_subscribe_is_said(device, origin):
    script = """PushManager.prototype.subscribe = async () => {
      throw new DOMException("push service not available", "AbortError");
    };"""
    device.page.context.grant_permissions(["notifications"], origin=origin.url)
    device.page.add_init_script(script)
    device.authenticate()
    device.bind_passkey(origin.link("push-fails"))
    section = device.page.locator("section:has(#notify)")
    device.follow(section.get_by_role("button", name="Notify me"))
    section.get_by_role("alert").filter(has_text="could not subscribe").wait_for()
    section.get_by_role("button", name="Notify me").wait_for()


def test_a_press_of_notify_me_is_not_lost_when_its_state_is_read_again(device, origin):
    page = device.page
    page.context.grant_permissions(["notifications"], origin=origin.url)
    page.add_init_script("""
      window.states = 0;
      const { getSubscription } = PushManager.prototype;
      PushManager.prototype.getSubscription = async function () {
        const subscription = await getSubscription.call(this);
        window.states += 1;
        return subscription;
      };
      PushManager.prototype.subscribe = () => new Promise((_, reject) => {
        window.refuse = () => reject(new DOMException("", "AbortError"));
      });
    """)
    device.authenticate()
    device.bind_passkey(origin.link("user-click-notify"))
    page.evaluate("localStorage.setItem('push', '{}')")
    page.reload()
    page.wait_for_function("() => window.refuse")
    button = page.get_by_role("button", name="Notify me")
    button.hover()
    page.mouse.down()
    states = page.evaluate("window.states")
    page.evaluate("() => { window.refuse(); window.refuse = null; }")
    page.wait_for_function("(states) => window.states > states", arg=states)
    assert button.evaluate("(each) => document.activeElement === each")
    page.mouse.up()
    page.get_by_text("Asking the browser …").wait_for()
    page.wait_for_function("() => window.refuse")
    page.evaluate("window.refuse()")
    page.get_by_text("The browser could not subscribe.").wait_for()
    page.wait_for_function("() => document.activeElement.textContent === 'Notify me'")


def test_a_push_that_is_faster_than_the_list_stays(device, origin, subscriber):
    def push(guid):
        data = {"type": "request", "requestGuid": guid}
        subscriber.deliver(json.dumps({"title": "Counterseal", "body": "A question", "data": data}))
        wait_for(guid, visible=True)

    def wait_for(guid, *, visible):
        tags = f"(await ({NOTIFICATIONS})()).map(({{ tag }}) => tag.split('#')[1])"
        sought = "async ([guid, visible]) => TAGS.includes(guid) === visible".replace("TAGS", tags)
        device.page.wait_for_function(sought, arg=[guid, visible])

    # What the app closes is recorded, since Chromium may remove a notification after 20 seconds.
    device.page.evaluate("""() => {
      window.closedTags = [];
      const { close } = Notification.prototype;
      Notification.prototype.close = function () {
        window.closedTags.push(this.tag);
        close.call(this);
      };
    }""")
    unlisted = "00000000-0000-4000-8000-000000000000"
    push(unlisted)
    device.page.evaluate("location.hash = '#/'")
    # Once the second one's notification is closed, all that the first list closes is closed.
    for _ in range(2):
        listed = origin.client.ask(subscriber.account_id, "Log in?", duration=MINUTES).guid
        device.page.locator("a.open").wait_for()
        push(listed)
        origin.client.cancel(listed)
        wait_for(listed, visible=False)
        device.page.locator("a.open").wait_for(state="detached")

    assert f"{origin.url}/app/#{unlisted}" not in device.page.evaluate("closedTags")


def test_a_browser_that_never_subscribes_is_given_up(subscriber):
    page = subscriber.device.page
    page.clock.install()
    page.add_init_script("PushManager.prototype.subscribe = () => new Promise(() => {})")
    page.reload()
    subscriber.device.follow(page.get_by_role("button", name="Notify me"))
    page.get_by_text("Asking the browser …").wait_for()
    page.clock.run_for(20_000)
    page.get_by_text("The browser could not subscribe.").wait_for()
    page.get_by_role("button", name="Notify me", disabled=False).wait_for()
    assert page.get_by_text("Asking the browser …").count() == 0
