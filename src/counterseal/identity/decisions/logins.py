"""
Log-ins: a user is sent to an Identity Provider, and comes back (OpenID Connect, code flow, PKCE).

The browser's secrets are compared first. Only after that may a refusal tell the log-in's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import attrs

from counterseal import keys
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    records,
    require,
    require_provider,
)
from counterseal.accounts.chart import LOGIN, LoginEvent
from counterseal.accounts.rules import Deadline, in_time, provider_of
from counterseal.bindings.rules.confirmations import replaceable
from counterseal.bindings.rules.evidence import ReturnFacts, login_matches, state_matches
from counterseal.errors import NotFound, WrongToken
from counterseal.machines import step
from counterseal.models import (
    Administrator,
    AppSpace,
    Binding,
    Guid,
    IdpSettings,
    Login,
    Record,
    replace,
    revise,
)
from counterseal.models.guid import ENTROPY_BYTES, mint
from counterseal.models.sealing import login_context
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.rules.addresses import return_allowed, return_fits
from counterseal.tenancy.rules.authorization import Permission

SECRET_BYTES = 32
"""RFC 7636, 4.1: the verifier has at least 256 bits; state and nonce as many."""


@attrs.frozen(kw_only=True)
class Redirect:
    """
    Where to send the user.

    Attributes:
        url: At the Identity Provider; its `state` is a secret of this log-in, and a person who
            opens the URL can read it.
        app_secret: For the app that began, and nobody else; returned once, and stored as a hash
            only. The app keeps it where no page, no link and no other app can read it.
        deadline: From then on the return is refused.
    """

    url: str = attrs.field(repr=False)
    login: Guid
    app_secret: str = attrs.field(repr=False)
    deadline: datetime


@attrs.define(kw_only=True)
class AuthorizationRequest:
    """
    What an authorization request is made of (OpenID Connect Core, 3.1.2.1; RFC 7636).

    Attributes:
        oauth_state: The `state` parameter: the log-in's GUID, and its secret.
        login: What is stored, so that the return can be checked.
        app_secret: Only the app that began gets it.
    """

    settings: IdpSettings
    company: Guid
    oauth_state: str = attrs.field(repr=False)
    nonce: str = attrs.field(repr=False)
    verifier: str = attrs.field(repr=False)
    login: Login
    app_secret: str = attrs.field(repr=False)


@attrs.define(kw_only=True)
class CodeExchange:
    """What a log-in's code is exchanged with (RFC 7636); the ID token has to carry the nonce."""

    app_space: AppSpace
    settings: IdpSettings
    nonce: str = attrs.field(repr=False)
    verifier: str = attrs.field(repr=False)


def prepare_request(
    stored: Records, tools: Tools, app_return: str
) -> Decision[AuthorizationRequest]:
    """Decide what to ask the App Space's Identity Provider for."""
    app_space = require(stored[0], AppSpace)
    settings = provider_of(app_space)
    return_allowed(app_return, settings.returns, tools.policy)
    settings = replace(settings, redirect_uri=settings.redirect_uri or app_return)
    return Decision(result=build_request(tools, app_space, settings, app_return))


def build_request(
    tools: Tools,
    app_space: AppSpace,
    settings: IdpSettings,
    app_return: str,
    *,
    test_secret: str | None = None,
) -> AuthorizationRequest:
    """
    Return a new request, and the log-in that is stored for it.

    Args:
        settings: Those of the App Space, with the `redirect_uri` of this log-in.
        app_return: Where the user returns to; it has been checked.
        test_secret: What only the administrator's browser has that tests the settings; None for a
            user's log-in, whose app gets a new secret.
    """
    tools = tools.within(app_space)
    guid = mint(tools.entropy(1)[0], tools.entropy(ENTROPY_BYTES))
    secret, nonce, verifier = (keys.b64url(tools.entropy(SECRET_BYTES)) for _ in range(3))
    test = test_secret is not None
    app_secret = test_secret or keys.b64url(tools.entropy(SECRET_BYTES))
    deadline = tools.now + tools.policy.login_life
    login = Login(
        guid=guid,
        state=LOGIN.initial,
        app_space=app_space.guid,
        redirect_uri=settings.redirect_uri,
        app_return=app_return,
        secret_hash=keys.token_hash(secret),
        holder_hash=keys.token_hash(app_secret),
        sealed_verifier=tools.seal(verifier.encode(), login_context(guid)),
        sealed_nonce=tools.seal(nonce.encode(), login_context(guid)),
        created_at=tools.now,
        deadline=deadline,
        keep_until=deadline + tools.policy.login_life,
        test=test,
    )
    return AuthorizationRequest(
        settings=settings,
        company=app_space.company,
        oauth_state=f"{guid}.{secret}",
        nonce=nonce,
        verifier=verifier,
        login=login,
        app_secret=app_secret,
    )


