"""
The floors: what each goal is divided by.

Only bare `cryptography`, `rfc8785`, `json` and the standard library may enter this file:
a floor that used our own code would fall with it.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import rfc8785
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

SHA256 = hashes.SHA256()
PKCS1 = padding.PKCS1v15()
PSS = padding.PSS(mgf=padding.MGF1(SHA256), salt_length=32)
ES256 = ec.ECDSA(SHA256)

Pair = tuple[Callable[[bytes], bytes], Callable[[bytes, bytes], None]]


def pair(algorithm: str) -> Pair:
    """Return a bare signer and verifier for *algorithm*, key objects at hand."""
    if algorithm == "ES256":
        elliptic = ec.generate_private_key(ec.SECP256R1())
        public = elliptic.public_key()
        return (
            lambda data: elliptic.sign(data, ES256),
            lambda signature, data: public.verify(signature, data, ES256),
        )
    if algorithm == "EdDSA":
        edwards = ed25519.Ed25519PrivateKey.generate()
        opened = edwards.public_key()
        return edwards.sign, opened.verify
    modular = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_key = modular.public_key()
    scheme = PSS if algorithm == "PS256" else PKCS1
    return (
        lambda data: modular.sign(data, scheme, SHA256),
        lambda signature, data: public_key.verify(signature, data, scheme, SHA256),
    )


def verifying(algorithm: str, size: int) -> Callable[[], None]:
    """Return one bare verification of *size* bytes."""
    sign, verify = pair(algorithm)
    data = bytes(size)
    signature = sign(data)
    return lambda: verify(signature, data)


def answering(algorithm: str, sizes: tuple[int, int, int]) -> Callable[[], None]:
    """
    Return the cryptography of one whole answer: two verifications, one signature, two hashes.

    The proof names the hash of the call's body, and the next receipt that of this one.

    Args:
        algorithm: Of the device; the service's receipts are ES256.
        sizes: Bytes of the proof's, the answer's and the receipt's signed text.
    """
    proof, answer, receipt = (bytes(size) for size in sizes)
    sign, verify = pair(algorithm)
    service, _ = pair("ES256")
    proof_signature, answer_signature = sign(proof), sign(answer)

    def once() -> None:
        verify(proof_signature, proof)
        hashlib.sha256(answer).digest()
        verify(answer_signature, answer)
        service(receipt)
        hashlib.sha256(receipt).digest()

    return once


def issuing(document: dict[str, Any], record: dict[str, Any]) -> Callable[[], None]:
    """Return one canonicalisation and one `json.dumps` of the same record."""

    def once() -> None:
        rfc8785.dumps(document)
        json.dumps(record)

    return once


def digesting(document: dict[str, Any]) -> Callable[[], bytes]:
    """Return one canonicalisation of *document*, and its hash."""
    return lambda: hashlib.sha256(rfc8785.dumps(document)).digest()


def signing(size: int) -> Callable[[], bytes]:
    """Return one signature of the service over *size* bytes."""
    sign, _ = pair("ES256")
    data = bytes(size)
    return lambda: sign(data)


class State(enum.Enum):
    """States as a hand-written machine has them."""

    PENDING = "PENDING"
    CANCELLED = "CANCELLED"


class Event(enum.Enum):
    """Events as a hand-written machine has them."""

    CANCEL = "cancel"


def stepping(rules: Sequence[Callable[[Any], None]], facts: Any) -> Callable[[], State]:
    """Return one decision of a hand-written dict, with the same rules on the same facts."""
    table = {(State.PENDING, Event.CANCEL): (tuple(rules), State.CANCELLED)}

    def decide(state: State, event: Event, facts: Any) -> State:
        guards, target = table[state, event]
        for rule in guards:
            rule(facts)
        return target

    return lambda: decide(State.PENDING, Event.CANCEL, facts)
