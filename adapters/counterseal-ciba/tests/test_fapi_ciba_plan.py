"""
The plan: every module of `fapi-ciba-id1-test-plan` has its test, or a reason why it has none.

The list is that of https://gitlab.com/openid/conformance-suite, `FAPICIBAID1TestPlan`, of November
2026, without the profiles of Brazil and of ConnectID Australia. The prefix `fapi-ciba-id1-` is left
out of the names.
"""

import re
from pathlib import Path

import pytest

MODULES = [
    "discovery-end-point-verification",
    "fapi-ciba-id1",
    "user-rejects-authentication",
    "multiple-call-to-token-endpoint",
    "auth-req-id-expired",
    "ensure-authorization-request-with-binding-message-succeeds",
    "ensure-other-scope-order-succeeds",
    "ensure-requested-expiry-as-string-succeeds",
    "ensure-authorization-request-with-potentially-bad-binding-message",
    "ensure-request-object-missing-aud-fails",
    "ensure-request-object-bad-aud-fails",
    "ensure-request-object-missing-iss-fails",
    "ensure-request-object-bad-iss-fails",
    "ensure-request-object-missing-exp-fails",
    "ensure-request-object-expired-exp-fails",
    "ensure-request-object-exp-is-70-minutes-in-future-fails",
    "ensure-request-object-missing-iat-fails",
    "ensure-request-object-missing-nbf-fails",
    "ensure-request-object-nbf-is-10-minutes-in-future-fails",
    "ensure-request-object-nbf-is-70-minutes-in-past-fails",
    "ensure-request-object-missing-jti-fails",
    "ensure-request-object-signature-algorithm-is-none-fails",
    "ensure-request-object-signature-algorithm-is-bad-fails",
    "ensure-request-object-signature-algorithm-is-RS256-fails",
    "ensure-request-object-signed-by-other-client-fails",
    "ensure-authorization-request-with-multiple-hints-fails",
    "ensure-wrong-auth-req-id-in-token-endpoint-request",
    "ensure-different-client-id-and-issuer-in-backchannel-authorization-request",
    "ensure-wrong-client-id-in-token-endpoint-request",
    "ensure-wrong-client-id-in-backchannel-authorization-request",
    "ensure-without-client-assertion-in-token-endpoint-request",
    "ensure-without-client-assertion-in-backchannel-authorization-request",
    "ensure-client-assertion-signature-algorithm-in-backchannel-authorization-request-is-RS256-fails",
    "ensure-client-assertion-signature-algorithm-in-token-endpoint-request-is-RS256-fails",
    "ensure-client-assertion-with-iss-aud-to-token-endpoint-succeeds",
    "ensure-invalid-client-assertions-in-backchannel-authorization-request-fail",
    "ping-backchannel-notification-endpoint-response-has-body",
    "ping-backchannel-notification-endpoint-response-401",
    "ping-backchannel-notification-endpoint-response-403",
    "ping-with-mtls-ciba-notification-endpoint-response-401-and-require-server-does-not-retry",
    "ping-backchannel-notification-endpoint-return-redirect-request",
    "refresh-token",
    "ensure-mtls-holder-of-key-required",
    "ensure-unsigned-backchannel-authorization-request-fails",
]

OPTIONAL = {
    "ensure-unsigned-backchannel-authorization-request-fails": (
        "only FAPI demands that requests are signed",
        "ensure_parameters_beside_a_request_object_fail",
    )
}
"""What FAPI demands and CIBA Core does not: the reason, and the test of what is refused."""


def code_of_tests():
    folder = Path(__file__).parent
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("test_fapi_ciba*.py"))
        if path.name != Path(__file__).name
    )


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test(module):
    _, name = OPTIONAL.get(module, ("", module.lower().replace("-", "_")))

    assert re.search(rf"\b(?:test_)?{name}\b", code_of_tests())
