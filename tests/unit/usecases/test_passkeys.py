"""Passkeys as strong keys: bound, answering, rotated, refused, and in receipts."""

from contextlib import nullcontext

import attrs
import pytest

from counterseal import STANDARD, STRICT, keys, verify_receipt
from counterseal.bindings.documents.confirmation import (
    CONFIRM_TYP,
    Choice,
    Confirmation,
    confirmation_claims,
)
from counterseal.challenges.documents.answer import ANSWER_TYP
from counterseal.challenges.documents.receipt import RECEIPT_TYP
from counterseal.device import device_document
from counterseal.errors import (
    BackupChanged,
    InvalidField,
    MalformedAssertion,
    NotEndorsed,
    NotPossessed,
    PolicyUnsound,
    ReceiptChanged,
    StrongKeyMissed,
    UnfitKey,
    UserUnverified,
    WeakKey,
    WrongAlgorithm,
    WrongDevice,
    WrongKey,
    WrongOrigin,
    WrongRpId,
    WrongToken,
)
from counterseal.models import (
    PASSKEY_ALGORITHMS,
    Algorithm,
    BindingState,
    Button,
    ChallengeState,
    PasskeyScope,
    PasskeyUse,
    Role,
)
from counterseal_testing.authenticator import DEVICE_BOUND, ORIGIN, RP_ID, SYNCED, FakePasskey
from counterseal_testing.service import PIN

POLICY = attrs.evolve(STANDARD, passkey_origin=ORIGIN)
APP = f"android:apk-key-hash:{keys.digest(b'certificate')}"
"""The origin of an Android app."""
WEAK = (Button(title="Yes", strong=False, approving=True), Button(title="No", strong=False))


@pytest.fixture
def service(new_service):
    return new_service(policy=POLICY)


@pytest.fixture
def passkey():
    return FakePasskey()


@pytest.fixture
def alice(service, passkey):
    return service.bind("alice", passkey=passkey)


def pinned(service, phone):
    (strong,) = [key for key in service.stored(phone.guid).keys if key.role is Role.STRONG]
    return strong.key.passkey


def trusted(service):
    return service.ports.signer.jwks()


@pytest.mark.parametrize("algorithm", PASSKEY_ALGORITHMS)
def test_a_passkey_is_bound_and_answers(service, algorithm):
    passkey = FakePasskey(algorithm=algorithm, sign_count=7)
    phone = service.bind("alice", passkey=passkey)
    assert pinned(service, phone) == passkey.public.passkey
    challenge = service.ask("alice", "Pay 10 EUR to Zoë?").challenge
    answered = service.answer(phone, phone.fetch(challenge.guid))
    assert answered.state is ChallengeState.ANSWERED
    (event,) = service.happened("challenge.answered")
    assert event.attributes == (("sign_count", "7"), ("backed_up", "true"))
    receipt = verify_receipt(answered.outcome.receipt, trusted=trusted(service))
    assert receipt.proven
    assert receipt.approved
    assert receipt.key.alg == PASSKEY_ALGORITHMS[algorithm]
    assert receipt.assertion == keys.Assertion(
        origin=ORIGIN, user_verified=True, backup_eligible=True, backed_up=True, sign_count=7
    )
    assert phone.device.check(answered.outcome.receipt) == receipt
    claims = keys.read(answered.outcome.receipt, limit=1_000_000).claimed
    assert claims["passkey"] == {
        "rpIdHash": keys.digest(RP_ID.encode()),
        "origins": [ORIGIN],
        "userVerified": True,
        "backupEligible": True,
    }


def test_a_receipt_of_another_key_has_no_assertion(service):
    phone = service.bind("alice")
    answered = service.answer(phone, service.ask("alice", "Pay?").challenge)
    receipt = verify_receipt(answered.outcome.receipt, trusted=trusted(service))
    assert receipt.assertion is None
    assert "passkey" not in keys.read(answered.outcome.receipt, limit=1_000_000).claimed
    assert service.happened("challenge.answered")[0].attributes == ()


