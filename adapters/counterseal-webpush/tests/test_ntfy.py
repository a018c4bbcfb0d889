"""A real ntfy: a message goes through it, and its browser decrypts it."""

import base64
import json
import shutil
import subprocess
from datetime import timedelta
from time import monotonic, sleep

import httpx2
import pytest
from push_loopback import Browser
from reserved_ports import reserve_port

from counterseal.memory import SystemClock
from counterseal.models import (
    AddressKind,
    Occasion,
    PushAddress,
    PushMessage,
    PushOutcome,
    PushResult,
)
from counterseal.models.guid import derive_guid

TIMEOUT = 240
NTFY = shutil.which("ntfy")


@pytest.fixture
def ntfy(tmp_path):
    """Run ntfy on loopback, with its files in *tmp_path*, and return its URL."""
    if NTFY is None:
        pytest.skip("no ntfy: install it, such as by apt-get install ntfy")
    port = reserve_port()
    url = f"http://127.0.0.1:{port}"
    settings = tmp_path / "server.yml"
    cache_file = json.dumps(str(tmp_path / "cache.db"))
    settings.write_text(
        f"base-url: {url}\nlisten-http: 127.0.0.1:{port}\ncache-file: {cache_file}\n"
    )
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [NTFY, "serve", "--config", str(settings)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = monotonic() + TIMEOUT
        while not _healthy(url):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert monotonic() < deadline, "ntfy does not answer"
            sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def _healthy(url):
    try:
        return httpx2.get(f"{url}/v1/health", timeout=TIMEOUT).json()["healthy"]
    except httpx2.TransportError:
        return False


def _stored_messages(url, topic):
    response = httpx2.get(f"{url}/{topic}/json", params={"poll": "1"}, timeout=TIMEOUT)
    return [json.loads(line) for line in response.text.splitlines()]


def test_through_ntfy_and_back(ntfy, new_notifier):
    # An endpoint as UnifiedPush's distributor creates it.
    browser = Browser(f"{ntfy}/upCounterseal1?up=1")
    question = derive_guid(7, "question")
    message = PushMessage(
        guid=derive_guid(7, "message"),
        occasion=Occasion.CHALLENGE,
        subject=question,
        account=derive_guid(7, "account"),
        title="Eine Frage für Sie",
        body="Open the app to answer.",
        life=timedelta(minutes=2),
        timeout=timedelta(seconds=TIMEOUT),
    )
    address = PushAddress(kind=AddressKind.WEBPUSH, value=browser.subscription())
    outcomes = new_notifier(clock=SystemClock()).push((address,), message)

    assert outcomes == (PushOutcome(result=PushResult.DELIVERED),)
    (stored,) = _stored_messages(ntfy, "upCounterseal1")
    assert stored["encoding"] == "base64"
    body = base64.b64decode(stored["message"])
    assert question.encode() not in body
    plain = json.loads(browser.decrypt(body))
    assert plain["title"] == "Eine Frage für Sie"
    assert plain["data"]["requestGuid"] == question
