"""The core reproduces every vector, and refuses each forgery with the code that is beside it."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
import rfc8785

from counterseal import (
    STANDARD,
    Answers,
    Confirmations,
    Devices,
    Enrolments,
    Refused,
    SignedRequest,
    ijson,
    read_enrolment,
    read_json,
    verify_receipt,
    verify_use_receipt,
)
from counterseal.actions import STANDARD_ACTIONS
from counterseal.bindings.documents.confirmation import comparison_code, typed_code
from counterseal.bindings.documents.enrolment import verify_keyset
from counterseal.challenges.documents.action import (
    action_digest,
    action_document,
    attachment_document,
    read_action,
)
from counterseal.challenges.documents.messages import read_warnings
from counterseal.challenges.documents.question import content_document
from counterseal.credentials.documents import (
    cx1_mac,
    fields_of,
    read_basic,
    read_cx1,
    read_signature,
    signature_base,
    write_basic,
    write_cx1,
    write_signature,
)
from counterseal.device import Bond, SoftwareDevice, WrappedKey
from counterseal.device.pin import Wrapping, unwrap, wrap
from counterseal.errors import InvalidField
from counterseal.events.documents import DescribedEvent
from counterseal.keys import ml_dsa, private_key, public_key, trusted_keys, unb64url, verify
from counterseal.keys import read as read_token
from counterseal.memory import SystemClock, SystemEntropy
from counterseal.models import (
    AccountEventKind,
    Algorithm,
    BindingState,
    ChallengeState,
    DeviceCall,
)
from counterseal.models.document_hosts import document_host, is_document_origin
from counterseal.outbox.documents import (
    read_public_text,
    read_secret_text,
    verify_asymmetric,
    verify_webhook,
    webhook_headers,
)
from counterseal.wire.link import BindLink, read_link, write_link
from counterseal.wire.lookalikes import are_alike, skeletons
from counterseal.wire.members import Members, parse_time, read_record, write_record
from counterseal_testing import ScriptedEntropy

HERE = Path(__file__).parent


def cases(file, group, label="about"):
    """Parametrise by the vectors of one file."""
    vectors_ = json.loads((HERE / f"{file}.json").read_text(encoding="utf-8"))[group]
    return pytest.mark.parametrize("vector", vectors_, ids=lambda each: each[label])


def refusal(call, *arguments, **options):
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    return caught.value.code


@pytest.fixture(scope="module")
def phone(vectors):
    """A device that is bound as the vectors have it."""
    context = vectors["display"]["context"]
    device = SoftwareDevice.make(clock=SystemClock(), entropy=SystemEntropy(), pin="1379", cost=2)
    device.bond = Bond(
        device=context["devices"]["ES256"],
        account=context["account"]["guid"],
        app_space=context["appSpace"]["guid"],
        service_keys=(),
    )
    return device


def test_the_generator_would_write_these_files():
    subprocess.run([sys.executable, HERE / "generate", "--check"], check=True, timeout=240)


# Keys


@cases("keys", "keys", "name")
def test_thumbprint(vector):
    key = public_key(vector["public"], algorithms=frozenset(Algorithm))

    required = json.loads(key.jwk)
    by_hand = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode())
    assert key.thumbprint == vector["thumbprint"]
    assert unpadded(by_hand.digest()) == vector["thumbprint"]


@cases("unfit-keys", "valid")
def test_key_that_looks_odd(vector):
    key = public_key(vector["jwk"], algorithms=STANDARD.algorithms)

    assert key.thumbprint == vector["thumbprint"]
    assert key.kid == vector["jwk"]["kid"]


@cases("unfit-keys", "invalid", "why")
def test_unfit_key(vector):
    assert refusal(public_key, vector["jwk"], algorithms=STANDARD.algorithms) == vector["code"]


# Keys and tokens of ML-DSA-44

has_ml_dsa = pytest.mark.skipif(not ml_dsa.SUPPORTED, reason="no ml-dsa: cryptography has none")


def ml_dsa_key(vectors, vector):
    (entry,) = (each for each in vectors["ml-dsa"]["keys"] if each["name"] == vector["key"])
    return entry, public_key(entry["public"], algorithms=frozenset({Algorithm.ML_DSA_44}))


@has_ml_dsa
@cases("ml-dsa", "keys", "name")
def test_ml_dsa_key(vector):
    seed = unb64url(vector["private"]["priv"])
    key = public_key(vector["public"], algorithms=frozenset(Algorithm))
    assert key.thumbprint == vector["thumbprint"]
    assert private_key(seed, kid=key.kid, algorithm=key.algorithm).public == key


@has_ml_dsa
@cases("ml-dsa", "valid")
def test_ml_dsa_token(vectors, vector):
    _, key = ml_dsa_key(vectors, vector)
    jws = read_token(vector["token"], limit=STANDARD.token_bytes)
    assert verify(jws, key, expected_typ=vector["typ"]) == vector["claims"]


@has_ml_dsa
@cases("ml-dsa", "refused", "why")
def test_ml_dsa_token_that_is_refused(vectors, vector):
    _, key = ml_dsa_key(vectors, vector)
    jws = read_token(vector["token"], limit=STANDARD.token_bytes)
    assert refusal(verify, jws, key, expected_typ=vector["typ"]) == vector["code"]


@cases("ml-dsa", "unfit", "why")
def test_ml_dsa_key_that_is_unfit(vector):
    allowed = frozenset({Algorithm.ML_DSA_44})
    assert refusal(public_key, vector["jwk"], algorithms=allowed) == vector["code"]


@cases("ml-dsa", "keys", "name")
def test_ml_dsa_key_that_no_profile_allows(vector):
    assert refusal(public_key, vector["public"], algorithms=STANDARD.algorithms) == "unfit_key"


@has_ml_dsa
@cases("ml-dsa", "pin")
def test_ml_dsa_key_under_a_pin(vectors, vector):
    entry, _ = ml_dsa_key(vectors, vector)
    key = unwrap(wrapped_key(vector), vector["pin"], SystemEntropy())
    assert key.public.thumbprint == entry["thumbprint"]


# Display documents


@cases("display", "valid")
def test_display_document(vector):
    assert rfc8785.dumps(vector["document"]).decode() == vector["canonical"]
    assert ijson.canonical(vector["document"]).decode() == vector["canonical"]
    assert ijson.parse(vector["canonical"]) == vector["document"]
    assert unpadded(hashlib.sha256(vector["canonical"].encode()).digest()) == vector["hash"]


@cases("action", "valid")
def test_action(vector):
    action = read_action(vector["action"])
    client = json.loads((HERE / "action.json").read_text(encoding="utf-8"))["client"]
    assert action_document(action, client) == vector["document"]
    assert rfc8785.dumps(vector["document"]).decode() == vector["canonical"]
    assert unpadded(hashlib.sha256(vector["canonical"].encode()).digest()) == vector["digest"]
    assert action_digest(action, client) == vector["digest"]
    rendering = STANDARD_ACTIONS.render(action)
    assert content_document(rendering.content) == vector["content"]
    attachments = [attachment_document(each) for each in rendering.attachments]
    assert attachments == vector.get("attachments", [])


@cases("action", "invalid", "why")
def test_action_that_is_refused(vector):
    with pytest.raises(Refused) as caught:
        STANDARD_ACTIONS.render(read_action(vector["action"]))
    assert caught.value.code == vector["code"]
    assert getattr(caught.value, "field", None) == vector.get("field")


@cases("display", "invalid", "why")
def test_json_that_nobody_may_accept(vector):
    assert refusal(read_json, vector["json"]) == vector["code"]
    assert refusal(read_json, vector["json"].encode()) == vector["code"]


@cases("display", "readable")
def test_json_that_looks_odd(vector):
    parsed = read_json(vector["json"])

    assert ijson.canonical(parsed).decode() == vector["canonical"]
    assert read_json(vector["canonical"]) == parsed


@cases("display", "valid")
def test_document_that_a_device_shows(phone, vector):
    assert phone.read_display(vector["canonical"]) == vector["document"]


@cases("display", "actions")
def test_document_of_an_action_that_a_device_shows(phone, vector):
    assert phone.read_display(vector["canonical"]) == vector["document"]
    assert rfc8785.dumps(vector["document"]).decode() == vector["canonical"]


@cases("display", "unshowable", "why")
def test_document_that_no_device_shows(phone, vector):
    assert refusal(phone.read_display, vector["text"]) == vector["code"]


# Hosts of documents


@cases("document-hosts", "origins")
def test_origin_that_an_app_space_may_list(vector):
    assert is_document_origin(vector["origin"])


@cases("document-hosts", "unfit", "why")
def test_origin_that_no_app_space_lists(vector):
    assert not is_document_origin(vector["origin"])


@cases("document-hosts", "addresses")
def test_host_of_a_document(vector):
    assert document_host(vector["url"]) == vector["host"]


@cases("document-hosts", "replies")
def test_warnings_that_an_origin_reads(vector):
    warnings = read_warnings(Members.of(vector["reply"]))
    assert [attrs.asdict(each) for each in warnings] == vector["read"]


@cases("document-hosts", "unreadable", "why")
def test_warnings_that_no_origin_reads(vector):
    assert refusal(read_warnings, Members.of(vector["reply"])) == vector["code"]


# Answers and disowns


def challenge_of(world, vectors, vector, *, file, device):
    """Return a world in which the vector's display document is a pending challenge."""
    question = next(q for q in vectors["display"]["valid"] if q["about"] == vector["display"])
    code = vectors["answer"]["matchingCode"] if question["document"]["code"] else None
    group = vectors[file]
    return world(
        group["context"], now=group["answeredAt"], device=device, question=question, code=code
    )


