"""Enrolments: an invited device brings its keys and finishes the bind."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from counterseal import keys
from counterseal.bindings.news import noted
from counterseal.bindings.roster import enlisted
from counterseal.decisions import Act, Decision, found, read, refused, settle
from counterseal.errors import (
    BindingInactive,
    InvalidField,
    KeysIncomplete,
    NotFound,
    Refused,
    TokenSpent,
    WrongToken,
)
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import (
    Account,
    AppSpace,
    AuditEvent,
    Binding,
    BindingState,
    Change,
    DeviceKey,
    Guid,
    KeyChange,
    Occasion,
    PublicKey,
    Record,
)
from counterseal.models.guid import parse
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.evidence import keys_possessed, token_matches
from counterseal.rules.facts import Completing, Evidence, Looking
from counterseal.rules.sizes import addresses_fit, text_fits
from counterseal.rules.standing import invitation_stands
from counterseal.wire.enrolment import BIND_TYP, Enrolment, OfferedKey, bind_claims


@attrs.frozen(kw_only=True)
class Bound:
    """
    A finished bind.

    Attributes:
        service_keys: What the device pins to check receipts with.
    """

    binding: Binding
    account: Account
    app_space: AppSpace
    service_keys: tuple[PublicKey, ...]


@attrs.frozen
class Enrolments:
    """Finishing binds."""

    ports: Ports
    policy: Policy

    def complete(self, enrolment: Enrolment) -> Bound:
        """
        Finish a bind: check the offered keys and make the binding active.

        The same token with the same keys again gets the recorded result.

        Raises:
            WrongToken: The session token is not one that was handed out.
            TokenSpent: It has bound other keys already.
            DeadlinePassed: The invitation is over.
            UnfitKey: A key is weak, malformed or not allowed.
            KeysIncomplete: The keys are not one device key and at least one strong key, or more
                than the policy allows.
            NotPossessed: A key did not prove its possession.
            AccountLocked: The account is locked.
            BindingInactive: The binding has ended since.
            WrongState: The binding is not INVITED.
            InvalidField: A member is malformed or does not fit.
            MalformedToken: A proof is not spelled as it should be.
            Unavailable: A port failed.
        """
        name, _, secret = enrolment.token.partition(".")
        act = Act(event="binding.complete", actor="stranger")
        try:
            binding = parse(name, field="token")
            offered = self._offered(enrolment)
        except InvalidField as error:
            refusal = WrongToken() if error.field == "token" else error
            refused(self.ports, act, refusal)
            raise refusal from None
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        act = attrs.evolve(act, subject=binding)
        return settle(
            self.ports,
            self.policy,
            act,
            lambda: self._completed(binding, secret, enrolment, offered),
        )

    def look(self, token: str) -> AppSpace:
        """
        Return the App Space that a session token is for, to whoever has the token.

        A device that was given the token alone needs it: its keys' proofs name the App Space.
        Changes nothing; the token stays as good as it was.

        Raises:
            WrongToken: The session token is not one that was handed out.
            DeadlinePassed: The invitation is over, and no device has followed it.
            BindingInactive: The device that followed it is active no more.
            Unavailable: A port failed.
        """
        name, _, secret = token.partition(".")
        act = Act(event="binding.look", actor="stranger")
        try:
            guid = parse(name, field="token")
        except InvalidField:
            refused(self.ports, act, WrongToken())
            raise WrongToken from None
        act = attrs.evolve(act, subject=guid)

        def decide() -> Decision[AppSpace]:
            now = self.ports.clock.now()
            binding = self._invited(guid)
            facts = Looking(now=now, binding=binding, secret=secret)
            # Before anything that would tell a stranger what became of the invitation.
            token_matches(facts)
            invitation_stands(facts)
            return Decision(result=read(self.ports.store, binding.app_space, AppSpace))

        return settle(self.ports, self.policy, act, decide)

    def _offered(self, enrolment: Enrolment) -> tuple[tuple[DeviceKey, Evidence], ...]:
        text_fits(enrolment.name, self.policy.name_bytes, "name", empty=True)
        addresses_fit(enrolment.addresses, self.policy)
        for index, key in enumerate(enrolment.keys):
            if key.endorsement is not None:
                raise InvalidField(f"keys[{index}].endorsement", "of a rotation only")
        if len(enrolment.keys) > 1 + self.policy.strong_keys_limit:
            raise KeysIncomplete("more than the policy allows")
        return tuple(
            offered_key(key, f"keys[{index}]", BIND_TYP, self.policy)
            for index, key in enumerate(enrolment.keys)
        )

    def _completed(
        self,
        guid: Guid,
        secret: str,
        enrolment: Enrolment,
        offered: tuple[tuple[DeviceKey, Evidence], ...],
    ) -> Decision[Bound]:
        now = self.ports.clock.now()
        # The proofs name the App Space: a claim that saves a trip, and that is judged below.
        record, about, *spaces = self.ports.store.get_with_account(guid, *_claimed(offered))
        if not isinstance(record, Binding):
            raise WrongToken
        binding, account = record, found(about, Account)
        held = tuple(key for key, _ in offered)
        facts = Completing(
            now=now,
            policy=self.policy,
            account=account,
            binding=binding,
            secret=secret,
            keys=held,
            possession=tuple(evidence for _, evidence in offered),
            expected=bind_claims(enrolment.token, binding.app_space, held),
        )
        # Before anything that would tell a stranger what became of the invitation.
        token_matches(facts)
        if binding.enrolled:
            self._repeated(facts)
            return Decision(result=self._bound(binding, account, spaces))
        state = step(BINDING, binding.state, BindingEvent.COMPLETE, facts)
        bound = attrs.evolve(
            binding,
            version=binding.version + 1,
            state=state,
            enrolled=_enrolled(held),
            name=enrolment.name,
            keys=held,
            addresses=enrolment.addresses,
            key_changes=tuple(
                KeyChange(at=now, role=key.role, thumbprint=key.key.thumbprint) for key in held
            ),
            bound_at=now,
        )
        told = noted(self.ports, self.policy, account, Occasion.DEVICE_BOUND, guid, now=now)
        return Decision(
            changes=(
                Change(binding, bound),
                Change(account, enlisted(account, bound, now)),
                *told,
            ),
            audit=(AuditEvent(at=now, event="binding.complete", actor=guid, subject=guid),),
            result=self._bound(bound, account, spaces),
        )

    def _invited(self, guid: Guid) -> Binding:
        try:
            return read(self.ports.store, guid, Binding)
        except NotFound:
            raise WrongToken from None

    def _repeated(self, facts: Completing) -> None:
        if not keys.constant_time_equal(facts.binding.enrolled, _enrolled(facts.keys)):
            raise TokenSpent
        keys_possessed(facts)
        if facts.binding.state is not BindingState.ACTIVE:
            raise BindingInactive

    def _bound(self, binding: Binding, account: Account, spaces: Sequence[Record | None]) -> Bound:
        # Every key has signed for the binding's App Space by now, so that it was claimed.
        (app_space,) = (found(space, AppSpace) for space in spaces)
        return Bound(
            binding=binding,
            account=account,
            app_space=app_space,
            service_keys=self.ports.signer.jwks(),
        )


def offered_key(
    offered: OfferedKey, field: str, typ: str, policy: Policy
) -> tuple[DeviceKey, Evidence]:
    """
    Check one offered key, and take its proof as evidence for the rules.

    Raises:
        InvalidField: A member of the JWK is malformed.
        UnfitKey: The key is weak, malformed or not allowed.
        MalformedToken: The proof is not spelled as it should be.
    """
    key = keys.public_key(offered.jwk, algorithms=policy.algorithms, field=f"{field}.jwk")
    proof = keys.read(offered.proof, limit=policy.token_bytes)
    return DeviceKey(role=offered.role, key=key), Evidence(proof, key, typ)


def _claimed(offered: tuple[tuple[DeviceKey, Evidence], ...]) -> tuple[Guid, ...]:
    """Return the App Space that the first key signed for, unless it is no GUID."""
    for _, evidence in offered[:1]:
        try:
            return (parse(evidence.jws.claimed.get("aud"), field="aud"),)
        except InvalidField:
            break
    return ()


def _enrolled(held: tuple[DeviceKey, ...]) -> str:
    lines = sorted(f"{key.role.value} {key.key.kid} {key.key.thumbprint}" for key in held)
    return keys.digest("\n".join(lines).encode())
