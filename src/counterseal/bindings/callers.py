"""Callers: bound devices that prove each of their calls."""

from __future__ import annotations

import attrs

from counterseal import keys
from counterseal.bindings.vouching import renew_vouch
from counterseal.decisions import Act, found, refused
from counterseal.errors import IdentityUnavailable, NotFound, Refused, Replayed, WrongDevice
from counterseal.models import Account, AppSpace, AuditEvent, Binding, DeviceCall, Guid, Record
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.evidence import proof_holds
from counterseal.rules.facts import Evidence, Proving
from counterseal.rules.standing import account_unlocked, binding_active, graced, vouch_due
from counterseal.rules.timing import forgettable_at
from counterseal.wire.proof import PROOF_TYP, Proof, read_proof


@attrs.frozen(kw_only=True)
class Proven:
    """
    A call whose proof holds, and the records it was judged on.

    Attributes:
        proving: The facts that prove it; rules ask for them again.
        others: What else was read in the same trip.
    """

    binding: Binding
    account: Account
    app_space: AppSpace
    proving: Proving
    others: tuple[Record | None, ...] = ()


class Caller:
    """
    One device call, read and not yet believed.

    Args:
        ports: The service's.
        policy: The service's.
        call: The request.
        event: What the device wants, as the audit log names it.

    Raises:
        MalformedToken: The proof is not spelled as it should be.
    """

    def __init__(self, ports: Ports, policy: Policy, call: DeviceCall, event: str) -> None:
        self._ports = ports
        self._policy = policy
        self._call = call
        try:
            self._jws = keys.read(call.proof, limit=policy.token_bytes)
            self._proof: Proof = read_proof(self._jws.claimed)
        except Refused as refusal:
            refused(ports, Act(event=event, actor="stranger"), refusal)
            raise
        self._body_hash = keys.digest(call.body)
        self._asked_guard = False
        self._asked_provider = False

    @property
    def device(self) -> Guid:
        """The binding that the call claims to come from."""
        return self._proof.device

    def prove(self, *others: Guid) -> Proven:
        """
        Read the caller's records, and *others* in the same trip, and judge the proof.

        May be asked again after a lost race: the replay guard is asked once,
        and the Identity Provider at most once.

        Raises:
            WrongDevice: There is no such device.
            Refused: The proof does not hold, was seen before, or its account or binding
                may not act.
            IdentityUnavailable: The provider has to be asked and does not answer, and the
                policy grants no grace, or no more.
            Unavailable: A port failed.
        """
        device, account, app_space, *rest = self._ports.store.get(
            self._proof.device, self._proof.account, self._proof.app_space, *others
        )
        try:
            binding = found(device, Binding)
            proven = Proven(
                binding=binding,
                account=found(account, Account),
                app_space=found(app_space, AppSpace),
                proving=self._facts(binding),
                others=tuple(rest),
            )
        except NotFound:
            # Unknown devices look like those whose proof does not hold.
            raise WrongDevice from None
        proof_holds(proven.proving)
        self._first_seen(proven)
        account_unlocked(proven)
        binding_active(proven)
        due = vouch_due(proven.account, proven.app_space, proven.proving.now, self._policy)
        if due and not self._asked_provider:
            self._vouch(proven)
            # Also where the policy believes no word for longer than it takes to hear it.
            self._asked_provider = True
            return self.prove(*others)
        return proven

    def _vouch(self, proven: Proven) -> None:
        try:
            renew_vouch(self._ports, self._policy, proven.account.guid, proven.app_space)
        except IdentityUnavailable as failure:
            now = proven.proving.now
            event = AuditEvent(
                at=now,
                event="identity.vouch",
                actor="idp",
                subject=proven.account.guid,
                reason=failure.code,
            )
            self._ports.audit.record(event)
            if not graced(proven.account, now, self._policy):
                raise

    def _facts(self, binding: Binding) -> Proving:
        held = binding.device_key()
        return Proving(
            now=self._ports.clock.now(),
            policy=self._policy,
            call=self._call,
            body_hash=self._body_hash,
            binding=binding,
            proof=self._proof,
            evidence=Evidence(self._jws, None if held is None else held.key, PROOF_TYP),
        )

    def _first_seen(self, proven: Proven) -> None:
        if self._asked_guard:
            return
        now, proof = proven.proving.now, self._proof
        until = forgettable_at(now, self._policy)
        if not self._ports.replay.first_seen(("proof", proven.binding.guid, proof.id), until):
            raise Replayed
        self._asked_guard = True
