"""New devices: phones invite others, and phones and origins confirm, refuse or fail to."""

from __future__ import annotations

from typing import Any

from counterseal import Invitation, keys
from counterseal.bindings.documents.confirmation import (
    CONFIRM_TYP,
    Choice,
    NewDevice,
    NewKey,
)
from counterseal.device import sign_confirmation
from counterseal.errors import WrongCode
from counterseal.models import Binding, DeviceCall, Guid, Role
from counterseal_testing.histories import actors
from counterseal_testing.histories.ceremonies import CeremonyCalls
from counterseal_testing.histories.confirmation_oracle import code_of
from counterseal_testing.histories.ledger import Plain
from counterseal_testing.histories.model import Result
from counterseal_testing.histories.oracle import WAITING
from counterseal_testing.histories.planned_faults import PlannedFault
from counterseal_testing.phone import Phone

REFUSALS = {
    "right": "",
    "wrong pin": "strong_key_missed",
    "other keys": "keys_changed",
    "weak key": "weak_key",
}
"""How a phone may sign what its person decides, and the code of the refusal."""

DECISIONS = tuple(REFUSALS)
CHOICES = tuple(choice.value for choice in Choice)


class NewDeviceCalls(CeremonyCalls):
    """The calls about devices that wait to be confirmed."""

    def waiting(self) -> list[str]:
        """Return the new devices that nobody has decided on."""
        if not self.is_built():
            return []
        bindings = self.ledger.bindings
        return [guid for guid, entry in bindings.items() if entry.state == "UNCONFIRMED"]

    def invite_another(self, name: str, fault: PlannedFault | None = None) -> Invitation | None:
        """Let the phone *name* invite another device of its person."""
        device = self.device(name)
        if not device:
            return None
        account, call = self.ledger.bindings[device].account, self._confirmations_call(name)
        able = self._able(device)
        living, bound = self.ledger.living(account, self.at()), self.ledger.bound(account)
        full = len(living) - len(bound) >= WAITING
        invited = self.run_operation(
            "invite_another",
            lambda: self.service.confirmations.invite(call),
            fault=fault,
            device=device,
            account=account,
        )
        self.require_confirmed(invited, device)
        forgettable = living != self.ledger.living(account, self.latest())
        if invited.quiet and able and not forgettable:
            assert invited.done != full, f"a device invites: {invited.code}"
        return self._invitation_of(invited)

    def list_new_devices(self, name: str) -> None:
        """Let the phone *name* list the new devices of its person, with all their keys."""
        device = self.device(name)
        if not device:
            return
        call = self._confirmations_call(name, method="GET")
        listed = self.run_operation(
            "new_devices", lambda: self.service.confirmations.pending(call), device=device
        )
        self.require_confirmed(listed, device)
        if listed.value is None:
            return
        account = self.ledger.bindings[device].account
        waiting = {
            guid: entry
            for guid, entry in self.ledger.bindings.items()
            if (entry.account, entry.state) == (account, "UNCONFIRMED")
            and self.at() < entry.deadline
        }
        listed_devices = {one.guid: {key.key.kid for key in one.keys} for one in listed.value}
        # One whose deadline had come before the clock was turned back may be forgotten.
        missing = waiting.keys() - listed_devices.keys()
        assert not any(self.latest() < waiting[guid].deadline for guid in missing), "not listed"
        assert len(listed_devices) == len(listed.value), "a new device was listed twice"
        for guid, listed_keys in listed_devices.items():
            assert guid in waiting, "a device was listed that does not wait"
            assert listed_keys == set(waiting[guid].keys), "a device was listed with other keys"

    def decide(
        self,
        name: str,
        binding: str,
        choice: str,
        way: str,
        fault: PlannedFault | None = None,
    ) -> Result[Binding] | None:
        """Let the phone *name* add, move to or refuse the device *binding*, in any *way*."""
        device = self.device(name)
        if not device or not self.ledger.bindings[binding].keys or name == "laptop":
            # A laptop's RSA key tells a wrong PIN by itself.
            return None
        confirmer, entry = self.ledger.bindings[device], self.ledger.bindings[binding]
        able, strikes = self._able(device), confirmer.strikes
        undecided = entry.state == "UNCONFIRMED" and self.at() < entry.deadline
        own = confirmer.account == entry.account and device != binding
        refusal = REFUSALS[way]
        if not refusal and choice != "refuse" and not self.ledger.is_endorsed(binding):
            refusal = "wrong_state"
        elif not refusal and choice == "add" and self.is_full(entry.account):
            refusal = "too_many_bindings"
        token = self._confirmation(self.phones[name], binding, choice, way)
        call = self._confirmations_call(name, token)
        decision: Result[Binding] = self.run_operation(
            "decide",
            lambda: self.service.confirmations.decide(call),
            fault=fault,
            device=device,
            account=confirmer.account,
            binding=binding,
            how=way,
        )
        self.require_confirmed(decision, device)
        if not (undecided and own):
            assert not (decision.quiet and decision.done), "a device was decided on that may not be"
        elif able and decision.quiet and self.latest() < entry.deadline:
            assert decision.code == refusal, f"{choice}, {way}: {decision.code}"
        self.require_strike_counted(decision, device, strikes)
        if decision.done and decision.quiet and choice != "move":
            self._decide_again(name, binding, token)
        return decision

    def compare(
        self, binding: str, origin: str, way: str, fault: PlannedFault | None = None
    ) -> None:
        """Let an origin type the comparison code of the device *binding*, right or wrong."""
        entry, party = self.ledger.bindings[binding], self.origins[origin]
        if not entry.keys:
            return
        person, wrong = self.ledger.accounts[entry.account], entry.wrong_codes
        code = code_of(entry.account, binding, entry.keys)
        if way == "wrong code":
            code = f"{'0' if code[0] != '0' else '1'}{code[1:]}"
        undecided = entry.state == "UNCONFIRMED" and self.at() < entry.deadline
        endorsed, full = self.ledger.is_endorsed(binding), self.is_full(entry.account)
        own = person.space == party.app_space.guid
        again = entry.state == "ACTIVE" and entry.confirmer == party.origin.guid
        compared = self.run_operation(
            "compare",
            lambda: self.service.confirmations.compare(party, Guid(binding), code),
            fault=fault,
            attacker=not own,
            account=entry.account,
            binding=binding,
            origin=party.origin.guid,
            space=party.app_space.guid,
            code=code,
            how=way,
        )
        assert own or not compared.done, "an origin of another App Space confirmed a device"
        undecided = undecided and endorsed and not full
        confirmable = undecided and own and not person.locked
        forgettable = self.latest() >= entry.deadline
        if compared.quiet and confirmable and not forgettable:
            assert compared.code == ("wrong_code" if way == "wrong code" else ""), (
                f"compare, {way}: {compared.code}"
            )
        elif compared.quiet and not again and not confirmable:
            assert not compared.done, "a device was confirmed that could not be"
        if isinstance(compared.error, WrongCode) and undecided and compared.quiet:
            now = self.ledger.bindings[binding].wrong_codes
            assert now == wrong + 1, "a wrong code was not counted"
            attempts_left = self.ledger.limits.comparisons - now
            assert compared.error.attempts_left == attempts_left, "a false count was reported"

    def _decide_again(self, name: str, binding: str, token: str) -> None:
        """Send the identical confirmation in another call: it changes nothing."""
        call = self._confirmations_call(name, token)
        again = self.run_operation(
            "decide",
            lambda: self.service.confirmations.decide(call),
            device=self.device(name),
            binding=binding,
            how="again",
        )
        assert again.done, f"the identical confirmation again: {again.code}"
        assert not again.operation.commits, "the identical confirmation again changed something"

    def _confirmation(self, phone: Phone, binding: str, choice: str, way: str) -> str:
        entry = self.ledger.bindings[binding]
        signed_entry = self.ledger.bindings[phone.guid] if way == "other keys" else entry
        new_device = new_device_of(binding, entry.deadline, signed_entry.keys)
        pin = actors.WRONG_PIN if way == "wrong pin" else actors.PIN
        token = sign_confirmation(phone.device, new_device, Choice(choice), pin=pin)
        if way != "weak key":
            return token
        claims = keys.read(token, limit=1_000_000).claimed
        return keys.sign(phone.device.device_key, typ=CONFIRM_TYP, claims=claims)

    def _confirmations_call(
        self, name: str, token: str = "", *, method: str = "POST"
    ) -> DeviceCall:
        return self.phones[name].call("/device/confirmations", token.encode(), method=method)


def new_device_of(binding: str, deadline: Any, own_keys: dict[str, tuple[str, Plain]]) -> NewDevice:
    """Return a new device as its service names it to the others."""
    return NewDevice(
        device=Guid(binding),
        name="",
        expires_at=deadline,
        keys=tuple(NewKey(role=Role(role), jwk=jwk) for role, jwk in own_keys.values()),
    )
