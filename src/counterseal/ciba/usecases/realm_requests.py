"""
Realm requests: realms of Keycloak ask people by this service, their authentication channel.

`counterseal-keycloak` calls these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import attrs

from counterseal._audit_context import AuditContext, refusals
from counterseal._plan import record_with_account, records
from counterseal._transaction import UseCase, with_same_ports
from counterseal.challenges.usecases import Challenges
from counterseal.ciba.decisions import realm_requests
from counterseal.ciba.decisions.realm_requests import MARGIN, RealmRequestDraft, require_realm
from counterseal.credentials.usecases import SignerAuthentication, SingleUse
from counterseal.models import (
    Action,
    Administrator,
    Challenge,
    ChannelRealm,
    Guid,
    Origin,
    Question,
    RelyingParty,
    replace,
)
from counterseal.tenancy.rules.authorization import OriginPermission


@attrs.frozen
class AuthenticationChannel(UseCase):
    """
    What a face for a realm's authentication requests calls.

    The realm is called back when a challenge ends: at most once after a byte was sent, and not
    from *until* on, when the bearer token of the request expires.
    """

    _challenges: Challenges = attrs.field(
        default=with_same_ports(Challenges), init=False, eq=False, repr=False
    )
    _signers: SignerAuthentication = attrs.field(
        default=with_same_ports(partial(SignerAuthentication, registration="realm")),
        init=False,
        eq=False,
        repr=False,
    )

    def authenticate(
        self, origin: str, check: Callable[[ChannelRealm, datetime], SingleUse]
    ) -> RelyingParty:
        """
        Authenticate a realm by what it has signed.

        Args:
            origin: The GUID of its origin, which is not verified yet.
            check: Verifies, given the realm and the time, what was signed by the realm's keys, and
                returns what may be used once; raises Refused. It does no I/O.

        Raises:
            CredentialRefused: There is no such origin, or it has no realm; or what *check* raises.
            Replayed: It was used before.
        """
        return self._signers.authenticate_signer(
            origin, lambda origin, now: check(require_realm(origin), now)
        )

    def ask(
        self, party: RelyingParty, question: Question, *, bearer: str, until: datetime
    ) -> Challenge:
        """
        Ask one account a question, for the realm of *party*.

        The challenge ends some seconds before *until*, or when the policy says at the latest.

        Args:
            bearer: The bearer token of the request, which is stored sealed.
            until: When it expires.

        Raises:
            CredentialRefused: The origin has no realm.
            InvalidField: The bearer token expires too soon; or as `Challenges.issue`.
            Refused: As `Challenges.issue`.
        """
        with refusals(self.ports, self._permit(party, OriginPermission.ASK, "challenge.issue")):
            realm = require_realm(party.origin)
        policy = self._within(party.app_space, party.origin).policy
        longest = policy.challenge_life_limit
        if isinstance(question.content, Action):
            _, longest = policy.action_lives(question.content)
        life = min(until - self.ports.clock.now() - MARGIN, longest)
        issued = self._challenges.issue(
            party,
            replace(question, callback=realm.callback, duration=life),
            extension=RealmRequestDraft(bearer=bearer, until=until),
        )
        return issued.challenge

    def attach(
        self,
        party: RelyingParty,
        challenge: Guid,
        *,
        account_id: str,
        client: str,
        bearer: str,
        until: datetime,
    ) -> Challenge:
        """
        Let a challenge that the origin has issued be the request of its realm.

        Args:
            challenge: It is not finished, its outcome is not sent anywhere, and it ends some
                seconds before *until*.
            account_id: Whom the realm asks: the account of the challenge.
            client: For which client: the challenge's transaction id.
            bearer: As in `ask`.
            until: As in `ask`.

        Raises:
            CredentialRefused: The origin has no realm.
            NotFound: There is no such challenge, or it is another account's or another client's.
            Foreign: Another origin issued it.
            WrongState: It has ended, or its outcome is sent elsewhere.
            InvalidField: It may be answered for longer than the bearer token is valid.
            CallbackForbidden: The realm's callback is no longer on the allow-list.
        """
        context = self._permit(party, OriginPermission.ASK, "challenge.attach", challenge)
        draft = RealmRequestDraft(bearer=bearer, until=until)
        transactions = self._within(party.app_space, party.origin)
        return transactions.transact(
            context,
            record_with_account(challenge),
            realm_requests.attach,
            party.origin,
            draft,
            account_id=account_id,
            client=client,
        )


@attrs.frozen
class ChannelRealms(UseCase):
    """
    Registrations of origins as authentication channels of realms, by one administrator.

    Each verb can raise what those of `Administration` can.

    Args:
        by: Who administers: an `Admin`, or the operator.
    """

    by: Administrator = attrs.field(kw_only=True)

    def register(
        self,
        origin: Guid,
        *,
        issuer: str,
        callback: str,
        jwks: Mapping[str, Any],
        registered_only: bool = False,
    ) -> Origin:
        """
        Make an origin the authentication channel of a realm, in place of the one that it has.

        Args:
            issuer: The realm's URL, as its tokens name it.
            callback: Where it is called back, by an address of the origin's allow-list.
            jwks: Its JWK Set (RFC 7517); keys for encryption, and those of other algorithms than
                ES256, EdDSA, PS256 and RS256, are left out.
            registered_only: Whether a request has to name a challenge that the origin has issued.

        Raises:
            NotFound: There is no such origin.
            InvalidField: The issuer is missing, or the JWK Set has no key that can be used.
            UnfitKey: One of its keys is weak or malformed.
            CallbackForbidden: The callback is not on the origin's allow-list.
            CallbackUncallable: Nothing could ever be sent there; has the reason.
        """
        context = AuditContext(event="origin.edit", actor=self.by.actor, subject=origin)
        with refusals(self.ports, context):
            self.ports.sender.require_callable(callback)
        return self._transactions.transact(
            context,
            records(origin),
            realm_requests.register,
            self.by,
            issuer=issuer,
            callback=callback,
            jwks=jwks,
            registered_only=registered_only,
        )

    def unregister(self, origin: Guid) -> Origin:
        """
        Make an origin the authentication channel of no realm; open requests are not called back.

        Raises:
            NotFound: There is no such origin.
        """
        return self._decide_for(
            self.by, "origin.edit", origin, records(origin), realm_requests.unregister
        )
