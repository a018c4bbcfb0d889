"""The verifier on `webauthn` keeps the clauses of its port."""

import pytest

from counterseal_testing import contracts
from counterseal_webauthn import WebAuthnAttestationVerifier


class TestWebAuthnAttestationVerifier(contracts.AttestationVerifierContract):
    @pytest.fixture
    def new_attestation_verifier(self):
        def new(roots, models):
            return WebAuthnAttestationVerifier({"packed": roots} if roots else {}, models=models)

        return new