def test_the_app_space_says_where_its_passkeys_are_used(service, passkey):
    space, origins = service.app_space.guid, ("https://a.example.org", "https://example.org")
    edited = service.administration.edit_app_space(
        space, rp_id="example.org", passkey_origins=origins
    )
    assert edited.passkeys == PasskeyScope(rp_id="example.org", origins=origins)
    with pytest.raises(NotPossessed):
        service.bind("alice", passkey=passkey)
    passkey.rp_id, passkey.origin = "example.org", "https://a.example.org"
    phone = service.bind("alice", passkey=passkey)
    assert pinned(service, phone).origins == origins
    assert pinned(service, phone).rp_id_hash == keys.digest(b"example.org")
    edit = service.administration.edit_app_space
    assert edit(space, passkey_origins=origins[:1]).passkeys.rp_id == "a.example.org"
    assert edit(space, name="Renamed").passkeys.rp_id == "a.example.org"
    assert edit(space, passkey_origins=()).passkeys is None
    assert service.answer(phone, service.ask("alice", "Pay?").challenge).approved
    for changes in (
        {"rp_id": "example.org"},
        {"passkey_origins": ["http://example.org"]},
        {"passkey_origins": [""]},
        {"rp_id": "example.com", "passkey_origins": origins},
    ):
        with pytest.raises(InvalidField, match="passkeys"):
            edit(space, **changes)


def test_an_app_that_the_app_space_names_uses_passkeys(service):
    """Its client data names its package, too, and nothing of frames."""
    edit = service.administration.edit_app_space
    edit(service.app_space.guid, rp_id=RP_ID, passkey_origins=[ORIGIN, APP])
    app = FakePasskey(origin=APP, client={"androidPackageName": "com.example"})
    phone = service.bind("alice", passkey=app)
    assert pinned(service, phone).origins == (ORIGIN, APP)
    answered = service.answer(phone, service.ask("alice", "Pay?").challenge)
    receipt = verify_receipt(answered.outcome.receipt, trusted=trusted(service))
    assert receipt.assertion.origin == APP
    app.origin = f"{APP[:-1]}A"
    with pytest.raises(WrongOrigin):
        service.answer(phone, service.ask("alice", "Pay?").challenge)


def test_where_nobody_says_it_no_passkey_is_bound(new_service, passkey):
    service = new_service()
    with pytest.raises(UnfitKey, match="no web origin"):
        service.bind("alice", passkey=passkey)


def offer_of(service, phone, **changes):
    """The enrolment of a phone that is not bound, with changes of its strong key's offer."""
    invitation = service.invitations.invite(service.origin, "alice")
    enrolment = phone.device.enrolment(invitation.token, service.app_space.guid, pin=PIN)
    own, strong = enrolment.keys
    return attrs.evolve(enrolment, keys=(own, attrs.evolve(strong, **changes)))


@pytest.mark.parametrize(
    "changes",
    [{"credential_id": None}, {"role": Role.DEVICE}],
)
def test_an_offer_that_is_no_strong_passkey_is_refused(service, passkey, changes):
    phone = service.phone(passkey=passkey)
    with pytest.raises(UnfitKey):
        service.enrolments.complete(offer_of(service, phone, **changes))


@pytest.mark.parametrize("credential_id", ["=", "", keys.b64url(bytes(1_024))])
def test_what_is_no_credential_id_is_refused_by_its_place(service, passkey, credential_id):
    phone = service.phone(passkey=passkey)
    with pytest.raises(InvalidField) as caught:
        service.enrolments.complete(offer_of(service, phone, credential_id=credential_id))
    assert caught.value.field == "keys[1].credentialId"


@pytest.mark.parametrize("size", [1, 1_023])
def test_a_credential_id_has_1_to_1023_bytes(service, passkey, size):
    phone = service.phone(passkey=passkey)
    credential_id = keys.b64url(bytes(size))
    bound = service.enrolments.complete(offer_of(service, phone, credential_id=credential_id))
    assert bound.binding.keys[1].key.passkey.credential_id == credential_id


