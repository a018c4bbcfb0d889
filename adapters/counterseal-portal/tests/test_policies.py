"""Policies are shown with who decided what, and narrowed setting by setting."""

import re
from datetime import timedelta
from html import unescape

import pytest
from portal_browser import heading, require_page

from counterseal.models import Algorithm, AppSpace, Clients, Origin, PasskeyUse, Reaction
from counterseal.narrowing import IN_APP_SPACE
from counterseal.policy import Policy
from counterseal_portal.settings import LABELS

STRICTER = {
    "challenge_life": ("30 seconds", timedelta(seconds=30)),
    "challenge_life_limit": ("5 minutes", timedelta(minutes=5)),
    "action_life": ("1 minute", timedelta(minutes=1)),
    "action_life_limit": ("5 minutes", timedelta(minutes=5)),
    "action_validity": ("0", timedelta(0)),
    "action_validity_limit": ("1 hour", timedelta(hours=1)),
    "arguments_required": ("true", True),
    "session_token_life": ("1 minute", timedelta(minutes=1)),
    "confirmation_life": ("10 minutes", timedelta(minutes=10)),
    "login_life": ("1 minute", timedelta(minutes=1)),
    "ceremony_life": ("1 minute", timedelta(minutes=1)),
    "revalidation_life": ("0", timedelta(0)),
    "revalidation_grace": ("0", timedelta(0)),
    "strike_limit": ("2", 2),
    "code_limit": ("1", 1),
    "code_limit_account": ("9", 9),
    "comparison_limit": ("1", 1),
    "pending_limit": ("1", 1),
    "ask_window": ("1 hour", timedelta(hours=1)),
    "ask_limit_origin": ("3", 3),
    "ask_limit": ("4", 4),
    "ask_limit_unapproved": ("5", 5),
    "cooldown_after": ("1", 1),
    "cooldown": ("2 minutes", timedelta(minutes=2)),
    "cooldown_limit": ("2 hours", timedelta(hours=2)),
    "cx_pending_limit": ("2", 2),
    "cx_ask_limit": ("3", 3),
    "cx_ask_limit_unapproved": ("4", 4),
    "cx_cooldown": ("true", True),
    "on_declined": ("alert", frozenset({Reaction.ALERT})),
    "on_not_mine": (
        "lock_account",
        frozenset({Reaction.ALERT, Reaction.DEMAND_CODES, Reaction.LOCK_ACCOUNT}),
    ),
    "on_wrong_details": (
        "cancel_pending",
        frozenset({Reaction.ALERT, Reaction.CANCEL_PENDING}),
    ),
    "on_pressured": ("demand_codes", frozenset({Reaction.ALERT, Reaction.DEMAND_CODES})),
    "on_other": ("lock_account", frozenset({Reaction.LOCK_ACCOUNT})),
    "codes_demanded": ("2 days", timedelta(days=2)),
    "device_replacement": ("false", False),
    "bindings_limit": ("3", 3),
    "strong_keys_limit": ("1", 1),
    "algorithms": ("ES256", frozenset({Algorithm.ES256})),
    "passkeys": ("refuse", PasskeyUse.REFUSE),
    "origin_rate": ("10", 10),
    "authenticate_rate": ("11", 11),
    "invite_rate": ("12", 12),
    "device_invite_rate": ("1", 1),
    "comparison_rate": ("14", 14),
    "origin_texts": ("false", False),
}
"""A stricter value than the standard policy's, as it is entered, and as it counts then."""

NO_STRICTER = {"arguments_required", "revalidation_grace"}
"""They are as strict as can be already."""


def effective(portal, *, of_origin=False):
    origin = portal.service.origin.origin.guid if of_origin else None
    app_space = portal.service.app_space.guid
    settings = portal.service.administration.effective_policy(app_space, origin)
    return {setting.name: setting for setting in settings}


@pytest.fixture
def space(portal):
    """The path of the App Space's policy."""
    return f"/app-spaces/{portal.service.app_space.guid}/policy"