@cases("answer", "valid")
def test_answer(world, vectors, vector):
    service = challenge_of(world, vectors, vector, file="answer", device=vector["header"]["alg"])
    answers = Answers(service.ports, service.policy)

    ended = answers.answer(service.call(vector["token"].encode()))

    buttons = json.loads(ended.display)["buttons"]
    assert ended.state is ChallengeState.ANSWERED
    assert ended.approved is buttons[vector["claims"]["button"]]["approves"]
    receipt = verify_receipt(ended.outcome.receipt, trusted=service.ports.signer.jwks())
    assert receipt.answer.button == vector["claims"]["button"]
    assert answers.answer(service.call(vector["token"].encode())) == ended


@cases("answer", "invalid", "why")
def test_forged_answer(world, vectors, vector):
    service = challenge_of(world, vectors, vector, file="answer", device=vector["device"])

    code = refusal(
        Answers(service.ports, service.policy).answer, service.call(vector["token"].encode())
    )

    assert code == vector["code"]


def test_both_signatures_of_one_answer_are_one_answer(world, vectors):
    first, twin = vectors["answer"]["valid"][0], vectors["answer"]["valid"][-1]
    service = challenge_of(world, vectors, first, file="answer", device="ES256")
    answers = Answers(service.ports, service.policy)

    ended = answers.answer(service.call(first["token"].encode()))

    assert first["token"] != twin["token"]
    assert answers.answer(service.call(twin["token"].encode())) == ended


