"""Passkeys: every check of an assertion, each where only that is wrong, and in its order."""

import hashlib
import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readers import enough_is_read, mostly_sound, read_or_refuse

from counterseal import keys
from counterseal.errors import (
    AssertionElsewhere,
    BackupChanged,
    CrossOrigin,
    MalformedAssertion,
    MalformedToken,
    Refused,
    UnfitKey,
    UserAbsent,
    UserUnverified,
    WrongAlgorithm,
    WrongCeremony,
    WrongKey,
    WrongOrigin,
    WrongRpId,
    WrongSignature,
    WrongType,
)
from counterseal.keys.jws import verify_bytes
from counterseal.keys.passkeys import _base64url
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm
from counterseal_testing.authenticator import DEVICE_BOUND, ORIGIN, SYNCED, FakePasskey

TYP = "test+jwt"
CLAIMS = {"display": "Pay 10 EUR to Zoë?", "button": 0}
LIMIT = 16_384
ALGORITHMS = list(PASSKEY_ALGORITHMS)


@pytest.fixture(scope="module")
def passkeys():
    """Passkeys by algorithm; an RSA key takes long to make."""
    return {algorithm: FakePasskey(algorithm=algorithm) for algorithm in ALGORITHMS}


@pytest.fixture(scope="module")
def public(passkeys):
    """The keys as they were bound, whatever a test sets afterwards."""
    return {algorithm: passkey.public for algorithm, passkey in passkeys.items()}


@pytest.fixture
def passkey(passkeys):
    passkey = passkeys[Algorithm.ES256]
    before = attrs.asdict(passkey, recurse=False)
    yield passkey
    for name, value in before.items():
        setattr(passkey, name, value)


def token_by(passkey, claims=CLAIMS):
    return keys.sign_with(passkey.sign, passkey.public, typ=TYP, claims=claims)


def verified(token, key):
    return keys.verify_by_device(keys.read(token, limit=LIMIT), key, expected_typ=TYP)


def with_assertion(token, assertion):
    return f"{token.rpartition('.')[0]}.{keys.b64url(assertion)}"


def parts_of(token):
    return keys.read_assertion(keys.unb64url(token.rpartition(".")[2]))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_assertion_holds_and_says_what_it_proves(passkeys, algorithm):
    passkey = passkeys[algorithm]
    assertion = verified(token_by(passkey), passkey.public)
    assert assertion == keys.Assertion(
        origin=ORIGIN, user_verified=True, backup_eligible=True, backed_up=True, sign_count=0
    )
    assert keys.read(token_by(passkey), limit=LIMIT).header.alg == f"WA-{algorithm.value}"


def test_a_passkey_that_is_bound_to_its_device_says_so():
    passkey = FakePasskey(flags=DEVICE_BOUND, sign_count=2**32 - 1)
    assertion = verified(token_by(passkey), passkey.public)
    assert (assertion.backup_eligible, assertion.backed_up) == (False, False)
    assert assertion.sign_count == 2**32 - 1


def test_the_counter_decides_nothing(passkey, public):
    for count in (5, 5, 4, 0):
        passkey.sign_count = count
        assert verified(token_by(passkey), public[Algorithm.ES256]).sign_count == count


