"""Departures: a user is sent to the Identity Provider, with all that the way back is checked by."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal import keys
from counterseal.bindings.vouching import provider_of
from counterseal.decisions import Decision, read
from counterseal.machines import LOGIN
from counterseal.models import AppSpace, AuditEvent, Change, Guid, Login
from counterseal.models.guid import ENTROPY_BYTES, mint
from counterseal.models.sealing import login_context
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.addresses import return_allowed

SECRET_BYTES = 32
"""RFC 7636, 4.1: the verifier has at least 256 bits; state and nonce as many."""


@attrs.frozen(kw_only=True)
class Redirect:
    """
    Where to send the user.

    Attributes:
        url: At the Identity Provider; its `state` is a secret of this log-in, which whoever
            opens it learns.
        secret: For the app that began, and nobody else; told once, and stored as a hash only.
            The app keeps it where no page, no link and no other app can read it.
        deadline: From then on the return is refused.
    """

    url: str = attrs.field(repr=False)
    login: Guid
    secret: str = attrs.field(repr=False)
    deadline: datetime


def depart(ports: Ports, policy: Policy, guid: Guid, app_return: str) -> Decision[Redirect]:
    """
    Decide where to send a user of the App Space *guid*, and what to remember of it.

    Raises:
        NotFound: There is no such App Space.
        WrongKind: It has no Identity Provider.
        ReturnForbidden: The App Space does not say that users may be taken back there.
        Unavailable: A port failed.
    """
    now = ports.clock.now()
    app_space = read(ports.store, guid, AppSpace)
    held = provider_of(app_space)
    return_allowed(app_return, held.returns)
    settings = attrs.evolve(held, redirect_uri=held.redirect_uri or app_return)
    token = ports.entropy.token
    login, luck = token(1)[0], token(ENTROPY_BYTES)
    login_guid = mint(login, luck)
    secret, nonce, verifier, own = (keys.b64url(token(SECRET_BYTES)) for _ in range(4))
    url = ports.identity.authorization_url(
        settings,
        state=f"{login_guid}.{secret}",
        nonce=nonce,
        verifier=verifier,
        company=app_space.company,
    )
    deadline = now + policy.login_life
    record = Login(
        guid=login_guid,
        state=LOGIN.initial,
        app_space=guid,
        redirect_uri=settings.redirect_uri,
        app_return=app_return,
        secret_hash=keys.token_hash(secret),
        holder_hash=keys.token_hash(own),
        sealed_verifier=ports.sealer.seal(verifier.encode(), login_context(login_guid)),
        sealed_nonce=ports.sealer.seal(nonce.encode(), login_context(login_guid)),
        created_at=now,
        deadline=deadline,
        keep_until=deadline + policy.login_life,
    )
    return Decision(
        changes=(Change(None, record),),
        audit=(AuditEvent(at=now, event="login.redirect", actor="stranger", subject=login_guid),),
        result=Redirect(url=url, login=login_guid, secret=own, deadline=deadline),
    )
