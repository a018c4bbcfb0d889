"""
Registrations of passkeys in software: models of authenticators, and who verifies them.

`FakeModel` makes what `navigator.credentials.create()` returns, for a `FakePasskey`, and whatever
else a test sets. `FakeAttestationVerifier` is an `AttestationVerifier` that knows the formats
`none` and `packed` (WebAuthn Level 3, 8.7 and 8.2). Not for production.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from counterseal import ijson, keys
from counterseal.errors import (
    AssertionElsewhere,
    AttestationRefused,
    CrossOrigin,
    InvalidField,
    MalformedRegistration,
    UnfitKey,
    UserAbsent,
    UserUnverified,
    WrongCeremony,
    WrongOrigin,
    WrongRpId,
    WrongSignature,
)
from counterseal.keys.passkeys import (
    ATTESTED_DATA,
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EXTENSION_DATA,
    USER_PRESENT,
    USER_VERIFIED,
    verify_signature,
)
from counterseal.models import (
    PASSKEY_ALGORITHMS,
    Algorithm,
    Passkey,
    PasskeyScope,
    PublicKey,
    RegisteredPasskey,
    RegistrationResponse,
)
from counterseal_testing import cbor
from counterseal_testing.authenticator import FakePasskey
from counterseal_testing.clock import START

AAGUID = uuid.UUID(int=0x5EAF)
CREATE = "webauthn.create"
MODEL_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
"""`id-fido-gen-ce-aaguid`, which names the model in a certificate (WebAuthn Level 3, 8.2.1)."""
_COSE = {Algorithm.ES256: -7, Algorithm.EDDSA: -8, Algorithm.RS256: -257}
_KEYS: Mapping[Algorithm, tuple[int, int | None, dict[str, str], dict[str, int]]] = {
    Algorithm.ES256: (2, 1, {"kty": "EC", "crv": "P-256"}, {"x": -2, "y": -3}),
    Algorithm.EDDSA: (1, 6, {"kty": "OKP", "crv": "Ed25519"}, {"x": -2}),
    Algorithm.RS256: (3, None, {"kty": "RSA"}, {"n": -1, "e": -2}),
}
"""Key type and curve in COSE, their members in a JWK, and labels of the numbers."""
_NO_CERTIFICATE = (
    *(InvalidSignature, UnsupportedAlgorithm, x509.DuplicateExtension),
    *(ValueError, TypeError, LookupError, AttributeError),
)
"""What is raised by a certificate that is none, or does not verify."""
_ATTESTED_AT = 37
_CREDENTIAL_AT = 55


@attrs.define(kw_only=True, slots=False, eq=False)
class FakeModel:
    """
    A model of authenticators, whose vendor has a root certificate.

    Attributes:
        aaguid: The model.
        certified: The model that its certificate names; None if it names none.
        attestation: `none`, `self` or `packed`.
    """

    aaguid: uuid.UUID = AAGUID
    certified: uuid.UUID | None = AAGUID
    attestation: str = "packed"

    @cached_property
    def _root_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    @cached_property
    def root(self) -> bytes:
        """The vendor's root certificate, PEM."""
        key = self._root_key
        return (
            self._certificate("Root", key, ca=True).sign(key, SHA256()).public_bytes(Encoding.PEM)
        )

    @cached_property
    def certificate(self) -> bytes:
        """The certificate of the model, DER."""
        builder = self._certificate("Model", self._key, ca=False)
        if self.certified is not None:
            value = x509.UnrecognizedExtension(MODEL_EXTENSION, b"\x04\x10" + self.certified.bytes)
            builder = builder.add_extension(value, critical=False)
        return builder.sign(self._root_key, SHA256()).public_bytes(Encoding.DER)

    def _certificate(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(_subject("Root"))
            .public_key(key.public_key())
            .serial_number(2 - ca)
            .not_valid_before(START - timedelta(days=36_500 // 4))
            .not_valid_after(START + timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )

    def create(
        self,
        passkey: FakePasskey,
        challenge: bytes,
        *,
        client: Mapping[str, Any] | None = None,
        key: bytes | None = None,
        statement: Mapping[str, Any] | None = None,
        attestation_format: str = "",
    ) -> RegistrationResponse:
        """
        Register *passkey*, as `navigator.credentials.create()` does.

        Args:
            client: Members of the client data that are added, or in place of others.
            key: In place of the passkey's public key, in COSE.
            statement: Members of the attestation statement that are added, or in place of others.
            attestation_format: In place of the format.
        """
        client_data = ijson.compact(
            {
                "type": CREATE,
                "challenge": keys.b64url(challenge),
                "origin": passkey.origin,
                "crossOrigin": False,
            }
            | dict(client or {})
        )
        credential_id = keys.unb64url(passkey.public.passkey.credential_id)  # type: ignore[union-attr]
        data = (
            hashlib.sha256(passkey.rp_id.encode()).digest()
            + bytes([passkey.flags | ATTESTED_DATA])
            + passkey.sign_count.to_bytes(4)
            + self.aaguid.bytes
            + len(credential_id).to_bytes(2)
            + credential_id
            + (cose_key(passkey.public) if key is None else key)
        )
        format_name, own_statement = self._statement(
            passkey, data + hashlib.sha256(client_data).digest()
        )
        return RegistrationResponse(
            client_data=client_data,
            attestation_object=cbor.encode(
                {
                    "fmt": attestation_format or format_name,
                    "attStmt": own_statement | dict(statement or {}),
                    "authData": data,
                }
            ),
        )

    def _statement(self, passkey: FakePasskey, data: bytes) -> tuple[str, dict[str, Any]]:
        if self.attestation == "none":
            return "none", {}
        if self.attestation == "self":
            signature = passkey.signature(data)
            return "packed", {"alg": _COSE[passkey.algorithm], "sig": signature}
        signature = self._key.sign(data, ec.ECDSA(SHA256()))
        return "packed", {"alg": -7, "sig": signature, "x5c": [self.certificate]}


class FakeAttestationVerifier:
    """
    An `AttestationVerifier` that knows `none` and `packed`, and no time: certificates never end.

    Args:
        roots: Certificates of vendors, PEM.
        models: The models that may be registered, as UUIDs; None for all, proven or not.
    """

    def __init__(self, roots: tuple[bytes, ...] = (), models: frozenset[str] | None = None) -> None:
        self._roots = tuple(map(x509.load_pem_x509_certificate, roots))
        self._models = models

    def conveyance(self) -> str:
        """Return `direct` if models are known."""
        return "direct" if self._models is not None or self._roots else "none"

    def verify(
        self, response: RegistrationResponse, *, scope: PasskeyScope, challenge: bytes
    ) -> RegisteredPasskey:
        """Verify a registration."""
        _require_client_data(response.client_data, scope, challenge)
        document, rest = _decode(response.attestation_object)
        names = {"fmt": str, "attStmt": dict, "authData": bytes}
        if (
            rest
            or not isinstance(document, dict)
            or document.keys() != names.keys()
            or not all(isinstance(document[name], kind) for name, kind in names.items())
        ):
            raise MalformedRegistration
        data = document["authData"]
        aaguid, credential_id, cose = _require_attested(data, scope)
        passkey = Passkey(
            rp_id_hash=keys.b64url(data[:32]),
            origins=scope.origins,
            credential_id=keys.b64url(credential_id),
            backup_eligible=bool(data[32] & BACKUP_ELIGIBLE),
        )
        key = _key_of(cose, passkey)
        signed = data + hashlib.sha256(response.client_data).digest()
        proven_aaguid = self._verify_statement(
            document["fmt"], document["attStmt"], signed, key, aaguid
        )
        if self._models is not None and proven_aaguid not in self._models:
            raise AttestationRefused
        return RegisteredPasskey(
            algorithm=key.algorithm,
            jwk=key.jwk,
            passkey=attrs.evolve(passkey, aaguid=proven_aaguid),
            attestation_format=document["fmt"],
            backed_up=bool(data[32] & BACKED_UP),
            sign_count=int.from_bytes(data[33:37]),
        )

    def _verify_statement(
        self, name: str, statement: dict[Any, Any], signed: bytes, key: PublicKey, aaguid: str
    ) -> str | None:
        """Verify the statement, and return the model that it proves."""
        if name == "none" and not statement:
            return None
        signature, chain = statement.get("sig"), statement.get("x5c")
        if name != "packed" or not isinstance(signature, bytes):
            raise AttestationRefused
        if chain is None:
            if statement.get("alg") != _COSE[key.algorithm]:
                raise AttestationRefused
            try:
                verify_signature(signature, signed, key)
            except WrongSignature:
                raise AttestationRefused from None
            return None
        if statement.get("alg") != _COSE[Algorithm.ES256]:
            raise AttestationRefused
        try:
            certificate = x509.load_der_x509_certificate(chain[0])
            public: Any = certificate.public_key()
            public.verify(signature, signed, ec.ECDSA(SHA256()))
            named_aaguid = _named_model(certificate)
        except _NO_CERTIFICATE:
            raise AttestationRefused from None
        if named_aaguid not in {None, aaguid}:
            raise AttestationRefused
        return aaguid if any(_is_issuer(root, certificate) for root in self._roots) else None


def cose_key(key: PublicKey) -> bytes:
    """Return a public key as COSE has it (RFC 9052, RFC 8230)."""
    jwk = ijson.parse(key.jwk)
    numbers = {name: keys.unb64url(text) for name, text in jwk.items() if name in "xyne"}
    if jwk["kty"] == "EC":
        return cbor.encode({1: 2, 3: -7, -1: 1, -2: numbers["x"], -3: numbers["y"]})
    if jwk["kty"] == "OKP":
        return cbor.encode({1: 1, 3: -8, -1: 6, -2: numbers["x"]})
    return cbor.encode({1: 3, 3: -257, -1: numbers["n"], -2: numbers["e"]})


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Authenticator Attestation"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _decode(data: bytes) -> tuple[Any, bytes]:
    try:
        return cbor.decode(data)
    except ValueError:
        raise MalformedRegistration from None


def _require_client_data(client_data: bytes, scope: PasskeyScope, challenge: bytes) -> None:
    try:
        client = ijson.parse(client_data)
    except InvalidField:
        raise MalformedRegistration from None
    if not isinstance(client, dict) or not isinstance(client.get("challenge"), str):
        raise MalformedRegistration
    if "tokenBinding" in client:
        raise MalformedRegistration
    if client.get("type") != CREATE:
        raise WrongCeremony
    keys.require_equal(client["challenge"], keys.b64url(challenge), AssertionElsewhere)
    if client.get("origin") not in scope.origins:
        raise WrongOrigin
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise CrossOrigin


def _require_attested(data: bytes, scope: PasskeyScope) -> tuple[str, bytes, dict[Any, Any]]:
    """Return AAGUID, credential id and key of authenticator data."""
    if len(data) < _CREDENTIAL_AT:
        raise MalformedRegistration
    if data[:32] != hashlib.sha256(scope.rp_id.encode()).digest():
        raise WrongRpId
    flags = data[32]
    if not flags & USER_PRESENT:
        raise UserAbsent
    if not flags & USER_VERIFIED:
        raise UserUnverified
    end = _CREDENTIAL_AT + int.from_bytes(data[_CREDENTIAL_AT - 2 : _CREDENTIAL_AT])
    key, rest = _decode(data[end:])
    if flags & EXTENSION_DATA:
        _, rest = _decode(rest)
    backed_up_alone = flags & BACKED_UP and not flags & BACKUP_ELIGIBLE
    if rest or not flags & ATTESTED_DATA or end == _CREDENTIAL_AT or backed_up_alone:
        raise MalformedRegistration
    if not isinstance(key, dict):
        raise MalformedRegistration
    model = uuid.UUID(bytes=data[_ATTESTED_AT : _ATTESTED_AT + 16])
    return str(model), data[_CREDENTIAL_AT:end], key


def _key_of(cose: dict[Any, Any], passkey: Passkey) -> PublicKey:
    algorithm = next((each for each in _COSE if _COSE[each] == cose.get(3)), None)
    if algorithm is None:
        raise UnfitKey
    number, curve, kind, names = _KEYS[algorithm]
    members = {name: cose.get(label) for name, label in names.items()}
    if cose.get(1) != number or (curve is not None and cose.get(-1) != curve):
        raise UnfitKey
    if not all(isinstance(member, bytes) for member in members.values()):
        raise UnfitKey
    numbers = {name: keys.b64url(member) for name, member in members.items() if member is not None}
    jwk = {**kind, **numbers, "kid": "passkey", "alg": PASSKEY_ALGORITHMS[algorithm]}
    return keys.public_key(jwk, algorithms=frozenset({algorithm}), passkey=passkey)


def _named_model(certificate: x509.Certificate) -> str | None:
    try:
        extension: Any = certificate.extensions.get_extension_for_oid(MODEL_EXTENSION)
    except x509.ExtensionNotFound:
        return None
    return str(uuid.UUID(bytes=extension.value.value[2:]))


def _is_issuer(root: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(root)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
