"""
Log-ins: a user is sent to an Identity Provider, and comes back (OpenID Connect, code flow, PKCE).

The browser's secrets are compared first. Only after that may a refusal tell the log-in's state.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

import attrs

from counterseal import keys
from counterseal._decisions.plan import AuditEntry, Decision, Records, Tools, require
from counterseal._decisions.readings import records, require_provider
from counterseal.charts.accounts import LOGIN, LoginEvent
from counterseal.errors import NotFound, WrongToken
from counterseal.machines import step
from counterseal.models import (
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
from counterseal.rules.addresses import return_allowed
from counterseal.rules.confirmations import replaceable
from counterseal.rules.evidence import ReturnFacts, login_matches, state_matches
from counterseal.rules.standing import Deadline, in_time, provider_of

SECRET_BYTES = 32
"""RFC 7636, 4.1: the verifier has at least 256 bits; state and nonce as many."""


@attrs.frozen(kw_only=True)
class Redirect:
    """
    Where to send the user.

    Attributes:
        url: At the Identity Provider; its `state` is a secret of this log-in, which whoever
            opens it learns.
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
    Return the log-in as it stands once it is used.

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
        WrongToken: It is none.
    """
    try:
        return require(record, Login)
    except NotFound:
        # What is no log-in looks like a log-in with another secret.
        raise WrongToken from None
