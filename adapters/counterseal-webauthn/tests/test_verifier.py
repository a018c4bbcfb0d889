"""The verifier's settings, and what Chromium and another library say of registrations."""

import hashlib
import json
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity
from webauthn import verify_registration_response

from counterseal import ijson, keys
from counterseal.ceremonies.records import ATTESTATION_OBJECT_LIMIT, CREATE_CLIENT_DATA_LIMIT
from counterseal.errors import AttestationRefused, InvalidField, UserUnverified, WrongOrigin
from counterseal.keys.public import jwk_of
from counterseal.models import PASSKEY_ALGORITHMS, PasskeyScope, RegistrationResponse
from counterseal_testing import FakeAttestationVerifier, FakeModel, FakePasskey, cbor
from counterseal_testing.authenticator import ORIGIN, RP_ID
from counterseal_webauthn import FORMATS, WebAuthnAttestationVerifier
from counterseal_webauthn.verifier import MODEL_EXTENSION

VECTORS = Path(__file__).parents[3] / "tests" / "vectors" / "chromium.json"
RECORDED = json.loads(VECTORS.read_text("utf-8"))["passkeys"]
ATTESTED = json.loads(Path(__file__).with_name("chromium.json").read_text("utf-8"))["registrations"]
SCOPE = PasskeyScope(rp_id=RP_ID, origins=(ORIGIN,))
CHALLENGE = bytes(range(32))


def response_of(entry):
    created = entry["created"]["response"]
    return RegistrationResponse(
        client_data=keys.unb64url(created["clientDataJSON"]),
        attestation_object=keys.unb64url(created["attestationObject"]),
    )


def credential_of(response, passkey):
    name = passkey.public.passkey.credential_id
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": keys.b64url(response.client_data),
            "attestationObject": keys.b64url(response.attestation_object),
        },
    }


# What Chromium's virtual authenticator made


@pytest.mark.parametrize("entry", RECORDED, ids=lambda entry: entry["name"])
@pytest.mark.parametrize("verifier", [WebAuthnAttestationVerifier(), FakeAttestationVerifier()])
def test_a_registration_of_chromium_is_verified(verifier, entry):
    registration = verifier.verify(response_of(entry), scope=SCOPE, challenge=bytes(32))

    assert registration.passkey.credential_id == entry["created"]["id"]
    assert registration.algorithm.value == entry["algorithm"]
    assert registration.passkey.backup_eligible is entry["backupEligible"]
    assert (registration.attestation_format, registration.passkey.aaguid) == ("none", None)
    jwk = json.loads(registration.jwk)
    public = spki_members(entry["created"]["response"]["publicKey"])
    assert public == {name: jwk[name] for name in public}


def spki_members(text):
    """Return the numbers of a key in SPKI, which the browser itself gives."""
    return jwk_of(load_der_public_key(keys.unb64url(text)))


def test_a_registration_of_chromium_on_another_origin_is_refused():
    scope = PasskeyScope(rp_id=RP_ID, origins=(f"https://other.{RP_ID}",))

    with pytest.raises(WrongOrigin):
        WebAuthnAttestationVerifier().verify(
            response_of(RECORDED[0]), scope=scope, challenge=bytes(32)
        )


def test_an_attestation_of_chromium_proves_its_model_under_its_root_only():
    """Chromium's certificate is its own root, and names no model."""
    response = response_of({"created": ATTESTED["ctap2"]})
    members = cbor.decode(response.attestation_object)[0]
    certificate = x509.load_der_x509_certificate(members["attStmt"]["x5c"][0])
    root = certificate.public_bytes(Encoding.PEM)
    model = str(uuid.UUID(bytes=members["authData"][37:53]))
    settings = [({}, None), ({"packed": (root,)}, model), ({"tpm": (root,)}, None)]

    for roots, aaguid in settings:
        verifier = WebAuthnAttestationVerifier(roots)
        registration = verifier.verify(response, scope=SCOPE, challenge=bytes(32))
        assert registration.attestation_format == "packed"
        assert registration.passkey.aaguid == aaguid
    fake = FakeAttestationVerifier().verify(response, scope=SCOPE, challenge=bytes(32))
    assert fake == WebAuthnAttestationVerifier().verify(response, scope=SCOPE, challenge=bytes(32))
    with pytest.raises(AttestationRefused):
        WebAuthnAttestationVerifier({"packed": (FakeModel().root,)}).verify(
            response, scope=SCOPE, challenge=bytes(32)
        )