@cases("disown", "valid")
def test_disown(world, vectors, vector):
    service = challenge_of(world, vectors, vector, file="disown", device=vector["header"]["alg"])

    ended = Answers(service.ports, service.policy).disown(service.call(vector["token"].encode()))

    assert ended.state is ChallengeState.DISOWNED
    assert not ended.approved


@cases("disown", "invalid", "why")
def test_forged_disown(world, vectors, vector):
    service = challenge_of(world, vectors, vector, file="disown", device="ES256")

    code = refusal(
        Answers(service.ports, service.policy).disown, service.call(vector["token"].encode())
    )

    assert code == vector["code"]


# Confirmations of new devices


def decide(world, vectors, vector):
    group = vectors["confirmation"]
    service = world(
        group["context"], now=group["decidedAt"], device=vector["device"], waiting=vector["new"]
    )
    confirmations = Confirmations(service.ports, service.policy)
    return service, confirmations.decide(service.call(vector["token"].encode()))


@cases("confirmation", "valid")
def test_confirmation(world, vectors, vector):
    service, binding = decide(world, vectors, vector)

    (old,) = service.ports.store.get(service.binding.guid)
    moved = vector["claims"]["choice"] == "move"
    assert (binding.guid, binding.state.value) == (vector["claims"]["binding"], vector["status"])
    assert binding.confirmation == vector["token"]
    assert old.state is (BindingState.REVOKED if moved else BindingState.ACTIVE)


