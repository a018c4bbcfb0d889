"""A person recognizes a request in the list, what is signed, what is claimed, and each answer."""

import itertools
import os
import re
from datetime import datetime, timedelta

import attrs
import pytest
from action_requests import (
    ACTIONS,
    ATTACHMENTS,
    DOCUMENT,
    PAYMENT,
    attachment,
    serve_action,
    serve_files,
    write_utc,
)
from app_modules import link_modules

from counterseal import keys
from counterseal.actions import STANDARD_ACTIONS
from counterseal.actions.types import COMMON_TEXTS
from counterseal.models import ChallengeState, Pair, PairsContent
from counterseal_client import Button

MINUTES = timedelta(minutes=3)
LANGUAGES = tuple(COMMON_TEXTS) if "BROWSER_FULL" in os.environ else ("en", "it")
BUTTONS = (
    Button(title="Approve", strong=True, approving=True),
    Button(title="Decline", strong=False),
)


VALID_UNTIL = "2031-01-31T20:10:00.000Z"
"""The end of an approval: a day later in India."""


@pytest.fixture
def indian(open_device):
    """A device whose clock is five and a half hours ahead of UTC."""
    with open_device(timezone_id="Asia/Kolkata") as device:
        device.authenticate()
        yield device


@pytest.fixture
def open_action(indian, origin, request):
    """Return a function that opens a request of an action, on a device with a passkey."""

    def opened(kind, content, **how):
        account_id = f"user-{keys.digest(request.node.name.encode())[:12]}"
        indian.bind_passkey(origin.link(account_id))
        serve_action(indian.page, kind, content, valid_until=VALID_UNTIL, **how)
        origin.client.ask(account_id, "Go?", buttons=BUTTONS, duration=MINUTES)
        indian.open_request()
        return indian.page

    return opened


def text_of(page):
    """Return the text of the view, without what isolates the direction of names."""
    return re.sub("[\u2068\u2069]", "", page.locator("main").inner_text())


def test_requests_in_the_list_differ_by_type_origin_and_first_line(device, origin):
    account_id = "user-list"
    page, client = device.page, origin.client
    device.bind_passkey(origin.link(account_id))
    for amount in ("49.90", "70.00"):
        action = ACTIONS["payment"]
        arguments = action.arguments | {"amount": amount}
        origin.ask_action(account_id, attrs.evolve(action, arguments=arguments), MINUTES)
    client.ask(account_id, "Log in?\nFrom Example Street", duration=MINUTES)
    page.locator("a.open:has-text('Log in?')").wait_for()
    page.locator("a.open:has-text('70.00')").wait_for()
    page.locator("a.open:has-text('49.90')").wait_for()
    first, second, third = page.locator("a.open").all_inner_texts()
    assert "Payment" in first
    assert "Amount: 49.90 EUR" in first
    assert "Amount: 70.00 EUR" in second
    assert "Payee: Zoë Example" in second
    assert "Question" in third
    assert "From Example Street" not in third
    for entry in (first, second, third):
        assert "Asked by Online banking" in entry
        assert "Harbour Bank" in entry
        assert " left" in entry


def test_a_request_that_cannot_be_loaded_is_in_the_list_nevertheless(device, origin):
    account_id = "user-list-unloaded"
    device.bind_passkey(origin.link(account_id))
    device.page.route("**/device/requests/*-*", lambda route: route.abort())
    origin.client.ask(account_id, "Log in?", duration=MINUTES)
    entry = device.page.locator("a.open")
    entry.wait_for()
    assert "Request from Harbour Bank" in entry.inner_text()
    assert " left" in entry.inner_text()


