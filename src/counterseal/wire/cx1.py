"""
The two `Authorization` headers of a Request Origin: Basic (RFC 7617) and CX1-HMAC-SHA256.

CX1 is Privakey's scheme, kept for its clients:

    Authorization: CX1-HMAC-SHA256,<guid>/<milliseconds since the epoch>,<base64 signature>

The signature is HMAC-SHA256, under the UTF-8 bytes of the secret's text, over these joined
without separators: method, full address, milliseconds, GUID, and, except for GET, the raw body.
So bytes can move between address and body without changing the signature. The method, the
window and the replay guard limit what an attacker gains by that, and a GET with a body is refused.
A time with leading zeros is refused too, since the zeros could belong to the address: `…=user-10`
would become `…=user-1`.
"""

from __future__ import annotations

import base64
import binascii
import re

import attrs

from counterseal.errors import CredentialRefused
from counterseal.keys import mac
from counterseal.models import Guid

_CX1 = re.compile(r"CX1-HMAC-SHA256,([0-9a-f-]{36})/(0|[1-9][0-9]{0,14}),([A-Za-z0-9+/]{43}=)")
_BASIC = re.compile(r"(?ai:basic) ([A-Za-z0-9+/]{1,1024}={0,2})")


@attrs.frozen(kw_only=True)
class Cx1Header:
    """The claims of a CX1 header: the time as written, which is signed, and 32 bytes."""

    guid: Guid
    milliseconds: str
    signature: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class BasicHeader:
    """The claims of a Basic header."""

    guid: Guid
    secret: str = attrs.field(repr=False)


def read_cx1(header: str) -> Cx1Header:
    """Read a CX1 header, spelled exactly as above."""
    match = _CX1.fullmatch(header)
    if match is None:
        raise CredentialRefused
    signature = base64.b64decode(match[3])
    if base64.b64encode(signature).decode("ascii") != match[3]:
        raise CredentialRefused
    return Cx1Header(guid=Guid(match[1]), milliseconds=match[2], signature=signature)


def read_basic(header: str) -> BasicHeader:
    """Read a Basic header with a user name and a secret."""
    match = _BASIC.fullmatch(header)
    if match is None:
        raise CredentialRefused
    try:
        data = base64.b64decode(match[1], validate=True)
        user, colon, secret = data.decode().partition(":")
    except (binascii.Error, ValueError):
        raise CredentialRefused from None
    # Python reads more padding than there has to be, and bits that stand for nothing.
    is_canonical = base64.b64encode(data).decode("ascii") == match[1]
    if not (is_canonical and colon and user and secret):
        raise CredentialRefused
    return BasicHeader(guid=Guid(user), secret=secret)


def cx1_mac(
    secret: str, *, method: str, uri: str, milliseconds: str, guid: Guid, body: bytes
) -> bytes:
    """Return the signature that the holder of *secret* makes, 32 bytes."""
    signed = f"{method}{uri}{milliseconds}{guid}".encode()
    return mac(secret.encode(), signed if method == "GET" else signed + body)


def write_cx1(
    secret: str, *, method: str, uri: str, milliseconds: int, guid: Guid, body: bytes
) -> str:
    """Return the header that the holder of *secret* sends."""
    time = str(milliseconds)
    signature = cx1_mac(secret, method=method, uri=uri, milliseconds=time, guid=guid, body=body)
    return f"CX1-HMAC-SHA256,{guid}/{time},{base64.b64encode(signature).decode('ascii')}"


def write_basic(secret: str, *, guid: Guid) -> str:
    """Return the header that the holder of *secret* sends."""
    return f"Basic {base64.b64encode(f'{guid}:{secret}'.encode()).decode('ascii')}"
