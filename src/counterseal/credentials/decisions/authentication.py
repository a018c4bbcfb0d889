"""
Authentication: an origin or administrator shows its credential, by Basic, CX1 or a signature.

An unknown GUID is refused by the same steps as a wrong secret, in the same time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias, TypeVar

import attrs

from counterseal import keys
from counterseal._plan import Decision, Reading, Records, Tools, nothing, records, require
from counterseal.accounts.rules import in_force, within_window
from counterseal.credentials.decisions.credentials import SALT_BYTES, SECRET_BYTES
from counterseal.credentials.documents import (
    BasicHeader,
    Cx1Header,
    MessageSignature,
    cx1_mac,
    fields_of,
    message_mac,
    read_basic,
    read_cx1,
    read_signature,
)
from counterseal.errors import CredentialRefused, InvalidField, RequestStale
from counterseal.models import (
    Admin,
    AppSpace,
    Credential,
    Guid,
    Origin,
    Record,
    RelyingParty,
    Scheme,
)
from counterseal.models.guid import parse
from counterseal.models.sealing import credential_context

Holder = TypeVar("Holder", Origin, Admin)

Registration: TypeAlias = Literal["backchannel", "realm"]
"""The member of an origin with the keys of what signs for it: a CIBA client, or a realm."""

MILLISECONDS = 1000

PLACEHOLDER_CREDENTIAL = Credential(
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


@attrs.define
class Claim:
    """Who a request says that it is from, read and not believed."""

    request: SignedRequest
    scheme: Scheme
    header: BasicHeader | Cx1Header | MessageSignature
    fields: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def reading(self, parents: Mapping[Guid, Guid]) -> Reading[Records]:
        """
        Return what to read: the holder that is named; nothing if the name is no GUID.

        Its parent is read in the same trip if *parents* has it.
        """
        try:
            guid = parse(self.header.guid, field="guid")
        except InvalidField:
            return nothing()
        parent = parents.get(guid)
        return records(guid) if parent is None else records(guid, parent)

    def mac(self, secret: str) -> bytes:
        """Return what the holder of *secret* would have sent; empty for Basic."""
        request, header = self.request, self.header
        if isinstance(header, Cx1Header):
            return cx1_mac(
                secret,
                method=request.method,
                uri=request.uri,
                milliseconds=header.milliseconds,
                guid=header.guid,
                body=request.body,
            )
        if isinstance(header, MessageSignature):
            return message_mac(
                secret,
                method=request.method,
                uri=request.uri,
                fields=self.fields,
                parameters=header.parameters,
            )
        return b""


def read_claim(request: SignedRequest, tools: Tools) -> Claim:
    """Read the sender that a request claims, which is not verified yet."""
    if not request.authorization:
        fields = fields_of(request.headers)
        signature = read_signature(fields, request.body)
        within_window(signature.created, tools.now, tools.policy, RequestStale)
        return Claim(request, Scheme.SIGNATURE, signature, fields)
    if any(name.lower() == "signature-input" for name, _ in request.headers):
        # The request carries two credentials.
        raise CredentialRefused
    if request.authorization[:6].lower() == "basic ":
        return Claim(request, Scheme.BASIC, read_basic(request.authorization))
    header = read_cx1(request.authorization)
    if request.method == "GET" and request.body:
        # CX1 does not sign it.
        raise CredentialRefused
    seconds = int(header.milliseconds) / MILLISECONDS
    within_window(seconds, tools.now, tools.policy, RequestStale)
    return Claim(request, Scheme.HMAC, header)


def verify(
    stored: Records, tools: Tools, claim: Claim, kind: type[Holder]
) -> tuple[Holder, tuple[str, str, str] | None]:
    """
    Verify a request by the live secrets of the holder that it names.

    Returns:
        The holder, and the replay key; None for Basic, which has none.
    """
    holder, credentials = _live(stored[0] if stored else None, tools.now, claim.scheme, kind)
    header = claim.header
    if isinstance(header, BasicHeader):
        matches = [
            keys.constant_time_equal(
                keys.basic_digest(header.secret, credential.salt), credential.digest
            )
            for credential in credentials or (PLACEHOLDER_CREDENTIAL,)
        ]
        if holder is None or not any(matches):
            raise CredentialRefused
        return holder, None
    macs = [claim.mac(secret) for secret in _secrets(tools, header.guid, credentials)]
    matching = [mac for mac in macs if keys.constant_time_equal(mac, header.signature)]
    if holder is None or not credentials or not matching:
        raise CredentialRefused
    if isinstance(header, Cx1Header):
        return holder, ("cx1", holder.guid, keys.b64url(matching[0]))
    return holder, ("signature", holder.guid, header.nonce)


async def load_party(
    stored: Records, _: Tools, registration: Registration
) -> Decision[RelyingParty]:
    """Decide to return an origin that has *registration*; nothing has authenticated it."""
    origin = stored[0] if stored else None
    if not isinstance(origin, Origin) or getattr(origin, registration) is None:
        raise CredentialRefused
    app_space = require((await records(origin.app_space))[0], AppSpace)
    return Decision(result=RelyingParty(origin=origin, app_space=app_space))


def _live(
    record: Record | None, now: datetime, scheme: Scheme, kind: type[Holder]
) -> tuple[Holder | None, tuple[Credential, ...]]:
    if not isinstance(record, kind):
        return None, ()
    if isinstance(record, Admin) and not in_force(record.ends_at, now):
        return None, ()
    return record, tuple(
        credential
        for credential in record.credentials
        if credential.scheme is scheme and in_force(credential.ends_at, now)
    )


def _secrets(tools: Tools, guid: Guid, credentials: tuple[Credential, ...]) -> list[str]:
    if not credentials:
        return [keys.b64url(tools.entropy(SECRET_BYTES))]
    context = credential_context(guid)
    return [tools.open(credential.sealed, context).decode() for credential in credentials]
