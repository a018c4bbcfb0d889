"""Attestation: which passkeys the browsers of users may register, as the settings say."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from counterseal.errors import AttestationRefused, InvalidField
from counterseal.models import PasskeyScope, RegisteredPasskey, RegistrationResponse
from counterseal.ports import AttestationVerifier
from counterseal_server import files
from counterseal_server.extras import require_extra
from counterseal_server.printing import print_line
from counterseal_server.settings import Settings

EXTRA = "counterseal_webauthn"
ROOT_LIMIT = 65_536

log = logging.getLogger("counterseal_server")


class PasskeyVerifier:
    """
    An AttestationVerifier that is created at the first registration: most commands need none.

    Without `counterseal-server[webauthn]`, every registration is refused, and the log says why.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened_verifier: AttestationVerifier | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """
        Create the verifier now if settings are for it, so that an invalid one fails at the start.

        Raises:
            InvalidField: A setting is invalid, or the extra is missing.
        """
        if self._settings.passkey_models or self._settings.passkey_roots:
            with self._lock:
                self._opened_verifier = _verifier(self._settings)

    def conveyance(self) -> str:
        """
        Return the attestation that browsers are asked for.

        Raises:
            AttestationRefused: The extra is missing, so no passkey can be registered.
        """
        return self._verifier().conveyance()

    def verify(
        self, response: RegistrationResponse, *, scope: PasskeyScope, challenge: bytes
    ) -> RegisteredPasskey:
        """Verify a registration; see `AttestationVerifier.verify`."""
        return self._verifier().verify(response, scope=scope, challenge=challenge)

    def _verifier(self) -> AttestationVerifier:
        with self._lock:
            if self._opened_verifier is None:
                try:
                    self._opened_verifier = _verifier(self._settings)
                except InvalidField as error:
                    log.warning("no passkey of a browser is registered: %s", error.problem)
                    raise AttestationRefused(error.problem) from None
            return self._opened_verifier


def missing_extra() -> str | None:
    """Return what to install before browsers can register passkeys; None if it is there."""
    try:
        require_extra("passkey_roots", EXTRA)
    except InvalidField as error:
        return error.problem
    return None


def warn_of_missing_extra() -> None:
    """Print a warning on standard error if browsers cannot register passkeys."""
    message = missing_extra()
    if message is not None:
        print_line(f"warning: no browser can register a passkey: {message}", err=True)


def _verifier(settings: Settings) -> AttestationVerifier:
    package = require_extra("passkey_models" if settings.passkey_models else "passkey_roots", EXTRA)
    roots = {name: tuple(map(_root, paths)) for name, paths in settings.passkey_roots.items()}
    try:
        verifier: AttestationVerifier = package.WebAuthnAttestationVerifier(
            roots, models=frozenset(settings.passkey_models) if settings.passkey_models else None
        )
    except ValueError as error:
        raise InvalidField("passkey_roots", str(error)) from None
    return verifier


def _root(path: Path) -> bytes:
    return files.read(str(path), field="passkey_roots", limit=ROOT_LIMIT)
