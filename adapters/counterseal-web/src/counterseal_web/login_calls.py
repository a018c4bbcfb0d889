"""Login calls: what is done when an app, a browser or an Identity Provider has to do with one."""

from __future__ import annotations

from http import HTTPStatus

from counterseal.errors import InvalidField, Refused
from counterseal_web.bodies import named, optional_text, text
from counterseal_web.calls import Call
from counterseal_web.documents import begun_document, welcome_document
from counterseal_web.messages import Reply
from counterseal_web.service import Service


def redirect(service: Service, call: Call) -> Reply:
    """
    Begin a log-in at the App Space's Identity Provider.

    The app keeps `secret` to itself and sends its user to `url`.
    """
    body = call.document
    app_space = named(text(body, "appSpaceGuid"), "appSpaceGuid")
    begun = service.logins.redirect(app_space, text(body, "redirectUri"))
    return Reply(document=begun_document(begun))


def come_back(service: Service, call: Call) -> Reply:
    """Send a browser that the Identity Provider sent here on to the app; nothing is exchanged."""
    address = service.logins.relay_response(call.parameter("state"), call.query)
    headers = {"Location": address, "Referrer-Policy": "no-referrer"}
    return Reply(status=HTTPStatus.SEE_OTHER, headers=headers)


def authenticate(service: Service, call: Call) -> Reply:
    """Finish a log-in, once: state, code and the app's secret together get a session token."""
    body = call.document
    invitation = service.logins.authenticate(
        text(body, "state"),
        text(body, "code"),
        text(body, "secret"),
        issuer=optional_text(body, "iss"),
    )
    return Reply(document=welcome_document(invitation))


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
