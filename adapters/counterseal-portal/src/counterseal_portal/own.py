"""Own: the sessions, passkeys and devices of the person who is logged in."""

from __future__ import annotations

import segno
from markupsafe import Markup

from counterseal.errors import InvalidField, NotFound, WrongCode
from counterseal.models import BindingState
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.cookies import Cookie
from counterseal_portal.form_pages import FormPage, form_routes
from counterseal_portal.forms import Field, FilledForm, Kind, fill
from counterseal_portal.key_rows import key_details, key_rows
from counterseal_portal.login import cookie_of, logins_of
from counterseal_portal.passkeys import CREDENTIAL, created_passkey, creation_options
from counterseal_portal.refusals import log_refusal
from counterseal_portal.routes import Route
from counterseal_portal.session_rows import session_rows
from counterseal_portal.visit import DONE, Visit, notice_of

OWN = "/own"
ADD = "Add a passkey or a device to your account"
REMOVE = "Remove a passkey or a device of your account"

CODE = Field(
    name="code",
    label="Code on the device",
    hint="Capital letters, spaces and hyphens do not matter.",
    required=True,
)

OTHERS = Field(
    name="others",
    label="End all other sessions and open links, too",
    hint="You are then logged in in this browser only. Choose it if somebody else may have used"
    " what you remove.",
    kind=Kind.FLAG,
)


def show_own(visit: Visit) -> Answer:
    """Show where the person is logged in, and with what."""
    logins = logins_of(visit)
    keys = key_rows(logins.list_keys(visit.admin.guid))
    return page(
        "own.html",
        title="Your log-in",
        trail=(),
        notice=notice_of(visit),
        sessions=session_rows(logins.sessions.list(visit.admin.guid, by=visit.admin)),
        current="" if visit.visitor is None else visit.visitor.session,
        passkeys=[each for each in keys if not each.binding.answers],
        devices=[each for each in keys if each.binding.answers],
        csrf_token=_token(visit),
    )


def end_session(visit: Visit) -> Answer:
    """End one of the person's sessions or links."""
    logins, guid = logins_of(visit), visit.guid("session")
    if guid not in {each.guid for each in logins.sessions.list(visit.admin.guid, by=visit.admin)}:
        raise NotFound
    logins.sessions.revoke(guid, by=visit.admin)
    return redirect(OWN, **{DONE: "session-ended"})


def _key_subject(visit: Visit) -> Subject:
    guid = visit.guid("key")
    for row in key_rows(logins_of(visit).list_keys(visit.admin.guid)):
        if row.binding.guid == guid:
            return Subject(
                name=row.title,
                details=key_details(row),
                back=OWN,
                trail=(Step("Your log-in", OWN),),
            )
    raise NotFound


def _remove_key(visit: Visit) -> Answer | None:
    """Revoke one of the person's passkeys or devices, and end other sessions if that is chosen."""
    logins, cookie = logins_of(visit), cookie_of(visit, Cookie.SESSION)
    is_alone = fill(REMOVE_KEY.fields, visit.body).flag(OTHERS.name)
    if is_alone:
        # Before the passkey, since this session may be one that it has opened.
        logins.sessions.end_others(cookie)
    logins.revoke_key(cookie, visit.guid("key"))
    return redirect(OWN, **{DONE: "key-removed-alone"}) if is_alone else None


def _compare(visit: Visit) -> FormPage:
    guid = visit.guid("key")
    for binding in logins_of(visit).list_keys(visit.admin.guid):
        if binding.guid == guid and binding.state is BindingState.UNCONFIRMED:
            return FormPage(
                title="Confirm a device",
                intro=(
                    (
                        "The device shows a code. Enter it only if the device is in your hands,"
                        " and you have added it yourself: from then on it approves for you."
                    ),
                    "If you have not added it, go back and remove it.",
                ),
                fields=(CODE,),
                button="Confirm the device",
                back=OWN,
                trail=(Step("Your log-in", OWN),),
            )
    raise NotFound