def test_client_data_may_leave_out_whether_the_frame_is_of_another_origin(passkey, public):
    """As browsers do that know Level 1 only."""

    def sign(data):
        parts = passkey.get(keys.challenge_of(data))
        client_data = parts.client_data.replace(b',"crossOrigin":false', b"")
        signed = parts.authenticator_data + hashlib.sha256(client_data).digest()
        signature = passkey.signature(signed)
        return keys.write_assertion(
            attrs.evolve(parts, client_data=client_data, signature=signature)
        )

    key = public[Algorithm.ES256]
    token = keys.sign_with(sign, key, typ=TYP, claims=CLAIMS)
    assert b"crossOrigin" not in parts_of(token).client_data
    assert verified(token, key).origin == ORIGIN


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"client": {"type": "webauthn.create"}}, WrongCeremony),
        ({"client": {"type": None}}, WrongCeremony),
        ({"client": {"challenge": keys.digest(b"something else")}}, AssertionElsewhere),
        ({"client": {"challenge": "Zoë"}}, AssertionElsewhere),
        ({"client": {"challenge": 7}}, MalformedAssertion),
        ({"origin": "https://auth.example.com.evil.example"}, WrongOrigin),
        ({"origin": "https://auth.example.com:8443"}, WrongOrigin),
        ({"origin": "https://auth.example.com/"}, WrongOrigin),
        ({"origin": "http://auth.example.com"}, WrongOrigin),
        ({"client": {"origin": [ORIGIN]}}, MalformedAssertion),
        ({"client": {"crossOrigin": True}}, CrossOrigin),
        ({"client": {"crossOrigin": "false"}}, CrossOrigin),
        ({"client": {"crossOrigin": 0}}, CrossOrigin),
        ({"client": {"crossOrigin": None}}, CrossOrigin),
        ({"client": {"topOrigin": ORIGIN}}, CrossOrigin),
        ({"client": {"topOrigin": None}}, CrossOrigin),
        ({"client": {"tokenBinding": {"status": "supported"}}}, MalformedAssertion),
        ({"rp_id": "example.com"}, WrongRpId),
        ({"flags": SYNCED & ~0x01}, UserAbsent),
        ({"flags": SYNCED & ~0x04}, UserUnverified),
        ({"flags": DEVICE_BOUND}, BackupChanged),
        ({"flags": SYNCED & ~0x08}, MalformedAssertion),
        ({"flags": SYNCED | 0x40}, MalformedAssertion),
        ({"flags": SYNCED | 0x80}, MalformedAssertion),
    ],
)
def test_each_check_refuses_alone(passkey, public, changes, refusal):
    key = public[Algorithm.ES256]
    assert verified(token_by(passkey), key)
    for name, value in changes.items():
        setattr(passkey, name, value)
    token = keys.sign_with(passkey.sign, key, typ=TYP, claims=CLAIMS)
    with pytest.raises(Refused) as caught:
        verified(token, key)
    assert type(caught.value) is refusal
    assert caught.value.public_code == "denied"


def test_a_passkey_that_could_not_be_copied_may_not_become_one_that_can(passkey):
    bound = FakePasskey(flags=DEVICE_BOUND)
    key = bound.public
    bound.flags = SYNCED
    with pytest.raises(BackupChanged):
        verified(token_by(bound), key)


def test_whether_it_is_backed_up_may_change(passkey, public):
    passkey.flags = SYNCED & ~0x10
    assert not verified(token_by(passkey), public[Algorithm.ES256]).backed_up


FAULTS = [
    ({"client": {"type": "webauthn.create"}}, WrongCeremony),
    ({"client": {"challenge": keys.digest(b"something else")}}, AssertionElsewhere),
    ({"origin": "https://evil.example"}, WrongOrigin),
    ({"client": {"topOrigin": ORIGIN}}, CrossOrigin),
    ({"rp_id": "evil.example"}, WrongRpId),
    ({"flags": ~0x01}, UserAbsent),
    ({"flags": ~0x04}, UserUnverified),
    ({"flags": ~0x18}, BackupChanged),
]


@pytest.mark.parametrize("first", range(len(FAULTS)))
def test_the_first_fault_in_order_is_named(public, passkey, first):
    """All faults from *first* on, and a signature by another key: the first is named."""
    stranger = FakePasskey()
    for changes, _ in FAULTS[first:]:
        for name, value in changes.items():
            if name == "client":
                stranger.client = {**stranger.client, **value}
            elif name == "flags":
                stranger.flags &= value
            else:
                setattr(stranger, name, value)
    token = keys.sign_with(stranger.sign, public[Algorithm.ES256], typ=TYP, claims=CLAIMS)
    with pytest.raises(FAULTS[first][1]):
        verified(token, public[Algorithm.ES256])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_of_another_key_does_not_hold(public, passkeys, algorithm):
    other = FakePasskey(algorithm=algorithm)
    token = keys.sign_with(other.sign, public[algorithm], typ=TYP, claims=CLAIMS)
    with pytest.raises(WrongSignature):
        verified(token, public[algorithm])


