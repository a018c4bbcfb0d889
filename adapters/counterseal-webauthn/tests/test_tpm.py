"""TPM attestations (WebAuthn Level 3, 8.3), made by hand: no recorded one names our challenge."""

import hashlib
import uuid
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from fido2.attestation import InvalidData, InvalidSignature, TpmAttestation
from fido2.webauthn import AuthenticatorData

from counterseal import ijson, keys
from counterseal.errors import AttestationRefused
from counterseal.models import PasskeyScope, RegistrationResponse
from counterseal_testing import cbor
from counterseal_testing.authenticator import ORIGIN, RP_ID
from counterseal_webauthn import WebAuthnAttestationVerifier
from counterseal_webauthn.verifier import MODEL_EXTENSION

SCOPE = PasskeyScope(rp_id=RP_ID, origins=(ORIGIN,))
CHALLENGE = bytes(range(32))
MODEL = uuid.UUID(int=7)
AIK_USAGE = x509.ObjectIdentifier("2.23.133.8.3")
TPM_NAME = {
    "2.23.133.2.1": "id:414D4400",
    "2.23.133.2.2": "model",
    "2.23.133.2.3": "id:00010002",
}
GENERATED = bytes.fromhex("ff544347")
CERTIFY = bytes.fromhex("8017")
QUOTE = bytes.fromhex("8018")
SHA256_ID = bytes.fromhex("000b")
NULL = bytes.fromhex("0010")


def sized(data):
    """TPM2B: two bytes of length before the bytes."""
    return len(data).to_bytes(2) + data


def name_of(**attributes):
    return x509.Name(
        [x509.NameAttribute(x509.ObjectIdentifier(oid), text) for oid, text in attributes.items()]
    )


class Tpm:
    """A TPM whose vendor has a root certificate; a test changes what it says."""

    def __init__(self):
        self.root_key, self.aik, self.key = (
            ec.generate_private_key(ec.SECP256R1()) for _ in range(3)
        )
        self.magic, self.kind, self.named = GENERATED, CERTIFY, None
        self.subject, self.usage, self.authority = x509.Name([]), AIK_USAGE, False
        self.tpm_name = name_of(**TPM_NAME)
        self.vendor = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vendor")])

    def certificate(self, subject, key, extensions):
        builder = x509.CertificateBuilder(
            issuer_name=self.vendor,
            subject_name=subject,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=datetime(2020, 1, 1),  # noqa: DTZ001 - X.509 has UTC only
            not_valid_after=datetime(2020, 1, 1) + timedelta(36_500),  # noqa: DTZ001
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.root_key, SHA256())

    def root(self):
        authority = x509.BasicConstraints(ca=True, path_length=None)
        return self.certificate(self.vendor, self.root_key, [authority])

    def aik_certificate(self):
        extensions = [
            x509.BasicConstraints(ca=self.authority, path_length=None),
            x509.SubjectAlternativeName([x509.DirectoryName(self.tpm_name)]),
            x509.ExtendedKeyUsage([self.usage]),
        ]
        if self.named is not None:
            value = b"\x04\x10" + self.named.bytes
            extensions.append(x509.UnrecognizedExtension(MODEL_EXTENSION, value))
        return self.certificate(self.subject, self.aik, extensions)

    def public_area(self, key):
        """TPMT_PUBLIC of a P-256 key, without a scheme of its own."""
        point = key.public_key().public_numbers()
        curve = NULL + NULL + bytes.fromhex("0003") + NULL
        unique = sized(point.x.to_bytes(32)) + sized(point.y.to_bytes(32))
        return bytes.fromhex("0023") + SHA256_ID + bytes(4) + sized(b"") + curve + unique

    def create(self, **changes):
        """Return a registration; *changes* are of the statement, `area_key` of its public area."""
        client_data = ijson.compact(
            {"type": "webauthn.create", "challenge": keys.b64url(CHALLENGE), "origin": ORIGIN}
        )
        client_hash = hashlib.sha256(client_data).digest()
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        data = hashlib.sha256(RP_ID.encode()).digest() + b"\x45" + bytes(4) + MODEL.bytes
        data += (16).to_bytes(2) + bytes(16) + cbor.encode(cose)
        area = self.public_area(changes.pop("area_key", self.key))
        certified_area = changes.pop("certified_area", area)
        extra = hashlib.sha256(data + changes.pop("client_hash", client_hash)).digest()
        info = self.magic + self.kind + sized(b"") + sized(extra) + bytes(17) + bytes(8)
        info += sized(SHA256_ID + hashlib.sha256(certified_area).digest()) + sized(b"")
        statement = {
            "ver": "2.0",
            "alg": -7,
            "sig": self.aik.sign(info, ec.ECDSA(SHA256())),
            "x5c": [
                each.public_bytes(Encoding.DER) for each in (self.aik_certificate(), self.root())
            ],
            "certInfo": info,
            "pubArea": area,
        } | changes
        attestation = {"fmt": "tpm", "attStmt": statement, "authData": data}
        return RegistrationResponse(
            client_data=client_data, attestation_object=cbor.encode(attestation)
        )

    def verifier(self, **settings):
        root = self.root().public_bytes(Encoding.PEM)
        return WebAuthnAttestationVerifier({"tpm": (root,)}, **settings)

    def verify(self, response, **settings):
        return self.verifier(**settings).verify(response, scope=SCOPE, challenge=CHALLENGE)


