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
from counterseal._decisions.plan import AuditEntry, Decision, Plan, Records, Tools, require
from counterseal._decisions.readings import records, require_provider
from counterseal.errors import NotFound, WrongToken
from counterseal.machines import LOGIN, LoginEvent, step
from counterseal.models import AppSpace, Binding, Guid, IdpSettings, Login, replace, revise
from counterseal.models.guid import ENTROPY_BYTES, mint
from counterseal.models.sealing import login_context
from counterseal.rules.addresses import return_allowed
from counterseal.rules.confirmations import replaceable
from counterseal.rules.evidence import Redeeming, login_matches, state_matches
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
    tools = tools.within(app_space)
    settings = provider_of(app_space)
    return_allowed(app_return, settings.returns)
    settings = replace(settings, redirect_uri=settings.redirect_uri or app_return)
    guid = mint(tools.entropy(1)[0], tools.entropy(ENTROPY_BYTES))
    secret, nonce, verifier, app_secret = (
        keys.b64url(tools.entropy(SECRET_BYTES)) for _ in range(4)
    )
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
    )
    request = AuthorizationRequest(
        settings=settings,
        company=app_space.company,
        oauth_state=f"{guid}.{secret}",
        nonce=nonce,
        verifier=verifier,
        login=login,
        app_secret=app_secret,
    )
    return Decision(result=request)


def begin(request: AuthorizationRequest, url: str) -> Decision[Redirect]:
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
    login = _require_login(stored)
    state_matches(login, secret)
    in_time(Deadline(now=tools.now, deadline=login.deadline))
    query = urlencode({"state": f"{login.guid}.{secret}", **parameters})
    return Decision(result=f"{login.app_return}?{query}")


def list_replaceable(stored: Records, _: Tools) -> Decision[tuple[Binding, ...]]:
    """Return the devices among *stored* whose place another can take, oldest first."""
    devices = (each for each in stored if isinstance(each, Binding) and replaceable(each))
    return Decision(result=tuple(sorted(devices, key=lambda device: device.created_at)))


def spend(stored: Records, tools: Tools, secret: str, app_secret: str) -> Plan[CodeExchange]:
    """Plan to spend a log-in, so that its state and its code serve once."""
    login = _require_login(stored)
    facts = Redeeming(now=tools.now, login=login, secret=secret, app_secret=app_secret)
    # Before the state, which would tell a stranger what became of the log-in.
    login_matches(facts)
    state = step(LOGIN, login.state, LoginEvent.AUTHENTICATE, facts)
    used_login = revise(login, state=state)
    return records(login.app_space).then(
        lambda spaces, _: _exchange(tools, require_provider(spaces[0]), used_login)
    )


def expire(stored: Records, tools: Tools) -> Decision[None]:
    """Decide to expire a log-in whose user has not come back by its deadline."""
    login = require(stored[0], Login)
    facts = Deadline(now=tools.now, deadline=login.deadline)
    state = step(LOGIN, login.state, LoginEvent.EXPIRE, facts)
    return Decision(
        result=None, writes=(revise(login, state=state),), audit=(AuditEntry(login.guid),)
    )


def _exchange(tools: Tools, app_space: AppSpace, used_login: Login) -> Decision[CodeExchange]:
    context = login_context(used_login.guid)
    return Decision(
        result=CodeExchange(
            app_space=app_space,
            settings=replace(provider_of(app_space), redirect_uri=used_login.redirect_uri),
            nonce=tools.open(used_login.sealed_nonce, context).decode(),
            verifier=tools.open(used_login.sealed_verifier, context).decode(),
        ),
        writes=(used_login,),
        audit=(AuditEntry(used_login.guid),),
    )


def _require_login(stored: Records) -> Login:
    try:
        return require(stored[0], Login)
    except NotFound:
        # What is no log-in looks like a log-in with another secret.
        raise WrongToken from None