def test_the_header_has_to_agree_with_the_key(passkey, public):
    key, token = public[Algorithm.ES256], token_by(passkey)
    jws = keys.read(token, limit=LIMIT)
    with pytest.raises(WrongType):
        keys.verify_by_device(jws, key, expected_typ="other+jwt")
    with pytest.raises(WrongKey):
        keys.verify_by_device(jws, attrs.evolve(key, kid="other"), expected_typ=TYP)
    for other in (Algorithm.EDDSA, Algorithm.RS256):
        with pytest.raises(WrongAlgorithm):
            keys.verify_by_device(jws, attrs.evolve(key, algorithm=other), expected_typ=TYP)
    with pytest.raises(WrongAlgorithm):
        keys.verify_by_device(jws, attrs.evolve(key, passkey=None), expected_typ=TYP)


def test_a_token_that_the_same_key_signed_itself_does_not_hold_for_a_passkey(public):
    private = keys.generate(Algorithm.ES256, kid="passkey")
    key = attrs.evolve(private.public, passkey=public[Algorithm.ES256].passkey)
    plain = keys.sign(private, typ=TYP, claims=CLAIMS)
    with pytest.raises(WrongAlgorithm):
        verified(plain, key)
    renamed = keys.sign_with(private.sign, key, typ=TYP, claims=CLAIMS)
    with pytest.raises(MalformedAssertion):
        verified(renamed, key)


def test_a_passkey_signs_nothing_but_assertions(passkey, public):
    key = public[Algorithm.ES256]
    with pytest.raises(WrongAlgorithm):
        keys.verify(keys.read(token_by(passkey), limit=LIMIT), key, expected_typ=TYP)
    with pytest.raises(WrongAlgorithm):
        verify_bytes(b"\0" * 64, b"data", key)


@pytest.mark.parametrize("name", [*PASSKEY_ALGORITHMS.values(), "WA-PS256", None])
def test_the_jwk_of_a_passkey_is_no_other_key(public, name):
    jwk = keys.jwks_document([public[Algorithm.ES256]])["keys"][0] | {"alg": name}
    with pytest.raises(UnfitKey):
        keys.public_key(jwk, algorithms=frozenset(Algorithm))
    with pytest.raises(UnfitKey):
        keys.trusted_keys({"keys": [jwk]})


@pytest.mark.parametrize("of", ALGORITHMS)
@pytest.mark.parametrize("name", [*(algorithm.value for algorithm in Algorithm), "WA-PS256", None])
def test_the_jwk_of_another_key_is_no_passkey(public, name, of):
    key = public[of]
    jwk = keys.jwks_document([key])["keys"][0] | {"alg": name}
    with pytest.raises(UnfitKey):
        keys.public_key(jwk, algorithms=frozenset(Algorithm), passkey=key.passkey)


MISSPELLINGS = {
    "white space": lambda text: text.replace(b":", b": ", 1),
    "another order": lambda text: b"{" + b",".join(reversed(text[1:-1].split(b","))) + b"}",
    "one member more": lambda text: text[:-1] + b',"userHandle":"AA"}',
    "one member less": lambda text: text[: text.rindex(b",")] + b"}",
    "a member twice": lambda text: text[:-1] + b',"signature":"AA"}',
    "padding": lambda text: text.replace(b'","signature"', b'=","signature"'),
    "base64": lambda text: text.replace(b'"clientDataJSON":"e', b'"clientDataJSON":"+'),
    "an escape": lambda text: text.replace(b'"signature"', b'"\\u0073ignature"'),
    "a byte before": lambda text: b" " + text,
    "a line after": lambda text: text + b"\n",
    "a list": lambda text: b"[" + text + b"]",
    "no text": lambda text: text.replace(b'"signature":"', b'"signature":0,"x":"'),
    "an empty signature": lambda text: text[: text.rindex(b':"') + 2] + b'"}',
    "not UTF-8": lambda text: text[:-1] + b"\xff}",
    "nothing": lambda _: b"{}",
}


@pytest.mark.parametrize("misspelling", MISSPELLINGS)
def test_an_assertion_has_one_spelling(passkey, public, misspelling):
    token = token_by(passkey)
    text = keys.unb64url(token.rpartition(".")[2])
    spoilt = MISSPELLINGS[misspelling](text)
    assert spoilt != text
    with pytest.raises(MalformedAssertion):
        verified(with_assertion(token, spoilt), public[Algorithm.ES256])


