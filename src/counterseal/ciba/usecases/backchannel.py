"""Backchannel: CIBA clients request challenges, wait for them, and redeem them for tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import attrs

from counterseal import ijson, keys
from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import record_with_account, records
from counterseal._transaction import UseCase, with_same_ports
from counterseal.approvals.records import approved_action_guid
from counterseal.challenges.usecases import Challenges
from counterseal.ciba.decisions import backchannel
from counterseal.ciba.decisions.backchannel import (
    SECRET_BYTES,
    BackchannelDraft,
    PolledRequest,
    RedeemedRequest,
    read_secret_id,
    require_client,
    write_secret_id,
)
from counterseal.credentials.usecases import SignerAuthentication, SingleUse
from counterseal.errors import CredentialRefused, InvalidField, NotFound, Replayed
from counterseal.models import (
    Administrator,
    Challenge,
    DeliveryMode,
    Guid,
    Origin,
    Question,
    RelyingParty,
    replace,
)
from counterseal.models.sealing import backchannel_context
from counterseal.tenancy.rules.authorization import OriginPermission


@attrs.frozen(kw_only=True)
class BegunRequest:
    """
    A challenge that a CIBA client has requested, and the secret id by which it waits for it.

    Attributes:
        interval: How long the client has to wait between two token requests.
    """

    challenge: Challenge
    interval: timedelta
    auth_req_id: str = attrs.field(repr=False)


@attrs.frozen
class Backchannel(UseCase):
    """What a façade for CIBA calls (OpenID Connect CIBA Core 1.0)."""

    _challenges: Challenges = attrs.field(
        default=with_same_ports(Challenges), init=False, eq=False, repr=False
    )
    _signers: SignerAuthentication = attrs.field(
        default=with_same_ports(partial(SignerAuthentication, registration="backchannel")),
        init=False,
        eq=False,
        repr=False,
    )

    def authenticate(
        self, client_id: str, check: Callable[[Origin, datetime], SingleUse]
    ) -> RelyingParty:
        """
        Authenticate a client by what it has signed.

        Args:
            client_id: The client that it names, which is not verified yet.
            check: Verifies, given the client and the time, what was signed by the keys of
                `Origin.backchannel`, and returns what may be used once; raises Refused. It does
                no I/O.

        Raises:
            CredentialRefused: There is no such client; or what *check* raises.
            Replayed: It was used before.
        """
        return self._signers.authenticate_signer(client_id, check)

    def accept_request(
        self, party: RelyingParty, check: Callable[[Origin, datetime], SingleUse]
    ) -> None:
        """
        Accept the signed request of a client, once.

        Args:
            party: The client, which has authenticated.
            check: Verifies the request as in `authenticate`.

        Raises:
            Replayed: It was used before; or what *check* raises.
        """
        origin = party.origin
        context = self._permit(party, OriginPermission.ASK, "challenge.issue", origin.guid)
        with refusals(self.ports, context):
            once, until = check(origin, self.ports.clock.now())
            if not self.ports.replay.first_seen(("backchannel request", origin.guid, once), until):
                raise Replayed

    def begin(
        self,
        party: RelyingParty,
        question: Question,
        *,
        notification_token: str | None = None,
        idempotency_key: str | None = None,
    ) -> BegunRequest:
        """
        Ask one account a question, for a client that waits.

        A repeated call with the same idempotency key, question and notification token returns the
        first result, with the same `auth_req_id`.

        Args:
            notification_token: What a ping authenticates itself with; the mode PING demands it.

        Raises:
            CredentialRefused: The origin is no CIBA client.
            InvalidField: There is no *notification_token* though a ping is to be sent; or as
                `Challenges.issue`, whose other errors it raises too.
        """
        context = self._permit(party, OriginPermission.ASK, "challenge.issue")
        with refusals(self.ports, context):
            client = require_client(party.origin)
            if client.mode is DeliveryMode.POLL:
                notification_token = None
            elif not notification_token:
                raise InvalidField("client_notification_token", "missing: a ping is to be sent")
        draft = BackchannelDraft(
            secret=self.ports.entropy.token(SECRET_BYTES),
            notification_token=notification_token,
            repeatable=idempotency_key is not None,
        )
        issued = self._challenges.issue(
            party,
            replace(question, callback=client.notification_endpoint),
            idempotency_key=idempotency_key,
            extension=draft,
        )
        challenge = issued.challenge
        request = challenge.backchannel
        assert request is not None  # noqa: S101 (for the type checker: it has the draft)
        if request.secret_hash == keys.digest(draft.secret):
            auth_req_id = write_secret_id(challenge.guid, draft.secret)
        else:
            # An earlier call has issued it, with a secret of its own.
            opened = self.ports.sealer.open(request.sealed_id, backchannel_context(challenge.guid))
            auth_req_id = ijson.parse(opened)["auth_req_id"]
        return BegunRequest(
            challenge=challenge,
            interval=timedelta(seconds=request.interval),
            auth_req_id=auth_req_id,
        )

    def poll(self, party: RelyingParty, auth_req_id: str) -> PolledRequest:
        """
        Return the present state of a request of *party*.

        A call before the interval is over makes the interval 5 seconds longer, for good.

        Raises:
            NotFound: There is no such request.
            Foreign: It is another client's.
            TokenSpent: Its tokens were issued.
        """
        origin = party.origin.guid
        context = self._permit(party, OriginPermission.ASK, "challenge.status")
        with refusals(self.ports, context):
            secret = read_secret_id(auth_req_id)
        context = context.with_subject(secret.challenge)
        first = record_with_account(secret.challenge)
        return self._transactions.transact(context, first, backchannel.poll, origin, secret)

    def redeem(
        self, party: RelyingParty, auth_req_id: str, claims: Mapping[str, Any], *, life: timedelta
    ) -> RedeemedRequest:
        """
        Issue the tokens of an approved request, once.

        Args:
            claims: The claims of the ID token, but for `iat`, `exp` and `at_hash`.
            life: How long the ID token is valid.

        Raises:
            NotFound: There is no such request.
            Foreign: It is another client's.
            TokenSpent: Its tokens were issued.
            CredentialRefused: The client's secrets and keys were revoked since it authenticated.
            WrongState: It is not approved.
            NotApproved: Its approval was withdrawn.
            DeadlinePassed: The time of its approval has passed.
            AccountLocked: The account is locked.
            ApproverInactive: The device that approved may no longer answer for the account.
            SignerUnavailable: The ID token could not be signed; nothing was issued.
        """
        context = self._permit(party, OriginPermission.ASK, "challenge.redeem")
        with refusals(self.ports, context):
            secret = read_secret_id(auth_req_id)
        context = context.with_subject(secret.challenge)
        first = record_with_account(
            secret.challenge, party.origin.guid, approved_action_guid(secret.challenge)
        )
        return self._transactions.transact(
            context, first, backchannel.redeem, party.origin, secret, claims=claims, life=life
        )

    def authenticate_bearer(self, access_token: str) -> tuple[RelyingParty, Guid]:
        """
        Return the client that an access token was issued to, and the challenge that it is for.

        Raises:
            CredentialRefused: It is no access token of this service; or since it was issued, its
                client was none, or had neither a secret nor a key.
        """
        context = AuditContext(event="credential.check", actor="stranger")
        with refusals(self.ports, context):
            try:
                secret = read_secret_id(access_token)
            except NotFound:
                raise CredentialRefused from None
        party = self._transactions.transact(
            context, records(secret.challenge), backchannel.find_bearer, secret
        )
        return party, secret.challenge


@attrs.frozen
class BackchannelClients(UseCase):
    """
    Registrations of origins as CIBA clients, by one administrator.

    Each verb can raise what those of `Administration` can.

    Args:
        by: Who administers: an `Admin`, or the operator.
    """

    by: Administrator = attrs.field(kw_only=True)

    def register(
        self,
        origin: Guid,
        *,
        mode: DeliveryMode,
        notification_endpoint: str | None = None,
        jwks: Mapping[str, Any] | None = None,
        endpoint_audiences: bool | None = None,
    ) -> Origin:
        """
        Register an origin as a CIBA client, or edit its registration.

        Args:
            mode: How it learns that a request has ended.
            notification_endpoint: Where pings are sent, by an address of its allow-list; in the
                mode PING only.
            jwks: Its public keys, a JWK Set (RFC 7517); each names its `kid` and its `alg`. None
                leaves them as they are.
            endpoint_audiences: Whether what it signs may name an endpoint of the service as
                audience; None leaves it as it is, at first False.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The endpoint does not fit the mode, or the JWK Set has a wrong member.
            UnfitKey: One of the keys is weak, or of an algorithm that no client may use.
            CallbackForbidden: The endpoint is not on its allow-list.
            CallbackUncallable: Nothing could ever be sent there; has the reason.
        """
        context = AuditContext(event="origin.edit", actor=self.by.actor, subject=origin)
        if notification_endpoint is not None:
            with refusals(self.ports, context):
                self.ports.sender.require_callable(notification_endpoint)
        return self._transactions.transact(
            context,
            records(origin),
            backchannel.register,
            self.by,
            mode=mode,
            notification_endpoint=notification_endpoint,
            jwks=jwks,
            endpoint_audiences=endpoint_audiences,
        )

    def unregister(self, origin: Guid) -> Origin:
        """
        Make an origin a CIBA client no longer; its open requests are never redeemed.

        Raises:
            NotFound: There is no such origin.
        """
        return self._decide_for(
            self.by, "origin.edit", origin, records(origin), backchannel.unregister
        )
