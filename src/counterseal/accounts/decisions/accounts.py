"""
Accounts: what origins and administrators learn of users, and how they lock, revoke and erase them.

An account that has been erased is not there for anybody; what is left of it are GUIDs, times and
states, so that the audit log still says what happened.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from counterseal import keys
from counterseal._input_limits import text_fits
from counterseal._plan import (
    AuditEntry,
    Decision,
    DecisionCoroutine,
    Records,
    Tools,
    account_of,
    bindings_of,
    pending_of,
    require,
    require_account,
    require_known,
    store,
)
from counterseal.accounts.decisions.account_events import (
    NewAccountEvent,
    build_account_events,
    device_revoked_events,
)
from counterseal.accounts.records import Account, History
from counterseal.accounts.rules import (
    CancellationFacts,
    has_answering_device,
    own_app_space,
    without_dead_invitations,
)
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import end_binding
from counterseal.bindings.records import LIVING, Binding
from counterseal.challenges.chart import CHALLENGE, ChallengeEvent
from counterseal.challenges.decisions.ended_challenges import end_challenge
from counterseal.challenges.records import CancelReason, Challenge, Outcome
from counterseal.machines import step
from counterseal.models import Record, replace, revise
from counterseal.models.events import AccountEventKind
from counterseal.models.guid import Guid, account_partition, partition_of
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.records import Administrator, AppSpace, Origin
from counterseal.tenancy.rules.authorization import Permission

R = TypeVar("R")

ERASED_ID_BYTES = 16
"""Nobody can take the id beforehand that an erased account gets."""


def get(account: Account | None, _: Tools) -> Decision[Account]:
    """Decide what is learned of an account that was read by its id."""
    return Decision(result=require_known(account))


def get_by_guid(stored: Records, _: Tools, origin: Origin) -> Decision[Account]:
    """Decide what *origin* learns of an account that was read by its GUID."""
    account = require(stored[0], Account)
    own_app_space(origin, account)
    return Decision(result=require_account(account))


def has_device(account: Account | None, _: Tools) -> Decision[bool]:
    """Decide whether there is an account with a device that answers."""
    return Decision(result=account is not None and has_answering_device(account))


async def list_devices(account: Account | None, tools: Tools) -> Decision[tuple[Binding, ...]]:
    """Decide to list every device that the account ever had, and its open invitations."""
    if account is None:
        return Decision(result=())
    bindings = await bindings_of(account.guid)
    return Decision(result=without_dead_invitations(bindings, tools.now))


async def revoke(account: Account | None, tools: Tools) -> Decision[Account]:
    """Decide to revoke all devices and open invitations of an account."""
    known_account = require_known(account)
    bindings = await bindings_of(known_account.guid)
    living = [binding for binding in bindings if binding.state in LIVING]
    revoked_bindings = tuple(_revoke_binding(binding, tools.now) for binding in living)
    new_events = [new_event for binding in living for new_event in device_revoked_events(binding)]
    updated_account, events = build_account_events(
        tools, revise(known_account, devices=(), mailed_link=None), *new_events
    )
    return Decision(
        result=updated_account,
        writes=(*revoked_bindings, updated_account, *events),
        audit=(
            AuditEntry(known_account.guid),
            *(AuditEntry(binding.guid, "binding.revoke") for binding in revoked_bindings),
        ),
    )


async def find(
    stored: Records, tools: Tools, by: Administrator, account_id: str
) -> Decision[Account]:
    """Decide to return to an administrator the account that an App Space knows by *account_id*."""
    app_space = require(stored[0], AppSpace)
    await permission_to(Permission.USERS, by, app_space)
    text_fits(account_id, tools.policy.account_id_bytes, "accountId")
    return Decision(result=require_known(await account_of(app_space.guid, account_id)))


async def administer(
    stored: Records,
    tools: Tools,
    by: Administrator,
    permission: Permission,
    decide: Callable[[Account, Tools], Decision[R] | DecisionCoroutine[R]],
) -> Decision[R]:
    """Decide on an account, if *by* has *permission* for it."""
    account = require(stored[0], Account)
    await permission_to(permission, by, account)
    step = decide(require_account(account), tools)
    return step if isinstance(step, Decision) else await step


async def get_with_devices(
    account: Account, _: Tools
) -> Decision[tuple[Account, tuple[Binding, ...]]]:
    """Decide to return an account with every binding that it ever had."""
    return Decision(result=(account, await bindings_of(account.guid)))


def lock(account: Account, tools: Tools) -> Decision[Account]:
    """Decide that an account is locked: it is neither asked nor answers, and no device binds."""
    locked_account = revise(account, locked_at=tools.now)
    if account.locked_at is not None:
        return store(locked_account, locked_account)
    return _store(tools, locked_account, AccountEventKind.LOCKED)


def unlock(account: Account, tools: Tools) -> Decision[Account]:
    """Decide that an account is unlocked, and its wrong codes are forgotten."""
    history = replace(account.history, wrong_codes=0)
    # Nothing that was mailed before the lock gets anybody a device after it.
    unlocked_account = revise(account, locked_at=None, history=history, mailed_link=None)
    if account.locked_at is None:
        return store(unlocked_account, unlocked_account)
    return _store(tools, unlocked_account, AccountEventKind.UNLOCKED)


async def erase(account: Account, tools: Tools) -> Decision[tuple[Account, Account]]:
    """
    Decide to take everything personal of an account out of the records, in one commit.

    Returns:
        What is left of the account, and the account as it was.
    """
    bindings = await bindings_of(account.guid)
    challenges = await pending_of(account.guid)
    writes: list[Record] = []
    audit = [AuditEntry(account.guid)]
    for binding in bindings:
        writes.append(_erase_binding(binding, account, tools.now))
        if binding.state in LIVING:
            audit.append(AuditEntry(binding.guid, "binding.revoke"))
    for challenge in challenges:
        erased_challenge, entry = _erase_challenge(tools, challenge)
        writes.append(erased_challenge)
        audit.append(entry)
    erased_account = revise(
        account,
        account_id=_erased_id(account, keys.b64url(tools.entropy(ERASED_ID_BYTES))),
        user_info="",
        subject="",
        sealed_grant=b"",
        confirmed_at=None,
        locked_at=tools.now,
        erased_at=tools.now,
        devices=(),
        mailed_link=None,
        history=History(),
        receipts=0,
        receipt_hash="",
    )
    erased_account, events = build_account_events(
        tools, erased_account, NewAccountEvent(AccountEventKind.ERASED)
    )
    return Decision(
        result=(erased_account, account),
        writes=(*writes, erased_account, *events),
        audit=tuple(audit),
        wakes=tuple(challenge.guid for challenge in challenges),
    )


def _store(tools: Tools, account: Account, kind: AccountEventKind) -> Decision[Account]:
    updated_account, events = build_account_events(tools, account, NewAccountEvent(kind))
    decision = store(updated_account, updated_account)
    decision.writes += events
    return decision


def _revoke_binding(binding: Binding, now: datetime) -> Binding:
    state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
    return end_binding(binding, state, now)


def _erase_binding(binding: Binding, account: Account, now: datetime) -> Binding:
    ended = _revoke_binding(binding, now) if binding.state in LIVING else revise(binding)
    if ended.sessions_end_at is not None:
        ended = replace(ended, admin=Guid(account.account_id))
    return replace(
        ended,
        token_hash=b"",
        sealed_token=b"",
        enrolled="",
        name="",
        platform="",
        app_version="",
        language="",
        last_seen_at=None,
        keys=(),
        addresses=(),
        key_changes=(),
        confirmation="",
    )


def _erase_challenge(tools: Tools, challenge: Challenge) -> tuple[Challenge, AuditEntry]:
    late = tools.now >= challenge.deadline
    ended = end_challenge(
        tools,
        # Its origin gets no callback: it would name the user.
        replace(challenge, callback=None, channel=None),
        History(),
        step(
            CHALLENGE,
            challenge.state,
            ChallengeEvent.EXPIRE if late else ChallengeEvent.CANCEL,
            CancellationFacts(now=tools.now, challenge=challenge, origin=challenge.origin),
        ),
        Outcome(at=tools.now, reason=CancelReason.ERASED),
        reason=CancelReason.ERASED.value,
    )
    erased_challenge = replace(
        ended.challenge,
        display="{}",
        display_hash="",
        buttons=(),
        transaction_id=None,
        notification_title=None,
        notification_body=None,
        submission=None,
    )
    return erased_challenge, ended.entry


def _erased_id(account: Account, random_text: str) -> str:
    # The partition of an account follows from its id, and its GUID stays.
    for number in itertools.count():
        account_id = f"erased:{random_text}.{number}"
        if account_partition(account.app_space, account_id) == partition_of(account.guid):
            break
    return account_id
