"""Two readers of WebAuthn by others, asked for their verdict on one assertion."""

import cbor2
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import AttestedCredentialData, PublicKeyCredentialRpEntity
from webauthn import verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from counterseal import ijson, keys
from counterseal_testing.authenticator import ORIGIN, RP_ID

COUNT_BEFORE = 9
"""The counter of an earlier assertion."""


def cose_key(key):
    """Return a public key as COSE has it (RFC 9052, RFC 8230), encoded."""
    jwk = ijson.parse(key.jwk)
    numbers = {name: keys.unb64url(text) for name, text in jwk.items() if name in "xyne"}
    if jwk["kty"] == "EC":
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers["x"], -3: numbers["y"]})
    if jwk["kty"] == "OKP":
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: numbers["x"]})
    return cbor2.dumps({1: 3, 3: -257, -1: numbers["n"], -2: numbers["e"]})


def credential(parts, key):
    """Return what a browser's `PublicKeyCredential.toJSON()` has."""
    name = key.passkey.credential_id
    return {
        "id": name,
        "rawId": name,
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {
            "signature": keys.b64url(parts.signature),
            "clientDataJSON": keys.b64url(parts.client_data),
            "authenticatorData": keys.b64url(parts.authenticator_data),
        },
    }


def webauthn_refuses(parts, key, challenge, *, count):
    """Return why `webauthn` refuses an assertion; None if it accepts it."""
    try:
        verify_authentication_response(
            credential=credential(parts, key),
            expected_challenge=challenge,
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            credential_public_key=cose_key(key),
            credential_current_sign_count=count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def fido2_refuses(parts, key, challenge):
    """Return why `fido2` refuses an assertion; None if it accepts it."""
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=RP_ID, name="Example"),
        verify_origin=lambda origin: origin == ORIGIN,
    )
    registered = AttestedCredentialData.create(
        bytes(16),
        keys.unb64url(key.passkey.credential_id),
        CoseKey.parse(cbor2.loads(cose_key(key))),
    )
    state = {"challenge": websafe_encode(challenge), "user_verification": "required"}
    try:
        server.authenticate_complete(state, [registered], credential(parts, key))
    except Exception as error:  # noqa: BLE001 (it raises what its parsers meet)
        return f"{type(error).__name__}: {error}"
    return None