@cases("confirmation", "invalid", "why")
def test_forged_confirmation(world, vectors, vector):
    assert refusal(decide, world, vectors, vector) == vector["code"]


@cases("confirmation", "codes")
def test_comparison_code(vector):
    thumbprints = vector["thumbprints"]
    lines = sorted(f"{role} {each}" for role in thumbprints for each in thumbprints[role])
    salt = f"counterseal-comparison {vector['account']} {vector['binding']}".encode()
    derived = hashlib.pbkdf2_hmac("sha256", "\n".join(lines).encode(), salt, 65536)
    bits = f"{int.from_bytes(derived[:8]):064b}"
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    by_hand = "".join(letters[int(bits[at : at + 5], 2)] for at in range(0, 50, 5))
    assert vector["code"].replace("-", "") == by_hand
    assert comparison_code(vector["account"], vector["binding"], thumbprints) == vector["code"]


@cases("confirmation", "typed")
def test_comparison_code_as_it_is_typed(vector):
    assert typed_code(vector["typed"]) == vector["code"]


# Device proofs


def request_of(vector):
    return DeviceCall(
        method=vector["method"],
        uri=vector["uri"],
        body=vector["body"].encode(),
        proof=vector["token"],
    )


@cases("proof", "valid")
def test_proof(world, vectors, vector):
    device = vector["header"]["alg"]
    service = world(vectors["proof"]["context"], now=vector["receivedAt"], device=device)
    devices = Devices(service.ports, service.policy)

    proven = devices.authenticate(request_of(vector))

    seen_at = datetime.fromtimestamp(vector["receivedAt"], UTC)
    assert proven.binding == attrs.evolve(service.binding, version=2, last_seen_at=seen_at)
    assert refusal(devices.authenticate, request_of(vector)) == "replayed"


@cases("proof", "invalid", "why")
def test_forged_proof(world, vectors, vector):
    service = world(vectors["proof"]["context"], now=vector["receivedAt"])

    code = refusal(Devices(service.ports, service.policy).authenticate, request_of(vector))

    assert code == vector["code"]


# Binds and rotations


@cases("bind", "valid")
def test_bind(world, vectors, vector):
    token = vector["body"]["token"]
    service = world(
        vectors["bind"]["context"],
        now=vectors["answer"]["answeredAt"],
        device=vector["device"],
        invited=token.partition(".")[2],
        bound=None if vector["device"] == "EdDSA" else "EdDSA",
    )

    bound = Enrolments(service.ports, service.policy).complete(read_enrolment(vector["body"]))

    assert bound.binding.guid == service.binding.guid
    assert bound.binding.name == vector["body"]["name"]
    assert [key.key.kid for key in bound.binding.keys] == [
        offered["jwk"]["kid"] for offered in vector["body"]["keys"]
    ]
    replaced = vectors["bind"]["replaced"]
    if vector["device"] != "EdDSA":
        (old,) = service.ports.store.get(replaced)
        assert (old.state is BindingState.REVOKED) is (vector["body"].get("replaces") == replaced)


@cases("bind", "invalid", "why")
def test_forged_bind(world, vectors, vector):
    right = vectors["bind"]["valid"][0]["body"]["token"]
    service = world(
        vectors["bind"]["context"],
        now=vectors["answer"]["answeredAt"],
        invited=right.partition(".")[2],
        bound="EdDSA",
    )

    def complete():
        Enrolments(service.ports, service.policy).complete(read_enrolment(vector["body"]))

    assert refusal(complete) == vector["code"]


