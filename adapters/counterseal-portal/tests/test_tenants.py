"""Administrators create and edit companies, App Spaces, origins and administrators."""

import base64
import re
from datetime import timedelta
from functools import partialmethod

import attrs
import pytest
from portal_browser import PUBLIC_URL, PortalOfTests, heading, require_page

from counterseal import STANDARD, AdminLogins, Refused, RequeuedCallbacks, Sessions, SignedRequest
from counterseal.credentials.documents import write_basic
from counterseal.errors import CredentialRefused
from counterseal.models import (
    OPERATOR,
    OPERATORS,
    OPERATORS_COMPANY,
    PORTAL_ORIGIN,
    AccountEventKind,
    Admin,
    AdminRole,
    AppSpace,
    CallbackState,
    CallbackType,
    Clients,
    Company,
    Origin,
    OriginRole,
    Scheme,
)
from counterseal.outbox.usecases import callbacks, requeueing
from counterseal_portal.pages import callbacks as callback_pages
from counterseal_testing.pictures import build_png
from counterseal_testing.service import CALLBACK


def guid_in(reply):
    return re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", reply.location)[0]


def secret_in(text):
    return re.search(r'class="secret">([^<]+)<', text)[1]


@pytest.fixture
def space(portal):
    """The path of the App Space."""
    return f"/app-spaces/{portal.service.app_space.guid}"


@pytest.fixture
def origin(portal):
    """The path of the origin."""
    return f"/origins/{portal.service.origin.origin.guid}"


def stored(portal, kind, guid):
    return portal.service.administration.get(guid, kind)


def test_a_company_is_created_and_renamed(portal):
    browser = portal.global_admin()
    reply = browser.post("/companies/new", {"name": "Second Ltd"})
    assert stored(portal, Company, guid_in(reply)).name == "Second Ltd"
    assert "Second Ltd" in require_page(browser.get("/companies"))
    edited = browser.post(f"/companies/{guid_in(reply)}/edit", {"name": "Third Ltd"})
    assert heading(browser.get(edited.location)) == "<bdi>Third Ltd</bdi>"


def test_an_operator_verifies_a_company_and_its_administrator_sees_it(portal):
    browser, tenant = portal.global_admin(), portal.company_admin()
    company = portal.service.company.guid
    path = f"/companies/{company}"
    assert "Not verified" in require_page(tenant.get(path))
    assert f"{path}/verify" in require_page(browser.get(path))
    reply = browser.post(f"{path}/verify", {"verified_name": " Example Ltd, Utrecht "})
    assert reply.location == f"{path}?done=company-verified"
    assert stored(portal, Company, company).verified_name == "Example Ltd, Utrecht"
    text = require_page(tenant.get(path))
    assert "<bdi>Example Ltd, Utrecht</bdi>" in text
    assert f"{path}/verify" not in text
    assert tenant.post(f"{path}/verify", {"verified_name": "Bank"}).status == 403
    assert "Example Ltd, Utrecht" in require_page(browser.get("/companies"))
    odd = browser.post(f"{path}/verify", {"verified_name": "z" * 65})
    assert '<a href="#field-verified_name">' in require_page(odd, 422)
    browser.post(f"{path}/verify", {"verified_name": ""})
    assert stored(portal, Company, company).verified_name is None


def test_a_form_comes_back_with_what_was_entered_and_what_was_wrong(portal):
    browser = portal.global_admin()
    text = require_page(browser.post("/companies/new", {"name": " "}), 422)
    assert '<a href="#field-name">Name: This cannot be empty.</a>' in text
    assert 'aria-invalid="true"' in text
    assert "<title>Not saved: New company" in text
    long = "x" * 1_000
    text = require_page(browser.post("/companies/new", {"name": long}), 422)
    assert f'value="{long}"' in text


