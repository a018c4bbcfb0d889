"""
The two `Authorization` headers of a Request Origin: Basic (RFC 7617) and CX1-HMAC-SHA256.

CX1 is Privakey's scheme, which its clients use:

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
import hashlib
import re
from collections.abc import Iterable, Mapping

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
    # Python also reads needless padding, and bits that encode nothing.
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


LABEL = "counterseal"
ALGORITHM = "hmac-sha256"
TAG = "counterseal"

COVERED = ("@method", "@target-uri", "content-digest")
COVERED_IF_THERE = ("content-type", "idempotency-key")
REQUIRED = frozenset({"signature-input", "signature", "content-digest"})
FIELDS = REQUIRED.union(COVERED_IF_THERE)
"""The header fields that are read, by their names in lower case."""

_INPUT = re.compile(rf"{LABEL}=(\(([^()]*)\)((?:;[a-z]+=(?:[0-9]+|\"[^\"]*\")){{5}}))")
_PARAMETER = re.compile(r';([a-z]+)=([0-9]+|"[^"]*")')
_VALUES = {
    "created": re.compile(r"(0|[1-9][0-9]{0,11})"),
    "keyid": re.compile(r'"([0-9a-f-]{36})"'),
    "nonce": re.compile(r'"([A-Za-z0-9+/_=-]{22,128})"'),
    "alg": re.compile(f'"({ALGORITHM})"'),
    "tag": re.compile(f'"({TAG})"'),
}
"""The format of each parameter; 22 characters of base64 hold 128 bits."""

_SIGNATURE = re.compile(rf"{LABEL}=:([A-Za-z0-9+/]{{43}}=):")
_VALUE = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?)?")
"""A value in one line of ASCII, as it has one line of the signature base."""


@attrs.frozen(kw_only=True)
class MessageSignature:
    """
    The claims of a message's signature.

    Attributes:
        created: Seconds since the epoch.
        parameters: The value of `Signature-Input` after the label, as written, which is signed.
        signature: 32 bytes.
    """

    guid: Guid
    created: int
    nonce: str = attrs.field(repr=False)
    parameters: str = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)


def fields_of(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the fields in `FIELDS`, by lower-case name, without outer spaces; each only once."""
    fields: dict[str, str] = {}
    for raw_name, raw in headers:
        name, value = raw_name.lower(), raw.strip(" \t")
        if name not in FIELDS:
            continue
        if name in fields or not _VALUE.fullmatch(value):
            raise CredentialRefused
        fields[name] = value
    return fields


def read_signature(fields: Mapping[str, str], body: bytes) -> MessageSignature:
    """Read the signature of a message, whose digest is that of *body*, without verifying it."""
    if not fields.keys() >= REQUIRED or fields["content-digest"] != content_digest(body):
        raise CredentialRefused
    input_match = _INPUT.fullmatch(fields["signature-input"])
    signature_match = _SIGNATURE.fullmatch(fields["signature"])
    if input_match is None or signature_match is None or input_match[2] != _components(fields):
        raise CredentialRefused
    signature = base64.b64decode(signature_match[1])
    if base64.b64encode(signature).decode("ascii") != signature_match[1]:
        raise CredentialRefused
    parameters = _parameters(input_match[3])
    return MessageSignature(
        guid=Guid(parameters["keyid"]),
        created=int(parameters["created"]),
        nonce=parameters["nonce"],
        parameters=input_match[1],
        signature=signature,
    )


def content_digest(body: bytes) -> str:
    """Return the value of `Content-Digest`, in the only spelling that is accepted."""
    return f"sha-256=:{_base64(hashlib.sha256(body).digest())}:"


def signature_base(components: Iterable[tuple[str, str]], parameters: str) -> bytes:
    """Return the signature base (RFC 9421, 2.5) of *components*, names and values."""
    lines = [f'"{name}": {value}' for name, value in components]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode()


def message_mac(
    secret: str, *, method: str, uri: str, fields: Mapping[str, str], parameters: str
) -> bytes:
    """
    Return the signature that the holder of *secret* makes, 32 bytes.

    Args:
        fields: `content-digest`, and the other covered fields of the message.
        parameters: The value of `Signature-Input` after the label.
    """
    values = {"@method": method, "@target-uri": uri, **fields}
    components = [(name, values[name]) for name in _names(fields)]
    return mac(secret.encode(), signature_base(components, parameters))


def write_signature(
    secret: str,
    *,
    guid: Guid,
    method: str,
    uri: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    created: int,
    nonce: str,
) -> tuple[tuple[str, str], ...]:
    """
    Return the three headers that the holder of *secret* adds to a message.

    Args:
        headers: Of the message; those in `FIELDS` are covered, each given once.
        created: Seconds since the epoch.
        nonce: 22 to 128 characters of base64 or base64url with at least 128 random bits.
    """
    digested = ("content-digest", content_digest(body))
    fields = fields_of([*headers, digested])
    parameters = (
        f'({_components(fields)});created={created};keyid="{guid}";nonce="{nonce}"'
        f';alg="{ALGORITHM}";tag="{TAG}"'
    )
    signature = message_mac(secret, method=method, uri=uri, fields=fields, parameters=parameters)
    return (
        digested,
        ("signature-input", f"{LABEL}={parameters}"),
        ("signature", f"{LABEL}=:{_base64(signature)}:"),
    )


def _names(fields: Mapping[str, str]) -> tuple[str, ...]:
    return (*COVERED, *(name for name in COVERED_IF_THERE if name in fields))


def _components(fields: Mapping[str, str]) -> str:
    return " ".join(f'"{name}"' for name in _names(fields))


def _parameters(text: str) -> dict[str, str]:
    pairs = _PARAMETER.findall(text)
    texts = dict(pairs)
    if len(texts) != len(pairs) or texts.keys() != _VALUES.keys():
        raise CredentialRefused
    values = {name: shape.fullmatch(texts[name]) for name, shape in _VALUES.items()}
    parameters = {name: match[1] for name, match in values.items() if match is not None}
    if len(parameters) != len(_VALUES):
        raise CredentialRefused
    return parameters


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
