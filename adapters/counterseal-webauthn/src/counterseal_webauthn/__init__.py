"""WebAuthn: the port `AttestationVerifier`, on `webauthn` (py_webauthn)."""

from __future__ import annotations

from counterseal_webauthn.verifier import FORMATS, WebAuthnAttestationVerifier

__all__ = ["FORMATS", "WebAuthnAttestationVerifier"]