def test_an_app_space_is_created_with_and_without_an_identity_provider(portal):
    browser = portal.company_admin()
    path = f"/companies/{portal.service.company.guid}/app-spaces/new"
    simple = browser.post(path, {"name": "Clinic", "identified_by": "origin"})
    assert stored(portal, AppSpace, guid_in(simple)).idp is None
    fields = {"name": "Bank", "identified_by": "provider"}
    text = require_page(browser.post(path, fields), 422)
    assert "cannot be empty with an Identity Provider" in text
    fields |= {"issuer": "https://idp.example", "client_id": "bank"}
    bank = stored(portal, AppSpace, guid_in(browser.post(path, fields)))
    assert (bank.idp.issuer, bank.idp.client_id) == ("https://idp.example", "bank")
    page = f"/app-spaces/{bank.guid}/provider"
    fields = {
        "client_id": "bank",
        "client_auth": "client_secret_basic",
        "secret": "provider-secret",
        "returns": "https://app.example/back\r\n",
        "scopes": "openid\nemail",
        "algorithms": "ES256",
        "account_claim": "sub",
        "parameters": "prompt=login",
    }
    assert browser.post(page, fields).status == 303
    bank = stored(portal, AppSpace, bank.guid)
    assert bank.idp.returns == ("https://app.example/back",)
    assert (bank.idp.scopes, bank.idp.parameters) == (("openid", "email"), (("prompt", "login"),))
    sealed = bank.idp.sealed_secret
    assert sealed
    text = require_page(browser.get(page))
    assert "provider-secret" not in text
    # Without a new one, the client keeps the secret that it has.
    assert browser.post(page, fields | {"secret": ""}).status == 303
    assert stored(portal, AppSpace, bank.guid).idp.sealed_secret == sealed
    assert "not like name=value" in require_page(
        browser.post(page, fields | {"parameters": "prompt"}), 422
    )


def test_an_app_space_says_where_its_passkeys_are_used(portal, space):
    browser = portal.company_admin()
    fields = {
        "name": "Renamed",
        "html": "show",
        "passkey_origins": "https://app.example\nhttps://www.app.example",
        "rp_id": "app.example",
    }
    assert browser.post(f"{space}/edit", fields).location == f"{space}?done=app-space-saved"
    edited = stored(portal, AppSpace, portal.service.app_space.guid)
    assert edited.passkeys.origins == ("https://app.example", "https://www.app.example")
    text = require_page(browser.get(f"{space}/edit"))
    assert "https://app.example\nhttps://www.app.example</textarea>" in text
    # It changes nothing, so nobody is asked for it.
    assert "universal_app" not in text
    odd = browser.post(f"{space}/edit", fields | {"passkey_origins": "app"})
    assert '<a href="#field-passkey_origins">' in require_page(odd, 422)
    browser.post(f"{space}/edit", {"name": "Renamed", "html": "show"})
    assert stored(portal, AppSpace, portal.service.app_space.guid).passkeys is None


def test_colour_and_logo_are_shown_as_a_device_shows_them(portal, space):
    browser = portal.company_admin()
    logo = base64.b64encode(build_png()).decode()
    reply = browser.post(f"{space}/brand", {"color": "#0B5F66", "logo": logo})
    assert reply.status == 303
    edited = stored(portal, AppSpace, portal.service.app_space.guid)
    text = require_page(browser.get(space))
    assert 'fill="#0B5F66"' in text
    assert "on-dark" in text
    assert f'src="/device/logo/{edited.guid}/{edited.logo_digest}"' in text
    for fields, field in (
        ({"color": "teal"}, "color"),
        ({"logo": "%%%"}, "logo"),
        ({"logo": base64.b64encode(b"GIF89a").decode()}, "logo"),
        ({"logo": logo, "remove_logo": "yes"}, "remove_logo"),
    ):
        wrong = require_page(browser.post(f"{space}/brand", fields), 422)
        assert f'<a href="#field-{field}">' in wrong
    browser.post(f"{space}/brand", {"color": "", "remove_logo": "yes"})
    edited = stored(portal, AppSpace, portal.service.app_space.guid)
    assert (edited.brand_color, edited.logo_digest) == (None, None)


def test_an_origin_is_created_and_edited(portal, space):
    browser = portal.app_space_admin()
    form = {"name": "Desk", "role": "asking", "clients": "current"}
    reply = browser.post(f"{space}/origins/new", form)
    guid = guid_in(reply)
    assert "needs a credential" in require_page(browser.get(reply.location))
    assert "Only to ask, as an agent" in require_page(browser.get(f"/origins/{guid}"))
    assert stored(portal, Origin, guid).role is OriginRole.ASKING
    fields = {
        "name": "Desk",
        "role": "full",
        "clients": "current",
        "codes": "echoed",
        "token_form": "text",
    }
    wrong = browser.post(f"/origins/{guid}/edit", fields | {"pending_limit": "101"})
    assert '<a href="#field-pending_limit">' in require_page(wrong, 422)
    # Other clients bring their own codes, wildcards and callback states.
    browser.post(f"/origins/{guid}/edit", fields | {"clients": "cx", "codes": "typed"})
    edited = stored(portal, Origin, guid)
    assert (edited.clients, edited.codes) == (Clients.CX, edited.profile.codes)


