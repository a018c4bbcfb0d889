"""Log-ins of the device library, at npm's oidc-provider and a service in a thread."""

import json
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("counterseal_oidc")

from counterseal_demo.login_demo.world import APP_RETURN, CLIENT, open_world
from counterseal_demo.trial import NodeMissing, RegistryUnreachable

PACKAGES = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def idp():
    """A service with an App Space, whose users are a real provider's."""
    try:
        with open_world() as each:
            yield each
    except (NodeMissing, RegistryUnreachable) as error:
        pytest.skip(f"no npm: {error}")


class Program:
    """The program, which reads and writes a document a line."""

    def __init__(self, process):
        self._process = process

    def write(self, **document):
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()

    def read(self):
        return json.loads(self._process.stdout.readline())


@pytest.fixture
def program(node):
    with subprocess.Popen(
        [node.program, "tests/login.js"],
        cwd=PACKAGES,
        env=node.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        yield Program(process)
        process.stdin.close()


def log_in(idp, url):
    """Log in as a browser does, and return the address of the app to which it comes back."""
    relayed = idp.provider.log_in(url, "zoe", idp.come_back)
    return idp.client.request("GET", relayed).headers["location"]


def test_a_person_logs_in_and_out_and_in(idp, program):
    program.write(url=idp.url, appSpace=idp.app_space.guid, redirectUri=APP_RETURN)
    begun = program.read()
    assert begun["forbidden"] == "return_forbidden"
    assert begun["opened"] == begun["login"]["url"]
    assert set(begun["login"]) == {"appSpace", "url", "state", "secret", "expiresAt"}

    program.write(returned=log_in(idp, begun["login"]["url"]))
    assert program.read() == {
        "refused": {
            "other": "wrong_login",
            "noCode": "login_refused",
            "again": "wrong_state",
            "stolen": "denied",
        },
        "state": "ACTIVE",
        "appSpaceName": "Example App",
        "offered": [],
    }

    idp.log_out(idp.provider.logout_token(CLIENT, "zoe"))
    program.write()
    suspended = {"problem": "denied", "reason": "suspended", "state": "SUSPENDED"}
    assert program.read() == suspended

    program.write(returned=log_in(idp, program.read()["login"]["url"]))
    assert program.read() == {"state": "ACTIVE"}

    program.write(returned=log_in(idp, program.read()["login"]["url"]))
    assert program.read() == {
        "known": [[0, ""], [1, "A tablet"]],
        "dated": True,
        "absent": "not_found",
        "lost": {"reason": "revoked", "state": "REVOKED"},
        "others": ["ACTIVE", "ACTIVE"],
        "namesake": "token_spent",
    }
