"""
Device requests: calls of bound devices, which prove each of them.

`open_request` reads a call and believes nothing; `DeviceRequest.authenticate` believes it, on the
records that it names. What has to happen once between the two (the replay guard, the question to
an Identity Provider) is done by `counterseal.usecases._admission`.
"""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal._decisions.plan import Reading, Records, Tools, require
from counterseal.errors import IdentityWithdrawn, NotFound, WrongDevice
from counterseal.keys import Jws
from counterseal.models import Account, AppSpace, Binding, DeviceCall, Guid, Record
from counterseal.policy import Policy
from counterseal.rules.evidence import proof_holds
from counterseal.rules.facts import Evidence, Proving
from counterseal.rules.standing import account_unlocked, binding_active, vouch_due
from counterseal.wire.proof import PROOF_TYP, Proof, read_proof


@attrs.define(kw_only=True)
class AuthenticatedDevice:
    """
    A device whose proof holds, and the records that this was judged on.

    Attributes:
        proving: The facts that prove it; rules ask for them again.
        others: What else was read in the same trip.
    """

    binding: Binding
    account: Account
    app_space: AppSpace
    proving: Proving
    others: tuple[Record | None, ...] = ()


@attrs.define
class DeviceRequest:
    """
    One call of a device, read and not yet believed.

    Attributes:
        call: The request as it came.
        jws: Its proof.
        proof: What the proof claims.
        body_hash: SHA-256 of the call's body, base64url.
    """

    call: DeviceCall
    jws: Jws
    proof: Proof
    body_hash: str
    _evidence: Evidence | None = None

    def reading(self, *others: Guid) -> Reading[AuthenticatedDevice]:
        """Read the records that the proof names, and *others* in the same trip."""
        proof = self.proof
        guids = (proof.device, proof.account, proof.app_space, *others)
        return Reading("get", guids, self.authenticate)

    def authenticate(self, records: Records, tools: Tools) -> AuthenticatedDevice:
        """
        Return the device that the call is proven to come from, if it may act.

        The Identity Provider was asked before, where that was due, and is not asked again.

        Raises:
            WrongDevice: There is no such device.
            IdentityWithdrawn: The user has been withdrawn since, or has logged out.
            Refused: The proof does not hold, or its account or binding may not act.
        """
        device = self.identify(records, tools)
        if demand_standing(device, tools) and device.account.vouched_at is None:
            raise IdentityWithdrawn
        return device

    def identify(self, records: Records, tools: Tools) -> AuthenticatedDevice:
        """
        Return the device that the call is proven to come from, whether it may act or not.

        Args:
            records: What `reading` names.
            tools: The moment and the policy that the proof is judged by.

        Raises:
            WrongDevice: There is no such device.
            Refused: The proof does not hold.
        """
        stored_binding, account, app_space, *others = records
        try:
            binding = require(stored_binding, Binding)
            device = AuthenticatedDevice(
                binding=binding,
                account=require(account, Account),
                app_space=require(app_space, AppSpace),
                proving=Proving(
                    now=tools.now,
                    policy=tools.policy,
                    call=self.call,
                    body_hash=self.body_hash,
                    binding=binding,
                    proof=self.proof,
                    evidence=self._evidence_of(binding),
                ),
                others=tuple(others),
            )
        except NotFound:
            # Unknown devices look like those whose proof does not hold.
            raise WrongDevice from None
        proof_holds(device.proving)
        return device

    def _evidence_of(self, binding: Binding) -> Evidence:
        """Return the proof under the binding's key; it is verified once for each key."""
        device_key = binding.device_key()
        key = None if device_key is None else device_key.key
        if self._evidence is None or self._evidence.key != key:
            self._evidence = Evidence(self.jws, key, PROOF_TYP)
        return self._evidence


def open_request(call: DeviceCall, policy: Policy) -> DeviceRequest:
    """
    Read a device's call.

    Raises:
        MalformedToken: The proof is not spelled as it should be.
    """
    jws = keys.read(call.proof, limit=policy.token_bytes)
    return DeviceRequest(call, jws, read_proof(jws.claimed), keys.digest(call.body))


def demand_standing(device: AuthenticatedDevice, tools: Tools) -> bool:
    """
    Demand that the device may act.

    Returns:
        Whether the Identity Provider has to be asked about its user first.

    Raises:
        AccountLocked, BindingInactive: It may not act.
        WrongIssuer: Another provider than the App Space's identified the user.
    """
    account_unlocked(device)
    binding_active(device)
    return vouch_due(device.account, device.app_space, tools.now, tools.policy)
