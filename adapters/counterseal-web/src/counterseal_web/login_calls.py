"""Login calls: what is done when an app, a browser or an Identity Provider has to do with one."""

from __future__ import annotations

from http import HTTPStatus

from counterseal.errors import InvalidField, Refused
from counterseal.wire.device import LoggedIn, LoginRedirect, LoginReturn, LoginStart
from counterseal.wire.members import read_record, write_record
from counterseal_web.bodies import named, text
from counterseal_web.calls import Call
from counterseal_web.messages import Reply
from counterseal_web.service import Service


def redirect(service: Service, call: Call) -> Reply:
    """
    Begin a log-in at the App Space's Identity Provider.

    The app keeps `secret` to itself and sends its user to `url`.
    """
    start = read_record(LoginStart, call.document)
    app_space = named(start.app_space, "appSpaceGuid")
    login = service.logins.redirect(app_space, start.redirect_uri)
    redirect = LoginRedirect(url=login.url, secret=login.app_secret, expires_at=login.deadline)
    return Reply(document=write_record(redirect))


def come_back(service: Service, call: Call) -> Reply:
    """Send a browser that the Identity Provider sent here on to the app; nothing is exchanged."""
    address = service.logins.relay_response(call.parameter("state"), call.query)
    headers = {"Location": address, "Referrer-Policy": "no-referrer"}
    return Reply(status=HTTPStatus.SEE_OTHER, headers=headers)


def authenticate(service: Service, call: Call) -> Reply:
    """Finish a log-in, once: state, code and the app's secret together get a session token."""
    returned = read_record(LoginReturn, call.document)
    invitation = service.logins.authenticate(
        returned.state, returned.code, returned.secret, issuer=returned.issuer
    )
    logged_in = LoggedIn(
        token=invitation.token,
        expires_at=invitation.deadline,
        app_space=invitation.app_space.guid,
        app_space_name=invitation.app_space.name,
    )
    return Reply(document=write_record(logged_in))


def log_out(service: Service, call: Call) -> Reply:
    """
    Take an Identity Provider's logout token; the user's devices are suspended at once.

    OpenID Connect Back-Channel Logout 1.0: the address is what the provider is configured with.
    """
    app_space = named(call.names["app_space"], "app_space")
    token = text(call.document, "logout_token")
    try:
        service.logins.log_out(app_space, token)
    except Refused:
        # 400, whatever is wrong with it (2.8); the audit log has the reason.
        raise InvalidField("logout_token", "refused") from None
    return Reply(status=HTTPStatus.NO_CONTENT)
