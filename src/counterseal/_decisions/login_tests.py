"""
Test log-ins: an administrator goes to an App Space's Identity Provider and back, as a user would.

Nobody is invited, no account is made, and no identity is bound.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

import attrs

from counterseal._decisions import logins
from counterseal._decisions.authorization import permission_to
from counterseal._decisions.logins import AuthorizationRequest, CodeExchange
from counterseal._decisions.plan import Decision, Records, Tools, require
from counterseal.errors import WrongToken
from counterseal.models import Administrator, AppSpace, Guid, replace
from counterseal.rules.addresses import return_fits
from counterseal.rules.authorization import Permission
from counterseal.rules.evidence import ReturnFacts
from counterseal.rules.standing import provider_of


@attrs.frozen(kw_only=True)
class LoginTest:
    """
    A test log-in that has begun.

    Attributes:
        url: At the Identity Provider, where the administrator logs in as a user would.
        redirect_uri: Where the provider sends the browser; it has to know this address.
        deadline: From then on the return is refused.
    """

    url: str = attrs.field(repr=False)
    redirect_uri: str
    deadline: datetime


@attrs.frozen(kw_only=True)
class LoginTestResult:
    """
    What a test log-in has shown; it holds no token and no secret.

    Attributes:
        refusal: The code of the error with which a user's log-in would end; empty if the provider
            has proven who the user is. `provider_error` is one that the provider itself returned.
        detail: The error in words, for people; of a `provider_error` what the provider said.
        issuer: Who has issued the ID token; empty after a refusal, as the next three are.
        subject: The claim `sub`.
        account_id: The value of the App Space's account claim, which would be the account's id.
        session: The user's session at the provider (`sid`); empty if the provider names none.
        account: The account that the identity has already; None if there is none yet.
        account_claim: The claim that becomes the account's id.
        began_at: When the test began.
        ended_at: When the provider's answer had been checked.
    """

    refusal: str = ""
    detail: str = ""
    issuer: str = ""
    subject: str = ""
    account_id: str = ""
    session: str = ""
    account: Guid | None = None
    account_claim: str
    began_at: datetime
    ended_at: datetime


@attrs.frozen(kw_only=True)
class UsedTest:
    """A test log-in that is used: what its code is exchanged with, and when it began."""

    exchange: CodeExchange
    began_at: datetime


@attrs.frozen(kw_only=True)
class ReturnedTest:
    """
    What an administrator comes back with.

    Attributes:
        state_secret: Of the `state` parameter.
        app_secret: What only the browser has that began.
        error: What the provider says in place of a code; empty if there is one.
    """

    state_secret: str = attrs.field(repr=False)
    app_secret: str = attrs.field(repr=False)
    error: str


async def prepare_test(
    stored: Records,
    tools: Tools,
    by: Administrator,
    *,
    app_return: str,
    service_return: str,
    app_secret: str,
) -> Decision[AuthorizationRequest]:
    """Decide what to ask the App Space's Identity Provider for; *stored*: the App Space."""
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.APP_SPACE, by, app_space)
    settings = provider_of(app_space)
    own_address = urlsplit(service_return)
    if not app_return.startswith(f"{own_address.scheme}://{own_address.netloc}/"):
        return_fits(app_return, tools.policy, field="returnUri")
    settings = replace(settings, redirect_uri=settings.redirect_uri or service_return)
    return Decision(
        result=logins.build_request(tools, app_space, settings, app_return, test_secret=app_secret)
    )


async def use_test(
    stored: Records, tools: Tools, by: Administrator, returned: ReturnedTest
) -> Decision[UsedTest]:
    """Decide to use a test log-in, once; *stored*: the App Space, and the log-in or None."""
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.APP_SPACE, by, app_space)
    login = logins.require_login(stored[1])
    if login.app_space != app_space.guid:
        raise WrongToken
    facts = ReturnFacts(
        now=tools.now,
        login=login,
        secret=returned.state_secret,
        app_secret=returned.app_secret,
        test=True,
    )
    reason = "provider_error" if returned.error else ""
    decision = logins.exchange(tools, app_space, logins.use_login(facts), reason=reason)
    used_test = UsedTest(exchange=decision.result, began_at=login.created_at)
    return Decision(result=used_test, writes=decision.writes, audit=decision.audit)
