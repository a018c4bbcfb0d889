"""Invitations: a user gets a device bound, for the first time, again, or in place of a lost one."""

from __future__ import annotations

import attrs

import counterseal as cs
from counterseal.errors import CredentialRefused, Refused
from counterseal.models import AppSpace
from counterseal_portal.answers import Answer, Step, page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.form_pages import FormPage, form_routes, values_of
from counterseal_portal.forms import Field, FilledForm
from counterseal_portal.pages.accounts import (
    ACCOUNT,
    DEVICE,
    account_subject,
    account_trail,
    device_subject,
    load_account,
    may_invite,
)
from counterseal_portal.reach import app_space_of, app_space_step, app_space_trail
from counterseal_portal.refusals import error_page
from counterseal_portal.rendering import qr_code
from counterseal_portal.visit import Visit

STEP_UP = "Make an invitation for an account"
CONSEQUENCES = (
    "The next page shows a new link and its QR code, once, for a few minutes.",
    "The person who opens it first binds a device to this account, and can answer for it.",
    "Make sure who it is before you hand it over.",
)
ACCOUNT_ID = Field(
    name="account_id",
    label="Account id",
    hint="The customer number or user name by which the origin knows this person, exactly.",
    required=True,
    meant_by=("accountId",),
)
USER_INFO = Field(
    name="user_info",
    label="Name",
    hint="Shown to you and your colleagues. Empty: as it is.",
    meant_by=("userInfo",),
)


def _invitation_page(
    visit: Visit,
    invitation: cs.Invitation,
    title: str,
    trail: tuple[Step, ...],
    *,
    notice: str = "",
) -> Answer:
    link = bind_link(visit, invitation)
    return page(
        "invitation.html",
        title=title,
        trail=trail,
        notice=notice,
        link=link,
        code=qr_code(link),
        deadline=invitation.deadline,
        back=f"/accounts/{invitation.account.guid}",
    )


def bind_link(visit: Visit, invitation: cs.Invitation) -> str:
    """Return the link of an invitation, which a device opens."""
    return visit.service.bind_link(invitation, display_name=invitation.account.account_id)


def _renew(visit: Visit) -> Answer:
    invitation = visit.service.invitations.renew(visit.guid("device"), by=visit.admin)
    return _invitation_page(visit, invitation, "New invitation", account_trail(invitation.account))


def _require_inviter(visit: Visit, app_space: AppSpace) -> None:
    """Refuse a page that leads to an invitation, as the use case refuses the invitation."""
    refusal = visit.service.invitations.refusal_for(app_space, by=visit.admin)
    if refusal is not None:
        raise refusal


def inviting_subject(visit: Visit) -> Subject:
    """
    Return the account that the path names, whose user the person may invite.

    Raises:
        Refused: The use case refuses the person all users of the account's App Space.
    """
    subject = account_subject(visit)
    account, _ = load_account(visit)
    _require_inviter(visit, visit.tenancy.get(account.app_space, AppSpace))
    return subject


def _invite(visit: Visit) -> Answer:
    account, _ = load_account(visit)
    invitation = visit.service.invitations.invite_as_admin(
        account.app_space, account.account_id, by=visit.admin
    )
    return _invitation_page(visit, invitation, "New invitation", account_trail(account))


def _lost_subject(visit: Visit) -> Subject:
    subject = device_subject(visit)
    account, _ = load_account(visit)
    app_space = visit.tenancy.get(account.app_space, AppSpace)
    if may_invite(visit, app_space):
        return attrs.evolve(
            subject, consequences=CONSEQUENCES, button="Revoke it, and invite the new phone"
        )
    return attrs.evolve(subject, consequences=(_way_back(app_space),))


def _way_back(app_space: AppSpace) -> str:
    """Return how a person gets another device without an invitation from here."""
    if app_space.idp is not None:
        return "For the new phone, the person logs in at the Identity Provider."
    return "For the new phone, the person logs in where the account was made, and is invited there."


