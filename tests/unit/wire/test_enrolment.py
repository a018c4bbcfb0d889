"""Enrolment and rotation: the body that carries keys, and what each key signs."""

import hashlib
import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal import ijson
from counterseal.bindings.documents.enrolment import (
    Enrolment,
    OfferedKey,
    Update,
    bind_claims,
    enrolment_document,
    peek_document,
    read_enrolment,
    read_peek,
    read_update,
    rotation_claims,
    update_document,
)
from counterseal.errors import InvalidField
from counterseal.keys import b64url
from counterseal.models import (
    AddressKind,
    Algorithm,
    DeviceKey,
    PublicKey,
    PushAddress,
    Role,
    guid,
)
from counterseal_testing import strategies

DEVICE, SPACE = (guid.mint(7, bytes([0xA0 + n]) * 15) for n in range(2))
TOKEN = f"{DEVICE}.c2VjcmV0"
JWK = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "k", "alg": "EdDSA"}
OWN = {"role": "device", "jwk": JWK, "proof": "a.b.c"}
STRONG = {"role": "strong", "jwk": JWK, "proof": "d.e.f", "endorsement": "g.h.i"}
BODY = {
    "token": TOKEN,
    "keys": [OWN, STRONG],
    "name": "Zoë's phone",
    "addresses": [{"kind": "fcm_token", "value": "registration"}],
}

TEXTS = st.text(min_size=1, max_size=6)
OFFERED = st.builds(
    OfferedKey,
    role=st.sampled_from(Role),
    jwk=st.dictionaries(TEXTS, TEXTS, max_size=3),
    proof=TEXTS,
    endorsement=st.none() | TEXTS,
    credential_id=st.none() | TEXTS,
)
ENROLMENTS = st.builds(
    Enrolment,
    token=st.just("") | TEXTS,
    keys=st.lists(OFFERED, max_size=3).map(tuple),
    name=st.just("") | TEXTS,
    addresses=st.lists(
        st.builds(PushAddress, kind=st.sampled_from(AddressKind), value=TEXTS), max_size=2
    ).map(tuple),
    replaces=st.none() | strategies.guids(),
    platform=st.just("") | TEXTS,
    app_version=st.just("") | TEXTS,
    language=st.just("") | TEXTS,
)


def device_key(role, thumbprint):
    key = PublicKey(kid=thumbprint, algorithm=Algorithm.ES256, jwk="{}", thumbprint=thumbprint)
    return DeviceKey(role=role, key=key)


class TestClaims:
    KEYS = (
        device_key(Role.STRONG, "b"),
        device_key(Role.DEVICE, "d"),
        device_key(Role.STRONG, "a"),
    )

    def test_of_a_bind_hold_the_tokens_hash_the_app_space_and_all_thumbprints(self):
        assert bind_claims(TOKEN, SPACE, self.KEYS) == {
            "token": b64url(hashlib.sha256(TOKEN.encode()).digest()),
            "aud": SPACE,
            "device": ["d"],
            "strong": ["a", "b"],
        }

    def test_of_a_bind_hold_the_device_that_is_replaced(self):
        claims = bind_claims(TOKEN, SPACE, self.KEYS)
        replacing = bind_claims(TOKEN, SPACE, self.KEYS, replaces=DEVICE)
        assert replacing == claims | {"replaces": DEVICE}

    def test_of_a_rotation_hold_the_device_the_app_space_and_all_thumbprints(self):
        assert rotation_claims(DEVICE, SPACE, iter(self.KEYS)) == {
            "iss": DEVICE,
            "aud": SPACE,
            "device": ["d"],
            "strong": ["a", "b"],
        }

    def test_do_not_depend_on_the_order_of_the_keys(self):
        assert bind_claims(TOKEN, SPACE, self.KEYS) == bind_claims(TOKEN, SPACE, self.KEYS[::-1])

    @given(
        st.lists(st.tuples(st.sampled_from(Role), st.sampled_from("abcd")), unique=True),
        st.lists(st.tuples(st.sampled_from(Role), st.sampled_from("abcd")), unique=True),
    )
    def test_of_two_sets_of_keys_differ(self, one, other):
        claims = [
            ijson.canonical(rotation_claims(DEVICE, SPACE, [device_key(*key) for key in keys]))
            for keys in (one, other)
        ]
        assert (claims[0] == claims[1]) is (set(one) == set(other))

    @given(TEXTS, TEXTS)
    def test_of_two_tokens_differ(self, one, other):
        claims = [bind_claims(token, SPACE, ()) for token in (one, other)]
        assert (claims[0] == claims[1]) is (one == other)


