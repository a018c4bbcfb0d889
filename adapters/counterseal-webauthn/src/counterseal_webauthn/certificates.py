"""What an attestation certificate says that `webauthn` does not read: which model it is for."""

from __future__ import annotations

import uuid
from typing import Any

from cryptography import x509

MODEL_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
"""`id-fido-gen-ce-aaguid` (WebAuthn Level 3, 8.2.1)."""
_OCTET_STRING = b"\x04\x10"
"""The head of the DER for 16 bytes."""
_VALUE_BYTES = 18


def require_end_entity(der: bytes) -> None:
    """
    Require that a certificate is of version 3 and no authority's (WebAuthn Level 3, 8.2.1).

    Raises:
        ValueError: It is, or cannot be read.
    """
    certificate = x509.load_der_x509_certificate(der)
    if certificate.version is not x509.Version.v3:
        raise ValueError("not of version 3")
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        raise ValueError("without basic constraints") from None
    if constraints.value.ca:
        raise ValueError("an authority's certificate")


def named_model(der: bytes) -> str | None:
    """
    Return the AAGUID that a certificate names; None if it names none.

    Raises:
        ValueError: The certificate cannot be read, or its AAGUID.
    """
    certificate = x509.load_der_x509_certificate(der)
    try:
        extension: Any = certificate.extensions.get_extension_for_oid(MODEL_EXTENSION)
    except x509.ExtensionNotFound:
        return None
    value: bytes = extension.value.value
    if extension.critical or value[:2] != _OCTET_STRING or len(value) != _VALUE_BYTES:
        raise ValueError("the certificate's AAGUID is not 16 bytes")
    return str(uuid.UUID(bytes=value[2:]))