def test_what_an_origin_hears_of_accounts_and_where(portal, origin):
    browser = portal.app_space_admin()
    text = require_page(browser.get(origin))
    assert "<dd>Everything (as its programs need it)</dd>" in text
    text = require_page(browser.get(f"{origin}/events"))
    assert text.count('name="events" value="') == len(AccountEventKind)
    assert f'<option value="{CALLBACK}"></option>' in text
    fields = {
        "hears": "chosen",
        "events": ["locked", "bound"],
        "events_url": CALLBACK,
    }
    assert browser.post(f"{origin}/events", fields).status == 303
    edited = stored_origin(portal)
    assert edited.events == (AccountEventKind.BOUND, AccountEventKind.LOCKED)
    assert edited.events_url == CALLBACK
    text = require_page(browser.get(origin))
    assert "<dd>A first device was bound; The account was locked</dd>" in text
    assert f'<bdi class="mono">{CALLBACK}</bdi></dd>' in text
    # What does not fit is said beside the field, and nothing is saved.
    for url in ("https://elsewhere.example/done", "ftp://shop.example", "x" * 3_000):
        wrong = browser.post(f"{origin}/events", fields | {"events": ["bound"], "events_url": url})
        assert 'id="error-events_url"' in require_page(wrong, 422)
    assert stored_origin(portal) == edited
    # An address that has left the allow-list since stays, and hinders no other change.
    portal.service.administration.forbid_callback(edited.guid, CALLBACK)
    assert browser.post(f"{origin}/events", fields | {"events": ["bound"]}).status == 303
    assert stored_origin(portal).events == (AccountEventKind.BOUND,)
    assert stored_origin(portal).events_url == CALLBACK
    # Nothing ticked is nothing, and an empty address is none.
    del fields["events"]
    assert browser.post(f"{origin}/events", fields | {"events_url": ""}).status == 303
    edited = stored_origin(portal)
    assert (edited.events, edited.events_url) == ((), None)
    assert "<dd>Nothing</dd>" in require_page(browser.get(origin))
    # What is ticked counts for nothing where the programs' kind says it.
    assert (
        browser.post(f"{origin}/events", fields | {"hears": "profile", "events_url": ""}).status
        == 303
    )
    assert stored_origin(portal).events is None
    assert "<dd>Everything (as its programs need it)</dd>" in require_page(browser.get(origin))


def test_a_credential_is_shown_once_and_the_old_one_ends_after_the_overlap(portal, origin):
    browser = portal.app_space_admin()
    fields = {"scheme": "basic", "hours": "24"}
    first = secret_in(require_page(browser.post(f"{origin}/credentials/new", fields)))
    second = secret_in(require_page(browser.post(f"{origin}/credentials/new", fields)))
    assert first != second
    text = require_page(browser.get(origin))
    assert first not in text
    assert second not in text
    assert text.count(">Works<") == 2 + len(stored_origin(portal).webhook_keys)
    guid = stored_origin(portal).guid

    def authenticate(origin_guid, secret):
        header = write_basic(secret, guid=origin_guid)
        request = SignedRequest(authorization=header, method="GET", uri=PUBLIC_URL)
        return portal.service.authentication.authenticate(request)

    assert authenticate(guid, first)
    assert authenticate(guid, second)
    portal.service.clock.advance(timedelta(hours=25))
    with pytest.raises(CredentialRefused):
        authenticate(guid, first)
    assert authenticate(guid, second)
    browser.post(f"{origin}/credentials/revoke")
    with pytest.raises(CredentialRefused):
        authenticate(guid, second)


def test_one_credential_is_revoked_and_the_other_one_works(portal, origin):
    browser = portal.app_space_admin()
    service, fields = portal.service, {"scheme": "hmac", "hours": "24"}
    browser.post(f"{origin}/credentials/new", fields)
    service.clock.advance(timedelta(minutes=5))
    browser.post(f"{origin}/credentials/new", fields)
    new, old = stored_origin(portal).credentials
    new_path, old_path = (
        f"{origin}/credentials/{stored_origin(portal).credential_guid(each)}/revoke"
        for each in (new, old)
    )
    text = require_page(browser.get(origin))
    assert text.count(f'{old_path}"') == text.count(f'{new_path}"') == 1
    old_time, new_time = (f"{each.created_at:%Y-%m-%d %H:%M} UTC" for each in (old, new))
    text = require_page(browser.get(old_path))
    assert f", made {old_time}</bdi>" in text
    assert f"Another one, made {new_time}, still works." in text
    end_time = f"{old.ends_at:%Y-%m-%d %H:%M} UTC"
    assert f"made {old_time}, still works, until {end_time}." in require_page(browser.get(new_path))
    reply = browser.post(old_path)
    assert (reply.status, reply.location) == (303, f"{origin}?done=credential-revoked")
    assert stored_origin(portal).credentials[0] == new
    assert stored_origin(portal).credentials[1].ends_at == service.clock.now()
    text = require_page(browser.get(origin))
    assert f'{old_path}"' not in text
    assert f'{new_path}"' in text
    # Again, it is so already.
    assert browser.post(old_path).status == 303
    assert "No other one works" in require_page(browser.get(new_path))
    assert browser.post(new_path).status == 303
    app_space = require_page(browser.get(f"/app-spaces/{stored_origin(portal).app_space}"))
    assert "No credential" in app_space
    assert browser.get(f"{origin}/credentials/{PORTAL_ORIGIN}/revoke").status == 404
    assert browser.post(f"{origin}/credentials/{PORTAL_ORIGIN}/revoke").status == 404


