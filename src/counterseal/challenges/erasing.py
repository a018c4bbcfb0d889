"""
Erasing: everything personal of one account is taken out of the records, in one commit.

What is left are GUIDs, times and states, so that the audit log still says what happened.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import datetime

import attrs

from counterseal import keys
from counterseal._decisions.endings import end
from counterseal._transaction import Transactions, events_of, wake
from counterseal.authority import authorize, name_of
from counterseal.bindings.strikes import ended
from counterseal.decisions import Act, Decision, read, settle, tools_of
from counterseal.errors import NotFound, Unavailable
from counterseal.machines import BINDING, CHALLENGE, BindingEvent, ChallengeEvent, step
from counterseal.models import (
    LIVING,
    Account,
    Administrator,
    AuditEvent,
    Binding,
    CancelReason,
    Challenge,
    Change,
    Guid,
    History,
    Outcome,
)
from counterseal.models.guid import account_partition, partition_of
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import Deed
from counterseal.rules.facts import Cancelling
from counterseal.usecases.revalidation import remove_alias, revoke_grant

ENTROPY_BYTES = 16
"""Nobody can take the id beforehand that an erased account gets."""


@attrs.frozen
class Erasure:
    """Erasing accounts."""

    ports: Ports
    policy: Policy

    def erase(self, account: Guid, *, by: Administrator) -> Account:
        """
        Erase an account: its user is unknown from now on, and may be invited anew as another.

        Its devices are revoked and what it is asked is cancelled, without a callback.
        Keys, names, addresses and texts are taken out of these records at once.
        What had ended before can no longer be read or delivered, and leaves the store when its
        retention is over.
        An Identity Provider is told that it will not be asked about the user again; if it
        cannot be told, the grant is forgotten here all the same.

        Returns:
            What is left of the account.

        Raises:
            NotFound: There is no such account, or it has been erased.
            Foreign: It is out of the administrator's reach.
            RoleLacking: It is User Support, and an Identity Provider identifies the users.
            Unavailable: A port failed.
        """
        act = Act(event="account.erase", actor=name_of(by), subject=account)
        erased, cancelled, held = settle(
            self.ports, self.policy, act, lambda: self._erased(account, by, act)
        )
        for guid in cancelled:
            wake(self.ports, guid)
        revoke_grant(self.ports, held)
        with suppress(Unavailable):
            # What is left of it names nobody: a hash, and the GUID of an account that was.
            remove_alias(Transactions(self.ports, self.policy), held)
        return erased

    def _erased(
        self, guid: Guid, by: Administrator, act: Act
    ) -> Decision[tuple[Account, tuple[Guid, ...], Account]]:
        account = read(self.ports.store, guid, Account)
        authorize(self.ports, by, Deed.REMOVE_USERS, account)
        if account.erased_at is not None:
            raise NotFound
        now = self.ports.clock.now()
        event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=guid)
        audit, changes = [event], []
        for binding in self.ports.store.bindings(guid):
            changes.append(Change(binding, _blank_binding(binding, now)))
            if binding.state in LIVING:
                audit.append(attrs.evolve(event, event="binding.revoke", subject=binding.guid))
        pending = self.ports.store.pending(guid)
        for challenge in pending:
            change, told = self._cancelled(challenge, account, act.actor, now)
            changes.append(change)
            audit.append(told)
        blank = attrs.evolve(
            account,
            version=account.version + 1,
            account_id=_new_id(account, keys.b64url(self.ports.entropy.token(ENTROPY_BYTES))),
            user_info="",
            subject="",
            sealed_grant=b"",
            vouched_at=None,
            locked_at=now,
            erased_at=now,
            devices=(),
            history=History(),
            receipts=0,
            receipt_hash="",
        )
        return Decision(
            changes=(*changes, Change(account, blank)),
            audit=tuple(audit),
            result=(blank, tuple(challenge.guid for challenge in pending), account),
        )

    def _cancelled(
        self, challenge: Challenge, account: Account, actor: str, now: datetime
    ) -> tuple[Change, AuditEvent]:
        late = now >= challenge.deadline
        tools = tools_of(self.ports, self.policy)
        ending = end(
            tools,
            attrs.evolve(challenge, callback=None),
            account.history,
            step(
                CHALLENGE,
                challenge.state,
                ChallengeEvent.EXPIRE if late else ChallengeEvent.CANCEL,
                Cancelling(now=now, challenge=challenge, origin=challenge.origin),
            ),
            Outcome(at=now, reason=CancelReason.ERASED),
            reason=CancelReason.ERASED.value,
        )
        blank = attrs.evolve(
            ending.challenge,
            display="{}",
            display_hash="",
            buttons=(),
            transaction_id=None,
            notification_title=None,
            notification_body=None,
        )
        context = Act(event="account.erase", actor=actor)
        (event,) = events_of((ending.entry,), context, now)
        return Change(challenge, blank), event


def _new_id(account: Account, luck: str) -> str:
    # The partition of an account follows from its id, and its GUID stays.
    for number in itertools.count():
        account_id = f"erased:{luck}.{number}"
        if account_partition(account.app_space, account_id) == partition_of(account.guid):
            break
    return account_id


def _blank_binding(binding: Binding, now: datetime) -> Binding:
    over = attrs.evolve(binding, version=binding.version + 1)
    if binding.state in LIVING:
        state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
        over = ended(binding, state, now)
    return attrs.evolve(
        over,
        token_hash=b"",
        sealed_token=b"",
        enrolled="",
        name="",
        keys=(),
        addresses=(),
        key_changes=(),
    )
