"""An origin in Node: the service runs, a device answers, and what was changed is refused."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from counterseal import jwks_document, read_question
from counterseal.models import Codes
from counterseal.testing import FakeService
from counterseal.wire.messages import processed_document

HERE = Path(__file__).parent
VECTORS = HERE.parents[1] / "tests" / "vectors"
NODE = shutil.which("node")
PATIENCE = 240
"""Seconds, for a machine on which nothing starts soon."""

COMMAND = [sys.executable, "-c", "from counterseal_server.cli import main; main()"]
VERIFY = """
import { readFileSync } from "node:fs";
import { pinnedKeys, verifyReceipt } from "./read_receipt.mjs";

const { trusted, valid, invalid } = JSON.parse(readFileSync(process.argv[1], "utf-8"));
const pinned = pinnedKeys(trusted);
const codes = invalid.map(({ token }) => {
  try {
    verifyReceipt(token, pinned);
    return "accepted";
  } catch (problem) {
    return problem.code;
  }
});
const read = valid.map(({ token }) => verifyReceipt(token, pinned));
console.log(JSON.stringify({ codes, hashes: read.map(({ hash }) => hash) }));
"""
COMPARE = """
import { readFileSync } from "node:fs";
import { Origin } from "./origin.mjs";

const { settings, reply, pending, changes } = JSON.parse(readFileSync(0, "utf-8"));
const shop = new Origin(settings);
const put = (whole, [name, ...rest], value) => {
  if (rest.length) put(whole[name], rest, value);
  else whole[name] = value;
};
const outcome = (reply, pending) => {
  try {
    return shop.verifyReply(reply, pending).approved;
  } catch (problem) {
    return problem.code;
  }
};
const outcomes = changes.map(([which, path, value]) => {
  const both = structuredClone({ reply, pending });
  put(both[which], path, value);
  return outcome(both.reply, both.pending);
});
console.log(JSON.stringify({ outcomes, unchanged: outcome(reply, pending) }));
"""
SIGN = """
import { Origin } from "./origin.mjs";

const { now, path, document, settings } = JSON.parse(process.argv[1]);
Date.now = () => now;
const sent = [];
globalThis.fetch = async (_, { headers }) => {
  sent.push(headers.authorization);
  return new Response("{}");
};
for (const each of settings) {
  await new Origin({ ...each, jwks: { keys: [] } }).call("PUT", path, document);
}
console.log(JSON.stringify(sent));
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on the path")


def in_node(program, *arguments, **how):
    command = [NODE, "--input-type=module", "--eval", program, *arguments]
    return subprocess.run(
        command, cwd=HERE, stdout=subprocess.PIPE, encoding="utf-8", check=True, **how
    ).stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environment():
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("COUNTERSEAL")
    }
    return inherited | {"COUNTERSEAL_ALLOW_PRIVATE_CALLBACKS": "1", "COUNTERSEAL_PIN": "1379"}


@pytest.fixture
def counterseal(tmp_path, environment):
    def run(*arguments):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        ).stdout

    return run


