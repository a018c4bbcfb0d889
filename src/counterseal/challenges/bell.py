"""The bell: the push after a commit, on which nothing depends."""

from __future__ import annotations

from datetime import timedelta

import attrs

from counterseal.bindings.roster import enlisted
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import Refused, Unavailable
from counterseal.models import (
    Account,
    AuditEvent,
    Bell,
    Binding,
    BindingState,
    Challenge,
    Change,
    Guid,
    News,
    PushAddress,
    PushResult,
)
from counterseal.policy import Policy
from counterseal.ports import Ports


def ring(ports: Ports, policy: Policy, account: Account, challenge: Challenge) -> None:
    """Ring at the account's active devices; what fails is recorded and changes nothing."""
    active = [device for device in account.devices if device.state is BindingState.ACTIVE]
    addresses = tuple(address for device in active for address in device.addresses)
    wake(ports, account.guid)
    try:
        if addresses and challenge.show_notification:
            outcomes = ports.notifier.push(addresses, _bell(ports, policy, challenge))
            _record(ports, challenge, "")
            gone = {
                address
                for address, outcome in zip(addresses, outcomes, strict=True)
                if outcome.result is PushResult.GONE
            }
            for device in active:
                dead = frozenset(device.addresses) & gone
                if dead:
                    _bury(ports, policy, device.binding, dead)
    except (Unavailable, Refused) as failure:
        _record(ports, challenge, failure.code)


def wake(ports: Ports, guid: Guid) -> None:
    """Wake whoever waits for *guid* inside, if the port answers."""
    try:
        ports.wake.ring(guid)
    except Unavailable:
        # Whoever waits looks at the store when its patience ends.
        return


def _bell(ports: Ports, policy: Policy, challenge: Challenge) -> Bell:
    return Bell(
        guid=challenge.guid,
        news=News.CHALLENGE,
        subject=challenge.guid,
        account=challenge.account,
        title=challenge.notification_title or policy.notification_title,
        body=challenge.notification_body or policy.notification_body,
        life=max(challenge.deadline - ports.clock.now(), timedelta(0)),
        timeout=policy.callback_timeout,
    )


def _record(ports: Ports, challenge: Challenge, reason: str) -> None:
    event = AuditEvent(
        at=ports.clock.now(),
        event="challenge.push",
        actor=challenge.origin,
        subject=challenge.guid,
        reason=reason,
    )
    try:
        ports.audit.record(event)
    except Unavailable:
        # The challenge stands, and its own event was recorded with it.
        return


def _bury(ports: Ports, policy: Policy, device: Guid, dead: frozenset[PushAddress]) -> None:
    act = Act(event="binding.address", actor="notifier", subject=device)

    def decide() -> Decision[None]:
        now = ports.clock.now()
        binding = read(ports.store, device, Binding)
        account = read(ports.store, binding.account, Account)
        left = tuple(address for address in binding.addresses if address not in dead)
        if left == binding.addresses:
            return Decision(result=None)
        changed = attrs.evolve(binding, version=binding.version + 1, addresses=left)
        event = AuditEvent(at=now, event=act.event, actor=act.actor, subject=device)
        return Decision(
            changes=(Change(binding, changed), Change(account, enlisted(account, changed, now))),
            audit=(event,),
            result=None,
        )

    settle(ports, policy, act, decide)
