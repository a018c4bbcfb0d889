"""
Authentication: an origin or administrator shows its credential, in its own scheme.

An unknown GUID takes the same path as a wrong secret, and as long.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import attrs

from counterseal import keys
from counterseal.decisions import Act, found, read, refused
from counterseal.directory.secrets import SALT_BYTES, SECRET_BYTES
from counterseal.errors import (
    CredentialRefused,
    InvalidField,
    NotFound,
    Refused,
    Replayed,
    RequestStale,
)
from counterseal.models import Admin, AppSpace, Credential, Guid, Origin, RelyingParty, Scheme
from counterseal.models.guid import parse
from counterseal.models.sealing import credential_context
from counterseal.policy import Policy
from counterseal.ports import Ports
from counterseal.rules.standing import forgettable_at, in_force, within_window
from counterseal.wire.cx1 import BasicHeader, Cx1Header, cx1_mac, read_basic, read_cx1
from counterseal.wire.signature import fields_of, message_mac, read_signature

R = TypeVar("R", Origin, Admin)

MILLISECONDS = 1000

NOBODY = Credential(
    scheme=Scheme.BASIC,
    salt=bytes(SALT_BYTES),
    digest=bytes(64),
    created_at=datetime.min.replace(tzinfo=UTC),
)
"""What an unknown GUID's secret is compared with, so that it takes as long."""


@attrs.frozen(kw_only=True)
class SignedRequest:
    """
    A request with what shows who sent it.

    Attributes:
        method: Upper case.
        uri: The full public address, query included, as configured; never from a Host header.
        authorization: The header of Basic and CX1; empty if there is none.
        headers: As they came, each as often as it came; a message signature is among them, and
            what it covers. Others are not looked at.
    """

    method: str
    uri: str
    body: bytes = attrs.field(default=b"", repr=False)
    authorization: str = attrs.field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)


@attrs.frozen
class Authentication:
    """Telling who a request comes from."""

    ports: Ports
    policy: Policy

    def authenticate(self, request: SignedRequest) -> RelyingParty:
        """
        Authenticate an origin by Basic, CX1 or a message signature, whichever it is set to.

        Raises:
            CredentialRefused: The credential is unknown, wrong, revoked, or of another scheme.
            RequestStale: The time that was signed is outside the window.
            Replayed: The signed request was seen before.
            Unavailable: A port failed.
        """
        origin = self._authenticated(request, Origin)
        app_space = read(self.ports.store, origin.app_space, AppSpace)
        return RelyingParty(origin=origin, app_space=app_space)

    def authenticate_admin(self, request: SignedRequest) -> Admin:
        """
        Authenticate an administrator by CX1 or a message signature, whichever it is set to.

        Raises:
            CredentialRefused: The credential is unknown, wrong, out of date, or of another scheme.
            RequestStale: The time that was signed is outside the window.
            Replayed: The signed request was seen before.
            Unavailable: A port failed.
        """
        return self._authenticated(request, Admin)

    def _authenticated(self, request: SignedRequest, kind: type[R]) -> R:
        try:
            if not request.authorization:
                return self._by_signature(request, kind)
            if any(name.lower() == "signature-input" for name, _ in request.headers):
                # Which of the two is to count?
                raise CredentialRefused
            if request.authorization[:6].lower() == "basic ":
                return self._by_basic(read_basic(request.authorization), kind)
            return self._by_cx1(read_cx1(request.authorization), request, kind)
        except Refused as refusal:
            refused(self.ports, Act(event="credential.check", actor="stranger"), refusal)
            raise

    def _by_basic(self, header: BasicHeader, kind: type[R]) -> R:
        holder, live = self._live(header.guid, kind, Scheme.BASIC)
        matches = [
            keys.constant_time_equal(
                keys.basic_digest(header.secret, credential.salt), credential.digest
            )
            for credential in live or (NOBODY,)
        ]
        if holder is None or not any(matches):
            raise CredentialRefused
        return holder

    def _by_cx1(self, header: Cx1Header, request: SignedRequest, kind: type[R]) -> R:
        if request.method == "GET" and request.body:
            # CX1 does not sign it.
            raise CredentialRefused
        now = self.ports.clock.now()
        within_window(int(header.milliseconds) / MILLISECONDS, now, self.policy, RequestStale)

        def sign(secret: str) -> bytes:
            return cx1_mac(
                secret,
                method=request.method,
                uri=request.uri,
                milliseconds=header.milliseconds,
                guid=header.guid,
                body=request.body,
            )

        live = self._live(header.guid, kind, Scheme.HMAC)
        holder, right = self._signed(header.guid, live, header.signature, sign)
        self._once(("cx1", holder.guid, keys.b64url(right)), now)
        return holder

    def _by_signature(self, request: SignedRequest, kind: type[R]) -> R:
        fields = fields_of(request.headers)
        claimed = read_signature(fields, request.body)
        now = self.ports.clock.now()
        within_window(claimed.created, now, self.policy, RequestStale)

        def sign(secret: str) -> bytes:
            return message_mac(
                secret,
                method=request.method,
                uri=request.uri,
                fields=fields,
                parameters=claimed.parameters,
            )

        live = self._live(claimed.guid, kind, Scheme.SIGNATURE)
        holder, _ = self._signed(claimed.guid, live, claimed.signature, sign)
        self._once(("signature", holder.guid, claimed.nonce), now)
        return holder

    def _signed(
        self,
        guid: Guid,
        live: tuple[R | None, tuple[Credential, ...]],
        signature: bytes,
        sign: Callable[[str], bytes],
    ) -> tuple[R, bytes]:
        """Return who made *signature*, and the same as we make it."""
        holder, credentials = live
        made = [sign(secret) for secret in self._secrets(guid, credentials)]
        right = [mac for mac in made if keys.constant_time_equal(mac, signature)]
        if holder is None or not credentials or not right:
            raise CredentialRefused
        return holder, right[0]

    def _once(self, key: tuple[str, str, str], now: datetime) -> None:
        if not self.ports.replay.first_seen(key, forgettable_at(now, self.policy)):
            raise Replayed

    def _secrets(self, guid: Guid, live: tuple[Credential, ...]) -> list[str]:
        if not live:
            return [keys.b64url(self.ports.entropy.token(SECRET_BYTES))]
        return [
            self.ports.sealer.open(credential.sealed, credential_context(guid)).decode()
            for credential in live
        ]

    def _live(
        self, guid: Guid, kind: type[R], scheme: Scheme
    ) -> tuple[R | None, tuple[Credential, ...]]:
        now = self.ports.clock.now()
        try:
            (record,) = self.ports.store.get(parse(guid, field="guid"))
            holder = found(record, kind)
        except (InvalidField, NotFound):
            return None, ()
        if isinstance(holder, Admin) and not in_force(holder.ends_at, now):
            return None, ()
        return holder, tuple(
            credential
            for credential in holder.credentials
            if credential.scheme is scheme and in_force(credential.ends_at, now)
        )