@pytest.fixture
def settings(tmp_path, counterseal, environment):
    """What an operator hands over, while the service runs."""
    url, callback = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    names = ("--company", "Example", "--app-space", "Bank & Söhne", "--origin", "Web shop")
    made = json.loads(
        counterseal(
            *("init", "--data", "data", *names, "--auth", "signature"),
            *("--callback", f"{callback}/answered"),
        )
    )
    port = url.rpartition(":")[2]
    serving = subprocess.Popen(
        [*COMMAND, "serve", "--data", "data", "--port", port],
        env=environment,
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield {
            "url": url,
            "scheme": "signature",
            "origin": made["requestOriginGuid"],
            "key": made["key"],
            "callbackSecret": made["callbackSecret"],
            "callback": f"{callback}/answered",
            "jwks": when_ready(url.removeprefix("http://"), "/.well-known/jwks.json"),
        }
    finally:
        serving.terminate()
        serving.wait(PATIENCE)


def when_ready(address, path):
    end = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        with closing(connection):
            try:
                connection.request("GET", path)
                return json.load(connection.getresponse())
            except ConnectionError:
                if time.monotonic() > end:
                    raise
        time.sleep(0.05)


def test_a_shop_in_node_asks_and_verifies_the_answer(tmp_path, settings, counterseal, environment):
    (tmp_path / "settings.json").write_text(json.dumps(settings), "utf-8")
    shop = [NODE, HERE / "ask_from_node.mjs", "settings.json"]

    def begin(*arguments):
        return subprocess.Popen(
            [*shop, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    with begin("invite", "user-42") as inviting:
        link = inviting.stdout.read().strip()
    assert link.endswith("&displayName=user-42%20%28shop%29")
    counterseal("device", "bind", "--home", "phone", "--url", settings["url"], "--link", link)

    for button, outcome in enumerate(("ANSWERED approved", "ANSWERED not approved")):
        with begin("ask", "user-42", f"order-{button}") as asking:
            guid = asking.stdout.readline().split()[1]
            counterseal("device", "answer", guid, "--home", "phone", "--button", button)
            rest = asking.stdout.read().splitlines()
        assert rest == [f"waited: {outcome}", f"called back: {outcome}"]
        assert asking.returncode == 0


def test_the_receipts_of_the_vectors():
    path = VECTORS / "receipt.json"
    vectors = json.loads(path.read_text("utf-8"))
    got = json.loads(in_node(VERIFY, str(path)))
    assert got["hashes"] == [each["hash"] for each in vectors["valid"]]
    wrong = {
        each["why"]: (code, each["code"])
        for each, code in zip(vectors["invalid"], got["codes"], strict=True)
        if code != each["code"]
    }
    assert wrong == {}


@pytest.fixture(scope="module")
def story():
    """An approval, as the service tells of it, and what the shop stored when it asked."""
    world = FakeService()
    world.administration.edit_origin(world.origin.origin.guid, codes=Codes.TYPED)
    phone = world.bind("user-42")
    question = {
        "accountId": "user-42",
        "content": {"text": "Pay 10 EUR to Zoë?"},
        "buttons": [
            {"title": "Pay", "strongAuth": True, "approving": True, "style": "green"},
            {"title": "Do not pay", "strongAuth": False, "approving": False},
        ],
        "showCode": True,
        "transactionId": "order-7",
        "additionalInfo": {"b": 1.5, "a": [None]},
    }
    issued = world.challenges.issue(world.origin, read_question(question))
    phone.answer(phone.fetch(issued.challenge.guid), code=issued.code)
    reply = processed_document(
        world.challenges.status(world.origin, issued.challenge.guid), now=world.clock.now()
    )
    return {
        "settings": {
            "origin": world.origin.origin.guid,
            "jwks": jwks_document(world.ports.signer.jwks()),
        },
        "reply": reply,
        "pending": {
            "guid": reply["guid"],
            "account": reply["privakeyId"],
            "appSpace": reply["appSpaceGuid"],
            "issuedAt": reply["issuedAt"],
            "expiresAt": reply["expiresAt"],
            "code": issued.code,
            "question": question,
        },
    }


CHANGES = [
    ("reply", ["guid"], "x"),
    ("reply", ["state"], "DISOWNED"),
    ("reply", ["answer"], "x"),
    ("reply", ["device"], "x"),
    ("reply", ["answeredAt"], "2031-01-01T00:00:00.000Z"),
    ("reply", ["buttonSelected"], 1),
    ("reply", ["approved"], False),
    ("reply", ["receipt"], "a.b.c"),
    ("reply", ["receipt"], None),
    ("pending", ["guid"], "x"),
    ("pending", ["account"], "x"),
    ("pending", ["appSpace"], "x"),
    ("pending", ["issuedAt"], "2020-01-01T00:00:00.000Z"),
    ("pending", ["expiresAt"], "2040-01-01T00:00:00.000Z"),
    ("pending", ["code"], "x"),
    ("pending", ["question", "accountId"], "user-43"),
    ("pending", ["question", "content", "text"], "Pay 11 EUR to Zoë?"),
    ("pending", ["question", "buttons", 0, "title"], "Buy"),
    ("pending", ["question", "buttons", 0, "strongAuth"], False),
    ("pending", ["question", "buttons", 0, "style"], None),
    ("pending", ["question", "buttons", 1, "approving"], True),
    ("pending", ["question", "showCode"], False),
    ("pending", ["question", "transactionId"], None),
    ("pending", ["question", "additionalInfo", "b"], 1),
]


def test_a_reply_that_is_not_the_answer_to_the_question_is_refused(story):
    got = json.loads(in_node(COMPARE, input=json.dumps(story | {"changes": CHANGES})))
    assert got["unchanged"] is True
    assert got["outcomes"] == ["receipt_changed"] * len(CHANGES)


def test_keys_that_are_not_pinned_are_refused(story):
    others = jwks_document(FakeService(seed=1).ports.signer.jwks())
    settings = story["settings"] | {"jwks": others}
    got = json.loads(
        in_node(COMPARE, input=json.dumps(story | {"settings": settings, "changes": []}))
    )
    assert got["unchanged"] == "issuer_untrusted"


def test_the_other_schemes_sign_as_the_vectors_do():
    basic, cx1 = (
        json.loads((VECTORS / f"{name}.json").read_text("utf-8")) for name in ("basic", "cx1-hmac")
    )
    case = next(each for each in cx1["valid"] if each["method"] == "PUT")
    url, _, path = case["uri"].partition("/api")
    got = json.loads(
        in_node(
            SIGN,
            json.dumps(
                {
                    "now": cx1["timestamp_ms"],
                    "path": f"/api{path}",
                    "document": json.loads(case["body"]),
                    "settings": [
                        {
                            "url": url,
                            "scheme": "hmac",
                            "origin": cx1["guid"],
                            "key": cx1["secret_text"],
                        },
                        {
                            "url": url,
                            "scheme": "basic",
                            "origin": basic["guid"],
                            "key": basic["secret"],
                        },
                    ],
                }
            ),
        )
    )
    signed = f"CX1-HMAC-SHA256,{cx1['guid']}/{cx1['timestamp_ms']},{case['signature']}"
    assert got == [signed, basic["header"]]
