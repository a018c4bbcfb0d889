"""A provider in its own process, and the browser of its users."""

from __future__ import annotations

import html
import json
import re
import subprocess
import threading
from typing import Any, Self
from urllib.parse import urljoin

import httpx2

from counterseal_demo.trial.npm import HERE, TrialBroken, install, node

STOP_SECONDS = 60
REPLY_SECONDS = 60
"""How long one response may take, on a busy machine too."""

PAGES = 12
"""The most that a log-in has: a form to log in, one to consent, and the redirects between."""


class TrialProvider:
    """
    One provider on loopback, with the users `zoe` and `adam`.

    Args:
        clients: Its clients' metadata (OpenID Connect Dynamic Client Registration, 2). If the
            `backchannel_logout_uri` is `here`, it sends the logout tokens to itself.
        jwks: Its private keys as a JWK set; by default it generates a key.

    Attributes:
        url: Its issuer.

    Raises:
        NodeMissing: There is no Node.
        RegistryUnreachable: It has to be installed, and npm's registry did not answer.
        TrialBroken: It could not be installed, or did not start.
        OSError: The cache folder cannot be written.
    """

    def __init__(self, clients: list[dict[str, Any]], jwks: dict[str, Any] | None = None) -> None:
        module = install() / "node_modules" / "oidc-provider" / "lib" / "index.js"
        options = json.dumps({"clients": clients, "jwks": jwks})
        self._process = subprocess.Popen(  # noqa: S603 (Node of the wheel, and a file of this package)
            [node() / "bin" / "node", HERE / "provider.mjs", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        # Not as an argument, which every user of the machine can read: there are secrets in it.
        url = self._start(f"{options}\n")
        if not url:
            _, problem = self._process.communicate(timeout=STOP_SECONDS)
            raise TrialBroken(f"it did not start: {' '.join(problem.split())[-300:]}")
        self.url = url
        # Its warnings would fill the pipe, and block it.
        self._reader = threading.Thread(target=self._pipe(2).read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        """Stop it."""
        self._pipe(0).close()
        self._process.wait(STOP_SECONDS)
        self._reader.join()
        self._pipe(1).close()
        self._pipe(2).close()

    def control(self, **changes: Any) -> dict[str, Any]:
        """Change what it does; return its request counts and its last logout tokens."""
        response = httpx2.post(
            f"{self.url}/control", json=changes, timeout=REPLY_SECONDS, trust_env=False
        )
        state: dict[str, Any] = response.raise_for_status().json()
        return state

    def requests(self, path: str) -> int:
        """Return how many requests *path* had."""
        return int(self.control()["counts"].get(path, 0))

    def logout_token(self, client: str, subject: str, sid: str | None = None) -> str:
        """Return the logout token that the provider sends to the client when *subject* logs out."""
        (token,) = self.control(logout=subject, client=client, sid=sid)["logoutTokens"]
        return str(token)

    def log_in(self, url: str, subject: str, home: str) -> str:
        """
        Log in at *url* as *subject*, as a browser does: through the forms and redirects.

        Returns:
            The URL under *home* to which the provider redirects the browser.

        Raises:
            TrialBroken: It does not redirect there, or shows an error.
            HTTPError: It did not respond.
        """
        with httpx2.Client(timeout=REPLY_SECONDS, trust_env=False) as browser:
            response = browser.get(url)
            for _ in range(PAGES):
                location = response.headers.get("location")
                if location is None:
                    response = _submit(browser, response, subject)
                    continue
                url = urljoin(str(response.url), location)
                if url.startswith(home):
                    return url
                response = browser.get(url)
        raise TrialBroken("it did not redirect the browser back")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, options: str) -> str:
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
    action = re.search(r'<form[^>]* action="([^"]+)"', response.text)
    if response.status_code != httpx2.codes.OK or action is None:
        text = " ".join(re.sub(r"<[^>]+>", " ", response.text).split())
        raise TrialBroken(f"it shows an error: {text[-300:]}")
    form = {
        name: html.unescape(value)
        for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', response.text)
    }
    if form.get("prompt") == "login":
        form |= {"login": subject, "password": "any"}
    return browser.post(urljoin(str(response.url), html.unescape(action[1])), data=form)
