"""Devices: bound, they prove themselves, rotate their keys, and can be suspended or revoked."""

from __future__ import annotations

from datetime import datetime

import attrs

from counterseal import ijson, keys
from counterseal._decisions.bindings import change_standing
from counterseal.authority import authorize, name_of
from counterseal.bindings.callers import Caller, Proven
from counterseal.bindings.enrolments import offered_key
from counterseal.bindings.news import revoked
from counterseal.bindings.roster import enlisted
from counterseal.bindings.strikes import ended, strike
from counterseal.decisions import Act, Decision, read, settle
from counterseal.errors import (
    InvalidField,
    KeysIncomplete,
    NotEndorsed,
    Refused,
    WrongSignature,
)
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import (
    Account,
    Administrator,
    AuditEvent,
    Authority,
    Binding,
    Change,
    DeviceCall,
    DeviceKey,
    Guid,
    KeyChange,
    RelyingParty,
    Role,
)
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.authorization import Deed
from counterseal.rules.facts import Evidence, Rotating, Striking
from counterseal.rules.sizes import addresses_fit, text_fits
from counterseal.rules.standing import own_app_space
from counterseal.wire.enrolment import (
    ENDORSE_TYP,
    ROTATE_TYP,
    Enrolment,
    Update,
    read_enrolment,
    read_update,
    rotation_claims,
)

KEY_CHANGES_KEPT = 32
"""Lines of key history in a record and its receipts; the audit log has all of them."""


