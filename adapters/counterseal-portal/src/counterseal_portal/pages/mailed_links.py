"""Mailed links: one is made for a user, who opens a page by it that gets one fresh invitation."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import attrs

import counterseal as cs
from counterseal.errors import Refused
from counterseal.models import AppSpace
from counterseal_portal.answers import MOUNT, Answer, Mail, Secret, Step, page, secret_page
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.forms import fill
from counterseal_portal.link_lives import LINK_LIFE, chosen_life, life_field, usual_life
from counterseal_portal.login import field
from counterseal_portal.pages.accounts import ACCOUNT, account_subject, load_account
from counterseal_portal.pages.invitations import bind_link, inviting_subject
from counterseal_portal.refusals import log_refusal
from counterseal_portal.rendering import qr_code, time_text
from counterseal_portal.routes import Route
from counterseal_portal.visit import Visit

INVITATION = "/invitation"
SECRET = "link"  # noqa: S105 (the name of a field)
"""The field with the link's secret; in the address it is the fragment, which no server log has."""


@attrs.frozen
class LinkProblem:
    """Why a link gets no invitation, and what the person can do."""

    text: str
    advice: str


ASK_AGAIN = "Ask the sender for a newer one."
UNKNOWN = LinkProblem(
    "This link was used already, was replaced by a newer one, or is too old.",
    f"{ASK_AGAIN} If you have not used this one, somebody else may have: say so.",
)
"""Of a link whose secret is wrong: the page says nothing of the account."""
PROBLEMS: Mapping[str, LinkProblem] = {
    "wrong_token": UNKNOWN,
    "deadline_passed": LinkProblem("This link is too old.", ASK_AGAIN),
    "account_locked": LinkProblem("Your account is locked, so no device can be added.", ASK_AGAIN),
    "too_many_bindings": LinkProblem(
        "Your account has as many devices and invitations as it may have.",
        "Nobody has used this link. Open it again in some minutes, when an invitation has ended, or"
        " have a device removed and ask for a newer link.",
    ),
}
"""By the code of the refusal."""
REFUSED = LinkProblem("This link can no longer be used.", ASK_AGAIN)


def _links_of(visit: Visit) -> cs.MailedLinks:
    return cs.MailedLinks(visit.service.ports, visit.service.policy)


def _mailing_subject(visit: Visit) -> Subject:
    longest = visit.service.policy.mailed_link_life
    return attrs.evolve(
        inviting_subject(visit),
        fields=(life_field(longest),),
        values={LINK_LIFE.name: usual_life(longest)},
    )


def _make(visit: Visit) -> Answer:
    subject = _mailing_subject(visit)
    account, _ = load_account(visit)
    issued = _links_of(visit).make(
        account.app_space,
        account.account_id,
        life=chosen_life(fill(subject.fields, visit.body)),
        by=visit.admin,
    )
    app_space = visit.tenancy.get(account.app_space, AppSpace)
    address = f"{visit.service.settings.public_url}{MOUNT}{INVITATION}#{issued.token}"
    end_time = time_text(issued.deadline)
    *trail, step = subject.trail
    return secret_page(
        title="Link to mail",
        intro=(
            (
                "This is the only time that the link is shown. Send it to an address of which you"
                " know that it is this person's: the first person who reads the mail can bind a"
                " device to this account."
            ),
            f"It works once, until {end_time}.",
        ),
        secrets=(Secret("Link", address, is_secret=True),),
        mail=_mail(visit, app_space, address, end_time),
        continue_to=Step(step.label, step.path),
        trail=tuple(trail),
        button="I have sent it",
    )


def _mail(visit: Visit, app_space: AppSpace, address: str, end_time: str) -> Mail:
    host = urlsplit(visit.service.settings.public_url).netloc
    return Mail(
        f"Your device for {app_space.name}",
        (
            f"With this link you add your device to {app_space.name}:",
            "",
            address,
            "",
            f"It leads to {host}, and works once, until {end_time}.",
            "If you did not expect this mail, or the link says that it was used already, tell us.",
        ),
    )


def show_link(_: Visit) -> Answer:
    """Show what the link is for; only pressing the button uses it up, so no scanner does."""
    return page("mailed_link.html", problem=None)


def redeem(visit: Visit) -> Answer:
    """Use the link up, and show the invitation that it gets."""
    try:
        invitation = _links_of(visit).redeem(field(visit.body, SECRET))
    except Refused as refusal:
        log_refusal(refusal)
        problem = PROBLEMS.get(refusal.code, REFUSED)
        return page("mailed_link.html", HTTPStatus.FORBIDDEN, problem=problem)
    link = bind_link(visit, invitation)
    return page(
        "mailed_invitation.html",
        app_space=invitation.app_space,
        link=link,
        code=qr_code(link),
        deadline=invitation.deadline,
    )


MAIL = Command(
    id="account.mail_link",
    path=f"{ACCOUNT}/mail-link",
    title="Make a link to mail to this person?",
    consequences=(
        "The next page shows a link, once, and a text to mail.",
        "The link opens a page that gets one fresh invitation, once.",
        "A newer link, a new device, a revoked one or a lock of the account ends it.",
        "The first person who reads the mail binds a device to this account, and answers for it.",
        "If that is too little, have new devices confirmed in the App Space.",
    ),
    button="Make the link",
    fields=(LINK_LIFE,),
    load_subject=_mailing_subject,
    perform=_make,
    done="",
    danger=True,
    stepped_up="Make a link to mail for an account",
)

END = Command(
    id="account.end_link",
    path=f"{ACCOUNT}/end-link",
    title="End the link that was mailed to this person?",
    consequences=(
        "The link no longer works. A new one can be made.",
        "An invitation that somebody has got by the link stays open until its deadline.",
    ),
    button="End the link",
    load_subject=account_subject,
    perform=lambda visit: _links_of(visit).end(visit.guid("account"), by=visit.admin),
    done="link-ended",
    danger=True,
)

MAILED_LINK_ROUTES = (*command_routes(MAIL), *command_routes(END))
"""What administrators do."""

PUBLIC_ROUTES = (
    Route(id="invitation.link", method="GET", path=INVITATION, handler=show_link, public=True),
    Route(
        id="invitation.redeem",
        method="POST",
        path=INVITATION,
        handler=redeem,
        fields=(SECRET,),
        public=True,
    ),
)
"""What users do, who have no account here."""
