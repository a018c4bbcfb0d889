"""Visitors: the people who are logged in, by the cookie of their session."""

from __future__ import annotations

from counterseal import AdminLogins, keys
from counterseal.errors import InvalidField, Refused
from counterseal.models.passkeys import origin_of
from counterseal_portal.cookies import Cookie, read_cookie
from counterseal_portal.refusals import log_refusal
from counterseal_portal.visit import Visitor
from counterseal_web import Request, Service

TOKEN_PURPOSE = b"counterseal portal form"


class SessionVisitors:
    """
    Who is logged in, by the sessions of the service.

    Args:
        service: The use cases, and the settings, of which `public_url` says where the portal is.

    Raises:
        InvalidField: Browsers have no passkeys at `public_url`.
    """

    def __init__(self, service: Service) -> None:
        self._public_url = service.settings.public_url
        self._logins = admin_logins(service)

    def visitor(self, request: Request) -> Visitor | None:
        """
        Return who is logged in; None if no session is in force.

        Raises:
            Unavailable: A port failed.
        """
        cookie = read_cookie(request, Cookie.SESSION, self._public_url)
        if not cookie:
            return None
        try:
            authenticated = self._logins.sessions.authenticate(cookie)
        except Refused as refusal:
            # Whatever it is, the person has to log in.
            log_refusal(refusal)
            return None
        return Visitor(
            admin=authenticated.admin,
            session=authenticated.session.guid,
            csrf_token=csrf_token(cookie),
            stepped_up=authenticated.stepped_up,
        )


def csrf_token(cookie: str) -> str:
    """Return the token of a session's forms; only who has the cookie can compute it."""
    return keys.b64url(keys.mac(cookie.encode(), TOKEN_PURPOSE))


def admin_logins(service: Service) -> AdminLogins:
    """
    Return the log-ins of administrators at the portal of *service*.

    Raises:
        InvalidField: Browsers have no passkeys at `public_url`: it is neither https nor
            `http://localhost`.
    """
    origin = origin_of(service.settings.public_url)
    if not origin:
        problem = "browsers have no passkeys there: it has to be https, or http://localhost"
        raise InvalidField("public_url", problem)
    domain = origin.partition("://")[2]
    return AdminLogins(service.ports, service.policy, domain=domain)
