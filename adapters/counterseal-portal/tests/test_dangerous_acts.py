"""
Which acts need a step-up, and which do not, each with the reason.

An act is dangerous that cannot be undone, that lets somebody in, or that loosens a protection.
"""

from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from portal_tenants import Tenants

from counterseal_portal import MOUNT
from counterseal_portal.portal import ROUTES
from counterseal_portal.step_up import known_question

UNDONE, LETS_IN, LOOSENS = (
    "it cannot be undone",
    "it lets somebody in",
    "it can loosen a protection",
)

DANGEROUS = {
    "account.revoke": UNDONE,
    "account.erase": UNDONE,
    "account.revoke_device": UNDONE,
    "account.renew_invitation": LETS_IN,
    "account.invite": LETS_IN,
    "account.mail_link": LETS_IN,
    "account.lost_device": UNDONE,
    "app_space.invite": LETS_IN,
    "app_space.edit": LOOSENS,
    "app_space.provider": LETS_IN,
    "app_space.narrow": LOOSENS,
    "app_space.create_admin": LETS_IN,
    "company.create_admin": LETS_IN,
    "company.verify": LOOSENS,
    "admin.create_global": LETS_IN,
    "admin.rotate": LETS_IN,
    "admin.revoke": UNDONE,
    "admin.link": LETS_IN,
    "admin.remove_key": UNDONE,
    "origin.edit": LOOSENS,
    "origin.events": LOOSENS,
    "origin.narrow": LOOSENS,
    "origin.client": LETS_IN,
    "origin.end_client": UNDONE,
    "origin.issue_credential": LETS_IN,
    "origin.issue_webhook_key": LETS_IN,
    "origin.revoke": UNDONE,
    "origin.revoke_credential": UNDONE,
    "own.remove_key": UNDONE,
    "own.add_passkey": LETS_IN,
    "own.confirm_key": LETS_IN,
    "own.device": LETS_IN,
}
"""The acts that need a step-up."""

REVERSIBLE, HARMLESS, PROVES = (
    "it can be undone",
    "it takes nothing away and lets nobody in",
    "it is the log-in or the step-up itself",
)

NOT_DANGEROUS = {
    "account.lock": REVERSIBLE,
    "account.unlock": REVERSIBLE,
    "account.suspend_device": REVERSIBLE,
    "account.resume_device": REVERSIBLE,
    "account.end_link": "another link can be made",
    "account.withdraw_question": "the origin can ask again",
    "app_space.brand": REVERSIBLE,
    "app_space.provider_test": "nothing is bound, and the settings stay as they are",
    "app_space.provider_return": "nothing is bound, and the settings stay as they are",
    "app_space.create_origin": "the origin has no credential yet",
    "company.create": HARMLESS,
    "company.edit": REVERSIBLE,
    "company.create_app_space": HARMLESS,
    "origin.allow_entry": "only an origin with its credential names an address of the list",
    "origin.forbid_entry": REVERSIBLE,
    "audit.export": "the person may read the same, and the log says that it was done",
    "audit.verify": HARMLESS,
    "callback.requeue": HARMLESS,
    "callback.requeue_all": HARMLESS,
    "callback.drop": "the origin can still ask for the outcome",
    "admin.end_session": "the person logs in again",
    "own.end_session": "the person logs in again",
    "login.passkey": PROVES,
    "login.ask": PROVES,
    "login.finish": PROVES,
    "login.out": REVERSIBLE,
    "login.redeem": PROVES,
    "invitation.redeem": "a person who has the link may use it, as its maker has confirmed",
    "login.register": PROVES,
    "session.confirm": PROVES,
    "session.ask": PROVES,
    "session.finish": PROVES,
}
"""All other acts."""

POSTED_ROUTES = [route for route in ROUTES if route.method == "POST"]


def name_of(route):
    return route.id.removesuffix(".do")


def test_every_act_is_in_one_of_the_tables():
    assert not DANGEROUS.keys() & NOT_DANGEROUS.keys()
    assert {name_of(route) for route in POSTED_ROUTES} == DANGEROUS.keys() | NOT_DANGEROUS.keys()
    stepped_up = {name_of(route) for route in POSTED_ROUTES if route.stepped_up}
    assert stepped_up == DANGEROUS.keys()


@pytest.mark.parametrize("name", ["global", "support"])
def test_no_dangerous_act_happens_without_a_step_up(portal, name):
    """Neither its page nor its form does anything but lead to the step-up, and back from it."""
    tenants = Tenants(portal)
    people = tenants.people()
    browser = portal.log_in(portal.visitors.by_name[people[name]._name].admin, stepped_up=False)
    before = dict(portal.service.ports.store._records)
    refused_acts, visit = set(), SimpleNamespace(questions=portal.app.routes.questions)
    for route in ROUTES:
        if not route.stepped_up or not route.is_for(portal.visitors.by_name[browser._name].admin):
            continue
        path = tenants.address(route)
        reply = browser.get(path) if route.method == "GET" else browser.post(path)
        question = f"{route.stepped_up}?"
        back = "/own" if route.confirmed_at == "/own" else path
        query = urlencode({"next": f"{MOUNT}{back}", "title": question})
        assert (route.id, reply.status) == (route.id, 303)
        assert reply.location == f"/step-up?{query}"
        assert known_question(visit, question) == question
        refused_acts.add(name_of(route))
    assert refused_acts >= {"account.revoke", "account.erase", "own.device"}
    assert dict(portal.service.ports.store._records) == before
