"""Ceremonies of WebAuthn for an origin: its users' browsers register passkeys, and use them."""

from __future__ import annotations

from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._audit_context import AuditContext, demand_rate, refusals
from counterseal._input_limits import text_fits
from counterseal._plan import account_of, nothing, record_with_account
from counterseal._transaction import UseCase
from counterseal.accounts.rules import identified_by_origin
from counterseal.ceremonies.decisions import ceremonies
from counterseal.ceremonies.decisions.ceremonies import (
    CeremonyStart,
    StartedAuthentication,
    StartedRegistration,
)
from counterseal.ceremonies.decisions.discovery import (
    StartedDiscovery,
    finish_discovery,
    start_discovery,
)
from counterseal.ceremonies.records import ceremony_guid
from counterseal.ceremonies.rules import scope_at
from counterseal.errors import (
    InvalidField,
    MalformedAssertion,
    MalformedRegistration,
    Refused,
)
from counterseal.keys import AssertionParts
from counterseal.keys.passkeys import CLIENT_DATA_LIMIT
from counterseal.models import (
    Account,
    Binding,
    Guid,
    PasskeyAuthentication,
    RegistrationResponse,
    RelyingParty,
)
from counterseal.models.guid import account_partition
from counterseal.ports import Due
from counterseal.tenancy.rules.authorization import OriginPermission


