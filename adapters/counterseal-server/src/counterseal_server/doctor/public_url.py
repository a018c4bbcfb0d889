"""Checks of the service as its clients reach it: the key set at `public_url`, and its TLS."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2

from counterseal import trusted_keys
from counterseal.errors import CountersealError
from counterseal_http import Forbidden, Guard, NotAttempted, guarded_client
from counterseal_server.doctor.finding import Finding, NotChecked, failure, fine, warning
from counterseal_server.doctor.installation import Installation

KEY_SET = "/.well-known/jwks.json"
OK = 200
UNAVAILABLE = 503
REDIRECTS = range(300, 400)
HTTPS_PORT = 443
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
RENEWAL = timedelta(days=14)


def check_public_url(installation: Installation) -> Iterator[Finding]:
    """Fetch the key set there, and compare it with the service's own."""
    url = installation.settings.public_url
    # The operator's own URL: it may be at a private address.
    guard = Guard(allow_http=True, allow_private=True, ports=None)
    tls = installation.open_authorities().load
    try:
        with guarded_client(guard, timeout=installation.timeout, tls=tls) as client:
            response = client.get(f"{url}{KEY_SET}")
    except (Forbidden, httpx2.RequestError, TimeoutError) as error:
        yield failure(
            "public_url_unreachable",
            f"{url} does not respond: {type(error).__name__}: {error}",
            "start the service and its proxy, and correct `public_url`, name or certificate",
        )
        return
    if response.status_code in REDIRECTS:
        yield failure(
            "public_url_redirects",
            f"{url}{KEY_SET} is redirected",
            "set `public_url` to the URL that clients call in the end: no call is redirected",
        )
        return
    if response.status_code == UNAVAILABLE:
        yield failure(
            "public_url_unready",
            f"{url}{KEY_SET} gives status {response.status_code}",
            "start the service; if it runs, see what its /readyz names in `failing`",
        )
        return
    if response.status_code != OK:
        yield failure(
            "public_url_refuses",
            f"{url}{KEY_SET} gives status {response.status_code}",
            "let the proxy pass all paths to the service, and start the service",
        )
        return
    yield _compare(installation, response.content)


def _compare(installation: Installation, content: bytes) -> Finding:
    url = installation.settings.public_url
    try:
        own = {key.thumbprint for key in installation.open_keys().signer.jwks()}
    except CountersealError:
        raise NotChecked("the own keys cannot be read, see `signing_keys`") from None
    try:
        there = {key.thumbprint for key in trusted_keys(json.loads(content))}
    except (CountersealError, ValueError, RecursionError):
        return failure(
            "public_url_foreign",
            f"what is at {url} is not this service: it has no key set",
            "correct the proxy, or `public_url`",
        )
    if there == own:
        return fine("public_url_own", f"{url} has the signing keys of this data folder")
    if there & own:
        return failure(
            "public_url_outdated",
            f"{url} has other signing keys beside those of this data folder, or fewer",
            "copy the key files to all machines of the service, and let no proxy cache them",
        )
    return failure(
        "public_url_foreign",
        f"{url} leads to another service: it has none of the keys of this data folder",
        "correct the proxy, `public_url` or `data`",
    )


def check_tls(installation: Installation) -> Iterator[Finding]:
    """Check that `public_url` is https, and how long its certificate is valid."""
    url = installation.settings.public_url
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if host in LOOPBACK:
            yield warning(
                "tls_local", f"{url} is for this machine only", "set `public_url` in production"
            )
        else:
            yield failure(
                "tls_absent",
                f"{url} is not https: everybody on the way reads secrets and answers",
                "put a proxy with TLS before the service, and set `public_url` to its URL",
            )
        return
    try:
        context = installation.open_authorities().load()
    except NotAttempted:
        raise NotChecked("no certificate can be verified, see `authorities`") from None
    try:
        with (
            socket.create_connection(
                (host, parts.port or HTTPS_PORT), installation.timeout.total_seconds()
            ) as connection,
            context.wrap_socket(connection, server_hostname=host) as encrypted,
        ):
            certificate = encrypted.getpeercert() or {}
            version = encrypted.version()
    except ssl.SSLCertVerificationError as error:
        yield failure(
            "certificate_invalid",
            f"the certificate of {host}: {error.verify_message}",
            "renew it, or give the proxy the whole chain; an authority of your own must be in"
            " `ca_file` or trusted by this machine, and have the extensions of RFC 5280",
        )
        return
    except OSError as error:
        raise NotChecked(f"{host} cannot be reached, see `public_url`") from error
    ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends_at - installation.clock.now()).days
    if ends_at - installation.clock.now() < RENEWAL:
        yield warning(
            "certificate_expiring", f"the certificate ends in {days} days", "renew it now"
        )
    else:
        yield fine("certificate_valid", f"{version}; the certificate ends in {days} days")
