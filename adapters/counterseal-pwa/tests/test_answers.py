"""The app in Chromium at a real service: each way a request ends, with record and receipt."""

from datetime import timedelta

import pytest
from app_modules import link_modules

from counterseal.models import BindingState, ChallengeState, RefusalReason
from counterseal_client import (
    Button,
    HtmlContent,
    Pair,
    PairsContent,
    StrongKey,
    Unreachable,
    require_approved,
)
from counterseal_pwa import load_assets

MINUTES = timedelta(minutes=5)
BUTTONS = (
    Button(title="Pay", strong=True, approving=True, style='{"color": "#16C656"}'),
    Button(title="Do not pay", strong=False),
)
TRANSFER = PairsContent(
    title="Pay 49.90 EUR?",
    pairs=(Pair(key="Payee", value="Zoë Example"), Pair(key="Reference", value="Order 7")),
)


COUNT_PRESSES = """addEventListener("click", () => {
  sessionStorage.setItem("presses", Number(sessionStorage.getItem("presses")) + 1);
}, true);"""
TAKE_PRESSES = """() => {
  const presses = Number(sessionStorage.getItem("presses"));
  sessionStorage.removeItem("presses");
  return presses;
}"""


@pytest.fixture
def account_id(request):
    return f"user-{request.node.name}"[:60]


@pytest.fixture
def bound(device, origin, account_id):
    """A device that is bound with a passkey, and its account id."""
    device.verify = device.authenticate()
    device.bind_passkey(origin.link(account_id))
    return device, account_id


@pytest.fixture
def bound_pin(device, origin, account_id):
    """A device that is bound with a PIN, and its account id."""
    device.bind(origin.link(account_id))
    return device, account_id


@pytest.fixture
def require_proof(origin, tmp_path):
    """Return a function that requires an approval with a receipt that anybody can verify."""

    def require(pending):
        reply = origin.wait(pending)
        origin.verify(reply.receipt, tmp_path)
        return require_approved(reply, pending, origin.trust, requirements=[StrongKey()])

    return require


def test_approved_with_the_pin(bound_pin, origin, tmp_path):
    device, account_id = bound_pin
    pending = origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    assert device.heading == "Pay 49.90 EUR?"
    article = device.page.locator("article").inner_text()
    assert all(each in article for each in ("Payee", "Zoë Example", "Order 7"))
    buttons = device.page.locator(".answer").all_inner_texts()
    assert buttons == ["Pay\n✓ approves", "Do not pay\n✕ refuses"]
    device.page.get_by_role("button", name="Pay", exact=True).click()
    dialog = device.page.locator("dialog")
    assert all(text in dialog.inner_text() for text in ("Your PIN", "Pay 49.90 EUR?"))
    assert dialog.locator("button.main").inner_text() == "Pay"
    dialog.locator("#pin").fill("739154")
    dialog.locator("button.main").click()
    device.wait_for_heading("Approved")
    outcome = device.page.locator("main").inner_text()
    assert all(text in outcome for text in ("Online banking", "Pay 49.90 EUR?", "Pay"))
    assert "verified" not in outcome
    device.page.locator("summary").click()
    section = device.page.locator("details").inner_text()
    assert "verified" in section
    assert "a thief of this device who finds the receipt can try PINs" in section
    reply = origin.wait(pending)
    assert require_approved(reply, pending, origin.trust).title == "Pay"
    origin.verify(reply.receipt, tmp_path)
    with device.page.expect_download() as download:
        device.page.get_by_role("button", name="Save the receipt").click()
    assert download.value.path().read_text("utf-8") == reply.receipt


def test_declined_without_the_pin(bound, origin, tmp_path):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Pay 10 EUR?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.refuse("Do not pay")
    device.wait_for_heading("Refused")
    reply = origin.wait(pending)
    assert reply.state is ChallengeState.ANSWERED
    origin.verify(reply.receipt, tmp_path)
    device.page.locator("a.button.main").click()
    device.open_account()
    history = device.page.locator("ol").inner_text()
    assert "Refused" in history
    assert "Pay 10 EUR?" in history