def test_a_u2f_key_of_chromium_verifies_no_user():
    with pytest.raises(UserUnverified):
        WebAuthnAttestationVerifier().verify(
            response_of({"created": ATTESTED["u2f"]}), scope=SCOPE, challenge=bytes(32)
        )


# Another reader of WebAuthn


@pytest.mark.parametrize("algorithm", [*PASSKEY_ALGORITHMS])
@pytest.mark.parametrize("attestation", ["none", "self", "packed"])
def test_fido2_accepts_what_the_kit_makes(algorithm, attestation):
    """So what the clauses are shown with are registrations, and not only to us."""
    passkey = FakePasskey(algorithm=algorithm)
    response = FakeModel(attestation=attestation).create(passkey, CHALLENGE)
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=RP_ID, name="Example"),
        attestation="direct",
        verify_origin=lambda origin: origin == ORIGIN,
    )
    state = {"challenge": keys.b64url(CHALLENGE), "user_verification": "required"}

    data = server.register_complete(state, credential_of(response, passkey))

    credential_id = passkey.public.passkey.credential_id
    assert keys.b64url(data.credential_data.credential_id) == credential_id


def test_the_library_alone_accepts_the_certificate_of_another_model():
    """That is why `counterseal_webauthn.verifier` reads it."""
    passkey, vendor = FakePasskey(), FakeModel(aaguid=uuid.UUID(int=1))
    response = vendor.create(passkey, CHALLENGE)

    accepted = verify_registration_response(
        credential=credential_of(response, passkey),
        expected_challenge=CHALLENGE,
        expected_rp_id=RP_ID,
        expected_origin=ORIGIN,
        pem_root_certs_bytes_by_fmt={"packed": [vendor.root]},
    )

    assert accepted.aaguid == str(vendor.aaguid)
    with pytest.raises(AttestationRefused, match="another model"):
        WebAuthnAttestationVerifier({"packed": (vendor.root,)}).verify(
            response, scope=SCOPE, challenge=CHALLENGE
        )


# Android keys: the certificate is for the key, and the authenticator data is the app's word

KEY_DESCRIPTION = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.1.17")


def tlv(tag, value):
    return bytes.fromhex(tag) + bytes([len(value)]) + value


def key_description(client_hash):
    """Return what Android's key attestation says of a key made to sign, in hardware (version 3)."""
    enforced = tlv("30", tlv("a1", tlv("31", tlv("02", b"\x02"))) + tlv("bf853e", tlv("02", b"\0")))
    levels = tlv("02", b"\3") + tlv("0a", b"\1") + tlv("02", b"\1") + tlv("0a", b"\1")
    fields = tlv("04", client_hash) + tlv("04", b"") + tlv("30", b"") + enforced
    return tlv("30", levels + fields)


