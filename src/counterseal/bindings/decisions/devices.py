"""Devices: new keys, new addresses, endorsed service keys, and how a device is stopped."""

from __future__ import annotations

from counterseal import ijson, keys
from counterseal._input_limits import addresses_fit, app_fits, text_fits
from counterseal._plan import AuditEntry, Decision, Records, Signing, Tools, require
from counterseal.accounts.decisions.account_events import NewAccountEvent, build_account_events
from counterseal.accounts.rules import own_app_space
from counterseal.bindings.chart import BINDING, BindingEvent
from counterseal.bindings.decisions.bindings import (
    revoke_binding,
    store_binding,
    suspend_or_resume_binding,
)
from counterseal.bindings.decisions.device_requests import AuthenticatedDevice
from counterseal.bindings.decisions.enrolments import key_changes, pin_passkeys, read_keys
from counterseal.bindings.decisions.strikes import count_strike
from counterseal.bindings.documents.enrolment import (
    ENDORSE_TYP,
    KEYSET_TYP,
    ROTATE_TYP,
    Update,
    keyset_claims,
    read_enrolment,
    read_update,
    rotation_claims,
)
from counterseal.bindings.rules.evidence import Evidence, RotationFacts
from counterseal.challenges.rules.answering import StrikeFacts
from counterseal.errors import InvalidField, NotEndorsed, Refused, WrongSignature
from counterseal.machines import step
from counterseal.models import (
    Account,
    AccountEventKind,
    AddressKind,
    Administrator,
    Authority,
    Binding,
    DeviceKey,
    KeyChange,
    PublicKey,
    RelyingParty,
    Role,
    replace,
    revise,
)
from counterseal.policy import Policy
from counterseal.tenancy.decisions.authorization import permission_to
from counterseal.tenancy.rules.authorization import Permission

KEY_CHANGES_LIMIT = 32
"""Lines of key history in a record and its receipts; the audit log has all of them."""

SUSPENSION_EVENTS = {
    BindingEvent.SUSPEND: AccountEventKind.SUSPENDED,
    BindingEvent.RESUME: AccountEventKind.RESUMED,
}
"""What origins hear of."""


def rotate(
    device: AuthenticatedDevice, tools: Tools, body: bytes, *, served_kinds: frozenset[AddressKind]
) -> Decision[Binding]:
    """
    Decide whether new keys replace those of the same role.

    A strike, where the device's strong key is named for an endorsement and did not sign it.
    """
    tools = tools.within(device.app_space)
    enrolment = read_enrolment(ijson.parse(body))
    offered = (enrolment.token, enrolment.name, enrolment.addresses, enrolment.replaces)
    app = (enrolment.platform, enrolment.app_version, enrolment.language)
    if any((*offered, *app)):
        raise InvalidField("rotation", "holds more than keys")
    binding, policy = device.binding, tools.policy
    offer = pin_passkeys(read_keys(enrolment.keys, ROTATE_TYP, policy), device.app_space, policy)
    roles = {key.role for key in offer.keys}
    facts = RotationFacts(
        proving=device.proving,
        policy=policy,
        binding=binding,
        account=device.account,
        keys=(*(key for key in binding.keys if key.role not in roles), *offer.keys),
        fresh=offer.keys,
        possession=offer.possession,
        endorsements=tuple(
            _read_endorsement(binding, key.endorsement, policy.token_bytes)
            for key in enrolment.keys
        ),
        expected=rotation_claims(binding.guid, binding.app_space, offer.keys),
    )
    try:
        state = step(BINDING, binding.state, BindingEvent.ROTATE, facts)
    except NotEndorsed:
        endorsement = _wrong_endorsement(facts)
        if endorsement is None:
            raise
        striking = StrikeFacts(
            proving=device.proving, policy=policy, binding=binding, answer=endorsement
        )
        return count_strike(tools, served_kinds, striking, device.account, binding)
    updated_binding = revise(
        binding,
        state=state,
        keys=facts.keys,
        key_changes=_limited((*binding.key_changes, *key_changes(offer.keys, tools)), facts.keys),
    )
    return store_binding(tools, device.account, updated_binding)


def read_changes(body: bytes, policy: Policy) -> Update:
    """Read what a device says of itself, and refuse what does not fit."""
    changes = read_update(ijson.parse(body))
    text_fits(changes.name, policy.name_bytes, "name", empty=True)
    addresses_fit(changes.addresses or (), policy)
    app_fits(changes.platform or "", changes.app_version or "", changes.language)
    return changes


