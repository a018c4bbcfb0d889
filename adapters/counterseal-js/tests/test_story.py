"""Both libraries together, at a running service."""

import json

import pytest


@pytest.fixture(scope="module")
def story(node, service):
    return json.loads(node.run("tests/story.js", input=json.dumps(service)))


def test_a_device_is_bound_by_a_link(story):
    assert story["bound"] == {"accountName": "user-42", "strong": "pin"}


def test_an_approval_is_proven(story):
    approved = story["approved"]
    assert approved["content"] == {"text": "Pay 10 EUR to Zoë?"}
    assert approved["device"]["approved"] is True
    assert approved["verdict"]["accountId"] == "user-42"
    assert approved["verdict"]["strong"] is True
    assert approved["device"]["receiptText"] == approved["verdict"]["receipt"]


def test_a_requirement_that_returns_a_promise_is_refused(story):
    assert story["approved"]["unfit"]["code"] == "client_unfit"


def test_other_answers_are_not_approved(story):
    assert story["declined"]["verdict"] == {"code": "declined", "disowned": False, "reason": None}
    assert story["disowned"]["verdict"] == {"code": "declined", "disowned": True, "reason": None}
    assert story["wrongPin"]["verdict"]["code"] == "unanswered"
    assert story["afterCancel"] == []


def test_a_wrong_pin_is_counted(story):
    refusal = story["wrongPin"]["device"]
    assert (refusal["code"], refusal["problem"]) == ("service_refused", "strong_key_missed")
    assert refusal["attemptsLeft"] == 4


def test_the_matching_code_is_typed(story):
    assert story["codeTyped"]["device"]["none"]["code"] == "invalid_field"
    assert story["codeTyped"]["device"]["typed"]["approved"] is True
    assert story["codeTyped"]["verdict"]["codeTyped"] is True


def test_the_event_stream_tells_of_what_is_asked_and_answered(story):
    assert story["streamed"] == [0, 1, 0]


def test_a_device_is_renamed_and_gets_new_keys(story):
    assert story["renamed"] == "The old phone"
    assert story["rotation"]["wrongPin"]["problem"] == "strong_key_missed"
    assert story["rotation"]["replaced"] is True
    assert story["afterRotation"]["verdict"]["accountId"] == "user-42"


def test_one_wallet_has_several_accounts(story):
    assert story["accounts"] == [["", "device-only"], ["The old phone", "pin"]]
    assert story["second"]["verdict"]["accountId"] == "user-43"


def test_every_algorithm_binds_answers_rotates_and_disowns(story):
    assert set(story["algorithms"]) == {"ES256", "EdDSA", "PS256", "RS256", "ML-DSA-44"}
    for algorithm, (alg, approval, refusal) in story["algorithms"].items():
        assert (alg, approval["accountId"]) == (algorithm, f"user-{algorithm}")
        assert refusal == {"code": "declined", "disowned": True, "reason": None}


def test_a_passkey_answers_beside_the_device_key(story):
    approved = story["passkey"]["approved"]
    receipt = approved["device"]["receipt"]
    assert receipt["key"]["alg"] == "WA-ES256"
    assert receipt["backupEligible"] is True
    assert receipt["answer"]["deviceKey"] != approved["verdict"]["thumbprint"]
    assert approved["verdict"]["strong"] is True


def test_a_passkey_that_did_not_verify_the_person_is_denied(story):
    unverified = story["passkey"]["unverified"]
    assert unverified["device"]["refusal"]["problem"] == "denied"
    assert unverified["device"]["declined"]["approved"] is False


def test_receipts_are_kept_but_not_beside_a_key_under_a_pin(story):
    pin, device_only = story["history"]["pin"], story["history"]["deviceOnly"]
    endings = [(each["ending"], each["approved"]) for each in pin]
    approved, declined, disowned = (
        ("ANSWERED", True),
        ("ANSWERED", False),
        ("DISOWNED", False),
    )
    assert endings == [approved, approved, approved, disowned, declined, approved]
    assert {each["kept"] for each in pin} == {False}
    assert [each["kept"] for each in device_only] == [True]


def test_a_revoked_device_is_denied(story):
    revoked = {"code": "service_refused", "problem": "denied", "reason": "revoked"}
    assert story["revoked"] == revoked | {"state": "REVOKED"}
    assert story["left"] == {"accounts": 1, "history": []}
    assert story["account"] == "user-42"


@pytest.mark.parametrize(
    ("choice", "status", "old", "fresh"),
    [
        ("add", "ACTIVE", "ACTIVE", "ACTIVE"),
        ("refuse", "REVOKED", "ACTIVE", "REVOKED"),
        ("move", "ACTIVE", "REVOKED", "ACTIVE"),
    ],
)
def test_a_device_invites_another_and_decides_on_it(story, choice, status, old, fresh):
    ends = {"ACTIVE": 0, "REVOKED": "revoked"}
    assert story["newDevices"][choice] == {
        "before": ["unconfirmed", True],
        "equalCodes": True,
        "name": "New phone",
        "status": status,
        "old": ends[old],
        "fresh": ends[fresh],
        "states": [old, fresh],
    }


def test_a_device_revokes_itself(story):
    assert story["unbound"] == {"state": "REVOKED", "accounts": 0}


def test_a_clock_that_is_an_hour_late_is_corrected(story):
    assert story["wrongClock"]["verdict"]["accountId"] == "user-45"
    assert story["correctedBy"] == 0


def test_the_wallet_tells_of_changes(story):
    assert story["changes"][0] == "bound"
    expected = {"answered", "ended", "renamed", "rotated", "requests"}
    assert expected <= set(story["changes"])