def android_key(model, *, named):
    """Return a registration whose app says that it is of *model*, and the root of its vendor."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    client_data = ijson.compact(
        {"type": "webauthn.create", "challenge": keys.b64url(CHALLENGE), "origin": ORIGIN}
    )
    client_hash = hashlib.sha256(client_data).digest()

    def certificate(subject, public_key, extensions):
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vendor")]),
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            public_key=public_key,
            serial_number=x509.random_serial_number(),
            not_valid_before=datetime(2020, 1, 1),  # noqa: DTZ001 - X.509 has UTC only
            not_valid_after=datetime(2020, 1, 1) + timedelta(36_500),  # noqa: DTZ001
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(root_key, SHA256())

    root = certificate("Vendor", root_key.public_key(), [x509.BasicConstraints(True, None)])  # noqa: FBT003
    extensions = [x509.UnrecognizedExtension(KEY_DESCRIPTION, key_description(client_hash))]
    if named:
        extensions.append(x509.UnrecognizedExtension(MODEL_EXTENSION, tlv("04", model.bytes)))
    leaf = certificate("Key", key.public_key(), extensions)
    point = key.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
    data = hashlib.sha256(RP_ID.encode()).digest() + b"\x45" + bytes(4) + model.bytes
    data += (16).to_bytes(2) + bytes(16) + cbor.encode(cose)
    statement = {
        "alg": -7,
        "sig": key.sign(data + client_hash, ec.ECDSA(SHA256())),
        "x5c": [each.public_bytes(Encoding.DER) for each in (leaf, root)],
    }
    attestation = {"fmt": "android-key", "attStmt": statement, "authData": data}
    response = RegistrationResponse(
        client_data=client_data, attestation_object=cbor.encode(attestation)
    )
    return response, root.public_bytes(Encoding.PEM)


def test_an_android_key_proves_only_a_model_that_its_certificate_names():
    model = uuid.UUID(int=7)
    for named, aaguid in ((True, str(model)), (False, None)):
        response, root = android_key(model, named=named)
        verifier = WebAuthnAttestationVerifier({"android-key": (root,)})
        registration = verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)
        assert registration.attestation_format == "android-key"
        assert registration.passkey.aaguid == aaguid
    strict = WebAuthnAttestationVerifier({"android-key": (root,)}, models=frozenset({str(model)}))
    with pytest.raises(AttestationRefused, match="not an allowed model"):
        strict.verify(response, scope=SCOPE, challenge=CHALLENGE)


# Settings


def test_a_format_that_is_left_out_is_refused():
    verifier = WebAuthnAttestationVerifier(formats=FORMATS - {"none"})
    response = FakeModel(attestation="none").create(FakePasskey(), CHALLENGE)

    with pytest.raises(AttestationRefused, match="a format that is not accepted"):
        verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)


def test_the_root_of_another_format_proves_nothing():
    vendor = FakeModel()
    verifier = WebAuthnAttestationVerifier({"tpm": (vendor.root,)})
    response = vendor.create(FakePasskey(), CHALLENGE)

    registration = verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)

    assert registration.passkey.aaguid is None


def test_a_certificate_that_names_no_model_proves_what_its_authenticator_says():
    vendor = FakeModel(certified=None)
    verifier = WebAuthnAttestationVerifier({"packed": (vendor.root,)})
    response = vendor.create(FakePasskey(), CHALLENGE)

    registration = verifier.verify(response, scope=SCOPE, challenge=CHALLENGE)

    assert registration.passkey.aaguid == str(vendor.aaguid)


def test_a_vendors_root_certifies_no_registration_itself():
    vendor = FakeModel()
    root = x509.load_pem_x509_certificate(vendor.root)
    signer = FakeModel()
    signer.__dict__["_key"] = vendor._root_key
    signer.__dict__["certificate"] = root.public_bytes(Encoding.DER)
    verifier = WebAuthnAttestationVerifier({"packed": (vendor.root,)})

    with pytest.raises(AttestationRefused, match="an authority's certificate"):
        verifier.verify(signer.create(FakePasskey(), CHALLENGE), scope=SCOPE, challenge=CHALLENGE)


@pytest.mark.parametrize(
    "settings",
    [
        {"formats": frozenset({"android-safetynet"})},
        {"roots": {"other": ()}},
        {"roots": {"packed": (b"no certificate",)}},
        {"models": frozenset({"5EAF0000-0000-0000-0000-000000000000"})},
        {"models": frozenset({"a model"})},
    ],
)
def test_unknown_settings_are_refused(settings):
    with pytest.raises(ValueError):  # noqa: PT011 - some are the library's
        WebAuthnAttestationVerifier(**settings)


@pytest.mark.parametrize(
    ("member", "limit", "name"),
    [
        ("client_data", CREATE_CLIENT_DATA_LIMIT, "clientDataJSON"),
        ("attestation_object", ATTESTATION_OBJECT_LIMIT, "attestationObject"),
    ],
)
def test_a_response_has_limits(member, limit, name):
    members = {"client_data": b"{}", "attestation_object": b"\xa0"}

    RegistrationResponse(**members | {member: bytes(limit)})
    for data in (b"", bytes(limit + 1)):
        with pytest.raises(InvalidField) as refused:
            RegistrationResponse(**members | {member: data})
        assert refused.value.field == name