@attrs.frozen
class Devices:
    """The life of a bound device."""

    ports: Ports
    policy: Policy

    def prove(self, call: DeviceCall) -> Proven:
        """
        Judge a device's call.

        Returns:
            The binding, its account and App Space, which the call is proven to come from.

        Raises:
            MalformedToken: The proof is not spelled as it should be.
            WrongDevice: There is no such device.
            Refused: The proof does not hold, was seen before, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "device.prove")
        act = Act(event="device.prove", actor=caller.device)
        return settle(self.ports, self.policy, act, lambda: Decision(result=caller.prove()))

    def rotate(self, call: DeviceCall) -> Binding:
        """
        Replace a device's keys; the body is an enrolment without a token.

        New keys of a role replace all old keys of it; the other role's stay.

        Raises:
            InvalidField: The body is malformed.
            UnfitKey: A key is weak, malformed or not allowed.
            KeysIncomplete: The device would not have one device key and at least one strong key,
                there are more than the policy allows, or one has the name of another.
            NotPossessed: A new key did not prove its possession.
            NotEndorsed: A new key is not signed by an old key of its role.
            StrongKeyMissed: The device's strong key did not endorse; says what is left.
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "binding.rotate")
        act = Act(event="binding.rotate", actor=caller.device, subject=caller.device)

        def decide() -> Decision[Binding]:
            proven = caller.prove()
            return self._rotated(proven, read_enrolment(ijson.parse(call.body)))

        return settle(self.ports, self.policy, act, decide)

    def update(self, call: DeviceCall) -> Binding:
        """
        Change a device's name and push addresses; the body is an update.

        What the body leaves out stays as it is; an empty list clears the addresses.

        Raises:
            InvalidField: The body is malformed, or a text does not fit.
            Refused: The call is not proven, or the device may not act.
            Unavailable: A port failed.
        """
        caller = Caller(self.ports, self.policy, call, "binding.update")
        act = Act(event="binding.update", actor=caller.device, subject=caller.device)

        def decide() -> Decision[Binding]:
            proven = caller.prove()
            return self._updated(proven, read_update(ijson.parse(call.body)))

        return settle(self.ports, self.policy, act, decide)

    def suspend(self, device: Guid, *, by: Administrator) -> Binding:
        """
        Suspend a device on behalf of support staff.

        Raises:
            NotFound: There is no such device.
            Foreign: It is out of the administrator's reach.
            WrongState: It is not active.
            Unavailable: A port failed.
        """
        return self._stand(device, BindingEvent.SUSPEND, by)

    def resume(self, device: Guid, *, by: Administrator) -> Binding:
        """
        Resume a device that support staff suspended.

        Raises:
            NotFound: There is no such device.
            Foreign: It is out of the administrator's reach.
            WrongState: It is not suspended.
            WrongAuthority: Its Identity Provider suspended it.
            Unavailable: A port failed.
        """
        return self._stand(device, BindingEvent.RESUME, by)

    def revoke(self, device: Guid, *, by: RelyingParty | Administrator) -> Binding:
        """
        Revoke a device or an open invitation for good.

        Args:
            device: The binding.
            by: The origin or administrator that wants it.

        Raises:
            NotFound: There is no such device.
            Foreign: It belongs to another App Space than the origin's, or is out of the
                administrator's reach.
            WrongState: It has ended already.
            Unavailable: A port failed.
        """
        actor = by.origin.guid if isinstance(by, RelyingParty) else name_of(by)
        act = Act(event="binding.revoke", actor=actor, subject=device)

        def decide() -> Decision[Binding]:
            now = self.ports.clock.now()
            binding = read(self.ports.store, device, Binding)
            if isinstance(by, RelyingParty):
                own_app_space(by.origin, binding)
            else:
                authorize(self.ports, by, Deed.USERS, binding)
            account = read(self.ports.store, binding.account, Account)
            state = step(BINDING, binding.state, BindingEvent.REVOKE, None)
            decision = _decided(act, account, binding, ended(binding, state, now), now)
            told = revoked(self.ports, self.policy, account, device, now=now)
            return attrs.evolve(decision, changes=(*decision.changes, *told))

        return settle(self.ports, self.policy, act, decide)

    def _stand(self, device: Guid, event: BindingEvent, by: Administrator) -> Binding:
        act = Act(event=f"binding.{event.value}", actor=name_of(by), subject=device)

        def decide() -> Decision[Binding]:
            binding = read(self.ports.store, device, Binding)
            authorize(self.ports, by, Deed.USERS, binding)
            account = read(self.ports.store, binding.account, Account)
            moved = change_standing(binding, event, Authority.STAFF)
            return _decided(act, account, binding, moved, self.ports.clock.now())

        return settle(self.ports, self.policy, act, decide)

    def _rotated(self, proven: Proven, offer: Enrolment) -> Decision[Binding]:
        if offer.token or offer.name or offer.addresses:
            raise InvalidField("rotation", "holds more than keys")
        if len(offer.keys) > 1 + self.policy.strong_keys_limit:
            raise KeysIncomplete("more than the policy allows")
        binding, now = proven.binding, proven.proving.now
        offered = [
            offered_key(key, f"keys[{index}]", ROTATE_TYP, self.policy)
            for index, key in enumerate(offer.keys)
        ]
        fresh = tuple(key for key, _ in offered)
        roles = {key.role for key in fresh}
        facts = Rotating(
            proving=proven.proving,
            policy=self.policy,
            binding=binding,
            account=proven.account,
            keys=(*(held for held in binding.keys if held.role not in roles), *fresh),
            fresh=fresh,
            possession=tuple(evidence for _, evidence in offered),
            endorsements=tuple(self._endorsement(binding, key.endorsement) for key in offer.keys),
            expected=rotation_claims(binding.guid, binding.app_space, fresh),
        )
        try:
            state = step(BINDING, binding.state, BindingEvent.ROTATE, facts)
        except NotEndorsed:
            missed = _missed(facts)
            if missed is None:
                raise
            striking = Striking(
                proving=proven.proving, policy=self.policy, binding=binding, answer=missed
            )
            return strike(self.ports, self.policy, striking, proven.account, result=binding)
        changed = tuple(
            KeyChange(at=now, role=key.role, thumbprint=key.key.thumbprint) for key in fresh
        )
        rotated = attrs.evolve(
            binding,
            version=binding.version + 1,
            state=state,
            keys=facts.keys,
            key_changes=_kept((*binding.key_changes, *changed), facts.keys),
        )
        act = Act(event="binding.rotate", actor=binding.guid, subject=binding.guid)
        return _decided(act, proven.account, binding, rotated, now)

    def _endorsement(self, binding: Binding, token: str | None) -> Evidence:
        if token is None:
            raise NotEndorsed
        jws = keys.read(token, limit=self.policy.token_bytes)
        held: DeviceKey | None = binding.key_named(jws.header.kid)
        return Evidence(jws, None if held is None else held.key, ENDORSE_TYP)

    def _updated(self, proven: Proven, update: Update) -> Decision[Binding]:
        binding = proven.binding
        name = binding.name if update.name is None else update.name
        addresses = binding.addresses if update.addresses is None else update.addresses
        text_fits(name, self.policy.name_bytes, "name", empty=True)
        addresses_fit(addresses, self.policy)
        updated = attrs.evolve(binding, version=binding.version + 1, name=name, addresses=addresses)
        act = Act(event="binding.update", actor=updated.guid, subject=updated.guid)
        return _decided(act, proven.account, binding, updated, proven.proving.now)


def _missed(facts: Rotating) -> Evidence | None:
    """Return the endorsement that a strong key is named for and did not sign, if there is one."""
    strong = [held.key for held in facts.binding.keys if held.role is Role.STRONG]
    for endorsement in facts.endorsements:
        try:
            endorsement.require()
        except WrongSignature:
            if endorsement.key in strong:
                return endorsement
        except Refused:
            continue
    return None


def _kept(changes: tuple[KeyChange, ...], held: tuple[DeviceKey, ...]) -> tuple[KeyChange, ...]:
    """Keep the newest lines, and those of keys that are still held however old they are."""
    current = {key.key.thumbprint for key in held}
    older = changes[:-KEY_CHANGES_KEPT]
    kept = tuple(change for change in older if change.thumbprint in current)
    return (*kept, *changes[-KEY_CHANGES_KEPT:])


def _decided(
    act: Act, account: Account, old: Binding, new: Binding, now: datetime
) -> Decision[Binding]:
    return Decision(
        changes=(Change(old, new), Change(account, enlisted(account, new, now))),
        audit=(AuditEvent(at=now, event=act.event, actor=act.actor, subject=new.guid),),
        result=new,
    )
