"""Accounts: support staff find a user, and help with devices and questions."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import attrs

from counterseal.errors import Foreign, InvalidField, NotFound
from counterseal.models import Account, AdminRole, AppSpace, Binding, Challenge, Guid
from counterseal.models.guid import parse
from counterseal.wire.visible import Name
from counterseal_portal.account_rows import (
    LIVING,
    DeviceRow,
    QuestionRow,
    device_row,
    question_row,
    renewable_invitation,
)
from counterseal_portal.account_search import find_accounts, search_hint
from counterseal_portal.answers import Answer, Step, page, redirect
from counterseal_portal.confirmations import Command, Subject, command_routes
from counterseal_portal.names import names_of
from counterseal_portal.reach import (
    app_space_trail,
    app_spaces_of,
    named_app_spaces,
    tenants_of,
)
from counterseal_portal.refusals import log_refusal
from counterseal_portal.rendering import second_text
from counterseal_portal.routes import Route
from counterseal_portal.visit import DONE, Visit, notice_of

ACCOUNT = "/accounts/{account}"
DEVICE = f"{ACCOUNT}/devices/{{device}}"


@attrs.frozen
class AccountRow:
    """One account in a list."""

    account: Account
    devices: int
    open: int
    state: str


def search(visit: Visit) -> Answer:
    """Find accounts by a part of the origin's own id, or one by the GUID that is in logs."""
    term, chosen, problem = visit.query.get("q", "").strip(), visit.query.get("app_space", ""), ""
    app_spaces = _searched(app_spaces_of(visit), chosen)
    accounts: tuple[Account, ...] = ()
    next_page: dict[str, str] = {}
    heading = ""
    if term:
        try:
            guid = _guid_of_account(visit, term)
            if guid is not None:
                return redirect(f"/accounts/{guid}")
            guids = tuple(each.guid for each in app_spaces)
            searched = (parse(chosen, field="app_space"),) if chosen else guids
            found_accounts = find_accounts(visit, searched, term, AT_ONCE)
        except InvalidField as refusal:
            log_refusal(refusal)
            problem = refusal.problem
        else:
            accounts = found_accounts.accounts
            heading = "with this in their ids" if found_accounts.by_part else "that begin like this"
            problem = "" if accounts else found_accounts.problem
            if found_accounts.next_terms:
                next_page = {"q": term, "app_space": chosen, **found_accounts.next_terms}
    now = visit.service.ports.clock.now()
    named_spaces = named_app_spaces(visit, app_spaces)
    has_several = len(named_spaces) > 1 and not chosen
    return page(
        "accounts.html",
        title="Accounts",
        trail=(),
        notice=notice_of(visit),
        search_hint=search_hint(visit.service.accounts),
        heading=heading,
        app_spaces=named_spaces,
        app_space_names={each.guid: each.name for each in named_spaces} if has_several else {},
        chosen=chosen,
        term=term,
        problem=problem,
        rows=tuple(_account_row(each, now) for each in accounts),
        next_address=f"/accounts?{urlencode(next_page)}" if next_page else "",
        is_first="after" not in visit.query and "at" not in visit.query,
        invite_address=_invite_address(visit, app_spaces, chosen, "" if accounts else term),
    )


AT_ONCE = 50
"""Accounts of one page."""


def _account_row(account: Account, now: datetime) -> AccountRow:
    state = "Locked" if account.locked_at is not None else ""
    open_questions = sum(now < each.deadline for each in account.history.open)
    return AccountRow(account, len(account.bound_devices), open_questions, state)


def _invite_address(
    visit: Visit, app_spaces: tuple[AppSpace, ...], chosen: str, account_id: str
) -> str:
    """Return the page that invites a user of the App Space that is searched; empty for none."""
    guids = {chosen} if chosen else {each.guid for each in app_spaces}
    inviting = [each for each in app_spaces if each.guid in guids and may_invite(visit, each)]
    if len(guids) != 1 or not inviting:
        return ""
    query = f"?{urlencode({'account_id': account_id})}" if account_id else ""
    return f"/app-spaces/{inviting[0].guid}/invite{query}"


def _guid_of_account(visit: Visit, term: str) -> Guid | None:
    """Return *term* if it is the GUID of an account within reach; else None."""
    try:
        guid = parse(term, field="q")
    except InvalidField:
        return None
    try:
        visit.service.accounts.get_with_devices(guid, by=visit.admin)
    except (NotFound, Foreign) as refusal:
        log_refusal(refusal)
        return None
    return guid


def _searched(app_spaces: tuple[AppSpace, ...], chosen: str) -> tuple[AppSpace, ...]:
    """Return the App Spaces to choose from: the tenants', and any that was chosen already."""
    tenants = tenants_of(app_spaces)
    return (*tenants, *(each for each in app_spaces if each.guid == chosen and each not in tenants))