class TestBody:
    def test_is_read(self):
        enrolment = read_enrolment(BODY)
        assert enrolment == Enrolment(
            token=TOKEN,
            keys=(
                OfferedKey(role=Role.DEVICE, jwk=JWK, proof="a.b.c"),
                OfferedKey(role=Role.STRONG, jwk=JWK, proof="d.e.f", endorsement="g.h.i"),
            ),
            name="Zoë's phone",
            addresses=(PushAddress(kind=AddressKind.FCM_TOKEN, value="registration"),),
        )

    def test_names_a_passkey_and_the_device_that_is_replaced(self):
        enrolment = read_enrolment(
            {"keys": [{**OWN, "credentialId": "passkey"}], "replaces": DEVICE}
        )
        assert (enrolment.keys[0].credential_id, enrolment.replaces) == ("passkey", DEVICE)

    def test_of_a_rotation_has_keys_only(self):
        assert read_enrolment({"keys": [STRONG]}) == Enrolment(
            keys=(OfferedKey(role=Role.STRONG, jwk=JWK, proof="d.e.f", endorsement="g.h.i"),)
        )

    @given(ENROLMENTS)
    def test_written_is_read_again(self, enrolment):
        document = json.loads(json.dumps(enrolment_document(enrolment)))
        assert read_enrolment(document) == enrolment

    @pytest.mark.parametrize("body", [None, [], "x", 1, [BODY]])
    def test_is_a_json_object(self, body, refusing):
        with refusing("invalid_field", "enrolment"):
            read_enrolment(body)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"keys": None}, "keys"),
            ({"keys": {"0": OWN}}, "keys"),
            ({"keys": (OWN,)}, "keys"),
            ({"keys": ["device"]}, "keys[0]"),
            ({"keys": [OWN, None]}, "keys[1]"),
            ({"keys": [{**OWN, "role": "weak"}]}, "keys[0].role"),
            ({"keys": [{**OWN, "role": "DEVICE"}]}, "keys[0].role"),
            ({"keys": [{**OWN, "role": None}]}, "keys[0].role"),
            ({"keys": [OWN, {**OWN, "jwk": "x"}]}, "keys[1].jwk"),
            ({"keys": [{**OWN, "jwk": None}]}, "keys[0].jwk"),
            ({"keys": [{**OWN, "proof": ""}]}, "keys[0].proof"),
            ({"keys": [{**OWN, "proof": 1}]}, "keys[0].proof"),
            ({"keys": [{"role": "device", "jwk": JWK}]}, "keys[0].proof"),
            ({"keys": [{**OWN, "endorsement": None}]}, "keys[0].endorsement"),
            ({"keys": [{**OWN, "endorsement": ""}]}, "keys[0].endorsement"),
            ({"keys": [OWN, {**OWN, "credentialId": ""}]}, "keys[1].credentialId"),
            ({"keys": [{**OWN, "key": "x"}]}, "keys[0].key"),
            ({"replaces": None}, "replaces"),
            ({"replaces": "no guid"}, "replaces"),
            ({"token": ""}, "token"),
            ({"token": None}, "token"),
            ({"name": ""}, "name"),
            ({"name": 7}, "name"),
            ({"platform": ""}, "platform"),
            ({"appVersion": 2}, "appVersion"),
            ({"language": ""}, "language"),
            ({"language": ["de"]}, "language"),
            ({"addresses": None}, "addresses"),
            ({"addresses": {}}, "addresses"),
            ({"addresses": ["x"]}, "addresses[0]"),
            ({"addresses": [{"kind": "pigeon", "value": "x"}]}, "addresses[0].kind"),
            ({"addresses": [{"value": "x"}]}, "addresses[0].kind"),
            ({"addresses": [{"kind": "apns"}]}, "addresses[0].value"),
            ({"addresses": [{"kind": "apns", "value": ""}]}, "addresses[0].value"),
            ({"addresses": [{"kind": "apns", "value": "x", "ttl": 1}]}, "addresses[0].ttl"),
            ({"account": "x"}, "account"),
        ],
    )
    def test_that_is_malformed_is_refused_by_the_members_name(self, change, field, refusing):
        with refusing("invalid_field", field):
            read_enrolment({**BODY, **change})

    def test_without_keys_is_refused(self, refusing):
        with refusing("invalid_field", "keys"):
            read_enrolment({"token": TOKEN})

    def test_that_names_an_odd_member_shows_it_safely(self):
        with pytest.raises(InvalidField) as caught:
            read_enrolment({**BODY, "\u202e\n" + "x" * 100: 1})
        assert caught.value.field.isprintable()
        assert "\n" not in str(caught.value)
        assert len(caught.value.field) < 100

    def test_that_names_a_long_member_shows_64_characters_of_it(self, refusing):
        with refusing("invalid_field", f"{'x' * 64}…"):
            read_enrolment({**BODY, "x" * 65: 1})

    @enough_is_read
    @given(
        mostly_sound(
            st.just(BODY),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=3),
                lambda inner: (
                    st.lists(inner, max_size=2)
                    | st.dictionaries(
                        st.sampled_from(
                            ["keys", "role", "jwk", "proof", "token", "addresses", "x"]
                        ),
                        inner,
                    )
                ),
            ),
        )
    )
    def test_of_any_shape_is_read_or_refused(self, body):
        enrolment = read_or_refuse(read_enrolment, body, InvalidField)
        assert enrolment is None or read_enrolment(enrolment_document(enrolment)) == enrolment

    def test_shows_no_token_proof_or_endorsement(self):
        text = repr(read_enrolment(BODY))
        for secret in (TOKEN, "a.b.c", "g.h.i", "registration"):
            assert secret not in text

    def test_look_has_the_token_and_nothing_else(self, refusing):
        assert peek_document(TOKEN) == {"token": TOKEN}
        assert read_peek({"token": TOKEN}) == TOKEN
        for body, field in (
            ([TOKEN], "peek"),
            ({}, "token"),
            ({"token": ""}, "token"),
            ({"token": 7}, "token"),
            ({"token": TOKEN, "keys": []}, "keys"),
        ):
            with refusing("invalid_field", field):
                read_peek(body)

    def test_without_a_token_is_no_bind(self):
        assert "token" not in enrolment_document(attrs.evolve(read_enrolment(BODY), token=""))


