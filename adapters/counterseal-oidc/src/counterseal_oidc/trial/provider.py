"""One provider in a process of its own, and the browser of its users."""

from __future__ import annotations

import html
import json
import re
import subprocess
import threading
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpx2

from counterseal_oidc.trial.npm import HERE, TrialBroken, installed, node

STOP_SECONDS = 60
REPLY_SECONDS = 60
"""How long one reply may take; machines that try things are busy."""

PAGES = 12
"""As many as a log-in has at most: a form to log in, one to consent, and the ways between."""


class TrialProvider:
    """
    One provider on loopback, with the users `zoe` and `adam`.

    Args:
        clients: What it knows of its clients (OpenID Connect Dynamic Client Registration, 2);
            a `backchannel_logout_uri` of `here` has it keep the logout tokens.
        jwks: Its private keys as a JWK set; it makes its own if there are none.

    Attributes:
        url: Its issuer.

    Raises:
        NodeMissing: There is no Node.
        RegistryUnreachable: It has to be installed, and npm's registry did not answer.
        TrialBroken: It could not be installed, or did not start.
        OSError: The cache folder cannot be written.
    """

    def __init__(self, clients: list[dict[str, Any]], jwks: dict[str, Any] | None = None) -> None:
        module = installed() / "node_modules" / "oidc-provider" / "lib" / "index.js"
        options = json.dumps({"clients": clients, "jwks": jwks})
        self._process = subprocess.Popen(  # noqa: S603 (Node of the wheel, and a file of ours)
            [node() / "bin" / "node", HERE / "provider.mjs", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Not as an argument, which everybody on the machine can read: secrets are in it.
        said = self._told(f"{options}\n")
        if not said:
            _, problem = self._process.communicate(timeout=STOP_SECONDS)
            raise TrialBroken(f"it did not start: {' '.join(problem.split())[-300:]}")
        self.url = said
        # It warns of what is for development only, and would wait for a reader.
        self._reader = threading.Thread(target=self._pipe(2).read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Stop it."""
        self._pipe(0).close()
        self._process.wait(STOP_SECONDS)
        self._reader.join()
        self._pipe(1).close()
        self._pipe(2).close()

    def steer(self, **asked: Any) -> dict[str, Any]:
        """Change what it does; return what it has counted and told."""
        reply = httpx2.post(f"{self.url}/steer", json=asked, timeout=REPLY_SECONDS, trust_env=False)
        told: dict[str, Any] = reply.raise_for_status().json()
        return told

    def requests(self, path: str) -> int:
        """Return how often *path* was asked for."""
        return int(self.steer()["counts"].get(path, 0))

    def logout_token(self, client: str, subject: str, sid: str | None = None) -> str:
        """Return the logout token that the client is sent when *subject* logs out."""
        (token,) = self.steer(logout=subject, client=client, sid=sid)["told"]
        return str(token)

    def log_in(self, url: str, subject: str, home: str) -> str:
        """
        Be the browser of *subject*: follow *url* through the forms, and log in.

        Returns:
            The address at *home* to which the provider sends the browser.

        Raises:
            TrialBroken: It never does, or shows an error.
            HTTPError: It did not answer.
        """
        with httpx2.Client(timeout=REPLY_SECONDS, trust_env=False) as browser:
            response = browser.get(url)
            for _ in range(PAGES):
                place = response.headers.get("location")
                if place is None:
                    response = _submit(browser, response, subject)
                    continue
                place = urljoin(str(response.url), place)
                if place.startswith(home):
                    return place
                response = browser.get(place)
        raise TrialBroken("it never sent the browser back")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _told(self, options: str) -> str:
        stdin, stdout = self._pipe(0), self._pipe(1)
        try:
            stdin.write(options)
            stdin.flush()
        except BrokenPipeError:
            return ""
        return str(stdout.readline().strip())

    def _pipe(self, number: int) -> Any:
        return (self._process.stdin, self._process.stdout, self._process.stderr)[number]


def _submit(browser: httpx2.Client, response: httpx2.Response, subject: str) -> httpx2.Response:
    found = re.search(r'<form[^>]* action="([^"]+)"', response.text)
    if response.status_code != httpx2.codes.OK or found is None:
        words = " ".join(re.sub(r"<[^>]+>", " ", response.text).split())
        raise TrialBroken(f"it shows an error: {words[-300:]}")
    form = {
        name: html.unescape(value)
        for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', response.text)
    }
    if form.get("prompt") == "login":
        form |= {"login": subject, "password": "any"}
    return browser.post(urljoin(str(response.url), html.unescape(found[1])), data=form)
