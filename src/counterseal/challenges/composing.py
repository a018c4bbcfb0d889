"""Composing: a new challenge's record, display document and matching code."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from counterseal import keys
from counterseal.machines import CHALLENGE
from counterseal.models import Account, Challenge, Guid, Question, RelyingParty
from counterseal.models.guid import LUCK_BYTES, account_partition, mint
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.wire.display import display_document, display_text

CODE_DIGITS = 6
"""NIST SP 800-63B-4, 3.1.3.2: six digits."""

CODE_LUCK_BYTES = 16
"""So many more than six digits need that no code is noticeably likelier than another."""


@attrs.frozen(kw_only=True)
class Issued:
    """
    A challenge that was issued.

    Attributes:
        code: What the origin has to show to the person; None if no code is asked for.
    """

    challenge: Challenge
    code: str | None = attrs.field(default=None, repr=False)


def new_guid(ports: Ports, party: RelyingParty, question: Question) -> Guid:
    """Return a GUID in the partition of the account that is asked."""
    partition = account_partition(party.app_space.guid, question.account_id)
    return mint(partition, ports.entropy.token(LUCK_BYTES))


def new_code(ports: Ports) -> str:
    """Return six random digits."""
    luck = int.from_bytes(ports.entropy.token(CODE_LUCK_BYTES))
    return f"{luck % 10**CODE_DIGITS:0{CODE_DIGITS}}"


def new_challenge(
    ports: Ports,
    policy: Policy,
    party: RelyingParty,
    question: Question,
    account: Account,
    *,
    guid: Guid,
    life: timedelta,
    code: str | None,
    now: datetime,
) -> Challenge:
    """
    Return the record of a new challenge; the display document is made here, once.

    Raises:
        InvalidField: I-JSON cannot hold a member.
        SealBroken: The sealer is out of reach.
    """
    deadline = now + life
    display = display_text(
        display_document(
            question,
            challenge=guid,
            app_space=party.app_space,
            origin=party.origin,
            account=account,
            code_asked=code is not None,
            issued_at=now,
            deadline=deadline,
        )
    )
    return Challenge(
        guid=guid,
        state=CHALLENGE.initial,
        app_space=party.app_space.guid,
        origin=party.origin.guid,
        account=account.guid,
        display=display,
        display_hash=keys.digest(display.encode()),
        buttons=question.buttons,
        transaction_id=question.transaction_id,
        callback=question.callback,
        callback_states=party.origin.callback_states,
        notification_title=question.notification_title,
        notification_body=question.notification_body,
        show_notification=question.show_notification,
        show_code=question.show_code,
        code_asked=code is not None,
        sealed_code=b"" if code is None else ports.sealer.seal(code.encode(), _context(guid)),
        issued_at=now,
        deadline=deadline,
        keep_until=deadline + policy.retention,
    )


def opened_code(ports: Ports, challenge: Challenge) -> str:
    """
    Return the matching code of *challenge*; empty if it asks for none.

    Raises:
        SealBroken: The sealer cannot open it.
    """
    if not challenge.sealed_code:
        return ""
    return ports.sealer.open(challenge.sealed_code, _context(challenge.guid)).decode()


def reissued(ports: Ports, challenge: Challenge) -> Issued:
    """
    Return what the first call with an idempotency key returned.

    Raises:
        SealBroken: The sealer cannot open the code.
    """
    return Issued(challenge=challenge, code=opened_code(ports, challenge) or None)


def _context(challenge: Guid) -> str:
    return f"code:{challenge}"