def _report_lost(visit: Visit) -> Answer:
    """Revoke a lost device first, and then invite another one, where the person may do so."""
    account, _ = load_account(visit)
    app_space = visit.tenancy.get(account.app_space, AppSpace)
    service, trail = visit.service, account_trail(account)
    back = f"/accounts/{account.guid}"
    service.devices.revoke(visit.guid("device"), by=visit.admin)
    if not may_invite(visit, app_space):
        return page(
            "lost_device.html",
            title="The device is revoked",
            trail=trail,
            notice="",
            text=_way_back(app_space),
            back=back,
        )
    try:
        invitation = service.invitations.invite_as_admin(
            app_space.guid, account.account_id, by=visit.admin
        )
    except CredentialRefused:
        raise
    except (Refused, cs.Unavailable) as error:
        answer = error_page(error, back)
        text = f"The device is revoked. There is no invitation yet: {answer.context['text']}"
        return attrs.evolve(answer, context={**answer.context, "text": text, "back": back})
    return _invitation_page(
        visit,
        invitation,
        "Invitation for the new phone",
        trail,
        notice="The lost device is revoked.",
    )


def _new_user(visit: Visit) -> FormPage:
    app_space = app_space_of(visit)
    _require_inviter(visit, app_space)
    return FormPage(
        title="Invite a person",
        intro=(
            (
                "The next page shows a link and its QR code, once, for a few minutes. The person"
                " who opens it first binds a device to this account, and can answer for it: make"
                " sure who it is before you hand it over."
            ),
            "If there is no account with this id, it is created.",
        ),
        fields=(ACCOUNT_ID, USER_INFO),
        values=values_of(account_id=visit.query.get(ACCOUNT_ID.name)),
        button="Make the invitation",
        back=f"/accounts?app_space={app_space.guid}",
        trail=(*app_space_trail(visit, app_space), app_space_step(app_space)),
    )


def _invite_user(visit: Visit, form: FilledForm) -> Answer:
    invitation = visit.service.invitations.invite_as_admin(
        visit.guid("app_space"),
        form.text(ACCOUNT_ID.name),
        user_info=form.text(USER_INFO.name) or None,
        by=visit.admin,
    )
    created = invitation.account_created
    return _invitation_page(
        visit,
        invitation,
        "New invitation",
        account_trail(invitation.account),
        notice="The account is created." if created else "There was an account with this id.",
    )


COMMANDS = (
    Command(
        id="account.invite",
        path=f"{ACCOUNT}/invite",
        title="Invite this person?",
        consequences=(
            *CONSEQUENCES,
            "Devices that the account has go on as before.",
        ),
        button="Make the invitation",
        load_subject=inviting_subject,
        perform=_invite,
        done="",
        danger=True,
        stepped_up=STEP_UP,
    ),
    Command(
        id="account.renew_invitation",
        path=f"{DEVICE}/renew",
        title="Invite this person again?",
        consequences=(*CONSEQUENCES, "The earlier link no longer works."),
        button="Make the invitation",
        load_subject=device_subject,
        perform=_renew,
        done="",
        danger=True,
        stepped_up=STEP_UP,
    ),
    Command(
        id="account.lost_device",
        path=f"{DEVICE}/lost",
        title="Is this phone lost?",
        consequences=(
            "This cannot be undone: the device can never act again for this account.",
            "Other devices of the account go on as before, and are told of it.",
            "A link that was mailed to this person no longer works: the phone may show the mail.",
            "What the person is asked stays open. Withdraw what they did not start.",
        ),
        button="Revoke the device",
        load_subject=_lost_subject,
        perform=_report_lost,
        done="",
        danger=True,
        stepped_up="Revoke a lost device of an account, and invite another one",
    ),
)

INVITATION_ROUTES = (
    *form_routes(
        "app_space.invite",
        "/app-spaces/{app_space}/invite",
        _new_user,
        _invite_user,
        fields=(ACCOUNT_ID, USER_INFO),
        query=(ACCOUNT_ID.name,),
        stepped_up=STEP_UP,
    ),
    *(route for command in COMMANDS for route in command_routes(command)),
)