def _confirm(visit: Visit, form: FilledForm) -> Answer:
    try:
        logins_of(visit).confirm_key(
            cookie_of(visit, Cookie.SESSION), visit.guid("key"), form.text("code")
        )
    except WrongCode as refusal:
        log_refusal(refusal)
        if not refusal.attempts_left:
            return redirect(OWN, **{DONE: "device-miscompared"})
        problem = f"not the code of the device; attempts left: {refusal.attempts_left}"
        raise InvalidField("code", problem) from None
    return redirect(OWN, **{DONE: "device-confirmed"})


def show_passkey(visit: Visit) -> Answer:
    """Begin a registration, which ends by itself if nobody finishes it."""
    started = logins_of(visit).start_registration(cookie_of(visit, Cookie.SESSION))
    return page(
        "register.html",
        title="Add a passkey",
        options=creation_options(started, visit.service.policy.algorithms),
        name=started.admin.name,
        action=f"{OWN}/passkey",
        problem="",
        csrf_token=_token(visit),
    )


def add_passkey(visit: Visit) -> Answer:
    """Register one more passkey."""
    logins_of(visit).register(cookie_of(visit, Cookie.SESSION), created_passkey(visit.body))
    return redirect(OWN, **{DONE: "passkey-added"})


def show_invitation(visit: Visit) -> Answer:
    """Invite a device of the person, and show the link as a QR code."""
    invitation = logins_of(visit).invite_device(cookie_of(visit, Cookie.SESSION))
    address = visit.service.bind_link(invitation, display_name=visit.admin.name)
    return page(
        "own_device.html",
        title="Add a device",
        trail=(),
        notice="",
        address=address,
        picture=qr_picture(address),
        deadline=invitation.deadline,
        back=OWN,
    )


def qr_picture(text: str) -> Markup:
    """Return *text* as a QR code in SVG, which needs no style of its own."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(border=4, light="#ffffff", dark="#000000", omitsize=True, svgclass="qr")
    return Markup(svg)  # noqa: S704 (drawn from squares; the text is not in it)


def _token(visit: Visit) -> str:
    return "" if visit.visitor is None else visit.visitor.csrf_token


REMOVE_KEY = Command(
    id="own.remove_key",
    path=f"{OWN}/keys/{{key}}/remove",
    title="Remove this passkey or device?",
    consequences=(
        (
            "You can no longer log in with it, and every session that it has opened ends: this one"
            " too, if you have logged in or confirmed with it here."
        ),
        "If it is the last one, another administrator has to make a link for you.",
    ),
    button="Remove it",
    load_subject=_key_subject,
    perform=_remove_key,
    done="key-removed",
    danger=True,
    stepped_up=REMOVE,
    fields=(OTHERS,),
)

OWN_ROUTES = (
    Route(id="own.show", method="GET", path=OWN, handler=show_own, query=(DONE,)),
    Route(
        id="own.end_session",
        method="POST",
        path=f"{OWN}/sessions/{{session}}/end",
        handler=end_session,
    ),
    *command_routes(REMOVE_KEY),
    *form_routes(
        "own.confirm_key",
        f"{OWN}/keys/{{key}}/confirm",
        _compare,
        _confirm,
        fields=(CODE,),
        stepped_up=ADD,
    ),
    Route(
        id="own.passkey",
        method="GET",
        path=f"{OWN}/passkey",
        handler=show_passkey,
        stepped_up=ADD,
    ),
    Route(
        id="own.add_passkey",
        method="POST",
        path=f"{OWN}/passkey",
        handler=add_passkey,
        fields=(CREDENTIAL,),
        stepped_up=ADD,
        confirmed_at=f"{OWN}/passkey",
    ),
    Route(
        id="own.device",
        method="POST",
        path=f"{OWN}/device",
        handler=show_invitation,
        stepped_up=ADD,
        confirmed_at=OWN,
    ),
)
