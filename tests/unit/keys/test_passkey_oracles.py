"""
Passkeys beside two other readers of WebAuthn: `webauthn` (duo-labs) and `fido2` (Yubico).

What we accept, both accept; what either refuses, we refuse. `EXCEPTIONS` has all differences.
"""

import hashlib
import json

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from passkey_oracles import COUNT_BEFORE, cose_key, credential, fido2_refuses, webauthn_refuses

from counterseal import keys
from counterseal.errors import Refused
from counterseal.keys.passkeys import verify_assertion
from counterseal.models import PASSKEY_ALGORITHMS, Algorithm
from counterseal_testing.authenticator import DEVICE_BOUND, ORIGIN, RP_ID, SYNCED, FakePasskey

SIGNED = b"header.claims"
CHALLENGE = keys.challenge_of(SIGNED)


@attrs.define
class Case:
    """What is set of an assertion, and the assertion, once it was made."""

    flags: int
    rp_id: str
    origin: str
    client: dict
    raw_client: bytes | None
    sign_count: int
    extra: bytes
    signature_of_stranger: bool
    bound_eligible: bool


EXCEPTIONS = {
    "crossOrigin": (
        lambda case: case.client.get("crossOrigin", False) is not False,
        "a page of another origin frames the one that asks: who sees the question is unknown",
    ),
    "topOrigin": (
        lambda case: "topOrigin" in case.client,
        "the same, as newer browsers say it",
    ),
    "BE": (
        lambda case: bool(case.flags & 0x08) is not case.bound_eligible,
        "a key that changes whether it can be copied is another key (WebAuthn 3, 7.2, step 19)",
    ),
    "extensions": (
        lambda case: case.flags & 0x80,
        "nobody has to ask for them to sign, and a reader without them needs no CBOR",
    ),
    "attested data": (
        lambda case: case.flags & 0x40,
        "an assertion has none (6.1)",
    ),
    "token binding": (
        lambda case: "tokenBinding" in case.client,
        "it was removed from the standard",
    ),
    "client data": (
        lambda case: case.raw_client is not None,
        "a member twice, or a challenge that is not in canonical base64url",
    ),
}
"""Where both accept and we do not: whether a case is one, and why."""

SIGN_COUNT = "synced passkeys send 0, and a counter that goes back proves nothing to a verifier"
"""Why we accept what `webauthn` refuses: the only check of theirs that is not ours."""

CHALLENGE_TEXT = keys.b64url(CHALLENGE)
TYPE = '"type":"webauthn.get"'
RAW_CLIENTS = [
    f'{{{TYPE},{TYPE},"challenge":"{CHALLENGE_TEXT}","origin":"{ORIGIN}"}}',
    f'{{{TYPE},"challenge":"{CHALLENGE_TEXT}=","origin":"{ORIGIN}"}}',
    f'{{{TYPE},"challenge":"{CHALLENGE_TEXT[:-1]}","origin":"{ORIGIN}"}}',
    f'\ufeff{{{TYPE},"challenge":"{CHALLENGE_TEXT}","origin":"{ORIGIN}"}}',
    f'{{{TYPE},"challenge":"{CHALLENGE_TEXT}"}}',
    "[]",
    "",
]
cases = st.builds(
    Case,
    flags=st.sampled_from([SYNCED, SYNCED, SYNCED, DEVICE_BOUND]) | st.integers(0, 255),
    rp_id=st.sampled_from([RP_ID, RP_ID, RP_ID, "example.com", ""]),
    origin=st.sampled_from([ORIGIN, ORIGIN, ORIGIN, f"{ORIGIN}/", "https://example.com", ""]),
    client=st.dictionaries(
        st.sampled_from(
            ["type", "challenge", "origin", "crossOrigin", "topOrigin", "tokenBinding", "more"]
        ),
        st.sampled_from(
            [
                *("webauthn.get", "webauthn.create", CHALLENGE_TEXT, "", ORIGIN),
                *(False, True, None, 0, {}, {"status": "supported"}),
            ]
        ),
        max_size=2,
    ),
    raw_client=st.none() | st.none() | st.sampled_from(RAW_CLIENTS).map(str.encode),
    sign_count=st.sampled_from([0, 0, COUNT_BEFORE, COUNT_BEFORE + 1, 2**32 - 1]),
    extra=st.sampled_from([b"", b"", b"", b"\xa0", b"\xa1\x61x\x01", b"\0", b"\xff"]),
    signature_of_stranger=st.sampled_from([False, False, False, True]),
    bound_eligible=st.sampled_from([True, True, False]),
)


STRANGERS = {algorithm: FakePasskey(algorithm=algorithm) for algorithm in PASSKEY_ALGORITHMS}


@pytest.fixture(scope="module")
def passkeys():
    """A passkey of each algorithm, with its key as it was bound."""
    owned = {algorithm: FakePasskey(algorithm=algorithm) for algorithm in PASSKEY_ALGORITHMS}
    return {algorithm: (passkey, passkey.public) for algorithm, passkey in owned.items()}


def parts_of(case, passkey):
    """Return what an authenticator makes of *case*, with a signature over all of it."""
    signer = STRANGERS[passkey.algorithm] if case.signature_of_stranger else passkey
    parts = made_by(passkey, case)
    client = parts.client_data if case.raw_client is None else case.raw_client
    data = parts.authenticator_data + case.extra
    signature = signer.signature(data + hashlib.sha256(client).digest())
    return keys.AssertionParts(data, client, signature)


