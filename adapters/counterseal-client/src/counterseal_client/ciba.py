"""
CIBA: ask a person by OpenID Connect's backchannel (CIBA Core 1.0), by poll and by ping.

`CibaClient.start` begins a request, `poll` waits for its tokens, or `redeem` fetches them after a
ping, and `consume` uses the approval of an action once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self, Unpack
from urllib.parse import urlencode

from counterseal import Refused, Unavailable, trusted_keys
from counterseal.ijson import compact
from counterseal.keys import SigningKey
from counterseal.models import Action, ChallengeState, PublicKey
from counterseal_client.ciba_approval import (
    CibaApproval,
    CibaUse,
    TokenReply,
    approval_of,
    read_use,
)
from counterseal_client.client_authentication import ByKey, BySecret, ClientAuthentication
from counterseal_client.connection import ACCEPT, Connection, ConnectionOptions
from counterseal_client.errors import (
    AskedTooOften,
    Declined,
    Overloaded,
    RequestRefused,
    Unanswered,
    Unfit,
    demand,
    demand_guid,
    require_evidence,
)
from counterseal_client.id_token import (
    Expected,
    IssuerKeys,
    verify_claimed_receipt,
    verify_id_token,
)
from counterseal_client.started_request import RequestStart, StartedRequest
from counterseal_client.transport import Reply
from counterseal_client.trust import Trust
from counterseal_client.waiting import HOLD

GRANT = "urn:openid:params:grant-type:ciba"

AUTHENTICATION = "/ciba/authentication"
TOKEN = "/ciba/token"  # noqa: S105 (a path)
CONSUME = "/ciba/consume"
KEYS = "/ciba/jwks"

SLOWER = timedelta(seconds=5)
"""What `slow_down` adds to the interval, for good (CIBA Core 1.0, 11)."""

_WAITING = frozenset({"authorization_pending", "slow_down"})


class CibaClient:
    """
    A CIBA client of a Counterseal service; threads may share it.

    Every call raises `Unavailable` if there is no reply, or none that can be read, and
    `RequestRefused`, with the error's name as its `problem`, if the service refuses.

    Args:
        issuer: The service's public address, equal to its own `public_url`.
        client_id: The GUID of the origin that is the client.
        secret: The origin's Basic secret, to authenticate by it.
        key: The private key, to authenticate by `private_key_jwt`; in place of *secret*.
        trust: The service's keys; None fetches them from the issuer, and again for a new one.
        **options: The connection's settings, as of `Connection.open`: `timeout`, `tls`,
            `allow_http`, `guard`, `connections`, `clock`, `entropy`, `sleep`, `monotonic`.

    Raises:
        Unfit: An argument is of another type, or has a value that cannot work.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        *,
        secret: str | None = None,
        key: SigningKey | None = None,
        trust: Trust | None = None,
        **options: Unpack[ConnectionOptions],
    ) -> None:
        demand("issuer", issuer, str)
        self._client_id = demand_guid("client_id", client_id)
        self._authentication = _authentication(secret, key)
        self._connection = Connection.open(issuer, **options)
        self._issuer = issuer.rstrip("/")
        self._keys = IssuerKeys(trust, self._fetch_keys)

    def __repr__(self) -> str:
        """Name the issuer and the client, and no secret."""
        return f"CibaClient({self._issuer!r}, {self._client_id!r})"

    def start(
        self,
        account_id: str,
        *,
        action: Action | None = None,
        binding_message: str | None = None,
        requested_expiry: timedelta | None = None,
        notification_token: str | None = None,
        idempotency_key: str | None = None,
    ) -> StartedRequest:
        """
        Begin a request to a user: about an action, or else to log in at the origin.

        Args:
            account_id: The origin's own id of the user, from the authenticated session.
            action: What the person is to approve.
            binding_message: Shown as the action's purpose, to compare with what you show.
            requested_expiry: How long the person may answer; whole seconds.
            notification_token: What the ping has to name, random and new for each request;
                for a client that is pinged.
            idempotency_key: A call with the same key and question returns the first result.

        Raises:
            Unfit: An argument is of another type, or the action has a purpose already.
            Unreachable: The account is unknown, locked, or has no bound device.
            AskedTooOften: The person has too many open requests, or got requests too often.
        """
        start = RequestStart(
            account_id=account_id,
            action=action,
            binding_message=binding_message,
            requested_expiry=requested_expiry,
            notification_token=notification_token,
        )
        parameters = start.parameters()
        key = self._connection.idempotency_key(idempotency_key)
        headers = (("idempotency-key", key),)
        try:
            reply = self._connection.repeat(lambda: self._post(AUTHENTICATION, parameters, headers))
        except RequestRefused as refusal:
            if refusal.problem == "access_denied":
                raise _too_often(refusal) from None
            raise
        now = self._connection.clock.now()
        return reply.read(lambda document: start.read_reply(document, now=now))

    def poll(self, request: StartedRequest, timeout: timedelta) -> CibaApproval:
        """
        Return the approval of a request when the person has answered, within *timeout*.

        The service may hold each token request for 25 seconds, so that the answer is there at once.
        None is sent before the interval, or `Retry-After`, is over. The tokens
        are issued once: if a reply is lost, the request is not there any more.

        Raises:
            Declined: The person said no, or the request was cancelled.
            Unanswered: Nobody has answered; the state is EXPIRED if nobody can any more.
            NotFound: It is no request of this client, or its tokens were issued.
            EvidenceRefused: The tokens do not prove an approval of this request.
            Unavailable: The last token request got no reply.
        """
        demand("request", request, StartedRequest)
        demand("timeout", timeout, timedelta)
        end = self._connection.monotonic() + timeout.total_seconds()
        problem: Exception = Unanswered(ChallengeState.PENDING)
        while True:
            now = self._connection.monotonic()
            if max(now, request.due) > end:
                if end > now:
                    self._connection.sleep(end - now)
                raise problem
            if request.due > now:
                self._connection.sleep(request.due - now)
            try:
                return self._redeem(
                    request, hold=min(HOLD, math.floor(end - self._connection.monotonic()))
                )
            except Unanswered as unanswered:
                if unanswered.state is not ChallengeState.PENDING:
                    raise
                problem = unanswered
            except (Unavailable, AskedTooOften) as failure:
                problem = failure

    def redeem(self, request: StartedRequest) -> CibaApproval:
        """
        Return the approval of a request that has ended, such as after a ping, by one token request.

        Raises:
            Declined, Unanswered, NotFound, EvidenceRefused, Unavailable: As of `poll`.
        """
        demand("request", request, StartedRequest)
        return self._redeem(request)

    def consume(self, approval: CibaApproval, arguments: Mapping[str, Any]) -> CibaUse:
        """
        Use an approved action for the arguments that are about to be executed.

        It succeeds once. Execute the action if this returns, never if it raises. The call is made
        once: if its reply is lost, the action may count as used, and nobody may execute it.

        Raises:
            ActionUsed: It was used before.
            ArgumentsDiffer: These are not the arguments that the person approved.
            NoApproval: The approval was ended.
            Finished: The time of the approval has passed.
            Unauthorised: The service does not know the access token.
            EvidenceRefused: The reply is about another action.
            Unavailable: The service was not reached, or its reply was lost.
            InvalidField: *arguments* cannot be written as JSON.
        """
        demand("approval", approval, CibaApproval)
        demand("arguments", arguments, Mapping)
        body = compact({"arguments": dict(arguments)})
        headers = [
            ("authorization", f"Bearer {approval.access_token}"),
            ("content-type", "application/json"),
        ]
        digest, use = self._send("POST", CONSUME, headers, body).read(read_use)
        require_evidence(digest == approval.digest, "digest")
        return use

    def close(self) -> None:
        """Refuse further calls; calls that run are completed."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _redeem(self, request: StartedRequest, *, hold: int = 0) -> CibaApproval:
        """Make one token request, which the service may hold for *hold* seconds."""
        parameters = {"grant_type": GRANT, "auth_req_id": request.auth_req_id}
        # The service holds none for less than the interval.
        hold = hold if hold >= request.interval.total_seconds() else 0
        retry_after, start = timedelta(0), self._connection.monotonic()
        try:
            reply = self._post(TOKEN, parameters, hold=hold)
        except RequestRefused as refusal:
            retry_after = refusal.retry_after or retry_after
            if refusal.problem == "slow_down":
                request.interval += SLOWER
            raise _outcome_of(refusal) from None
        except Overloaded as failure:
            retry_after = failure.retry_after or retry_after
            raise
        finally:
            now = self._connection.monotonic()
            is_long_poll = now - start >= hold > 0
            pause = retry_after if is_long_poll else max(request.interval, retry_after)
            request.due = now + pause.total_seconds()
        return self._approval(reply, request)

    def _post(
        self,
        path: str,
        parameters: Mapping[str, str],
        headers: tuple[tuple[str, str], ...] = (),
        *,
        hold: int = 0,
    ) -> Reply:
        proof = self._authentication.prove(
            self._client_id,
            self._issuer,
            now=self._connection.clock.now(),
            nonce=self._connection.nonce(),
        )
        try:
            body = urlencode([*parameters.items(), *proof.parameters], errors="strict").encode()
        except UnicodeEncodeError:
            raise Unfit("a text with a lone surrogate") from None
        form = ("content-type", "application/x-www-form-urlencoded")
        if hold:
            headers = (*headers, ("prefer", f"wait={hold}"))  # RFC 7240, 4.3
        return self._send("POST", path, [form, *headers, *proof.headers], body, hold=hold)

    def _send(
        self,
        method: str,
        path: str,
        headers: list[tuple[str, str]],
        body: bytes = b"",
        *,
        hold: int = 0,
    ) -> Reply:
        return self._connection.send(
            method,
            self._connection.address.base + path,
            headers=[ACCEPT, *headers],
            body=body,
            hold=timedelta(seconds=hold),
        )

    def _approval(self, reply: Reply, request: StartedRequest) -> CibaApproval:
        tokens = reply.read(TokenReply.read)
        expected = Expected(
            issuer=self._issuer,
            client_id=self._client_id,
            account_id=request.account_id,
            auth_req_id=request.auth_req_id,
            access_token=tokens.access_token,
        )
        key = self._keys.key_of(tokens.id_token)
        now = self._connection.clock.now()
        claims = verify_id_token(tokens.id_token, key, expected, now=now)
        receipt = verify_claimed_receipt(claims, expected, self._keys.trust)
        return approval_of(tokens, request, claims, receipt, client_id=self._client_id)

    def _fetch_keys(self) -> tuple[PublicKey, ...]:
        return self._send("GET", KEYS, []).read(trusted_keys)


def _authentication(secret: str | None, key: SigningKey | None) -> ClientAuthentication:
    if (secret is None) is (key is None):
        raise Unfit("not exactly one of secret and key")
    if key is not None:
        return ByKey(key)
    demand("secret", secret, str)
    return BySecret(str(secret))


def _outcome_of(refusal: RequestRefused) -> Refused:
    """Return what the error of a token request says about the request (CIBA Core 1.0, 11)."""
    if refusal.problem in _WAITING:
        return Unanswered(ChallengeState.PENDING)
    if refusal.problem == "expired_token":
        return Unanswered(ChallengeState.EXPIRED)
    if refusal.problem == "access_denied":
        return Declined()
    return refusal


def _too_often(refusal: RequestRefused) -> AskedTooOften:
    return AskedTooOften(
        refusal.problem, refusal.status, detail=refusal.detail, retry_after=refusal.retry_after
    )