# Languages


@cases("language", "binds")
def test_bind_with_a_language(world, vectors, vector):
    token, context = vector["body"]["token"], vectors["language"]["context"]
    service = world(
        context,
        now=vectors["answer"]["answeredAt"],
        device=vector["device"],
        invited=token.partition(".")[2],
    )

    bound = Enrolments(service.ports, service.policy).complete(read_enrolment(vector["body"]))

    (device,) = bound.account.devices
    assert bound.binding.language == device.language == vector["body"]["language"]


@cases("language", "updates")
def test_update_of_a_language(world, vectors, vector):
    service = world(vectors["language"]["context"], now=vectors["answer"]["answeredAt"])
    call = service.call(json.dumps(vector["body"]).encode())

    updated = Devices(service.ports, service.policy).update(call)

    assert updated.binding.language == vector["body"]["language"]


@cases("language", "invalid", "why")
def test_a_language_that_is_refused(world, vectors, vector):
    bind = vectors["language"]["binds"][0]["body"]
    service = world(
        vectors["language"]["context"],
        now=vectors["answer"]["answeredAt"],
        device="EdDSA",
        invited=bind["token"].partition(".")[2],
    )
    language = vector["language"]

    def complete():
        enrolment = read_enrolment({**bind, "language": language})
        Enrolments(service.ports, service.policy).complete(enrolment)

    assert refusal(complete) == vector["code"]
    service = world(vectors["language"]["context"], now=vectors["answer"]["answeredAt"])
    call = service.call(json.dumps({"language": language}).encode())
    assert refusal(Devices(service.ports, service.policy).update, call) == vector["code"]


@cases("language", "displays")
def test_language_of_a_display(vector):
    devices = sorted(vector["devices"], key=lambda device: device["lastSeenAt"], reverse=True)
    first = vector["question"].get("deviceGuid")
    chosen = [device for device in devices if device["device"] == first]
    tags = [device["language"] for device in (*chosen, *devices) if device["language"]]
    near = {tag: tag for tag in ("en", "de")} | {"de-AT": "de", "de-CH": "de", "pt-BR": "en"}
    expected = vector["question"]["action"].get("language") or near[(*tags, "en")[0]]
    texts = {"en": ["Log in", "Do not log in"], "de": ["Anmelden", "Nicht anmelden"]}

    document = vector["document"]

    assert (vector["language"], document["action"]["language"]) == (expected, expected)
    assert rfc8785.dumps(document).decode() == vector["canonical"]
    assert unpadded(hashlib.sha256(vector["canonical"].encode()).digest()) == vector["hash"]
    assert [button["title"] for button in document["buttons"]] == texts[expected]


@cases("rotation", "valid")
def test_rotation(world, vectors, vector):
    service = world(vectors["rotation"]["context"], now=vectors["answer"]["answeredAt"])
    call = service.call(json.dumps(vector["body"]).encode())

    rotated = Devices(service.ports, service.policy).rotate(call)

    fresh = {offered["jwk"]["kid"] for offered in vector["body"]["keys"]}
    roles = {offered["role"] for offered in vector["body"]["keys"]}
    remaining = {key.key.kid for key in service.binding.keys if key.role.value not in roles}
    assert {key.key.kid for key in rotated.binding.keys} == fresh | remaining


@cases("rotation", "invalid", "why")
def test_forged_rotation(world, vectors, vector):
    service = world(vectors["rotation"]["context"], now=vectors["answer"]["answeredAt"])
    call = service.call(json.dumps(vector["body"]).encode())

    assert refusal(Devices(service.ports, service.policy).rotate, call) == vector["code"]


# Receipts and key sets