def test_disowned(bound, origin, tmp_path):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    device.refuse("Reject", "This was not me")
    device.wait_for_heading("Reported: not you")
    outcome = device.page.locator("main").inner_text().replace("\u2068", "").replace("\u2069", "")
    assert "Thank you. Online banking now knows that it was not you." in outcome
    assert "Log in?" in outcome
    reply = origin.wait(pending)
    assert reply.state is ChallengeState.DISOWNED
    origin.verify(reply.receipt, tmp_path)


def test_a_refusal_says_why_and_nothing_shows_it_afterwards(bound, origin):
    device, account_id = bound
    page = device.page
    pending = origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.refuse("Do not pay", "Somebody is pushing me")
    device.wait_for_heading("Refused")

    assert origin.wait(pending).reason is RefusalReason.PRESSURED
    outcome = page.locator("main").inner_text()
    assert not [
        text for text in ("push", "kept", "Save the receipt", "pressured") if text in outcome
    ]
    page.locator("a.button.main").click()
    device.open_account()
    history = page.locator("ol")
    history.wait_for()
    assert "Pay 49.90 EUR?" in history.inner_text()
    assert "push" not in history.inner_text()
    assert history.get_by_role("button").count() == 0


def test_a_person_locks_their_account(bound, origin):
    device, account_id = bound
    page = device.page
    device.open_account()
    page.get_by_text("Lock my account").first.click()
    page.get_by_role("button", name="Lock my account").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert active_devices(origin, account_id)
    page.get_by_role("button", name="Lock my account").click()
    page.get_by_role("dialog").get_by_role("button", name="Lock", exact=True).click()
    page.get_by_text("The account is locked. Contact").wait_for()
    assert page.get_by_role("button", name="Lock my account").count() == 0

    with pytest.raises(Unreachable):
        origin.client.ask(account_id, "Log in?", duration=MINUTES)


@pytest.mark.parametrize(("pin", "presses"), [(None, (1, 2)), ("739154", (2, 3))])
def test_presses_from_the_link_and_from_the_list(device, origin, account_id, pin, presses):
    """A passkey takes one press to bind and two to answer, the dialog of a PIN one more."""
    device.page.add_init_script(COUNT_PRESSES)
    bind = device.bind_passkey if pin is None else device.bind
    bind(origin.link(account_id))
    to_the_list = 1
    presses_to_bind = device.page.evaluate(TAKE_PRESSES) - to_the_list
    origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.press("Pay", pin=pin)
    device.wait_for_heading("Approved")
    assert (presses_to_bind, device.page.evaluate(TAKE_PRESSES)) == presses


@pytest.mark.parametrize("backup", [False, True])
def test_approved_with_a_passkey(device, origin, tmp_path, backup):
    account_id = f"user-passkey-{backup}"
    device.authenticate(defaultBackupEligibility=backup)
    device.bind_passkey(origin.link(account_id))
    pending = origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.press("Pay", pin=None)
    device.wait_for_heading("Approved")
    reply = origin.wait(pending)
    requirement = StrongKey()
    assert require_approved(reply, pending, origin.trust, requirements=[requirement])
    origin.verify(reply.receipt, tmp_path)
    device.page.locator("a.button.main").click()
    device.open_account()
    with device.page.expect_download() as download:
        device.page.locator("ol").get_by_role("button", name="Save the receipt").click()
    assert download.value.path().read_text("utf-8") == reply.receipt


def test_a_passkey_that_does_not_verify_the_person(bound, origin, require_proof):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    device.verify(verified=False)
    device.press("Approve", pin=None)
    device.page.locator(".answer-bar .problem").filter(has_text="passkey was cancelled").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN
    device.verify(verified=True)
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    assert require_proof(pending)


def test_a_wrong_pin_and_none_and_then_the_right_one(bound_pin, origin, require_proof):
    device, account_id = bound_pin
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    device.press("Approve", pin="739155")
    device.page.locator("#pin-problem", has_text="Wrong PIN. Attempts left:").wait_for()
    assert device.page.locator("#pin").input_value() == ""
    device.page.get_by_role("button", name="Cancel").click()
    problem = device.page.locator(".answer-bar .problem")
    # It was sent, and counted.
    problem.filter(has_text="Wrong PIN. Attempts left:").wait_for()
    device.press("Approve", pin=None)
    device.page.get_by_role("button", name="Cancel").click()
    problem.filter(has_text="No PIN was given").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN
    device.press("Approve")
    device.wait_for_heading("Approved")
    assert require_proof(pending)