def test_the_page_of_a_credential_has_all_that_a_client_needs(portal, origin):
    browser = portal.app_space_admin()
    # There is no old one whose end could be chosen.
    assert 'name="hours"' not in require_page(browser.get(f"{origin}/credentials/new"))
    text = require_page(browser.post(f"{origin}/credentials/new", {"scheme": "signature"}))
    copied = re.findall(r"<code(?: class=\"secret\")?>([^<]+)</code>", text)
    key = secret_in(text)
    jwks = f"{PUBLIC_URL}/.well-known/jwks.json"
    assert copied == [PUBLIC_URL, stored_origin(portal).guid, "signature", key, jwks]
    text = require_page(browser.get(f"{origin}/credentials/new"))
    assert re.search(r'name="hours" type="text" value="24"', text)


def test_what_the_portal_has_for_itself_is_edited_by_nobody(portal):
    AdminLogins(portal.service.ports, portal.service.policy, domain="auth.example").portal()
    browser = portal.global_admin()
    for path, form in (
        (f"/companies/{OPERATORS_COMPANY}", ("edit", {"name": "Other"})),
        (f"/app-spaces/{OPERATORS}", ("edit", {"name": "Other", "html": "show"})),
        (f"/origins/{PORTAL_ORIGIN}", ("allow-list/new", {"kind": "2", "entry": "b.example"})),
        (f"/origins/{PORTAL_ORIGIN}", ("ciba", {"mode": "poll"})),
    ):
        text = require_page(browser.get(path))
        assert "Nobody edits it." in text
        main = text[text.index("<main") :]
        assert not re.search(rf'href="[^"]*{path}/[^"]*(edit|new|brand|events|ciba|remove)"', main)
        suffix, fields = form
        reply = browser.post(f"{path}/{suffix}", fields)
        assert (path, reply.status) == (path, 422)
        assert "the portal&#39;s own" in reply.text
    assert stored(portal, Origin, PORTAL_ORIGIN).domains == ("auth.example",)


def stored_origin(portal):
    return stored(portal, Origin, portal.service.origin.origin.guid)


def test_secrets_need_a_step_up(portal, origin):
    browser = portal.app_space_admin(stepped_up=False)
    for page in ("credentials/new", "callback-secret/new", "credentials/revoke"):
        for reply in (browser.get(f"{origin}/{page}"), browser.post(f"{origin}/{page}")):
            assert reply.location.startswith("/step-up?next=%2Fportal%2Forigins%2F")
    assert stored_origin(portal).credentials == ()


def test_a_callback_secret_is_shown_once(portal, origin):
    browser = portal.app_space_admin()
    text = require_page(browser.post(f"{origin}/callback-secret/new", {"hours": "0"}))
    secret = secret_in(text)
    assert secret.startswith("whsec_")
    assert secret not in require_page(browser.get(origin))
    wrong = browser.post(f"{origin}/callback-secret/new", {"hours": "100000"})
    assert '<a href="#field-hours">' in require_page(wrong, 422)


def test_the_allow_list_is_edited(portal, origin):
    browser = portal.app_space_admin()
    for kind, entry in (("1", "https://desk.example/done"), ("2", "desk.example")):
        fields = {"kind": kind, "entry": entry}
        assert browser.post(f"{origin}/allow-list/new", fields).status == 303
    entries = stored_origin(portal).entries
    domain = next(each for each in entries if each.type is CallbackType.DOMAIN)
    path = f"{origin}/allow-list/{domain.guid}/remove"
    assert "desk.example" in require_page(browser.get(path))
    assert browser.post(path).status == 303
    assert domain not in stored_origin(portal).entries
    assert browser.post(path).status == 404
    wrong = browser.post(f"{origin}/allow-list/new", {"kind": "1", "entry": "not an address"})
    assert '<a href="#field-entry">' in require_page(wrong, 422)


