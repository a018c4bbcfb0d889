"""
Failures before there is a response that `httpx2` has no class for.

All are subclasses of `httpx2.TransportError`, so that callers need only one `except`.
The texts contain no URL, name or header: a URL may be a secret, as a push endpoint is.
"""

from __future__ import annotations

import ssl

import httpx2


class Forbidden(httpx2.TransportError):
    """
    The guard refuses the request; nothing was sent.

    Attributes:
        final: Whether the URL itself is refused, so that no later attempt can succeed. The
            addresses of a name may change.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


class Unresolved(httpx2.TransportError):
    """The name has no address, or its name servers did not answer; nothing was sent."""


class NotAttempted(httpx2.TransportError):
    """Nothing was sent, for a reason on this machine that a remote side cannot cause alone."""


class CertificateRefused(httpx2.ConnectError):
    """
    The server's certificate is refused; nothing was sent.

    The text is what OpenSSL says: that the issuer is not known, the name or the date does not fit,
    or the certificate lacks something.
    """

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        # What follows is the host name, which may be a secret.
        reason = error.verify_message.partition(", certificate is not valid for")[0]
        super().__init__(f"the certificate is refused: {reason}")


EXPLAINED = (CertificateRefused, Forbidden, NotAttempted, Unresolved)
"""The failures whose texts may be logged; the text of another may contain a URL."""


def describe_failure(error: Exception) -> str:
    """Return what may be logged of *error*: its text if that has no secret, else its kind."""
    return str(error) if isinstance(error, EXPLAINED) else type(error).__name__
