"""
Refusals: one for each way in which what came back proves nothing.

Each has a code for the log.
Whoever is refused is told one word for all of them, which says nothing of the check that failed.
"""

from __future__ import annotations

from counterseal.errors import IdentityWithdrawn


class Unproven(IdentityWithdrawn, code="idp_unproven", public_code="denied"):
    """What came back from the Identity Provider does not prove who the user is."""

    def __init_subclass__(cls, *, code: str = "") -> None:
        """Give every kind the same public code."""
        super().__init_subclass__(code=code, public_code="denied")


class CodeRefused(Unproven, code="idp_code_refused"):
    """The provider refuses the code: used, late, another client's, or of another verifier."""


class MixedUp(Unproven, code="idp_response_issuer"):
    """The response names another issuer, or none where the provider always does (RFC 9207)."""


class TokenMissing(Unproven, code="idp_token_missing"):
    """There is no ID token in the provider's answer."""


class TokenMalformed(Unproven, code="idp_token_malformed"):
    """It is no JWS in its one canonical spelling."""


class TokenType(Unproven, code="idp_token_type"):
    """It is a token of another kind (RFC 8725, 3.11)."""


class TokenAlgorithm(Unproven, code="idp_token_algorithm"):
    """It is signed by another algorithm than the App Space's settings name."""


class TokenKeyUnknown(Unproven, code="idp_token_key"):
    """The provider has no key of this name for this algorithm."""


class TokenSignature(Unproven, code="idp_token_signature"):
    """Its signature does not hold."""


class TokenIssuer(Unproven, code="idp_token_issuer"):
    """It is another issuer's."""


class TokenAudience(Unproven, code="idp_token_audience"):
    """It is for another client."""


class TokenExpired(Unproven, code="idp_token_expired"):
    """Its time is over."""


class TokenTimes(Unproven, code="idp_token_times"):
    """It is from the future, too old, or does not say."""


class TokenNonce(Unproven, code="idp_token_nonce"):
    """It answers another log-in, or, of a logout token, any at all."""


class TokenHash(Unproven, code="idp_token_hash"):
    """It came with another access token."""


class TokenSubject(Unproven, code="idp_token_subject"):
    """It names no subject, or another one."""


class UserInfoRefused(Unproven, code="idp_user_info_refused"):
    """UserInfo does not take the access token that has just been given."""


class UserInfoSubject(Unproven, code="idp_user_info_subject"):
    """UserInfo tells of another subject than the ID token (OpenID Connect Core, 5.3.2)."""


class ClaimMissing(Unproven, code="idp_claim_missing"):
    """The claim that becomes the account id is not there, or no text."""


class ClaimUnverified(Unproven, code="idp_claim_unverified"):
    """The claim that becomes the account id is an address that the provider has not verified."""


class NoLogout(Unproven, code="idp_no_logout"):
    """It is no logout token: no such event, no id, or nobody whom it concerns."""
