"""
The port `AttestationVerifier` on `webauthn`.

`webauthn` reads CBOR, COSE and the attestation formats, and verifies statements and certificate
chains. What it leaves to its caller is here: client data without duplicate members, frames, the
errors' kinds, the model that a certificate names, and that a chain to no known root proves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

from cbor2 import CBORDecoder
from cryptography import x509
from webauthn import verify_registration_response
from webauthn.helpers import decode_credential_public_key, parse_attestation_object
from webauthn.helpers.cose import COSECRV, COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import (
    DecodedEC2PublicKey,
    DecodedOKPPublicKey,
    DecodedRSAPublicKey,
)
from webauthn.helpers.exceptions import UnsupportedPublicKeyType
from webauthn.helpers.structs import (
    AttestationFormat,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorAttestationResponse,
    RegistrationCredential,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from counterseal import ijson
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
)
from counterseal.models import (
    Algorithm,
    Passkey,
    PasskeyScope,
    RegisteredPasskey,
    RegistrationResponse,
)

FORMATS = frozenset({"none", "packed", "tpm", "android-key", "fido-u2f", "apple"})
"""The formats that can be verified; SafetyNet has ended, and its statements are refused."""

BUILT_IN_ROOTS = frozenset({"android-key", "apple"})
"""Formats whose vendor's roots `webauthn` has, and demands."""

KEY_CERTIFYING = frozenset({"android-key", "tpm"})
"""Formats that certify the key alone: the AAGUID is the word of whoever asked for it."""

CREATE = "webauthn.create"
_MEMBERS = {"fmt", "attStmt", "authData"}
_COORDINATE_BYTES = 32
_CREDENTIAL_ID_LIMIT = 1_023
_ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]

MODEL_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
"""`id-fido-gen-ce-aaguid` (WebAuthn Level 3, 8.2.1)."""
_OCTET_STRING = b"\x04\x10"
"""The head of the DER for 16 bytes."""
_VALUE_BYTES = 18


