"""Actions in Chromium: a person understands what is asked, and opens documents before approving."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from action_requests import (
    ACTIONS,
    ANNEX,
    ATTACHMENTS,
    DOCUMENT,
    LEASE,
    PAYMENT,
    TOOL_CALL,
    rendering,
    serve_action,
    serve_files,
)

from counterseal import keys
from counterseal_client import Button

MINUTES = timedelta(minutes=3)
BUTTONS = (
    Button(title="Approve", strong=True, approving=True),
    Button(title="Decline", strong=False),
)
FILES = {"/lease.txt": LEASE, "/annex.txt": ANNEX}
HIDDEN = "\u202e"


def moment(span):
    """Return the time in *span* as the wire has it."""
    return (datetime.now(UTC) + span).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def bound(device, origin, request):
    """A device that is bound with a passkey, and its account id."""
    account_id = f"user-{keys.digest(request.node.name.encode())[:12]}"
    device.authenticate()
    device.bind_passkey(origin.link(account_id))
    return device, account_id


@pytest.fixture
def open_action(bound, origin):
    """Return a function that opens a request of an action."""
    device, account_id = bound

    def opened(kind, content, **how):
        how = {"valid_until": moment(timedelta(minutes=13))} | how
        serve_action(device.page, kind, content, **how)
        origin.client.ask(account_id, "Go?", buttons=BUTTONS, duration=MINUTES)
        device.open_request()
        return device.page

    return opened


def rows_of(page):
    """Return the rows of the action, each label with its value; what is folded is unfolded."""
    page.locator(".action details").evaluate_all("(all) => all.forEach((each) => each.open = true)")
    labels = page.locator("h1 .label:not(.kind), .action dt").all_inner_texts()
    values = page.locator("h1 .value, .action dd").evaluate_all(
        "(all) => all.map((each) => (each.querySelector('.digest') ?? each).innerText)"
    )
    return [{"key": label, "value": value} for label, value in zip(labels, values, strict=True)]


def test_every_row_of_a_tool_call_is_there_and_whole(open_action, bound):
    page = open_action("tool-call", TOOL_CALL)
    assert page.title() == "Approve a program's action · Counterseal"
    assert page.locator("h1 .kind").inner_text() == TOOL_CALL["title"]
    assert rows_of(page)[:-1] == TOOL_CALL["keys"][:-1]
    assert rows_of(page)[-1]["key"] == TOOL_CALL["keys"][-1]["key"]
    fonts = page.locator(".arguments dd").evaluate_all(
        "(values) => values.map((each) => getComputedStyle(each).fontFamily)"
    )
    assert len(fonts) == 6
    assert all("monospace" in font for font in fonts)
    clipped = page.locator(".action *").evaluate_all(
        "(all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)"
        ".map((each) => each.outerHTML)"
    )
    assert clipped == []
    page.get_by_text("Details").click()
    details = page.locator("details.details")
    assert "tool-call" in details.inner_text()
    assert re.search(r"[\w-]{43}", details.inner_text())


def test_the_rows_have_the_language_of_the_action(open_action):
    page = open_action("payment", PAYMENT, language="fr-CH")
    assert page.locator(".action").get_attribute("lang") == "fr-CH"
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("details.details").evaluate("(e) => e.closest('[lang]').lang") == "en"


@pytest.mark.parametrize(("locale", "language"), [("de-AT", "de"), ("en-GB", "en")])
def test_the_service_displays_an_action_in_the_language_of_the_app(
    open_device, origin, locale, language
):
    account_id = f"user-reads-{language}"
    with open_device(locale=locale) as device:
        device.bind(origin.link(account_id))
        assert device.page.locator("html").get_attribute("lang") == language
        guid = origin.ask_action(account_id, ACTIONS["tool-call"], MINUTES)
        device.page.goto(f"{origin.url}/app/#/request/{guid}")
        device.page.locator(".action").wait_for()
        assert device.page.locator(".action").get_attribute("lang") == language


def test_what_hides_is_written_out_and_what_was_written_out_is_not_again(open_action):
    value = f"a<U+202E>b{HIDDEN}c"
    rows = [{"key": f"Note{HIDDEN}", "value": value}]
    page = open_action("payment", {"title": f"Pay{HIDDEN}", "keys": rows})
    assert rows_of(page) == [{"key": "Note<U+202E>", "value": "a<U+202E>b<U+202E>c"}]
    assert page.locator("h1 .kind").inner_text() == "Pay<U+202E>"


def test_the_time_left_of_hours_is_written_and_said_as_hours(open_action, bound):
    page = bound[0].page
    page.clock.install()
    page.reload()
    expires_at = datetime.now(UTC) + timedelta(hours=7, minutes=30)
    page = open_action("payment", PAYMENT, expiresAt=moment(expires_at - datetime.now(UTC)))
    # A reply would set the page's clock by the service's, which does not run ahead.
    page.context.set_offline(True)
    now = datetime.fromtimestamp(page.evaluate("Date.now()") / 1000, UTC) + timedelta(seconds=20)
    page.clock.pause_at(now)
    page.clock.run_for(1_000)
    countdown = page.locator(".countdown")
    pattern = r"Time left: 7 h (\d+) min \(until .*\d UTC\)$"
    minutes = int(re.match(pattern, countdown.inner_text())[1])
    assert minutes <= 29
    page.evaluate("""() => {
      window.announced = [];
      const note = () => announced.push(announcer.textContent);
      new MutationObserver(note).observe(announcer, { childList: true });
    }""")
    page.clock.run_for(60 * 1000)
    assert f"7 h {minutes - 1} min" in countdown.inner_text()
    assert page.evaluate("announced") == []
    before = expires_at - now - timedelta(hours=4, minutes=3)
    page.clock.fast_forward(round(before.total_seconds()) * 1000)
    page.clock.run_for(3 * 60 * 1000)
    assert page.evaluate("announced") == ["4 hours left."]


def test_documents_are_checked_before_they_are_opened_and_opened_before_an_approval(
    open_action, bound
):
    device, _ = bound
    requests = serve_files(device.page, FILES)
    page = open_action("document", DOCUMENT, attachments=ATTACHMENTS)
    approve, decline = page.locator(".answer").all()
    assert requests == []
    assert approve.get_attribute("aria-disabled") == "true"
    assert decline.get_attribute("aria-disabled") is None
    approve.click(force=True)
    page.locator(".answer-bar .problem").filter(has_text="Open each document first").wait_for()
    for index, text in enumerate((LEASE, ANNEX)):
        with page.context.expect_page() as opened:
            page.locator(".attachment button").nth(index).click()
        # The window is there before its document.
        opened.value.get_by_text(text.decode().strip(), exact=True).wait_for()
        opened.value.close()
    assert page.locator(".attachment").all_inner_texts()[0].count("✓ Checked") == 1
    assert approve.get_attribute("aria-disabled") is None
    assert not page.locator("#unchecked").is_visible()
    assert [each.headers.get("referer") for each in requests] == [None, None]
    with page.context.expect_page():
        page.locator(".attachment button").first.click()
    assert len(requests) == 2  # what was checked is opened, and not what would come now


def test_a_document_that_is_not_the_signed_one_is_neither_opened_nor_approved(open_action, bound):
    device, _ = bound
    served = dict(FILES)
    serve_files(device.page, served)
    page = open_action("document", DOCUMENT, attachments=ATTACHMENTS[:1])
    approve = page.locator(".answer").first
    # No two in a row have the same problem, so that the test waits for each.
    for body, problem in (
        (LEASE[:-2] + b"!\n", "its content differs"),
        (404, "cannot be fetched now"),
        (LEASE + b" ", "its content differs"),
    ):
        served["/lease.txt"] = body
        page.locator(".attachment button").click()
        page.locator(".attachment .problem").filter(has_text=problem).wait_for()
        assert len(page.context.pages) == 1
        assert approve.get_attribute("aria-disabled") == "true"
    served["/lease.txt"] = LEASE
    with page.context.expect_page():
        page.locator(".attachment button").click()
    assert approve.get_attribute("aria-disabled") is None
    assert page.locator(".attachment .problem").inner_text() == ""


def test_a_document_from_a_host_that_the_app_may_not_fetch_from_is_said_to_be_so(
    open_action, bound
):
    elsewhere = [ATTACHMENTS[0] | {"url": "https://elsewhere.example/lease.txt"}]
    page = open_action("document", DOCUMENT, attachments=elsewhere)
    page.locator(".attachment button").click()
    problem = page.locator(".attachment .problem").filter(has_text="may not fetch from")
    problem.wait_for()
    assert "elsewhere.example" in problem.inner_text()
    assert "try again" not in problem.inner_text().lower()
    approve, decline = page.locator(".answer").all()
    assert approve.get_attribute("aria-disabled") == "true"
    assert decline.get_attribute("aria-disabled") is None
    # Chromium says to the console what it has blocked.
    problems = bound[0].problems
    assert problems
    assert all("Content Security Policy" in problem or "Fetch" in problem for problem in problems)
    problems.clear()


def test_a_document_that_could_run_is_saved_and_not_displayed(open_action, bound):
    device, _ = bound
    serve_files(device.page, FILES)
    html = [ATTACHMENTS[0] | {"name": "Lease.html", "type": "text/html"}]
    page = open_action("document", DOCUMENT, attachments=html)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save Lease.html").click()
    assert download.value.suggested_filename == "Lease.html"
    assert download.value.path().read_bytes() == LEASE
    assert len(page.context.pages) == 1


@pytest.mark.parametrize("kind", ["document", "payment"])
def test_an_action_is_approved_at_the_service_and_its_receipt_has_its_digest(
    bound, origin, tmp_path, kind
):
    device, account_id = bound
    page = device.page
    serve_files(page, FILES)
    action = ACTIONS[kind]
    pending = origin.ask_action(account_id, action, MINUTES)
    device.open_request()
    rows = {row["key"]: row["value"] for row in rows_of(page)}
    assert {row["key"]: row["value"] for row in rendering(kind)["keys"]}.keys() == rows.keys()
    for button in page.locator(".attachment button").all():
        with page.context.expect_page():
            button.click()
    page.locator(".answer").first.click()
    device.wait_for_heading("Approved")
    page.get_by_text("can use your approval once, until").wait_for()
    reply = origin.wait(pending)
    assert reply.approved
    origin.verify(reply.receipt, tmp_path)
    page.locator("main > details summary").click()
    details = page.locator("main > details dl").inner_text()
    assert "you entered the PIN, or the device recognized you" in details
    factors = receipt_claims(reply.receipt)["factors"]
    assert factors == ["possession", "knowledge-or-inherence"]
    page.locator("a.button.main").click()
    device.open_account()
    entry = page.locator("ol > li").first
    entry.locator("summary").first.click()
    history = entry.inner_text()
    texts = [row for key, row in rows.items() if "SHA-256" not in key and key != "Valid until"]
    assert texts
    assert all(row in history for row in texts)
    entry.locator("summary").last.click()
    action_of_receipt = json.loads(receipt_claims(reply.receipt)["display"])["action"]
    assert action_of_receipt["digest"] in entry.inner_text()
    assert action_of_receipt["type"] == kind


def test_what_a_person_unfolds_in_the_history_stays_unfolded_when_the_service_replies(
    bound, origin, pause_calls
):
    device, account_id = bound
    page = device.page
    origin.client.cancel(origin.client.ask(account_id, "Go?", duration=MINUTES))
    origin.ask_action(account_id, ACTIONS["payment"], MINUTES)
    device.open_request()
    page.locator(".answer").first.click()
    device.wait_for_heading("Approved")
    page.locator("a.button.main").click()
    calls = pause_calls(page, "**/device/history")
    device.open_account()
    summary = page.locator("ol > li summary").first
    summary.click()
    calls.wait()
    calls.release()
    page.locator("ol > li").filter(has_text="Withdrawn").wait_for()
    assert page.locator("ol > li").count() == 2
    assert page.locator("ol > li details").first.get_attribute("open") is not None
    assert summary.evaluate("(each) => document.activeElement === each")


def receipt_claims(token):
    """Return the claims of a receipt that somebody else has verified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_an_action_that_the_app_cannot_show_is_refused(bound, origin):
    device, account_id = bound
    serve_action(
        device.page, "payment", PAYMENT, valid_until=moment(MINUTES), additionalInfo="More"
    )
    origin.client.ask(account_id, "Go?", buttons=BUTTONS, duration=MINUTES)
    device.follow(device.page.locator("a.open"))
    device.wait_for_heading("This request cannot be shown")