class TestAnUpdate:
    THERE = PushAddress(kind=AddressKind.RELAY, value="there")

    @pytest.mark.parametrize("name", [None, "Tablet"])
    @pytest.mark.parametrize("addresses", [None, (), (THERE,), (THERE, THERE)])
    @pytest.mark.parametrize(("platform", "app_version"), [(None, "2"), ("iOS 26", None)])
    def test_says_what_changes_and_nothing_else(self, name, addresses, platform, app_version):
        update = Update(name=name, addresses=addresses, platform=platform, app_version=app_version)
        document = update_document(update)
        assert (document.get("platform"), document.get("appVersion")) == (platform, app_version)
        assert ("name" in document, "addresses" in document) == (
            name is not None,
            addresses is not None,
        )
        assert read_update(ijson.parse(ijson.compact(document))) == update

    def test_is_this_document(self):
        update = Update(name="Tablet", addresses=(self.THERE,), language="de-AT")
        document = {
            "name": "Tablet",
            "addresses": [{"kind": "relay", "value": "there"}],
            "language": "de-AT",
        }
        assert update_document(update) == document
        assert read_update(document) == update

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            (None, "update"),
            ([], "update"),
            ("name", "update"),
            ({"keys": []}, "keys"),
            ({"token": TOKEN}, "token"),
            ({"name": ""}, "name"),
            ({"name": None}, "name"),
            ({"name": 1}, "name"),
            ({"addresses": None}, "addresses"),
            ({"addresses": {}}, "addresses"),
            ({"addresses": ["x"]}, "addresses[0]"),
            ({"platform": ""}, "platform"),
            ({"appVersion": None}, "appVersion"),
            ({"language": None}, "language"),
            ({"language": ""}, "language"),
            ({"addresses": [{"kind": "relay"}]}, "addresses[0].value"),
            ({"addresses": [{"kind": "fax", "value": "x"}]}, "addresses[0].kind"),
            ({"addresses": [{"kind": "relay", "value": "x", "y": 1}]}, "addresses[0].y"),
        ],
    )
    def test_of_another_shape_is_refused_by_name(self, body, field, refusing):
        with refusing("invalid_field", field):
            read_update(body)

    SOUND = st.fixed_dictionaries(
        {
            "name": st.text("Zoë's phone", min_size=1, max_size=9),
            "addresses": st.lists(st.just({"kind": "fcm_token", "value": "x"}), max_size=1),
        }
    )
    OTHER = st.dictionaries(
        st.sampled_from(["name", "addresses", "keys", "x"]),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2)),
    )

    @enough_is_read
    @given(mostly_sound(SOUND, OTHER))
    def test_of_any_shape_is_read_or_refused(self, body):
        update = read_or_refuse(read_update, body, InvalidField)
        assert update is None or read_update(update_document(update)) == update