@pytest.mark.parametrize("role", [AdminRole.SUPPORT, AdminRole.APP_SPACE])
def test_an_administrator_of_an_app_space_is_created(portal, space, role):
    browser = portal.company_admin()
    fields = {"name": "Night shift", "role": role.value, "kind": "signature", "days": "30"}
    text = require_page(browser.post(f"{space}/admins/new", fields))
    guid = re.search(r"<code>([0-9a-f-]{36})</code>", text)[1]
    admin = stored(portal, Admin, guid)
    assert (admin.role, admin.app_space) == (role, portal.service.app_space.guid)
    assert admin.ends_at - admin.created_at == timedelta(days=30)
    secret = secret_in(text)
    assert secret not in require_page(browser.get(f"/admins/{guid}"))


def test_an_app_space_admin_creates_support_only(portal, space):
    browser = portal.app_space_admin()
    fields = {"name": "x", "role": AdminRole.APP_SPACE.value, "kind": "signature"}
    assert browser.post(f"{space}/admins/new", fields).status == 400
    fields["role"] = AdminRole.SUPPORT.value
    require_page(browser.post(f"{space}/admins/new", fields))


def test_administrators_of_companies_are_created_rotated_and_revoked(portal):
    browser = portal.global_admin()
    fields = {"name": "Night shift", "kind": "hmac", "days": ""}
    require_page(browser.post("/admins/new", fields))
    company = portal.service.company.guid
    require_page(browser.post(f"/companies/{company}/admins/new", fields))
    assert "Night shift" in require_page(browser.get("/admins"))
    text = require_page(browser.get(f"/companies/{company}"))
    admin = re.search(r"/admins/([0-9a-f-]{36})", text)[1]
    fields = {"scheme": "signature", "hours": "0"}
    require_page(browser.post(f"/admins/{admin}/key/new", fields))
    assert [each.scheme for each in stored(portal, Admin, admin).credentials] == [Scheme.SIGNATURE]
    assert browser.post(f"/admins/{admin}/revoke").status == 303
    assert stored(portal, Admin, admin).credentials == ()


def test_dead_callbacks_are_queued_again_and_queued_ones_dropped(portal, origin):
    service = portal.service
    phone = service.bind("zoe")
    issued = service.ask("zoe", "Pay?", callback="https://shop.example/done")
    phone.answer(phone.fetch(issued.challenge.guid))
    browser = portal.app_space_admin()
    text = require_page(browser.get(f"{origin}/callbacks"))
    callback = re.search(r"/callbacks/([0-9a-f-]{36})/drop", text)[1]
    assert "https://shop.example/done" in require_page(browser.get(f"/callbacks/{callback}/drop"))
    service.administration.forbid_callback(service.origin.origin.guid, "https://shop.example/done")
    service.credentials.issue_webhook_key(service.origin.origin.guid)
    service.deliver()
    text = require_page(browser.get(f"{origin}/callbacks"))
    assert "no longer on the allow-list" in text
    reply = browser.post(f"/callbacks/{callback}/requeue")
    assert reply.location == f"{origin}/callbacks?done=callback-requeued"
    assert service.callbacks.get(callback, by=OPERATOR).state.value == "QUEUED"
    assert browser.post(f"/callbacks/{callback}/drop").status == 303
    assert service.callbacks.get(callback, by=OPERATOR).state.value == "DROPPED"
    assert browser.post(f"/callbacks/{callback}/drop").status == 409


def end_questions(service, phone, count, party=None):
    """Have *count* callbacks queued, two minutes apart."""
    for _ in range(count):
        issued = service.ask("zoe", "Pay?", origin=party, callback=CALLBACK)
        phone.answer(phone.fetch(issued.challenge.guid))
        service.clock.advance(timedelta(minutes=2))


def callbacks_in(text, command):
    return re.findall(rf"/callbacks/([0-9a-f-]{{36}})/{command}", text)


def test_dead_callbacks_are_paged(portal, origin, monkeypatch):
    monkeypatch.setattr(callback_pages, "AT_ONCE", 2)
    service, browser = portal.service, portal.app_space_admin()
    service.credentials.issue_webhook_key(service.origin.origin.guid)
    end_questions(service, service.bind("zoe"), 5)
    service.administration.forbid_callback(service.origin.origin.guid, CALLBACK)
    service.deliver()
    assert "0 queued, 5 dead" in require_page(browser.get(origin))
    guids, address = [], f"{origin}/callbacks"
    while address:
        text = require_page(browser.get(address))
        assert "Dead: 5</h2>" in text
        assert ("Older dead callbacks" in text) == bool(guids)
        assert len(callbacks_in(text, "requeue")) <= 2
        guids += callbacks_in(text, "requeue")
        following = re.search(r'href="/portal([^"]+)">Newer dead callbacks', text)
        address = following and following[1]
    dead = service.callbacks.list_dead(service.origin.origin.guid, by=OPERATOR)
    assert guids == [each.guid for each in dead]
    assert len(guids) == 5
    # One that is dead no more is no place in the list.
    browser.post(f"/callbacks/{guids[1]}/requeue")
    text = require_page(browser.get(f"{origin}/callbacks", after=guids[1]))
    assert callbacks_in(text, "requeue") == [guids[0], guids[2]]
    assert "Queued: 1</h2>" in text
    assert browser.get(f"{origin}/callbacks", after="x").status == 400