@pytest.mark.parametrize(
    "changes",
    [
        {"authenticator_data": b"\0" * 36},
        {"authenticator_data": b"\0" * 38},
        {"client_data": b" " * 4_097},
        {"signature": b"\0" * 1_025},
        {"client_data": b"[]"},
        {"client_data": b'{"type":"webauthn.get"}'},
        {"client_data": b"\xef\xbb\xbf{}"},
        {"client_data": b"\xff"},
        {"client_data": b'{"type":"webauthn.get","type":"webauthn.get"}'},
    ],
)
def test_parts_that_do_not_fit_are_refused(passkey, public, changes):
    token = token_by(passkey)
    parts = attrs.evolve(parts_of(token), **changes)
    with pytest.raises(MalformedAssertion):
        verified(with_assertion(token, keys.write_assertion(parts)), public[Algorithm.ES256])


def test_every_part_has_a_limit_that_it_may_reach(passkey, public):
    token = token_by(passkey)
    parts = parts_of(token)
    client_data = parts.client_data + b" " * (4_096 - len(parts.client_data))
    longest = attrs.evolve(parts, client_data=client_data, signature=b"\0" * 1_024)
    with pytest.raises(WrongSignature):
        verified(with_assertion(token, keys.write_assertion(longest)), public[Algorithm.ES256])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_is_changed_in_any_byte_is_refused(passkeys, algorithm):
    """A thousand mutations of any byte of any part, decoded and as text."""
    passkey = passkeys[algorithm]
    token, key = token_by(passkey), passkey.public
    header, claims, third = (keys.unb64url(part) for part in token.split("."))
    parts = parts_of(token)
    pieces = {
        "header": header,
        "claims": claims,
        "third": third,
        "authenticator_data": parts.authenticator_data,
        "client_data": parts.client_data,
        "signature": parts.signature,
    }

    def spoil(name, data):
        if name in {"header", "claims", "third"}:
            rest = dict(zip(("header", "claims", "third"), (header, claims, third), strict=True))
            return ".".join(map(keys.b64url, (rest | {name: data}).values()))
        changed = attrs.evolve(parts, **{name: data})
        return with_assertion(token, keys.write_assertion(changed))

    total = 0
    for name, data in pieces.items():
        step = max(1, len(data) // 90)
        for at in range(0, len(data), step):
            for flip in (0x01, 0x80, 0x20):
                spoilt = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
                with pytest.raises(Refused):
                    verified(spoil(name, spoilt), key)
                total += 1
    assert total > 1_000
    for at in range(len(token)):
        character = "A" if token[at] != "A" else "B"
        with pytest.raises(Refused):
            verified(token[:at] + character + token[at + 1 :], key)


@given(st.data())
def test_any_change_of_any_part_is_refused(passkeys, data):
    passkey = passkeys[Algorithm.EDDSA]  # whose signatures are not random
    token = token_by(passkey)
    begin = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(begin, len(token)))
    insertion = data.draw(st.text("AQgw_-.=+/ \n\0é", max_size=8))
    changed = token[:begin] + insertion + token[end:]
    if changed != token:
        with pytest.raises(Refused):
            verified(changed, passkey.public)


ASSERTIONS = st.builds(
    keys.AssertionParts,
    authenticator_data=st.binary(min_size=37, max_size=37),
    client_data=st.binary(min_size=1, max_size=90),
    signature=st.binary(min_size=64, max_size=72),
)


@enough_is_read
@given(mostly_sound(ASSERTIONS.map(keys.write_assertion), st.binary(max_size=300)))
def test_reading_raises_its_own_error_only(data):
    parts = read_or_refuse(keys.read_assertion, data, (MalformedAssertion, MalformedToken))
    assert parts is None or keys.write_assertion(parts) == data


@pytest.mark.parametrize(("least", "most"), [(1, 1), (2, 2), (3, 3), (37, 37), (1, 6)])
def test_an_assertion_member_has_as_many_letters_as_its_bytes_need(least, most):
    expected = {len(keys.b64url(bytes(size))) for size in range(least, most + 1)}
    pattern = re.compile(_base64url(least, most))
    fitting = {length for length in range(60) if pattern.fullmatch("A" * length)}
    assert fitting == set(range(min(expected), max(expected) + 1))
