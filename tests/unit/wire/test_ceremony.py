"""The WebAuthn calls of the CX service: the bodies that are read, and what browsers are given."""

import json

import attrs
import pytest

from counterseal import STANDARD, keys
from counterseal.ceremonies.documents import (
    COSE_ALGORITHMS,
    PasskeyUser,
    authenticated_document,
    authentication_document,
    read_created,
    read_passkey_user,
    read_used,
    registered_document,
    registration_document,
)
from counterseal.ceremonies.records import user_handle
from counterseal.errors import InvalidField
from counterseal.models import Algorithm
from counterseal.models.clients import CURRENT, CX
from counterseal_testing import FakeModel, FakePasskey, FakeService

INFO = '{"name":"zoe@shop.example","displayName":"Zoë","more":[1]}'
USER = PasskeyUser(name="zoe@shop.example", display_name="Zoë", info=INFO)
DOMAIN = "shop.example"
CHALLENGE = bytes(range(32))


@pytest.fixture
def passkey():
    return FakePasskey(rp_id=DOMAIN, origin=f"https://{DOMAIN}")


@pytest.fixture
def created(passkey):
    return FakeModel(attestation="none").create(passkey, CHALLENGE)


@pytest.fixture
def created_document(passkey, created):
    """What `toJSON` of Chromium returns, with all that nobody reads."""
    credential_id = passkey.public.passkey.credential_id
    return {
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {"credProps": {"rk": True}},
        "response": {
            "clientDataJSON": keys.b64url(created.client_data),
            "attestationObject": keys.b64url(created.attestation_object),
            "transports": ["internal"],
            "publicKeyAlgorithm": -7,
            "publicKey": "AAAA",
            "authenticatorData": "AAAA",
        },
    }


@pytest.fixture
def used_document(passkey):
    parts = passkey.get(CHALLENGE)
    return {
        "id": passkey.public.passkey.credential_id,
        "type": "public-key",
        "response": {
            "clientDataJSON": keys.b64url(parts.client_data),
            "authenticatorData": keys.b64url(parts.authenticator_data),
            "signature": keys.b64url(parts.signature),
            "userHandle": keys.b64url(b"a handle"),
        },
    }


def refused(reader, body, field):
    with pytest.raises(InvalidField) as caught:
        reader(body)
    assert caught.value.field == field


@pytest.mark.parametrize("profile", [CURRENT, CX])
def test_the_user_of_a_passkey_is_read_from_a_text(profile):
    assert read_passkey_user({"userInfo": INFO}, profile) == USER


def test_what_a_user_is_called_may_be_empty():
    user = read_passkey_user({"userInfo": '{"name":"zoe","displayName":""}'}, CURRENT)
    assert (user.name, user.display_name) == ("zoe", "")


def test_clients_of_the_cx_service_may_send_the_user_as_an_object():
    assert read_passkey_user({"userInfo": json.loads(INFO)}, CX) == USER
    refused(
        lambda body: read_passkey_user(body, CURRENT), {"userInfo": json.loads(INFO)}, "userInfo"
    )


@pytest.mark.parametrize(
    ("info", "field"),
    [
        *((info, "userInfo") for info in (None, "", "Zoë", "[]", "null", '{"name":"a"', "7")),
        *(
            (info, "userInfo.name")
            for info in ('{"displayName":"a"}', '{"name":"","displayName":""}')
        ),
        *(
            (info, "userInfo.displayName")
            for info in ('{"name":"a"}', '{"name":"a","displayName":7}')
        ),
        ('{"name":"a","name":"b","displayName":"c"}', "userInfo"),
    ],
)
def test_a_user_without_both_names_is_refused(info, field):
    refused(lambda body: read_passkey_user(body, CX), {"userInfo": info}, field)


def test_what_a_browser_has_created_is_read(created, created_document):
    for credential in (created_document, json.dumps(created_document)):
        assert read_created({"credential": credential}) == created


def test_what_a_browser_has_used_is_read(passkey, used_document):
    for credential in (used_document, json.dumps(used_document)):
        used = read_used({"credential": credential})
        assert used.credential_id == passkey.public.passkey.credential_id
        assert used.user_handle == b"a handle"
        decoded = [keys.b64url(data) for data in attrs.astuple(used.assertion)]
        names = ("authenticatorData", "clientDataJSON", "signature")
        assert decoded == [used_document["response"][name] for name in names]


@pytest.mark.parametrize("handle", [None, ""])
def test_an_authenticator_may_say_nothing_of_the_user(used_document, handle):
    used_document["response"]["userHandle"] = handle
    assert read_used({"credential": used_document}).user_handle is None
    del used_document["response"]["userHandle"]
    assert read_used({"credential": used_document}).user_handle is None


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        *(("id", value, "credential.id") for value in (None, "", 7, "a=", "!", "A" * 1365)),
        ("rawId", "AAAA", "credential.rawId"),
        *(("type", value, "credential.type") for value in (None, "password")),
        *(("response", value, "credential.response") for value in (None, "{}", [])),
    ],
)
def test_a_credential_that_is_none_is_refused(created_document, used_document, name, value, field):
    refused(read_created, {"credential": created_document | {name: value}}, field)
    refused(read_used, {"credential": used_document | {name: value}}, field)


