"""
Refusals: one class for each check that a provider's response or token can fail.

Each has its own code, for the log.
The client is sent the same code for all of them, so that it does not learn which check failed.
"""

from __future__ import annotations

from counterseal.errors import IdentityWithdrawn


class Unproven(IdentityWithdrawn, code="idp_unproven", public_code="denied"):
    """What the Identity Provider sent does not prove who the user is."""

    def __init_subclass__(cls, *, code: str = "") -> None:
        """Give every subclass the same public code."""
        super().__init_subclass__(code=code, public_code="denied")


class CodeRefused(Unproven, code="idp_code_refused"):
    """The provider refuses the code: used, expired, another client's, or of another verifier."""


class ResponseIssuer(Unproven, code="idp_response_issuer"):
    """The response names another issuer, or none although this provider sends it (RFC 9207)."""


class TokenMissing(Unproven, code="idp_token_missing"):
    """The provider's response has no ID token."""


class TokenMalformed(Unproven, code="idp_token_malformed"):
    """It is not a JWS in its canonical encoding."""


class TokenType(Unproven, code="idp_token_type"):
    """It is a token of another kind (RFC 8725, 3.11)."""


class TokenAlgorithm(Unproven, code="idp_token_algorithm"):
    """Its algorithm is not one that the App Space's settings name."""


class TokenKeyUnknown(Unproven, code="idp_token_key"):
    """The provider does not have a key of this name for this algorithm."""


class TokenSignature(Unproven, code="idp_token_signature"):
    """Its signature does not verify."""


class TokenIssuer(Unproven, code="idp_token_issuer"):
    """It names another issuer."""


class TokenAudience(Unproven, code="idp_token_audience"):
    """It is for another client."""


class TokenExpired(Unproven, code="idp_token_expired"):
    """It has expired."""


class TokenTimes(Unproven, code="idp_token_times"):
    """Its times are in the future, too old or missing."""


class TokenNonce(Unproven, code="idp_token_nonce"):
    """It has the nonce of another log-in; a logout token must not have one."""


class TokenHash(Unproven, code="idp_token_hash"):
    """Its `at_hash` is not that of the access token."""


class TokenSubject(Unproven, code="idp_token_subject"):
    """It names no subject, or another one."""


class UserInfoRefused(Unproven, code="idp_user_info_refused"):
    """UserInfo refuses the access token that the provider has just issued."""


class UserInfoSubject(Unproven, code="idp_user_info_subject"):
    """UserInfo names another subject than the ID token (OpenID Connect Core, 5.3.2)."""


class ClaimMissing(Unproven, code="idp_claim_missing"):
    """The claim for the account id is missing, or not a text."""


class ClaimUnverified(Unproven, code="idp_claim_unverified"):
    """The claim for the account id is an address that the provider has not verified."""


class LogoutTokenInvalid(Unproven, code="idp_no_logout"):
    """It is not a logout token: it lacks the logout event, its id, or both subject and session."""