def test_a_passkey_is_bound_in_whatever_order_the_keys_are_offered(service, passkey):
    offer = offer_of(service, service.phone(passkey=passkey))
    bound = service.enrolments.complete(attrs.evolve(offer, keys=offer.keys[::-1]))
    assert bound.binding.keys[0].key.passkey == passkey.public.passkey


def test_a_plain_key_with_a_credential_id_is_refused(service):
    phone = service.phone()
    with pytest.raises(UnfitKey):
        service.enrolments.complete(offer_of(service, phone, credential_id="AQ"))


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": SYNCED & ~0x04},
        {"flags": SYNCED & ~0x01},
        {"client": {"topOrigin": "https://evil.example"}},
    ],
)
def test_a_passkey_proves_itself_where_it_will_be_used(service, passkey, changes):
    phone = service.phone(passkey=passkey)
    for name, value in changes.items():
        setattr(passkey, name, value)
    with pytest.raises(NotPossessed):
        service.enrolments.complete(offer_of(service, phone))


def test_a_proof_that_is_no_assertion_is_refused(service, passkey):
    phone = service.phone(passkey=passkey)
    offer = offer_of(service, phone)
    proof = f"{offer.keys[1].proof.rpartition('.')[0]}.AAAA"
    own, strong = offer.keys
    with pytest.raises(MalformedAssertion):
        service.enrolments.complete(
            attrs.evolve(offer, keys=(own, attrs.evolve(strong, proof=proof)))
        )


def test_who_has_not_the_token_learns_that_first(service, passkey):
    passkey.origin = "https://evil.example"
    phone = service.phone(passkey=passkey)
    offer = offer_of(service, phone)
    with pytest.raises(WrongToken):
        service.enrolments.complete(attrs.evolve(offer, token=f"{offer.token}x"))


def test_proofs_for_another_app_space_are_refused(service, passkey):
    phone = service.phone(passkey=passkey)
    invitation = service.invitations.invite(service.origin, "alice")
    other = service.new_app_space("Other")
    for space in (other.guid, service.company.guid, "no GUID"):
        with pytest.raises(NotPossessed):
            service.enrolments.complete(phone.device.enrolment(invitation.token, space, pin=PIN))


def test_the_same_bind_again_is_the_same_binding(service, passkey):
    phone = service.phone(passkey=passkey)
    offer = offer_of(service, phone)
    first = service.enrolments.complete(offer)
    assert service.enrolments.complete(offer).binding == first.binding


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"origin": "https://evil.example"}, WrongOrigin),
        ({"rp_id": "evil.example"}, WrongRpId),
        ({"flags": SYNCED & ~0x04}, UserUnverified),
        ({"flags": DEVICE_BOUND}, BackupChanged),
    ],
)
def test_an_answer_is_refused_by_each_check_and_is_no_strike(
    service, passkey, alice, changes, refusal
):
    challenge = service.ask("alice", "Pay?").challenge
    passkey.public  # noqa: B018 (as it was bound)
    for name, value in changes.items():
        setattr(passkey, name, value)
    with pytest.raises(refusal):
        service.answer(alice, challenge)
    assert service.stored(alice.guid).strikes == 0
    assert service.last_event() == ("challenge.answer", refusal.code)


def test_a_signature_by_another_passkey_is_a_strike(service, passkey, alice):
    challenge = service.ask("alice", "Pay?").challenge
    stranger = FakePasskey()
    alice.device.strong_key = attrs.make_class("Stolen", ["public", "sign"])(
        passkey.public, stranger.sign
    )
    with pytest.raises(StrongKeyMissed):
        service.answer(alice, challenge)
    assert service.stored(alice.guid).strikes == 1


def answer_by(service, phone, challenge, **claims):
    """An answer by the passkey with other claims; None leaves one out."""
    honest = keys.read(service.signed(phone, challenge), limit=9999).claimed | claims
    claims = {name: value for name, value in honest.items() if value is not None}
    token = keys.sign(phone.device.strong_key, typ=ANSWER_TYP, claims=claims)
    return service.send(phone, token)


