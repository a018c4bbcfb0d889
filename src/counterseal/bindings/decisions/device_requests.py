"""
Device requests: the calls of bound devices, each with a proof.

`open_request` reads a call without verifying it; `DeviceRequest.authenticate` verifies it with the
records that it names. Between the two, `counterseal.bindings.usecases.admission` does what must
happen once: the replay guard, and the revalidation by an Identity Provider.
"""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal._plan import Decision, Reading, Records, Tools, require
from counterseal.accounts.rules import account_unlocked, binding_active, revalidation_due
from counterseal.bindings.decisions.bindings import mark_device_seen
from counterseal.bindings.documents.proof import PROOF_TYP, Proof, read_proof
from counterseal.bindings.rules.evidence import Evidence, ProofFacts
from counterseal.challenges.rules.answering import proof_holds
from counterseal.errors import IdentityWithdrawn, NotFound, WrongDevice
from counterseal.keys import Jws
from counterseal.models import Account, AppSpace, Binding, DeviceCall, Record, replace
from counterseal.narrowing import policy_within
from counterseal.policy import Policy


@attrs.define(kw_only=True)
class AuthenticatedDevice:
    """
    A device whose proof is valid, and the records that it was verified with.

    Attributes:
        proving: The facts that prove it, for rules that need them again.
        others: The other records of the same trip.
    """

    binding: Binding
    account: Account
    app_space: AppSpace
    proving: ProofFacts
    others: tuple[Record | None, ...] = ()

    @property
    def attempts_left(self) -> int:
        """How many more wrong signatures of its strong key revoke it, by its App Space."""
        policy = policy_within(self.proving.policy, self.app_space, None)
        return max(0, policy.strike_limit - self.binding.strikes)


@attrs.define
class DeviceRequest:
    """One call of a device, read but not verified; the body's hash is SHA-256, base64url."""

    call: DeviceCall
    jws: Jws
    proof: Proof
    body_hash: str
    _evidence: Evidence | None = None

    def authenticate(self, records: Records, tools: Tools) -> AuthenticatedDevice:
        """
        Return the device that provably made the call, if it may act.

        The Identity Provider is not asked: that happened before, if it was due.
        """
        device = self.identify(records, tools)
        if demand_active(device, tools) and device.account.confirmed_at is None:
            raise IdentityWithdrawn
        return device

    def identify(self, records: Records, tools: Tools) -> AuthenticatedDevice:
        """Return the device that provably made the call, even if it may not act."""
        stored_binding, account, app_space, *other_records = records
        try:
            binding = require(stored_binding, Binding)
            device = AuthenticatedDevice(
                binding=binding,
                account=require(account, Account),
                app_space=require(app_space, AppSpace),
                proving=ProofFacts(
                    now=tools.now,
                    policy=tools.policy,
                    call=self.call,
                    body_hash=self.body_hash,
                    binding=binding,
                    proof=self.proof,
                    evidence=self._evidence_of(binding),
                ),
                others=tuple(other_records),
            )
        except NotFound:
            # An unknown device is refused in the same way as a wrong proof.
            raise WrongDevice from None
        proof_holds(device.proving)
        return device

    def _evidence_of(self, binding: Binding) -> Evidence:
        """Return the proof as evidence with the binding's key; it is verified once per key."""
        device_key = binding.device_key()
        key = None if device_key is None else device_key.key
        if self._evidence is None or self._evidence.key != key:
            self._evidence = Evidence(self.jws, key, PROOF_TYP)
        return self._evidence


def open_request(call: DeviceCall, policy: Policy) -> DeviceRequest:
    """Read a device's call."""
    jws = keys.read(call.proof, limit=policy.token_bytes)
    return DeviceRequest(call, jws, read_proof(jws.claimed), keys.digest(call.body))


def read_again(device: AuthenticatedDevice) -> Reading[AuthenticatedDevice]:
    """Read *device* again; it has to be able to act still, with the key that it has proved."""

    def parse(stored: Records, tools: Tools) -> AuthenticatedDevice:
        binding, account, app_space = stored
        key = device.binding.device_key()
        if not isinstance(binding, Binding) or binding.device_key() != key:
            raise WrongDevice
        account, app_space = require(account, Account), require(app_space, AppSpace)
        current = replace(device, binding=binding, account=account, app_space=app_space)
        if demand_active(current, tools) and account.confirmed_at is None:
            raise IdentityWithdrawn
        return current

    return Reading("get", (device.binding.guid, device.account.guid, device.app_space.guid), parse)


def store_seen(device: AuthenticatedDevice, tools: Tools) -> Decision[None]:
    """Decide to store that a device was seen, unless another call of it has done so meanwhile."""
    writes = mark_device_seen(device.account, device.binding, tools.now)
    return Decision(result=None, writes=writes)


def demand_active(device: AuthenticatedDevice, tools: Tools) -> bool:
    """Require that the device may act; return whether its provider has to be asked first."""
    account_unlocked(device)
    binding_active(device)
    return revalidation_due(device.account, device.app_space, tools.now, tools.policy)