@pytest.fixture
def origin(portal):
    """The path of the origin's policy."""
    return f"/origins/{portal.service.origin.origin.guid}/policy"


def item_of(text, name):
    """Return the text of one setting on the page."""
    item = re.search(rf'<li class="card setting" id="setting-{name}">(.*?)</li>', text, re.DOTALL)[
        1
    ]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", item)).split())


def test_every_setting_that_can_be_narrowed_has_a_label(portal):
    narrowable = {name for name, setting in effective(portal).items() if setting.narrowable}
    assert LABELS.keys() == narrowable
    assert len({*LABELS.values()}) == len(LABELS)
    assert STRICTER.keys() == narrowable - IN_APP_SPACE


def test_an_app_space_narrows_each_setting_and_takes_it_back(portal, space):
    browser = portal.company_admin()
    for name, (text, value) in STRICTER.items():
        before = effective(portal)[name]
        page = f"{space}/{name}"
        assert unescape(heading(browser.get(page))) == f"<bdi>{LABELS[name]}</bdi>"
        assert browser.post(page, {"value": text}).location == f"{space}?done=setting-saved"
        after = effective(portal)[name]
        assert (name, after.value, after.app_space) == (name, value, value)
        assert (after.value != before.value) is (name not in NO_STRICTER)
        form = require_page(browser.get(page))
        assert f'value="{text}"' in form
        assert browser.post(page, {"value": ""} if "checkbox" not in form else {}).status == 303
        assert effective(portal)[name] == before
    assert portal.service.administration.get(portal.service.app_space.guid, AppSpace).policy is None


def test_the_page_says_what_counts_and_who_decided_it(portal, space, origin):
    browser = portal.company_admin()
    assert browser.post(f"{space}/challenge_life", {"value": "90 seconds"}).status == 303
    assert browser.post(f"{origin}/challenge_life", {"value": "45s"}).status == 303
    text = require_page(browser.get(space))
    words = item_of(text, "challenge_life")
    assert words.startswith("Time to answer, if the origin does not say 90 seconds App Space How")
    assert "Service 2 minutes App Space 90 seconds Decided by App Space Change" in words
    text = require_page(browser.get(origin))
    words = item_of(text, "challenge_life")
    assert "App Space 90 seconds Origin 45 seconds Decided by Origin Change" in words
    # What follows another setting says which.
    assert browser.post(f"{space}/challenge_life_limit", {"value": "30 s"}).status == 422
    assert browser.post(f"{origin}/challenge_life", {"value": ""}).status == 303
    assert browser.post(f"{origin}/challenge_life_limit", {"value": "20 seconds"}).status == 303
    words = item_of(require_page(browser.get(origin)), "challenge_life")
    assert "20 seconds" in words
    assert "Decided by “Longest time to answer”, which is stricter, as the Origin says" in words


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        *(
            (
                "challenge_life",
                text,
                "Choose from 1 second to 2 minutes; the service allows no other.",
            )
            for text in ("121 seconds", "3m", "0")
        ),
        *(
            ("challenge_life", text, "Write a whole number and its unit, such as 2 minutes.")
            for text in ("2", "2.5 minutes", "2 months", "-1 second", "two minutes")
        ),
        (
            "challenge_life",
            "999999999 days",
            "Choose from 1 second to 2 minutes; the service allows no other.",
        ),
        ("pending_limit", "6", "Choose from 1 to 5; the service allows no other."),
        ("cooldown", "59 s", "Choose from 1 minute to 1 day; the service allows no other."),
        ("cooldown", "1 hour", "“First cool-down” would be longer than “Longest cool-down”."),
    ],
)
def test_what_does_not_fit_is_said_beside_the_field(portal, space, name, text, error):
    page = require_page(portal.company_admin().post(f"{space}/{name}", {"value": text}), status=422)
    assert f'<p class="problem" id="error-value">{error}</p>' in page
    assert f'value="{text}"' in page
    assert portal.service.administration.get(portal.service.app_space.guid, AppSpace).policy is None