def test_a_matching_code(bound, origin, require_proof):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES, show_code=True)
    device.open_request()
    device.press("Approve", pin=None)
    problem = device.page.locator(".answer-bar .problem")
    problem.filter(has_text="Type all six digits").wait_for()
    assert device.page.locator("#code:focus").count() == 1
    wrong = f"{(int(pending.code) + 1) % 1_000_000:06}"
    device.page.locator("#code").fill(wrong)
    device.press("Approve", pin=None)
    problem.filter(has_text="not the right digits").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN
    device.page.locator("#code").fill(f"{pending.code[:3]} {pending.code[3:]}")
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    assert require_proof(pending)


def test_withdrawn_while_it_is_shown(bound, origin):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    origin.client.cancel(pending)
    device.wait_for_heading("Withdrawn")
    assert origin.client.status(pending).state is ChallengeState.CANCELLED
    assert history_of(device) == ["Withdrawn"]


def test_answered_on_another_device(bound, origin, open_device, require_proof):
    device, account_id = bound
    with open_device() as other:
        other.authenticate()
        other.bind_passkey(origin.link(account_id))
        pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
        for each in (device, other):
            each.open_request()
        other.press("Approve", pin=None)
        other.wait_for_heading("Approved")
    device.wait_for_heading("Approved on another device")
    assert "Log in?" in device.page.locator("main").inner_text()
    assert require_proof(pending)
    assert history_of(device) == ["Approved on another device"]


def test_expired_while_it_is_shown(bound, origin):
    device, account_id = bound
    # On a busy machine, a short time may be over before the request is shown.
    for count, seconds in enumerate((4, 12, 36, 108), 1):  # noqa: B007
        duration = timedelta(seconds=seconds)
        device.page.evaluate("location.hash = '#/'")
        device.page.locator("#waiting").wait_for()
        pending = origin.client.ask(account_id, "Log in?", duration=duration)
        device.page.evaluate("(guid) => { location.hash = `#/request/${guid}`; }", pending.guid)
        device.page.locator(".answer, h1:has-text('Too late')").first.wait_for()
        is_shown = device.page.locator(".answer").count() > 0
        device.wait_for_heading("Too late")
        if is_shown:
            break
    assert is_shown
    reply = origin.wait(pending)
    assert (reply.state, reply.receipt) == (ChallengeState.EXPIRED, None)
    assert history_of(device) == ["Too late"] * count


def test_offline_an_answer_waits_for_the_same_press(bound, origin, require_proof):
    device, account_id = bound
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    device.page.context.set_offline(offline=True)
    device.press("Approve", pin=None)
    device.page.locator(".answer-bar .problem").filter(has_text="Nothing was sent").wait_for()
    assert origin.client.status(pending).state is ChallengeState.SEEN
    device.page.context.set_offline(offline=False)
    device.press("Approve", pin=None)
    device.wait_for_heading("Approved")
    assert require_proof(pending)


def test_an_answer_without_a_reply_is_not_said_to_be_one_of_another_device(
    bound, origin, require_proof
):
    device, account_id = bound
    page = device.page
    pending = origin.client.ask(account_id, "Log in?", duration=MINUTES)
    device.open_request()
    attempts = 3
    lost = []

    def lose_reply(route):
        if len(lost) == attempts:
            route.fallback()
            return
        lost.append(route.fetch())
        route.abort()

    page.route("**/device/answer", lose_reply)
    device.press("Approve", pin=None)
    page.locator(".answer-bar .problem:not(:empty), .mark").first.wait_for()
    # With the next list, the app learns that the first request has ended.
    origin.client.ask(account_id, "Something else?", duration=MINUTES)
    device.wait_for_heading("Approved")
    assert len(lost) == attempts
    assert require_proof(pending)


HTML = """<html><head><style>p { color: red }</style></head><body>
<!-- a note --><h1>Pay?</h1><p onclick="x">To <s>Zoe</s> Zoë<br>49,90&nbsp;EUR\u202e</p>
<span hidden>now</span><script>document.title = "gone"</script>
<img src="https://elsewhere.example/pixel" onerror="document.title = 'gone'">
</body></html>"""


