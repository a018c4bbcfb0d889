"""The examples that verify callbacks: each takes what the service sent, and nothing else."""

import http.client
import json
import shutil
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest
import verify_callback
from verify_callback import a_callback, by_a_library, by_our_client

HERE = Path(__file__).parent
SOON = 240
NODE = shutil.which("node")
OTHER = "whsec_" + "QUFB" * 11
PROGRAM = """
import { createServer } from "node:http";
import { take } from "./verify_callback.mjs";

const secrets = process.argv.slice(2);
const seen = new Set();
const server = createServer((request, response) =>
  take(request, response, secrets, seen, (guid) => console.log(guid)),
);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@pytest.fixture
def in_node(tmp_path):
    if NODE is None:
        pytest.skip("no Node on the path")
    shutil.copy(HERE / "verify_callback.mjs", tmp_path)
    (tmp_path / "receive.mjs").write_text(PROGRAM, "utf-8")
    started = []

    def start(*secrets):
        process = subprocess.Popen(
            [NODE, "receive.mjs", *secrets],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(process)
        port = int(process.stdout.readline())

        def send(headers, body):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
            connection.request("POST", "/", body, headers | {"Connection": "close"})
            with connection.getresponse() as got:
                status = got.status
            connection.close()
            return status

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
    monkeypatch.setattr(verify_callback, "act_on", guids.append)
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