@cases("receipt", "valid")
def test_receipt(vectors, vector):
    trusted = trusted_keys(vectors["receipt"]["trusted"])

    receipt = verify_receipt(vector["token"], trusted=trusted)

    assert receipt.proven
    assert receipt.hash == vector["hash"]
    assert receipt.approved is vector["claims"]["approved"]
    assert receipt.display == json.loads(vector["claims"]["display"])
    factors = [factor.value for factor in receipt.factors]
    expected = ["possession"]
    if vector["claims"]["role"] == "strong":
        expected.append("knowledge-or-inherence")
    assert factors == expected == vector["claims"].get("factors", expected)
    assert attrs.evolve(receipt, proven=False) == verify_receipt(vector["token"])
    thumbprint = receipt.issuer.thumbprint
    assert verify_receipt(vector["token"], thumbprint=thumbprint) == receipt


def test_the_receipts_of_an_account_are_a_chain(vectors):
    chain = [each for each in vectors["receipt"]["valid"] if "chain" in each["about"]]
    trusted = trusted_keys(vectors["receipt"]["trusted"])

    receipts = [verify_receipt(each["token"], trusted=trusted) for each in chain]

    assert [receipt.number for receipt in receipts] == [1, 2, 3]
    assert [receipt.previous for receipt in receipts] == ["", *(r.hash for r in receipts[:-1])]


@cases("receipt", "invalid", "why")
def test_forged_receipt(vectors, vector):
    trusted = trusted_keys(vectors["receipt"]["trusted"])

    assert refusal(verify_receipt, vector["token"], trusted=trusted) == vector["code"]


@cases("use-receipt", "valid")
def test_use_receipt(vectors, vector):
    trusted = trusted_keys(vectors["use-receipt"]["trusted"])
    claims = vector["claims"]

    receipt = verify_use_receipt(vector["token"], trusted=trusted)

    assert receipt.proven
    assert (receipt.challenge, receipt.account) == (claims["challenge"], claims["account"])
    assert (receipt.origin, receipt.device) == (claims["origin"], claims["device"])
    assert (receipt.type, receipt.action) == (claims["type"], claims["action"])
    assert receipt.presented is (claims["arguments"] == "matched")
    assert (receipt.valid_until, receipt.at) == (
        parse_time(claims["validUntil"]),
        parse_time(claims["at"]),
    )
    assert receipt.approval in {each["hash"] for each in vectors["receipt"]["valid"]}
    thumbprint = receipt.issuer.thumbprint
    assert verify_use_receipt(vector["token"], thumbprint=thumbprint) == receipt


@cases("use-receipt", "invalid", "why")
def test_forged_use_receipt(vectors, vector):
    trusted = trusted_keys(vectors["use-receipt"]["trusted"])

    assert refusal(verify_use_receipt, vector["token"], trusted=trusted) == vector["code"]


@cases("keyset", "valid")
def test_keyset(vectors, vector):
    pinned = trusted_keys(vectors["keyset"]["pinned"])
    newest = vectors["keyset"]["taken"]

    fresh = verify_keyset(vector["token"], pinned=pinned, not_before=newest)

    assert [key.kid for key in fresh] == vector["kids"]


@cases("keyset", "invalid", "why")
def test_forged_keyset(vectors, vector):
    pinned = trusted_keys(vectors["keyset"]["pinned"])
    newest = vectors["keyset"]["taken"]

    code = refusal(verify_keyset, vector["token"], pinned=pinned, not_before=newest)

    assert code == vector["code"]


# Links, callbacks, the origin's headers


def link_of(vector):
    return BindLink(
        token=vector["token"],
        app_space=vector["appSpaceGuid"],
        app_space_name=vector["appSpaceName"],
        account=vector["privakeyId"],
        display_name=vector["displayName"],
        app=vector["app"],
        service=vector["service"],
    )


@cases("lookalikes", "alike")
def test_lookalikes(vector):
    assert [list(skeletons(name)) for name in vector["names"]] == vector["skeletons"]
    assert are_alike(*vector["names"])


@cases("lookalikes", "different")
def test_names_that_do_not_look_alike(vector):
    assert [list(skeletons(name)) for name in vector["names"]] == vector["skeletons"]
    assert not are_alike(*vector["names"])