@attrs.frozen
class Ceremonies(UseCase):
    """
    Passkeys that authenticate users of an origin, and do nothing else.

    They approve no challenge: what a person approves is shown by a device, and signed there.
    """

    def start_registration(
        self, party: RelyingParty, account_id: str, domain: str, *, user_info: str | None = None
    ) -> StartedRegistration:
        """
        Begin to register a passkey of the origin's user; the first one creates the account.

        The origin must know who its user is: from its own session, never from a request's body.

        Args:
            account_id: The origin's own id of the user.
            domain: Where the passkey is to be used; the origin's allow-list has it.
            user_info: Stored with a new account.

        Raises:
            InvalidField: A text does not fit the policy.
            DomainForbidden: The domain is not on the origin's allow-list.
            WrongKind: An Identity Provider identifies the users of this App Space.
            UnfitKey: The policy refuses passkeys.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            AttestationRefused: The service registers no passkeys of browsers.
            TooOften: The origin makes too many invitations.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.USERS, "registration.start")
        transactions = self._within(party.app_space, party.origin)
        policy = transactions.policy
        demand_rate(self.ports, context, ("invite", origin), policy.invite_rate)
        with refusals(self.ports, context):
            text_fits(account_id, policy.account_id_bytes, "accountId")
            text_fits(user_info, policy.user_info_bytes, "userInfo", empty=True)
            identified_by_origin(party.app_space)
            scope = scope_at(party, domain)
            conveyance = self.ports.attestation.conveyance()
        start = CeremonyStart(
            party=party,
            account_id=account_id,
            scope=scope,
            user_info=user_info,
            conveyance=conveyance,
        )
        first = account_of(party.app_space.guid, account_id)
        return transactions.transact(context, first, ceremonies.start_registration, start)

    def register(
        self,
        party: RelyingParty,
        account_id: str,
        response: RegistrationResponse,
        *,
        name: str = "",
        session: Guid | None = None,
    ) -> tuple[Binding, Account]:
        """
        Verify what a browser returned, and bind the passkey to the account.

        The account's other devices are notified, as when a device is bound.

        Args:
            name: By which the passkey is recognised in lists; may be empty.
            session: Of the one-time link by which an administrator's browser registers: the passkey
                authenticates nobody until it has opened that session.

        Raises:
            InvalidField: A text does not fit the policy.
            NotFound: No registration of the account has this challenge.
            Foreign: Another origin began it.
            WrongState: It has ended.
            DeadlinePassed: It took too long.
            AccountLocked: The account is locked.
            TooManyBindings: The account has as many devices as the policy allows.
            UnfitKey: The key is too weak, of a kind that is not allowed, or registered already, or
                the domain is no longer on the origin's allow-list.
            Refused: The answer does not hold; as `AttestationVerifier.verify`.
        """
        context = self._permit(party, OriginPermission.USERS, "registration.register")
        with refusals(self.ports, context):
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
            text_fits(name, self.policy.name_bytes, "name", empty=True)
            challenge = _claimed_challenge(response.client_data, MalformedRegistration)
            guid = ceremony_guid(account_partition(party.app_space.guid, account_id), challenge)
        context = context.with_subject(guid)
        reading = record_with_account(guid)
        transactions = self._within(party.app_space, party.origin)
        registration = transactions.transact(
            context, reading, ceremonies.check_registration, party, account_id
        )
        with refusals(self.ports, context):
            registered = self.ports.attestation.verify(
                response,
                scope=registration.scope,
                challenge=keys.challenge_of(registration.nonce),
            )
        served_kinds = self.ports.notifier.kinds()
        return transactions.transact(
            context,
            reading,
            ceremonies.register,
            party,
            account_id,
            registered,
            name=name,
            session=session,
            served_kinds=served_kinds,
        )

    def start_authentication(
        self, party: RelyingParty, account_id: str, domain: str
    ) -> StartedAuthentication:
        """
        Begin to authenticate the origin's user by a passkey in a browser.

        Raises:
            InvalidField: A text does not fit the policy.
            DomainForbidden: The domain is not on the origin's allow-list.
            AccountUnknown: The App Space knows no such account.
            AccountUnbound: The account has no active passkey there that the policy allows.
            AccountLocked: The account is locked.
            TooOften: The origin begins too many.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.USERS, "authentication.start")
        transactions = self._within(party.app_space, party.origin)
        policy = transactions.policy
        demand_rate(self.ports, context, ("authenticate", origin), policy.authenticate_rate)
        with refusals(self.ports, context):
            text_fits(account_id, policy.account_id_bytes, "accountId")
            scope = scope_at(party, domain)
        start = CeremonyStart(party=party, account_id=account_id, scope=scope)
        first = account_of(party.app_space.guid, account_id)
        return transactions.transact(context, first, ceremonies.start_authentication, start)

    def finish_authentication(
        self,
        party: RelyingParty,
        account_id: str,
        credential_id: str,
        assertion: AssertionParts,
        *,
        user_handle: bytes | None = None,
    ) -> PasskeyAuthentication:
        """
        Verify a browser's answer, which is found by the challenge in its client data.

        Args:
            credential_id: The passkey that the browser has used, base64url.
            user_handle: Whose the passkey says that it is, if it says so.

        Raises:
            NotFound: No authentication of the account has this challenge.
            Foreign: Another origin began it.
            WrongState: It has ended.
            DeadlinePassed: It took too long.
            AccountLocked: The account is locked.
            WrongKey: The account has no such active passkey there, or the handle is another's.
            WrongAlgorithm: The policy no longer allows the passkey.
            Refused: The assertion does not hold; as `counterseal.keys.verify_assertion`.
        """
        context = self._permit(party, OriginPermission.USERS, "authentication.finish")
        with refusals(self.ports, context):
            text_fits(account_id, self.policy.account_id_bytes, "accountId")
            challenge = _claimed_challenge(assertion.client_data, MalformedAssertion)
            guid = ceremony_guid(account_partition(party.app_space.guid, account_id), challenge)
        context = context.with_subject(guid)
        return self._within(party.app_space, party.origin).transact(
            context,
            record_with_account(guid),
            ceremonies.finish,
            party,
            account_id,
            credential_id=credential_id,
            assertion=assertion,
            handle=user_handle,
        )

    def start_discovery(self, party: RelyingParty, domain: str) -> StartedDiscovery:
        """
        Begin to authenticate an unknown user by a passkey at *domain*; it names the user.

        Nothing is stored: the browser keeps the ticket, for itself alone. So there is no limit by
        the minute, which strangers could use up for everybody.

        Raises:
            DomainForbidden: The domain is not on the origin's allow-list.
            UnfitKey: The policy refuses passkeys.
        """
        context = self._permit(party, OriginPermission.USERS, "authentication.start")
        with refusals(self.ports, context):
            scope = scope_at(party, domain)
        transactions = self._within(party.app_space, party.origin)
        return transactions.transact(context, nothing(), start_discovery, party, scope.rp_id)

    def finish_discovery(
        self,
        party: RelyingParty,
        ticket: str,
        credential_id: str,
        assertion: AssertionParts,
        *,
        user_handle: bytes | None,
    ) -> tuple[PasskeyAuthentication, Account]:
        """
        Verify a browser's answer, and return whom the passkey's user handle names.

        Args:
            ticket: What `start_discovery` gave this browser; it serves once.
            credential_id: The passkey that the browser has used, base64url.
            user_handle: Whose the passkey says that it is.

        Raises:
            WrongToken: The ticket is not of this origin.
            Replayed: The ticket was used already.
            DeadlinePassed: It took too long.
            AccountLocked: The account is locked.
            WrongKey: The handle names no account here, or the account has no such active passkey.
            WrongAlgorithm: The policy no longer allows the passkey.
            Refused: The assertion does not hold; as `counterseal.keys.verify_assertion`.
        """
        context = self._permit(party, OriginPermission.USERS, "authentication.finish")
        return self._within(party.app_space, party.origin).act(
            context,
            finish_discovery,
            party,
            ticket,
            credential_id=credential_id,
            assertion=assertion,
            handle=user_handle,
        )

    def expire(self, limit: int = 100) -> int:
        """
        Expire registrations and authentications whose deadline has come; return how many.

        Raises:
            Unavailable: A port failed.
        """
        now = self.ports.clock.now()
        count = 0
        for kind, event in (
            (Due.REGISTRATION, "registration.expire"),
            (Due.AUTHENTICATION, "authentication.expire"),
        ):
            due = self.ports.store.due(kind, now, limit)
            context = AuditContext(event=event, actor="worker")
            count += self._transactions.sweep(context, due, record_with_account, ceremonies.expire)
        return count


def _claimed_challenge(client_data: bytes, error: type[Refused]) -> str:
    """
    Return the challenge in client data, by which a ceremony is found.

    Raises:
        Refused: *error*: it has none, or is too long.
    """
    if len(client_data) > CLIENT_DATA_LIMIT:
        raise error
    try:
        client: Any = ijson.parse(client_data)
    except InvalidField:
        raise error from None
    challenge = client.get("challenge") if isinstance(client, dict) else None
    if not isinstance(challenge, str):
        raise error
    return challenge
