"""The examples that verify callbacks: each takes what the service sent, and nothing else."""

import http.client
import json
import shutil
import socket
import subprocess
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import pytest
import verify_callback
from verify_callback import a_callback, by_a_library, by_our_client

HERE = Path(__file__).parent
SOON = 240
NODE = shutil.which("node")
OTHER = "whsec_" + "QUFB" * 10 + "QUE="
PART_OF_A_REQUEST = b"POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\nabc"
PROGRAM = """
import { receiver } from "./verify_callback.mjs";

const [failures, ...secrets] = process.argv.slice(2);
const seen = new Set();
let attempts = 0;
const server = receiver(secrets, async (id, guid) => {
  attempts += 1;
  if (attempts <= Number(failures)) throw new Error("no database");
  if (seen.has(id)) return;
  console.log(guid);
  seen.add(id);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""
EMPTY_KEY = """
import { createHmac } from "node:crypto";
import { verified } from "./verify_callback.mjs";

const signed = (secrets) => {
  const now = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", "").update(`i.${now}.{}`).digest("base64");
  const headers = {
    "webhook-id": "i",
    "webhook-timestamp": now,
    "webhook-signature": `v1,${signature}`,
  };
  return verified(headers, Buffer.from("{}"), secrets);
};
for (const secrets of JSON.parse(process.argv[1])) {
  try {
    console.log(signed(secrets));
  } catch (problem) {
    console.log(`${problem.name}: ${problem.message}`);
  }
}
"""


@pytest.fixture
def in_node(tmp_path):
    if NODE is None:
        pytest.skip("no node: none is on the path")
    shutil.copy(HERE / "verify_callback.mjs", tmp_path)
    (tmp_path / "receive.mjs").write_text(PROGRAM, "utf-8")
    started = []

    def start(*secrets, failures=0):
        process = subprocess.Popen(
            [NODE, "receive.mjs", str(failures), *secrets],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        started.append(process)
        port = int(process.stdout.readline())

        def send(headers, body):
            if body is None:  # goes away in the middle of a body
                with socket.create_connection(("127.0.0.1", port), SOON) as connection:
                    connection.sendall(PART_OF_A_REQUEST)
                return None
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
            with closing(connection):
                connection.request("POST", "/", body, headers | {"Connection": "close"})
                with connection.getresponse() as got:
                    return got.status

        def acted():
            process.kill()
            return process.stdout.read().split()

        return send, acted

    yield start
    for process in started:
        process.kill()
        process.wait(SOON)
        process.stdout.close()


@pytest.fixture
def acted(monkeypatch):
    guids = []
    monkeypatch.setattr(verify_callback, "jobs", guids)
    monkeypatch.setattr(verify_callback, "seen", set())
    return guids


def guid_of(body):
    return json.loads(body)["guid"]


def bent(headers, body):
    """Yield what is no callback of the service any more."""
    yield headers, body.replace(b'"approved":true', b'"approved":false')
    yield headers | {"webhook-id": headers["webhook-id"][::-1]}, body
    yield headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}, body
    yield headers | {"webhook-timestamp": "0"}, body
    yield headers | {"webhook-signature": "v1," + "A" * 43 + "="}, body
    yield headers | {"webhook-signature": "v1"}, body


@pytest.mark.parametrize("way", [by_our_client, by_a_library])
def test_in_python(way, acted):
    headers, body, secret = a_callback()
    for changed in bent(headers, body):
        assert way(*changed, secret) == HTTPStatus.BAD_REQUEST
    assert way(headers, body, OTHER) == HTTPStatus.BAD_REQUEST
    assert acted == []

    assert [way(headers, body, secret) for _ in range(3)] == [HTTPStatus.NO_CONTENT] * 3
    assert acted == [guid_of(body)]


def test_in_node(in_node):
    headers, body, secret = a_callback()
    stranger, believed = in_node(OTHER)
    assert stranger(headers, body) == HTTPStatus.BAD_REQUEST
    assert believed() == []

    send, acted = in_node(OTHER, secret)
    for changed in bent(headers, body):
        assert send(*changed) == HTTPStatus.BAD_REQUEST
    assert [send(headers, body) for _ in range(3)] == [HTTPStatus.NO_CONTENT] * 3
    assert acted() == [guid_of(body)]


def test_in_node_a_client_that_goes_away_ends_nothing(in_node):
    headers, body, secret = a_callback()
    send, acted = in_node(secret)
    send({}, None)
    assert send(headers, body) == HTTPStatus.NO_CONTENT
    assert acted() == [guid_of(body)]


def test_in_node_a_large_body_is_not_read_to_its_end(in_node):
    headers, body, secret = a_callback()
    send, acted = in_node(secret)
    with pytest.raises((OSError, http.client.HTTPException)):
        send(headers, bytes(64 * 1024 * 1024))
    assert send(headers, body) == HTTPStatus.NO_CONTENT
    assert acted() == [guid_of(body)]


def test_in_node_a_callback_that_could_not_be_recorded_is_not_lost(in_node):
    headers, body, secret = a_callback()
    send, acted = in_node(secret, failures=2)
    statuses = [send(headers, body) for _ in range(4)]
    assert statuses == [HTTPStatus.INTERNAL_SERVER_ERROR] * 2 + [HTTPStatus.NO_CONTENT] * 2
    assert acted() == [guid_of(body)]


@pytest.mark.skipif(NODE is None, reason="no node: none is on the path")
def test_in_node_a_secret_that_is_none_is_an_error():
    wrong = ["", "whsec_", "whsec_QUFB", OTHER[:-1], "QUFB" * 10 + "QUE=", OTHER + "\n", None]
    cases = [*([each] for each in wrong), [], OTHER, None]
    got = subprocess.run(
        [NODE, "--input-type=module", "--eval", EMPTY_KEY, json.dumps(cases)],
        cwd=HERE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    ).stdout.splitlines()
    unfit = "TypeError: not a callback secret: whsec_ and base64 of 32 bytes"
    no_list = "TypeError: secrets is not a list of callback secrets"
    assert got == [unfit] * len(wrong) + [no_list] * 3


@pytest.mark.parametrize("way", [by_our_client, by_a_library])
def test_in_python_a_callback_that_could_not_be_acted_on_is_not_lost(way, acted, monkeypatch):
    headers, body, secret = a_callback()

    class Broken(list):
        def append(self, _guid):
            raise OSError("no database")

    with monkeypatch.context() as patched:
        patched.setattr(verify_callback, "jobs", Broken())
        with pytest.raises(OSError, match="no database"):
            way(headers, body, secret)
    assert way(headers, body, secret) == HTTPStatus.NO_CONTENT
    assert acted == [guid_of(body)]