def show_account(visit: Visit) -> Answer:
    """Show an account, its devices, and what its person was asked."""
    account, bindings = load_account(visit)
    app_space = visit.tenancy.get(account.app_space, AppSpace)
    challenges = visit.service.challenges.list_of_account(account.guid, by=visit.admin)
    ports, policy = visit.service.ports, visit.service.policy
    renewable = renewable_invitation(bindings, ports.clock.now(), policy.renewal_window)
    if app_space.reserved:
        renewable = None  # an administrator's own, which nobody else makes again
    rows = tuple(
        device_row(
            binding,
            may_invite=binding.guid == renewable,
            may_be_lost=not app_space.reserved,
        )
        for binding in bindings
    )
    questions = _question_rows(visit, challenges, rows)
    return page(
        "account.html",
        title=Name(account.account_id),
        trail=(*app_space_trail(visit, app_space), Step("Accounts", "/accounts")),
        notice=notice_of(visit),
        account=account,
        app_space=app_space,
        may_remove=visit.admin.role is not AdminRole.SUPPORT or app_space.idp is None,
        may_invite=may_invite(visit, app_space) and account.locked_at is None,
        questions=questions,
        hides_content=visit.admin.role is AdminRole.SUPPORT
        and any(not row.title for row in questions),
        is_revocable=any(binding.state in LIVING for binding in bindings),
        living=tuple(row for row in rows if row.is_of_use),
        ended=tuple(row for row in rows if not row.is_of_use),
    )


def _question_rows(
    visit: Visit, challenges: tuple[Challenge, ...], devices: tuple[DeviceRow, ...]
) -> tuple[QuestionRow, ...]:
    names = names_of(visit, {each.origin for each in challenges})
    origins = {guid: record_name.name for guid, record_name in names.items()}
    return tuple(question_row(each, origins, devices) for each in challenges)


def load_account(visit: Visit) -> tuple[Account, tuple[Binding, ...]]:
    """
    Return the account that the path names, and its bindings.

    Raises:
        NotFound: There is none.
        Foreign: It is out of the person's reach.
    """
    return visit.service.accounts.get_with_devices(visit.guid("account"), by=visit.admin)


def may_invite(visit: Visit, app_space: AppSpace) -> bool:
    """Return whether the person may invite a user of *app_space*, as the use case decides it."""
    role_may = visit.admin.role is not AdminRole.SUPPORT or visit.service.policy.support_invites
    return role_may and app_space.idp is None and not app_space.reserved


def account_subject(visit: Visit) -> Subject:
    """Return the account that the path names, as a confirmation shows it."""
    account, bindings = load_account(visit)
    app_space = visit.tenancy.get(account.app_space, AppSpace)
    living = sum(binding.state in LIVING for binding in bindings)
    return Subject(
        name=Name(account.account_id),
        details=(("App Space", app_space.name), ("Devices and invitations", str(living))),
        back=f"/accounts/{account.guid}",
        trail=account_trail(account),
    )


def device_subject(visit: Visit) -> Subject:
    """Return the device that the path names, as a confirmation shows it."""
    account, bindings = load_account(visit)
    guid = visit.guid("device")
    for binding in bindings:
        if binding.guid == guid:
            row = device_row(binding)
            return Subject(
                name=row.name,
                details=(("Account", Name(account.account_id)), *row.facts),
                back=f"/accounts/{account.guid}",
                trail=account_trail(account),
            )
    raise NotFound


def _question_subject(visit: Visit) -> Subject:
    account, bindings = load_account(visit)
    guid = visit.guid("question")
    challenges = visit.service.challenges.list_of_account(account.guid, by=visit.admin)
    for row in _question_rows(visit, challenges, tuple(map(device_row, bindings))):
        challenge = row.challenge
        if challenge.guid == guid:
            details = (
                ("Account", Name(account.account_id)),
                ("Asked by", row.origin),
                ("Asked", f"{second_text(challenge.issued_at)} UTC"),
                ("State", row.state),
                ("Answered by then at the latest", f"{second_text(challenge.deadline)} UTC"),
                ("What it says", row.content),
            )
            return Subject(
                name=row.title or row.kind,
                details=tuple((label, text) for label, text in details if text),
                back=f"/accounts/{account.guid}",
                trail=account_trail(account),
            )
    raise NotFound


def account_trail(account: Account) -> tuple[Step, ...]:
    """Return the pages above those of an account's commands."""
    step = Step(Name(account.account_id), f"/accounts/{account.guid}")
    return (Step("Accounts", "/accounts"), step)


