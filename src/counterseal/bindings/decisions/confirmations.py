"""
Confirmations: a device invites another of its account, and new devices are confirmed or refused.

A device decides by a token that its strong key signs over the new device's keys; a wrong signature
is a strike, as of an answer. An origin decides by the comparison code that its user reads out.
"""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal._plan import (
    AuditEntry,
    Decision,
    Records,
    Tools,
    records,
    require,
)
from counterseal.accounts.decisions.account_events import (
    build_account_events,
    device_bound_event,
    device_revoked_events,
)
from counterseal.accounts.rules import own_app_space
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import (
    InviterDemand,
    end_binding,
    replace_binding,
    with_binding,
)
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice
from counterseal.bindings.decisions.invitations import Invitation, Invitee, invite
from counterseal.bindings.decisions.strikes import count_strike
from counterseal.bindings.documents.confirmation import (
    CONFIRM_TYP,
    Choice,
    Confirmation,
    read_confirmation,
)
from counterseal.bindings.rules.confirmations import (
    ComparisonFacts,
    ConfirmationFacts,
    invitations_allowed,
    replaceable,
)
from counterseal.bindings.rules.evidence import Evidence
from counterseal.errors import Foreign, MalformedToken, WrongCode, WrongSignature, WrongState
from counterseal.keys import Jws
from counterseal.machines import step
from counterseal.models import (
    Account,
    AddressKind,
    Binding,
    BindingState,
    Guid,
    Occasion,
    RelyingParty,
    replace,
    revise,
)
from counterseal.outbox.decisions.outbox import (
    build_notifications,
    build_replacement_notifications,
    build_revocation_notifications,
)
from counterseal.policy import Policy


@attrs.define
class SubmittedConfirmation:
    """The confirmation in a call's body, read but not verified."""

    text: str
    jws: Jws
    confirmation: Confirmation

    @property
    def record_guid(self) -> Guid:
        """The new device that it is about."""
        return self.confirmation.binding


def read_submitted_confirmation(body: bytes, policy: Policy) -> SubmittedConfirmation:
    """Read the confirmation in a call's body."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise MalformedToken from None
    jws = keys.read(text, limit=policy.token_bytes)
    return SubmittedConfirmation(text, jws, read_confirmation(jws.claimed))


def invite_another(device: AuthenticatedDevice, tools: Tools) -> Decision[Invitation]:
    """Decide to invite one more device of the account on behalf of *device*."""
    account, tools = device.account, tools.within(device.app_space)
    invitations_allowed(tools.policy)
    invitee = Invitee(
        app_space=device.app_space,
        account_id=account.account_id,
        endorser=device.binding.guid,
    )
    return invite(account, tools, invitee)


async def list_unconfirmed(
    device: AuthenticatedDevice, tools: Tools
) -> Decision[tuple[Binding, ...]]:
    """Decide to list the new devices of the account that wait to be confirmed, oldest first."""
    guids = (
        entry.binding
        for entry in device.account.devices
        if entry.state is BindingState.UNCONFIRMED and tools.now < entry.deadline
    )
    bindings = tuple(
        binding
        for binding in await records(*guids)
        if isinstance(binding, Binding) and binding.state is BindingState.UNCONFIRMED
    )
    return Decision(result=bindings)


async def decide_by_device(
    device: AuthenticatedDevice,
    tools: Tools,
    submitted_confirmation: SubmittedConfirmation,
    *,
    served_kinds: frozenset[AddressKind],
    demand_inviter: InviterDemand,
) -> Decision[Binding]:
    """Decide whether a device's confirmation or refusal of a new device is accepted."""
    tools = tools.within(device.app_space)
    (record,) = device.others
    binding, confirmer, confirmation = (
        require(record, Binding),
        device.binding,
        submitted_confirmation.confirmation,
    )
    if binding.account != device.account.guid:
        raise Foreign
    if binding.confirmation and keys.constant_time_equal(
        binding.confirmation, submitted_confirmation.text
    ):
        return Decision(result=binding)
    replaced = await _replaced_by(binding)
    signer = confirmer.key_named(submitted_confirmation.jws.header.kid)
    if replaced is not None and replaced.guid == confirmer.guid:
        # What the device itself has signed is what becomes of it.
        replaced = None
    facts = ConfirmationFacts(
        now=tools.now,
        policy=tools.policy,
        account=device.account,
        binding=binding,
        confirmer=confirmer,
        replaced=replaced,
        proving=device.proving,
        confirmation=confirmation,
        signature=Evidence(
            submitted_confirmation.jws, None if signer is None else signer.key, CONFIRM_TYP
        ),
        signer=signer,
    )
    refuses = confirmation.choice is Choice.REFUSE
    event = BindingEvent.REFUSE if refuses else BindingEvent.CONFIRM
    try:
        state = step(BINDING, binding.state, event, facts)
    except WrongSignature:
        # By a strong key: the rules refuse any other before they look at the signature.
        return count_strike(tools, served_kinds, facts.striking, device.account, binding)
    ending = _Ending(binding, confirmer.guid, submitted_confirmation.text)
    if refuses:
        return _reject(tools, device.account, ending, state, served_kinds, by=confirmer)
    moved = confirmer if confirmation.choice is Choice.MOVE else None
    ending.replaced = replaced
    await demand_inviter(binding, tools)
    return _activate(tools, device.account, ending, state, served_kinds, moved=moved, by=confirmer)


