"""A second implementation, in Node with its own cryptography, agrees with the core."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from counterseal import Answers, Enrolments, SignedRequest, read_enrolment
from counterseal.models import ChallengeState, DeviceCall
from counterseal.wire.cx1 import cx1_mac, read_cx1

HERE = Path(__file__).parent
ALGORITHMS = ("ES256", "EdDSA", "PS256", "RS256")


def run(node, script, *arguments):
    return subprocess.run(
        [node, script, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def messages(node):
    """What Node makes of the vectors' keys and names."""
    ended = run(node, HERE / "check.mjs", "--make")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_node_reproduces_every_vector(node):
    ended = run(node, HERE / "check.mjs")

    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout.split()[0]) > 200


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("display.json", r"\"10,00 EUR", r"\"10,01 EUR"),
        ("answer.json", '"token": "eyJ', '"token": "eyK'),
        ("receipt.json", '"hash": "', '"hash": "x'),
        ("proof.json", '"receivedAt": 17', '"receivedAt": 18'),
        ("cx1-hmac.json", "TYApbB", "TYApbC"),
        ("signature.json", '"user-42', '"user-43'),
    ],
)
def test_node_notices_a_changed_vector(node, tmp_path, file, old, new):
    for path in (*HERE.glob("*.json"), *HERE.glob("*.mjs")):
        shutil.copy(path, tmp_path)
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    assert run(node, tmp_path / "check.mjs").returncode != 0


def answering(world, vectors, algorithm):
    group = vectors["answer"]
    question = next(q for q in vectors["display"]["valid"] if q["about"] == "payment")
    service = world(group["context"], now=group["answeredAt"], device=algorithm, question=question)
    return Answers(service.ports, service.policy)


def call_of(messages, kind):
    return DeviceCall(
        **messages["address"],
        body=messages[kind]["token"].encode(),
        proof=messages[kind]["proof"],
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_core_accepts_an_answer_made_in_node(world, vectors, messages, algorithm):
    answers = answering(world, vectors, algorithm)

    ended = answers.answer(call_of(messages[algorithm], "answer"))

    assert ended.state is ChallengeState.ANSWERED
    assert ended.approved


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_core_accepts_a_disown_made_in_node(world, vectors, messages, algorithm):
    answers = answering(world, vectors, algorithm)

    ended = answers.disown(call_of(messages[algorithm], "disown"))

    assert ended.state is ChallengeState.DISOWNED


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_core_accepts_a_bind_made_in_node(world, vectors, messages, algorithm):
    body = messages[algorithm]["bind"]
    service = world(
        vectors["bind"]["context"],
        now=vectors["answer"]["answeredAt"],
        device=algorithm,
        invited=body["token"].partition(".")[2],
    )

    bound = Enrolments(service.ports, service.policy).complete(read_enrolment(body))

    assert bound.binding.guid == service.binding.guid


def test_the_core_accepts_a_cx1_header_made_in_node(vectors, messages):
    group = vectors["cx1-hmac"]
    for header, vector in zip(messages["cx1"], group["valid"], strict=True):
        parsed = read_cx1(header)
        assert parsed.signature == cx1_mac(
            group["secret_text"],
            method=vector["method"],
            uri=vector["uri"],
            milliseconds=parsed.milliseconds,
            guid=parsed.guid,
            body=vector["body"].encode(),
        )


def test_the_core_accepts_messages_signed_in_node(world, vectors, messages):
    group = vectors["signature"]
    service = world(vectors["display"]["context"], now=group["created"])
    authentication = service.doorkeeper(group)
    for headers, vector in zip(messages["messages"], group["valid"], strict=True):
        request = SignedRequest(
            method=vector["method"],
            uri=vector["uri"],
            body=vector["body"].encode(),
            headers=tuple(tuple(pair) for pair in headers),
        )
        assert authentication.authenticate(request).origin.guid == group["guid"]
