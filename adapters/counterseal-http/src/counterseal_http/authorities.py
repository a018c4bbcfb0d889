"""The authorities whose certificates servers need: the machine's, and others beside them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import httpx2

from counterseal_http.errors import NotAttempted

Authorities: TypeAlias = ssl.SSLContext | Callable[[], ssl.SSLContext]
"""A TLS context that trusts them, or a function that returns it when the first call needs it."""


@cache
def load_machine_authorities() -> ssl.SSLContext:
    """
    Return the TLS context that trusts the machine's authorities, the same one in each call.

    Most processes never need it, and reading the file takes a third of a short command's time.

    Raises:
        NotAttempted: The certificates cannot be read. The next call tries again.
    """
    return _new_context()


@cache
def load_authorities(added: bytes) -> ssl.SSLContext:
    """
    Return the TLS context that trusts *added* beside the machine's authorities.

    It is the same one in each call with the same bytes.

    Args:
        added: Certificates, DER, one after the other. Each may be that of a root, of an
            intermediate authority, or of one server.

    Raises:
        NotAttempted: The certificates of the machine cannot be read. The next call tries again.
        ValueError: OpenSSL cannot read *added*.
    """
    context = _new_context()
    add_certificates(context, added)
    return context


def add_certificates(context: ssl.SSLContext, added: bytes) -> None:
    """
    Let *context* trust *added* too, whatever has issued them.

    Raises:
        ValueError: OpenSSL cannot read *added*.
    """
    try:
        context.load_verify_locations(cadata=added)
    except ssl.SSLError as error:
        raise ValueError(f"OpenSSL cannot read the certificates: {error.reason}") from None
    # The default since Python 3.13: without it, the certificate of an intermediate authority
    # would be trusted only together with that of its root.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _new_context() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context(trust_env=False)
    except OSError as error:
        paths = ssl.get_default_verify_paths()
        raise NotAttempted(
            "the certificates of this machine's authorities cannot be read, from"
            f" {paths.openssl_cafile} or {paths.openssl_capath}: {error.strerror or error}"
        ) from error