def kill_callbacks(portal, count, party=None):
    """Return the GUIDs of callbacks that are dead: nothing allows their address any more."""
    service = portal.service
    party = service.origin if party is None else party
    service.credentials.issue_webhook_key(party.origin.guid)
    service.administration.allow_callback(party.origin.guid, CALLBACK)
    end_questions(service, service.bind("zoe", origin=party), count, service.renewed(party))
    service.administration.forbid_callback(party.origin.guid, CALLBACK)
    service.deliver()
    dead = service.callbacks.list_dead(party.origin.guid, by=OPERATOR)
    return [each.guid for each in dead]


def callback_of(service, guid):
    return service.callbacks.get(guid, by=OPERATOR)


def test_dead_callbacks_of_all_origins_are_queued_again_by_one_confirmation(portal):
    service, browser = portal.service, portal.company_admin()
    other = service.new_origin(service.app_space, "Other shop")
    guids = [*kill_callbacks(portal, 12), *kill_callbacks(portal, 2, other)]
    text = require_page(browser.get("/callbacks"))
    assert callbacks_in(text, "requeue") == guids
    assert "Queue all 14 again" in text
    assert f'<option value="{other.origin.guid}">Other shop</option>' in text
    text = require_page(browser.get("/dead-callbacks/all/all/requeue"))
    assert heading(browser.get("/dead-callbacks/all/all/requeue")) == "Queue these callbacks again?"
    assert "<bdi>14 dead callbacks</bdi>" in text
    assert "ten a second" in text
    assert "<dd>0 min 2 s</dd>" in text
    now = service.clock.now()
    reply = browser.post("/dead-callbacks/all/all/requeue")
    assert reply.location == "/callbacks?done=callbacks-requeued"
    moments = sorted(callback_of(service, guid).next_at for guid in guids)
    assert moments == [now + number * timedelta(milliseconds=100) for number in range(14)]
    events = [each for each in service.ports.audit.events if each.event == "callback.requeue"]
    assert {each.subject for each in events} == set(guids)
    assert "There is none" in require_page(browser.get("/callbacks"))


def test_dead_callbacks_are_queued_again_as_they_are_filtered(portal, monkeypatch):
    service, browser = portal.service, portal.app_space_admin()
    other = service.new_origin(service.app_space, "Other shop")
    (first,), (second,) = kill_callbacks(portal, 1), kill_callbacks(portal, 1, other)
    terms = {"origin": other.origin.guid, "cause": "forbidden"}
    text = require_page(browser.get("/callbacks", **terms))
    assert callbacks_in(text, "requeue") == [second]
    path = f"/dead-callbacks/{other.origin.guid}/forbidden/requeue"
    assert f'href="/portal{path}">Queue all of these again' in text
    assert "<bdi>1 dead callback</bdi>" in require_page(browser.get(path))
    none = f"/dead-callbacks/{other.origin.guid}/gone/requeue"
    assert browser.post(none).location.endswith("cause=gone&done=callbacks-requeued")
    assert callback_of(service, second).state is CallbackState.DEAD
    assert browser.post(path).status == 303
    states = [callback_of(service, guid).state for guid in (first, second)]
    assert states == [CallbackState.DEAD, CallbackState.QUEUED]
    for odd in (f"/dead-callbacks/{other.origin.guid}/x/requeue", "/dead-callbacks/x/all/requeue"):
        assert (browser.get(odd).status, browser.post(odd).status) == (404, 404)
    assert browser.get("/callbacks", cause="x").status == 400
    # What is left is said.
    kill_callbacks(portal, 2)
    limited = partialmethod(callbacks.Callbacks.requeue_all, limit=1)
    monkeypatch.setattr(callbacks.Callbacks, "requeue_all", limited)
    reply = browser.post("/dead-callbacks/all/all/requeue")
    assert reply.location == "/callbacks?done=callbacks-further"
    assert "The list has those that are left" in require_page(browser.get(reply.location))


