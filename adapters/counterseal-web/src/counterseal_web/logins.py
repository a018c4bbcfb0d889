"""Log-ins: the calls of an app, a browser and an Identity Provider that bind a device."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus

from counterseal.bindings.documents.device import (
    BoundDevice,
    LoggedIn,
    LoginRedirect,
    LoginReturn,
    LoginStart,
)
from counterseal.errors import InvalidField, Refused
from counterseal.wire.members import read_record, read_text, write_record
from counterseal_web.calls import Call
from counterseal_web.members import read_guid
from counterseal_web.messages import Reply
from counterseal_web.operations import NOTHING, Audience, Operation, Payload
from counterseal_web.service import Service

RETURN = "/device/login/return"
"""Where Identity Providers send browsers, after the service's public URL."""


def begin_login(service: Service, call: Call) -> Reply:
    """
    Begin a log-in at the App Space's Identity Provider.

    The app keeps `secret` to itself and sends its user to `url`.
    """
    start = read_record(LoginStart, call.document)
    app_space = read_guid(start.app_space, "appSpaceGuid")
    login = service.logins.redirect(app_space, start.redirect_uri)
    redirect = LoginRedirect(url=login.url, secret=login.app_secret, expires_at=login.deadline)
    return Reply(document=write_record(redirect))


def return_to_app(service: Service, call: Call) -> Reply:
    """Redirect a browser from the Identity Provider to the app; exchanges nothing."""
    address = service.logins.relay_response(call.parameter("state"), call.query)
    headers = {"Location": address, "Referrer-Policy": "no-referrer"}
    return Reply(status=HTTPStatus.SEE_OTHER, headers=headers)


def complete_login(service: Service, call: Call) -> Reply:
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
        devices=tuple(map(BoundDevice.of, invitation.devices)),
    )
    return Reply(document=write_record(logged_in))


def log_out(service: Service, call: Call) -> Reply:
    """
    Accept an Identity Provider's logout token, and suspend the user's devices at once.

    OpenID Connect Back-Channel Logout 1.0: the address is what the provider is configured with.
    """
    app_space = read_guid(call.names["app_space"], "app_space")
    token = read_text(call.document, "logout_token")
    try:
        service.logins.log_out(app_space, token)
    except Refused:
        # 400, whatever is wrong with it (2.8); the audit log has the reason.
        raise InvalidField("logout_token", "refused") from None
    return Reply(status=HTTPStatus.NO_CONTENT)


_open = partial(Operation, audience=Audience.ANYBODY, from_pages=True)

LOGIN_API = (
    _open(
        "redirect",
        "POST",
        "/device/login/redirect",
        begin_login,
        {200: "Begun"},
        takes="NewLogin",
        refuses=("not_found", "wrong_kind", "return_forbidden", "too_often"),
    ),
    _open(
        "comeBack",
        "GET",
        RETURN,
        return_to_app,
        {303: None},
        needs={"state": "As the log-in's address had it."},
        query={
            "code": "The authorization code.",
            "iss": "The issuer (RFC 9207).",
            "error": "Why there is no code.",
        },
        refuses=("denied", "deadline_passed"),
        # A browser is sent here, and reads no response.
        from_pages=False,
    ),
    _open(
        "authenticate",
        "POST",
        "/device/login/authenticate",
        complete_login,
        {200: "LoggedIn"},
        takes="LoginReturn",
        refuses=(
            "denied",
            "unreachable",
            "identity_withdrawn",
            "wrong_state",
            "deadline_passed",
            "too_many_bindings",
        ),
    ),
    _open(
        "logOut",
        "POST",
        "/device/login/logout/{app_space}",
        log_out,
        NOTHING,
        takes="LoggedOut",
        accepts=Payload.FORM,
        refuses=("not_found",),
        # An Identity Provider calls.
        from_pages=False,
    ),
)
