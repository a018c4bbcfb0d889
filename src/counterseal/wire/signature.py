"""
Message signatures: a strict profile of RFC 9421 for origins and administrators.

    Content-Digest: sha-256=:…:
    Signature-Input: counterseal=("@method" "@target-uri" "content-digest");created=1618884473;
        keyid="…";nonce="…";alg="hmac-sha256";tag="counterseal"
    Signature: counterseal=:…:

Every message has a digest (RFC 9530), that of an empty body too, and covers these three, in this
order, then `content-type` and `idempotency-key`, each exactly if the message has it.
The parameters are these five, each once, in any order. The key is the UTF-8 bytes of the
secret's text, as with CX1. Everything else that RFC 9421 allows is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping

import attrs

from counterseal.errors import CredentialRefused
from counterseal.keys import mac
from counterseal.models import Guid

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
