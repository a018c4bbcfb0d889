"""Whatever stands in a record, a page shows it as text that hides and turns nothing."""

from html.parser import HTMLParser

import attrs
import pytest
from portal_tenants import Tenants

from counterseal.models import AppSpace, Origin, Texts, replace
from counterseal_portal.portal import ROLE_ROUTES as ROUTES

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>&amp;{{7*7}}{% raw %}"
HIDDEN = "\u202e\u2066\x1b[2J\x00\x07\r\n\u200b\ufeff"
EVIL = MARKUP + HIDDEN


class Reader(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.values = [], [], [], []
        self._in_form_value = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.append(name)
            if name in {"value", "data-copies"}:
                self.values.append(value or "")
            else:
                self.text.append(value or "")
        self._in_form_value = tag == "textarea"

    def handle_endtag(self, tag):
        self._in_form_value = False

    def handle_data(self, data):
        (self.values if self._in_form_value else self.text).append(data)


def evil_records(store):
    """Put evil texts into every record that pages show, past all checks of the use cases."""
    for guid, record in list(store._records.items()):
        changes = {}
        for field in attrs.fields(type(record)):
            value = getattr(record, field.name)
            if isinstance(value, str) and field.name in EVIL_FIELDS:
                changes[field.name] = EVIL
        if isinstance(record, AppSpace):
            changes |= {"brand_color": EVIL, "logo_digest": EVIL, "brand_url": EVIL}
            changes["texts"] = Texts(**dict.fromkeys(TEXT_FIELDS, EVIL))
            if record.idp is not None:
                changes["idp"] = replace(
                    record.idp,
                    issuer=EVIL,
                    client_id=EVIL,
                    redirect_uri=EVIL,
                    returns=(EVIL,),
                    scopes=(EVIL,),
                    algorithms=(EVIL,),
                    account_claim=EVIL,
                    parameters=((EVIL, EVIL),),
                )
        if isinstance(record, Origin):
            changes |= {"domains": (EVIL,), "events_url": EVIL}
            if record.backchannel is not None:
                (key,) = record.backchannel.keys
                changes["backchannel"] = replace(
                    record.backchannel,
                    notification_endpoint=EVIL,
                    keys=(replace(key, kid=EVIL),),
                )
        store._records[guid] = replace(record, **changes)


EVIL_FIELDS = {"name", "account_id", "user_info", "issuer", "platform", "app_version", "url"}
EVIL_FIELDS |= {"browser"}
TEXT_FIELDS = [field.name for field in attrs.fields(Texts)]


@pytest.mark.parametrize("role", ["global", "company", "app_space", "support"])
def test_no_page_shows_markup_or_hidden_characters(portal, role):
    tenants = Tenants(portal)
    store = portal.service.ports.store
    evil_records(store)
    admins = tenants.people()
    browser = admins[role]
    visitor = portal.visitors.by_name[browser._name]
    portal.visitors.by_name[browser._name] = attrs.evolve(
        visitor, admin=replace(visitor.admin, name=EVIL)
    )
    seen_texts = 0
    for route in ROUTES:
        if route.method == "GET":
            reply = browser.get(tenants.address(route))
            if reply.status == 200:
                seen_texts += require_harmless(route.id, reply.text)
    assert seen_texts > 20


def require_harmless(name, page):
    """Require that a page has none of the evil text's elements; return how often it shows it."""
    reader = Reader(page)
    assert (name, "b" in reader.tags, "onerror" in reader.attributes) == (name, False, False)
    scripts = page.count("<script")
    assert (name, scripts) == (name, page.count('<script type="module" src="/portal/static/'))
    assert not {"style", "onload", "onclick"} & {*reader.attributes}
    shown_text = "".join(reader.text)
    hidden = {each for each in HIDDEN if not each.isprintable() and each != "\n"}
    assert (name, hidden & {*shown_text}) == (name, set())
    return shown_text.count("<script>alert(1)</script>")


def test_what_is_searched_for_is_text(portal):
    browser = Tenants(portal).people()["support"]
    page = browser.get("/accounts", q=EVIL).text
    reader = Reader(page)
    assert "b" not in reader.tags
    assert EVIL.strip() in reader.values


def test_a_form_has_the_value_as_it_is_so_that_saving_it_changes_nothing(portal):
    browser = portal.global_admin()
    company = portal.service.administration.create_company(EVIL).guid
    reader = Reader(browser.get(f"/companies/{company}/edit").text)
    assert EVIL in reader.values
    assert "b" not in reader.tags


def test_an_address_says_only_what_the_portal_says(portal):
    browser = portal.global_admin()
    page = browser.get("/companies", done=MARKUP).text
    assert "alert" not in page
    assert "saved" in browser.get("/companies", done="company-saved").text
