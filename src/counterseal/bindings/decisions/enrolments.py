"""Enrolments: whether an invited device's keys complete its binding."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from counterseal import keys
from counterseal._input_limits import addresses_fit, app_fits, text_fits
from counterseal._plan import AuditEntry, Decision, Records, Tools, records, records_beside, require
from counterseal.accounts.decisions.account_events import (
    NewAccountEvent,
    build_account_events,
    device_bound_event,
    device_revoked_events,
)
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import InviterDemand, replace_binding, with_binding
from counterseal.bindings.documents.enrolment import (
    BIND_TYP,
    Enrolment,
    InvitationTarget,
    OfferedKey,
    bind_claims,
)
from counterseal.bindings.rules.evidence import (
    CompletionFacts,
    Evidence,
    PeekFacts,
    allows_key,
    invitation_usable,
    keys_possessed,
    split_token,
    token_matches,
)
from counterseal.errors import (
    BindingInactive,
    InvalidField,
    KeysIncomplete,
    MalformedToken,
    NotPossessed,
    TokenSpent,
    UnfitKey,
    WrongToken,
)
from counterseal.machines import step
from counterseal.models import (
    Account,
    AddressKind,
    AppSpace,
    Binding,
    BindingState,
    Company,
    DeviceKey,
    Guid,
    KeyChange,
    Occasion,
    Origin,
    Passkey,
    PasskeyUse,
    Record,
    Role,
    replace,
    revise,
)
from counterseal.models.guid import parse
from counterseal.models.passkeys import scope_of
from counterseal.outbox.decisions.outbox import build_notifications, build_replacement_notifications
from counterseal.policy import Policy
from counterseal.tenancy.rules.authorization import OriginPermission, require_origin_role

Completed: TypeAlias = tuple[Binding, Account, AppSpace, Company]
"""A completed binding, its account, its App Space, and the company of that."""


@attrs.define
class Offer:
    """
    New keys, each checked by itself, and a proof of possession for each, not verified yet.

    Attributes:
        has_passkeys: Whether one of them is a passkey.
    """

    keys: tuple[DeviceKey, ...]
    possession: tuple[Evidence, ...]
    has_passkeys: bool = False


def read_keys(offered_keys: tuple[OfferedKey, ...], typ: str, policy: Policy) -> Offer:
    """Check each key that a device offers; their proofs are tokens of type *typ*."""
    if len(offered_keys) > 1 + policy.strong_keys_limit:
        raise KeysIncomplete("more than the policy allows")
    offer = Offer((), ())
    for index, offered in enumerate(offered_keys):
        field = f"keys[{index}].jwk"
        passkey = _offered_passkey(offered, policy, f"keys[{index}].credentialId")
        key = keys.public_key(
            offered.jwk, algorithms=policy.algorithms, field=field, passkey=passkey
        )
        proof = keys.read(offered.proof, limit=policy.token_bytes)
        offer.keys += (DeviceKey(role=offered.role, key=key),)
        offer.possession += (Evidence(proof, key, typ),)
        offer.has_passkeys |= passkey is not None
    return offer


def _demand_allowed(offer: Offer, policy: Policy) -> None:
    """Refuse keys that the service allows, and the policy of the App Space does not."""
    if not all(allows_key(policy, device_key.key) for device_key in offer.keys):
        raise UnfitKey("alg: not an allowed algorithm")


def _offered_passkey(offered: OfferedKey, policy: Policy, field: str) -> Passkey | None:
    """Return the passkey of an offered key, which is pinned to nothing yet."""
    if offered.credential_id is None:
        return None
    if offered.role is not Role.STRONG or policy.passkeys is PasskeyUse.REFUSE:
        raise UnfitKey("a passkey, which may be a strong key only, and by the policy")
    try:
        size = len(keys.unb64url(offered.credential_id))
    except MalformedToken:
        size = 0
    if not 1 <= size <= keys.CREDENTIAL_ID_LIMIT:
        raise InvalidField(field, f"not base64url of 1 to {keys.CREDENTIAL_ID_LIMIT} bytes")
    return Passkey(
        rp_id_hash="", origins=(), backup_eligible=False, credential_id=offered.credential_id
    )


def pin_passkeys(offer: Offer, app_space: AppSpace | None, policy: Policy) -> Offer:
    """
    Return *offer* with its passkeys pinned to where the App Space uses them.

    Whether one may be copied is as its own proof says, which is verified with it.

    Raises:
        NotPossessed: *app_space* is None: the keys have signed for another one.
        UnfitKey: Neither App Space nor policy say where passkeys are used.
        MalformedAssertion: A proof is no assertion.
    """
    if not offer.has_passkeys:
        return offer
    if app_space is None:
        raise NotPossessed
    scope = app_space.passkeys or scope_of(policy.passkey_origin)
    if scope is None:
        raise UnfitKey("a passkey, and no web origin is set for them")
    pinned = Offer((), ())
    for device_key, evidence in zip(offer.keys, offer.possession, strict=True):
        key = device_key.key
        if key.passkey is not None:
            claimed_parts = keys.read_assertion(evidence.jws.signature)
            passkey = replace(
                key.passkey,
                rp_id_hash=keys.digest(scope.rp_id.encode()),
                origins=scope.origins,
                backup_eligible=claimed_parts.backup_eligible,
            )
            key = replace(key, passkey=passkey)
        pinned.keys += (replace(device_key, key=key),)
        pinned.possession += (Evidence(evidence.jws, key, evidence.typ),)
    return pinned


def read_offer(enrolment: Enrolment, policy: Policy) -> Offer:
    """Check what a device brings to complete its binding, before anything is read."""
    text_fits(enrolment.name, policy.name_bytes, "name", empty=True)
    addresses_fit(enrolment.addresses, policy)
    app_fits(enrolment.platform, enrolment.app_version, enrolment.language)
    for index, key in enumerate(enrolment.keys):
        if key.endorsement is not None:
            raise InvalidField(f"keys[{index}].endorsement", "of a rotation only")
    return read_keys(enrolment.keys, BIND_TYP, policy)


def claimed_app_spaces(offer: Offer) -> tuple[Guid, ...]:
    """
    Return the App Space that the first key's proof names; nothing if that is no GUID.

    It is not verified, and allows reading it early: `complete` decides whether it is right.
    """
    if not offer.possession:
        return ()
    try:
        return (parse(offer.possession[0].jws.claimed.get("aud"), field="aud"),)
    except InvalidField:
        return ()


async def peek(
    stored: Records,
    tools: Tools,
    secret: str,
    find_companies: Callable[[Guid], tuple[Guid, ...]],
) -> Decision[InvitationTarget]:
    """
    Decide to return the App Space that a session token is for, and its company.

    Args:
        stored: The binding and its account.
        find_companies: Returns the GUID of an App Space's company; nothing if it is not known.
    """
    binding, account = stored
    if not isinstance(binding, Binding):
        raise WrongToken
    facts = PeekFacts(now=tools.now, binding=binding, secret=secret)
    # Before anything that would tell a stranger what became of the invitation.
    token_matches(facts)
    invitation_usable(facts)
    invitee = require(account, Account) if binding.state is BindingState.INVITED else None
    app_space_guid = binding.app_space
    target = await records(app_space_guid, *find_companies(app_space_guid))
    app_space = require(target[0], AppSpace)
    (company,) = await records_beside(target, app_space.company)
    return Decision(
        result=InvitationTarget(
            app_space=app_space, company=require(company, Company), account=invitee
        )
    )


async def complete(
    stored: Records,
    tools: Tools,
    enrolment: Enrolment,
    offer: Offer,
    *,
    served_kinds: frozenset[AddressKind],
    demand_inviter: InviterDemand,
) -> Decision[Completed]:
    """
    Decide whether the offered keys complete the binding that the session token names.

    Args:
        stored: The binding and its account, then the App Space that is claimed, its company, the
            origin that is expected to have invited, and at the end what is replaced; each if it is
            known.
    """
    record, account_record, *other_records = stored
    replaced = None if enrolment.replaces is None else other_records.pop()
    if not isinstance(record, Binding):
        raise WrongToken
    binding, account = record, require(account_record, Account)
    app_space = _app_space_of(binding, other_records)
    if app_space is not None:
        tools = tools.within(app_space)
    facts = CompletionFacts(
        now=tools.now,
        policy=tools.policy,
        account=account,
        binding=binding,
        app_space=app_space,
        secret=split_token(enrolment.token)[1],
        keys=offer.keys,
        possession=offer.possession,
        expected=bind_claims(
            enrolment.token, binding.app_space, offer.keys, replaces=enrolment.replaces
        ),
        replaces=enrolment.replaces,
        replaced=replaced,
    )
    # Before anything that would tell a stranger what became of the invitation.
    token_matches(facts)
    if offer.has_passkeys:
        offer = pin_passkeys(offer, facts.app_space, tools.policy)
        facts = replace(facts, keys=offer.keys, possession=offer.possession)
    if binding.enrolled:
        _demand_same_keys(facts)
        bound_space = require(app_space, AppSpace)
        (company,) = await records_beside(other_records, bound_space.company)
        return Decision(result=(binding, account, bound_space, require(company, Company)))
    _demand_allowed(offer, tools.policy)
    state = step(BINDING, binding.state, BindingEvent.COMPLETE, facts)
    inviter_guids = () if binding.origin is None else (binding.origin,)
    company_guid = require(app_space, AppSpace).company
    company, *inviters = await records_beside(other_records, company_guid, *inviter_guids)
    for inviter in inviters:
        # A thief of an agent's key may have invited before the operator changed the role.
        require_origin_role(require(inviter, Origin), OriginPermission.USERS)
    await demand_inviter(binding, tools)
    return _write_completion(
        tools, facts, enrolment, state, served_kinds, company=require(company, Company)
    )


def _write_completion(
    tools: Tools,
    facts: CompletionFacts,
    enrolment: Enrolment,
    state: BindingState,
    served_kinds: frozenset[AddressKind],
    *,
    company: Company,
) -> Decision[Completed]:
    """Decide what becomes of the records once *state* is decided."""
    binding, account, replaced = facts.binding, facts.account, facts.replaced
    is_active = state is BindingState.ACTIVE
    completed_binding = revise(
        binding,
        state=state,
        deadline=binding.deadline if is_active else tools.now + tools.policy.confirmation_life,
        enrolled=_fingerprint(facts.keys),
        replaces=enrolment.replaces,
        session=None if is_active else binding.session,
        name=enrolment.name,
        platform=enrolment.platform,
        app_version=enrolment.app_version,
        language=enrolment.language,
        keys=facts.keys,
        addresses=enrolment.addresses,
        key_changes=key_changes(facts.keys, tools),
        bound_at=tools.now if is_active else None,
        last_seen_at=tools.now,
    )
    devices = with_binding(account.devices, completed_binding, tools.now)
    notifications = build_notifications(
        tools,
        served_kinds,
        account,
        Occasion.DEVICE_BOUND if is_active else Occasion.DEVICE_UNCONFIRMED,
        binding.guid,
        now=tools.now,
        ends_at=None if is_active else completed_binding.deadline,
    )
    writes: tuple[Record, ...] = (completed_binding,)
    audit = [AuditEntry(binding.guid, actor=binding.guid)]
    new_events: tuple[NewAccountEvent, ...] = (
        (device_bound_event(account, binding.guid),) if is_active else ()
    )
    if is_active and isinstance(replaced, Binding):
        ended, entry = replace_binding(replaced, tools.now, binding.guid)
        devices = with_binding(devices, ended, tools.now)
        writes = (*writes, ended)
        notifications += build_replacement_notifications(
            tools, served_kinds, account, replaced.guid
        )
        audit.append(entry)
        new_events += device_revoked_events(replaced)
    updated_account, events = build_account_events(
        tools, revise(account, devices=devices, mailed_link=None), *new_events
    )
    return Decision(
        result=(completed_binding, updated_account, require(facts.app_space, AppSpace), company),
        writes=(*writes, updated_account, *notifications, *events),
        audit=tuple(audit),
        wakes=(account.guid,) if len(writes) > 1 else (),
    )


def key_changes(new_keys: tuple[DeviceKey, ...], tools: Tools) -> tuple[KeyChange, ...]:
    """Return the lines of key history that say that a device has *new_keys* from now on."""
    return tuple(
        KeyChange(at=tools.now, role=key.role, thumbprint=key.key.thumbprint) for key in new_keys
    )


def _demand_same_keys(facts: CompletionFacts) -> None:
    """Refuse a repeat with other keys than completed the binding, or that replaces another."""
    if facts.replaces != facts.binding.replaces:
        raise TokenSpent
    if not keys.constant_time_equal(facts.binding.enrolled, _fingerprint(facts.keys)):
        raise TokenSpent
    keys_possessed(facts)
    if facts.binding.state not in {BindingState.ACTIVE, BindingState.UNCONFIRMED}:
        raise BindingInactive


def _fingerprint(device_keys: tuple[DeviceKey, ...]) -> str:
    lines = sorted(f"{key.role.value} {key.key.kid} {key.key.thumbprint}" for key in device_keys)
    return keys.digest("\n".join(lines).encode())


def _app_space_of(binding: Binding, stored: list[Record | None]) -> AppSpace | None:
    """Return the binding's App Space, if the keys have signed for it."""
    for record in stored:
        if isinstance(record, AppSpace) and record.guid == binding.app_space:
            return record
    return None