def test_a_synced_passkey_is_strong_only_with_the_device_key(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    with pytest.raises(WeakKey):
        answer_by(service, alice, challenge, deviceKey=None)
    other = service.bind("alice").device.device_key.public.thumbprint
    for thumbprint in (
        other,
        "",
        keys.read(service.signed(alice, challenge), limit=9999).header.kid,
    ):
        with pytest.raises(WrongDevice):
            answer_by(service, alice, challenge, deviceKey=thumbprint)
    assert answer_by(service, alice, challenge).approved


def test_a_synced_passkey_alone_presses_weak_buttons(service, alice):
    challenge = service.ask("alice", "Pay?", buttons=WEAK).challenge
    answered = answer_by(service, alice, challenge, deviceKey=None)
    assert answered.approved
    receipt = verify_receipt(answered.outcome.receipt, trusted=trusted(service))
    assert receipt.answer.device_key is None


def test_a_synced_passkey_alone_is_strong_where_the_policy_allows_it(service, alice):
    lax = service.but(policy=attrs.evolve(POLICY, passkeys=PasskeyUse.ALLOW))
    challenge = service.ask("alice", "Pay?").challenge
    alice.answers = lax.answers
    assert answer_by(lax, alice, challenge, deviceKey=None).approved


@pytest.mark.parametrize(
    ("passkeys", "flags", "refusal"),
    [
        (PasskeyUse.WITH_DEVICE_KEY, SYNCED, WeakKey),
        (PasskeyUse.WITH_DEVICE_KEY, DEVICE_BOUND, None),
        (PasskeyUse.ALLOW, SYNCED, None),
    ],
)
def test_a_synced_passkey_alone_confirms_a_device_where_the_policy_allows_it(
    new_service, passkeys, flags, refusal
):
    service = new_service(policy=attrs.evolve(POLICY, passkeys=passkeys))
    passkey = FakePasskey(flags=flags)
    old = service.bind("alice", passkey=passkey)
    new = service.complete(old.invite(), service.phone())
    (new_device,) = old.new_devices()
    bond = old.device.bond
    confirmation = Confirmation(
        device=bond.device,
        account=bond.account,
        app_space=bond.app_space,
        binding=new.guid,
        thumbprints=new_device.thumbprints(),
        choice=Choice.ADD,
        issued_at=0,
        id="one",
    )

    def confirm(device_key):
        claims = confirmation_claims(attrs.evolve(confirmation, device_key=device_key))
        token = keys.sign(passkey, typ=CONFIRM_TYP, claims=claims)
        return service.confirmations.decide(old.call("/device/confirmations", token.encode()))

    with pytest.raises(WrongDevice):
        confirm(passkey.public.thumbprint)
    with pytest.raises(refusal) if refusal else nullcontext():
        confirm(None)
    if refusal:
        confirm(old.device.device_key.public.thumbprint)
    assert service.stored(new.guid).state is BindingState.ACTIVE


def test_a_passkey_that_cannot_be_copied_is_strong_alone(service):
    phone = service.bind("alice", passkey=FakePasskey(flags=DEVICE_BOUND))
    challenge = service.ask("alice", "Pay?").challenge
    answered = answer_by(service, phone, challenge, deviceKey=None)
    assert answered.approved
    receipt = verify_receipt(answered.outcome.receipt, trusted=trusted(service))
    assert not receipt.assertion.backup_eligible


def test_a_policy_that_refuses_passkeys_refuses_those_that_are_bound(service, passkey, alice):
    strict = service.but(policy=attrs.evolve(POLICY, passkeys=PasskeyUse.REFUSE))
    challenge = service.ask("alice", "Pay?").challenge
    with pytest.raises(WrongAlgorithm, match="refuses"):
        strict.answer(alice, challenge)
    with pytest.raises(UnfitKey):
        strict.bind("bob", passkey=FakePasskey())


@pytest.mark.parametrize(
    ("change", "fresh"),
    [
        ({"passkeys": PasskeyUse.REFUSE}, None),
        ({"algorithms": frozenset(Algorithm) - {Algorithm.RS256}}, FakePasskey(kid="new")),
    ],
)
def test_a_passkey_that_the_policy_refuses_endorses_no_other_key(service, change, fresh):
    phone = service.bind("alice", passkey=FakePasskey(kid="old", algorithm=Algorithm.RS256))
    rotation = phone.device.rotation(pin=PIN, new_pin=PIN, passkey=fresh)
    strict = service.but(policy=attrs.evolve(POLICY, **change))
    with pytest.raises(NotEndorsed):
        strict.devices.rotate(phone.call("/device", rotation.body))
    service.devices.rotate(phone.call("/device", rotation.body))


def test_rs256_passkeys_are_refused_where_rs256_is(new_service):
    service = new_service(policy=attrs.evolve(STRICT, passkey_origin=ORIGIN))
    with pytest.raises(UnfitKey):
        service.bind("alice", passkey=FakePasskey(algorithm=Algorithm.RS256))
    assert service.bind("alice", passkey=FakePasskey())


def test_a_disown_by_a_passkey(service, alice):
    challenge = service.ask("alice", "Pay?").challenge
    disowned = service.disown(alice, challenge, strong=True)
    assert disowned.state is ChallengeState.DISOWNED
    receipt = verify_receipt(disowned.outcome.receipt, trusted=trusted(service))
    assert receipt.assertion.user_verified


@pytest.mark.parametrize("before", [None, FakePasskey(kid="old")])
def test_a_rotation_brings_a_passkey_and_an_old_one_endorses_it(service, before):
    phone = service.bind("alice", passkey=before)
    fresh = FakePasskey(kid="new")
    rotation = phone.device.rotation(pin=PIN, new_pin=PIN, passkey=fresh)
    service.devices.rotate(phone.call("/keys", rotation.body))
    phone.device.complete_rotation(rotation)
    assert pinned(service, phone) == fresh.public.passkey
    assert service.answer(phone, service.ask("alice", "Pay?").challenge).approved


def test_a_rotation_takes_the_passkey_away(service, alice):
    rotation = alice.device.rotation(pin=PIN, new_pin=PIN)
    service.devices.rotate(alice.call("/keys", rotation.body))
    alice.device.complete_rotation(rotation)
    assert pinned(service, alice) is None
    assert service.answer(alice, service.ask("alice", "Pay?").challenge).approved


def test_a_passkey_is_not_stored_with_its_device(alice):
    with pytest.raises(InvalidField, match="authenticator"):
        device_document(alice.device)


@pytest.mark.parametrize(
    "changes",
    [
        {"passkey": None},
        {"passkey": {}},
        {"passkey.rpIdHash": keys.digest(b"evil.example")},
        {"passkey.origins": ["https://evil.example"]},
        {"passkey.origins": [7]},
        {"passkey.userVerified": False},
        {"passkey.backupEligible": False},
        {"passkey.more": 1},
        {"role": "device"},
        {"history": []},
        {"history": "without the device key"},
    ],
)
def test_a_receipt_that_contradicts_its_assertion_is_refused(service, alice, changes):
    answered = service.answer(alice, service.ask("alice", "Pay?").challenge)
    claims = keys.read(answered.outcome.receipt, limit=1_000_000).claimed
    for path, value in changes.items():
        name, _, member = path.partition(".")
        if member:
            claims[name][member] = value
        elif value == "without the device key":
            claims[name] = [line for line in claims[name] if line["role"] == "strong"]
        elif value is None:
            del claims[name]
        else:
            claims[name] = value
    (issuer,) = trusted(service)
    token = keys.sign_with(
        lambda data: service.ports.signer.sign(issuer.kid, data),
        issuer,
        typ=RECEIPT_TYP,
        claims=claims,
    )
    with pytest.raises(ReceiptChanged):
        verify_receipt(token, trusted=(issuer,))


def test_a_receipt_in_which_a_passkey_has_the_role_of_a_device_key_is_refused(service, alice):
    disowned = service.disown(alice, service.ask("alice", "Pay?").challenge, strong=True)
    claims = keys.read(disowned.outcome.receipt, limit=1_000_000).claimed
    claims["role"] = "device"
    claims["history"] = [line | {"role": "device"} for line in claims["history"]]
    (issuer,) = trusted(service)
    token = keys.sign_with(
        lambda data: service.ports.signer.sign(issuer.kid, data),
        issuer,
        typ=RECEIPT_TYP,
        claims=claims,
    )
    with pytest.raises(ReceiptChanged, match="another role"):
        verify_receipt(token, trusted=(issuer,))


def test_a_plain_key_with_a_passkeys_claims_is_refused(service):
    phone = service.bind("alice")
    answered = service.answer(phone, service.ask("alice", "Pay?").challenge)
    claims = keys.read(answered.outcome.receipt, limit=1_000_000).claimed
    claims["passkey"] = {
        "rpIdHash": keys.digest(RP_ID.encode()),
        "origins": [ORIGIN],
        "userVerified": True,
        "backupEligible": True,
    }
    (issuer,) = trusted(service)
    token = keys.sign_with(
        lambda data: service.ports.signer.sign(issuer.kid, data),
        issuer,
        typ=RECEIPT_TYP,
        claims=claims,
    )
    with pytest.raises(ReceiptChanged):
        verify_receipt(token, trusted=(issuer,))


def test_a_proof_of_a_device_key_is_no_assertion(service, passkey, alice):
    """A passkey cannot sign the proof of a call: the device key does."""
    challenge = service.ask("alice", "Pay?").challenge
    call = alice.call("/challenges", method="GET")
    claims = keys.read(call.proof, limit=9999).claimed
    proof = keys.sign(passkey, typ="counterseal-proof+jwt", claims=claims)
    with pytest.raises(WrongKey):
        service.answers.fetch(attrs.evolve(call, proof=proof), challenge.guid)


@pytest.mark.parametrize(
    ("rp_id", "origins"),
    [
        ("example.com", ("https://example.com",)),
        ("example.com", ("https://a.example.com", "https://b.example.com:8443")),
        ("localhost", ("http://localhost:8000", "http://app.localhost")),
        ("example.com", (APP, "https://example.com")),
    ],
)
def test_scopes_that_browsers_have(rp_id, origins):
    assert PasskeyScope(rp_id=rp_id, origins=origins).origins == origins


@pytest.mark.parametrize(
    ("rp_id", "origins"),
    [
        ("", ("https://example.com",)),
        ("Example.com", ("https://Example.com",)),
        ("example.com", ()),
        ("example.com", ("https://example.com",) * 9),
        ("example.com", ("http://example.com",)),
        ("example.com", ("https://example.com/",)),
        ("example.com", ("https://example.com:443",)),
        ("example.com", ("https://example.com:0443",)),
        ("example.com", ("https://evil-example.com",)),
        ("example.com", ("https://example.com.evil.example",)),
        ("example.com", ("https://user@example.com",)),
        ("example.com", ("https://example.com\n",)),
        ("a.example.com", ("https://example.com",)),
        ("127.0.0.1", ("https://127.0.0.1",)),
        ("localhost", ("http://localhost:80",)),
        ("localhost", ("http://evil.example",)),
        ("example.com", (APP[:-1],)),
        ("example.com", (f"{APP[:-1]}B",)),
        ("example.com", (f"{APP}=",)),
        ("example.com", (f"{APP}\n",)),
        ("example.com", (APP.upper(),)),
        ("example.com", (APP.replace("apk-key-hash", "apk-key-hash-sha256"),)),
        ("", (APP,)),
    ],
)
def test_scopes_that_no_browser_has(rp_id, origins):
    with pytest.raises(InvalidField):
        PasskeyScope(rp_id=rp_id, origins=origins)


@pytest.mark.parametrize("origin", ["http://example.com", "https://127.0.0.1", "example.com", None])
def test_a_policy_has_a_web_origin_or_none(origin):
    with pytest.raises(PolicyUnsound, match="passkey_origin"):
        attrs.evolve(STANDARD, passkey_origin=origin)
    with pytest.raises(PolicyUnsound, match="passkeys"):
        attrs.evolve(STANDARD, passkeys="allow")