def begin(_: Records, __: Tools, request: AuthorizationRequest, url: str) -> Decision[Redirect]:
    """Decide that a log-in begins with *url*, which is the request as the browser makes it."""
    login = request.login
    return Decision(
        result=Redirect(
            url=url, login=login.guid, app_secret=request.app_secret, deadline=login.deadline
        ),
        writes=(login,),
        audit=(AuditEntry(login.guid),),
    )


def relay(
    stored: Records, tools: Tools, secret: str, parameters: Mapping[str, str]
) -> Decision[str]:
    """Decide where in the app to send a browser that the Identity Provider sent to the service."""
    login = require_login(stored[0])
    state_matches(login, secret)
    in_time(Deadline(now=tools.now, deadline=login.deadline))
    query = urlencode({"state": f"{login.guid}.{secret}", **parameters})
    return Decision(result=f"{login.app_return}?{query}")


def list_replaceable(stored: Records, _: Tools) -> Decision[tuple[Binding, ...]]:
    """Return the devices among *stored* whose place another can take, oldest first."""
    devices = (each for each in stored if isinstance(each, Binding) and replaceable(each))
    return Decision(result=tuple(sorted(devices, key=lambda device: device.created_at)))


async def spend(
    stored: Records, tools: Tools, secret: str, app_secret: str
) -> Decision[CodeExchange]:
    """Decide to spend a log-in, so that its state and its code serve once."""
    login = require_login(stored[0])
    facts = ReturnFacts(now=tools.now, login=login, secret=secret, app_secret=app_secret)
    used_login = use_login(facts)
    app_spaces = await records(login.app_space)
    return exchange(tools, require_provider(app_spaces[0]), used_login)


def use_login(facts: ReturnFacts) -> Login:
    """
    Return the log-in as used.

    Raises:
        WrongToken: One of the secrets is another's, or the log-in is another kind's.
        WrongState: It was used or has expired.
        DeadlinePassed: It took too long.
    """
    # Before the state, which would tell a stranger what became of the log-in.
    login_matches(facts)
    state = step(LOGIN, facts.login.state, LoginEvent.AUTHENTICATE, facts)
    return revise(facts.login, state=state)


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire a log-in whose user has not come back by its deadline."""
    login = require(stored[0], Login)
    facts = Deadline(now=tools.now, deadline=login.deadline)
    state = step(LOGIN, login.state, LoginEvent.EXPIRE, facts)
    return Decision(
        result=None, writes=(revise(login, state=state),), audit=(AuditEntry(login.guid),)
    )


def exchange(
    tools: Tools, app_space: AppSpace, used_login: Login, *, reason: str = ""
) -> Decision[CodeExchange]:
    """
    Decide to store that a log-in is used, and return what its code is exchanged with.

    Args:
        reason: Why there is no code, for the audit log; empty if there is one.
    """
    context = login_context(used_login.guid)
    return Decision(
        result=CodeExchange(
            app_space=app_space,
            settings=replace(provider_of(app_space), redirect_uri=used_login.redirect_uri),
            nonce=tools.open(used_login.sealed_nonce, context).decode(),
            verifier=tools.open(used_login.sealed_verifier, context).decode(),
        ),
        writes=(used_login,),
        audit=(AuditEntry(used_login.guid, reason=reason),),
    )


def require_login(record: Record | None) -> Login:
    """
    Return the log-in that was read.

    Raises:
        WrongToken: The record is missing, or is not a log-in.
    """
    try:
        return require(record, Login)
    except NotFound:
        # What is no log-in looks like a log-in with another secret.
        raise WrongToken from None


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
        result=build_request(tools, app_space, settings, app_return, test_secret=app_secret)
    )


async def use_test(
    stored: Records, tools: Tools, by: Administrator, returned: ReturnedTest
) -> Decision[UsedTest]:
    """Decide to use a test log-in, once; *stored*: the App Space, and the log-in or None."""
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.APP_SPACE, by, app_space)
    login = require_login(stored[1])
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
    decision = exchange(tools, app_space, use_login(facts), reason=reason)
    used_test = UsedTest(exchange=decision.result, began_at=login.created_at)
    return Decision(result=used_test, writes=decision.writes, audit=decision.audit)
