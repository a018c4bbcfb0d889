"""
CIBA: ask a person by OpenID Connect's backchannel (CIBA Core 1.0), by poll and by ping.

`CibaClient.start` begins a request, `poll` waits for its tokens, or `redeem` fetches them after a
ping, and `consume` uses the approval of an action once.
"""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlencode

import attrs

from counterseal import Refused, Unavailable, trusted_keys
from counterseal.errors import InvalidField
from counterseal.ijson import compact
from counterseal.keys import SigningKey
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import Action, ChallengeState, PublicKey
from counterseal.models.guid import parse
from counterseal.ports import Clock, Entropy
from counterseal.wire.action import action_request_document
from counterseal.wire.members import Members
from counterseal_client.address import Address
from counterseal_client.calls import ATTEMPTS, KEY_BYTES, PATIENCE, pause_after
from counterseal_client.ciba_approval import (
    CibaApproval,
    CibaUse,
    TokenReply,
    approval_of,
    read_use,
)
from counterseal_client.client import CONNECTIONS, OWN_SERVICE, TIMEOUT
from counterseal_client.client_authentication import ByKey, BySecret, ClientAuthentication
from counterseal_client.errors import (
    AskedTooOften,
    Declined,
    EvidenceRefused,
    NotSent,
    Overloaded,
    ReplyLost,
    RequestRefused,
    Unanswered,
    Unfit,
    demand,
    require_evidence,
)
from counterseal_client.id_token import (
    Expected,
    key_of,
    verify_claimed_receipt,
    verify_id_token,
)
from counterseal_client.problem import error_of
from counterseal_client.started_request import StartedRequest
from counterseal_client.transport import Reply, Transport
from counterseal_client.trust import Trust
from counterseal_client.waiting import HOLD
from counterseal_http import Guard

GRANT = "urn:openid:params:grant-type:ciba"
ACTION_TYPE = "urn:counterseal:action"

AUTHENTICATION = "/ciba/authentication"
TOKEN = "/ciba/token"  # noqa: S105 (a path)
CONSUME = "/ciba/consume"
KEYS = "/ciba/jwks"

INTERVAL = 5
"""Seconds between two token requests if the service names none (CIBA Core 1.0, 7.3)."""

SLOWER = timedelta(seconds=5)
"""What `slow_down` adds to the interval, for good (CIBA Core 1.0, 11)."""

NONCE_BYTES = 16