def test_html_is_its_text_and_its_source_is_signed(bound, origin):
    device, account_id = bound
    page = device.page
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    pending = origin.client.ask(account_id, HtmlContent(html=HTML), duration=MINUTES)
    page.locator("a", has_text="Pay?").wait_for()
    device.open_request()
    lines = page.locator("article .html").all_inner_texts()
    assert lines == ["Pay?", "To Zoe Zoë", "49,90 EUR<U+202E>", "now"]
    note = page.locator("article .notice").inner_text()
    assert "also what is hidden or struck through in it" in note
    for omitted in ("Scripts", "Style sheets", "Comments", "Pictures"):
        assert f"{omitted} left out: 1." in note
    page.locator("article details summary", has_text="Details").click()
    source = page.locator("article details pre").inner_text()
    assert source == HTML.replace("\u202e", "<U+202E>")
    assert page.locator("article :is(h1, s, span[hidden], script, style, img)").count() == 0
    assert page.title() != "gone"
    assert [url for url in requested if "elsewhere" in url] == []
    device.refuse("Reject")
    device.wait_for_heading("Refused")
    assert "Pay?" in page.locator("main").inner_text()
    assert origin.wait(pending).state is ChallengeState.ANSWERED


def test_html_that_cannot_be_read_is_source_text(bound, origin):
    device, account_id = bound
    html = '<b onclick="x">Pay</i><script>document.title = "gone"</script>'
    pending = origin.client.ask(account_id, HtmlContent(html=html), duration=MINUTES)
    device.open_request()
    assert device.page.locator("article pre").inner_text() == html
    assert (
        device.page.locator("article .notice").inner_text().startswith("This came as source text")
    )
    assert device.page.locator("article :is(b, script, details, .html)").count() == 0
    device.refuse("Reject")
    device.wait_for_heading("Refused")
    assert origin.wait(pending).state is ChallengeState.ANSWERED


def test_the_secret_leaves_the_address_at_once(device, origin):
    link = origin.link("user-fragment")
    device.page.goto(link)
    device.page.locator("#name").wait_for()
    assert device.page.url == f"{origin.url}/app/"
    assert device.page.evaluate("history.length") == 2  # about:blank, and this one


def test_the_secret_leaves_the_address_before_anything_is_loaded(device, origin, pause_calls):
    page = device.page
    calls = pause_calls(page, "**/texts/en.json")
    page.goto(origin.link("user-fragment-first"), wait_until="commit")
    page.wait_for_url(f"{origin.url}/app/")
    calls.wait()
    assert page.url == f"{origin.url}/app/"
    calls.release()
    page.locator("#name").wait_for()


def test_a_link_is_pasted_and_a_wrong_one_is_refused(device, origin):
    page = device.page
    page.goto(f"{origin.url}/app")
    for wrong in ("hello", "https://other.example/app/#bind?st=1"):
        page.locator("#link").fill(wrong)
        page.locator("form button.main").click()
        page.locator("#link-problem").filter(has_text="not a link").wait_for()
    link = origin.link("user-pasted")
    other = link.partition("&service=")[0].replace(origin.url, "https://other.example")
    page.locator("#link").fill(other)
    page.locator("form button.main").click()
    page.locator("#link-problem").filter(has_text="https://other.example/app").wait_for()
    page.locator("#link").fill(link)
    page.locator("form button.main").click()
    device.wait_for_heading("Add this browser")


def test_a_link_of_another_service_says_which(device, origin):
    link = origin.link("user-elsewhere").partition("&service=")[0]
    device.page.goto(f"{link}&service=https%3A%2F%2Fauth.example%2Fpath")
    problem = device.page.get_by_role("alert")
    problem.filter(has_text="https://auth.example/path").wait_for()
    assert origin.url in problem.inner_text()


def test_a_link_that_was_used(device, origin, open_device):
    link = origin.link("user-spent")
    device.bind(link)
    with open_device() as other:
        other.page.goto(link)
        other.page.locator("form button.main").click()
        for name in ("#pin", "#pin-again"):
            other.page.locator(name).fill("739154")
        other.page.locator("dialog button.main").click()
        other.page.locator("main form .problem").filter(has_text="link").wait_for()


