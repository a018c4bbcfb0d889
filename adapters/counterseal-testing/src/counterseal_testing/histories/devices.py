"""What is done to devices: invite, bind, rotate, suspend, revoke, lock and revalidate."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from counterseal import Invitation, Redirect
from counterseal.bindings.documents.enrolment import (
    Bound,
    Enrolment,
    OfferedKey,
    Update,
    update_document,
)
from counterseal.errors import IdentityWithdrawn, StrongKeyMissed
from counterseal.keys import b64url
from counterseal.models import OPERATOR, Account, Binding, Guid, Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.ledger import PROVISIONAL, Plain
from counterseal_testing.histories.model import HistoryModel, Result
from counterseal_testing.histories.observers import CANARY
from counterseal_testing.histories.planned_faults import PlannedFault
from counterseal_testing.identity import APP_RETURN

BOUND = ("UNCONFIRMED", "ACTIVE")
"""The states of a binding whose device may have lost the reply to its bind."""


class DeviceCalls(HistoryModel):
    """The calls about phones."""

    def owner(self, name: str) -> str:
        """Return the account of the phone *name*; empty if there is none yet."""
        return self.person(actors.PHONES[name].owner)

    def person(self, name: str) -> str:
        """Return the account of somebody; empty if there is none yet."""
        role = actors.PEOPLE[name]
        for guid, person in self.ledger.accounts.items():
            if (person.space, person.account_id) == (self.spaces[role.space], role.account_id):
                return guid
        return ""

    def device(self, name: str) -> str:
        """Return the binding of the phone *name*; empty if it was never bound."""
        bond = self.phones[name].device.bond
        return "" if bond is None else bond.device

    def make_able(self, person: str) -> None:
        """Let a user be able to answer again: unlocked, known to the provider, with a phone."""
        account = self.person(person)
        self.admit(account)
        if account and self.ledger.accounts[account].locked:
            self.lock(account, locked=False)
        names = [name for name, setup in actors.PHONES.items() if setup.owner == person]
        for name in names:
            binding_entry = self.ledger.bindings.get(self.device(name))
            if binding_entry is not None and binding_entry.state == "SUSPENDED":
                if binding_entry.suspended_by == "staff":
                    self.change_state("resume", self.device(name))
                else:
                    self.revalidate(account)
        if not any(self.is_active(name) for name in names):
            invitation = self.invite(names[0])
            if invitation is not None:
                self.complete(names[0], invitation)

    def is_active(self, name: str) -> bool:
        """Tell whether the phone *name* is bound and active."""
        binding_entry = self.ledger.bindings.get(self.device(name))
        return binding_entry is not None and binding_entry.state == "ACTIVE"

    def invite(self, name: str, fault: PlannedFault | None = None) -> Invitation | None:
        """Invite the phone *name*, as its App Space does it."""
        role = actors.PEOPLE[actors.PHONES[name].owner]
        if role.space == actors.WITH_PROVIDER:
            return self._log_in(role, fault)
        invited = self.run_operation(
            "invite",
            lambda: self.service.invitations.invite(
                self.origins["shop"], role.account_id, user_info=f"{CANARY} info"
            ),
            fault=fault,
            **self._facts(role),
        )
        self._require_place(name, invited)
        return self._invitation_of(invited)

    def complete(
        self, name: str, invitation: Invitation, fault: PlannedFault | None = None
    ) -> Result[Bound]:
        """Let the phone *name* finish a bind."""
        phone, space = self.phones[name], invitation.app_space.guid
        offer = phone.device.enrolment(
            invitation.token,
            space,
            pin=actors.PIN,
            addresses=actors.address(name),
            language=actors.LANGUAGES.get(name, ""),
        )
        binding_entry = self.ledger.bindings[invitation.binding]
        fresh = binding_entry.state == "INVITED"
        bound = self._complete_once(invitation.binding, offer, fault)
        is_same = binding_entry.state in BOUND and binding_entry.keys == keys_offered(offer.keys)
        if fresh and is_same and not bound.done:
            # The phone did not hear of it, and asks again; a rotated one could not.
            if bound.quiet or self.ledger.accounts[binding_entry.account].locked:
                return bound
            bound = self._complete_once(invitation.binding, offer, None)
            assert bound.done, f"the same token with the same keys again: {bound.code}"
        if bound.value is not None:
            phone.device.complete_binding(bound.value)
        return bound

    def rotate(
        self, name: str, roles: frozenset[Role], pin: str, fault: PlannedFault | None = None
    ) -> None:
        """Let the phone *name* replace keys; with a wrong *pin*, nobody endorses the strong one."""
        phone = self.phones[name]
        if not self.device(name) or name == "laptop":
            # New RSA keys take too long to make.
            return
        passkey = None
        if name in type(self).passkeys and Role.STRONG in roles:
            passkey = actors.phone_passkey(b64url(self.service.entropy.token(16)))
        rotation = phone.device.rotation(pin=pin, new_pin=actors.PIN, roles=roles, passkey=passkey)
        offers = keys_in_body(rotation.body)
        device, call = self.device(name), phone.call("/keys", rotation.body)
        right = pin == actors.PIN or Role.STRONG not in roles
        may_answer, strikes = self._able(device), self.ledger.bindings[device].strikes
        rotated = self.run_operation(
            "rotate",
            lambda: self.service.devices.rotate(call),
            fault=fault,
            device=device,
            keys=offers,
            how="right" if right else "wrong pin",
        )
        if offers.keys() <= self.ledger.bindings[device].keys.keys():
            phone.device.complete_rotation(rotation)
        elif rotated.quiet and may_answer:
            assert rotated.code == "strong_key_missed", f"a rotation: {rotated.code}"
        self.require_strike_counted(rotated, device, strikes)

    def require_strike_counted(self, done: Result[Any], device: str, before: int) -> None:
        """Demand that a strike that was reported to the device is counted, and rightly."""
        if isinstance(done.error, StrongKeyMissed):
            assert done.operation.commits, "a strike was reported and not committed"
            now = self.ledger.bindings[device].strikes
            if done.quiet:
                assert now == before + 1, "a strike was not counted"
                space = self.ledger.accounts[self.ledger.bindings[device].account].space
                attempts_left = max(0, self.ledger.limits_in(space).strikes - now)
                assert done.error.attempts_left == attempts_left, "a false count was reported"

    def update(self, name: str, fault: PlannedFault | None = None) -> None:
        """Let the phone *name* change its name and push addresses."""
        if not self.device(name):
            return
        # Another name each time: what changes nothing looks like a device that was seen.
        new_name = f"renamed {len(self.audit_events)}"
        change = Update(name=new_name, addresses=actors.address(f"new {name}"))
        body = json.dumps(update_document(change)).encode()
        call = self.phones[name].call("/device", body)
        self.run_operation(
            "update",
            lambda: self.service.devices.update(call),
            fault=fault,
            device=self.device(name),
        )

    def unbind(self, name: str, fault: PlannedFault | None = None) -> None:
        """Let the phone *name* revoke itself."""
        device = self.device(name)
        if not device:
            return
        able, call = self._able(device), self.phones[name].call("/device", method="DELETE")
        binding_entry = self.ledger.bindings[device]
        person = self.ledger.accounts[binding_entry.account]
        # Nobody has asked the provider yet whether it still knows this user.
        unasked = binding_entry.state == "ACTIVE" and not person.locked and not able
        unbound = self.run_operation(
            "unbind", lambda: self.service.devices.unbind(call), fault=fault, device=device
        )
        if unbound.quiet:
            assert unbound.done == able or unasked, f"unbind: {unbound.code}"

    def change_state(self, verb: str, device: str, fault: PlannedFault | None = None) -> None:
        """Let staff suspend, resume or revoke a device."""
        if device not in self.ledger.bindings:
            return
        use, guid = partial(getattr(self.service.devices, verb), by=OPERATOR), Guid(device)
        sources = {"suspend": {"ACTIVE"}, "resume": {"SUSPENDED"}}
        binding_entry = self.ledger.bindings[device]
        may = binding_entry.state in sources.get(verb, {*PROVISIONAL, "ACTIVE", "SUSPENDED"})
        if verb == "resume":
            may = may and binding_entry.suspended_by == "staff"
        stood: Result[Binding] = self.run_operation(
            verb, lambda: use(guid), fault=fault, device=device
        )
        assert not stood.quiet or stood.done == may, f"{verb}: {stood.code}"

    def revoke_by(self, origin: str, device: str) -> None:
        """Let an origin revoke a device; one of another App Space must not."""
        if device not in self.ledger.bindings:
            return
        party, guid = self.origins[origin], Guid(device)
        space = self.ledger.accounts[self.ledger.bindings[device].account].space
        foreign = space != party.app_space.guid
        revoked = self.run_operation(
            "revoke",
            lambda: self.service.devices.revoke(guid, by=party),
            attacker=foreign,
            device=device,
        )
        assert not (foreign and revoked.done), "a foreign origin revoked a device"

    def lock(self, account: str, *, locked: bool = True, fault: PlannedFault | None = None) -> None:
        """Let staff lock or unlock an account."""
        if not account or self.ledger.accounts[account].erased:
            return
        verb = "lock" if locked else "unlock"
        use = partial(getattr(self.service.accounts, verb), by=OPERATOR)
        done: Result[Account] = self.run_operation(
            verb, lambda: use(Guid(account)), fault=fault, account=account
        )
        assert not done.quiet or done.done

    def withdraw(self, account: str) -> None:
        """Let the Identity Provider vouch no longer."""
        subject = self.ledger.accounts[account].subject if account else ""
        if subject and subject not in self.ledger.withdrawn:
            self.service.idp.withdraw(subject)
            self.ledger.withdrawn[subject] = self.latest()

    def admit(self, account: str) -> None:
        """Let the Identity Provider vouch again."""
        subject = self.ledger.accounts[account].subject if account else ""
        if subject:
            self.service.idp.admit(subject)
            self.ledger.withdrawn.pop(subject, None)

    def revalidate(self, account: str, fault: PlannedFault | None = None) -> None:
        """Ask the Identity Provider now."""
        if not account or not self.ledger.accounts[account].subject:
            return
        is_withdrawn = self.ledger.accounts[account].subject in self.ledger.withdrawn
        revalidation = self.run_operation(
            "vouch",
            lambda: self.service.logins.revalidate(Guid(account)),
            fault=fault,
            account=account,
        )
        if revalidation.quiet:
            assert revalidation.code == ("identity_withdrawn" if is_withdrawn else "")
            active = self.ledger.bindings_of(account, "ACTIVE")
            assert not (is_withdrawn and active), "a device of a withdrawn user stays active"

    def _log_in(self, role: actors.Actor, fault: PlannedFault | None) -> Invitation | None:
        redirected = self.run_operation(
            "redirect",
            lambda: self.service.logins.redirect(self.spaces[actors.WITH_PROVIDER], APP_RETURN),
        )
        if redirected.value is None:
            return None
        begun: Redirect = redirected.value
        url, login = begun.url, begun.login
        try:
            if role.account_id not in self.ledger.withdrawn:
                self.service.idp.admit(role.account_id)
            back = self.service.idp.log_in(url, role.account_id)
        except IdentityWithdrawn:
            return None
        self.leaks.add(back.code, back.state.partition(".")[2], begun.app_secret)
        self.returns.append((back, begun))
        logged_in = self.run_operation(
            "log_in",
            lambda: self.service.logins.authenticate(
                back.state, back.code, begun.app_secret, issuer=back.issuer
            ),
            fault=fault,
            login=login,
            **self._facts(role),
        )
        return self._invitation_of(logged_in)

    def _facts(self, role: actors.Actor) -> Plain:
        return {
            "space": self.spaces[role.space],
            "account_id": role.account_id,
            "owner": "attacker" if role.attacker else "honest",
            "subject": role.account_id if role.space == actors.WITH_PROVIDER else "",
        }

    def _require_place(self, name: str, invited: Result[Invitation]) -> None:
        account = self.owner(name)
        if not invited.quiet or invited.done or not account:
            return
        full = len(self.ledger.living(account, self.at())) >= self.ledger.limits.bindings
        assert full or self.ledger.accounts[account].locked, f"not invited: {invited.code}"

    def _invitation_of(self, invited: Result[Invitation]) -> Invitation | None:
        if invited.value is not None:
            self.leaks.add(invited.value.token.partition(".")[2])
        return invited.value

    def _complete_once(
        self, binding: Guid, offer: Enrolment, fault: PlannedFault | None
    ) -> Result[Bound]:
        binding_entry = self.ledger.bindings[binding]
        fit = (
            binding_entry.state == "INVITED"
            and self.at() < binding_entry.deadline
            and not self.ledger.accounts[binding_entry.account].locked
            and self.ledger.is_endorsed(binding)
            and (binding_entry.endorser is not None or not self.is_full(binding_entry.account))
        )
        again = binding_entry.state in BOUND and binding_entry.keys == keys_offered(offer.keys)
        bound = self.run_operation(
            "complete",
            lambda: self.service.enrolments.complete(offer),
            fault=fault,
            binding=binding,
            keys=keys_offered(offer.keys),
        )
        forgettable = fit and self.latest() >= binding_entry.deadline
        if bound.quiet and not again and not forgettable:
            assert bound.done == fit, f"a bind: {bound.code}"
        return bound

    def has_place(self, account: str) -> bool | None:
        """
        Tell whether an account may have one more device, with those that are invited.

        None if an invitation ended before the clock was turned back: it may be forgotten.
        """
        least, most = (len(self.ledger.living(account, at)) for at in (self.latest(), self.at()))
        limit = self.ledger.limits.bindings
        return None if least < limit <= most else most < limit

    def is_full(self, account: str) -> bool:
        """Tell whether an account has as many devices as the policy allows."""
        return len(self.ledger.bound(account)) >= self.ledger.limits.bindings

    def require_confirmed(self, done: Result[Any], device: str) -> None:
        """Demand that a device that waits to be confirmed got nothing from its call."""
        waits = self.ledger.bindings[device].state == "UNCONFIRMED"
        assert not (waits and done.done), "a device that waits may act"

    def _able(self, device: str) -> bool:
        binding_entry = self.ledger.bindings[device]
        person = self.ledger.accounts[binding_entry.account]
        trusted = person.subject not in self.ledger.withdrawn
        return binding_entry.state == "ACTIVE" and not person.locked and trusted


def keys_offered(keys: tuple[OfferedKey, ...]) -> dict[str, tuple[str, Plain]]:
    """Return what the oracle has to know of offered keys."""
    return {key.jwk["kid"]: (key.role.value, dict(key.jwk)) for key in keys}


def keys_in_body(body: bytes) -> dict[str, tuple[str, Any]]:
    """Return the same of a rotation's body."""
    return {key["jwk"]["kid"]: (key["role"], key["jwk"]) for key in json.loads(body)["keys"]}