COMMANDS = (
    Command(
        id="account.lock",
        path=f"{ACCOUNT}/lock",
        title="Lock this account?",
        consequences=(
            "The person is not asked any more, and cannot answer what is open.",
            "No device can be bound to the account.",
            "Devices stay bound, and work again once you unlock the account.",
        ),
        button="Lock the account",
        load_subject=account_subject,
        perform=lambda visit: visit.service.accounts.lock(visit.guid("account"), by=visit.admin),
        done="account-locked",
        danger=True,
    ),
    Command(
        id="account.unlock",
        path=f"{ACCOUNT}/unlock",
        title="Unlock this account?",
        consequences=(
            "The person can be asked and can answer again, from all devices that are active.",
            "Wrong codes so far are forgotten.",
            "Make sure first that the reason why it was locked is over.",
        ),
        button="Unlock the account",
        load_subject=account_subject,
        perform=lambda visit: visit.service.accounts.unlock(visit.guid("account"), by=visit.admin),
        done="account-unlocked",
    ),
    Command(
        id="account.revoke",
        path=f"{ACCOUNT}/revoke",
        title="Revoke all devices of this account?",
        consequences=(
            "No device of the account can ever act again, and open invitations no longer work.",
            "The person needs a new invitation from the origin, or a new log-in, for each device.",
            "What the person was asked stays open until its deadline, and nobody can answer it.",
        ),
        button="Revoke all devices",
        load_subject=account_subject,
        perform=lambda visit: visit.service.accounts.revoke_all(
            visit.guid("account"), by=visit.admin
        ),
        done="devices-revoked",
        danger=True,
        stepped_up="Revoke all devices of an account",
    ),
    Command(
        id="account.erase",
        path=f"{ACCOUNT}/erase",
        title="Erase this account?",
        consequences=(
            "This cannot be undone: keys, names, addresses and texts are deleted at once.",
            "All devices are revoked, and what the person is being asked is withdrawn.",
            "Receipts that origins have stay valid, and still name the account.",
        ),
        button="Erase the account",
        load_subject=lambda visit: attrs.evolve(account_subject(visit), after="/accounts"),
        perform=lambda visit: visit.service.accounts.erase(visit.guid("account"), by=visit.admin),
        done="account-erased",
        danger=True,
        stepped_up="Erase an account",
    ),
    Command(
        id="account.suspend_device",
        path=f"{DEVICE}/suspend",
        title="Suspend this device?",
        consequences=(
            "The device gets no questions, and can answer none.",
            "Its keys stay, so that it works again once you resume it.",
            "Other devices of the account go on as before.",
        ),
        button="Suspend the device",
        load_subject=device_subject,
        perform=lambda visit: visit.service.devices.suspend(visit.guid("device"), by=visit.admin),
        done="device-suspended",
        danger=True,
    ),
    Command(
        id="account.resume_device",
        path=f"{DEVICE}/resume",
        title="Resume this device?",
        consequences=("The device gets questions again, and its answers count.",),
        button="Resume the device",
        load_subject=device_subject,
        perform=lambda visit: visit.service.devices.resume(visit.guid("device"), by=visit.admin),
        done="device-resumed",
    ),
    Command(
        id="account.revoke_device",
        path=f"{DEVICE}/revoke",
        title="Revoke this device?",
        consequences=(
            "This cannot be undone: the device can never act again for this account.",
            "An invitation that is revoked no longer works.",
            "Other devices of the account go on as before, and are told of it.",
        ),
        button="Revoke the device",
        load_subject=device_subject,
        perform=lambda visit: visit.service.devices.revoke(visit.guid("device"), by=visit.admin),
        done="device-revoked",
        danger=True,
        stepped_up="Revoke a device of an account",
    ),
    Command(
        id="account.withdraw_question",
        path=f"{ACCOUNT}/questions/{{question}}/withdraw",
        title="Withdraw this question?",
        consequences=(
            "The person can no longer answer it: their devices say that it was withdrawn.",
            "The origin learns that it was cancelled, as for any question that ends.",
            "The origin can ask again. Lock the account if nobody is to be asked.",
        ),
        button="Withdraw the question",
        load_subject=_question_subject,
        perform=lambda visit: visit.service.challenges.withdraw(
            visit.guid("question"), by=visit.admin
        ),
        done="question-withdrawn",
        danger=True,
    ),
)

ACCOUNT_ROUTES = (
    Route(
        id="account.search",
        method="GET",
        path="/accounts",
        handler=search,
        query=("q", "app_space", "at", "after", DONE),
    ),
    Route(
        id="account.show",
        method="GET",
        path=ACCOUNT,
        handler=show_account,
        query=(DONE,),
    ),
    *(route for command in COMMANDS for route in command_routes(command)),
)