def made_by(passkey, case):
    before = (passkey.flags, passkey.rp_id, passkey.origin, passkey.client, passkey.sign_count)
    passkey.flags, passkey.rp_id, passkey.origin = case.flags, case.rp_id, case.origin
    passkey.client, passkey.sign_count = case.client, case.sign_count
    try:
        return passkey.get(CHALLENGE)
    finally:
        passkey.flags, passkey.rp_id, passkey.origin, passkey.client, passkey.sign_count = before


def we_refuse(parts, key, *, bound_eligible=True):
    passkey = attrs.evolve(key.passkey, backup_eligible=bound_eligible)
    try:
        assertion = verify_assertion(keys.write_assertion(parts), SIGNED, key, passkey)
    except Refused as refusal:
        return refusal.code
    assert assertion.user_verified
    assert assertion.backup_eligible is bound_eligible
    return None


def plain(**changes):
    return Case(
        **{
            "flags": SYNCED,
            "rp_id": RP_ID,
            "origin": ORIGIN,
            "client": {},
            "raw_client": None,
            "sign_count": 0,
            "extra": b"",
            "signature_of_stranger": False,
            "bound_eligible": True,
        }
        | changes
    )


@given(case=cases)
@example(case=plain())
@pytest.mark.parametrize("algorithm", PASSKEY_ALGORITHMS)
def test_verdicts_agree(passkeys, algorithm, case):
    passkey, key = passkeys[algorithm]
    parts = parts_of(case, passkey)
    ours = we_refuse(parts, key, bound_eligible=case.bound_eligible)
    theirs = [
        webauthn_refuses(parts, key, CHALLENGE, count=0),
        fido2_refuses(parts, key, CHALLENGE),
    ]
    if ours is None:
        assert theirs == [None, None]
    elif theirs == [None, None]:
        assert [name for name, (applies, _) in EXCEPTIONS.items() if applies(case)], ours


REFUSED = {
    "type": plain(client={"type": "webauthn.create"}),
    "challenge": plain(client={"challenge": keys.digest(b"another")}),
    "origin": plain(origin="https://evil.example"),
    "rp id": plain(rp_id="evil.example"),
    "UP": plain(flags=SYNCED & ~0x01),
    "UV": plain(flags=SYNCED & ~0x04),
    "BS without BE": plain(flags=DEVICE_BOUND | 0x10, bound_eligible=False),
    "bytes left over": plain(extra=b"\0"),
    "extensions that are no CBOR": plain(flags=SYNCED | 0x80, extra=b"\xff"),
    "no client data": plain(raw_client=b"[]"),
    "signature": plain(signature_of_stranger=True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_either_refuses_we_refuse(passkeys, name):
    passkey, key = passkeys[Algorithm.ES256]
    parts = parts_of(REFUSED[name], passkey)
    refusals = (
        webauthn_refuses(parts, key, CHALLENGE, count=0),
        fido2_refuses(parts, key, CHALLENGE),
    )
    assert any(refusals)
    assert we_refuse(parts, key, bound_eligible=REFUSED[name].bound_eligible)


def one_each(key):
    """Return one case for each exception, in which nothing else is wrong."""
    attested_data = bytes(16) + b"\0\1x" + cose_key(key)
    return {
        "crossOrigin": plain(client={"crossOrigin": True}),
        "topOrigin": plain(client={"topOrigin": ORIGIN}),
        "BE": plain(flags=DEVICE_BOUND),
        "extensions": plain(flags=SYNCED | 0x80, extra=b"\xa0"),
        "attested data": plain(flags=SYNCED | 0x40, extra=attested_data),
        "token binding": plain(client={"tokenBinding": {"status": "supported"}}),
        "client data": plain(raw_client=RAW_CLIENTS[0].encode()),
    }


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_exception_is_one(passkeys, name):
    passkey, key = passkeys[Algorithm.ES256]
    case = one_each(key)[name]
    parts = parts_of(case, passkey)
    assert [each for each, (applies, _) in EXCEPTIONS.items() if applies(case)] == [name]
    assert EXCEPTIONS[name][1]
    assert we_refuse(parts, key) is not None
    assert webauthn_refuses(parts, key, CHALLENGE, count=0) is None
    assert fido2_refuses(parts, key, CHALLENGE) is None


def test_a_counter_that_goes_back_is_refused_by_one_of_them_only(passkeys):
    assert SIGN_COUNT
    passkey, key = passkeys[Algorithm.ES256]
    parts = parts_of(plain(sign_count=COUNT_BEFORE), passkey)
    assert we_refuse(parts, key) is None
    assert fido2_refuses(parts, key, CHALLENGE) is None
    assert "sign count" in webauthn_refuses(parts, key, CHALLENGE, count=COUNT_BEFORE)


def test_they_read_other_spellings_of_the_third_part(passkeys):
    """Ours is canonical JSON; a browser's `toJSON()` has more members, in its own order."""
    passkey, key = passkeys[Algorithm.ES256]
    parts = parts_of(plain(), passkey)
    spoilt = json.dumps(credential(parts, key)["response"]).encode()
    assert webauthn_refuses(parts, key, CHALLENGE, count=0) is None
    with pytest.raises(Refused):
        verify_assertion(spoilt, SIGNED, key, key.passkey)


@pytest.mark.parametrize("algorithm", PASSKEY_ALGORITHMS)
def test_a_changed_byte_is_refused_by_all(passkeys, algorithm):
    passkey, key = passkeys[algorithm]
    parts = parts_of(plain(), passkey)
    for name in ("authenticator_data", "client_data", "signature"):
        data = getattr(parts, name)
        for at in range(0, len(data), 7):
            changed = attrs.evolve(
                parts, **{name: data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]}
            )
            assert we_refuse(changed, key)
            assert webauthn_refuses(changed, key, CHALLENGE, count=0)
            assert fido2_refuses(changed, key, CHALLENGE)