class WebAuthnAttestationVerifier:
    """
    Verifies registrations of passkeys, and allows all models of authenticators or some.

    Args:
        roots: Root certificates of vendors, PEM, by the attestation format in which they count.
            Those of Apple and of Android keys are known without it.
        models: The models that may be registered, by their AAGUID; each needs an attestation that
            proves it. None: all may, with an attestation or without.
        formats: Those that are accepted, some of `FORMATS`.

    Raises:
        ValueError: A format is unknown, an AAGUID is no UUID in lower case, or a root no
            certificate.
    """

    def __init__(
        self,
        roots: Mapping[str, tuple[bytes, ...]] = MappingProxyType({}),
        *,
        models: frozenset[str] | None = None,
        formats: frozenset[str] = FORMATS,
    ) -> None:
        unknown = (formats | roots.keys()) - FORMATS
        if unknown:
            raise ValueError(f"formats: unknown: {', '.join(sorted(unknown))}")
        for model in models or ():
            if str(uuid.UUID(model)) != model:
                raise ValueError(f"models: {model}: not a UUID in lower case")
        self._roots = {AttestationFormat(name): list(pems) for name, pems in roots.items()}
        for pem in (pem for pems in self._roots.values() for pem in pems):
            x509.load_pem_x509_certificate(pem)
        self._models = models
        self._formats = formats

    def conveyance(self) -> str:
        """Return `direct` if some models only are allowed, or roots are given."""
        return "none" if self._models is None and not self._roots else "direct"

    def verify(
        self, response: RegistrationResponse, *, scope: PasskeyScope, challenge: bytes
    ) -> RegisteredPasskey:
        """Verify what `navigator.credentials.create()` returned."""
        origin = _require_client_data(response.client_data, scope, challenge)
        document = _attestation_object(response.attestation_object)
        attested = _require_authenticator_data(document, scope)
        algorithm, jwk = _key(attested.credential_public_key)
        registration = self._verified(response, scope, challenge, origin, attested)
        aaguid = self._proven_model(document, attested)
        if self._models is not None and aaguid not in self._models:
            raise AttestationRefused("not an allowed model")
        flags = document.auth_data.flags
        return RegisteredPasskey(
            algorithm=algorithm,
            jwk=jwk,
            passkey=Passkey(
                rp_id_hash=_b64url(document.auth_data.rp_id_hash),
                origins=scope.origins,
                backup_eligible=flags.be,
                credential_id=_b64url(attested.credential_id),
                aaguid=aaguid,
            ),
            attestation_format=registration.fmt,
            backed_up=flags.bs,
            sign_count=registration.sign_count,
        )

    def _verified(
        self,
        response: RegistrationResponse,
        scope: PasskeyScope,
        challenge: bytes,
        origin: str,
        attested: AttestedCredentialData,
    ) -> VerifiedRegistration:
        """Let `webauthn` verify all of it once more, and the attestation statement."""
        credential = RegistrationCredential(
            id=_b64url(attested.credential_id),
            raw_id=attested.credential_id,
            response=AuthenticatorAttestationResponse(
                client_data_json=response.client_data,
                attestation_object=response.attestation_object,
            ),
        )
        try:
            return verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=scope.rp_id,
                expected_origin=origin,
                require_user_verification=True,
                supported_pub_key_algs=_ALGORITHMS,
                pem_root_certs_bytes_by_fmt=self._roots,
            )
        except Exception as error:
            # Statements are read by several parsers, each of which raises what it meets.
            raise AttestationRefused(type(error).__name__) from error

    def _proven_model(
        self, document: AttestationObject, attested: AttestedCredentialData
    ) -> str | None:
        """
        Return the model that a verified attestation proves.

        Raises:
            AttestationRefused: The format is not accepted, or the certificate is for another model
                or cannot certify one.
        """
        name = str(document.fmt)
        if name not in self._formats:
            raise AttestationRefused("a format that is not accepted")
        chain = document.att_stmt.x5c
        if name == "none" or not chain:
            return None
        aaguid = str(uuid.UUID(bytes=attested.aaguid))
        try:
            if name in {"packed", "tpm"}:
                require_end_entity(chain[0])
            named = named_model(chain[0])
        except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
            raise AttestationRefused(str(error)) from error
        if named not in {None, aaguid}:
            raise AttestationRefused("the certificate is for another model")
        # A U2F key has no AAGUID, and without a root `webauthn` follows no chain.
        rooted = bool(self._roots.get(AttestationFormat(name))) or name in BUILT_IN_ROOTS
        if not rooted or name == "fido-u2f":
            return None
        return named if name in KEY_CERTIFYING else aaguid


def _require_client_data(client_data: bytes, scope: PasskeyScope, challenge: bytes) -> str:
    """Return the origin that the browser says, if everything that it says is as it has to be."""
    try:
        client: Any = ijson.parse(client_data)
    except InvalidField:
        raise MalformedRegistration("client data") from None
    if not isinstance(client, dict):
        raise MalformedRegistration("client data")
    found, origin = client.get("challenge"), client.get("origin")
    if not isinstance(found, str) or not isinstance(origin, str) or "tokenBinding" in client:
        raise MalformedRegistration("client data")
    if client.get("type") != CREATE:
        raise WrongCeremony
    if not hmac.compare_digest(found.encode(), _b64url(challenge).encode()):
        raise AssertionElsewhere
    if origin not in scope.origins:
        raise WrongOrigin
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        raise CrossOrigin
    return origin


def _attestation_object(data: bytes) -> AttestationObject:
    """
    Read an attestation object, which has its three members and nothing else.

    `webauthn` ignores bytes that follow, and members that it does not know.
    """
    file = BytesIO(data)
    try:
        members = CBORDecoder(file, allow_duplicate_keys=False).decode()
        document = parse_attestation_object(data)
    except Exception as error:
        # The CBOR may hold any type anywhere, and the parser raises what it meets.
        raise MalformedRegistration("attestation object") from error
    if file.read() or members.keys() != _MEMBERS or not isinstance(document.fmt, str):
        raise MalformedRegistration("attestation object")
    return document