async def decide_by_origin(
    stored: Records,
    tools: Tools,
    party: RelyingParty,
    code: str,
    *,
    served_kinds: frozenset[AddressKind],
    demand_inviter: InviterDemand,
) -> Decision[Binding]:
    """Decide whether an origin's comparison code activates a new device."""
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    own_app_space(party.origin, binding)
    facts = ComparisonFacts(
        now=tools.now,
        policy=tools.policy,
        account=account,
        binding=binding,
        code=code,
    )
    origin = party.origin.guid
    if binding.state is BindingState.ACTIVE and binding.confirmer == origin:
        # Wrong codes are counted no more, so the refusal says what the state says.
        if not facts.is_right:
            raise WrongState("it was confirmed, by another comparison code")
        return Decision(result=binding)
    facts = replace(facts, replaced=await _replaced_by(binding))
    try:
        state = step(BINDING, binding.state, BindingEvent.COMPARE, facts)
    except WrongCode as refusal:
        return _count_wrong_code(tools, facts, served_kinds, refusal)
    ending = _Ending(binding, origin, replaced=facts.replaced)
    await demand_inviter(binding, tools)
    return _activate(tools, account, ending, state, served_kinds)


async def _replaced_by(binding: Binding) -> Binding | None:
    """Return the device that *binding* replaces, if it replaces one."""
    if binding.replaces is None:
        return None
    return require((await records(binding.replaces))[0], Binding)


@attrs.define
class _Ending:
    """
    The decision on a new device: who has decided, and by which token, if by one.

    The device that it replaces may have ended before, and then stays as it is.
    """

    binding: Binding
    confirmer: Guid
    token: str = ""
    replaced: Binding | None = None


def _activate(
    tools: Tools,
    account: Account,
    ending: _Ending,
    state: BindingState,
    served_kinds: frozenset[AddressKind],
    *,
    moved: Binding | None = None,
    by: Binding | None = None,
) -> Decision[Binding]:
    """Activate a new device; *moved* is the device that it replaces, *by* the one that signed."""
    now = tools.now
    binding = revise(
        ending.binding,
        state=state,
        confirmer=ending.confirmer,
        confirmation=ending.token,
        session=None,
        bound_at=now,
    )
    devices = with_binding(account.devices, binding, now)
    writes: tuple[Binding, ...] = (binding,)
    guards: tuple[Binding, ...] = ()
    audit = [AuditEntry(binding.guid)]
    new_events = [device_bound_event(account, binding.guid)]
    replaced = ending.replaced
    if replaced is not None and not replaceable(replaced):
        replaced = None
    for old in (moved, replaced):
        if old is not None:
            ended, entry = replace_binding(old, now, "")
            devices = with_binding(devices, ended, now)
            writes = (*writes, ended)
            audit.append(entry)
            new_events += device_revoked_events(old)
    if moved is None and by is not None:
        if by.strikes:
            # The right strong key forgives wrong ones, as an answer does.
            writes = (*writes, revise(by, strikes=0))
        else:
            guards = (by,)
    updated_account, events = build_account_events(
        tools, revise(account, devices=devices, mailed_link=None), *new_events
    )
    notifications = build_notifications(
        tools, served_kinds, updated_account, Occasion.DEVICE_BOUND, binding.guid, now=now
    )
    if moved is not None:
        notifications += build_notifications(
            tools, served_kinds, updated_account, Occasion.DEVICE_REVOKED, moved.guid, now=now
        )
    if replaced is not None:
        notifications += build_replacement_notifications(
            tools, served_kinds, account, replaced.guid
        )
    return Decision(
        result=binding,
        writes=(*writes, updated_account, *notifications, *events),
        guards=guards,
        audit=tuple(audit),
        wakes=(account.guid,),
    )


def _reject(
    tools: Tools,
    account: Account,
    ending: _Ending,
    state: BindingState,
    served_kinds: frozenset[AddressKind],
    *,
    by: Binding,
) -> Decision[Binding]:
    ended = end_binding(ending.binding, state, tools.now)
    binding = replace(ended, confirmer=ending.confirmer, confirmation=ending.token)
    devices = with_binding(account.devices, binding, tools.now)
    notifications = build_revocation_notifications(tools, served_kinds, account, binding.guid)
    return Decision(
        result=binding,
        writes=(binding, revise(account, devices=devices), *notifications),
        guards=(by,),
        audit=(AuditEntry(binding.guid, "binding.refuse"),),
    )


def _count_wrong_code(
    tools: Tools, facts: ComparisonFacts, served_kinds: frozenset[AddressKind], refusal: WrongCode
) -> Decision[Binding]:
    binding, account = facts.binding, facts.account
    state = step(BINDING, binding.state, BindingEvent.MISCOMPARE, facts)
    wrong_codes = binding.wrong_codes + 1
    entry = AuditEntry(binding.guid, "binding.miscompare", refusal.code)
    if state is not BindingState.REVOKED:
        counted = revise(binding, wrong_codes=wrong_codes)
        return Decision(
            result=counted, writes=(counted,), guards=(account,), audit=(entry,), refusal=refusal
        )
    ended = replace(end_binding(binding, state, tools.now), wrong_codes=wrong_codes)
    devices = with_binding(account.devices, ended, tools.now)
    notifications = build_revocation_notifications(tools, served_kinds, account, binding.guid)
    return Decision(
        result=ended,
        writes=(ended, revise(account, devices=devices), *notifications),
        audit=(entry, AuditEntry(binding.guid, "binding.revoke", refusal.code)),
        refusal=refusal,
    )