def test_a_hidden_page_loads_no_request_until_it_is_looked_at(device, origin):
    page, client = device.page, origin.client
    device.bind_passkey(origin.link("user-list-hidden"))
    page.evaluate("""() => {
      window.isHidden = true;
      Object.defineProperty(document, "hidden", { get: () => window.isHidden });
    }""")
    pending = client.ask("user-list-hidden", "Log in?", duration=MINUTES)
    page.get_by_text("Request from Harbour Bank").wait_for()
    assert client.status(pending).state is ChallengeState.PENDING
    page.evaluate("""() => {
      window.isHidden = false;
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    page.locator("a.open:has-text('Log in?')").wait_for()
    assert client.status(pending).state is ChallengeState.SEEN


def test_the_list_counts_down(device, origin):
    page = device.page
    page.clock.install()
    device.bind_passkey(origin.link("user-list-clock"))
    origin.client.ask("user-list-clock", "Log in?", duration=MINUTES)
    remaining = page.locator("a.open:has-text('Log in?') .left")
    before = remaining.inner_text()
    page.clock.run_for(5_000)
    assert remaining.inner_text() != before


def test_the_pin_dialog_says_what_is_signed_and_which_answer(device, origin):
    account_id = "user-pin-documents"
    page = device.page
    device.bind(origin.link(account_id))
    bodies = {f"/paper-{number}.txt": f"Paper {number}".encode() for number in range(5)}
    papers = [attachment(name[1:], body) for name, body in bodies.items()]
    serve_files(page, bodies)
    action = ACTIONS["document"]
    action = attrs.evolve(action, arguments={"documents": papers})
    origin.ask_action(account_id, action, MINUTES)
    device.open_request()
    for button in page.locator(".attachment button").all():
        with page.context.expect_page() as opened:
            button.click()
        opened.value.close()
    page.locator(".answer").first.click()
    dialog = page.locator("dialog")
    text = dialog.inner_text()
    for part in (
        "You sign: Documents · Online banking",
        "The flat in Example Street 7",
        "paper-0.txt",
        "paper-1.txt",
        "paper-2.txt",
        "and 2 more",
        "Your answer: Approve",
    ):
        assert part in text
    assert "paper-3.txt" not in text
    # What is named has to be seen: nothing cuts it off.
    cut = dialog.locator("li").evaluate_all(
        "(all) => all.filter((each) => each.scrollHeight > each.clientHeight + 1).length"
    )
    assert cut == 0


def test_the_pin_dialog_has_all_that_a_question_says_and_cuts_nothing_off(device, origin):
    page = device.page
    device.bind(origin.link("user-pin-pairs"))
    pairs = tuple(Pair(key=f"Part {number}", value=f"{number}50.00 EUR") for number in range(9))
    content = PairsContent(title="Transfer money?", pairs=pairs)
    origin.client.ask("user-pin-pairs", content, duration=MINUTES)
    device.open_request()
    page.locator(".answer").first.click()
    question_text = page.locator("dialog .scrolled")
    lines = [f"{pair.key}: {pair.value}" for pair in pairs]
    assert question_text.inner_text().splitlines() == ["Transfer money?", *lines]
    question_text.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "(it) => it.scrollTop + it.clientHeight >= it.scrollHeight - 1",
        arg=question_text.element_handle(),
    )


def test_the_pin_dialog_names_the_question_and_the_answer(device, origin):
    device.bind(origin.link("user-pin-question"))
    buttons = (
        Button(title="Yes, pay", strong=True, approving=True),
        Button(title="No, never", strong=True),
    )
    origin.client.ask("user-pin-question", "Pay 7.00?", buttons=buttons, duration=MINUTES)
    device.open_request()
    device.refuse("No, never")
    device.page.locator("#pin").wait_for()
    text = device.page.locator("dialog").inner_text()
    assert "You sign: Question · Online banking" in text
    assert "Pay 7.00?" in text
    assert "Your answer: No, never" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_agent_says_is_set_apart_in_each_language(open_action, language):
    action = attrs.evolve(
        ACTIONS["tool-call"], language=language, valid_until=datetime.fromisoformat(VALID_UNTIL)
    )
    content = STANDARD_ACTIONS.render(action).content
    pairs = [{"key": pair.key, "value": pair.value} for pair in content.pairs]
    page = open_action("tool-call", {"title": content.title, "keys": pairs}, language=language)
    claims = page.get_by_role("group", name="The agent says this")
    assert "The service has not verified it." in claims.inner_text()
    assert claims.locator("dd").all_inner_texts() == [action.agent, action.run, action.purpose]
    assert claims.locator("dt").all_inner_texts() == [
        COMMON_TEXTS[language][name] for name in ("agent", "run", "purpose")
    ]


def test_a_purpose_without_an_agent_is_what_the_origin_says(open_action):
    serve = {"attachments": ATTACHMENTS}
    page = open_action("document", DOCUMENT, **serve)
    claims = page.get_by_role("group", name="Online banking")
    assert claims.locator("dd").all_inner_texts() == ["Rent it from 1 March"]


def test_an_argument_that_is_called_agent_is_no_claim(open_action):
    rows = [{"key": "Agent", "value": "007"}, *PAYMENT["keys"][-1:]]
    rows.insert(1, {"key": "Amount", "value": "1.00 EUR"})
    page = open_action("payment", {"title": "Pay", "keys": rows})
    assert page.locator(".claims").count() == 0


def test_the_end_of_an_approval_is_one_local_time_with_its_zone(open_action):
    page = open_action("payment", PAYMENT)
    end = page.locator(".action dd").last.inner_text()
    assert end == "1 Feb 2031, 01:40 GMT+5:30"
    text = text_of(page)
    assert text.count("01:40") == 1
    assert "UTC" not in text
    assert "Online banking can do this once." in text
    page.locator("details.details summary").click()
    assert write_utc(VALID_UNTIL) in page.locator("details.details").inner_text()


def test_a_row_that_contradicts_the_end_of_the_approval_stays_as_it_is_signed(open_action):
    rows = [*PAYMENT["keys"][:-1], {"key": "Valid until", "value": "2039-01-01 00:00:00 UTC"}]
    page = open_action("payment", {"title": "Pay", "keys": rows})
    assert page.locator(".action dd").last.inner_text() == "2039-01-01 00:00:00 UTC"
    assert "once, until 1 Feb 2031, 01:40 GMT+5:30." in text_of(page)


def test_digests_of_documents_are_folded_and_can_be_read_in_groups_of_four(open_action):
    page = open_action("document", DOCUMENT, attachments=ATTACHMENTS)
    digest = ATTACHMENTS[0]["sha256"]
    assert digest not in page.locator("article").inner_text()
    page.locator(".action details summary").first.click()
    opened = page.locator(".action .digest").first
    assert opened.inner_text() == digest
    groups = opened.locator("span").all_inner_texts()
    assert {len(each) for each in groups[:-1]} == {4}
    gaps = opened.locator("span").first.evaluate("(each) => getComputedStyle(each).marginRight")
    assert float(gaps.removesuffix("px")) > 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_answers_that_approve_and_refuse_differ_and_are_equally_prominent(
    open_device, origin, theme
):
    account_id = f"user-prominence-{theme}"
    misnamed = (
        Button(title="No", strong=True, approving=True),
        Button(title="Yes", strong=False),
    )
    with open_device(color_scheme=theme) as device:
        device.bind_passkey(origin.link(account_id))
        origin.client.ask(account_id, "Go?", buttons=misnamed, duration=MINUTES)
        device.open_request()
        script = link_modules("""async () => {
          const { contrast } = await import("./colours.js");
          const hex = (text) => "#" + text.match(/\\d+/g).slice(0, 3)
            .map((part) => Number(part).toString(16).padStart(2, "0")).join("");
          const ground = hex(getComputedStyle(document.documentElement).backgroundColor);
          return [...document.querySelectorAll(".answer")].map((button) => {
            const style = getComputedStyle(button);
            const { width, height } = button.getBoundingClientRect();
            return {
              background: style.backgroundColor, mark: button.querySelector(".meaning").textContent,
              text: contrast(hex(style.backgroundColor), hex(style.color)),
              edge: contrast(hex(style.backgroundColor), ground),
              weight: [
                style.fontWeight, style.fontSize, style.borderWidth, style.borderRadius, width, height,
              ],
            };
          });
        }""")
        approve, refuse = device.page.evaluate(script)
        described = [
            each.evaluate(
                "(e) => document.getElementById(e.getAttribute('aria-describedby')).textContent"
            )
            for each in device.page.locator(".answer").all()
        ]
    assert approve["weight"] == refuse["weight"]
    assert all(approve[name] != refuse[name] for name in ("background", "mark"))
    assert min(approve["text"], refuse["text"]) >= 7
    assert approve["edge"] / refuse["edge"] == pytest.approx(1, abs=0.02)
    assert approve["text"] / refuse["text"] == pytest.approx(1, abs=0.02)
    assert described == ["approves", "refuses"]


MIXED = (
    ("$.command", '"a \u05d0 1 2"'),
    ("$.command", '"a 2 1 \u05d0"'),
    ("$.command", '"copy \u0628 7"'),
    ("$.command", '"copy 7 \u0628"'),
    ("$.command", '"x \u0661 \u0662"'),
    ('$["\u05d0"]["\u05d1"]', "1"),
    ("Payee", "b \u05d0 1"),
    ("Payee", "b 1 \u05d0"),
    ("Payee", "Ltd. \u05d0-\u05d1 7"),
    ("Payee", "\u2801 \u05d0"),
    ("Payee", "\u05d0 \u2801"),
    ("Payee", "\u05d0 \u24d0 \u05d1"),
    ("Payee", "\U0001f1e9\U0001f1ea \u05d0"),
)
"""Rows with single letters that are written from right to left, so that no word is reversed."""
ORDER = """(element) => {
  const range = document.createRange();
  const shown = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    let index = 0;
    for (const character of node.data) {
      range.setStart(node, index);
      index += character.length;
      range.setEnd(node, index);
      shown.push([range.getBoundingClientRect().left, character]);
    }
  }
  shown.sort(([one], [other]) => one - other);
  return shown.map(([, character]) => character).join("");
}"""


def test_rows_with_letters_of_both_directions_are_shown_in_their_order(open_action):
    rows = [{"key": key, "value": value} for key, value in MIXED]
    page = open_action("tool-call", {"title": "Run a tool", "keys": rows})
    page.locator(".answer").first.wait_for()
    labels = page.locator("h1 .label:not(.kind), .action dt")
    values = page.locator("h1 .value, .action dd")
    for index, (key, value) in enumerate(MIXED):
        assert labels.nth(index).evaluate(ORDER) == key
        # One phrase is read from the right.
        characters = value.replace("\u05d0-\u05d1", "\u05d1-\u05d0")
        assert values.nth(index).evaluate(ORDER) == characters
        assert values.nth(index).inner_text() == value


ASKED_ROWS = tuple(zip(MIXED[:10:2], MIXED[1:10:2], strict=True))
"""Two rows for each request: so many are in its summary, and five requests may wait."""


@pytest.fixture
def ask_rows(origin):
    """Return a function that asks for a tool call, and waits until it is in the list."""

    def ask(page, account_id, rows):
        keys_and_values = [{"key": key, "value": value} for key, value in rows]
        content = {"title": "Run \u05d0 1 2", "keys": keys_and_values}
        serve_action(page, "tool-call", content, valid_until=VALID_UNTIL)
        origin.client.ask(account_id, "Go?", buttons=BUTTONS, duration=MINUTES)
        page.locator("a.open .first").filter(has_text=rows[0][1]).wait_for()

    return ask


def test_the_list_shows_letters_of_both_directions_in_their_order(device, origin, ask_rows):
    device.bind_passkey(origin.link("user-list-order"))
    for number, rows in enumerate(ASKED_ROWS, 1):
        ask_rows(device.page, "user-list-order", rows)
        lines = device.page.locator(f"li:nth-child({number}) a.open .first")
        for index, (key, value) in enumerate(rows):
            # One phrase is read from the right.
            characters = value.replace("\u05d0-\u05d1", "\u05d1-\u05d0")
            assert lines.nth(index).evaluate(ORDER) == f"{key}: {characters}"


def test_the_pin_dialog_shows_letters_of_both_directions_in_their_order(device, origin, ask_rows):
    device.bind(origin.link("user-pin-order"))
    rows = ASKED_ROWS[0]
    ask_rows(device.page, "user-pin-order", rows)
    device.open_request()
    device.press("Approve", pin=None)
    device.page.locator("#pin").wait_for()
    lines = device.page.locator("dialog .scrolled > bdi")
    expected = ["Run \u05d0 1 2", *(f"{key}: {value}" for key, value in rows)]
    assert [line.evaluate(ORDER).strip() for line in lines.all()] == expected


def test_a_row_of_one_direction_is_shown_as_it_is_written(open_action):
    name = "\u05d0\u05d1 \u05d2\u05d3!"
    page = open_action("payment", {"title": "Pay", "keys": [{"key": "Payee", "value": name}]})
    value = page.locator("h1 .value")
    assert value.evaluate(ORDER) == name[::-1]


SIGNS = "a1 -.%\u05d0\u0628\u0661\u06f1\u2801\u24d0\U0001f130\U0001f1e9\U0001f44d"
"""Letters, digits, symbols and marks of each kind that browsers order (UAX #9)."""
NUMBERS = " .%\u05d0\u0661\u06f1"
SHOWN_ALIKE = link_modules("""async ([texts, isArgument]) => {
  const { inOrder } = await import("./reading_order.js");
  const order = ORDER;
  const area = document.createElement("div");
  area.style.whiteSpace = "pre";
  document.body.append(area);
  for (const text of texts) {
    const row = document.createElement("p");
    row.append(inOrder(text, { isArgument }));
    area.append(row);
  }
  const shown = new Map();
  return texts.flatMap((text, index) => {
    const row = order(area.children[index]);
    const other = shown.get(row);
    shown.set(row, text);
    return other === undefined ? [] : [[other, text]];
  });
}""").replace("ORDER", ORDER)


@pytest.mark.parametrize(
    ("signs", "length", "is_argument"),
    [(SIGNS, 3, False), (SIGNS, 3, True), (NUMBERS, 4, False)],
    ids=["rows", "arguments", "numbers"],
)
def test_no_two_short_texts_are_shown_alike(device, origin, signs, length, is_argument):
    device.page.goto(f"{origin.url}/app/")
    device.page.locator("#link").wait_for()
    texts = ["".join(each) for each in itertools.product(signs, repeat=length)]
    # A space at an end is written out by the service.
    texts = [text for text in texts if text.strip() == text]
    assert device.page.evaluate(SHOWN_ALIKE, [texts, is_argument]) == []