@cases("link", "valid")
def test_link(vector):
    assert write_link(link_of(vector)) == vector["link"]
    assert read_link(vector["link"]) == link_of(vector)


@cases("link", "read")
def test_older_link(vector):
    assert read_link(vector["link"]) == link_of(vector)


@cases("link", "invalid", "why")
def test_link_that_is_none(vector):
    assert refusal(read_link, vector["link"]) == vector["code"]


@cases("webhook", "valid")
def test_callback(vectors, vector):
    group = vectors["webhook"]
    at, body = datetime.fromtimestamp(int(group["timestamp"]), UTC), group["body"].encode()
    secrets = [base64.b64decode(text.removeprefix("whsec_")) for text in vector["secrets"]]

    headers = webhook_headers(secrets, message=group["id"], at=at, body=body)

    assert dict(headers) == vector["headers"]
    signed = f"{group['id']}.{group['timestamp']}.".encode() + body
    by_hand = [base64.b64encode(hmac.digest(secret, signed, "sha256")) for secret in secrets]
    signatures = vector["headers"].get("webhook-signature", "").split()
    assert signatures == [f"v1,{mac.decode()}" for mac in by_hand]


def test_asymmetric_callback(vectors):
    group = vectors["webhook"]
    vector, signed = (
        group["asymmetric"],
        f"{group['id']}.{group['timestamp']}.{group['body']}".encode(),
    )
    key = read_public_text(vector["public"])
    assert key.thumbprint == next(
        each["thumbprint"] for each in vectors["keys"]["keys"] if each["name"] == vector["key"]
    )
    signature = base64.b64decode(vector["signature"].removeprefix("v1a,"))

    verify_asymmetric(signature, signed, key)

    assert refusal(verify_asymmetric, signature, signed + b" ", key) == "wrong_signature"


EVENT_MEMBERS = (
    *("type", "guid", "at", "sequence", "privakeyId", "accountId", "appSpaceGuid"),
    *("deviceGuid", "requestGuid"),
)


@cases("event", "valid")
def test_event(vectors, vector):
    group, document = vectors["event"], vector["event"]
    at, body = datetime.fromtimestamp(int(group["timestamp"]), UTC), vector["body"].encode()
    secrets = [read_secret_text(group[name]) for name in ("secret", "olderSecret")]
    live = secrets[: vector["headers"]["webhook-signature"].count("v1,")]

    event = read_record(DescribedEvent, read_json(body))

    assert ijson.compact(write_record(event)) == body
    assert dict(webhook_headers(live, message=event.guid, at=at, body=body)) == vector["headers"]
    assert write_record(event) == document
    assert (event.kind is None) is (event.type == "moved")
    # By hand, in the order of the page
    by_hand = json.dumps(
        {name: document[name] for name in EVENT_MEMBERS}, ensure_ascii=False, separators=(",", ":")
    )
    assert by_hand == vector["body"]
    signed = f"{document['guid']}.{group['timestamp']}.{by_hand}".encode()
    macs = [base64.b64encode(hmac.digest(secret, signed, "sha256")).decode() for secret in live]
    assert vector["headers"]["webhook-signature"].split() == [f"v1,{mac}" for mac in macs]


def test_there_is_an_event_of_each_type(vectors):
    types = [vector["event"]["type"] for vector in vectors["event"]["valid"]]
    assert {kind.value for kind in AccountEventKind} < set(types)


@cases("event", "invalid", "why")
def test_a_signed_body_that_is_no_event(vectors, vector):
    group, body = vectors["event"], vector["body"].encode()
    at = datetime.fromtimestamp(int(group["timestamp"]), UTC)
    secret = read_secret_text(group["secret"])
    assert verify_webhook(vector["headers"], body, [secret], now=at)

    with pytest.raises(Refused):
        require_event(body, vector["headers"]["webhook-id"])


def require_event(body, message):
    if read_record(DescribedEvent, read_json(body)).guid != message:
        raise InvalidField("webhook-id", "of another event")