REFUSED_PINS = (
    ("1234", "1234", "at least 6 digits"),
    ("123456", "123456", "easy to guess"),
    ("abcdef", "abcdef", "nothing but digits"),
    ("777777", "777777", "easy to guess"),
    ("739154", "739155", "The two PINs differ"),
)
"""No two in a row have the same problem, so that the test waits for each."""


def test_a_pin_that_is_refused(device, origin):
    device.page.goto(origin.link("user-pins"))
    device.page.locator("form button.main").click()
    for pin, again, problem in REFUSED_PINS:
        device.page.locator("#pin").fill(pin)
        device.page.locator("#pin-again").fill(again)
        device.page.locator("dialog button.main").click()
        device.page.locator("#pin-problem").filter(has_text=problem).wait_for()


def test_two_accounts_in_one_browser(bound_pin, origin, require_proof):
    device, first = bound_pin
    second = "user-second"
    device.authenticate()
    device.page.goto("about:blank")
    device.bind_passkey(origin.link(second))
    pending = {
        each: origin.client.ask(each, f"Is it {each}?", duration=MINUTES)
        for each in (first, second)
    }
    page = device.page
    for account_id, pin in ((second, None), (first, "739154")):
        page.goto(f"{origin.url}/app/#/request/{pending[account_id].guid}")
        page.get_by_text(f"Is it {account_id}?").wait_for()
        device.press("Approve", pin=pin)
        device.wait_for_heading("Approved")
        assert require_proof(pending[account_id]).account_id == account_id
    page.goto(f"{origin.url}/app/#/")
    page.locator("#accounts").wait_for()
    assert page.locator("a.card:not(.open)").count() == 2


def test_renamed_and_then_removed_it_revokes_itself(bound, origin):
    device, account_id = bound
    page = device.page
    device.open_account()
    page.locator("#name").fill("The tablet")
    page.get_by_role("button", name="Rename").click()
    page.get_by_text("Renamed.").wait_for()
    assert [each.name for each in origin.client.devices(account_id)] == ["The tablet"]
    page.locator("#history").wait_for()
    page.locator("summary").last.click()
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="Remove this account").click()
    page.get_by_role("alert").filter(has_text="nothing was deleted").wait_for()
    page.context.set_offline(offline=False)
    page.get_by_role("button", name="Remove this account").click()
    device.wait_for_heading("Add your first account")
    assert active_devices(origin, account_id) == []


def test_removed_here_only_it_stays_at_the_service(bound, origin):
    device, account_id = bound
    page = device.page
    device.open_account()
    page.locator("#history").wait_for()
    page.locator("summary").last.click()
    assert not page.get_by_role("button", name="Delete here only").is_visible()
    page.context.set_offline(offline=True)
    page.get_by_role("button", name="Remove this account").click()
    page.get_by_role("button", name="Delete here only").click()
    device.wait_for_heading("Add your first account")
    assert len(active_devices(origin, account_id)) == 1


def test_a_revoked_device_says_so_and_has_no_keys(bound, origin):
    device, account_id = bound
    page = device.page
    origin.client.revoke_device(origin.client.devices(account_id)[0].guid)
    page.reload()
    page.locator(".card .problem").filter(has_text="This device is no longer connected").wait_for()
    page.wait_for_function(f"async () => Object.values(await ({RECORD})()).join() === 'REVOKED,'")
    device.open_account()
    page.locator("details[open]").filter(has_text="ask for a new link").wait_for()
    page.get_by_role("button", name="Remove this account").click()
    device.wait_for_heading("Add your first account")


def history_of(device):
    """Go to the account; return how each request of its history ended, newest first."""
    device.page.locator("a.button.main").click()
    device.open_account()
    device.page.locator("ol").wait_for()
    assert "To remove another device, ask" in device.page.locator("main").inner_text()
    return device.page.locator("ol strong").all_inner_texts()


def active_devices(origin, account_id):
    return [each for each in origin.client.devices(account_id) if each.state is BindingState.ACTIVE]