@pytest.fixture
def tpm():
    return Tpm()


def fido2_accepts(response):
    """Whether fido2, another reader, accepts the statement; it follows no chain to a root."""
    document = cbor.decode(response.attestation_object)[0]
    try:
        TpmAttestation().verify(
            document["attStmt"],
            AuthenticatorData(document["authData"]),
            hashlib.sha256(response.client_data).digest(),
        )
    except (InvalidData, InvalidSignature):
        return False
    return True


def test_a_tpm_attests_a_key_and_two_readers_accept_it(tpm):
    response = tpm.create()
    registration = tpm.verify(response)

    assert registration.attestation_format == "tpm"
    assert fido2_accepts(response)


def test_a_tpm_proves_only_a_model_that_its_certificate_names(tpm):
    """The authenticator data, with the model, is made outside of the TPM."""
    assert tpm.verify(tpm.create()).passkey.aaguid is None
    models = frozenset({str(MODEL)})
    with pytest.raises(AttestationRefused, match="not an allowed model"):
        tpm.verify(tpm.create(), models=models)
    tpm.named = MODEL
    assert tpm.verify(tpm.create(), models=models).passkey.aaguid == str(MODEL)
    tpm.named = uuid.UUID(int=8)
    with pytest.raises(AttestationRefused, match="another model"):
        tpm.verify(tpm.create())


def test_a_tpm_of_another_vendor_is_refused(tpm):
    response = Tpm().create()

    with pytest.raises(AttestationRefused):
        tpm.verify(response)
    assert fido2_accepts(response)


CHANGES = {
    "a public area of another key": {"area_key": ec.generate_private_key(ec.SECP256R1())},
    "another public area is certified": {"certified_area": b"another"},
    "another challenge": {"client_hash": bytes(32)},
    "another version": {"ver": "1.2"},
    "another signature": {"sig": bytes(70)},
    "no public area": {"pubArea": b""},
    "no certInfo": {"certInfo": b""},
    "another algorithm": {"alg": -257},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_statement_that_does_not_hold_is_refused(tpm, change):
    with pytest.raises(AttestationRefused):
        tpm.verify(tpm.create(**CHANGES[change]))


SAYINGS = {
    "no magic": {"magic": bytes(4)},
    "a quote": {"kind": QUOTE},
    "a subject": {"subject": x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TPM")])},
    "another usage": {"usage": x509.oid.ExtendedKeyUsageOID.SERVER_AUTH},
    "an authority": {"authority": True},
    "an unknown manufacturer": {"tpm_name": name_of(**TPM_NAME | {"2.23.133.2.1": "id:00000000"})},
    "no model": {
        "tpm_name": name_of(**{k: v for k, v in TPM_NAME.items() if not k.endswith(".2")})
    },
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_a_tpm_that_says_something_else_is_refused(tpm, saying):
    vars(tpm).update(SAYINGS[saying])

    with pytest.raises(AttestationRefused):
        tpm.verify(tpm.create())


@pytest.mark.parametrize("member", ["certInfo", "pubArea", "sig"])
def test_a_changed_byte_of_a_statement_is_refused(tpm, member):
    document = cbor.decode(tpm.create().attestation_object)[0]
    original = document["attStmt"][member]
    assert tpm.verify(tpm.create(**{member: original}))
    for position in range(0, len(original), 7):
        spoilt = bytearray(original)
        spoilt[position] ^= 1
        with pytest.raises(AttestationRefused):
            tpm.verify(tpm.create(**{member: bytes(spoilt)}))
