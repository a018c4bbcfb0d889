"""Texts: the same keys in each language, no other in the sources, and no text beside them."""

import json
import re
from pathlib import Path

import pytest

from counterseal import STANDARD

STATIC = Path(__file__).parents[1] / "src" / "counterseal_pwa" / "static"
TEXTS = {path.stem: json.loads(path.read_text("utf-8")) for path in STATIC.glob("texts/*.json")}
SOURCES = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}
KEY = re.compile(r'"([a-z]+(?:\.[a-z_]+)*)"')
TEMPLATE = re.compile(r"say\(`([^`]*)`")
PLACEHOLDER = re.compile(r"\{(\w+)\}")
MOMENT = re.compile(r"\d.*\d{2}(?:\s?[ap]m)?(?: (?:UTC|GMT|CET|CEST)\S*)?", re.IGNORECASE)


def test_all_languages_have_the_same_keys_and_places():
    english, *others = TEXTS["en"], *(text for name, text in TEXTS.items() if name != "en")
    for other in others:
        assert other.keys() == english.keys()
        for key, text in other.items():
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(english[key])), (
                key
            )
            assert text.endswith(":") == english[key].endswith(":"), key


def test_the_sources_use_each_key_and_no_other():
    literals = {key for text in SOURCES.values() for key in KEY.findall(text)}
    templates = [
        re.compile(re.sub(r"\\\$\\\{[^}]*\\\}", r"[a-z_]+", re.escape(each)))
        for text in SOURCES.values()
        for each in TEMPLATE.findall(text)
    ]
    keys = TEXTS["en"].keys()
    unused = {
        key
        for key in keys
        if key not in literals and not any(one.fullmatch(key) for one in templates)
    }
    assert unused == set()
    called = {
        key
        for text in SOURCES.values()
        for call in re.findall(r"say\(((?:[^()]|\([^()]*\))*)\)", text)
        for key in KEY.findall(call)
    }
    assert called - {"create", "sign", "pin"} <= keys


def test_each_standard_body_of_a_push_has_words():
    """The service worker knows what the service writes where nobody has chosen another text."""
    rows = re.search(r"STANDARD_BODIES = new Map\(\[(.*?)\]\)", SOURCES["worker.js"], re.DOTALL)[1]
    keys = dict(re.findall(r'\["([^"]+)", "([^"]+)"\]', rows))
    assert keys == {
        STANDARD.notification_body: "push.question",
        STANDARD.device_bound_body: "push.added",
        STANDARD.device_revoked_body: "push.removed",
        STANDARD.device_unconfirmed_body: "push.unconfirmed",
    }
    assert all(TEXTS["en"][key] == body for body, key in keys.items())


@pytest.mark.parametrize("name", ["KNOWN", "OWN", "REASONS"])
def test_each_known_problem_has_words(name):
    lists = rf"const {name} = (?:new Set\()?\[(.*?)\]"
    codes = re.findall(r'"(\w+)"', re.search(lists, SOURCES["problems.js"], re.DOTALL)[1])
    assert codes
    assert {f"problem.{code}" for code in codes} <= TEXTS["en"].keys()


def look_at_a_new_device(page, beside):
    """Require that what is beside the brackets is data; one browser may be two devices."""
    # A page that is loaded again has its texts from the service worker.
    page.locator("a.button.main").click()
    page.locator("a.card:not(.open)").first.dispatch_event("click")
    page.locator("section:has(#invite) button").click()
    link = page.locator("#new-link").input_value()
    assert {text for text in beside() if not MOMENT.fullmatch(text)} == set()
    page.evaluate("(link) => location.assign(link)", link)
    page.locator("form button.main:has-text('browser')").click()
    for field in ("#pin", "#pin-again"):
        page.locator(field).fill("739154")
    page.locator("dialog button.main").click()
    code = page.locator(".comparison dd").inner_text()
    assert {text for text in beside() if text == code or not MOMENT.fullmatch(text)} == {code}
    page.locator(".centred a").click()
    page.locator("a.open").dispatch_event("click")
    page.locator(".answer").first.wait_for()
    assert {text for text in beside() if text == code or not MOMENT.fullmatch(text)} == {code}


@pytest.mark.service_worker
def test_in_a_made_up_language_every_word_comes_from_its_file(device, origin):
    """Each text of the file is in brackets: what is not in them is not from the file."""
    made_up = {key: f"⟦{text}⟧" for key, text in TEXTS["en"].items()}
    page = device.page
    page.route("**/texts/en.json", lambda route: route.fulfill(json=made_up))
    foreign = {"Counterseal", "Harbour Bank", "Example", "user-words", origin.url}
    words = """() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const found = [];
      while (walker.nextNode()) found.push(walker.currentNode.data.trim());
      for (const each of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
        for (const name of ["aria-label", "placeholder", "title"]) {
          if (each.hasAttribute(name)) found.push(each.getAttribute(name));
        }
      }
      return found.filter(Boolean);
    }"""

    def beside():
        texts = page.evaluate(words)
        assert any(text.startswith("⟦") for text in texts)
        return {text for text in texts if not re.fullmatch(r"⟦.*⟧", text)} - foreign

    page.goto(f"{origin.url}/app/")
    page.locator("#link").wait_for()
    assert beside() == set()
    page.goto(origin.link("user-words"))
    page.locator("#name").wait_for()
    assert beside() == set()
    page.locator("form button.main").click()
    page.locator("dialog").wait_for()
    assert beside() == set()
    page.locator("#pin").fill("739154")
    page.locator("#pin-again").fill("739154")
    page.locator("dialog button.main").click()
    page.locator("a.button.main").click()
    page.locator("#waiting").wait_for()
    foreign.add("⟦Computer (Chrome)⟧")
    assert beside() == set()
    origin.client.ask("user-words", "Log in?")
    page.locator("a.open").dispatch_event("click")
    page.locator(".answer").first.wait_for()
    foreign |= {"Log in?", "Online banking", "Approve", "Reject", "Decline", "·", "✓", "✕"}
    assert {text for text in beside() if not MOMENT.fullmatch(text)} == set()
    page.locator(".answer").last.click()
    page.locator(".disown").wait_for()
    assert {text for text in beside() if not MOMENT.fullmatch(text)} == set()
    page.locator(".disown").click()
    page.locator(".mark").wait_for()
    page.locator("summary").click()
    hashes = re.compile(r"[\w-]{43}|\d+")
    others = {text for text in beside() if not MOMENT.fullmatch(text)}
    assert {text for text in others if not hashes.fullmatch(text)} == set()
    look_at_a_new_device(page, beside)