def test_the_bound_is_beside_the_field(portal, space, origin):
    browser = portal.company_admin()
    text = require_page(browser.get(f"{space}/pending_limit"))
    assert "From 1 to 5. Empty: as the service says, 5." in text
    text = require_page(browser.get(f"{space}/cooldown"))
    assert (
        "From 1 minute to 1 day, such as 90 seconds, 2 minutes, 1 hour or 1 day. Empty: as" in text
    )
    browser.post(f"{space}/session_token_life", {"value": "2 minutes"})
    text = require_page(browser.get(f"{origin}/session_token_life"))
    assert "From 1 second to 2 minutes, such as" in text
    refused = browser.post(f"{origin}/session_token_life", {"value": "121 seconds"})
    assert "Choose from 1 second to 2 minutes; the App Space allows no other." in require_page(
        refused, 422
    )


def test_a_choice_offers_nothing_that_is_looser(portal, space):
    browser = portal.company_admin()
    text = require_page(browser.get(f"{space}/passkeys"))
    assert re.findall(r'name="value" value="([^"]*)"', text) == ["", "with_device_key", "refuse"]
    text = require_page(browser.get(f"{space}/on_not_mine"))
    assert re.findall(r'name="value" value="([^"]*)"', text) == ["cancel_pending", "lock_account"]
    text = require_page(browser.get(f"{space}/algorithms"))
    assert "ML-DSA-44" not in re.findall(r'name="value" value="([^"]*)"', text)
    assert browser.post(f"{space}/passkeys", {"value": "allow"}).status == 400
    assert browser.post(f"{space}/algorithms", {"value": "ML-DSA-44"}).status == 400


@pytest.mark.parametrize(
    "name", ["retention", "new_devices", "device_invitations", "unknown", "%3Cb%3E"]
)
def test_what_is_not_narrowed_here_has_no_form(portal, space, name):
    browser = portal.company_admin()
    assert browser.get(f"{space}/{name}").status == 404
    assert browser.post(f"{space}/{name}", {"value": "1"}).status == 404


def test_an_origin_narrows_only_what_is_an_origins(portal, origin):
    browser = portal.app_space_admin()
    assert browser.get(f"{origin}/strike_limit").status == 404
    assert browser.post(f"{origin}/strike_limit", {"value": "1"}).status == 404
    text = require_page(browser.get(origin))
    changes = {*re.findall(r"/policy/([a-z_]+)\"", text)}
    settings = effective(portal, of_origin=True)
    by_origins = {field.name for field in Policy.__attrs_attrs__ if field.metadata["by_origins"]}
    assert changes == by_origins - NO_STRICTER
    assert changes < settings.keys()
    assert f'{origin.removesuffix("/policy")}/edit"' in text


def test_what_a_form_of_the_record_has_leads_there(portal, space, origin):
    browser = portal.company_admin()
    text = require_page(browser.get(space))
    assert text.count(f'{space.removesuffix("/policy")}/edit"') == len(IN_APP_SPACE)
    path = origin.removesuffix("/policy")
    assert require_page(browser.get(origin)).count(f'{path}/edit"') == 2
    portal.service.administration.edit_origin(
        portal.service.origin.origin.guid, clients=Clients.CX, pending_limit=3
    )
    text = require_page(browser.get(origin))
    assert text.count(f'{path}/edit"') == 3
    assert "Origin 3" in item_of(text, "cx_pending_limit")
    assert portal.service.administration.get(portal.service.origin.origin.guid, Origin).limits


def test_who_may_not_edit_reads_without_a_button(portal, space):
    for browser in (portal.app_space_admin(), portal.support()):
        text = require_page(browser.get(space))
        assert "Change<" not in text
        assert "Time to answer" in text


def test_what_the_service_alone_decides_is_listed(portal, space):
    text = require_page(portal.support().get(space))
    of_service = text[text.index('id="of-service"') :]
    names = {*re.findall(r"<dt><code>([a-z_]+)</code></dt>", of_service)}
    assert names == {name for name, setting in effective(portal).items() if not setting.narrowable}