def wrapped_key(vector):
    document = vector["wrapped"]
    return WrappedKey(
        kid=document["kid"],
        algorithm=Algorithm(document["algorithm"]),
        wrapping=Wrapping(document["wrapping"]),
        cost=document["cost"],
        salt=unb64url(document["salt"]),
        wrapped=unb64url(document["wrapped"]),
    )


@cases("pin", "valid")
def test_key_under_a_pin(vectors, vector):
    private = next(
        each["private"] for each in vectors["keys"]["keys"] if each["name"] == vector["key"]
    )
    key = wrapped_key(vector)

    opened = unwrap(key, vector["pin"], SystemEntropy())

    assert opened.scalar() == unb64url(private["d"])
    entropy = ScriptedEntropy()
    entropy.play(key.salt)
    assert wrap(opened, vector["pin"], entropy, cost=key.cost) == key


@cases("pin", "other")
def test_another_pin_gives_another_key(vector):
    opened = unwrap(wrapped_key(vector), vector["pin"], SystemEntropy())

    assert opened.scalar() == unb64url(vector["secret"])


def test_basic(vectors):
    group = vectors["basic"]

    header = read_basic(group["header"])

    assert (header.guid, header.secret) == (group["guid"], group["secret"])
    assert write_basic(group["secret"], guid=group["guid"]) == group["header"]


def test_cx1(vectors):
    group = vectors["cx1-hmac"]
    guid, secret, milliseconds = group["guid"], group["secret_text"], group["timestamp_ms"]
    for kind, right in (("valid", True), ("invalid", False)):
        for vector in group[kind]:
            request = {"method": vector["method"], "uri": vector["uri"], "guid": guid}
            body = vector["body"].encode()
            signature = cx1_mac(secret, milliseconds=str(milliseconds), body=body, **request)
            assert (base64.b64encode(signature).decode() == vector["signature"]) is right
            header = write_cx1(secret, milliseconds=milliseconds, body=body, **request)
            assert read_cx1(header).signature == signature
    documented = read_cx1(group["documented_header_to_parse"])
    assert (documented.guid, documented.milliseconds) == (guid, str(milliseconds))


@pytest.fixture
def doorkeeper(vectors, world):
    """Return a factory: one who knows the vectors' origin, at some second."""

    def at(seconds):
        return world(vectors["display"]["context"], now=seconds).doorkeeper(vectors["signature"])

    return at


@cases("signature", "valid")
def test_message_signature(vectors, doorkeeper, vector):
    group = vectors["signature"]
    body, headers = vector["body"].encode(), [tuple(pair) for pair in vector["headers"]]
    message = {"method": vector["method"], "uri": vector["uri"], "body": body}

    signature_headers = write_signature(
        group["secret"],
        guid=group["guid"],
        headers=headers[:-3],
        created=group["created"],
        nonce=vector["nonce"],
        **message,
    )

    assert list(signature_headers) == headers[-3:]
    claimed = read_signature(fields_of(headers), body)
    assert hmac.digest(group["secret"].encode(), vector["base"].encode(), "sha256") == (
        claimed.signature
    )
    *lines, last = [line.split(": ", 1) for line in vector["base"].split("\n")]
    assert last == ['"@signature-params"', claimed.parameters]
    pairs = [(name.strip('"'), value) for name, value in lines]
    assert signature_base(pairs, claimed.parameters).decode() == vector["base"]
    request = SignedRequest(**message, headers=tuple(headers))
    assert doorkeeper(group["created"]).authenticate(request).origin.guid == group["guid"]


@cases("signature", "invalid", "why")
def test_message_signature_that_is_none(vectors, doorkeeper, vector):
    request = SignedRequest(
        method=vector["method"],
        uri=vector["uri"],
        body=vector["body"].encode(),
        headers=tuple(tuple(pair) for pair in vector["headers"]),
    )
    authentication = doorkeeper(vector["receivedAt"])
    assert refusal(authentication.authenticate, request) == vector["code"]


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
