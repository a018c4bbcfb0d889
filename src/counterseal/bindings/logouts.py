"""Logouts: an Identity Provider says that a user has logged out there."""

from __future__ import annotations

from counterseal.bindings.aliases import spoken_of
from counterseal.bindings.vouching import provider_of, withdraw
from counterseal.decisions import Act, read, refused
from counterseal.errors import Refused, Replayed, WrongIssuer
from counterseal.models import AppSpace, Guid, Logout
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.sizes import text_fits


def take_logout(ports: Ports, policy: Policy, app_space: Guid, token: str) -> None:
    """
    Suspend the devices of the user of whom a logout token speaks.

    Raises:
        NotFound, WrongKind: The App Space is not there, or has no provider.
        InvalidField: The token is too long.
        IdentityWithdrawn: It does not hold.
        WrongIssuer: It is another issuer's.
        Replayed: It came before.
        Unavailable: A port failed.
    """
    act = Act(event="identity.logout", actor="stranger", subject=app_space)
    try:
        logout = _believed(ports, policy, app_space, token)
        accounts = spoken_of(ports, app_space, logout)
        if not ports.replay.first_seen(("logout", app_space, logout.jti), logout.until):
            raise Replayed
    except Refused as refusal:
        refused(ports, act, refusal)
        raise
    for account in accounts:
        withdraw(ports, policy, account.guid)


def _believed(ports: Ports, policy: Policy, guid: Guid, token: str) -> Logout:
    text_fits(token, policy.token_bytes, "logout_token")
    app_space = read(ports.store, guid, AppSpace)
    settings = provider_of(app_space)
    logout = ports.identity.logged_out(settings, token, company=app_space.company)
    if logout.issuer != settings.issuer:
        raise WrongIssuer
    return logout