def _require_authenticator_data(
    document: AttestationObject, scope: PasskeyScope
) -> AttestedCredentialData:
    data = document.auth_data
    attested = data.attested_credential_data
    if attested is None or not 1 <= len(attested.credential_id) <= _CREDENTIAL_ID_LIMIT:
        raise MalformedRegistration("no credential")
    if data.flags.bs and not data.flags.be:
        raise MalformedRegistration("backed up, but not eligible for it")
    if data.rp_id_hash != hashlib.sha256(scope.rp_id.encode()).digest():
        raise WrongRpId
    if not data.flags.up:
        raise UserAbsent
    if not data.flags.uv:
        raise UserUnverified
    return attested


def _key(cose: bytes) -> tuple[Algorithm, str]:
    """Return algorithm and JWK of a key in COSE (RFC 9052, RFC 8230)."""
    try:
        key = decode_credential_public_key(cose)
    except UnsupportedPublicKeyType:
        raise UnfitKey("of an unknown type") from None
    except Exception as error:
        # A map with any members, whose values have any types.
        raise MalformedRegistration("public key") from error
    if isinstance(key, DecodedEC2PublicKey):
        if key.alg != COSEAlgorithmIdentifier.ECDSA_SHA_256 or key.crv != COSECRV.P256:
            raise UnfitKey("not of ES256 on P-256")
        members: dict[str, str | bytes] = {"kty": "EC", "crv": "P-256", "x": key.x, "y": key.y}
        algorithm = Algorithm.ES256
    elif isinstance(key, DecodedOKPPublicKey):
        if key.alg != COSEAlgorithmIdentifier.EDDSA or key.crv != COSECRV.ED25519:
            raise UnfitKey("not of EdDSA on Ed25519")
        members = {"kty": "OKP", "crv": "Ed25519", "x": key.x}
        algorithm = Algorithm.EDDSA
    elif isinstance(key, DecodedRSAPublicKey):
        if key.alg != COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256:
            raise UnfitKey("not of RS256")
        members = {"kty": "RSA", "n": key.n, "e": key.e}
        algorithm = Algorithm.RS256
    else:
        raise UnfitKey("of an unknown type")
    return algorithm, _jwk(members)


def _jwk(members: Mapping[str, str | bytes]) -> str:
    for name, value in members.items():
        if not isinstance(value, str | bytes) or (name in "xy" and len(value) != _COORDINATE_BYTES):
            raise UnfitKey(f"{name}: not a number of the key")
    texts = {
        name: value if isinstance(value, str) else _b64url(value) for name, value in members.items()
    }
    return ijson.canonical(texts).decode()


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def require_end_entity(der: bytes) -> None:
    """
    Require that a certificate is of version 3 and no authority's (WebAuthn Level 3, 8.2.1).

    Raises:
        ValueError: It is, or cannot be read.
    """
    certificate = x509.load_der_x509_certificate(der)
    if certificate.version is not x509.Version.v3:
        raise ValueError("not of version 3")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        raise ValueError("without basic constraints") from None
    if constraints.value.ca:
        raise ValueError("an authority's certificate")


def named_model(der: bytes) -> str | None:
    """
    Return the AAGUID that a certificate names; None if it names none.

    Raises:
        ValueError: The certificate cannot be read, or its AAGUID.
    """
    certificate = x509.load_der_x509_certificate(der)
    try:
        extension: Any = certificate.extensions.get_extension_for_oid(MODEL_EXTENSION)
    except x509.ExtensionNotFound:
        return None
    value: bytes = extension.value.value
    if extension.critical or value[:2] != _OCTET_STRING or len(value) != _VALUE_BYTES:
        raise ValueError("the certificate's AAGUID is not 16 bytes")
    return str(uuid.UUID(bytes=value[2:]))