@pytest.mark.parametrize(
    ("requeued", "done", "notice"),
    [
        (RequeuedCallbacks(3, 1_000, complete=True), "remaining", "Every callback that can be"),
        (RequeuedCallbacks(0, 5_000, complete=False), "unread", "No callback is queued again."),
        (RequeuedCallbacks(1, 5_000, complete=False), "further", "As many callbacks as"),
    ],
)
def test_what_stays_dead_is_said_as_it_is(portal, monkeypatch, requeued, done, notice):
    browser = portal.app_space_admin()
    kill_callbacks(portal, 1)
    monkeypatch.setattr(callbacks.Callbacks, "requeue_all", lambda *_, **__: requeued)
    reply = browser.post("/dead-callbacks/all/all/requeue")
    assert reply.location == f"/callbacks?done=callbacks-{done}"
    assert notice in require_page(browser.get(reply.location))


def test_a_page_of_callbacks_reads_a_bounded_part_of_the_queue(portal, origin, monkeypatch):
    service, browser = portal.service, portal.app_space_admin()
    phone = service.bind("zoe")
    other = service.new_origin(service.app_space, "Other")
    end_questions(service, phone, 3, other)
    end_questions(service, phone, 2)
    text = require_page(browser.get(f"{origin}/callbacks"))
    assert len(callbacks_in(text, "drop")) == 2
    assert "The list is cut" not in text
    monkeypatch.setattr(callbacks, "LIST_LIMIT", 2)
    limits = []
    due = service.ports.store.due
    monkeypatch.setattr(
        type(service.ports.store),
        "due",
        lambda _, kind, before, limit, *rest: (
            limits.append(limit) or due(kind, before, limit, *rest)
        ),
    )
    text = require_page(browser.get(f"{origin}/callbacks"))
    assert limits == [2]
    assert callbacks_in(text, "drop") == []
    assert "The list is cut: it has 0 of them." in text
    assert "Queued: 2</h2>" in text


def test_a_person_gets_a_link_once_and_their_sessions_can_be_ended(portal, space):
    browser, service = portal.company_admin(), portal.service
    fields = {"name": "Support person", "role": AdminRole.SUPPORT.value, "kind": "person"}
    link = secret_in(require_page(browser.post(f"{space}/admins/new", fields)))
    address, _, token = link.partition("#")
    assert address == f"{PUBLIC_URL}/portal/link"
    text = require_page(browser.get(space))
    admin = re.search(r"/admins/([0-9a-f-]{36})[^>]*><bdi>Support person", text)[1]
    assert stored(portal, Admin, admin).person
    assert "Not opened yet" in require_page(browser.get(f"/admins/{admin}"))
    assert token not in require_page(browser.get(f"/admins/{admin}"))
    # A new link ends the old one.
    new_token = secret_in(require_page(browser.post(f"/admins/{admin}/link"))).partition("#")[2]
    sessions = Sessions(service.ports, service.policy)
    with pytest.raises(Refused):
        sessions.redeem(token, browser="")
    redeemed = sessions.redeem(new_token, browser="Firefox")
    passkey = service.bind_passkey(admin, session=redeemed.session.guid)
    cookie = sessions.enrol(redeemed.token, passkey.guid).token
    text = require_page(browser.get(f"/admins/{admin}"))
    assert "Firefox" in text
    session = re.search(r"/sessions/([0-9a-f-]{36})/revoke", text)[1]
    path = f"/admins/{admin}/sessions/{session}/revoke"
    assert "Firefox" in require_page(browser.get(path))
    assert browser.post(path).location == f"/admins/{admin}?done=session-ended"
    with pytest.raises(Refused):
        sessions.authenticate(cookie)
    assert browser.post(path).status == 404


def test_of_an_administrator_who_is_revoked_nothing_is_left_to_do(portal, space):
    browser = portal.company_admin()
    fields = {"name": "Support person", "role": AdminRole.SUPPORT.value, "kind": "person"}
    page = require_page(browser.post(f"{space}/admins/new", fields))
    assert ">I have handed it over</a>" in page
    path = re.search(r"/admins/[0-9a-f-]{36}", page)[0]
    assert len(acts_of(browser, path)) == 4
    assert browser.post(f"{path}/revoke").status == 303
    assert acts_of(browser, path) == []
    text = require_page(browser.get(path))
    assert "Not opened yet" in text
    assert "works no more" in text