@pytest.mark.parametrize("credential", [None, "", "[]", "{", 7, []])
@pytest.mark.parametrize("reader", [read_created, read_used])
def test_what_is_no_credential_is_refused(reader, credential):
    refused(reader, {"credential": credential}, "credential")
    refused(reader, {}, "credential")


@pytest.mark.parametrize(
    ("reader", "name", "limit"),
    [
        (read_created, "clientDataJSON", 4_096),
        (read_created, "attestationObject", 32_768),
        (read_used, "clientDataJSON", 4_096),
        (read_used, "authenticatorData", 37),
        (read_used, "signature", 1_024),
        (read_used, "userHandle", 64),
    ],
)
def test_a_member_of_the_response_has_its_limit_and_one_spelling(
    created_document, used_document, reader, name, limit
):
    document = created_document if reader is read_created else used_document
    longest = {**document, "response": {**document["response"], name: keys.b64url(bytes(limit))}}
    reader({"credential": longest})
    for value in (keys.b64url(bytes(limit + 1)), "AAAA=", "AB", "A+", "A A", 7):
        changed = {**document, "response": {**document["response"], name: value}}
        refused(reader, {"credential": changed}, f"credential.response.{name}")


@pytest.fixture
def shop():
    service = FakeService()
    party = service.origin
    return service, attrs.evolve(party, origin=attrs.evolve(party.origin, domains=(DOMAIN,)))


def test_browsers_are_given_the_options_of_the_standard(shop, passkey):
    service, party = shop
    started = service.ceremonies.start_registration(party, "zoe", DOMAIN, user_info=INFO)
    document = registration_document(
        started.registration,
        USER,
        rp_name="Shop",
        registered=("AAAA",),
        algorithms=STANDARD.algorithms,
        conveyance=started.conveyance,
    )
    handle = bytes.fromhex(started.account.guid.replace("-", ""))
    assert document == {
        "privakeyId": started.account.guid,
        "registrationOptions": {
            "rp": {"id": DOMAIN, "name": "Shop"},
            "user": {"id": keys.b64url(handle), "name": USER.name, "displayName": "Zoë"},
            "challenge": keys.b64url(started.challenge),
            "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (-7, -8, -257)],
            "timeout": 300_000,
            "excludeCredentials": [{"type": "public-key", "id": "AAAA"}],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "required",
            },
            "attestation": "none",
        },
    }
    response = FakeModel(attestation="none").create(passkey, started.challenge)
    binding, account = service.ceremonies.register(party, "zoe", response)
    assert registered_document(binding, account) == {
        "privakeyId": account.guid,
        "deviceGuid": binding.guid,
        "message": "Registration successful!",
    }
    begun = service.ceremonies.start_authentication(party, "zoe", DOMAIN)
    assert authentication_document(begun.authentication, allowed=begun.allowed) == {
        "requestGuid": begun.authentication.guid,
        "assertionOptions": {
            "challenge": keys.b64url(begun.challenge),
            "timeout": 300_000,
            "rpId": DOMAIN,
            "allowCredentials": [
                {"type": "public-key", "id": passkey.public.passkey.credential_id}
            ],
            "userVerification": "required",
        },
    }
    finished = service.ceremonies.finish_authentication(
        party,
        "zoe",
        passkey.public.passkey.credential_id,
        passkey.get(begun.challenge),
        user_handle=user_handle(account.guid),
    )
    assert authenticated_document(finished) == {
        "requestGuid": begun.authentication.guid,
        "privakeyId": account.guid,
        "deviceGuid": binding.guid,
    }


def test_only_algorithms_of_the_policy_are_asked_for(shop):
    service, party = shop
    started = service.ceremonies.start_registration(party, "zoe", DOMAIN)
    for algorithm, number in COSE_ALGORITHMS.items():
        document = registration_document(
            started.registration,
            USER,
            rp_name="Shop",
            registered=(),
            algorithms=frozenset({algorithm, Algorithm.PS256}),
            conveyance="direct",
        )
        options = document["registrationOptions"]
        assert options["pubKeyCredParams"] == [{"type": "public-key", "alg": number}]
        assert options["attestation"] == "direct"


def test_no_representation_has_what_a_person_is_called(passkey, used_document):
    used_document["response"]["userHandle"] = keys.b64url(b"canary")
    used = read_used({"credential": used_document})
    user = PasskeyUser(name="canary", display_name="canary", info="canary")
    assert "canary" not in repr((used, user))
