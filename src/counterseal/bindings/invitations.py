"""Invitations: leave for one device of a user to finish one binding."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime

import attrs

from counterseal import keys
from counterseal.bindings.roster import enlisted
from counterseal.decisions import Act, Decision, found, refused, settle, sweep, within_rate
from counterseal.errors import NotFound, Refused
from counterseal.machines import BINDING, BindingEvent, step
from counterseal.models import (
    Account,
    AppSpace,
    AuditEvent,
    Binding,
    Change,
    Guid,
    Identity,
    KeyScope,
    Record,
    RelyingParty,
)
from counterseal.models.guid import ENTROPY_BYTES, account_partition, mint, partition_of
from counterseal.models.sealing import grant_context, token_context
from counterseal.policy import Policy
from counterseal.ports import Due, Ports
from counterseal.rules.facts import Deadline
from counterseal.rules.sizes import text_fits
from counterseal.rules.standing import (
    expected_issuer,
    identified_simply,
    room_for_binding,
    same_identity,
    unlocked,
)
from counterseal.usecases._idempotency import IdempotentCall, reserve

SECRET_BYTES = 16
"""128 bits (OWASP ASVS 5.0, 11.5.1)."""


@attrs.frozen(kw_only=True)
class Invitation:
    """
    Leave for one device to finish one binding.

    Attributes:
        token: The session token, `guid.secret`; told once, and stored as a hash only.
        deadline: From then on the token is refused.
    """

    account: Account
    app_space: AppSpace
    binding: Guid
    token: str = attrs.field(repr=False)
    deadline: datetime


@attrs.frozen(kw_only=True)
class _Asked:
    """Who is to be invited, on whose word."""

    app_space: AppSpace
    account_id: str
    user_info: str | None
    origin: Guid | None
    identity: Identity | None
    actor: str
    reserved: Guid | None = None


@attrs.frozen
class Invitations:
    """Inviting devices: on an origin's word, or an Identity Provider's."""

    ports: Ports
    policy: Policy

    def invite(
        self,
        party: RelyingParty,
        account_id: str,
        *,
        user_info: str | None = None,
        idempotency_key: str | None = None,
    ) -> Invitation:
        """
        Invite one device of the origin's user.

        The origin must know who its user is: from its own session, never from a request's body.

        Args:
            party: The origin.
            account_id: The origin's own id of the user; creates the account at first use.
            user_info: Kept with the account and returned; None leaves it as it is.
            idempotency_key: The same key with the same arguments again gets the first result.

        Raises:
            InvalidField: A text does not fit the policy.
            WrongKind: An Identity Provider identifies the users of this App Space.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            TooOften: The origin makes too many invitations.
            KeyInProgress: A call with this idempotency key is running.
            KeyReused: The key was used for other arguments.
            NotFound: What the key made has been erased.
            Unavailable: A port failed.
        """
        act = Act(event="binding.invite", actor=party.origin.guid)
        within_rate(self.ports, act, ("invite", party.origin.guid), self.policy.invite_rate)
        try:
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
            text_fits(user_info, self.policy.user_info_bytes, "userInfo", empty=True)
            identified_simply(party.app_space)
            held = None
            if idempotency_key is not None:
                held = self._reserved(party, account_id, user_info, idempotency_key)
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        asked = _Asked(
            app_space=party.app_space,
            account_id=account_id,
            user_info=user_info,
            origin=party.origin.guid,
            identity=None,
            actor=party.origin.guid,
            reserved=None if held is None else held.guid,
        )
        with nullcontext() if held is None else held:
            return settle(self.ports, self.policy, act, lambda: self._invited(asked))

    def welcome(self, app_space: AppSpace, identity: Identity) -> Invitation:
        """
        Invite one device of a user whom the App Space's Identity Provider has named.

        Raises:
            InvalidField: The account id or the subject does not fit the policy.
            WrongIssuer: The identity is of another issuer than the App Space's or account's.
            AccountTaken: The account id is another subject's.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            Unavailable: A port failed.
        """
        act = Act(event="binding.invite", actor="idp")
        try:
            expected_issuer(identity, app_space)
            text_fits(identity.account_id, self.policy.account_id_bytes, "accountId")
            text_fits(identity.subject, self.policy.account_id_bytes, "subject")
        except Refused as refusal:
            refused(self.ports, act, refusal)
            raise
        asked = _Asked(
            app_space=app_space,
            account_id=identity.account_id,
            user_info=None,
            origin=None,
            identity=identity,
            actor="idp",
        )
        return settle(self.ports, self.policy, act, lambda: self._invited(asked))

    def expire(self, limit: int = 100) -> int:
        """
        Expire invitations whose deadline has come; return how many.

        Raises:
            Unavailable: A port failed.
        """
        due = self.ports.store.due(Due.BINDING, self.ports.clock.now(), limit)
        act = Act(event="binding.expire", actor="worker")
        return sweep(self.ports, self.policy, act, due, self._expired)

    def _reserved(
        self, party: RelyingParty, account_id: str, user_info: str | None, key: str
    ) -> IdempotentCall:
        place = account_partition(party.app_space.guid, account_id)
        return reserve(
            self.ports,
            self.policy,
            KeyScope.INVITE,
            party,
            {"accountId": account_id, "userInfo": user_info},
            key=key,
            guid=mint(place, self.ports.entropy.token(ENTROPY_BYTES)),
        )

    def _recorded(self, asked: _Asked, binding: Binding, about: Record | None) -> Invitation:
        account = found(about, Account)
        if account.erased_at is not None:
            raise NotFound
        token = self.ports.sealer.open(binding.sealed_token, token_context(binding.guid))
        return Invitation(
            account=account,
            app_space=asked.app_space,
            binding=binding.guid,
            token=token.decode(),
            deadline=binding.deadline,
        )

    def _invited(self, asked: _Asked) -> Decision[Invitation]:
        if asked.reserved is not None:
            made, about = self.ports.store.get_with_account(asked.reserved)
            if isinstance(made, Binding):
                return Decision(result=self._recorded(asked, made, about))
        now = self.ports.clock.now()
        old = self.ports.store.account(asked.app_space.guid, asked.account_id)
        account = self._new_account(asked, now) if old is None else old
        unlocked(account)
        room_for_binding(account, now, self.policy)
        if old is not None and asked.identity is not None:
            same_identity(old, asked.identity)
        secret = keys.b64url(self.ports.entropy.token(SECRET_BYTES))
        guid, sealed_token = self._named(asked, account, secret)
        binding = Binding(
            guid=guid,
            state=BINDING.initial,
            account=account.guid,
            app_space=account.app_space,
            origin=asked.origin,
            token_hash=keys.token_hash(secret),
            sealed_token=sealed_token,
            deadline=now + self.policy.session_token_life,
            created_at=now,
        )
        invited = enlisted(account, binding, now)
        if asked.user_info is not None:
            invited = attrs.evolve(invited, user_info=asked.user_info)
        if asked.identity is not None:
            sealed = self.ports.sealer.seal(asked.identity.grant, grant_context(account.guid))
            invited = attrs.evolve(invited, sealed_grant=sealed, vouched_at=now)
        if old is None:
            invited = attrs.evolve(invited, version=1)
        return Decision(
            changes=(Change(old, invited), Change(None, binding)),
            audit=(
                AuditEvent(at=now, event="binding.invite", actor=asked.actor, subject=binding.guid),
            ),
            result=Invitation(
                account=invited,
                app_space=asked.app_space,
                binding=binding.guid,
                token=f"{binding.guid}.{secret}",
                deadline=binding.deadline,
            ),
        )

    def _named(self, asked: _Asked, account: Account, secret: str) -> tuple[Guid, bytes]:
        if asked.reserved is None:
            return mint(partition_of(account.guid), self.ports.entropy.token(ENTROPY_BYTES)), b""
        guid = asked.reserved
        return guid, self.ports.sealer.seal(f"{guid}.{secret}".encode(), token_context(guid))

    def _new_account(self, asked: _Asked, now: datetime) -> Account:
        partition = account_partition(asked.app_space.guid, asked.account_id)
        return Account(
            guid=mint(partition, self.ports.entropy.token(ENTROPY_BYTES)),
            app_space=asked.app_space.guid,
            account_id=asked.account_id,
            issuer=None if asked.identity is None else asked.identity.issuer,
            subject="" if asked.identity is None else asked.identity.subject,
            created_at=now,
        )

    def _expired(self, guid: Guid) -> Decision[None]:
        now = self.ports.clock.now()
        record, about = self.ports.store.get_with_account(guid)
        binding, account = found(record, Binding), found(about, Account)
        facts = Deadline(now=now, deadline=binding.deadline)
        state = step(BINDING, binding.state, BindingEvent.EXPIRE, facts)
        expired = attrs.evolve(binding, version=binding.version + 1, state=state, ended_at=now)
        return Decision(
            changes=(Change(binding, expired), Change(account, enlisted(account, expired, now))),
            audit=(AuditEvent(at=now, event="binding.expire", actor="worker", subject=guid),),
            result=None,
        )
