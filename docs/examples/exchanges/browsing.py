"""What a user's browser does, and its origin for it: register a passkey, and authenticate by it."""

import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ed25519

from counterseal import keys
from counterseal.models import Algorithm
from counterseal_testing import FakeModel, FakePasskey

DOMAIN = "shop.example"
USER = {"name": "zoe@shop.example", "displayName": "Zoë"}


def register(shop):
    """Register a passkey, and authenticate by it."""
    passkey = FakePasskey(
        rp_id=DOMAIN, origin=f"https://{DOMAIN}", algorithm=Algorithm.EDDSA, flags=5
    )
    secret = hashlib.sha256(DOMAIN.encode()).digest()
    passkey.private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
    account = {"accountId": "user-44"}
    domain = account | {"domain": DOMAIN}
    started = shop.call(
        "200, since the account exists; where the call creates the account, it is 201.",
        "PUT",
        "/account/webauthn/bind",
        domain | {"userInfo": json.dumps(USER, ensure_ascii=False)},
    ).document
    challenge = keys.unb64url(started["registrationOptions"]["challenge"])
    created = FakeModel(attestation="none").create(passkey, challenge)
    shop.call(
        "What `toJSON` of the browser's credential returns; other members are ignored.",
        "POST",
        "/account/webauthn/register",
        account
        | credential(
            passkey,
            clientDataJSON=created.client_data,
            attestationObject=created.attestation_object,
        ),
    )
    shop.call(
        "The passkey is listed: it answers no request.", "GET", "/device/getAll?accountId=user-44"
    )
    begun = shop.call("", "POST", "/request/webauthn/authenticate", domain).document
    used = passkey.get(keys.unb64url(begun["assertionOptions"]["challenge"]))
    finished = account | credential(
        passkey,
        clientDataJSON=used.client_data,
        authenticatorData=used.authenticator_data,
        signature=used.signature,
    )
    shop.call(
        "200 says that the user has authenticated; `requestGuid` is the one of the call before.",
        "POST",
        "/request/webauthn/finishAuthentication",
        finished,
    )
    shop.call(
        "The browser's answer came before.",
        "POST",
        "/request/webauthn/finishAuthentication",
        finished,
    )
    shop.call(
        "The origin's allow-list does not have the domain.",
        "POST",
        "/request/webauthn/authenticate",
        account | {"domain": "elsewhere.example"},
    )


def credential(passkey, **response):
    """Return the member that a browser's credential is."""
    credential_id = passkey.public.passkey.credential_id
    return {
        "credential": {
            "id": credential_id,
            "rawId": credential_id,
            "type": "public-key",
            "response": {name: keys.b64url(data) for name, data in response.items()},
        }
    }