RECORD = link_modules("""async () => {
  const { indexedDbStore } = await import("./device/store.js");
  const [{ record: { state, deviceKey } }] = await (await indexedDbStore()).list("accounts");
  return { state, deviceKey };
}""")


def test_a_request_that_comes_while_another_view_is_shown_is_seen_there(bound_pin, origin):
    device, account_id = bound_pin
    page, arrivals = device.page, device.page.locator("#arrivals")
    origin.client.ask(account_id, "Log in?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    assert arrivals.is_hidden()
    device.press("Pay")
    device.wait_for_heading("Approved")
    assert arrivals.is_hidden()
    origin.client.ask(account_id, TRANSFER, buttons=BUTTONS, duration=MINUTES)
    device.follow(arrivals.get_by_role("link", name="A request waits for your answer."))
    page.locator("a.open").wait_for()
    assert arrivals.is_hidden()
    device.open_request()
    assert arrivals.is_hidden()


@pytest.mark.service_worker
def test_offline_it_opens_and_says_so(bound_pin):
    # With a virtual authenticator, Chromium forgets at a reload that it is offline.
    device, _ = bound_pin
    page = device.page
    # The page is the first that was opened, and nothing else was loaded.
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.context.set_offline(offline=True)
    page.get_by_text("You are offline").wait_for()
    page.reload()
    page.locator("#accounts").wait_for()
    page.get_by_text("You are offline").wait_for()
    device.open_account()
    page.locator("#history").wait_for()
    page.context.set_offline(offline=False)
    page.get_by_text("You are offline").wait_for(state="hidden")


@pytest.mark.service_worker
def test_where_the_service_cannot_answer_it_opens_from_its_copy(bound, origin):
    device, _ = bound
    page = device.page
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    page.reload()
    page.locator("#waiting").wait_for()
    device.service_worker.evaluate("""() => {
      const send = fetch;
      self.fetch = async (request) => {
        const response = await send(request);
        return new Response(await response.arrayBuffer(), { status: 502 });
      };
    }""")
    page.reload()
    page.locator("#waiting").wait_for()


@pytest.mark.service_worker
def test_the_cache_has_the_files_of_the_version_and_no_address_with_a_query(bound, origin):
    """Another page can open the app at as many of them as it likes."""
    device, _ = bound
    page = device.page
    page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    for number in range(3):
        page.goto(f"{origin.url}/app/?n={number}")
        page.locator("#waiting").wait_for()
    stored = page.evaluate("""async () => {
      const names = await caches.keys();
      const files = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return files.flat().map(({ url }) => url);
    }""")
    lasting = {
        name
        for name, asset in load_assets().items()
        if asset.lasts and ("/texts/" not in name or name.endswith("/en.json"))
    }
    names = {"", "icon.svg", "manifest.webmanifest", "service.json", *lasting}
    assert sorted(stored) == sorted(f"{origin.url}/app/{name}" for name in names)


def test_the_browser_is_not_asked_to_store_a_pin(device, origin):
    page = device.page

    def hints():
        return page.locator("dialog input").evaluate_all(
            "(fields) => fields.map(({ type, autocomplete }) => [type, autocomplete])"
        )

    page.goto(origin.link("user-pin-hints"))
    page.locator("form button.main").click()
    page.locator("#pin").fill("739154")
    assert hints() == [["password", "off"]] * 2
    page.locator("#pin-again").fill("739154")
    page.locator("dialog button.main").click()
    page.locator("a.button.main").click()
    page.locator("#waiting").wait_for()
    origin.client.ask("user-pin-hints", "Pay?", buttons=BUTTONS, duration=MINUTES)
    device.open_request()
    device.press("Pay", pin=None)
    page.locator("#pin").wait_for()
    assert hints() == [["password", "off"]]


def test_keys_cannot_be_exported(bound):
    device, _ = bound
    script = link_modules("""async () => {
      const { indexedDbStore } = await import("./device/store.js");
      const [{ record }] = await (await indexedDbStore()).list("accounts");
      return crypto.subtle.exportKey("pkcs8", record.deviceKey.key).then(() => "", (e) => e.name);
    }""")
    exported = device.page.evaluate(script)
    assert exported == "InvalidAccessError"