_SUCCESS = 200
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
        timeout: The longest that one attempt of a call may take; one that the service holds may
            take 25 seconds longer.
        tls: The authorities that the service's certificate needs; by default the machine's.
        allow_http: Whether plain `http` to another machine is allowed.
        guard: Which addresses the service may have.
        connections: How many requests run at once.
        clock: The time for assertions and ID tokens.
        entropy: Makes idempotency keys, and the ids of assertions.
        sleep: Waits for a number of seconds.
        monotonic: A monotonic clock, in seconds.

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
        timeout: timedelta = TIMEOUT,
        tls: ssl.SSLContext | None = None,
        allow_http: bool = False,
        guard: Guard = OWN_SERVICE,
        connections: int = CONNECTIONS,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, text in (("issuer", issuer), ("client_id", client_id)):
            demand(name, text, str)
        demand("timeout", timeout, timedelta)
        if timeout <= timedelta(0):
            raise Unfit("timeout: not more than 0")
        self._authentication = _authentication(secret, key)
        try:
            self._client_id = parse(client_id, field="client_id")
        except InvalidField:
            raise Unfit("client_id: not the GUID of an origin") from None
        self._address = Address.read(issuer, guard, allow_http=allow_http)
        self._issuer = issuer.rstrip("/")
        self._trust = trust
        self._fetched_keys: tuple[PublicKey, ...] = ()
        self._timeout = timeout
        longest = timeout + timedelta(seconds=HOLD)
        self._transport = Transport(guard, longest=longest, connections=connections, tls=tls)
        self._clock = clock or SystemClock()
        self._entropy = entropy or SystemEntropy()
        self._sleep, self._monotonic = sleep, monotonic

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
        demand("account_id", account_id, str)
        parameters = {"scope": "openid", "login_hint": account_id}
        if action is not None:
            demand("action", action, Action)
            if binding_message is not None and action.purpose is not None:
                raise Unfit("binding_message: the action has a purpose, which is shown")
            details = [{"type": ACTION_TYPE, "action": action_request_document(action)}]
            parameters["authorization_details"] = compact(details).decode()
        if binding_message is not None:
            demand("binding_message", binding_message, str)
            parameters["binding_message"] = binding_message
            action = None if action is None else attrs.evolve(action, purpose=binding_message)
        if requested_expiry is not None:
            demand("requested_expiry", requested_expiry, timedelta)
            parameters["requested_expiry"] = str(int(requested_expiry.total_seconds()))
        if notification_token is not None:
            demand("notification_token", notification_token, str)
            parameters["client_notification_token"] = notification_token
        key = idempotency_key or self._entropy.token(KEY_BYTES).hex()
        demand("idempotency_key", key, str)
        try:
            reply = self._post_repeatedly(AUTHENTICATION, parameters, key)
        except RequestRefused as refusal:
            if refusal.problem == "access_denied":
                raise _too_often(refusal) from None
            raise
        return reply.read(
            lambda document: self._started(document, account_id, action, notification_token)
        )

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
        end = self._monotonic() + timeout.total_seconds()
        problem: Exception = Unanswered(ChallengeState.PENDING)
        while True:
            now = self._monotonic()
            if max(now, request.due) > end:
                if end > now:
                    self._sleep(end - now)
                raise problem
            if request.due > now:
                self._sleep(request.due - now)
            try:
                return self._redeem(request, hold=min(HOLD, math.floor(end - self._monotonic())))
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
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _redeem(self, request: StartedRequest, *, hold: int = 0) -> CibaApproval:
        """Make one token request, which the service may hold for *hold* seconds."""
        parameters = {"grant_type": GRANT, "auth_req_id": request.auth_req_id}
        # The service holds none for less than the interval.
        hold = hold if hold >= request.interval.total_seconds() else 0
        retry_after, start = timedelta(0), self._monotonic()
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
            now = self._monotonic()
            is_long_poll = now - start >= hold > 0
            pause = retry_after if is_long_poll else max(request.interval, retry_after)
            request.due = now + pause.total_seconds()
        return self._approval(reply, request)

    def _post_repeatedly(self, path: str, parameters: Mapping[str, str], key: str) -> Reply:
        """Make a call that may be repeated, since it has an idempotency key."""
        attempt = 1
        while True:
            try:
                return self._post(path, parameters, (("idempotency-key", key),))
            except (NotSent, ReplyLost, Overloaded) as problem:
                retry_after = problem.retry_after if isinstance(problem, Overloaded) else None
                is_too_long = retry_after is not None and retry_after > PATIENCE
                if attempt == ATTEMPTS or is_too_long:
                    raise
            self._sleep(pause_after(attempt, retry_after, self._entropy))
            attempt += 1

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
            now=self._clock.now(),
            nonce=self._entropy.token(NONCE_BYTES).hex(),
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
        accept = ("accept", "application/json, application/problem+json")
        reply = self._transport.send(
            method,
            self._address.base + path,
            target=(self._address.path + path).encode("ascii"),
            headers=[accept, *headers],
            body=body,
            within=self._timeout + timedelta(seconds=hold),
        )
        if reply.status != _SUCCESS:
            raise error_of(reply, self._clock.now())
        return reply

    def _started(
        self,
        document: object,
        account_id: str,
        action: Action | None,
        notification_token: str | None,
    ) -> StartedRequest:
        members = Members.of(document)
        interval = members.count_or_none("interval")
        return StartedRequest(
            auth_req_id=members.text("auth_req_id"),
            account_id=account_id,
            action=action,
            expires_at=self._clock.now() + timedelta(seconds=members.count("expires_in")),
            interval=timedelta(seconds=INTERVAL if interval is None else interval),
            notification_token=notification_token,
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
        key = self._key_of(tokens.id_token)
        claims = verify_id_token(tokens.id_token, key, expected, now=self._clock.now())
        trust = self._trust or Trust(keys=self._fetched_keys)
        receipt = verify_claimed_receipt(claims, expected, trust)
        return approval_of(tokens, request, claims, receipt, client_id=self._client_id)

    def _key_of(self, id_token: str) -> PublicKey:
        pinned = () if self._trust is None else self._trust.keys
        key = key_of(id_token, pinned or self._fetched_keys)
        if key is None and not pinned:
            self._fetched_keys = self._fetch_keys()
            key = key_of(id_token, self._fetched_keys)
        if key is None:
            raise EvidenceRefused("ID token: an unknown key")
        return key

    def _fetch_keys(self) -> tuple[PublicKey, ...]:
        fetched_keys = self._send("GET", KEYS, []).read(trusted_keys)
        if self._trust is None:
            return fetched_keys
        return tuple(key for key in fetched_keys if key.thumbprint == self._trust.thumbprint)


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