def update(device: AuthenticatedDevice, tools: Tools, changes: Update) -> Decision[Binding]:
    """Decide on what a device says of itself; what *changes* leave out stays as it is."""
    binding = device.binding
    name = binding.name if changes.name is None else changes.name
    addresses = binding.addresses if changes.addresses is None else changes.addresses
    platform = binding.platform if changes.platform is None else changes.platform
    app_version = binding.app_version if changes.app_version is None else changes.app_version
    updated_binding = revise(
        binding, name=name, addresses=addresses, platform=platform, app_version=app_version
    )
    if changes.language not in {None, binding.language}:
        # Who has just chosen another language is at this device.
        updated_binding = replace(
            updated_binding, language=changes.language or "", last_seen_at=tools.now
        )
    return store_binding(tools, device.account, updated_binding)


def unbind(
    device: AuthenticatedDevice, tools: Tools, *, served_kinds: frozenset[AddressKind]
) -> Decision[Binding]:
    """Decide that a device revokes itself."""
    return revoke_binding(tools, device.account, device.binding, served_kinds)


def lock_account(device: AuthenticatedDevice, tools: Tools) -> Decision[Account]:
    """
    Decide that a device locks its account.

    The other devices are not notified: somebody who puts pressure on the person may hold one of
    them. Each learns at its next call that the account is locked.
    """
    new_event = NewAccountEvent(AccountEventKind.LOCKED, device=device.binding.guid)
    locked_account = revise(device.account, locked_at=tools.now)
    locked_account, events = build_account_events(tools, locked_account, new_event)
    return Decision(
        result=locked_account,
        writes=(locked_account, *events),
        guards=(device.binding,),
        audit=(AuditEntry(locked_account.guid),),
        wakes=(locked_account.guid,),
    )


async def endorse_keys(
    _: AuthenticatedDevice, tools: Tools, service_keys: tuple[PublicKey, ...]
) -> Decision[dict[str, str]]:
    """Sign the service's key set with each of its keys; the result has a signature for each kid."""
    payload = ijson.compact(keyset_claims(service_keys, tools.now))
    tokens: dict[str, str] = {}
    for key in service_keys:
        tokens[key.kid] = await Signing(typ=KEYSET_TYP, payload=lambda _: payload, issuer=key)
    return Decision(result=tokens)


async def suspend_or_resume(
    stored: Records, tools: Tools, by: Administrator, event: BindingEvent
) -> Decision[Binding]:
    """Decide that an administrator suspends or resumes a device."""
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    await permission_to(Permission.USERS, by, account)
    changed_binding = suspend_or_resume_binding(binding, event, Authority.STAFF, tools.now)
    new_event = NewAccountEvent(SUSPENSION_EVENTS[event], device=binding.guid)
    return store_binding(tools, account, changed_binding, (new_event,))


async def revoke(
    stored: Records,
    tools: Tools,
    by: RelyingParty | Administrator,
    *,
    served_kinds: frozenset[AddressKind],
) -> Decision[Binding]:
    """Decide that a device or an open invitation is revoked for good."""
    binding, account = require(stored[0], Binding), require(stored[1], Account)
    if isinstance(by, RelyingParty):
        own_app_space(by.origin, binding)
    else:
        await permission_to(Permission.USERS, by, account)
    return revoke_binding(tools, account, binding, served_kinds)


def _read_endorsement(binding: Binding, token: str | None, limit: int) -> Evidence:
    if token is None:
        raise NotEndorsed
    jws = keys.read(token, limit=limit)
    signer = binding.key_named(jws.header.kid)
    return Evidence(jws, None if signer is None else signer.key, ENDORSE_TYP)


def _wrong_endorsement(facts: RotationFacts) -> Evidence | None:
    """Return the first endorsement that names a strong key and has a wrong signature, or None."""
    strong_keys = [key.key for key in facts.binding.keys if key.role is Role.STRONG]
    for endorsement in facts.endorsements:
        try:
            endorsement.require()
        except WrongSignature:
            if endorsement.key in strong_keys:
                return endorsement
        except Refused:
            continue
    return None


def _limited(
    changes: tuple[KeyChange, ...], device_keys: tuple[DeviceKey, ...]
) -> tuple[KeyChange, ...]:
    """Return the newest lines, and those of keys that the device still has, however old."""
    current = {key.key.thumbprint for key in device_keys}
    older = changes[:-KEY_CHANGES_LIMIT]
    return (
        *(change for change in older if change.thumbprint in current),
        *changes[-KEY_CHANGES_LIMIT:],
    )