def test_app_spaces_of_one_name_differ_in_lists(portal):
    administration = portal.service.administration
    first, second = (administration.create_company(name).guid for name in ("A Ltd", "B Ltd"))
    administration.create_app_space(first, "Shop app")
    administration.create_app_space(second, "Shop app")
    portal.service.clock.advance(timedelta(minutes=5))
    administration.create_app_space(second, "Shop app")
    for path in ("/accounts", ""):
        text = require_page(portal.global_admin().get(path))
        assert "Shop app (A Ltd)<" in text
        names = {*re.findall(r"Shop app \(B Ltd\), created ([^<]+)<", text)}
        assert len(names) == 2, path
    # Within one company, its name says nothing.
    assert "(A Ltd)" not in require_page(portal.company_admin().get("/accounts"))


def acts_of(browser, path):
    return re.findall(rf'href="[^"]*{path}/([^"]+)"', require_page(browser.get(path)))


def test_a_program_gets_no_link(portal):
    browser = portal.company_admin()
    admin = portal.create_admin(AdminRole.SUPPORT, app_space=portal.service.app_space.guid)
    assert browser.get(f"/admins/{admin.guid}/link").status == 404
    assert browser.post(f"/admins/{admin.guid}/link").status == 404


@pytest.mark.parametrize(
    ("longest", "offered", "chosen"),
    [
        (timedelta(minutes=5), ["5 minutes"], "300"),
        (timedelta(hours=1), ["10 minutes", "1 hour"], "3600"),
        (timedelta(days=1), ["10 minutes", "1 hour", "1 day"], "3600"),
    ],
)
def test_the_life_of_a_link_is_chosen_as_the_policy_allows(longest, offered, chosen):
    portal = PortalOfTests(policy=attrs.evolve(STANDARD, portal_link_life=longest))
    service, browser = portal.service, portal.company_admin()
    space = service.app_space.guid
    person = service.credentials.create_person(
        "Support person", role=AdminRole.SUPPORT, app_space=space
    )
    path = f"/admins/{person.guid}/link"
    for page in (path, f"/app-spaces/{space}/admins/new"):
        text = require_page(browser.get(page))
        options = re.findall(
            r'name="link_life" value="(\d+)"( checked)?><span><bdi>([^<]+)</bdi>', text
        )
        assert [label for _, _, label in options] == offered
        assert [value for value, checked, _ in options if checked] == [chosen]
        for value, _, _ in options:
            if page == path:
                require_page(browser.post(page, {"link_life": value}))
                (link,) = service.sessions.list(person.guid, by=OPERATOR)
                assert link.deadline == service.clock.now() + timedelta(seconds=int(value))
    for odd in ("1", "604800", "x", ""):
        assert browser.post(path, {"link_life": odd}).status == 400
    # A program that sends none gets the longest.
    require_page(browser.post(path))
    (link,) = service.sessions.list(person.guid, by=OPERATOR)
    assert link.deadline == service.clock.now() + longest


def test_a_new_person_gets_a_link_of_the_chosen_life_with_a_text_to_mail(portal, space):
    browser, service = portal.company_admin(), portal.service
    fields = {"name": "Support <b>", "role": AdminRole.SUPPORT.value, "kind": "person"}
    text = require_page(browser.post(f"{space}/admins/new", fields | {"link_life": "600"}))
    link = secret_in(text)
    end_time = f"{service.clock.now() + timedelta(minutes=10):%Y-%m-%d %H:%M} UTC"
    (mail,) = re.findall(r"<textarea[^>]* readonly>\n(.*?)</textarea>", text, re.DOTALL)
    assert link in mail.splitlines()
    assert f"It works once, until {end_time}." in mail
    assert mail.startswith("Support &lt;b&gt;,\n")
    assert 'id="mail-subject" readonly value="Your log-in at auth.example"' in text
    assert text.count(" data-copies=") == 3
    # A program has no log-in.
    fields |= {"kind": "signature", "name": "Program"}
    assert "mail-subject" not in require_page(browser.post(f"{space}/admins/new", fields))


def test_a_list_of_dead_callbacks_that_is_cut_says_so(portal, monkeypatch):
    browser = portal.app_space_admin()
    guids = kill_callbacks(portal, 3)
    monkeypatch.setattr(requeueing, "LIST_LIMIT", 2)
    monkeypatch.setattr(callback_pages, "DEAD_AT_MOST", 2)
    for terms, guids_of_page in (
        ({}, guids[:2]),
        ({"cause": "forbidden"}, guids[:2]),
        ({"cause": "gone"}, []),
    ):
        text = require_page(browser.get("/callbacks", **terms))
        assert callbacks_in(text, "requeue") == guids_of_page
        assert "The list is cut: 2 of all are looked at" in text
        assert "There is none" not in text
    text = require_page(browser.get("/dead-callbacks/all/forbidden/requeue"))
    assert "2 dead callbacks, or more" in text
